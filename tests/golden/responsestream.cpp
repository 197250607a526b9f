// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "golden/responsestream.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QMap>

#include <optional>

namespace assistiv::golden {

using namespace Qt::StringLiterals;

namespace {

class CarefulReader
{
public:
    QString read(const QByteArray &stream)
    {
        qsizetype at = 0;
        while (at < stream.size() && m_problem.isEmpty()) {
            const qsizetype end = stream.indexOf("\n\n", at);
            if (end < 0)
                return u"a frame that does not end"_s;
            frame(stream.sliced(at, end - at));
            at = end + 2;
        }
        if (m_problem.isEmpty() && !m_isOver)
            return u"no end"_s;
        return m_problem;
    }

private:
    void wrong(const QString &what)
    {
        if (m_problem.isEmpty())
            m_problem = u"frame %1: %2"_s.arg(m_sequence).arg(what);
    }
    void must(bool holds, const QString &what)
    {
        if (!holds)
            wrong(what);
    }

    void frame(const QByteArray &frame)
    {
        const QList<QByteArray> lines = frame.split('\n');
        if (lines.size() != 2 || !lines[0].startsWith("event: ") || !lines[1].startsWith("data: "))
            return wrong(u"not a line of event and a line of data"_s);
        const QJsonObject event = QJsonDocument::fromJson(lines[1].sliced(6)).object();
        const QString type = event.value("type"_L1).toString();
        must(type.toUtf8() == lines[0].sliced(7), u"another type in the data"_s);
        must(event.value("sequence_number"_L1).toInt(-1) == m_sequence, u"a gap in the numbers"_s);
        must(!m_isOver, u"an event behind the end"_s);
        if (m_sequence < 2)
            begin(type, event);
        else if (type == "response.output_item.added"_L1)
            itemAdded(event);
        else if (type == "response.output_item.done"_L1)
            itemDone(event);
        else if (type == "response.completed"_L1 || type == "response.incomplete"_L1 || type == "response.failed"_L1)
            end(type, event);
        else
            part(type, event);
        ++m_sequence;
    }

    void begin(const QString &type, const QJsonObject &event)
    {
        must(type == (m_sequence == 0 ? "response.created"_L1 : "response.in_progress"_L1), u"not the beginning"_s);
        const QJsonObject response = event.value("response"_L1).toObject();
        must(response.value("status"_L1) == "in_progress"_L1 && response.value("output"_L1).toArray().isEmpty()
                 && response.value("usage"_L1).isNull(),
             u"not the object of a beginning"_s);
        m_id = response.value("id"_L1).toString();
    }

    void itemAdded(const QJsonObject &event)
    {
        must(!m_item, u"an item inside an item"_s);
        must(event.value("output_index"_L1).toInt(-1) == m_output.size(), u"a wrong output_index"_s);
        m_item = event.value("item"_L1).toObject();
        must(m_item->value("status"_L1) == "in_progress"_L1, u"a new item that is not in progress"_s);
        m_texts.clear();
        m_openPart.clear();
        m_openText.clear();
    }

    void part(const QString &type, const QJsonObject &event)
    {
        if (!m_item)
            return wrong(u"a part outside of items"_s);
        must(event.value("item_id"_L1) == m_item->value("id"_L1), u"another item_id"_s);
        must(event.value("output_index"_L1).toInt(-1) == m_output.size(), u"a wrong output_index"_s);
        const QString kind = event.contains("summary_index"_L1) ? u"summary"_s : u"content"_s;
        const QString key = u"%1%2"_s.arg(kind).arg(event.value(kind + "_index"_L1).toInt(), 6, 10, QLatin1Char('0'));
        if (type.endsWith("_part.added"_L1)) {
            must(m_openPart.isEmpty(), u"a part inside a part"_s);
            must(!m_texts.contains(key), u"a part for the second time"_s);
            m_openPart = key;
        } else if (type.endsWith("_part.done"_L1)) {
            must(m_openPart == key, u"the end of another part"_s);
            must(m_texts.contains(key) && m_openText.isEmpty(), u"a part whose text is not done"_s);
            const QJsonObject whole = event.value("part"_L1).toObject();
            must(textOf(whole) == m_texts.value(key), u"a part that differs from its text"_s);
            m_openPart.clear();
        } else if (type.endsWith(".delta"_L1)) {
            must(m_openText.isEmpty() || m_openText == key, u"a text inside a text"_s);
            m_openText = key;
            m_texts[key] += event.value("delta"_L1).toString();
        } else if (type.endsWith(".done"_L1)) {
            must(textOf(event) == m_texts[key], u"a text that differs from its pieces"_s);
            m_openText.clear();
        } else {
            wrong(u"an unknown event "_s + type);
        }
    }

    static QString textOf(const QJsonObject &object)
    {
        for (const QLatin1StringView name : {"text"_L1, "refusal"_L1, "arguments"_L1}) {
            if (object.contains(name))
                return object.value(name).toString();
        }
        return {};
    }

    void itemDone(const QJsonObject &event)
    {
        if (!m_item)
            return wrong(u"the end of no item"_s);
        const QJsonObject item = event.value("item"_L1).toObject();
        must(event.value("output_index"_L1).toInt(-1) == m_output.size(), u"a wrong output_index"_s);
        must(m_openPart.isEmpty() && m_openText.isEmpty(), u"an item that ends inside a part"_s);
        for (const QLatin1StringView name : {"id"_L1, "type"_L1, "call_id"_L1, "name"_L1})
            must(item.value(name) == m_item->value(name), u"an item that has become another"_s);
        QStringList texts;
        for (const QLatin1StringView list : {"content"_L1, "summary"_L1}) {
            const QJsonArray parts = item.value(list).toArray();
            for (const QJsonValue &each : parts)
                texts.append(textOf(each.toObject()));
        }
        if (item.contains("arguments"_L1))
            texts.append(item.value("arguments"_L1).toString());
        must(texts.join(QString()) == QStringList(m_texts.values()).join(QString()),
             u"an item that differs from its texts"_s);
        m_output.append(item);
        m_item.reset();
    }

    void end(const QString &type, const QJsonObject &event)
    {
        const QJsonObject response = event.value("response"_L1).toObject();
        const QString status = response.value("status"_L1).toString();
        must(!m_item, u"an end inside an item"_s);
        must("response."_L1 + status == type, u"another status"_s);
        must(response.value("id"_L1).toString() == m_id, u"another id"_s);
        must(response.value("output"_L1).toArray() == m_output, u"another output than was told"_s);
        must(response.value("error"_L1).isNull() == (status != "failed"_L1),
             u"an error that does not fit the status"_s);
        must(response.value("incomplete_details"_L1).isNull() == (status != "incomplete"_L1),
             u"details that do not fit"_s);
        must(response.value("usage"_L1).isObject(), u"no usage"_s);
        for (const QJsonValue &item : std::as_const(m_output)) {
            const bool isComplete = item.toObject().value("status"_L1) == "completed"_L1;
            must(isComplete || status != "completed"_L1, u"a complete response with an incomplete item"_s);
        }
        m_isOver = true;
    }

    QString m_problem;
    int m_sequence = 0;
    bool m_isOver = false;
    QString m_id;
    QJsonArray m_output;
    std::optional<QJsonObject> m_item;
    /// By "content000000", "summary000001".
    QMap<QString, QString> m_texts;
    QString m_openPart;
    QString m_openText;
};

} // namespace

QString problemOfResponseStream(const QByteArray &stream)
{
    return CarefulReader().read(stream);
}

} // namespace assistiv::golden
