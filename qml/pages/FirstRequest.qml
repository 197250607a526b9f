// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// A request to copy and run, and below it the answer as it arrives.
ColumnLayout {
    id: request

    required property SetUpModel setUp
    readonly property var row: setUp.firstRequest
    readonly property bool arrived: row.title !== undefined

    signal mend(string action)

    spacing: 14

    Label {
        Layout.fillWidth: true
        font.pixelSize: Theme.fontCardTitle
        lineHeight: 1.3
        text: qsTr("Run this in a terminal. %1").arg(request.setUp.endUserSummary)
        tone: "text2"
        wrapMode: Text.Wrap
    }
    TabRow {
        id: languages

        titles: ["curl", "Python", "TypeScript", "Qt / C++"]
    }
    CodeBlock {
        Layout.fillWidth: true
        caption: request.setUp.keyKnown ? qsTr("The key is shown once: copy it now") : qsTr("The key was shown once, when it was made")
        code: request.setUp.snippets[languages.current]
        secret: request.setUp.keyKnown
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: qsTr("New key")
        detail: request.setUp.keyRenewal.problem.detail || qsTr("Only a hash of the first key is stored. A new key works beside it.")
        text: request.setUp.keyRenewal.problem.title || qsTr("Make a new key to run this as it is.")
        tone: request.setUp.keyRenewal.problem.present ? "danger" : "info"
        visible: !request.setUp.keyKnown
        onAction: request.setUp.renewKey()
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        Layout.leftMargin: 2
        Layout.topMargin: 2
        spacing: 12
        visible: !request.arrived

        WaitingDot {
        }
        Label {
            Layout.fillWidth: true
            text: qsTr("Waiting for your request…")
            tone: "text2"
        }
    }
    Card {
        Layout.fillWidth: true
        border.color: request.row.good ? Theme.successBorder : Theme.dangerBorder
        padding: 16
        spoken: request.row.title ?? ""
        visible: request.arrived

        RowLayout {
            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: 10

            Icon {
                color: request.row.good ? Theme.success : Theme.danger
                name: request.row.good ? "circle-check" : "circle-alert"
                size: 20
            }
            Label {
                Accessible.role: Accessible.Heading
                Layout.fillWidth: true
                font.pixelSize: 15
                font.weight: Font.DemiBold
                text: request.row.title ?? ""
            }
            Label {
                font.pixelSize: Theme.fontCaption
                text: request.row.when ?? ""
                tone: "text3"
            }
        }
        Flow {
            Layout.fillWidth: true
            spacing: 26

            Repeater {
                // By number: rows that change are written anew, not made anew, several times a second.
                model: (request.row.facts ?? []).length

                Fact {
                    required property int index
                    readonly property var entry: (request.row.facts ?? [])[index] ?? ({})

                    label: entry.label ?? ""
                    mono: true
                    value: entry.value ?? ""
                }
            }
        }
        InlineMessage {
            Layout.fillWidth: true
            actionText: request.row.problem?.fixText ?? ""
            detail: request.row.problem?.code ?? ""
            text: request.row.problem?.detail ?? ""
            tone: "danger"
            visible: request.arrived && !request.row.good
            onAction: request.mend(request.row.problem.fixAction)
        }
        Label {
            Layout.fillWidth: true
            font.family: Theme.mono
            font.pixelSize: Theme.fontCaption
            text: request.row.requestId ?? ""
            tone: "text3"
            visible: text !== ""
        }
    }
}
