// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// Charts of the range, the errors in it and the budgets that run low.
ColumnLayout {
    id: panel

    required property OverviewModel overview
    readonly property string phase: overview.state === "loading" || overview.state === "idle" ? "loading" : "ready"

    signal mend(string action)

    spacing: Theme.cardGap

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: Theme.cardGap

        StatTile {
            Layout.fillWidth: true
            Layout.preferredWidth: 300
            delta: panel.overview.spendDelta
            exact: panel.overview.spendExact
            hints: panel.overview.spendHints
            labels: panel.overview.axisLabels
            name: qsTr("Spend")
            note: qsTr("same as ledger debits")
            phase: panel.phase
            prefix: "$"
            series: panel.overview.spendSeries
            stale: panel.overview.busy
            value: panel.overview.spend
        }
        StatTile {
            Layout.fillWidth: true
            Layout.preferredWidth: 300
            colors: [Theme.chart[0], Theme.chart[2]]
            delta: panel.overview.failedShare
            deltaTone: "danger"
            hints: panel.overview.requestHints
            labels: panel.overview.axisLabels
            mode: MiniChart.Bars
            name: qsTr("Requests")
            note: qsTr("one per user-facing call")
            phase: panel.phase
            series: panel.overview.requestSeries
            stale: panel.overview.busy
            value: panel.overview.requests
        }
        StatTile {
            Layout.fillWidth: true
            Layout.preferredWidth: 300
            colors: [Theme.chart[1], Theme.chart[0]]
            delta: panel.overview.latencyMiddle
            hints: panel.overview.latencyHints
            labels: panel.overview.axisLabels
            name: qsTr("Latency p95")
            note: panel.overview.overhead
            phase: panel.phase
            series: panel.overview.latencySeries
            stale: panel.overview.busy
            suffix: panel.overview.latencyUnit
            value: panel.overview.latency
        }
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: Theme.cardGap

        ErrorsCard {
            Layout.fillHeight: true
            Layout.fillWidth: true
            Layout.preferredWidth: 640
            groups: panel.overview.errorGroups
            phase: panel.phase
            stale: panel.overview.busy

            onMend: action => panel.mend(action)
        }
        LowBudgetsCard {
            Layout.fillHeight: true
            Layout.fillWidth: true
            Layout.preferredWidth: 360
            budgets: panel.overview.lowBudgets
            phase: panel.phase
            stale: panel.overview.busy
        }
    }
}
