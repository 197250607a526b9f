// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/calllog.h"

#include "store/database.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

LogRow logRowFrom(const Query &query)
{
    LogRow row;
    row.id = query.id<LogRowId>(0);
    row.platform = query.id<PlatformId>(1);
    row.endUser = query.id<EndUserId>(2);
    row.requestId = query.text(3);
    row.requestType = query.text(4);
    row.provider = query.id<ProviderId>(5);
    row.model = query.id<ModelId>(6);
    row.modelSlug = query.text(7);
    row.providerModelId = query.text(8);
    row.promptTokens = query.integer(9);
    row.completionTokens = query.integer(10);
    row.latencyMs = query.integer(11);
    row.cost = query.money(12);
    row.status = query.text(13);
    row.errorMessage = query.text(14);
    row.tokenCountMethod = query.text(15);
    row.billingStatus = query.text(16);
    row.metadata = query.text(17).toUtf8();
    row.createdAt = query.time(18);
    return row;
}

void bindFilter(Query &query, const PlatformId &platform, const LogFilter &filter)
{
    query.bind(platform, filter.model, filter.model, filter.endUser, filter.endUser, filter.requestType, filter.requestType,
               filter.status, filter.status, filter.requestId, filter.requestId, filter.since, filter.since, filter.until,
               filter.until);
}

} // namespace

Result<LogRows> CallLog::rows(const PlatformId &platform, const LogFilter &filter, qint64 offset, qint64 limit)
{
    LogRows found;
    {
        Query count = m_context.db.prepare(
            u"SELECT count(*) FROM request_logs WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR model = ?) "
            "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?) AND (CAST(? AS TEXT) IS NULL OR request_type = ?) "
            "AND (CAST(? AS TEXT) IS NULL OR status = ?) AND (CAST(? AS TEXT) IS NULL OR request_id = ?) "
            "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?)"_s);
        bindFilter(count, platform, filter);
        if (const auto read = count.exec(); !read)
            return read.error();
        if (count.next())
            found.total = count.integer(0);
    }
    Query query = m_context.db.prepare(
        u"SELECT id, platform_id, end_user_id, request_id, request_type, provider_id, model_id, model, provider_model_id, "
        "prompt_tokens, completion_tokens, latency_ms, cost, status, error_message, token_count_method, billing_status, "
        "metadata, created_at FROM request_logs WHERE platform_id = ? AND (CAST(? AS TEXT) IS NULL OR model = ?) "
        "AND (CAST(? AS TEXT) IS NULL OR end_user_id = ?) AND (CAST(? AS TEXT) IS NULL OR request_type = ?) "
        "AND (CAST(? AS TEXT) IS NULL OR status = ?) AND (CAST(? AS TEXT) IS NULL OR request_id = ?) "
        "AND (CAST(? AS BIGINT) IS NULL OR created_at >= ?) AND (CAST(? AS BIGINT) IS NULL OR created_at < ?) "
        "ORDER BY created_at DESC, seq DESC LIMIT ? OFFSET ?"_s);
    bindFilter(query, platform, filter);
    if (const auto read = query.bind(limit, offset).exec(); !read)
        return read.error();
    while (query.next())
        found.rows.append(logRowFrom(query));
    return found;
}

Result<RangeFigures> CallLog::figures(const PlatformId &platform, Timestamp since, Timestamp until, int slices,
                                      int mostFailures)
{
    // Summed up here, not in SQL: SQLite would sort all rows in memory, several times.
    Query query = m_context.db.prepare(
        u"SELECT created_at, cost, latency_ms, status, request_id, CASE WHEN status = 'error' THEN error_message END "
        "FROM request_logs WHERE platform_id = ? AND created_at >= ? "
        "AND created_at < ? ORDER BY created_at"_s);
    if (const auto read = query.bind(platform, since, until).exec(); !read)
        return read.error();
    CallTally tally(since, until, slices);
    while (query.next()) {
        tally.add({ query.time(0), query.money(1), query.integer(2), query.text(3), query.text(4), query.text(5) });
    }
    if (const auto ended = query.ended(); !ended)
        return ended.error();
    return tally.take(mostFailures);
}

Result<std::optional<Money>> CallLog::spend(const PlatformId &platform, Timestamp since, Timestamp until)
{
    Query query = m_context.db.prepare(
        u"SELECT CAST(sum(cost) AS BIGINT) FROM request_logs WHERE platform_id = ? AND created_at >= ? "
        "AND created_at < ?"_s);
    if (const auto read = query.bind(platform, since, until).exec(); !read)
        return read.error();
    return query.next() ? query.optionalMoney(0) : std::nullopt;
}

Result<std::optional<LogRow>> CallLog::newest(const PlatformId &platform, Timestamp after)
{
    Query query = m_context.db.prepare(
        u"SELECT id, platform_id, end_user_id, request_id, request_type, provider_id, model_id, model, provider_model_id, "
        "prompt_tokens, completion_tokens, latency_ms, cost, status, error_message, token_count_method, billing_status, "
        "metadata, created_at FROM request_logs WHERE platform_id = ? AND created_at > ? ORDER BY created_at DESC, seq DESC LIMIT 1"_s);
    if (const auto read = query.bind(platform, after).exec(); !read)
        return read.error();
    return query.next() ? std::optional(logRowFrom(query)) : std::optional<LogRow>();
}

Result<QList<CallsBefore>> CallLog::requestsByMinute(const PlatformId &platform, const EndUserId &endUser,
                                                     Timestamp since, Timestamp until)
{
    // A request counts once, however many calls it made; dated by the last of them, it is forgotten late, not early.
    Query query = m_context.db.prepare(
        endUser.isNull()
            ? u"SELECT max(latest), count(*) FROM (SELECT max(created_at) AS latest FROM request_logs "
              "WHERE platform_id = ? AND created_at >= ? AND created_at < ? "
              "AND request_type IN ('chat.completion', 'response') GROUP BY request_id) AS requests "
              "GROUP BY latest / 60000 ORDER BY 1"_s
            : u"SELECT max(latest), count(*) FROM (SELECT max(created_at) AS latest FROM request_logs "
              "WHERE end_user_id = ? AND created_at >= ? AND created_at < ? "
              "AND request_type IN ('chat.completion', 'response') GROUP BY request_id) AS requests "
              "GROUP BY latest / 60000 ORDER BY 1"_s);
    if (endUser.isNull())
        query.bind(platform);
    else
        query.bind(endUser);
    if (const auto read = query.bind(since, until).exec(); !read)
        return read.error();
    QList<CallsBefore> minutes;
    while (query.next())
        minutes.append({ query.time(0), query.integer(1) });
    return minutes;
}

Result<SpendRate> CallLog::spendSince(const PlatformId &platform, Timestamp since)
{
    SpendRate rate;
    {
        Query query = m_context.db.prepare(
            u"SELECT CAST(COALESCE(sum(cost), 0) AS BIGINT) FROM request_logs WHERE platform_id = ? "
            "AND created_at >= ? AND billing_status = 'billed'"_s);
        if (const auto read = query.bind(platform, since).exec(); !read)
            return read.error();
        if (query.next())
            rate.spent = query.money(0);
    }
    // Without a billed call, looking for the first one would read the whole log.
    if (rate.spent == Money())
        return rate;
    Query query = m_context.db.prepare(
        u"SELECT created_at FROM request_logs WHERE platform_id = ? AND billing_status = 'billed' "
        "ORDER BY created_at LIMIT 1"_s);
    if (const auto read = query.bind(platform).exec(); !read)
        return read.error();
    if (query.next())
        rate.firstAt = query.time(0);
    return rate;
}

} // namespace assistiv
