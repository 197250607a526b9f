// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QObject>
#include <QtQml/qqmlregistration.h>

namespace assistiv::console {

/// Copies text; what is secret leaves the clipboard again after a minute and when the program ends.
class Clipboard : public QObject
{
    Q_OBJECT
    QML_ELEMENT

public:
    using QObject::QObject;

    static constexpr int SecretLifeMs = 60'000;

    Q_INVOKABLE void copy(const QString &text);
    Q_INVOKABLE void copySecret(const QString &text);
};

} // namespace assistiv::console
