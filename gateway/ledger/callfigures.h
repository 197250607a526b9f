// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/money.h"

#include <QtCore/QHash>
#include <QtCore/QString>
#include <QtCore/QUuid>

#include <optional>

namespace assistiv {

/// What happened in a stretch of time. Rows of one request count as one request; it failed when none of them succeeded.
struct CallFigures
{
    Timestamp from;
    Money spend;
    qint64 requests = 0;
    qint64 failed = 0;
    /// Of the successful upstream calls, by nearest rank: the smallest latency that so many percent of them did not
    /// exceed. Empty when there was none.
    std::optional<qint64> p50Ms;
    std::optional<qint64> p95Ms;
};

/// Failed calls with the same message.
struct FailureGroup
{
    QString message;
    qint64 count = 0;
    Timestamp lastAt;
};

/// What happened in a range: as a whole and slice by slice.
struct RangeFigures
{
    CallFigures whole;
    /// Of equal length, oldest first, without gaps. A request with rows in several counts in each, once in the whole.
    QList<CallFigures> slices;
    /// Most frequent first.
    QList<FailureGroup> failures;
};

/// Adds up the calls of a range [since, until) while they pass by in the order of time. It keeps no call, only a few
/// bytes for each request, each latency and each failure message that is unlike the others.
class CallTally
{
public:
    struct Call
    {
        Timestamp at;
        Money cost;
        qint64 latencyMs = 0;
        QString status;
        QString requestId;
        /// Of a failed call.
        QString errorMessage;
    };

    CallTally(Timestamp since, Timestamp until, int slices);

    void add(const Call &call);
    /// Ends the tally.
    RangeFigures take(int mostFailures);

private:
    using LatencyCounts = QHash<qint64, qint64>;

    /// A request in one of the slices.
    struct Request
    {
        QUuid id;
        bool isGood = false;
    };

    void addFailure(const Call &call);
    /// Before a call of a later slice, and at the end.
    void finishSlice();
    void countRequests();
    static void rank(const LatencyCounts &counts, CallFigures &figures);

    qint64 m_widthMs;
    RangeFigures m_figures;
    qsizetype m_slice = 0;
    /// Of the running slice, and whether one of their calls succeeded.
    QHash<QUuid, bool> m_sliceRequests;
    LatencyCounts m_sliceLatencies;
    /// Those of the slices so far. They stay to the end: a stream has no longest duration, so neither has what lies
    /// between two calls of one request.
    QList<Request> m_requests;
    LatencyCounts m_latencies;
    QHash<QString, FailureGroup> m_failures;
};

} // namespace assistiv
