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

Result<QList<CallFigures>> CallLog::slices(const PlatformId &platform, Timestamp since, Timestamp until, int count)
{
    const qint64 width = qMax<qint64>(1, (until.ms() - since.ms() + count - 1) / count);
    QList<CallFigures> slices;
    for (int i = 0; i < count; ++i) {
        CallFigures slice;
        slice.from = since.plusMs(i * width);
        slices.append(slice);
    }
    // Percentiles by nearest rank: the smallest latency that so many percent of the calls did not exceed.
    Query query = m_context.db.prepare(
        u"WITH calls AS (SELECT (created_at - ?) / ? AS slice, cost, status, request_id, latency_ms FROM request_logs "
        "WHERE platform_id = ? AND created_at >= ? AND created_at < ?), "
        "ranked AS (SELECT slice, latency_ms, row_number() OVER (PARTITION BY slice ORDER BY latency_ms) AS place, "
        "count(*) OVER (PARTITION BY slice) AS calls FROM calls WHERE status = 'success'), "
        "latencies AS (SELECT slice, min(CASE WHEN place >= (calls * 50 + 99) / 100 THEN latency_ms END) AS p50, "
        "min(CASE WHEN place >= (calls * 95 + 99) / 100 THEN latency_ms END) AS p95 FROM ranked GROUP BY slice), "
        "sums AS (SELECT slice, CAST(sum(cost) AS BIGINT) AS spend, count(DISTINCT request_id) AS requests, "
        "count(DISTINCT CASE WHEN status <> 'error' THEN request_id END) AS good FROM calls GROUP BY slice) "
        "SELECT sums.slice, spend, requests, good, p50, p95 FROM sums LEFT JOIN latencies ON latencies.slice = sums.slice"_s);
    if (const auto read = query.bind(since, width, platform, since, until).exec(); !read)
        return read.error();
    while (query.next()) {
        const qint64 index = query.integer(0);
        if (index < 0 || index >= slices.size())
            continue;
        CallFigures &slice = slices[index];
        slice.spend = query.money(1);
        slice.requests = query.integer(2);
        slice.failed = slice.requests - query.integer(3);
        slice.p50Ms = query.optionalInteger(4);
        slice.p95Ms = query.optionalInteger(5);
    }
    return slices;
}

Result<CallFigures> CallLog::totals(const PlatformId &platform, Timestamp since, Timestamp until)
{
    const auto one = slices(platform, since, until, 1);
    if (!one)
        return one.error();
    return one->constFirst();
}

Result<QList<FailureGroup>> CallLog::failures(const PlatformId &platform, Timestamp since, Timestamp until, int most)
{
    QList<FailureGroup> groups;
    {
        Query query = m_context.db.prepare(
            u"SELECT COALESCE(error_message, ''), count(*), max(created_at) FROM request_logs WHERE platform_id = ? "
            "AND created_at >= ? AND created_at < ? AND status = 'error' GROUP BY COALESCE(error_message, '') "
            "ORDER BY 2 DESC, 3 DESC LIMIT ?"_s);
        if (const auto read = query.bind(platform, since, until, most).exec(); !read)
            return read.error();
        while (query.next())
            groups.append({ query.text(0), {}, query.integer(1), query.time(2) });
    }
    for (FailureGroup &group : groups) {
        Query query = m_context.db.prepare(
            u"SELECT model, max(created_at) FROM request_logs WHERE platform_id = ? AND created_at >= ? AND created_at < ? "
            "AND status = 'error' AND COALESCE(error_message, '') = ? AND model IS NOT NULL GROUP BY model "
            "ORDER BY 2 DESC, 1 LIMIT 3"_s);
        // Not a null string: that would be bound as NULL, which equals nothing.
        const QString message = group.message.isEmpty() ? u""_s : group.message;
        if (const auto read = query.bind(platform, since, until, message).exec(); !read)
            return read.error();
        while (query.next())
            group.models.append(query.text(0));
    }
    return groups;
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
    Query query = m_context.db.prepare(
        u"SELECT CAST(COALESCE(sum(cost), 0) AS BIGINT), min(created_at) FROM request_logs WHERE platform_id = ? "
        "AND created_at >= ? AND billing_status = 'billed'"_s);
    if (const auto read = query.bind(platform, since).exec(); !read)
        return read.error();
    SpendRate rate;
    if (query.next()) {
        rate.spent = query.money(0);
        rate.firstAt = query.optionalTime(1);
    }
    return rate;
}

} // namespace assistiv
