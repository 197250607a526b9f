// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/errors.h"
#include "limits/ratedelta.h"
#include "limits/slidingwindow.h"
#include "store/accountstate.h"

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <variant>
#include <vector>

namespace assistiv {

/// The six counters of a call, in the order in which they are asked.
enum class RateBucket { EndUserRpm, EndUserTpm, EndUserRpd, PlatformRpm, PlatformTpm, PlatformRpd };
inline constexpr size_t RateBuckets = 6;

/// Requests of an earlier time: so many, none of them later than that moment.
struct CallsBefore
{
    Timestamp until;
    qint64 requests = 0;
};

/// Counts requests and tokens of every end user and platform in sliding windows and says who may go on
/// (docs/contract/rate-limits.md). In memory only. All windows are kept for everybody, limited or not, so a limit that
/// is set or changed finds the right counts; whoever was idle for a day is forgotten. What happened before the process
/// started is asked for once, from the call log, when a day limit needs it.
/// Thread-safe: a platform and its users live in one stripe, every call takes one lock.
class RateLimiter
{
public:
    /// A limit of requests or tokens per minute, and what it leaves now that the request is counted.
    struct Headroom
    {
        qint64 limit = 0;
        qint64 remaining = 0;
    };
    /// The request was counted. The tighter one of user and platform; empty when neither has such a limit.
    struct Admitted
    {
        std::optional<Headroom> requests = {};
        std::optional<Headroom> tokens = {};
    };
    /// The request was not counted anywhere.
    struct Denied
    {
        RateBucket bucket = RateBucket::EndUserRpm;
        qint64 limit = 0;
        /// Until one more request would pass this bucket; at least 1.
        int retryAfterSeconds = 1;
    };
    /// Nothing was counted: setCallsBefore() for whoever has a day limit and hasWholeDay() is false, then ask again.
    struct DayUnknown
    {};

    explicit RateLimiter(const Clock &clock);

    using Verdict = std::variant<Admitted, Denied, DayUnknown>;
    /// Checks and counts one request in one step. A null end user stands for a platform key: platform limits only.
    Verdict admit(const PlatformId &platform, const EndUserId &endUser, const CallLimits &limits);
    /// A call has used so many tokens; they count from now on.
    void addTokens(const PlatformId &platform, const EndUserId &endUser, qint64 tokens);

    // The day before. A null end user stands for the platform as a whole.

    /// The call log is asked for [startedAt - DayMs, startedAt): what came later is counted here.
    static constexpr qint64 DayMs = 86'400'000;
    Timestamp startedAt() const { return m_startedAt; }
    /// False while requests of before the start may belong to the running day and nobody has said how many there were.
    bool hasWholeDay(const PlatformId &platform, const EndUserId &endUser);
    /// Oldest first. Only the first call for somebody counts.
    void setCallsBefore(const PlatformId &platform, const EndUserId &endUser, const QList<CallsBefore> &calls);

    // Several nodes on one database: each tells the others what it has admitted, often, and counts what they tell.

    /// What this node has counted by itself since the last call, deltas of one platform together. The first call
    /// returns nothing: before it, nobody is taken to be listening.
    QList<RateDelta> takeDeltas();
    /// Counts what another node has told; it happened now.
    void addRemote(const QByteArray &node, const QList<RateDelta> &deltas);
    /// Takes back everything that node has told: it is silent.
    void forgetNode(const QByteArray &node);

    /// Drops whoever has nothing in any window; a part of them with each call, so call it now and then.
    void dropIdle();
    /// How many end users and platforms are remembered.
    size_t size() const;

private:
    using MinuteWindow = SlidingWindow<60'000, 1'000>;
    using DayWindow = SlidingWindow<DayMs, 60'000>;

    /// One end user of a platform; with a null user the platform as a whole.
    struct Account
    {
        PlatformId platform;
        EndUserId endUser;
        friend bool operator==(const Account &, const Account &) = default;
    };
    struct AccountHash
    {
        size_t operator()(const Account &account) const { return qHashMulti(0, account.platform, account.endUser); }
    };
    struct Windows
    {
        MinuteWindow requests;
        MinuteWindow tokens;
        DayWindow day;

        void add(qint64 now, qint64 newRequests, qint64 newTokens);
        void takeBack(const Windows &part);
        bool releaseIfEmpty(qint64 now);
    };
    struct Counts
    {
        Windows windows;
        bool hasWholeDay = false;
        // What the other nodes have not been told yet; of a platform: calls with its keys.
        qint64 untoldRequests = 0;
        qint64 untoldTokens = 0;
    };
    struct Stripe
    {
        mutable std::mutex mutex;
        qint64 latest = 0;
        std::unordered_map<Account, Counts, AccountHash> accounts;
        /// Each node's share in the counts above.
        std::unordered_map<QByteArray, std::unordered_map<Account, Windows, AccountHash>> nodes;
        /// Who has something untold.
        std::vector<Account> untold;
        size_t nextBucket = 0;
    };

    Stripe &stripeOf(const PlatformId &platform) { return m_stripes[qHash(platform) % m_stripes.size()]; }
    qint64 now();
    /// now() as the stripe sees it: threads may come to the lock in another order than they looked at the clock.
    static qint64 onward(Stripe &stripe, qint64 now);
    bool isDayOver(qint64 now) const { return now - m_startedMs >= DayMs; }
    static Counts *find(Stripe &stripe, const Account &account);
    /// Whether one more request of that account passes; null: it has no counts yet.
    Verdict check(Counts *counts, const RateLimit &limit, RateBucket firstBucket, qint64 now) const;
    /// Counts what this node does itself, for the user and the platform. Null: not known yet.
    void count(Stripe &stripe, const Account &caller, Counts *user, Counts *platform, qint64 now, qint64 requests,
               qint64 tokens);

    const Clock &m_clock;
    const Timestamp m_startedAt;
    /// How far the clock was ahead of the steady one at most.
    std::atomic<qint64> m_ahead;
    const qint64 m_startedMs;
    std::atomic<bool> m_isTold = false;
    std::array<Stripe, 64> m_stripes;
};

/// "eu_rpm"
QLatin1StringView wordOf(RateBucket bucket);
/// The 429 of a refusal; not to be repeated by clients on their own when it is the day that is used up.
Error errorOf(const RateLimiter::Denied &denied);

} // namespace assistiv
