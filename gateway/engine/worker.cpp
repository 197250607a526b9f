// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/worker.h"

#include "core/os.h"
#include "http/errorbody.h"
#include "http/router.h"
#include "http/transport.h"
#include "inference/exchange.h"
#include "net/curlclient.h"
#include "services/accountloads.h"
#include "services/conversationreads.h"

#include <QtCore/QTimer>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int FarewellMs = 5'000;

} // namespace

Worker::Worker(Parts parts)
    : m_parts(std::move(parts))
{
    m_thread.setObjectName(u"http-worker"_s);
    moveToThread(&m_thread);
    m_thread.start();
    QMetaObject::invokeMethod(this, [this] { setUp(); }, Qt::QueuedConnection);
}

Worker::~Worker()
{
    QMetaObject::invokeMethod(this, [this] { tearDown(); }, Qt::QueuedConnection);
    m_thread.wait();
}

void Worker::setUp()
{
    m_network = std::make_unique<CurlClient>(nullptr, m_parts.clock);
    m_accounts = std::make_unique<AccountLoads>(m_parts.doors, m_parts.book, m_parts.limiter);
    m_conversations = std::make_unique<ConversationReads>(m_parts.doors);
    m_calls = std::make_unique<QObject>();
    m_inference.emplace(InferenceParts { m_parts.book, m_parts.limiter, *m_accounts, *m_conversations, m_parts.turns, m_parts.settlements, m_parts.refusals,
                                         m_parts.cooldowns, *m_network, m_parts.clock, replyError, errorBody, m_parts.inFlight,
                                         m_parts.metrics });
    m_workerParts.emplace(WorkerParts { *m_inference, m_parts.doors, *m_calls, m_parts.status, m_parts.noteVerify,
                                        m_parts.metrics, m_parts.testClock, m_parts.keepHouse, m_parts.backups });
    m_router = std::make_unique<Router>(*m_workerParts, m_parts.cors);
    m_transport = std::make_unique<Transport>(
        m_parts.limits, [this](HttpExchange *exchange) { m_router->handle(exchange); }, m_parts.clock);
    if (m_parts.tls)
        m_transport->setTls(*m_parts.tls);
    connect(m_transport.get(), &Transport::answered, this,
            [this](RouteGroup group, int status) { m_parts.metrics.noteAnswer(group, status); });
    connect(m_transport.get(), &Transport::connectionEnded, this, [this] { m_parts.connectionEnded(); });
    connect(m_transport.get(), &Transport::drained, this, &Worker::drained);
}

void Worker::tearDown()
{
    m_transport.reset();
    m_router.reset();
    m_calls.reset();
    m_workerParts.reset();
    m_inference.reset();
    m_conversations.reset();
    m_accounts.reset();
    m_network.reset();
    m_thread.quit();
}

void Worker::adopt(qintptr descriptor)
{
    QMetaObject::invokeMethod(
        this,
        [this, descriptor] {
            if (m_transport && m_transport->adopt(descriptor))
                return;
            os::sayAndClose(int(descriptor), {});
            m_parts.connectionEnded();
        },
        Qt::QueuedConnection);
}

void Worker::drain()
{
    QMetaObject::invokeMethod(this, [this] { m_transport->drain(); }, Qt::QueuedConnection);
}

void Worker::cancelCalls()
{
    QMetaObject::invokeMethod(
        this,
        [this] {
            const auto calls = m_calls->findChildren<InferenceExchange *>(QString(), Qt::FindDirectChildrenOnly);
            for (InferenceExchange *call : calls)
                call->cancel();
            // A client that does not read its farewell must not hold up the end.
            QTimer::singleShot(FarewellMs, m_transport.get(), &Transport::abortAll);
        },
        Qt::QueuedConnection);
}

} // namespace assistiv
