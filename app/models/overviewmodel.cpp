// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "overviewmodel.h"

#include "console/moneytext.h"
#include "wording.h"

#include <QtCore/QDateTime>
#include <QtCore/QLocale>
#include <QtCore/QVariantMap>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace assistiv::console {

namespace {

/// The range moves on even when nobody calls.
constexpr int RefreshMs = 60'000;
/// A gateway under load announces requests all the time; the figures of a month are not read each time.
constexpr int PauseMs = 2000;
constexpr qint64 SecondMs = 1000;
constexpr qint64 DayMs = 24 * 3600 * SecondMs;

struct RangeRow
{
    OverviewRange range;
    QLatin1StringView word;
    const char *title;
};

constexpr std::array ranges{
    RangeRow{OverviewRange::Hour, QLatin1StringView("1h"),
             QT_TRANSLATE_NOOP("assistiv::console::OverviewModel", "Last hour")},
    RangeRow{OverviewRange::Day, QLatin1StringView("24h"),
             QT_TRANSLATE_NOOP("assistiv::console::OverviewModel", "Last 24 hours")},
    RangeRow{OverviewRange::Week, QLatin1StringView("7d"),
             QT_TRANSLATE_NOOP("assistiv::console::OverviewModel", "Last 7 days")},
    RangeRow{OverviewRange::Month, QLatin1StringView("30d"),
             QT_TRANSLATE_NOOP("assistiv::console::OverviewModel", "Last 30 days")},
};

const RangeRow &rowOf(OverviewRange range)
{
    return ranges[size_t(range)];
}

/// Only for drawing: a pixel is far coarser than a double.
double dollars(Money amount)
{
    return double(amount.micros()) / 1'000'000;
}

/// A gap in the line where there is no value.
double drawnTime(const std::optional<qint64> &ms, double unitMs)
{
    return ms ? double(*ms) / unitMs : std::numeric_limits<double>::quiet_NaN();
}

QString errorTone(int status)
{
    if (status >= 500)
        return QStringLiteral("warning");
    return status == 402 || status == 401 ? QStringLiteral("danger") : QStringLiteral("neutral");
}

QString none()
{
    return QStringLiteral("–");
}

} // namespace

OverviewModel::OverviewModel(QObject *parent) : PageModel(parent)
{
    setPauseMs(PauseMs);
    m_refresh.setInterval(RefreshMs);
    connect(&m_refresh, &QTimer::timeout, this, [this] {
        if (!isBusy())
            reload();
    });
    m_refresh.start();
}

void OverviewModel::setPlatform(const QString &id)
{
    const PlatformId platform = PlatformId::parse(id).value_or(PlatformId());
    if (m_platform == platform)
        return;
    m_platform = platform;
    m_figures.reset();
    forget();
    Q_EMIT platformChanged();
}

QString OverviewModel::range() const
{
    return rowOf(m_range).word;
}

void OverviewModel::setRange(const QString &range)
{
    for (const RangeRow &row : ranges) {
        if (row.word != range || row.range == m_range)
            continue;
        // The old figures stay, dimmed by the page, until those of the new range are there.
        m_range = row.range;
        outdate();
        Q_EMIT rangeChanged();
        reload();
    }
}

QString OverviewModel::rangeTitle() const
{
    return tr(rowOf(m_range).title);
}

void OverviewModel::ask()
{
    engine()->readOverview(this, m_platform, m_range,
                           answer<OverviewFigures>([this](const OverviewFigures &figures) { m_figures = figures; }));
}

QString OverviewModel::failureTitle() const
{
    return tr("The figures could not be read");
}

bool OverviewModel::concerns(ConsoleEngine::Topic topic) const
{
    return topic == ConsoleEngine::Topic::Requests || topic == ConsoleEngine::Topic::EndUsers;
}

QString OverviewModel::spend() const
{
    return m_figures ? briefMoney(m_figures->spend) : none();
}

QString OverviewModel::spendExact() const
{
    return m_figures ? exactMoney(m_figures->spend) : none();
}

QString OverviewModel::spendDelta() const
{
    if (!m_figures || !m_figures->spendBefore || *m_figures->spendBefore <= Money())
        return {};
    const double before = dollars(*m_figures->spendBefore);
    const qint64 percent = std::llround((dollars(m_figures->spend) - before) / before * 100);
    if (percent > 999)
        return tr(">999 %");
    if (percent < 0)
        return tr("\u2212%1 %").arg(-percent);
    return percent > 0 ? tr("+%1 %").arg(percent) : tr("0 %");
}

QString OverviewModel::requests() const
{
    return m_figures ? countText(m_figures->requests) : none();
}

QString OverviewModel::failedShare() const
{
    if (!m_figures || m_figures->failed == 0)
        return {};
    return tr("%1 errors").arg(shareText(m_figures->failed, m_figures->requests));
}

QString OverviewModel::latency() const
{
    return m_figures && m_figures->p95Ms ? durationText(*m_figures->p95Ms) : none();
}

QString OverviewModel::latencyMiddle() const
{
    return m_figures && m_figures->p50Ms ? tr("p50 %1").arg(durationText(*m_figures->p50Ms)) : QString();
}

QString OverviewModel::overhead() const
{
    return m_figures && m_figures->overheadMs ? tr("gateway overhead %1").arg(durationText(*m_figures->overheadMs))
                                              : QString();
}

QVariantList OverviewModel::spendSeries() const
{
    QVariantList line;
    if (m_figures) {
        for (const OverviewPoint &point : m_figures->points)
            line += dollars(point.spend);
    }
    return {QVariant(line)};
}

QVariantList OverviewModel::requestSeries() const
{
    QVariantList good;
    QVariantList failed;
    if (m_figures) {
        for (const OverviewPoint &point : m_figures->points) {
            good += double(point.requests - point.failed);
            failed += double(point.failed);
        }
    }
    return {QVariant(good), QVariant(failed)};
}

bool OverviewModel::isDrawnInSeconds() const
{
    return m_figures
        && std::any_of(m_figures->points.begin(), m_figures->points.end(),
                       [](const OverviewPoint &point) { return point.p95Ms.value_or(0) >= SecondMs; });
}

QString OverviewModel::latencyUnit() const
{
    return isDrawnInSeconds() ? tr(" s", "seconds") : tr(" ms", "milliseconds");
}

QVariantList OverviewModel::latencySeries() const
{
    QVariantList slow;
    QVariantList middle;
    if (m_figures) {
        const double unitMs = isDrawnInSeconds() ? SecondMs : 1;
        for (const OverviewPoint &point : m_figures->points) {
            slow += drawnTime(point.p95Ms, unitMs);
            middle += drawnTime(point.p50Ms, unitMs);
        }
    }
    return {QVariant(slow), QVariant(middle)};
}

QString OverviewModel::sliceText(const OverviewPoint &point) const
{
    const QDateTime from = QDateTime::fromMSecsSinceEpoch(point.fromMs);
    const QLocale locale;
    switch (m_range) {
    case OverviewRange::Hour:
    case OverviewRange::Day:
        return locale.toString(from, QStringLiteral("HH:mm"));
    case OverviewRange::Week:
        return locale.toString(from, QStringLiteral("ddd HH:mm"));
    case OverviewRange::Month:
        return locale.toString(from, QStringLiteral("d MMM"));
    }
    return {};
}

QStringList OverviewModel::spendHints() const
{
    QStringList hints;
    if (m_figures) {
        for (const OverviewPoint &point : m_figures->points)
            hints += tr("%1  %2").arg(sliceText(point), exactMoney(point.spend));
    }
    return hints;
}

QStringList OverviewModel::requestHints() const
{
    QStringList hints;
    if (m_figures) {
        for (const OverviewPoint &point : m_figures->points) {
            const QString calls = tr("%L1 requests").arg(point.requests);
            hints += point.failed > 0 ? tr("%1  %2, %3 failed").arg(sliceText(point), calls, countText(point.failed))
                                      : tr("%1  %2").arg(sliceText(point), calls);
        }
    }
    return hints;
}

QStringList OverviewModel::latencyHints() const
{
    QStringList hints;
    if (m_figures) {
        for (const OverviewPoint &point : m_figures->points) {
            hints += point.p95Ms && point.p50Ms
                ? tr("%1  p95 %2, p50 %3").arg(sliceText(point), durationText(*point.p95Ms), durationText(*point.p50Ms))
                : tr("%1  no call").arg(sliceText(point));
        }
    }
    return hints;
}

QStringList OverviewModel::axisLabels() const
{
    if (!m_figures)
        return {};
    // Four moments at equal distance and the end of the range; what stands there depends on how long the range is.
    constexpr int Steps = 4;
    const QLocale locale;
    const qint64 span = m_figures->toMs - m_figures->fromMs;
    const QString pattern = span <= DayMs ? QStringLiteral("HH:mm")
        : span <= 7 * DayMs               ? QStringLiteral("ddd d")
                                          : QStringLiteral("d MMM");
    QStringList labels;
    for (int i = 0; i < Steps; ++i)
        labels += locale.toString(QDateTime::fromMSecsSinceEpoch(m_figures->fromMs + span * i / Steps), pattern);
    labels += span <= DayMs ? tr("now") : tr("today");
    return labels;
}

QVariantList OverviewModel::errorGroups() const
{
    QVariantList groups;
    if (!m_figures)
        return groups;
    for (const ErrorGroup &group : m_figures->errors) {
        const Fix fix = fixFor(group.code);
        const QString subjects = group.subjects.join(tr(", "));
        groups += QVariantMap{
            {QStringLiteral("status"), QString::number(group.status)},
            {QStringLiteral("code"), group.code},
            {QStringLiteral("subjects"), subjects.isEmpty() ? explain(group.code) : subjects},
            {QStringLiteral("meaning"), explain(group.code)},
            {QStringLiteral("when"), tr("%1 · last %2").arg(countText(group.count), agoText(group.lastAtMs, nowMs()))},
            {QStringLiteral("tone"), errorTone(group.status)},
            {QStringLiteral("fixText"), fix.text},
            {QStringLiteral("fixAction"), fix.action},
        };
    }
    return groups;
}

QVariantList OverviewModel::lowBudgets() const
{
    QVariantList budgets;
    if (!m_figures)
        return budgets;
    for (const LowBudget &budget : m_figures->lowBudgets) {
        const bool empty = budget.remaining <= Money();
        const double left = budget.limit > Money() ? qMax(0.0, dollars(budget.remaining)) / dollars(budget.limit) : 0;
        budgets += QVariantMap{
            {QStringLiteral("name"), budget.externalId},
            {QStringLiteral("remaining"), briefMoney(budget.remaining)},
            {QStringLiteral("exact"), exactMoney(budget.remaining)},
            {QStringLiteral("limit"), tr("of %1").arg(plainMoney(budget.limit))},
            {QStringLiteral("used"), qBound(0.0, 1 - left, 1.0)},
            {QStringLiteral("tone"), empty ? QStringLiteral("danger") : QStringLiteral("warning")},
            {QStringLiteral("spoken"),
             tr("%1 has %2 of %3 left").arg(budget.externalId, exactMoney(budget.remaining), plainMoney(budget.limit))},
        };
    }
    return budgets;
}

} // namespace assistiv::console
