// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QList>

#include <optional>

namespace assistiv {

/// One member of a JSON object as a stretch of the original bytes, so that bodies can be changed by splicing instead of
/// being taken apart and rebuilt.
struct JsonMember
{
    /// Raw text between the quotes of the name; escapes are not resolved.
    QByteArrayView name;
    /// The value's text without surrounding blanks.
    QByteArrayView value;
    /// Where the member begins (its opening quote) and ends (behind its value) in the scanned text.
    qsizetype begin = 0;
    qsizetype end = 0;
};

/// The members of the object that text holds, in order. The text must be valid JSON whose outermost value is an object;
/// anything else gives an empty list or a shortened one, never a read outside text.
QList<JsonMember> scanObject(QByteArrayView text);

/// The member of that name; of repeated names the last one, as parsers agree. Null when there is none.
const JsonMember *findMember(const QList<JsonMember> &members, QByteArrayView name);

/// A change of a text: the stretch [begin, end) becomes replacement. Changes must be in order and must not overlap.
struct Splice
{
    qsizetype begin = 0;
    qsizetype end = 0;
    QByteArray replacement;
};
QByteArray spliced(QByteArrayView text, const QList<Splice> &changes);

} // namespace assistiv
