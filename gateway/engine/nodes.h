// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/direct.h"
#include "ledger/accountnews.h"
#include "store/database.h"

#include <QtCore/QHash>
#include <QtCore/QObject>
#include <QtCore/QThread>
#include <QtCore/QTimer>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace assistiv {

class AccountBook;
class RateLimiter;
class Vault;
struct Services;

/// Ear and voice of this gateway among several on one PostgreSQL database, on a thread and a connection of its own. It
/// hears of the others' commits (LISTEN) and applies them to the AccountBook, notices when a message is missing or the
/// line is lost, and then drops the book; it tells and hears what is counted for the rate limits, and that everybody is
/// alive.
class Nodes final : public QObject
{
    Q_OBJECT

public:
    /// Counts are told at most this often, and a sign of life at least every HeartbeatMs.
    static constexpr int TellMs = 200;
    static constexpr int HeartbeatMs = 1'000;
    /// Who has been silent for so long counts no more.
    static constexpr int ForgetMs = 5'000;
    /// Who does not even hear itself for so long is deaf.
    static constexpr int DeafMs = 3'000;

    struct Parts
    {
        DatabaseUrl database;
        const Clock &clock;
        const Vault &vault;
        AccountBook &book;
        RateLimiter &limiter;
        /// Who we are.
        QByteArray self;
        /// Number of the newest commit that our own writer has published. Thread-safe.
        std::function<quint64()> published;
        /// Called on this thread when providers, models or prices may have changed.
        std::function<void(Services &)> catalogueChanged;
    };

    /// Starts the thread.
    explicit Nodes(Parts parts);
    /// Ends the thread.
    ~Nodes() override;

    /// False while others may commit without our hearing of it: what the book knows must not be trusted for long.
    /// Thread-safe.
    bool isListening() const;
    /// The others that are alive. Thread-safe.
    QList<NodeSeen> seen() const;

private:
    void setUp();
    void tearDown();
    void onTick();
    bool connectAnew();
    void hangUp();
    /// Begins with the state that the database has now.
    bool catchUp();
    void catchUpSoon(const QString &reason);
    /// What was counted before that is of no interest to the others: they have forgotten us, or never knew us.
    void dropOldCounts();
    bool tell();
    bool send(const QByteArray &message);
    void onAccounts(const QByteArray &message);
    void onCounts(const QByteArray &message);
    void noteSign(const QByteArray &node);
    void forgetSilent();

    Parts m_parts;
    QThread m_thread;
    QTimer m_tick;
    std::unique_ptr<Database> m_db;
    AccountChanges m_unused;
    std::unique_ptr<Services> m_services;
    /// The next message that should come: number of the commit, part of its news.
    quint64 m_nextNumber = 0;
    int m_nextPart = 1;
    bool m_isBehind = false;
    qint64 m_toldAtMs = 0;
    /// Counts that the line did not take yet.
    QByteArrayList m_untold;
    qint64 m_triedAtMs = 0;
    std::atomic<bool> m_isCurrent = false;
    std::atomic<qint64> m_heardAtMs = 0;

    struct Sign
    {
        qint64 steadyMs;
        Timestamp at;
    };
    mutable std::mutex m_mutex; // of what follows
    QHash<QByteArray, Sign> m_signs;
};

} // namespace assistiv
