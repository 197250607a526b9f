// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/exchange.h"

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

Error modelNotFound(const QByteArray &model, ClientApi api = ClientApi::Chat)
{
    if (api == ClientApi::Embeddings) {
        return { .code = ErrorCode::ModelNotFound,
                 .message = u"The model \"%1\" makes no embeddings on this platform."_s.arg(QString::fromUtf8(model)),
                 .param = u"model"_s };
    }
    return { .code = ErrorCode::ModelNotFound,
             .message = u"The model \"%1\" is not available on this platform."_s.arg(QString::fromUtf8(model)),
             .param = u"model"_s };
}

Error modelWithoutPrice(const QByteArray &model)
{
    return { .code = ErrorCode::ModelNotFound,
             .message = u"The model \"%1\" has no price yet, so it cannot be called on a budget."_s.arg(QString::fromUtf8(model)),
             .param = u"model"_s };
}

/// What the kind of request does not tell.
QByteArrayView routeWord(ClientApi api)
{
    switch (api) {
    case ClientApi::Messages: return "messages";
    case ClientApi::Embeddings: return "embeddings";
    case ClientApi::Chat:
    case ClientApi::Responses:
    case ClientApi::TokenCount: break;
    }
    return {};
}

/// A model of which nobody has said what it can do is asked all the same.
bool isCapable(const CatalogModel &model, const QString &capability)
{
    return model.capabilities.isEmpty() || model.capabilities.contains(capability);
}

Error notCapable(const QByteArray &model, const QString &what, const QString &param)
{
    return { .code = ErrorCode::UnsupportedParameter,
             .message = u"The model %1 does not take %2; remove them or choose another model."_s.arg(QString::fromUtf8(model), what),
             .param = param };
}

} // namespace

InferenceExchange::InferenceExchange(InferenceParts &parts, const Caller &caller, const QByteArray &keyHash, HttpExchange *client,
                           QObject *parent)
    : QObject(parent), m_parts(parts), m_caller(caller), m_keyHash(keyHash), m_client(client),
      m_requestId(client->request().requestId), m_startedSteadyMs(parts.clock.steadyMs()), m_gates(parts, caller)
{
    m_parts.inFlight.fetch_add(1, std::memory_order_relaxed);
    connect(client, &HttpExchange::gone, this, &InferenceExchange::onClientGone);
    m_silence.setInterval(SilencePingMs);
    connect(&m_silence, &QTimer::timeout, this, [this] { forward(m_question->ping()); });
}

InferenceExchange::~InferenceExchange()
{
    m_parts.inFlight.fetch_sub(1, std::memory_order_relaxed);
    if (m_streaming)
        m_parts.metrics.streamsOpen.fetch_sub(1, std::memory_order_relaxed);
}

void InferenceExchange::start(ClientApi api)
{
    auto question = readQuestion(api, m_client->request());
    if (!question)
        return refuse(question.error());
    m_question = std::move(*question);
    passGates();
}

void InferenceExchange::passGates()
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
        if (!chooseRoute())
            return;
        return m_hasRead || !m_question->wish() ? callNext() : readConversation();
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

bool InferenceExchange::chooseRoute()
{
    const Question::Facts &facts = m_question->facts();
    const auto refused = [this](const Error &error) {
        refuse(error);
        return false;
    };
    m_catalogue = m_parts.book.catalogue();
    m_model = m_catalogue ? m_catalogue->find(facts.model) : nullptr;
    if (!m_model || !m_admission.providerKeys)
        return refused(modelNotFound(facts.model));
    m_legs = routeOf(facts.api, *m_model, *m_admission.providerKeys);
    if (m_legs.isEmpty())
        return refused(modelNotFound(facts.model, facts.api));
    if (!m_admission.budget.isNull()) {
        m_legs.removeIf([](const RouteLeg &leg) { return !hasPrice(*leg.mapping); });
        if (m_legs.isEmpty())
            return refused(modelWithoutPrice(facts.model));
    }
    if (facts.maxTokens > 0 && facts.maxTokens < Gpt5LeastTokens && facts.model.startsWith("gpt-5")) {
        return refused({ .code = ErrorCode::IntegerBelowMinimum,
                         .message = u"This model needs at least %1 output tokens."_s.arg(Gpt5LeastTokens),
                         .param = QString::fromLatin1(facts.maxTokensName) });
    }
    if (facts.usesTools && !isCapable(*m_model, u"tools"_s))
        return refused(notCapable(facts.model, u"tools"_s, u"tools"_s));
    if (facts.usesImages && !isCapable(*m_model, u"vision"_s))
        return refused(notCapable(facts.model, u"images"_s, facts.api == ClientApi::Responses ? u"input"_s : u"messages"_s));
    m_identity = { m_question->newAnswerId(), facts.model, m_parts.clock.now() };
    return true;
}

void InferenceExchange::readConversation()
{
    const ConversationWish wish = *m_question->wish();
    if (wish.threadId.isEmpty())
        return askConversation(wish);
    m_turn = m_parts.turns.ask(turnKey(ResponseOwner::of(m_caller), wish.threadId), this, [this, wish](bool isMyTurn) {
        isMyTurn ? askConversation(wish) : refuse(threadBusy());
    });
}

void InferenceExchange::askConversation(const ConversationWish &wish)
{
    m_parts.conversations.read(ResponseOwner::of(m_caller), wish, this, [this](const Result<Conversation> &said) {
        if (!said)
            return refuse(said.error());
        if (const auto followed = m_question->follow(*said); !followed)
            return refuse(followed.error());
        m_hasRead = true;
        passGates();
    });
}

std::optional<UpstreamCall> InferenceExchange::nextCall()
{
    while (!m_legs.isEmpty()) {
        RouteLeg leg = m_legs.takeFirst();
        auto dialogue = m_question->put(*m_model, *leg.mapping, m_identity);
        auto call = dialogue ? (*dialogue)->call() : Result<UpstreamCall>(dialogue.error());
        if (call) {
            const int number = m_attempt.number + 1;
            m_attempt = {};
            m_attempt.leg = std::move(leg);
            m_attempt.dialogue = std::move(*dialogue);
            m_attempt.number = number;
            return std::move(*call);
        }
        m_parts.cooldowns.noteNothing(leg);
        if (m_attempt.number == 0)
            m_error = call.error();
    }
    return {};
}

void InferenceExchange::callNext()
{
    if (m_attempt.number == 0) {
        m_parts.cooldowns.sort(m_legs); // whose first one is called now
        if (const auto known = m_question->knownAnswer(*m_legs.constFirst().mapping)) {
            m_client->reply(200, *known);
            return over();
        }
    }
    auto call = nextCall();
    if (!call)
        return m_attempt.number == 0 ? refuse(m_error) : endWithError(m_error);
    m_attempt.startedAt = m_parts.clock.now();
    m_attempt.startedSteadyMs = m_parts.clock.steadyMs();
    m_upstreamEnded = false;
    m_settled = false;
    callUpstream(std::move(*call));
}

void InferenceExchange::callUpstream(UpstreamCall call)
{
    m_errorBody.clear();
    m_attempt.dropped = call.dropped;
    if (m_attempt.leg.mapping->kind == ProviderKind::Sandbox)
        m_attempt.reply = new SandboxReply(call.body, m_attempt.startedAt, this);
    else
        m_attempt.reply = m_parts.network.send(callOn(m_attempt.leg, std::move(call)), this);
    connect(m_attempt.reply, &HttpReply::headArrived, this, &InferenceExchange::onHead);
    connect(m_attempt.reply, &HttpReply::bytesArrived, this, &InferenceExchange::onBytes);
    connect(m_attempt.reply, &HttpReply::finished, this, &InferenceExchange::onFinished);
}

void InferenceExchange::onHead()
{
    m_attempt.firstByteMs = m_parts.clock.steadyMs() - m_attempt.startedSteadyMs;
}

void InferenceExchange::onBytes()
{
    const QByteArray bytes = m_attempt.reply->takeBytes();
    if (m_upstreamEnded)
        return;
    if (m_attempt.reply->status() == 200)
        return take(m_attempt.dialogue->feed(bytes));
    m_errorBody += bytes;
    // An error that never ends is one all the same.
    if (m_errorBody.size() >= ErrorBodyBytes)
        onRefusal();
}

void InferenceExchange::take(const Dialogue::Step &step)
{
    if (!step.forClient.isEmpty())
        forward(step.forClient);
    if (m_upstreamEnded)
        return; // the client left with what it got
    if (step.isComplete)
        return finish();
    if (step.failure)
        failAttempt(*step.failure);
}

void InferenceExchange::forward(const QByteArray &frame)
{
    if (!m_client || m_client->isGone())
        return;
    if (!m_streaming) {
        m_streaming = true;
        m_parts.metrics.streamsOpen.fetch_add(1, std::memory_order_relaxed);
        nameDropped();
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

void InferenceExchange::onFinished()
{
    if (m_upstreamEnded)
        return;
    m_parts.settlements.expect();
    const HttpReply &reply = *m_attempt.reply;
    onBytes();
    if (m_upstreamEnded || m_attempt.reply != &reply)
        return; // it is over, or asked again
    const bool isBroken = reply.error() != NetError::None;
    if (isBroken)
        Log::info("inference", u"provider %1: %2"_s.arg(m_attempt.leg.mapping->providerSlug, reply.errorText()));
    if (reply.status() == 200) {
        Dialogue::Step step = m_attempt.dialogue->bodyEnded();
        // An answer may be complete although the line broke behind it. Why an incomplete one is, the network knows better.
        if (isBroken && !step.isComplete)
            step.failure = failureFromNetwork(reply.error());
        return take(step);
    }
    isBroken ? failAttempt(failureFromNetwork(reply.error())) : onRefusal();
}

void InferenceExchange::finish()
{
    m_upstreamEnded = true;
    m_silence.stop();
    m_parts.cooldowns.noteSuccess(m_attempt.leg);
    const Dialogue::Consumption used = m_attempt.dialogue->consumption();
    const auto method = used.isReported ? TokenCountMethod::Reported : TokenCountMethod::Estimated;
    const QByteArray lastBytes = m_attempt.dialogue->end({ used.usage, m_parts.clock.now() });
    settle(
        CallStatus::Success, used.usage, method, {},
        [this, lastBytes](const Result<void> &billed) {
            if (!billed)
                return endUnbilled(billed.error());
            if (m_client)
                send(lastBytes);
            over();
        },
        m_question->stored());
}

void InferenceExchange::nameDropped()
{
    if (!m_attempt.dropped.isEmpty())
        m_client->addHeader("x-dropped-params", m_attempt.dropped.join(", "));
}

void InferenceExchange::send(const QByteArray &lastBytes)
{
    if (!m_streaming)
        nameDropped();
    if (!m_question->facts().stream)
        return m_client->reply(200, lastBytes);
    if (!m_streaming)
        m_client->beginStream("text/event-stream");
    m_client->write(lastBytes);
    m_client->endStream();
}

void InferenceExchange::onRefusal()
{
    const HttpReply &reply = *m_attempt.reply;
    const QByteArray after = reply.header("retry-after");
    const QByteArray afterMs = reply.header("retry-after-ms");
    const QByteArray shouldRetry = reply.header("x-should-retry");
    const FailedReply refusal { .status = reply.status(),
                                .retryAfter = after,
                                .retryAfterMs = afterMs,
                                .shouldRetry = shouldRetry,
                                .body = QByteArrayView(m_errorBody).first(qMin(m_errorBody.size(), ErrorBodyBytes)),
                                .ownKey = m_attempt.leg.key.secret };
    // The client has seen nothing and the provider has used nothing: still the same attempt.
    if (auto instead = m_attempt.dialogue->callWithoutState(refusal)) {
        Log::info("inference", u"provider %1 refuses reasoning state: asked again without it"_s.arg(m_attempt.leg.mapping->providerSlug));
        dropReply();
        return callUpstream(std::move(*instead));
    }
    failAttempt(m_attempt.dialogue->failure(refusal));
}

void InferenceExchange::failAttempt(const UpstreamFailure &failure)
{
    m_upstreamEnded = true;
    m_silence.stop();
    m_attempt.failure = outcomeOf(failure.error.code);
    m_error = failure.error;
    if (failure.mayTryNext)
        m_parts.cooldowns.noteFailure(m_attempt.leg, failure.error.retryAfterSeconds);
    else
        m_parts.cooldowns.noteNothing(m_attempt.leg);
    dropReply();

    // What a client has seen is paid for; what it has not may be had elsewhere.
    const Dialogue::Consumption used = m_attempt.dialogue->consumption();
    const bool isPaid = m_streaming && used.outputBytes > 0;
    if (isPaid)
        m_error.mayRepeat = false; // tokens were consumed: a repeat would be a second bill
    if (m_streaming)
        m_farewell = streamFailure(m_error, isPaid ? used.usage : Usage());
    if (isPaid) {
        return settle(
            CallStatus::Error, used.usage, used.isReported ? TokenCountMethod::Reported : TokenCountMethod::Estimated,
            m_error.message, [this](const Result<void> &) { endWithError(m_error); }, m_question->stored());
    }
    if (!failure.mayTrySameProvider)
        m_legs.removeIf([this](const RouteLeg &leg) { return leg.mapping->provider == m_attempt.leg.mapping->provider; });
    const bool next = failure.mayTryNext && !m_streaming && !m_legs.isEmpty() && m_attempt.number < MostAttempts && m_client;
    settle(
        CallStatus::Error, {}, TokenCountMethod::None, m_error.message,
        [this, next](const Result<void> &) { next && m_client ? callNext() : endWithError(m_error); },
        m_question->stored());
}

void InferenceExchange::refuse(const Error &error)
{
    m_parts.metrics.noteRefusal(error.code);
    m_parts.refusals.note({ m_caller.platform, m_caller.endUser, QString::fromLatin1(m_requestId),
                            QString::fromUtf8(m_question ? m_question->facts().model : QByteArray()), error, m_parts.clock.now() });
    endWithError(error);
}

void InferenceExchange::endWithError(const Error &error)
{
    m_silence.stop();
    if (m_client && m_streaming) {
        const bool isToldBefore = !m_farewell.isEmpty(); // as it was stored
        m_client->write(isToldBefore ? m_farewell : streamFailure(error, m_attempt.dialogue->consumption().usage));
        m_client->endStream();
    } else if (m_client) {
        m_parts.replyError(*m_client, error);
    }
    over();
}

QByteArray InferenceExchange::streamFailure(const Error &error, const Usage &usage)
{
    return m_attempt.dialogue->streamFailure(error, m_parts.errorBody(error), { usage, m_parts.clock.now() });
}

void InferenceExchange::endUnbilled(Error error)
{
    error.mayRepeat = false; // the journal has the bill: a repeat would be a second one
    error.retryAfterSeconds = 0;
    endWithError(error);
}

void InferenceExchange::onClientGone()
{
    m_client = nullptr;
    cancel();
}

void InferenceExchange::cancel()
{
    Error error { ErrorCode::ShuttingDown, u"The gateway is shutting down."_s };
    if (m_attempt.number == 0)
        return endWithError(error); // it still waited to be asked, for its key or its turn
    if (m_settled || m_upstreamEnded || !m_attempt.reply)
        return; // nothing runs upstream, or its bill is on the way already
    m_upstreamEnded = true;
    m_silence.stop();
    m_parts.cooldowns.noteNothing(m_attempt.leg);
    // A provider that has not answered yet has used nothing.
    std::optional<Dialogue::Consumption> used;
    if (m_attempt.reply->status() == 200)
        used = m_attempt.dialogue->consumption();
    dropReply();
    error.mayRepeat = !used;
    const auto method = !used ? TokenCountMethod::None : used->isReported ? TokenCountMethod::Reported : TokenCountMethod::Estimated;
    const auto usage = used ? std::optional(used->usage) : std::nullopt;
    settle(CallStatus::Cancelled, usage, method, u"The call was cancelled."_s,
           [this, error](const Result<void> &) { endWithError(error); });
}

void InferenceExchange::settle(CallStatus status, const std::optional<Usage> &usage, TokenCountMethod method,
                               const QString &problem, std::function<void(Result<void>)> then,
                               std::shared_ptr<const StoredResponse> response)
{
    m_settled = true;
    noteAttempt(status);
    // Not at once: whoever settles has not yet done with the attempt.
    if (!m_question->isBilled()) {
        QMetaObject::invokeMethod(this, [then = std::move(then)] { then({}); }, Qt::QueuedConnection);
        return;
    }
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
    s.requestType = m_question->requestType().toByteArray();
    s.provider = mapping.provider;
    s.model = m_model->id;
    s.modelSlug = m_question->facts().model;
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
    s.response = std::move(response);
    m_parts.settlements.settle(std::move(s), this, std::move(then));
}

void InferenceExchange::noteAttempt(CallStatus status)
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

QByteArray InferenceExchange::metadata(const Usage &usage, Picos providerCost, Money billed) const
{
    const CatalogMapping &mapping = *m_attempt.leg.mapping;
    JsonWriter json;
    json.beginObject().key("request_id").utf8(m_requestId).key("model").utf8(m_question->facts().model);
    json.member("stream", m_question->facts().stream);
    if (m_attempt.firstByteMs >= 0)
        json.member("first_token_ms", m_attempt.firstByteMs);
    json.member("attempt", m_attempt.number);
    if (usage.inCached > 0)
        json.member("cached_tokens", usage.inCached);
    if (const Money unmarked = Money::fromPicos(providerCost); unmarked != billed)
        json.key("provider_cost_usd").utf8(unmarked.toFixed());
    if (!m_attempt.dropped.isEmpty()) {
        json.key("dropped_params").beginArray();
        for (const QByteArray &name : m_attempt.dropped)
            json.utf8(name);
        json.endArray();
    }
    if (mapping.kind == ProviderKind::Sandbox)
        json.member("sandbox", true);
    if (const QByteArrayView route = routeWord(m_question->facts().api); !route.isEmpty())
        json.key("api").utf8(route);
    json.key("pricing").beginObject().member("version", mapping.priceVersion).member("in_fresh", usage.inFresh);
    json.member("in_cached", usage.inCached).member("in_write", usage.inWrite).member("in_write_long", usage.inWriteLong);
    json.member("out_text", usage.outText).member("out_reasoning", usage.outReasoning).endObject().endObject();
    return json.take();
}

void InferenceExchange::dropReply()
{
    if (!m_attempt.reply)
        return;
    // Deleting cancels; it may be the sender of the signal we are in, so not at once.
    m_attempt.reply->disconnect(this);
    m_attempt.reply->deleteLater();
    m_attempt.reply = nullptr;
}

void InferenceExchange::over()
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
