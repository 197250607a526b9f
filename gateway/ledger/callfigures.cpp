// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/callfigures.h"

#include <algorithm>
#include <cstring>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// Half the memory of the text. What is no UUID, and so was not written by a gateway, is as good as unique by its hash.
QUuid keyOf(const QString &requestId)
{
    const QUuid uuid = QUuid::fromString(requestId);
    return uuid.isNull() ? QUuid::createUuidV5(QUuid(), requestId) : uuid;
}

} // namespace

CallTally::CallTally(Timestamp since, Timestamp until, int slices)
    : m_widthMs(qMax<qint64>(1, (until.ms() - since.ms() + slices - 1) / slices))
{
    m_figures.whole.from = since;
    m_figures.slices.resize(slices);
    for (int i = 0; i < slices; ++i)
        m_figures.slices[i].from = since.plusMs(i * m_widthMs);
}

void CallTally::add(const Call &call)
{
    const qsizetype slice = (call.at.ms() - m_figures.whole.from.ms()) / m_widthMs;
    if (slice != m_slice)
        finishSlice();
    m_slice = slice;
    m_figures.slices[slice].spend += call.cost;
    const bool isError = call.status == "error"_L1;
    m_sliceRequests[keyOf(call.requestId)] |= !isError;
    if (isError)
        addFailure(call);
    else if (call.status == "success"_L1)
        ++m_sliceLatencies[call.latencyMs];
}

void CallTally::addFailure(const Call &call)
{
    FailureGroup &group = m_failures[call.errorMessage];
    group.message = call.errorMessage;
    ++group.count;
    group.lastAt = call.at;
}

void CallTally::finishSlice()
{
    CallFigures &slice = m_figures.slices[m_slice];
    slice.requests = m_sliceRequests.size();
    for (auto [id, isGood] : m_sliceRequests.asKeyValueRange()) {
        slice.failed += isGood ? 0 : 1;
        m_requests.append({ id, isGood });
    }
    m_sliceRequests.clear();
    rank(m_sliceLatencies, slice);
    for (auto [latency, count] : m_sliceLatencies.asKeyValueRange())
        m_latencies[latency] += count;
    m_sliceLatencies.clear();
    m_figures.whole.spend += slice.spend;
}

void CallTally::countRequests()
{
    const auto order = [](const QUuid &a, const QUuid &b) { return std::memcmp(&a, &b, sizeof(QUuid)); };
    std::sort(m_requests.begin(), m_requests.end(),
              [&](const Request &a, const Request &b) { return order(a.id, b.id) < 0; });
    for (auto request = m_requests.cbegin(); request != m_requests.cend();) {
        const QUuid id = request->id;
        bool isGood = false;
        for (; request != m_requests.cend() && request->id == id; ++request)
            isGood |= request->isGood;
        ++m_figures.whole.requests;
        m_figures.whole.failed += isGood ? 0 : 1;
    }
}

RangeFigures CallTally::take(int mostFailures)
{
    finishSlice();
    countRequests();
    rank(m_latencies, m_figures.whole);
    QList<FailureGroup> &groups = m_figures.failures;
    groups = m_failures.values();
    std::sort(groups.begin(), groups.end(), [](const FailureGroup &a, const FailureGroup &b) {
        return a.count != b.count ? a.count > b.count : a.lastAt > b.lastAt;
    });
    groups.resize(std::min<qsizetype>(groups.size(), mostFailures));
    return std::move(m_figures);
}

void CallTally::rank(const LatencyCounts &counts, CallFigures &figures)
{
    QList<qint64> latencies = counts.keys();
    std::sort(latencies.begin(), latencies.end());
    qint64 calls = 0;
    for (const qint64 count : counts)
        calls += count;
    qint64 place = 0;
    for (const qint64 latency : latencies) {
        place += counts.value(latency);
        if (!figures.p50Ms && place >= (calls * 50 + 99) / 100)
            figures.p50Ms = latency;
        if (!figures.p95Ms && place >= (calls * 95 + 99) / 100)
            figures.p95Ms = latency;
    }
}

} // namespace assistiv
