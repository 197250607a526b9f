// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// The first request as the engine saw it: its figures, or what went wrong and the way out.
Card {
    id: card

    /// Map with good, title, when, requestId, facts and problem.
    required property var row

    signal mend(string action)

    border.color: card.row.good ? Theme.successBorder : Theme.dangerBorder
    padding: 16
    spoken: card.row.title ?? ""

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: 10

        Icon {
            color: card.row.good ? Theme.success : Theme.danger
            name: card.row.good ? "circle-check" : "circle-alert"
            size: 20
        }
        Label {
            Accessible.role: Accessible.Heading
            Layout.fillWidth: true
            font.pixelSize: 15
            font.weight: Font.DemiBold
            text: card.row.title ?? ""
        }
        Label {
            font.pixelSize: Theme.fontCaption
            objectName: "arrivedWhen"
            text: card.row.when ?? ""
            tone: "text3"
        }
    }
    Flow {
        Layout.fillWidth: true
        spacing: 26

        Repeater {
            // By number: rows that change are written anew, not made anew, several times a second.
            model: (card.row.facts ?? []).length

            Fact {
                required property int index
                readonly property var entry: (card.row.facts ?? [])[index] ?? ({})

                label: entry.label ?? ""
                mono: true
                value: entry.value ?? ""
            }
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: card.row.problem?.fixText ?? ""
        detail: card.row.problem?.code ?? ""
        text: card.row.problem?.detail ?? ""
        tone: "danger"
        visible: !card.row.good
        onAction: card.mend(card.row.problem.fixAction)
    }
    Label {
        Layout.fillWidth: true
        font.family: Theme.mono
        font.pixelSize: Theme.fontCaption
        text: card.row.requestId ?? ""
        tone: "text3"
        visible: text !== ""
    }
}
