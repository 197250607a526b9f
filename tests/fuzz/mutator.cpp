// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fuzz/mutator.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QList>

namespace assistiv::fuzz {

using namespace Qt::StringLiterals;

namespace {

// What parsers and writers stumble over.
const QByteArrayList &tokens()
{
    static const QByteArrayList all = {
        "null", "true", "{}", "[]", "\"\"", "-1", "0", "1e999", "-1e-999", "18446744073709551616", "9223372036854775807",
        "1000000001", "\"", "\\", "\\u0000", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "\xff", "\xc3", "\xf0\x9f\x98",
        "\xed\xa0\xbd", "\xef\xbb\xbf", "\n", "\r", "\r\n", "\n\n", "data: ", "event: ", "event: error\n", "id: 1\n", ":", ",",
        "{", "}", "[", "]", "[DONE]", QByteArray("\0", 1), "data: [DONE]\n\n", "\"index\":-1,", "\"index\":4294967296,",
        "\"type\":\"message_stop\"", "\"type\":\"error\"", "/*", "NaN",
    };
    return all;
}

} // namespace

qsizetype Mutator::below(qsizetype end)
{
    return end > 0 ? qsizetype(m_random() % quint64(end)) : 0;
}

QByteArray Mutator::anyToken()
{
    if (oneIn(60))
        return QByteArray(below(200'000), "[{\"a0 "[below(6)]);
    return tokens()[below(tokens().size())];
}

QByteArray Mutator::bytes(QByteArray text)
{
    for (qsizetype rounds = 1 + below(4); rounds > 0; --rounds) {
        const qsizetype at = below(text.size() + 1);
        const qsizetype size = below(qMin(text.size() - at, qsizetype(64)) + 1);
        switch (below(6)) {
        case 0: text.remove(at, size); break;
        case 1: text.insert(at, text.mid(below(text.size() + 1), 64)); break;
        case 2: text.insert(at, anyToken()); break;
        case 3: text.replace(at, size, anyToken()); break;
        case 4: text.truncate(at); break;
        default:
            if (at < text.size())
                text[at] = char(below(256));
        }
    }
    return text;
}

QByteArray Mutator::json(const QByteArray &text)
{
    const QJsonDocument document = QJsonDocument::fromJson(text);
    if (document.isNull() || oneIn(4))
        return bytes(text);
    QJsonValue value = document.isArray() ? QJsonValue(document.array()) : QJsonValue(document.object());
    for (qsizetype rounds = 1 + below(3); rounds > 0; --rounds)
        value = changed(value, 0);
    QByteArray out = value.isArray() ? QJsonDocument(value.toArray()).toJson(QJsonDocument::Compact)
                                     : QJsonDocument(value.toObject()).toJson(QJsonDocument::Compact);
    return oneIn(8) ? bytes(out) : out;
}

// Walks down at random and changes what it ends at.
QJsonValue Mutator::changed(const QJsonValue &value, int depth)
{
    if (value.isObject() && !value.toObject().isEmpty() && !(depth > 0 && oneIn(6))) {
        QJsonObject object = value.toObject();
        const QString name = object.keys().at(below(object.size()));
        switch (below(8)) {
        case 0: object.remove(name); break;
        case 1: object.insert(object.keys().at(below(object.size())), object.value(name)); break;
        default: object.insert(name, changed(object.value(name), depth + 1));
        }
        return object;
    }
    if (value.isArray() && !value.toArray().isEmpty() && !oneIn(6)) {
        QJsonArray array = value.toArray();
        const qsizetype at = below(array.size());
        switch (below(8)) {
        case 0: array.removeAt(at); break;
        case 1: array.insert(below(array.size() + 1), array.at(at)); break;
        default: array.replace(at, changed(array.at(at), depth + 1));
        }
        return array;
    }
    if (value.isString() && oneIn(2))
        return QString::fromUtf8(bytes(value.toString().toUtf8()));
    return anyValue();
}

QJsonValue Mutator::anyValue()
{
    switch (below(11)) {
    case 0: return QJsonValue::Null;
    case 1: return true;
    case 2: return -1;
    case 3: return 0.5;
    case 4: return qint64(9'007'199'254'740'992);
    case 5: return QJsonObject();
    case 6: return QJsonArray();
    case 7: return QJsonArray { QJsonObject { { u"type"_s, u"text"_s } }, 1, QJsonValue::Null };
    case 8: return QString();
    case 9: return QString::fromUtf8(anyToken());
    default: return QJsonObject { { u"type"_s, u"tool_use"_s }, { u"id"_s, 7 }, { u"name"_s, QJsonValue::Null } };
    }
}

QByteArray Mutator::stream(const QByteArray &text, const QByteArray &other)
{
    if (oneIn(4))
        return bytes(text);
    const auto eventsOf = [](QByteArray all) { return all.replace("\n\n", "\n\n\x01").split('\x01'); };
    QList<QByteArray> events = eventsOf(text);
    const QList<QByteArray> others = eventsOf(other);
    for (qsizetype rounds = 1 + below(4); rounds > 0 && !events.isEmpty(); --rounds) {
        const qsizetype at = below(events.size());
        switch (below(7)) {
        case 0: events.removeAt(at); break;
        case 1: events.insert(below(events.size() + 1), events[at]); break;
        case 2: events.swapItemsAt(at, below(events.size())); break;
        case 3: events.insert(at, others[below(others.size())]); break;
        default: {
            const qsizetype data = events[at].indexOf("data: ");
            if (data >= 0)
                events[at] = events[at].first(data + 6) + json(events[at].sliced(data + 6).trimmed()) + "\n\n";
        }
        }
    }
    return events.join();
}

QByteArrayList Mutator::pieces(const QByteArray &text)
{
    QByteArrayList all;
    const qsizetype longest = oneIn(3) ? 3 : 1 + text.size() / (1 + below(8));
    for (qsizetype at = 0; at < text.size();) {
        const qsizetype size = qMin(1 + below(longest), text.size() - at);
        all.append(text.sliced(at, size));
        at += size;
    }
    return all;
}

} // namespace assistiv::fuzz
