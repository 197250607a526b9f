// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/keytest.h"

#include "catalog/catalogwords.h"
#include "core/log.h"
#include "inference/routing.h"
#include "providers/modellist.h"
#include "providers/sandbox/sandboxreply.h"
#include "providers/upstreamfailure.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// For all of it, so that a provider that answers byte by byte ends as well.
constexpr int KeyTestMs = 10'000;
constexpr qsizetype ListBytes = 4 * 1024 * 1024;
/// What else it may say is read up to here.
constexpr qsizetype RefusalBytes = 64 * 1024;

HttpCall listCall(const ProviderAccess &access)
{
    CatalogMapping way;
    way.kind = access.kind;
    way.baseUrl = access.baseUrl;
    way.upstreamApi = usualApi(access.kind);
    way.options = access.options;
    const ProviderCodec &codec = *providerCodec(way.kind, way.upstreamApi);
    HttpCall call = callOn({ &way, { {}, {}, access.secret } }, codec.modelList(access.options));
    call.firstByteTimeoutMs = call.idleTimeoutMs = KeyTestMs;
    call.maximumBytes = ListBytes;
    return call;
}

Error noList()
{
    return { ErrorCode::ProviderError, u"The provider sent something that is not a list of models."_s };
}

} // namespace

KeyTest::KeyTest(HttpClient &network, const Clock &clock, ProviderAccess access, QObject *parent)
    : QObject(parent), m_network(network), m_clock(clock), m_access(std::move(access))
{
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this, [this] { end(failed(failureFromNetwork(NetError::Timeout).error)); });
}

void KeyTest::start(Done done)
{
    m_done = std::move(done);
    m_startedSteadyMs = m_clock.steadyMs();
    if (m_access.kind == ProviderKind::Sandbox) { // it is part of the gateway and wants no key
        QMetaObject::invokeMethod(this, [this] { end({ .models = SandboxReply::models() }); }, Qt::QueuedConnection);
        return;
    }
    m_reply = m_network.send(listCall(m_access), this);
    connect(m_reply, &HttpReply::bytesArrived, this, &KeyTest::onBytes);
    connect(m_reply, &HttpReply::finished, this, &KeyTest::onFinished);
    m_deadline.start(KeyTestMs);
}

void KeyTest::onBytes()
{
    m_body += m_reply->takeBytes();
    if (m_reply->status() != 200 && m_body.size() >= RefusalBytes)
        end(read());
}

void KeyTest::onFinished()
{
    m_body += m_reply->takeBytes();
    const NetError problem = m_reply->error();
    if (problem == NetError::None)
        return end(read());
    Log::info("inference", u"test of a key, provider %1: %2"_s.arg(m_access.provider, m_reply->errorText()));
    end(failed(failureFromNetwork(problem).error));
}

KeyTest::Outcome KeyTest::read() const
{
    const int status = m_reply->status();
    if (status == 200) {
        const auto models = modelIdsIn(m_body);
        return models ? Outcome { .models = *models, .upstreamStatus = status } : failed(noList());
    }
    if (status == 404) // of another call it would be the model
        return failed(noList());
    const QByteArray after = m_reply->header("retry-after");
    const QByteArray afterMs = m_reply->header("retry-after-ms");
    const ProviderCodec &codec = *providerCodec(m_access.kind, usualApi(m_access.kind));
    return failed(codec
                      .decodeFailure({ .status = status,
                                       .retryAfter = after,
                                       .retryAfterMs = afterMs,
                                       .body = QByteArrayView(m_body).first(qMin(m_body.size(), RefusalBytes)),
                                       .ownKey = m_access.secret })
                      .error);
}

KeyTest::Outcome KeyTest::failed(const Error &error) const
{
    return { .error = error, .upstreamStatus = m_reply->status() };
}

void KeyTest::end(Outcome outcome)
{
    outcome.latencyMs = m_clock.steadyMs() - m_startedSteadyMs;
    m_deadline.stop();
    if (m_reply)
        m_reply->disconnect(this);
    deleteLater();
    std::exchange(m_done, {})(outcome);
}

} // namespace assistiv
