// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "providers/jsonread.h"

namespace assistiv {

/// A member of a request's outermost object as a stretch of the client's bytes, for bodies that are passed on.
struct BodyMember
{
    /// Decoded name.
    QByteArray name;
    qsizetype begin = 0;
    qsizetype end = 0;
    qsizetype valueBegin = 0;

    QByteArrayView in(const QByteArray &body) const { return QByteArrayView(body).sliced(begin, end - begin); }
    QByteArrayView valueIn(const QByteArray &body) const
    {
        return QByteArrayView(body).sliced(valueBegin, end - valueBegin);
    }
};

/// Members in order; names may repeat, then the last one counts. object is what the parser made of body.
Result<QList<BodyMember>> bodyMembers(const QByteArray &body, json::dom::object object);

/// The member of that name that counts; null when there is none.
const BodyMember *findBodyMember(const QList<BodyMember> &members, QByteArrayView name);

/// Only the member that counts may travel: servers differ in which of several they read.
inline bool counts(const QList<BodyMember> &members, const BodyMember &member)
{
    return findBodyMember(members, member.name) == &member;
}

} // namespace assistiv
