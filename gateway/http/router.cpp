// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/router.h"

#include "core/hashing.h"
#include "http/clientdialect.h"
#include "http/errorbody.h"
#include "services/services.h"

#include <QtCore/QTimer>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Error unauthorized()
{
    return { ErrorCode::Unauthorized, u"The API key is missing or not valid."_s };
}

Error forbidden()
{
    return { ErrorCode::Forbidden, u"This key does not open this route."_s };
}

/// The key of "Authorization: Bearer <key>"; empty when there is none in that form.
QByteArray bearerKey(const HttpRequest &request)
{
    const QByteArrayView header = request.header("authorization").trimmed();
    const qsizetype blank = header.indexOf(' ');
    if (blank < 0 || header.first(blank).compare("bearer", Qt::CaseInsensitive) != 0)
        return {};
    return header.sliced(blank + 1).trimmed().toByteArray();
}

/// Anthropic's clients have a header of their own for it; who sends both means that one.
QByteArray keyOf(const HttpRequest &request)
{
    const QByteArrayView header = request.header("x-api-key").trimmed();
    return dialectOf(request.path) == ClientDialect::Anthropic && !header.isEmpty() ? header.toByteArray() : bearerKey(request);
}

bool opens(KeyType type, RequiredKey required)
{
    switch (required) {
    case RequiredKey::None: return true;
    case RequiredKey::Platform: return type == KeyType::Platform;
    case RequiredKey::EndUser: return type == KeyType::EndUser;
    case RequiredKey::PlatformOrEndUser: return type != KeyType::Admin;
    case RequiredKey::Admin: return type == KeyType::Admin;
    case RequiredKey::AdminOrPlatform: return type != KeyType::EndUser;
    case RequiredKey::AdminOrLocal: return type == KeyType::Admin;
    }
    return false;
}

/// From this machine, and not passed on by a proxy of this machine on behalf of somebody else.
bool isLocal(const HttpRequest &request)
{
    const auto has = [&request](const char *name) { return !request.header(name).isNull(); };
    return request.peer.isLoopback() && !has("forwarded") && !has("x-forwarded-for") && !has("x-real-ip")
        && !has("via");
}

bool isVisibleAscii(QByteArrayView text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// The work behind a look-up of its idempotency key. Both run in one savepoint of the writer, and the writers of
/// several gateways let only one of them make management writes at a time, so a twin that comes meanwhile finds the
/// record (docs/contract/conventions.md, "Idempotency-Key").
Work onceOnly(Work work, const PlatformId &platform, const EndUserId &endUser, const QString &key, const QString &fingerprint)
{
    return [=](Services &services) -> Result<Answer> {
        const auto known = services.idempotency.find(platform, key);
        if (!known)
            return known.error();
        if (*known) {
            if ((*known)->fingerprint != fingerprint) {
                return Error { .code = ErrorCode::IdempotencyConflict,
                               .message = u"This Idempotency-Key was used for another request."_s,
                               .param = u"Idempotency-Key"_s,
                               .mayRepeat = false };
            }
            return Answer { .status = (*known)->status, .body = (*known)->body, .isReplay = true };
        }
        auto answer = work(services);
        if (!answer)
            return answer;
        const auto stored
            = services.idempotency.store(platform, key, endUser, { fingerprint, answer->status, answer->body });
        if (!stored)
            return stored.error();
        return answer;
    };
}

} // namespace

Router::Router(WorkerParts &parts, CorsSettings cors, QObject *parent)
    : QObject(parent), m_parts(parts), m_routes(parts.testClock ? RouteTable::withTestClock() : RouteTable::all()),
      m_cors(std::move(cors))
{
}

void Router::handle(HttpExchange *exchange)
{
    if (applyCors(*exchange, m_cors))
        return;
    const HttpRequest &request = exchange->request();
    if (dialectOf(request.path) == ClientDialect::Anthropic)
        exchange->addHeader("request-id", request.requestId); // where Anthropic's clients look for it
    Request pending { .exchange = exchange, .match = m_routes.find(request.method, request.path), .keyHash = {} };
    if (!pending.match.entry) {
        if (pending.match.allow.isEmpty())
            return replyError(*exchange, { ErrorCode::RouteNotFound, u"There is no such route."_s });
        exchange->addHeader("Allow", pending.match.allow);
        return replyError(*exchange, { ErrorCode::MethodNotAllowed, u"This route does not know this method."_s });
    }
    const RequiredKey key = pending.match.entry->key;
    exchange->setGroup(pending.match.entry->group);
    if (key == RequiredKey::None || (key == RequiredKey::AdminOrLocal && isLocal(request)))
        return run(pending, {});

    const QByteArray rawKey = keyOf(request);
    if (rawKey.isEmpty() || rawKey.size() > 200)
        return replyError(*exchange, unauthorized());
    pending.keyHash = sha256(rawKey);
    authenticate(std::move(pending));
}

void Router::authenticate(Request request)
{
    HttpExchange &exchange = *request.exchange;
    const auto found = m_parts.inference.book.authenticate(request.keyHash, m_parts.inference.clock.now());
    if (const auto *error = std::get_if<Error>(&found))
        return replyError(exchange, *error);
    if (const auto *caller = std::get_if<Caller>(&found)) {
        const RouteTable::Entry &entry = *request.match.entry;
        if (!opens(caller->type, entry.key))
            return replyError(exchange, forbidden());
        if (entry.platformValue >= 0 && caller->type != KeyType::Admin
            && request.match.values[entry.platformValue] != caller->platform.toLatin1())
            return replyError(exchange, forbidden());
        return run(request, *caller);
    }
    // Not in memory. A load that succeeds and still leaves a miss would go round for ever.
    if (++request.rounds > 3)
        return replyError(exchange, { ErrorCode::Internal, u"An internal error occurred."_s });
    const int wait = m_throttle.delayMs(exchange.request().peer, m_parts.inference.clock.steadyMs());
    if (wait > 0)
        QTimer::singleShot(wait, &exchange, [this, request] { load(request); });
    else
        load(request);
}

void Router::load(const Request &request)
{
    m_parts.inference.accounts.load(request.keyHash, request.exchange, [this, request](const Result<void> &loaded) {
        if (loaded)
            return authenticate(request);
        if (loaded.error().code == ErrorCode::Unauthorized)
            m_throttle.noteFailure(request.exchange->request().peer, m_parts.inference.clock.steadyMs());
        replyError(*request.exchange, loaded.error());
    });
}

void Router::run(const Request &request, const Caller &caller)
{
    const auto &function = request.match.entry->function;
    if (const auto *direct = std::get_if<DirectFunction>(&function))
        return (*direct)({ *request.exchange, caller, request.keyHash, request.match.values, m_parts });
    runBehindDoor(request, caller, std::get<EndpointFunction>(function));
}

void Router::runBehindDoor(const Request &request, const Caller &caller, EndpointFunction function)
{
    HttpExchange &exchange = *request.exchange;
    const HttpRequest &http = exchange.request();
    const RouteTable::Entry &entry = *request.match.entry;
    const ManagementCall call { http, caller, request.match.values, QUrlQuery(QString::fromUtf8(http.query)) };
    auto work = function(call);
    if (!work)
        return replyError(exchange, work.error());

    const QByteArrayView key = http.header("idempotency-key");
    if (entry.idempotent && !key.isNull()) {
        if (key.isEmpty() || key.size() > 255 || !isVisibleAscii(key)) {
            return replyError(exchange, { .code = ErrorCode::ValidationError,
                                          .message = u"Idempotency-Key must be 1 to 255 visible ASCII characters."_s,
                                          .param = u"Idempotency-Key"_s });
        }
        const QString endUser = entry.endUserValue >= 0 ? QString::fromUtf8(request.match.values[entry.endUserValue]) : QString();
        work = onceOnly(*work, PlatformId::fromStored(QString::fromUtf8(request.match.values[entry.platformValue])),
                        EndUserId::fromStored(endUser), QString::fromLatin1(key),
                        Idempotency::requestFingerprint(methodName(http.method), http.path, http.body));
    }

    const auto answered = [exchange = request.exchange](const Result<Answer> &answer) {
        if (!answer)
            return replyError(*exchange, answer.error());
        if (answer->isReplay)
            exchange->addHeader("Idempotent-Replayed", "true");
        exchange->reply(answer->status, answer->body);
    };
    if (entry.method != HttpMethod::Get)
        return m_parts.doors.write(&exchange, std::move(*work), answered);
    const auto read = [this, exchange = request.exchange, work = *work, answered](const Result<Answer> &answer) {
        if (answer && answer->belongsToWriter)
            m_parts.doors.write(exchange, work, answered);
        else
            answered(answer);
    };
    m_parts.doors.read(&exchange, std::move(*work), read);
}

} // namespace assistiv
