// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/sandbox/sandboxreply.h"

#include "core/clock.h"
#include "core/jsonwriter.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QRegularExpression>
#include <QtCore/QTimer>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr auto Preamble = "The sandbox heard:"_L1;
constexpr QByteArrayView EchoModel = "sandbox-echo";

QString textOf(const QJsonValue &content)
{
    if (content.isString())
        return content.toString();
    QString text;
    const QJsonArray parts = content.toArray();
    for (const QJsonValue &part : parts)
        text += part.toObject().value("text"_L1).toString();
    return text;
}

QStringList wordsOf(const QString &text)
{
    static const QRegularExpression blanks(u"\\s+"_s);
    return text.split(blanks, Qt::SkipEmptyParts);
}

struct Plan
{
    QString tool;
    QString arguments;
    QStringList words;
    bool isCut = false;
    qint64 promptTokens = 0;
    qint64 completionTokens = 0;

    QLatin1StringView finishReason() const { return !tool.isEmpty() ? "tool_calls"_L1 : isCut ? "length"_L1 : "stop"_L1; }
};

Plan planFor(const QJsonObject &request)
{
    Plan plan;
    QString lastUserText;
    const QJsonArray messages = request.value("messages"_L1).toArray();
    for (const QJsonValue &message : messages) {
        const QString text = textOf(message.toObject().value("content"_L1));
        plan.promptTokens += wordsOf(text).size();
        if (message.toObject().value("role"_L1).toString() == "user"_L1)
            lastUserText = text;
    }
    plan.promptTokens = qMax<qint64>(1, plan.promptTokens);

    static const QRegularExpression order(u"call:([A-Za-z0-9_-]+)\\s*(\\{.*\\})?"_s, QRegularExpression::DotMatchesEverythingOption);
    const QRegularExpressionMatch asked = order.match(lastUserText);
    const QJsonArray tools = request.value("tools"_L1).toArray();
    for (const QJsonValue &tool : tools) {
        const QString name = tool.toObject().value("function"_L1).toObject().value("name"_L1).toString();
        if (asked.hasMatch() && name == asked.captured(1)
            && messages.last().toObject().value("role"_L1).toString() == "user"_L1) {
            plan.tool = name;
            plan.arguments = asked.captured(2).isEmpty() ? u"{}"_s : asked.captured(2);
            plan.completionTokens = 1 + wordsOf(plan.arguments).size();
            return plan;
        }
    }
    plan.words = wordsOf(QString(Preamble)) + wordsOf(lastUserText);
    const qint64 limit = request.value("max_completion_tokens"_L1).toInteger(request.value("max_tokens"_L1).toInteger());
    if (limit > 0 && plan.words.size() > limit) {
        plan.words = plan.words.first(limit);
        plan.isCut = true;
    }
    plan.completionTokens = plan.words.size();
    return plan;
}

void writeUsage(JsonWriter &json, const Plan &plan)
{
    json.key("usage").beginObject().member("prompt_tokens", plan.promptTokens);
    json.member("completion_tokens", plan.completionTokens);
    json.member("total_tokens", plan.promptTokens + plan.completionTokens);
    json.key("prompt_tokens_details").beginObject().member("cached_tokens", 0).endObject();
    json.key("completion_tokens_details").beginObject().member("reasoning_tokens", 0).endObject().endObject();
}

void writeToolCall(JsonWriter &json, const Plan &plan, bool isDelta)
{
    json.key("tool_calls").beginArray().beginObject();
    if (isDelta)
        json.member("index", 0);
    json.key("id").utf8("call_sandbox_1").key("type").utf8("function").key("function").beginObject();
    json.member("name", plan.tool).member("arguments", plan.arguments).endObject().endObject().endArray();
}

QByteArray wholeAnswer(const Plan &plan, qint64 created)
{
    JsonWriter json;
    json.beginObject().key("id").utf8("chatcmpl-sandbox").key("object").utf8("chat.completion").member("created", created);
    json.key("model").utf8(EchoModel).key("choices").beginArray().beginObject().member("index", 0);
    json.key("message").beginObject().key("role").utf8("assistant");
    if (plan.tool.isEmpty())
        json.member("content", plan.words.join(u' '));
    else
        json.key("content").null();
    json.key("refusal").null();
    if (!plan.tool.isEmpty())
        writeToolCall(json, plan, false);
    json.endObject().key("logprobs").null().member("finish_reason", QString(plan.finishReason())).endObject().endArray();
    writeUsage(json, plan);
    json.endObject();
    return json.take();
}

// One chunk; write fills the delta.
template<typename WriteDelta>
QByteArray chunk(qint64 created, WriteDelta write, QLatin1StringView finishReason = {})
{
    JsonWriter json;
    json.beginObject().key("id").utf8("chatcmpl-sandbox").key("object").utf8("chat.completion.chunk");
    json.member("created", created).key("model").utf8(EchoModel).key("choices").beginArray().beginObject();
    json.member("index", 0).key("delta").beginObject();
    write(json);
    json.endObject().textOrNull("finish_reason", QString(finishReason)).endObject().endArray().key("usage").null().endObject();
    return "data: " + json.take() + "\n\n";
}

QByteArrayList streamedAnswer(const Plan &plan, qint64 created)
{
    QByteArrayList pieces;
    pieces << chunk(created, [](JsonWriter &json) { json.key("role").utf8("assistant").key("content").utf8(""); });
    if (!plan.tool.isEmpty())
        pieces << chunk(created, [&](JsonWriter &json) { writeToolCall(json, plan, true); });
    for (qsizetype i = 0; i < plan.words.size(); ++i)
        pieces << chunk(created, [&](JsonWriter &json) { json.member("content", i == 0 ? plan.words[i] : u' ' + plan.words[i]); });
    pieces << chunk(created, [](JsonWriter &) {}, plan.finishReason());
    JsonWriter json;
    json.beginObject().key("id").utf8("chatcmpl-sandbox").key("object").utf8("chat.completion.chunk");
    json.member("created", created).key("model").utf8(EchoModel).key("choices").beginArray().endArray();
    writeUsage(json, plan);
    json.endObject();
    pieces << "data: " + json.take() + "\n\n" << "data: [DONE]\n\n"_ba;
    return pieces;
}

} // namespace

SandboxReply::SandboxReply(const QByteArray &request, Timestamp now, QObject *parent)
    : HttpReply(parent), m_timer(new QTimer(this))
{
    const QJsonObject body = QJsonDocument::fromJson(request).object();
    const Plan plan = planFor(body);
    const qint64 created = now.ms() / 1000;
    m_streams = body.value("stream"_L1).toBool();
    m_pieces = m_streams ? streamedAnswer(plan, created) : QByteArrayList { wholeAnswer(plan, created) };
    connect(m_timer, &QTimer::timeout, this, &SandboxReply::sendNext);
    m_timer->start(0);
}

QStringList SandboxReply::models()
{
    return { QString::fromLatin1(EchoModel) };
}

HttpHeaders SandboxReply::headers() const
{
    return { { "content-type", m_streams ? "text/event-stream" : "application/json" } };
}

void SandboxReply::pause()
{
    m_timer->stop();
}

void SandboxReply::resume()
{
    if (!m_finished)
        m_timer->start(0);
}

void SandboxReply::sendNext()
{
    if (m_status == 0) {
        m_status = 200;
        Q_EMIT headArrived();
        return;
    }
    if (!m_pieces.isEmpty()) {
        m_arrived += m_pieces.takeFirst();
        Q_EMIT bytesArrived();
        return;
    }
    m_timer->stop();
    m_finished = true;
    Q_EMIT finished();
}

} // namespace assistiv
