// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pagemodel.h"

#include <QtCore/QVariantList>

namespace assistiv::console {

/// Spend, requests and latency of one platform over a range, the errors in it, and the budgets that run low.
class OverviewModel : public assistiv::console::PageModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString platform READ platform WRITE setPlatform NOTIFY platformChanged)
    /// 1h, 24h, 7d or 30d.
    Q_PROPERTY(QString range READ range WRITE setRange NOTIFY rangeChanged)
    Q_PROPERTY(QString rangeTitle READ rangeTitle NOTIFY rangeChanged)

    /// Some call was ever made; before that the page invites to make the first one.
    Q_PROPERTY(bool anyRequest READ anyRequest NOTIFY changed)
    Q_PROPERTY(QString spend READ spend NOTIFY changed)
    Q_PROPERTY(QString spendExact READ spendExact NOTIFY changed)
    Q_PROPERTY(QString spendDelta READ spendDelta NOTIFY changed)
    Q_PROPERTY(QString requests READ requests NOTIFY changed)
    Q_PROPERTY(QString failedShare READ failedShare NOTIFY changed)
    Q_PROPERTY(QString latency READ latency NOTIFY changed)
    Q_PROPERTY(QString latencyMiddle READ latencyMiddle NOTIFY changed)
    Q_PROPERTY(QString overhead READ overhead NOTIFY changed)

    Q_PROPERTY(QVariantList spendSeries READ spendSeries NOTIFY changed)
    Q_PROPERTY(QVariantList requestSeries READ requestSeries NOTIFY changed)
    Q_PROPERTY(QVariantList latencySeries READ latencySeries NOTIFY changed)
    /// What the values of latencySeries are counted in, as it follows a number: " ms", or " s" as soon as one reaches a second.
    Q_PROPERTY(QString latencyUnit READ latencyUnit NOTIFY changed)
    /// What the chart says about each point, in order.
    Q_PROPERTY(QStringList spendHints READ spendHints NOTIFY changed)
    Q_PROPERTY(QStringList requestHints READ requestHints NOTIFY changed)
    Q_PROPERTY(QStringList latencyHints READ latencyHints NOTIFY changed)
    Q_PROPERTY(QStringList axisLabels READ axisLabels NOTIFY changed)

    /// Maps with status, code, subjects, when, tone, fixText, fixAction.
    Q_PROPERTY(QVariantList errorGroups READ errorGroups NOTIFY changed)
    /// Maps with name, remaining, exact, limit, used, tone, spoken.
    Q_PROPERTY(QVariantList lowBudgets READ lowBudgets NOTIFY changed)

public:
    explicit OverviewModel(QObject *parent = nullptr);

    QString platform() const { return m_platform.isNull() ? QString() : m_platform.toString(); }
    void setPlatform(const QString &id);
    QString range() const;
    void setRange(const QString &range);
    QString rangeTitle() const;

    bool anyRequest() const { return m_figures && m_figures->anyRequest; }
    QString spend() const;
    QString spendExact() const;
    QString spendDelta() const;
    QString requests() const;
    QString failedShare() const;
    QString latency() const;
    QString latencyMiddle() const;
    QString overhead() const;
    QVariantList spendSeries() const;
    QVariantList requestSeries() const;
    QVariantList latencySeries() const;
    QString latencyUnit() const;
    QStringList spendHints() const;
    QStringList requestHints() const;
    QStringList latencyHints() const;
    QStringList axisLabels() const;
    QVariantList errorGroups() const;
    QVariantList lowBudgets() const;

Q_SIGNALS:
    void platformChanged();
    void rangeChanged();

protected:
    bool canAsk() const override { return !m_platform.isNull(); }
    void ask() override;
    QString failureTitle() const override;
    bool concerns(ConsoleEngine::Topic topic) const override;
    bool isEmpty() const override { return !anyRequest(); }

private:
    bool isDrawnInSeconds() const;
    QString sliceText(const OverviewPoint &point) const;

    PlatformId m_platform;
    OverviewRange m_range = OverviewRange::Day;
    std::optional<OverviewFigures> m_figures;
    QTimer m_refresh;
};

} // namespace assistiv::console
