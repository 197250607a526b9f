// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/responses/responsewriter.h"

#include "core/hashing.h"
#include "providers/callsignature.h"
#include "providers/responses/opaquestate.h"

#include <algorithm>

namespace assistiv {

namespace {

constexpr qsizetype IdDigits = 32;
/// What an item costs besides its texts.
constexpr qsizetype ItemOverhead = 512;

void appendLogprobs(QByteArray &all, const QByteArray &more)
{
    // Both are arrays without blanks around them.
    if (more.size() <= 2)
        return;
    if (all.size() <= 2)
        all = more;
    else
        all = all.chopped(1) + ',' + more.sliced(1);
}

QByteArrayView arrayOrEmpty(const QByteArray &array)
{
    return array.isEmpty() ? QByteArrayView("[]") : QByteArrayView(array);
}

QByteArray usageJson(const Usage &usage)
{
    JsonWriter json;
    json.beginObject().member("input_tokens", usage.prompt()).key("input_tokens_details").beginObject();
    json.member("cached_tokens", usage.inCached).member("cache_write_tokens", usage.inWrite + usage.inWriteLong);
    json.endObject().member("output_tokens", usage.completion()).key("output_tokens_details").beginObject();
    json.member("reasoning_tokens", usage.outReasoning).endObject().member("total_tokens", usage.total()).endObject();
    return json.take();
}

} // namespace

struct ResponseWriter::Wording
{
    QByteArrayView delta;
    QByteArrayView done;
    /// The member of the second that holds the whole text.
    QByteArrayView whole;
    QByteArrayView partAdded = {};
    QByteArrayView partDone = {};
    /// The member that counts the parts; empty when there is only one.
    QByteArrayView index = {};
    /// Type of the part, and the member that holds its text.
    QByteArrayView type = {};
    QByteArrayView member = {};
    bool hasLogprobs = false;
};

const ResponseWriter::Wording ResponseWriter::Text{.delta = "response.output_text.delta",
                                                   .done = "response.output_text.done",
                                                   .whole = "text",
                                                   .partAdded = "response.content_part.added",
                                                   .partDone = "response.content_part.done",
                                                   .index = "content_index",
                                                   .type = "output_text",
                                                   .member = "text",
                                                   .hasLogprobs = true};
const ResponseWriter::Wording ResponseWriter::Refusal{.delta = "response.refusal.delta",
                                                      .done = "response.refusal.done",
                                                      .whole = "refusal",
                                                      .partAdded = "response.content_part.added",
                                                      .partDone = "response.content_part.done",
                                                      .index = "content_index",
                                                      .type = "refusal",
                                                      .member = "refusal"};
const ResponseWriter::Wording ResponseWriter::Summary{.delta = "response.reasoning_summary_text.delta",
                                                      .done = "response.reasoning_summary_text.done",
                                                      .whole = "text",
                                                      .partAdded = "response.reasoning_summary_part.added",
                                                      .partDone = "response.reasoning_summary_part.done",
                                                      .index = "summary_index",
                                                      .type = "summary_text",
                                                      .member = "text"};
const ResponseWriter::Wording ResponseWriter::RawReasoning{.delta = "response.reasoning_text.delta",
                                                           .done = "response.reasoning_text.done",
                                                           .whole = "text",
                                                           .index = "content_index",
                                                           .type = "reasoning_text",
                                                           .member = "text"};
const ResponseWriter::Wording ResponseWriter::Arguments{.delta = "response.function_call_arguments.delta",
                                                        .done = "response.function_call_arguments.done",
                                                        .whole = "arguments"};

ResponseWriter::ResponseWriter(const AnswerIdentity &identity, const middle::Request &request)
    : m_identity(identity)
    , m_streams(request.stream)
    , m_wantsSummary(!request.summary.isEmpty())
    , m_showsState(request.includeOpaque)
    , m_echo(request.echo)
{
}

bool ResponseWriter::isTooLarge() const
{
    return m_bytes + m_items.size() * ItemOverhead > middle::AnswerCollector::MaximumBytes;
}

QByteArray ResponseWriter::write(const middle::Event &event)
{
    take(event);
    tell();
    return std::exchange(m_out, {});
}

void ResponseWriter::take(const middle::Event &event)
{
    if (std::holds_alternative<middle::Start>(event)) {
        m_calls.clear(); // numbered from 0 in each upstream answer
    } else if (const auto *delta = std::get_if<middle::TextDelta>(&event)) {
        text(Kind::Message, Text, delta->text, delta->logprobs);
    } else if (const auto *refusal = std::get_if<middle::RefusalDelta>(&event)) {
        text(Kind::Message, Refusal, refusal->text);
    } else if (const auto *thought = std::get_if<middle::ReasoningDelta>(&event)) {
        reasoning(*thought);
    } else if (std::holds_alternative<middle::ItemEnd>(event)) {
        itemEnd();
    } else if (const auto *started = std::get_if<middle::CallStart>(&event)) {
        callStart(*started);
    } else if (const auto *arguments = std::get_if<middle::CallArguments>(&event)) {
        if (Item *item = calledItem(arguments->call)) {
            item->parts.first().text += arguments->piece;
            m_bytes += arguments->piece.size();
        }
    } else if (const auto *ended = std::get_if<middle::CallEnd>(&event)) {
        if (Item *item = calledItem(ended->call))
            item->hasEnded = true;
    } else if (const auto *state = std::get_if<middle::Opaque>(&event)) {
        opaque(*state);
    } else if (const auto *finish = std::get_if<middle::Finish>(&event)) {
        m_finish = finish->reason;
        // Whatever was written last is what was cut off.
        if (isCutOff() && m_live < m_items.size())
            m_items.last().hasEnded = false;
        tellRest(isCutOff() ? "incomplete" : "completed");
    }
}

void ResponseWriter::text(Kind kind, const Wording &wording, const QByteArray &piece, const QByteArray &logprobs)
{
    if (piece.isEmpty() && logprobs.size() <= 2)
        return;
    Item *item = current(kind);
    if (!item)
        item = &begin(kind);
    if (item->parts.isEmpty() || item->parts.last().hasEnded || item->parts.last().wording != &wording) {
        for (Part &part : item->parts)
            part.hasEnded = true;
        item->parts.append({.wording = &wording});
    }
    Part &part = item->parts.last();
    part.text += piece;
    appendLogprobs(part.logprobs, logprobs);
    appendLogprobs(part.freshLogprobs, logprobs);
    m_bytes += piece.size() + logprobs.size();
}

void ResponseWriter::reasoning(const middle::ReasoningDelta &delta)
{
    if (delta.isRaw || m_wantsSummary)
        text(Kind::Reasoning, delta.isRaw ? RawReasoning : Summary, delta.text);
    else if (!current(Kind::Reasoning))
        begin(Kind::Reasoning); // without its words
}

// State is the last thing of its reasoning.
void ResponseWriter::opaque(const middle::Opaque &opaque)
{
    Item *item = current(Kind::Reasoning);
    if (!item)
        item = &begin(Kind::Reasoning);
    item->state = sealedState(opaque);
    item->hasEnded = true;
    m_bytes += item->state.size();
}

void ResponseWriter::callStart(const middle::CallStart &started)
{
    Item &item = begin(Kind::FunctionCall);
    item.call = {.id = started.id, .name = started.name, .signature = started.signature, .signer = started.signer};
    item.parts = {{.wording = &Arguments}};
    m_calls.append(m_items.size() - 1);
    m_bytes += started.id.size() + started.name.size() + started.signature.size() + started.signer.size();
}

// A summary may go on with its next part; a message is complete.
void ResponseWriter::itemEnd()
{
    if (Item *message = current(Kind::Message))
        message->hasEnded = true;
    else if (Item *reasoning = current(Kind::Reasoning); reasoning && !reasoning->parts.isEmpty())
        reasoning->parts.last().hasEnded = true;
}

ResponseWriter::Item &ResponseWriter::begin(Kind kind)
{
    // Only calls are written at the same time as others.
    if (!m_items.isEmpty() && m_items.last().kind != Kind::FunctionCall)
        m_items.last().hasEnded = true;
    const QByteArrayView prefix = kind == Kind::Message ? "msg_" : kind == Kind::Reasoning ? "rs_" : "fc_";
    // As hard to guess as the response's own id, and nothing that would have to be drawn by lot here.
    const QByteArray digits = sha256(m_identity.id + ':' + QByteArray::number(m_items.size())).toHex().first(IdDigits);
    m_items.append({.kind = kind, .id = prefix.toByteArray() + digits});
    return m_items.last();
}

ResponseWriter::Item *ResponseWriter::current(Kind kind)
{
    const bool isCurrent = !m_items.isEmpty() && m_items.last().kind == kind && !m_items.last().hasEnded;
    return isCurrent ? &m_items.last() : nullptr;
}

ResponseWriter::Item *ResponseWriter::calledItem(int call)
{
    Item *item = call >= 0 && call < m_calls.size() ? &m_items[m_calls[call]] : nullptr;
    return item && !item->hasEnded ? item : nullptr;
}

// An item that has ended stays open as long as it is the last: only what follows tells whether it was cut off.
void ResponseWriter::tell()
{
    for (; m_live < m_items.size(); ++m_live) {
        Item &item = m_items[m_live];
        open(item);
        for (Part &part : item.parts)
            tellPart(item, part, part.hasEnded);
        if (!item.hasEnded || m_live + 1 == m_items.size())
            return;
        close(item, "completed");
    }
}

void ResponseWriter::tellRest(QByteArrayView unendedStatus)
{
    for (; m_live < m_items.size(); ++m_live) {
        Item &item = m_items[m_live];
        open(item);
        close(item, item.hasEnded ? "completed" : unendedStatus);
    }
}

void ResponseWriter::open(Item &item)
{
    if (std::exchange(item.isOpen, true) || !m_streams)
        return;
    tellBegin();
    event("response.output_item.added", [&](JsonWriter &json) {
        Item empty{.kind = item.kind, .id = item.id, .call = item.call};
        json.member("output_index", m_live).key("item").raw(itemJson(empty, "in_progress", false));
    });
}

int ResponseWriter::indexOf(const Part &part, const QList<Part> &parts)
{
    int index = 0;
    for (const Part *each = parts.constData(); each != &part; ++each)
        index += each->wording->index == part.wording->index ? 1 : 0;
    return index;
}

void ResponseWriter::tellPart(Item &item, Part &part, bool isOver)
{
    if (part.isClosed || !m_streams)
        return;
    const Wording &wording = *part.wording;
    const auto partEvent = [&](QByteArrayView type, auto write) {
        event(type, [&](JsonWriter &json) {
            json.key("item_id").utf8(item.id).member("output_index", m_live);
            if (!wording.index.isEmpty())
                json.member(wording.index, indexOf(part, item.parts));
            write(json);
        });
    };
    if (!std::exchange(part.isOpen, true) && !wording.partAdded.isEmpty())
        partEvent(wording.partAdded, [&](JsonWriter &json) { writePart(json.key("part"), {.wording = &wording}); });
    if (part.told < part.text.size() || !part.freshLogprobs.isEmpty()) {
        partEvent(wording.delta, [&](JsonWriter &json) {
            json.key("delta").utf8(QByteArrayView(part.text).sliced(part.told));
            if (wording.hasLogprobs)
                json.key("logprobs").raw(arrayOrEmpty(part.freshLogprobs));
        });
        part.told = part.text.size();
        part.freshLogprobs.clear();
    }
    if (!isOver)
        return;
    part.isClosed = true;
    partEvent(wording.done, [&](JsonWriter &json) {
        if (item.kind == Kind::FunctionCall)
            json.key("name").utf8(item.call.name);
        json.key(wording.whole).utf8(part.text);
        if (wording.hasLogprobs)
            json.key("logprobs").raw(arrayOrEmpty(part.logprobs));
    });
    if (!wording.partDone.isEmpty())
        partEvent(wording.partDone, [&](JsonWriter &json) { writePart(json.key("part"), part); });
}

void ResponseWriter::close(Item &item, QByteArrayView status)
{
    for (Part &part : item.parts)
        tellPart(item, part, true);
    item.hasEnded = true;
    item.shown = itemJson(item, status, m_showsState);
    item.stored = m_showsState || item.state.isEmpty() ? item.shown : itemJson(item, status, true);
    if (m_streams) {
        event("response.output_item.done",
              [&](JsonWriter &json) { json.member("output_index", m_live).key("item").raw(item.shown); });
    }
    item.parts.clear(); // all of it is in the JSON now
}

void ResponseWriter::tellBegin()
{
    if (std::exchange(m_hasBegun, true))
        return;
    for (const char *type : {"response.created", "response.in_progress"})
        event(type, [&](JsonWriter &json) { json.key("response").raw(object("in_progress", nullptr, nullptr)); });
}

template <typename Write> void ResponseWriter::event(QByteArrayView type, Write write)
{
    JsonWriter json;
    json.beginObject().key("type").utf8(type).member("sequence_number", m_sequence++);
    write(json);
    json.endObject();
    m_out += "event: ";
    m_out.append(type);
    m_out += "\ndata: ";
    m_out += json.json();
    m_out += "\n\n";
}

void ResponseWriter::writePart(JsonWriter &json, const Part &part)
{
    json.beginObject().key("type").utf8(part.wording->type).key(part.wording->member).utf8(part.text);
    if (part.wording->hasLogprobs)
        json.key("annotations").beginArray().endArray().key("logprobs").raw(arrayOrEmpty(part.logprobs));
    json.endObject();
}

QByteArray ResponseWriter::itemJson(const Item &item, QByteArrayView status, bool withState) const
{
    JsonWriter json;
    json.beginObject().key("id").utf8(item.id);
    const auto writeParts = [&](QByteArrayView name, auto isMeant) {
        json.key(name).beginArray();
        for (const Part &part : item.parts) {
            if (isMeant(part))
                writePart(json, part);
        }
        json.endArray();
    };
    const auto isRaw = [](const Part &part) { return part.wording == &RawReasoning; };
    switch (item.kind) {
    case Kind::Message:
        json.key("type").utf8("message").key("status").utf8(status).key("role").utf8("assistant");
        writeParts("content", [](const Part &) { return true; });
        break;
    case Kind::Reasoning:
        json.key("type").utf8("reasoning").key("status").utf8(status);
        writeParts("summary", [&](const Part &part) { return !isRaw(part); });
        if (std::any_of(item.parts.begin(), item.parts.end(), isRaw))
            writeParts("content", isRaw);
        if (withState && !item.state.isEmpty())
            json.key("encrypted_content").utf8(item.state);
        break;
    case Kind::FunctionCall:
        json.key("type").utf8("function_call").key("status").utf8(status).key("call_id").utf8(item.call.id);
        json.key("name").utf8(item.call.name);
        json.key("arguments").utf8(item.parts.isEmpty() ? QByteArray() : item.parts.first().text);
        client::writeSignature(json, item.call);
        break;
    }
    json.endObject();
    return json.take();
}

QByteArray ResponseWriter::object(QByteArrayView status, const Ending *ending, const Error *error) const
{
    JsonWriter json;
    json.beginObject().key("id").utf8(m_identity.id).key("object").utf8("response");
    json.member("created_at", m_identity.created.ms() / 1000).key("status").utf8(status).key("completed_at");
    ending &&status == "completed" ? json.value(ending->at.ms() / 1000) : json.null();
    json.key("model").utf8(m_identity.model).key("output").beginArray();
    if (ending) {
        for (const Item &item : m_items)
            json.raw(item.shown);
    }
    json.endArray().key("error");
    if (error) {
        const bool isOurs = error->code == ErrorCode::Internal;
        json.beginObject().key("code");
        isOurs ? json.utf8("server_error") : json.value(QString(errorRow(error->code).word));
        json.member("message", error->message).endObject();
    } else {
        json.null();
    }
    json.key("incomplete_details");
    if (status == "incomplete") {
        const bool isFiltered = m_finish == middle::FinishReason::ContentFilter;
        json.beginObject().key("reason").utf8(isFiltered ? "content_filter" : "max_output_tokens").endObject();
    } else {
        json.null();
    }
    json.key("usage");
    ending ? json.raw(usageJson(ending->usage)) : json.null();
    if (!m_echo.isEmpty())
        json.raw(m_echo);
    json.endObject();
    return json.take();
}

bool ResponseWriter::isCutOff() const
{
    return m_finish == middle::FinishReason::Length || m_finish == middle::FinishReason::ContentFilter;
}

QByteArray ResponseWriter::end(const Ending &ending)
{
    m_status = isCutOff() ? "incomplete" : "completed";
    m_response = object(m_status, &ending, nullptr);
    return m_streams ? lastFrame(isCutOff() ? "response.incomplete" : "response.completed") : m_response;
}

QByteArray ResponseWriter::fail(const Error &error, const QByteArray &envelope, const Ending &ending)
{
    tellRest("incomplete");
    m_status = "failed";
    m_response = object(m_status, &ending, &error);
    const QByteArray closing = std::exchange(m_out, {});
    return m_streams ? closing + lastFrame("response.failed") : envelope;
}

// Counts nothing: a settlement that fails puts a failure in the place of the end.
QByteArray ResponseWriter::lastFrame(QByteArrayView type)
{
    const auto sequence = m_sequence;
    const bool hasBegun = m_hasBegun;
    tellBegin();
    event(type, [&](JsonWriter &json) { json.key("response").raw(m_response); });
    m_sequence = sequence;
    m_hasBegun = hasBegun;
    return std::exchange(m_out, {});
}

QByteArrayList ResponseWriter::storedItems() const
{
    QByteArrayList items;
    for (const Item &item : m_items) {
        if (!item.stored.isEmpty())
            items.append(item.stored);
    }
    return items;
}

} // namespace assistiv
