// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fuzz/checks.h"

#include "golden/messagestream.h"
#include "golden/responsestream.h"
#include "net/ssereader.h"
#include "providers/embeddings/embeddings.h"
#include "providers/jsonread.h"
#include "providers/modellist.h"
#include "providers/upstreamstream.h"

#include <algorithm>
#include <array>

namespace assistiv::fuzz {

using namespace Qt::StringLiterals;
using golden::Case;
using golden::Outcome;

namespace {

const QByteArray OwnKey = "sk-ant-golden-0123456789";
const FailedReply StateRefused { .status = 400, .body = R"({"error":{"message":"Invalid signature"}})" };

bool isJsonObject(QByteArrayView text)
{
    const auto value = json::parse(text);
    return value && value->is_object();
}

// What is written may be longer than what was read by escapes and by what is ours, but not by much.
bool isBounded(qsizetype written, qsizetype read)
{
    return written <= 64 * 1024 + 16 * read;
}

bool fitsHeader(const QByteArray &value)
{
    return std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Every chunk repeats what is the same in all of them.
bool isBoundedStream(qsizetype written, qsizetype read)
{
    return written <= 64 * 1024 + 256 * read;
}

QString framesAreBroken(const QByteArray &stream)
{
    qsizetype at = 0;
    while (at < stream.size()) {
        const qsizetype end = stream.indexOf("\n\n", at);
        if (end < 0)
            return u"the client's stream ends inside a frame"_s;
        const QByteArrayView frame = QByteArrayView(stream).sliced(at, end - at);
        if (!frame.startsWith("data: ") || frame.contains('\n') || frame.contains('\r'))
            return u"a frame that is no line of data"_s;
        if (frame != "data: [DONE]" && !isJsonObject(frame.sliced(6)))
            return u"a frame that is no JSON"_s;
        at = end + 2;
    }
    return {};
}

QString callIsBroken(const Result<UpstreamCall> &call)
{
    if (!call)
        return call.error().message.isEmpty() ? u"a refusal without words"_s : QString();
    if (!isJsonObject(call->body))
        return u"the provider gets what is no JSON: "_s + QString::fromUtf8(call->body.left(2000));
    const bool fits = fitsHeader(call->path) && std::all_of(call->dropped.begin(), call->dropped.end(), fitsHeader)
        && call->dropped.size() <= 100;
    return fits ? QString() : u"a path or a header that is none"_s;
}

QByteArrayList eventsIn(const QByteArrayList &pieces)
{
    SseReader reader;
    QByteArrayList found;
    for (const QByteArray &piece : pieces) {
        reader.feed(piece);
        while (const auto event = reader.next())
            found.append(event->name.toByteArray() + '\n' + event->data.toByteArray());
    }
    found.append(reader.hasFailed() ? "failed" : "rest " + QByteArray::number(reader.rest().size()));
    return found;
}

} // namespace

Checks::Checks(QList<Case> cases) : m_cases(std::move(cases)) {}

QString Checks::run(Mutator &mutator)
{
    static constexpr std::array All = { &Checks::clientRequest, &Checks::streamedAnswer, &Checks::streamedAnswer,
                                        &Checks::cutStream,     &Checks::wholeAnswer,    &Checks::failedAnswer,
                                        &Checks::eventStream,   &Checks::furtherRound,   &Checks::embeddings,
                                        &Checks::modelList };
    m_input.clear();
    return (this->*All[size_t(mutator.below(qsizetype(All.size())))])(mutator);
}

const Case &Checks::anyCase(Mutator &mutator, QByteArray Case::*mustHave) const
{
    for (;;) {
        const Case &golden = m_cases[mutator.below(m_cases.size())];
        if (!(golden.*mustHave).isEmpty())
            return golden;
    }
}

// Any request is refused or becomes JSON for every provider.
QString Checks::clientRequest(Mutator &mutator)
{
    m_input = mutator.json(anyCase(mutator, &Case::clientJson).clientJson);
    // The same request for a provider and a model of another case.
    const auto dialogue = golden::dialogueFor(anyCase(mutator, &Case::clientJson), m_input, {});
    if (!dialogue)
        return dialogue.error().message.isEmpty() ? u"a refusal without words"_s : QString();
    const auto call = (*dialogue)->call();
    if (const QString wrong = callIsBroken(call); !wrong.isEmpty())
        return wrong;
    if (call && !isBounded(call->body.size(), m_input.size()))
        return u"the provider gets %1 bytes"_s.arg(call->body.size());
    const auto instead = call ? (*dialogue)->callWithoutState(StateRefused) : std::nullopt;
    if (instead && (*dialogue)->callWithoutState(StateRefused))
        return u"it is asked without state more than once"_s;
    return instead ? callIsBroken(*instead) : QString();
}

QString Checks::verify(const Outcome &outcome, const Case &golden, bool isStream) const
{
    if (outcome.isComplete == outcome.failure.has_value())
        return u"an answer must be complete or have failed"_s;
    const Usage &usage = outcome.consumption.usage;
    if (qMin(qMin(usage.inFresh, usage.inCached), qMin(usage.inWrite, usage.inWriteLong)) < 0 || usage.outText < 0
        || usage.outReasoning < 0 || usage.total() > 100 * json::MostTokens)
        return u"a count that cannot be billed"_s;
    if (!isBoundedStream(outcome.forClient.size(), m_input.size()))
        return u"the client gets %1 bytes"_s.arg(outcome.forClient.size());
    if (isStream && golden.client == ClientApi::Messages)
        return golden::problemOfMessageStream(outcome.forClient, golden::isTranslated(golden));
    if (isStream)
        return golden.client == ClientApi::Responses ? golden::problemOfResponseStream(outcome.forClient)
                                              : framesAreBroken(outcome.forClient);
    return isJsonObject(outcome.forClient) ? QString() : u"the client gets what is no JSON"_s;
}

// Any stream ends in exactly one way, the client gets frames, and it does not matter how the bytes arrive.
QString Checks::streamedAnswer(Mutator &mutator)
{
    const Case &golden = anyCase(mutator, &Case::replySse);
    m_input = mutator.stream(golden.replySse, anyCase(mutator, &Case::replySse).replySse);
    const bool isTranslated = golden::isTranslated(golden);
    const bool isStream = !isTranslated || mutator.oneIn(2);
    const auto outcomeOf = [&](const QByteArrayList &pieces) {
        return golden::replay(**golden::dialogueFor(golden, golden.clientJson, isStream), pieces);
    };
    const Outcome whole = outcomeOf({ m_input });
    if (const QString wrong = verify(whole, golden, isStream); !wrong.isEmpty())
        return wrong;
    if (whole.isComplete && !golden::mayBeComplete(golden, m_input))
        return u"an end that nobody sent"_s;
    const Outcome inPieces = outcomeOf(mutator.pieces(m_input));
    return whole.forClient == inPieces.forClient && whole.consumption.usage == inPieces.consumption.usage
        ? QString()
        : u"it matters how the bytes arrive"_s;
}

// A valid stream that breaks off before its end has failed.
QString Checks::cutStream(Mutator &mutator)
{
    const Case &golden = anyCase(mutator, &Case::replySse);
    m_input = golden.replySse.first(mutator.below(golden.replySse.size()));
    const Outcome cut = golden::replay(**golden::dialogueFor(golden, golden.clientJson, {}), mutator.pieces(m_input));
    return cut.isComplete && !golden::mayBeComplete(golden, m_input) ? u"an end that nobody sent"_s : QString();
}

QString Checks::wholeAnswer(Mutator &mutator)
{
    const Case &golden = anyCase(mutator, &Case::replyJson);
    m_input = mutator.json(golden.replyJson);
    const bool isTranslated = golden::isTranslated(golden);
    const bool isStream = isTranslated && mutator.oneIn(2);
    const Outcome outcome
        = golden::replay(**golden::dialogueFor(golden, golden.clientJson, isStream), mutator.pieces(m_input));
    return verify(outcome, golden, isStream);
}

QString Checks::failedAnswer(Mutator &mutator)
{
    const Case &golden = anyCase(mutator, &Case::replyJson);
    m_input = mutator.json(golden.replyJson);
    if (mutator.oneIn(3))
        m_input.insert(mutator.below(m_input.size() + 1), OwnKey.sliced(mutator.below(10)));
    const QByteArray wait = mutator.bytes("60");
    const auto failure = (*golden::dialogueFor(golden, golden.clientJson, {}))
                             ->failure({ .status = int(mutator.below(700)),
                                         .retryAfter = wait,
                                         .retryAfterMs = mutator.oneIn(2) ? QByteArrayView(wait) : QByteArrayView(),
                                         .body = m_input,
                                         .ownKey = OwnKey });
    if (failure.error.message.isEmpty() || failure.error.message.size() > 2000)
        return u"a message of %1 characters"_s.arg(failure.error.message.size());
    const QString secret = QString::fromLatin1(OwnKey).remove(u"sk-ant-"_s);
    for (qsizetype at = 0; at + 7 <= secret.size(); ++at) {
        if (failure.error.message.contains(secret.sliced(at, 7)))
            return u"the key is in the message: "_s + failure.error.message;
    }
    if (failure.error.retryAfterSeconds < 0 || failure.error.retryAfterSeconds > 3600)
        return u"a wait of %1 seconds"_s.arg(failure.error.retryAfterSeconds);
    return {};
}

// What a model has said can be sent back to it, or to any other, whatever became of its state on the way.
QString Checks::furtherRound(Mutator &mutator)
{
    const auto anyTranslated = [&]() -> const Case & {
        for (;;) {
            const Case &golden = anyCase(mutator, &Case::replySse);
            if (providerCodec(golden.kind, golden.api))
                return golden;
        }
    };
    const Case &first = anyTranslated();
    const Case &second = mutator.oneIn(3) ? anyTranslated() : first;
    m_input = mutator.oneIn(2) ? first.replySse : mutator.stream(first.replySse, second.replySse);
    UpstreamStream upstream(providerCodec(first.kind, first.api)->decoder({}, first.target));
    middle::AnswerCollector collector;
    const middle::Events events = upstream.feed(m_input) + upstream.end();
    for (const middle::Event &event : events)
        collector.add(event);

    using middle::Part;
    middle::Turn answer { middle::Role::Assistant, collector.answer().parts };
    middle::Turn results { middle::Role::User, {} };
    for (Part &part : answer.parts) {
        if (auto *opaque = std::get_if<middle::Opaque>(&part.content); opaque && mutator.oneIn(3))
            opaque->blob = mutator.json(opaque->blob);
        if (auto *call = std::get_if<middle::ToolCall>(&part.content))
            results.parts.append({ .content = middle::ToolResult { call->id, { middle::Text { call->arguments } } } });
    }
    middle::Request request;
    request.turns = { { middle::Role::User, { { .content = middle::Text { "Go" } } } }, answer, results };
    const auto call = providerCodec(second.kind, second.api)->encode(request, second.target);
    return call ? callIsBroken(call) : u"a further round is refused: "_s + call.error().message;
}

// Requests and answers that only pass through become JSON, or are refused.
QString Checks::embeddings(Mutator &mutator)
{
    static const QByteArray Question = R"({"model":"m","input":["a",[1,2]],"dimensions":8,"user":"u","more":{"x":[1e2]}})";
    static const QByteArray Answer = R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],)"
                                     R"("model":"m-1","usage":{"prompt_tokens":3,"total_tokens":3}})";
    m_input = mutator.json(Question);
    const auto request = parseEmbeddingsRequest(m_input);
    if (!request)
        return request.error().message.isEmpty() ? u"a refusal without words"_s : QString();
    const auto dialogue = verbatimEmbeddings(*request, anyCase(mutator, &Case::clientJson).target, { {}, "slug", {} });
    if (const QString wrong = callIsBroken(dialogue->call()); !wrong.isEmpty())
        return wrong;
    m_input = mutator.json(Answer);
    const Outcome outcome = golden::replay(*dialogue, mutator.pieces(m_input));
    if (outcome.isComplete == outcome.failure.has_value())
        return u"an answer must be complete or have failed"_s;
    if (outcome.consumption.usage.prompt() < 0 || outcome.consumption.usage.completion() != 0)
        return u"a count that cannot be billed"_s;
    return isJsonObject(outcome.forClient) ? QString() : u"the client gets what is no JSON"_s;
}

// Any answer is a list of names, or none.
QString Checks::modelList(Mutator &mutator)
{
    static const QByteArrayList Lists = { R"({"data":[{"id":"a","object":"model"},{"id":"b"}],"has_more":false})",
                                          R"({"models":[{"name":"models/a"},{"name":"b"}]})" };
    m_input = mutator.json(Lists[mutator.below(Lists.size())]);
    const auto ids = modelIdsIn(m_input);
    if (!ids)
        return {};
    const bool isNamed = std::none_of(ids->begin(), ids->end(), [](const QString &id) { return id.isEmpty(); });
    return isNamed && isBounded(ids->size(), m_input.size()) ? QString() : u"names that are none"_s;
}

QString Checks::eventStream(Mutator &mutator)
{
    m_input = mutator.stream(anyCase(mutator, &Case::replySse).replySse, anyCase(mutator, &Case::replySse).replySse);
    if (mutator.oneIn(200))
        m_input.insert(mutator.below(m_input.size()), QByteArray(SseReader::MaximumFrameBytes, 'x'));
    const QByteArrayList whole = eventsIn({ m_input });
    QByteArrayList pieces = mutator.pieces(m_input);
    // A very long stream in very short pieces takes long and tells nothing more.
    if (pieces.size() > 100'000)
        pieces = { m_input.first(m_input.size() / 2), m_input.sliced(m_input.size() / 2) };
    return whole == eventsIn(pieces) ? QString() : u"the reader finds other events in the same bytes"_s;
}

} // namespace assistiv::fuzz
