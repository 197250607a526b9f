// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>

namespace assistiv::console {

enum class SnippetLanguage { Curl, Python, TypeScript, Qt };

/// A first chat completion that runs as it is pasted. baseUrl ends with "/v1".
QString firstRequestSnippet(SnippetLanguage language, const QString &baseUrl, const QString &key, const QString &model);

} // namespace assistiv::console
