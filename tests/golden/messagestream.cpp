// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "golden/messagestream.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

namespace assistiv::golden {

using namespace Qt::StringLiterals;

namespace {

/// One message as its events tell it: blocks one after the other, numbered without gaps, and one end.
class MessageReader
{
public:
    QString take(const QString &type, const QJsonObject &event)
    {
        if (m_isOver)
            return u"an event behind the end"_s;
        if (type == "error"_L1) {
            m_isOver = true;
            return event.value("error"_L1).toObject().value("type"_L1).isString() ? QString()
                                                                                  : u"an error without a type"_s;
        }
        if (type == "message_start"_L1)
            return std::exchange(m_hasStarted, true) ? u"a second start"_s : QString();
        if (!m_hasStarted)
            return u"an event before the start"_s;
        if (type == "message_delta"_L1) {
            m_hasReason = event.value("delta"_L1).toObject().value("stop_reason"_L1).isString();
            return m_isOpen ? u"a reason while a block is open"_s : QString();
        }
        if (type == "message_stop"_L1) {
            m_isOver = true;
            return m_hasReason && !m_isOpen ? QString() : u"an end without a reason"_s;
        }
        return block(type, event);
    }

    bool isOver() const { return m_isOver; }

private:
    QString block(const QString &type, const QJsonObject &event)
    {
        const bool isStart = type == "content_block_start"_L1;
        if (!isStart && type != "content_block_delta"_L1 && type != "content_block_stop"_L1)
            return u"an unknown event: "_s + type;
        if (event.value("index"_L1).toInt(-1) != m_index || m_isOpen == isStart)
            return u"a block in the wrong place"_s;
        m_isOpen = type != "content_block_stop"_L1;
        m_index += m_isOpen ? 0 : 1;
        return {};
    }

    int m_index = 0;
    bool m_hasStarted = false;
    bool m_isOpen = false;
    bool m_hasReason = false;
    bool m_isOver = false;
};

} // namespace

QString problemOfMessageStream(const QByteArray &stream, bool isOurs)
{
    MessageReader reader;
    qsizetype at = 0;
    while (at < stream.size()) {
        const qsizetype end = stream.indexOf("\n\n", at);
        if (end < 0)
            return u"the client's stream ends inside a frame"_s;
        const QByteArray frame = stream.sliced(at, end - at);
        const qsizetype data = frame.indexOf("\ndata: ");
        if (!frame.startsWith("event: ") || data < 0 || frame.count('\n') != 1 || frame.contains('\r'))
            return u"a frame that is not a name and a line of data"_s;
        const QJsonDocument json = QJsonDocument::fromJson(frame.sliced(data + 7));
        if (isOurs && !json.isObject())
            return u"a frame that is no JSON"_s;
        const QString type = json.object().value("type"_L1).toString();
        if (isOurs && type != QString::fromUtf8(frame.sliced(7, data - 7)))
            return u"a frame with two names"_s;
        const QString wrong = isOurs ? reader.take(type, json.object()) : QString();
        if (!wrong.isEmpty())
            return wrong;
        at = end + 2;
    }
    return reader.isOver() || !isOurs ? QString() : u"a stream without an end"_s;
}

} // namespace assistiv::golden
