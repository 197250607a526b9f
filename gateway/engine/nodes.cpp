// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/nodes.h"

#include "core/log.h"
#include "ledger/accountbook.h"
#include "ledger/commitorder.h"
#include "limits/ratelimiter.h"
#include "services/services.h"
#include "store/nodestore.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// Messages are the node's name, a blank and what was counted (limits/ratedelta.h); the name alone is a sign of life.
const QString CountsChannel = u"assistiv_limits"_s;
/// With the name before it, it still fits into a message.
constexpr qsizetype LongestCounts = NodeStore::LongestMessage - 100;
constexpr qint64 ConnectMs = 500;

} // namespace

Nodes::Nodes(Parts parts)
    : m_parts(std::move(parts)), m_tick(this)
{
    m_tick.setInterval(TellMs);
    connect(&m_tick, &QTimer::timeout, this, &Nodes::onTick);
    m_thread.setObjectName(u"nodes"_s);
    moveToThread(&m_thread);
    m_thread.start();
    QMetaObject::invokeMethod(this, &Nodes::setUp, Qt::QueuedConnection);
}

Nodes::~Nodes()
{
    QMetaObject::invokeMethod(this, &Nodes::tearDown, Qt::QueuedConnection);
    m_thread.wait();
}

void Nodes::setUp()
{
    m_tick.start();
    onTick();
}

void Nodes::tearDown()
{
    m_tick.stop();
    hangUp();
    m_thread.quit();
}

bool Nodes::isListening() const
{
    return m_isCurrent && m_parts.clock.steadyMs() - m_heardAtMs < DeafMs;
}

QList<NodeSeen> Nodes::seen() const
{
    const std::scoped_lock lock(m_mutex);
    QList<NodeSeen> nodes;
    for (auto sign = m_signs.cbegin(); sign != m_signs.cend(); ++sign)
        nodes.append({ QString::fromLatin1(sign.key()), sign->at });
    std::sort(nodes.begin(), nodes.end(), [](const NodeSeen &a, const NodeSeen &b) { return a.id < b.id; });
    return nodes;
}

void Nodes::onTick()
{
    forgetSilent();
    if (m_db && (!m_db->isAlive() || !tell())) {
        Log::warning("nodes", u"lost the line to the other gateways"_s);
        hangUp();
    }
    const qint64 now = m_parts.clock.steadyMs();
    if (m_db || (m_triedAtMs && now - m_triedAtMs < ConnectMs))
        return;
    m_triedAtMs = now;
    if (!connectAnew())
        hangUp();
}

bool Nodes::connectAnew()
{
    auto db = Database::open(m_parts.database, Database::Access::ReadOnly);
    if (!db)
        return false;
    m_db = std::move(*db);
    m_services = std::make_unique<Services>(ServiceContext { *m_db, m_parts.clock, m_parts.vault, m_unused });
    const auto hearsAccounts = m_db->listen(CommitOrder::channel(), this,
                                            [this](const QString &message) { onAccounts(message.toLatin1()); });
    const auto hearsCounts
        = m_db->listen(CountsChannel, this, [this](const QString &message) { onCounts(message.toLatin1()); });
    if (!hearsAccounts || !hearsCounts || !catchUp())
        return false;
    dropOldCounts();
    if (!send(m_parts.self))
        return false;
    Log::info("nodes", u"listening to the other gateways on the database"_s);
    return true;
}

void Nodes::hangUp()
{
    m_isCurrent = false;
    m_isBehind = false;
    m_services.reset();
    m_db.reset();
}

// The line is open: what is committed from here on will be heard. What was committed before is in the number; news of
// it that are still on their way are not news.
bool Nodes::catchUp()
{
    const auto newest = NodeStore(*m_db).newestCommit();
    if (!newest)
        return false;
    m_nextNumber = *newest + 1;
    m_nextPart = 1;
    m_parts.book.drop(*newest);
    m_parts.catalogueChanged(*m_services);
    m_isBehind = false;
    m_isCurrent = m_db->isAlive();
    m_heardAtMs = m_parts.clock.steadyMs();
    return m_isCurrent;
}

// Not at once: a message is being read from the connection.
void Nodes::catchUpSoon(const QString &reason)
{
    Log::warning("nodes", u"%1; all accounts are read anew"_s.arg(reason));
    m_isCurrent = false;
    m_isBehind = true;
    QMetaObject::invokeMethod(
        this,
        [this] {
            if (m_db && m_isBehind && !catchUp())
                hangUp();
        },
        Qt::QueuedConnection);
}

void Nodes::onAccounts(const QByteArray &message)
{
    m_heardAtMs = m_parts.clock.steadyMs();
    if (m_isBehind)
        return;
    const auto news = newsFrom(message);
    if (!news)
        return catchUpSoon(u"another gateway tells what this version does not understand"_s);
    if (news->number < m_nextNumber)
        return;
    if (news->number != m_nextNumber || news->part != m_nextPart)
        return catchUpSoon(u"news of another gateway are missing"_s);
    const bool isLast = news->part == news->parts;
    m_nextNumber += isLast;
    m_nextPart = isLast ? 1 : m_nextPart + 1;

    // Our own are published by the writer; unless the answer to its commit was lost.
    if (news->node == m_parts.self && news->number <= m_parts.published())
        return;
    m_parts.book.publishRemote(news->changes, news->number);
    if (news->changes.catalogue)
        m_parts.catalogueChanged(*m_services);
}

void Nodes::onCounts(const QByteArray &message)
{
    const qsizetype blank = message.indexOf(' ');
    const QByteArray node = blank < 0 ? message : message.first(blank);
    noteSign(node);
    if (blank < 0 || node == m_parts.self)
        return;
    if (const auto deltas = decodeRateDeltas(QByteArrayView(message).sliced(blank + 1)))
        m_parts.limiter.addRemote(node, *deltas);
}

// The first call makes the limiter take notes for us.
void Nodes::dropOldCounts()
{
    if (m_toldAtMs && m_parts.clock.steadyMs() - m_toldAtMs < ForgetMs)
        return;
    m_untold.clear();
    (void)m_parts.limiter.takeDeltas();
}

bool Nodes::tell()
{
    if (m_untold.isEmpty())
        m_untold = encodeRateDeltas(m_parts.limiter.takeDeltas(), LongestCounts);
    while (!m_untold.isEmpty()) {
        if (!send(m_parts.self + ' ' + m_untold.constFirst()))
            return false;
        m_untold.removeFirst();
    }
    return m_parts.clock.steadyMs() - m_toldAtMs < HeartbeatMs || send(m_parts.self);
}

bool Nodes::send(const QByteArray &message)
{
    if (!NodeStore(*m_db).notify(CountsChannel, message))
        return false;
    m_toldAtMs = m_parts.clock.steadyMs();
    return true;
}

void Nodes::noteSign(const QByteArray &node)
{
    const qint64 now = m_parts.clock.steadyMs();
    m_heardAtMs = now;
    if (node == m_parts.self)
        return;
    const std::scoped_lock lock(m_mutex);
    m_signs[node] = { now, m_parts.clock.now() };
}

void Nodes::forgetSilent()
{
    QByteArrayList gone;
    {
        const std::scoped_lock lock(m_mutex);
        const qint64 oldest = m_parts.clock.steadyMs() - ForgetMs;
        for (auto sign = m_signs.cbegin(); sign != m_signs.cend();) {
            if (sign->steadyMs >= oldest) {
                ++sign;
            } else {
                gone.append(sign.key());
                sign = m_signs.erase(sign);
            }
        }
    }
    for (const QByteArray &node : gone)
        m_parts.limiter.forgetNode(node);
}

} // namespace assistiv
