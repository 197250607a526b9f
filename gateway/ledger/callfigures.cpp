// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/callfigures.h"

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype MostModels = 3;

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
    const auto index = qint16((call.at.ms() - m_figures.whole.from.ms()) / m_widthMs);
    if (index != m_slice)
        finishSlice();
    m_slice = index;
    CallFigures &slice = m_figures.slices[index];
    slice.spend += call.cost;
    countRequest(call, slice);
    if (call.status == "success"_L1)
        ++m_sliceLatencies[call.latencyMs];
    else if (call.status == "error"_L1)
        countFailure(call);
}

void CallTally::countRequest(const Call &call, CallFigures &slice)
{
    CallFigures &whole = m_figures.whole;
    const qsizetype known = m_requests.size();
    Request &request = m_requests[keyOf(call.requestId)];
    if (m_requests.size() > known) {
        ++whole.requests;
        ++whole.failed;
    }
    if (request.slice != m_slice) {
        request.slice = m_slice;
        request.isGoodInSlice = false;
        ++slice.requests;
        ++slice.failed;
    }
    if (call.status == "error"_L1)
        return;
    slice.failed -= request.isGoodInSlice ? 0 : 1;
    whole.failed -= request.isGood ? 0 : 1;
    request.isGoodInSlice = request.isGood = true;
}

void CallTally::countFailure(const Call &call)
{
    Failure &failure = m_failures[call.errorMessage];
    ++failure.count;
    failure.lastAt = call.at;
    if (!call.model.isEmpty())
        failure.models[call.model] = call.at;
}

void CallTally::finishSlice()
{
    CallFigures &slice = m_figures.slices[m_slice];
    rank(m_sliceLatencies, slice);
    m_figures.whole.spend += slice.spend;
    for (auto [latency, count] : m_sliceLatencies.asKeyValueRange())
        m_latencies[latency] += count;
    m_sliceLatencies.clear();
}

RangeFigures CallTally::take(int mostFailures)
{
    finishSlice();
    rank(m_latencies, m_figures.whole);
    QList<FailureGroup> &groups = m_figures.failures;
    for (auto [message, failure] : m_failures.asKeyValueRange())
        groups.append({ message, {}, failure.count, failure.lastAt });
    std::sort(groups.begin(), groups.end(), [](const FailureGroup &a, const FailureGroup &b) {
        return a.count != b.count ? a.count > b.count : a.lastAt > b.lastAt;
    });
    groups.resize(std::min<qsizetype>(groups.size(), mostFailures));
    for (FailureGroup &group : groups)
        group.models = newestModels(m_failures[group.message]);
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

QStringList CallTally::newestModels(const Failure &failure)
{
    QStringList models;
    for (const auto &[model, lastAt] : failure.models)
        models.append(model);
    std::stable_sort(models.begin(), models.end(),
                     [&](const QString &a, const QString &b) { return failure.models.at(a) > failure.models.at(b); });
    models.resize(std::min(models.size(), MostModels));
    return models;
}

} // namespace assistiv
