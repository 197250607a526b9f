// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// This machine's server: its address to be copied, how it is, and start and stop.
Card {
    id: card

    required property ServerModel server

    signal notify(string text, string tone)
    signal stop()

    padding: 20
    phase: server.state === "error" ? "error" : server.state === "ready" ? "ready" : "loading"
    problemReport: server.problem.report
    problemText: server.problem.detail
    problemTitle: server.problem.title

    skeletonLines: [0.4, 0, 0.3, 1, 1, 0, 0.8]
    spoken: server.sentence

    onRetry: server.reload()

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: 10

        Rectangle {
            color: Theme.toneSignal(card.server.tone)
            implicitHeight: 10
            implicitWidth: 10
            radius: 5
        }
        Label {
            Accessible.role: Accessible.Heading
            font.pixelSize: Theme.fontSection
            font.weight: Font.DemiBold
            text: card.server.sentence
        }
        Badge {
            text: card.server.bindText
            tone: card.server.bindTone
        }
        Item {
            Layout.fillWidth: true
        }
        Button {
            enabled: !card.server.command.running
            iconName: "rotate-ccw"
            text: card.server.callsInFlight > 0 ? qsTr("Restart…") : qsTr("Restart")
            visible: card.server.serving
            onClicked: {
                if (card.server.callsInFlight > 0)
                    restartDialog.open()
                else
                    card.server.restart()
            }
        }
        Button {
            enabled: !card.server.command.running
            iconName: "power"
            text: card.server.callsInFlight > 0 ? qsTr("Stop…") : qsTr("Stop")
            visible: card.server.serving
            onClicked: card.stop()
        }
        Button {
            busy: card.server.command.running
            iconName: "power"
            kind: "primary"
            text: qsTr("Start")
            visible: card.server.serverState === "stopped" || card.server.serverState === "cannotStart"
            onClicked: card.server.start(0)
        }
        Button {
            iconName: "power"
            kind: "danger"
            text: qsTr("Stop now")
            visible: card.server.serverState === "stopping"
            onClicked: card.server.stop(true)
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: card.server.serverState === "cannotStart" && card.server.freePort > 0 ? qsTr("Use %1").arg(card.server.freePort) : ""
        text: card.server.reason
        tone: card.server.tone === "neutral" ? "info" : card.server.tone
        visible: card.server.reason !== ""
        onAction: card.server.start(card.server.freePort)
    }
    Label {
        Layout.fillWidth: true
        Layout.topMargin: 4
        font.pixelSize: Theme.fontCaption
        text: qsTr("Base URL for OpenAI-compatible SDKs")
        tone: "text2"
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: Theme.space2

        CopyField {
            Layout.fillWidth: true
            label: qsTr("base URL")
            value: card.server.baseUrl
        }
        Button {
            enabled: card.server.baseUrl !== ""
            iconName: "terminal"
            implicitHeight: 36
            text: qsTr("Copy curl")
            onClicked: {
                clipboard.copy(card.server.curl)
                card.notify(qsTr("curl command copied"), "success")
            }
        }
    }
    Flow {
        Layout.fillWidth: true
        Layout.topMargin: 6
        spacing: 28

        Repeater {
            // By number: rows that change are written anew, not made anew, several times a second.
            model: card.server.facts.length

            Fact {
                required property int index
                readonly property var entry: card.server.facts[index] ?? ({})

                label: entry.label ?? ""
                value: entry.value ?? ""
            }
        }
    }
    Item {
        Layout.fillHeight: true
        Layout.topMargin: -card.spacing
    }
    Clipboard {
        id: clipboard
    }
    ConfirmDialog {
        id: restartDialog

        consequence: qsTr("New calls are refused until it is back. Running calls get 30 seconds to end.")
        heading: qsTr("Restart the gateway while %n call(s) run?", "", card.server.callsInFlight)
        iconName: "rotate-ccw"
        verb: qsTr("Restart gateway")
        onConfirmed: card.server.restart()
    }
}
