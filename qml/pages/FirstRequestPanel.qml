// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The wizard's last step on the overview, until a first request was answered.
Card {
    id: card

    required property SetUpModel setUp
    readonly property bool ready: setUp.done[3] === true

    signal mend(string action)
    signal setUpWanted()

    phase: setUp.state === "ready" ? "ready" : setUp.state === "error" ? "error" : "loading"
    problemReport: setUp.problem.report
    problemText: setUp.problem.detail
    problemTitle: setUp.problem.title
    spacing: 14
    title: qsTr("Send the first request")

    actions: Button {
        implicitHeight: Theme.smallControlHeight
        text: qsTr("Open set-up")
        onClicked: card.setUpWanted()
    }

    onRetry: setUp.reload()

    FirstRequest {
        Layout.fillWidth: true
        setUp: card.setUp
        visible: card.ready
        onMend: action => card.mend(action)
    }
    EmptyState {
        Layout.bottomMargin: 16
        Layout.fillWidth: true
        Layout.topMargin: 16
        actionText: qsTr("Continue set-up")
        iconName: "zap"
        text: qsTr("%n of 5 steps are done.", "", card.setUp.done.filter(d => d).length)
        title: qsTr("The set-up is not finished")
        visible: !card.ready
        onAction: card.setUpWanted()
    }
}
