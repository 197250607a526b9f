// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/callgates.h"

namespace assistiv {

namespace {

void addHeadroom(HttpExchange &client, const RateLimiter::Admitted &admitted)
{
    if (const auto &requests = admitted.requests) {
        client.addHeader("x-ratelimit-limit-requests", QByteArray::number(requests->limit));
        client.addHeader("x-ratelimit-remaining-requests", QByteArray::number(requests->remaining));
    }
    if (const auto &tokens = admitted.tokens) {
        client.addHeader("x-ratelimit-limit-tokens", QByteArray::number(tokens->limit));
        client.addHeader("x-ratelimit-remaining-tokens", QByteArray::number(tokens->remaining));
    }
}

} // namespace

std::variant<Admission, Error, AccountBook::Miss, AccountBook::ResetDue> CallGates::pass(HttpExchange &client)
{
    CallLimits limits;
    auto payers = m_parts.book.admit(m_caller, m_parts.clock.now(), &limits);
    if (m_isCounted || std::holds_alternative<AccountBook::Miss>(payers))
        return payers;
    const auto verdict = m_parts.limiter.admit(m_caller.platform, m_caller.endUser, limits);
    if (const auto *denied = std::get_if<RateLimiter::Denied>(&verdict)) {
        m_parts.metrics.rateLimited[size_t(denied->bucket)].add();
        return errorOf(*denied);
    }
    if (std::holds_alternative<RateLimiter::DayUnknown>(verdict))
        return AccountBook::Miss {};
    m_isCounted = true;
    addHeadroom(client, std::get<RateLimiter::Admitted>(verdict));
    return payers;
}

} // namespace assistiv
