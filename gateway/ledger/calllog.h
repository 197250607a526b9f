// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "limits/ratelimiter.h"
#include "store/accountstate.h"

#include <QtCore/QStringList>

namespace assistiv {

/// One upstream call, or one paid tool call (docs/contract/logs.md).
struct LogRow
{
    LogRowId id;
    PlatformId platform;
    /// Null for calls with a platform key, and once the user was deleted.
    EndUserId endUser;
    QString requestId;
    QString requestType;
    ProviderId provider;
    ModelId model;
    QString modelSlug;
    QString providerModelId;
    qint64 promptTokens = 0;
    qint64 completionTokens = 0;
    qint64 latencyMs = 0;
    Money cost;
    QString status;
    QString errorMessage;
    QString tokenCountMethod;
    QString billingStatus;
    /// JSON object.
    QByteArray metadata;
    Timestamp createdAt;
};

struct LogFilter
{
    std::optional<QString> model = {};
    std::optional<EndUserId> endUser = {};
    std::optional<QString> requestType = {};
    std::optional<QString> status = {};
    std::optional<QString> requestId = {};
    /// Inclusive.
    std::optional<Timestamp> since = {};
    /// Exclusive.
    std::optional<Timestamp> until = {};
};

struct LogRows
{
    QList<LogRow> rows;
    qint64 total = 0;
};

/// What happened in one slice of time. Rows of one request count as one request; it failed when none of them succeeded.
struct CallFigures
{
    Timestamp from;
    Money spend;
    qint64 requests = 0;
    qint64 failed = 0;
    /// Of the successful upstream calls; empty when there was none.
    std::optional<qint64> p50Ms;
    std::optional<qint64> p95Ms;
};

/// Failed calls with the same message.
struct FailureGroup
{
    QString message;
    /// Slugs of the models it met, newest first, at most three.
    QStringList models;
    qint64 count = 0;
    Timestamp lastAt;
};

/// How fast the money goes.
struct SpendRate
{
    Money spent;
    /// Of the first billed call in the range; empty when there was none.
    std::optional<Timestamp> firstAt;
};

/// Reads the call log: the list of the API and the figures of the console.
class CallLog
{
public:
    explicit CallLog(const ServiceContext &context) : m_context(context) {}

    /// Newest first.
    Result<LogRows> rows(const PlatformId &platform, const LogFilter &filter, qint64 offset, qint64 limit);

    /// [since, until) in so many slices of equal length, oldest first, without gaps.
    Result<QList<CallFigures>> slices(const PlatformId &platform, Timestamp since, Timestamp until, int count);
    /// The same range as one slice.
    Result<CallFigures> totals(const PlatformId &platform, Timestamp since, Timestamp until);
    /// Most frequent first, at most so many.
    Result<QList<FailureGroup>> failures(const PlatformId &platform, Timestamp since, Timestamp until, int most);
    /// The newest row after that moment; empty when there is none.
    Result<std::optional<LogRow>> newest(const PlatformId &platform, Timestamp after = {});
    /// Requests of inference in [since, until) by the minute of their last row, oldest first, for the rate limits. A
    /// null end user stands for the whole platform.
    Result<QList<CallsBefore>> requestsByMinute(const PlatformId &platform, const EndUserId &endUser, Timestamp since,
                                                Timestamp until);
    /// What was billed since then: the base of "at this rate the wallet lasts …".
    Result<SpendRate> spendSince(const PlatformId &platform, Timestamp since);

private:
    ServiceContext m_context;
};

} // namespace assistiv
