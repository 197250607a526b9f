// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/bodymembers.h"

#include "core/jsonscan.h"

namespace assistiv {

using namespace Qt::StringLiterals;

// Both walk the same members in the same order; the parser knows the decoded names, the scanner the places.
Result<QList<BodyMember>> bodyMembers(const QByteArray &body, json::dom::object object)
{
    QList<BodyMember> members;
    const QList<JsonMember> places = scanObject(body);
    members.reserve(places.size());
    auto place = places.cbegin();
    for (const auto field : object) {
        if (place == places.cend())
            return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
        members.append({ json::view(field.key).toByteArray(), place->begin, place->end,
                         place->value.data() - body.constData() });
        ++place;
    }
    return members;
}

const BodyMember *findBodyMember(const QList<BodyMember> &members, QByteArrayView name)
{
    for (auto member = members.crbegin(); member != members.crend(); ++member) {
        if (member->name == name)
            return &*member;
    }
    return nullptr;
}

} // namespace assistiv
