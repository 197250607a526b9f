// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "limits/ratelimiter.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// So much of a stripe is looked at with one call of dropIdle(): its lock is held for microseconds only.
constexpr size_t BucketsPerSweep = 1024;

RateBucket bucketAfter(RateBucket first, int steps)
{
    return RateBucket(int(first) + steps);
}

RateLimiter::Denied denied(RateBucket bucket, qint64 limit, qint64 waitMs)
{
    return { bucket, limit, int(std::max<qint64>(1, (waitMs + 999) / 1000)) };
}

using MaybeHeadroom = std::optional<RateLimiter::Headroom>;

/// The one that is used up first.
MaybeHeadroom tighter(const MaybeHeadroom &a, const MaybeHeadroom &b)
{
    if (!a || !b)
        return a ? a : b;
    return b->remaining < a->remaining || (b->remaining == a->remaining && b->limit < a->limit) ? b : a;
}

} // namespace

RateLimiter::RateLimiter(const Clock &clock)
    : m_clock(clock), m_startedAt(clock.now()), m_ahead(m_startedAt.ms() - clock.steadyMs()), m_startedMs(now())
{
}

// The steady clock, moved ahead as far as the other one ever was. A clock that is set back can neither open a window
// nor keep it shut until that time has come again; a computer that was asleep finds its windows as old as they are.
qint64 RateLimiter::now()
{
    const qint64 steady = m_clock.steadyMs();
    const qint64 ahead = m_clock.now().ms() - steady;
    qint64 most = m_ahead.load(std::memory_order_relaxed);
    while (ahead > most && !m_ahead.compare_exchange_weak(most, ahead, std::memory_order_relaxed)) { }
    return steady + std::max(most, ahead);
}

qint64 RateLimiter::onward(Stripe &stripe, qint64 now)
{
    return stripe.latest = std::max(stripe.latest, now);
}

RateLimiter::Counts *RateLimiter::find(Stripe &stripe, const Account &account)
{
    const auto found = stripe.accounts.find(account);
    return found == stripe.accounts.end() ? nullptr : &found->second;
}

RateLimiter::Verdict RateLimiter::admit(const PlatformId &platform, const EndUserId &endUser, const CallLimits &limits)
{
    const qint64 looked = now();
    Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    const qint64 at = onward(stripe, looked);
    const bool hasUser = !endUser.isNull();
    Counts *user = hasUser ? find(stripe, { platform, endUser }) : nullptr;
    Counts *all = find(stripe, { platform, {} });

    const Verdict ofUser = hasUser ? check(user, limits.endUser, RateBucket::EndUserRpm, at) : Verdict();
    const auto *userPassed = std::get_if<Admitted>(&ofUser);
    if (!userPassed)
        return ofUser;
    const Verdict ofAll = check(all, limits.platform, RateBucket::PlatformRpm, at);
    const auto *allPassed = std::get_if<Admitted>(&ofAll);
    if (!allPassed)
        return ofAll;
    count(stripe, { platform, endUser }, user, all, at, 1, 0);
    return Admitted { tighter(userPassed->requests, allPassed->requests),
                      tighter(userPassed->tokens, allPassed->tokens) };
}

RateLimiter::Verdict RateLimiter::check(Counts *counts, const RateLimit &limit, RateBucket firstBucket,
                                        qint64 now) const
{
    Windows none;
    Windows &windows = counts ? counts->windows : none;
    if (limit.requestsPerMinute) {
        if (const qint64 wait = windows.requests.msUntilBelow(*limit.requestsPerMinute, now))
            return denied(firstBucket, *limit.requestsPerMinute, wait);
    }
    if (limit.tokensPerMinute) {
        if (const qint64 wait = windows.tokens.msUntilBelow(*limit.tokensPerMinute, now))
            return denied(bucketAfter(firstBucket, 1), *limit.tokensPerMinute, wait);
    }
    if (limit.requestsPerDay) {
        if (!isDayOver(now) && !(counts && counts->hasWholeDay))
            return DayUnknown {};
        if (const qint64 wait = windows.day.msUntilBelow(*limit.requestsPerDay, now))
            return denied(bucketAfter(firstBucket, 2), *limit.requestsPerDay, wait);
    }
    Admitted passed;
    if (const auto most = limit.requestsPerMinute)
        passed.requests = Headroom { *most, *most - windows.requests.total(now) - 1 };
    if (const auto most = limit.tokensPerMinute)
        passed.tokens = Headroom { *most, *most - windows.tokens.total(now) };
    return passed;
}

void RateLimiter::addTokens(const PlatformId &platform, const EndUserId &endUser, qint64 tokens)
{
    if (tokens <= 0)
        return;
    const qint64 looked = now();
    Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    Counts *user = endUser.isNull() ? nullptr : find(stripe, { platform, endUser });
    count(stripe, { platform, endUser }, user, find(stripe, { platform, {} }), onward(stripe, looked), 0, tokens);
}

void RateLimiter::count(Stripe &stripe, const Account &caller, Counts *user, Counts *platform, qint64 now,
                        qint64 requests, qint64 tokens)
{
    if (!platform)
        platform = &stripe.accounts[{ caller.platform, {} }];
    platform->windows.add(now, requests, tokens);
    const bool hasUser = !caller.endUser.isNull();
    if (hasUser && !user)
        user = &stripe.accounts[caller];
    if (hasUser)
        user->windows.add(now, requests, tokens);
    if (!m_isTold.load(std::memory_order_relaxed))
        return;
    Counts &teller = hasUser ? *user : *platform;
    if (teller.untoldRequests == 0 && teller.untoldTokens == 0)
        stripe.untold.push_back(caller);
    teller.untoldRequests += requests;
    teller.untoldTokens += tokens;
}

bool RateLimiter::hasWholeDay(const PlatformId &platform, const EndUserId &endUser)
{
    const qint64 looked = now();
    Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    const Counts *counts = find(stripe, { platform, endUser });
    return isDayOver(onward(stripe, looked)) || (counts && counts->hasWholeDay);
}

void RateLimiter::setCallsBefore(const PlatformId &platform, const EndUserId &endUser, const QList<CallsBefore> &calls)
{
    DayWindow before;
    for (const CallsBefore &some : calls)
        before.add(std::min(some.until.ms(), m_startedMs), some.requests);
    Stripe &stripe = stripeOf(platform);
    const std::scoped_lock lock(stripe.mutex);
    Counts &counts = stripe.accounts[{ platform, endUser }];
    if (counts.hasWholeDay)
        return;
    counts.windows.day.prepend(std::move(before));
    counts.hasWholeDay = true;
}

QList<RateDelta> RateLimiter::takeDeltas()
{
    m_isTold.store(true, std::memory_order_relaxed);
    QList<RateDelta> deltas;
    for (Stripe &stripe : m_stripes) {
        const std::scoped_lock lock(stripe.mutex);
        std::sort(stripe.untold.begin(), stripe.untold.end(),
                  [](const Account &a, const Account &b) { return a.platform < b.platform; });
        for (const Account &account : stripe.untold) {
            Counts &counts = stripe.accounts[account];
            deltas.append({ account.platform, account.endUser, std::exchange(counts.untoldRequests, 0),
                            std::exchange(counts.untoldTokens, 0) });
        }
        stripe.untold.clear();
    }
    return deltas;
}

void RateLimiter::addRemote(const QByteArray &node, const QList<RateDelta> &deltas)
{
    const qint64 looked = now();
    for (const RateDelta &delta : deltas) {
        Stripe &stripe = stripeOf(delta.platform);
        const std::scoped_lock lock(stripe.mutex);
        const qint64 at = onward(stripe, looked);
        auto &share = stripe.nodes[node];
        const auto addFor = [&](const Account &account) {
            stripe.accounts[account].windows.add(at, delta.requests, delta.tokens);
            share[account].add(at, delta.requests, delta.tokens);
        };
        addFor({ delta.platform, {} });
        if (!delta.endUser.isNull())
            addFor({ delta.platform, delta.endUser });
    }
}

void RateLimiter::forgetNode(const QByteArray &node)
{
    for (Stripe &stripe : m_stripes) {
        const std::scoped_lock lock(stripe.mutex);
        const auto share = stripe.nodes.find(node);
        if (share == stripe.nodes.end())
            continue;
        for (const auto &[account, windows] : share->second) {
            if (Counts *counts = find(stripe, account))
                counts->windows.takeBack(windows);
        }
        stripe.nodes.erase(share);
    }
}

void RateLimiter::dropIdle()
{
    const qint64 looked = now();
    std::vector<Account> idle;
    for (Stripe &stripe : m_stripes) {
        const std::scoped_lock lock(stripe.mutex);
        const qint64 at = onward(stripe, looked);
        const size_t buckets = stripe.accounts.bucket_count();
        idle.clear();
        for (size_t looks = std::min(buckets, BucketsPerSweep); looks > 0; --looks) {
            stripe.nextBucket = (stripe.nextBucket + 1) % buckets;
            const auto end = stripe.accounts.end(stripe.nextBucket);
            for (auto entry = stripe.accounts.begin(stripe.nextBucket); entry != end; ++entry) {
                Counts &counts = entry->second;
                if (counts.windows.releaseIfEmpty(at) && counts.untoldRequests == 0 && counts.untoldTokens == 0)
                    idle.push_back(entry->first);
            }
        }
        for (const Account &account : idle) {
            stripe.accounts.erase(account);
            for (auto &[node, share] : stripe.nodes)
                share.erase(account);
        }
    }
}

size_t RateLimiter::size() const
{
    size_t count = 0;
    for (const Stripe &stripe : m_stripes) {
        const std::scoped_lock lock(stripe.mutex);
        count += stripe.accounts.size();
    }
    return count;
}

void RateLimiter::Windows::add(qint64 now, qint64 newRequests, qint64 newTokens)
{
    requests.add(now, newRequests);
    tokens.add(now, newTokens);
    day.add(now, newRequests);
}

void RateLimiter::Windows::takeBack(const Windows &part)
{
    requests.takeBack(part.requests);
    tokens.takeBack(part.tokens);
    day.takeBack(part.day);
}

bool RateLimiter::Windows::releaseIfEmpty(qint64 now)
{
    const bool noRequests = requests.releaseIfEmpty(now);
    const bool noTokens = tokens.releaseIfEmpty(now);
    return day.releaseIfEmpty(now) && noRequests && noTokens;
}

QLatin1StringView wordOf(RateBucket bucket)
{
    switch (bucket) {
    case RateBucket::EndUserRpm: return "eu_rpm"_L1;
    case RateBucket::EndUserTpm: return "eu_tpm"_L1;
    case RateBucket::EndUserRpd: return "eu_rpd"_L1;
    case RateBucket::PlatformRpm: return "plat_rpm"_L1;
    case RateBucket::PlatformTpm: return "plat_tpm"_L1;
    case RateBucket::PlatformRpd: return "plat_rpd"_L1;
    }
    return {};
}

Error errorOf(const RateLimiter::Denied &denied)
{
    const bool isTokens = denied.bucket == RateBucket::EndUserTpm || denied.bucket == RateBucket::PlatformTpm;
    const bool isDay = denied.bucket == RateBucket::EndUserRpd || denied.bucket == RateBucket::PlatformRpd;
    return { .code = ErrorCode::RateLimitExceeded,
             .message = u"Rate limit reached for %1 (%2 %3). Retry in %4 s."_s.arg(wordOf(denied.bucket))
                            .arg(denied.limit)
                            .arg(isTokens ? "tokens per minute"_L1 : isDay ? "per day"_L1 : "per minute"_L1)
                            .arg(denied.retryAfterSeconds),
             .retryAfterSeconds = denied.retryAfterSeconds,
             .deniedBy = wordOf(denied.bucket),
             .mayRepeat = !isDay };
}

} // namespace assistiv
