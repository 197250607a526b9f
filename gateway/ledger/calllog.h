// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "ledger/callfigures.h"
#include "limits/ratelimiter.h"
#include "store/accountstate.h"

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

/// How fast the money goes.
struct SpendRate
{
    Money spent;
    /// Of the first billed call, in the range or before; empty when nothing was spent in the range.
    std::optional<Timestamp> firstAt;
};

/// Reads the call log: the list of the API and the figures of the console.
class CallLog
{
public:
    explicit CallLog(const ServiceContext &context) : m_context(context) {}

    /// Newest first.
    Result<LogRows> rows(const PlatformId &platform, const LogFilter &filter, qint64 offset, qint64 limit);

    /// [since, until) in so many slices, with the most frequent failures, at most so many. Reads each row once.
    Result<RangeFigures> figures(const PlatformId &platform, Timestamp since, Timestamp until, int slices,
                                 int mostFailures);
    /// What the calls in [since, until) cost; empty when there was none.
    Result<std::optional<Money>> spend(const PlatformId &platform, Timestamp since, Timestamp until);
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
