// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/middle/request.h"

#include <QtCore/QHash>

namespace assistiv {

/// The names of functions as Google allows them, and back: a letter or "_", then letters, digits and "_.:-".
class GoogleNames
{
public:
    explicit GoogleNames(const QList<middle::Tool> &tools);

    QByteArray sent(const QByteArray &name) const;
    QByteArray original(const QByteArray &sent) const { return m_originals.value(sent, sent); }

private:
    QHash<QByteArray, QByteArray> m_sent;
    QHash<QByteArray, QByteArray> m_originals;
};

} // namespace assistiv
