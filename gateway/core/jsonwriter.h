// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/money.h"

#include <QtCore/QByteArray>
#include <QtCore/QString>

namespace assistiv {

/// Writes JSON text from left to right into one buffer. It keeps the order of calls, writes money exactly and never in
/// scientific notation; commas are its own business. Not checked: that calls are balanced.
class JsonWriter
{
public:
    JsonWriter &beginObject() { return open('{'); }
    JsonWriter &endObject() { return close('}'); }
    JsonWriter &beginArray() { return open('['); }
    JsonWriter &endArray() { return close(']'); }
    /// Name of the next value; names are ours and need no escaping.
    JsonWriter &key(QByteArrayView name);

    JsonWriter &value(QStringView text);
    JsonWriter &value(const QString &text) { return value(QStringView(text)); }
    /// UTF-8 text.
    JsonWriter &utf8(QByteArrayView text);
    JsonWriter &value(bool flag) { return raw(flag ? "true" : "false"); }
    JsonWriter &value(qint64 number) { return raw(QByteArray::number(number)); }
    JsonWriter &value(int number) { return value(qint64(number)); }
    JsonWriter &value(Money money) { return raw(money.toDecimal()); }
    JsonWriter &value(Timestamp moment);
    JsonWriter &null() { return raw("null"); }
    template<typename Tag>
    JsonWriter &value(const Id<Tag> &id)
    {
        return id.isNull() ? null() : utf8(id.toLatin1());
    }
    /// Text that is JSON already.
    JsonWriter &raw(QByteArrayView json);

    /// key and value in one call; an empty optional writes null.
    template<typename T>
    JsonWriter &member(QByteArrayView name, const T &v)
    {
        return key(name).value(v);
    }
    template<typename T>
    JsonWriter &member(QByteArrayView name, const std::optional<T> &v)
    {
        return v ? key(name).value(*v) : key(name).null();
    }
    /// A string that is null when it is empty.
    JsonWriter &textOrNull(QByteArrayView name, const QString &text)
    {
        return text.isEmpty() ? key(name).null() : key(name).value(text);
    }

    const QByteArray &json() const { return m_out; }
    /// Hands the text over; the writer can be used again.
    QByteArray take()
    {
        m_needsComma = false;
        return std::exchange(m_out, {});
    }

private:
    JsonWriter &open(char c);
    JsonWriter &close(char c);
    void separate();

    QByteArray m_out;
    bool m_needsComma = false;
};

/// Appends text to out as a JSON string with its quotes; text must be UTF-8.
void appendJsonString(QByteArray &out, QByteArrayView text);

} // namespace assistiv
