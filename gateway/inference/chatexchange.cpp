// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/chatexchange.h"

#include "catalog/pricing.h"
#include "core/hashing.h"
#include "core/jsonwriter.h"
#include "core/log.h"
#include "providers/sandbox/sandboxreply.h"
#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostAttempts = 3;
constexpr int MostGateRounds = 5;
/// Proxies close what is silent for longer than a minute.
constexpr int SilencePingMs = 15'000;
/// An error body is read up to here.
constexpr qsizetype ErrorBodyBytes = 64 * 1024;
constexpr qint64 Gpt5LeastTokens = 16;

UpstreamOutcome outcomeOf(ErrorCode code)
{
    switch (code) {
    case ErrorCode::ProviderTimeout: return UpstreamOutcome::TimedOut;
    case ErrorCode::ProviderRateLimited: return UpstreamOutcome::RateLimited;
    case ErrorCode::ProviderAuthFailed: return UpstreamOutcome::AuthFailed;
    case ErrorCode::InvalidRequest:
    case ErrorCode::ContextLengthExceeded:
    case ErrorCode::PayloadTooLarge: return UpstreamOutcome::Rejected;
    default: return UpstreamOutcome::Failed;
    }
}

Error modelNotFound(const QByteArray &model)
{
    return { .code = ErrorCode::ModelNotFound,
             .message = u"The model \"%1\" is not available on this platform."_s.arg(QString::fromUtf8(model)),
             .param = u"model"_s };
}

} // namespace

ChatExchange::ChatExchange(InferenceParts &parts, const Caller &caller, const QByteArray &keyHash, HttpExchange *client,
                           QObject *parent)
    : QObject(parent), m_parts(parts), m_caller(caller), m_keyHash(keyHash), m_client(client),
      m_requestId(client->request().requestId), m_startedSteadyMs(parts.clock.steadyMs()), m_gates(parts, caller)
{
    m_parts.inFlight.fetch_add(1, std::memory_order_relaxed);
    connect(client, &HttpExchange::gone, this, &ChatExchange::onClientGone);
    m_silence.setInterval(SilencePingMs);
    connect(&m_silence, &QTimer::timeout, this, [this] { forward(": ping\n\n"); });
}

ChatExchange::~ChatExchange()
{
    m_parts.inFlight.fetch_sub(1, std::memory_order_relaxed);
    if (m_streaming)
        m_parts.metrics.streamsOpen.fetch_sub(1, std::memory_order_relaxed);
}

void ChatExchange::start()
{
    auto request = parseChatRequest(m_client->request().body);
    if (!request)
        return refuse(request.error());
    m_request = std::move(*request);
    passGates();
}

void ChatExchange::passGates()
{
    // It may have left while its key was being loaded: then its signal came before we listened.
    if (!m_client || m_client->isGone())
        return over();
    if (m_parts.settlements.isFull())
        return refuse(databaseUnavailable());
    auto gate = m_gates.pass(*m_client);
    if (const auto *error = std::get_if<Error>(&gate))
        return refuse(*error);
    if (auto *admission = std::get_if<Admission>(&gate)) {
        m_admission = std::move(*admission);
        if (chooseRoute())
            callNext();
        return;
    }

    // The book has to learn something first. A gate that stays shut after that would go round for ever.
    if (++m_gateRounds > MostGateRounds)
        return refuse({ ErrorCode::Internal, u"An internal error occurred."_s });
    const auto again = [this](const Result<void> &done) {
        if (!done)
            return refuse(done.error());
        passGates();
    };
    // A reset that changes nothing was done already, by another gateway: then the book has to read the new period.
    if (std::holds_alternative<AccountBook::ResetDue>(gate) && m_gateRounds % 2 == 1)
        m_parts.accounts.resetBudget(m_caller.endUser, this, again);
    else
        m_parts.accounts.load(m_keyHash, this, again);
}

bool ChatExchange::chooseRoute()
{
    m_catalogue = m_parts.book.catalogue();
    m_model = m_catalogue ? m_catalogue->find(m_request.model) : nullptr;
    if (!m_model || !m_admission.providerKeys) {
        refuse(modelNotFound(m_request.model));
        return false;
    }
    m_legs = chatRoute(*m_model, *m_admission.providerKeys);
    if (m_legs.isEmpty()) {
        refuse(modelNotFound(m_request.model));
        return false;
    }
    if (m_request.maxTokens > 0 && m_request.maxTokens < Gpt5LeastTokens && m_request.model.startsWith("gpt-5")) {
        refuse({ .code = ErrorCode::IntegerBelowMinimum,
                       .message = u"This model needs at least %1 output tokens."_s.arg(Gpt5LeastTokens),
                       .param = QString::fromLatin1(m_request.maxTokensName) });
        return false;
    }
    m_identity = { "chatcmpl-" + randomUuid().toByteArray(QUuid::Id128), m_request.model, m_parts.clock.now() };
    return true;
}

void ChatExchange::callNext()
{
    const int number = m_attempt.number + 1;
    m_attempt = {};
    m_attempt.number = number;
    m_attempt.leg = m_legs.takeFirst();
    m_attempt.startedAt = m_parts.clock.now();
    m_attempt.startedSteadyMs = m_parts.clock.steadyMs();
    const CatalogMapping &mapping = *m_attempt.leg.mapping;
    m_attempt.target = chatTarget(mapping, m_request);
    m_body.clear();
    m_events = SseReader();
    m_stream.reset();
    m_upstreamEnded = false;
    m_settled = false;

    const EncodedChat encoded = encodeChat(m_request, m_attempt.target);
    if (!encoded.dropped.isEmpty() && m_client && number == 1)
        m_client->addHeader("x-dropped-params", encoded.dropped.join(", "));
    if (mapping.kind == ProviderKind::Sandbox)
        m_attempt.reply = new SandboxReply(encoded.body, m_attempt.startedAt, this);
    else
        m_attempt.reply = m_parts.network.send(chatCall(mapping, m_attempt.leg.key, encoded.body, m_request.stream), this);
    connect(m_attempt.reply, &HttpReply::headArrived, this, &ChatExchange::onHead);
    connect(m_attempt.reply, &HttpReply::bytesArrived, this, &ChatExchange::onBytes);
    connect(m_attempt.reply, &HttpReply::finished, this, &ChatExchange::onFinished);
}

void ChatExchange::onHead()
{
    m_attempt.firstByteMs = m_parts.clock.steadyMs() - m_attempt.startedSteadyMs;
    if (m_request.stream && m_attempt.reply->status() == 200)
        m_stream.emplace(m_attempt.target, m_identity, m_request.includeUsage);
}

void ChatExchange::onBytes()
{
    const QByteArray bytes = m_attempt.reply->takeBytes();
    if (m_upstreamEnded)
        return;
    if (m_stream)
        return readStream(bytes);
    m_body += bytes;
    // An error that never ends is one all the same.
    if (m_attempt.reply->status() != 200 && m_body.size() >= ErrorBodyBytes)
        failWithStatus();
}

void ChatExchange::readStream(const QByteArray &bytes)
{
    m_events.feed(bytes);
    while (const auto event = m_events.next()) {
        if (event->data.isEmpty())
            continue;
        ChatStreamDecoder::Step step = m_stream->onEvent(event->data);
        switch (step.kind) {
        case ChatStreamDecoder::Kind::Forward:
            forward(step.bytes);
            break;
        case ChatStreamDecoder::Kind::Nothing:
            break;
        case ChatStreamDecoder::Kind::End:
            return finishStream();
        case ChatStreamDecoder::Kind::Failed:
            return failAttempt({ step.error, true });
        }
        if (m_upstreamEnded)
            return;
    }
    if (m_events.hasFailed())
        failAttempt({ { ErrorCode::ProviderError, u"The provider sent a piece of its answer that cannot be read."_s }, true });
}

void ChatExchange::forward(const QByteArray &frame)
{
    if (!m_client || m_client->isGone())
        return;
    if (!m_streaming) {
        m_streaming = true;
        m_parts.metrics.streamsOpen.fetch_add(1, std::memory_order_relaxed);
        m_client->beginStream("text/event-stream");
    }
    m_silence.start();
    if (m_client->write(frame) || !m_attempt.reply)
        return;
    // The client reads more slowly than the provider sends: TCP makes the provider wait as well.
    m_attempt.reply->pause();
    connect(
        m_client, &HttpExchange::writable, this,
        [this] {
            if (m_attempt.reply)
                m_attempt.reply->resume();
        },
        Qt::SingleShotConnection);
}

void ChatExchange::onFinished()
{
    if (m_upstreamEnded)
        return;
    onBytes();
    if (m_upstreamEnded)
        return;
    const HttpReply &reply = *m_attempt.reply;
    if (m_stream && m_stream->hasFinished())
        return finishStream(); // complete, only the farewell is missing
    if (reply.error() != NetError::None) {
        Log::info("inference", u"provider %1: %2"_s.arg(m_attempt.leg.mapping->providerSlug, reply.errorText()));
        return failAttempt(failureFromNetwork(reply.error()));
    }
    if (reply.status() != 200)
        return failWithStatus();
    if (m_stream)
        return failAttempt({ { ErrorCode::ProviderError, u"The provider closed the stream early."_s }, true });
    finishJson();
}

void ChatExchange::finishJson()
{
    auto answer = decodeChatAnswer(m_body, m_attempt.target, m_identity, m_request.estimatedPromptTokens());
    if (!answer)
        return failAttempt({ answer.error(), true });
    m_upstreamEnded = true;
    const auto method = answer->usage ? TokenCountMethod::Reported : TokenCountMethod::Estimated;
    const Usage usage = answer->usage.value_or(estimate(answer->outputBytes));
    settle(CallStatus::Success, usage, method, {}, [this, body = std::move(answer->body)](const Result<void> &billed) {
        if (!billed)
            return endUnbilled(billed.error());
        if (m_client)
            m_client->reply(200, body);
        over();
    });
}

void ChatExchange::finishStream()
{
    m_upstreamEnded = true;
    m_silence.stop();
    const bool reported = m_stream->usage().has_value();
    const Usage usage = reported ? *m_stream->usage() : estimate(m_stream->outputBytes());
    if (!reported && m_request.includeUsage)
        forward(m_stream->usageFrame(usage));
    m_silence.stop();
    settle(CallStatus::Success, usage, reported ? TokenCountMethod::Reported : TokenCountMethod::Estimated, {},
           [this](const Result<void> &billed) {
               if (!billed)
                   return endUnbilled(billed.error());
               if (m_client && !m_streaming)
                   m_client->beginStream("text/event-stream");
               if (m_client) {
                   m_client->write("data: [DONE]\n\n");
                   m_client->endStream();
               }
               over();
           });
}

void ChatExchange::failWithStatus()
{
    const HttpReply &reply = *m_attempt.reply;
    const int wait = retryAfterSeconds(reply.header("retry-after"), reply.header("retry-after-ms"));
    failAttempt(failureFromStatus(reply.status(), QByteArrayView(m_body).first(qMin(m_body.size(), ErrorBodyBytes)), wait,
                                  m_attempt.leg.key.secret));
}

void ChatExchange::failAttempt(const UpstreamFailure &failure)
{
    m_upstreamEnded = true;
    m_silence.stop();
    m_attempt.failure = outcomeOf(failure.error.code);
    const bool reachedClient = m_streaming;
    const QString problem = failure.error.message;
    const bool produced = m_stream && m_stream->outputBytes() > 0;
    const bool reported = m_stream && m_stream->usage();
    dropReply();

    if (produced || reported) {
        const Usage usage = reported ? *m_stream->usage() : estimate(m_stream->outputBytes());
        Error error = failure.error;
        error.mayRepeat = false; // tokens were consumed: a repeat would be a second bill
        return settle(CallStatus::Error, usage, reported ? TokenCountMethod::Reported : TokenCountMethod::Estimated, problem,
                      [this, error](const Result<void> &) { endWithError(error); });
    }
    const bool next = failure.mayTryNext && !reachedClient && !m_legs.isEmpty() && m_attempt.number < MostAttempts && m_client;
    settle(CallStatus::Error, {}, TokenCountMethod::None, problem, [this, next, error = failure.error](const Result<void> &) {
        next && m_client ? callNext() : endWithError(error);
    });
}

void ChatExchange::refuse(const Error &error)
{
    m_parts.metrics.noteRefusal(error.code);
    m_parts.refusals.note({ m_caller.platform, m_caller.endUser, QString::fromLatin1(m_requestId),
                            QString::fromUtf8(m_request.model), error, m_parts.clock.now() });
    endWithError(error);
}

void ChatExchange::endWithError(const Error &error)
{
    m_silence.stop();
    if (m_client && m_streaming) {
        m_client->write(errorFrame(m_parts.errorBody(error)));
        m_client->endStream();
    } else if (m_client) {
        m_parts.replyError(*m_client, error);
    }
    over();
}

void ChatExchange::endUnbilled(Error error)
{
    error.mayRepeat = false; // the journal has the bill: a repeat would be a second one
    error.retryAfterSeconds = 0;
    endWithError(error);
}

void ChatExchange::onClientGone()
{
    m_client = nullptr;
    cancel();
}

void ChatExchange::cancel()
{
    if (m_settled || m_upstreamEnded || !m_attempt.reply)
        return; // nothing runs upstream, or its bill is on the way already
    m_upstreamEnded = true;
    m_silence.stop();
    const bool answered = m_attempt.reply->status() == 200;
    std::optional<Usage> usage;
    auto method = TokenCountMethod::None;
    if (m_stream && m_stream->usage()) {
        usage = m_stream->usage();
        method = TokenCountMethod::Reported;
    } else if (answered) {
        usage = estimate(m_stream ? m_stream->outputBytes() : m_body.size());
        method = TokenCountMethod::Estimated;
    }
    dropReply();
    Error error { ErrorCode::ShuttingDown, u"The gateway is shutting down."_s };
    error.mayRepeat = !usage;
    settle(CallStatus::Cancelled, usage, method, u"The call was cancelled."_s,
           [this, error](const Result<void> &) { endWithError(error); });
}

Usage ChatExchange::estimate(qint64 outputBytes) const
{
    Usage usage;
    usage.inFresh = m_request.estimatedPromptTokens();
    usage.outText = estimatedTokens(outputBytes);
    return usage;
}

void ChatExchange::settle(CallStatus status, const std::optional<Usage> &usage, TokenCountMethod method,
                          const QString &problem, std::function<void(Result<void>)> then)
{
    m_settled = true;
    noteAttempt(status);
    if (usage)
        m_gates.noteTokens(usage->prompt() + usage->completion());
    const CatalogMapping &mapping = *m_attempt.leg.mapping;
    const bool isPriced = usage && !mapping.options.priceFree;
    const Picos providerCost = isPriced ? cost(*usage, mapping.pricing, m_attempt.startedAt) : 0;

    Settlement s;
    s.id = LogRowId::create();
    s.platform = m_caller.platform;
    s.endUser = m_caller.endUser;
    s.budget = m_admission.budget;
    s.key = m_caller.key;
    s.requestId = m_requestId;
    s.requestType = "chat.completion";
    s.provider = mapping.provider;
    s.model = m_model->id;
    s.modelSlug = m_request.model;
    s.providerModelId = mapping.providerModelId.toUtf8();
    s.promptTokens = usage ? usage->prompt() : 0;
    s.completionTokens = usage ? usage->completion() : 0;
    s.latencyMs = m_parts.clock.steadyMs() - m_attempt.startedSteadyMs;
    s.cost = Money::fromPicos(providerCost, m_admission.markupBasisPoints);
    s.isBillable = usage.has_value();
    s.status = status;
    s.countMethod = method;
    // A provider's words: PostgreSQL takes no text with a zero in it.
    s.errorMessage = redacted(problem).remove(QChar(QChar::Null)).left(500).toUtf8();
    s.metadata = metadata(usage.value_or(Usage()), providerCost, s.cost);
    s.createdAt = m_parts.clock.now();
    m_parts.settlements.settle(std::move(s), this, std::move(then));
}

void ChatExchange::noteAttempt(CallStatus status)
{
    UpstreamMetrics &upstream = m_parts.metrics.upstreams.of(m_attempt.leg.mapping->providerSlug);
    const UpstreamOutcome outcome = status == CallStatus::Success ? UpstreamOutcome::Success
        : status == CallStatus::Cancelled                         ? UpstreamOutcome::Cancelled
                                                                  : m_attempt.failure;
    upstream.attempts[size_t(outcome)].add();
    if (m_attempt.firstByteMs >= 0)
        upstream.firstByte.note(m_attempt.firstByteMs * 1000);
    upstream.duration.note((m_parts.clock.steadyMs() - m_attempt.startedSteadyMs) * 1000);
}

QByteArray ChatExchange::metadata(const Usage &usage, Picos providerCost, Money billed) const
{
    const CatalogMapping &mapping = *m_attempt.leg.mapping;
    JsonWriter json;
    json.beginObject().key("request_id").utf8(m_requestId).key("model").utf8(m_request.model);
    json.member("stream", m_request.stream);
    if (m_attempt.firstByteMs >= 0)
        json.member("first_token_ms", m_attempt.firstByteMs);
    json.member("attempt", m_attempt.number);
    if (usage.inCached > 0)
        json.member("cached_tokens", usage.inCached);
    if (const Money unmarked = Money::fromPicos(providerCost); unmarked != billed)
        json.key("provider_cost_usd").utf8(unmarked.toFixed());
    if (mapping.kind == ProviderKind::Sandbox)
        json.member("sandbox", true);
    json.key("pricing").beginObject().member("version", mapping.priceVersion).member("in_fresh", usage.inFresh);
    json.member("in_cached", usage.inCached).member("in_write", usage.inWrite).member("in_write_long", usage.inWriteLong);
    json.member("out_text", usage.outText).member("out_reasoning", usage.outReasoning).endObject().endObject();
    return json.take();
}

void ChatExchange::dropReply()
{
    if (!m_attempt.reply)
        return;
    // Deleting cancels; it may be the sender of the signal we are in, so not at once.
    m_attempt.reply->disconnect(this);
    m_attempt.reply->deleteLater();
    m_attempt.reply = nullptr;
}

void ChatExchange::over()
{
    if (m_attempt.number > 0)
        m_parts.metrics.callDuration.note((m_parts.clock.steadyMs() - m_startedSteadyMs) * 1000);
    m_silence.stop();
    dropReply();
    if (m_client)
        m_client->disconnect(this);
    m_client = nullptr;
    deleteLater();
}

} // namespace assistiv
