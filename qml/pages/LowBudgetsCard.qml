// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// End users whose budget is nearly or wholly used.
Card {
    id: card

    /// Maps with name, remaining, exact, limit, used, tone and spoken.
    required property var budgets

    skeletonLines: [0.7, 1, 0.7, 1, 0.7, 1, 0.7, 1]
    title: qsTr("Budgets running low")

    Repeater {
        // By number: rows that change are written anew, not made anew, several times a second.
        model: card.budgets.length

        ColumnLayout {
            id: budget

            required property int index
            readonly property var entry: card.budgets[index] ?? ({})

            Layout.bottomMargin: 4
            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: 6

            RowLayout {
                Layout.fillHeight: false
                Layout.fillWidth: true

                Label {
                    Layout.fillWidth: true
                    font.weight: Font.Medium
                    text: budget.entry.name ?? ""
                }
                Label {
                    font.family: Theme.mono
                    font.pixelSize: Theme.fontCaption
                    text: budget.entry.remaining ?? ""
                    tone: budget.entry.tone === "danger" ? "danger" : "text"

                    HoverHandler {
                        id: hover
                    }
                    Tip {
                        text: budget.entry.exact ?? ""
                        visible: hover.hovered
                    }
                }
                Label {
                    font.pixelSize: Theme.fontCaption
                    text: budget.entry.limit ?? ""
                    tone: "text3"
                }
            }
            Meter {
                Layout.fillWidth: true
                label: budget.entry.spoken ?? ""
                thickness: 6
                tone: budget.entry.tone ?? "neutral"
                value: budget.entry.used ?? 0
            }
        }
    }
    Label {
        Layout.fillWidth: true
        text: qsTr("No budget is running low.")
        tone: "text3"
        visible: card.budgets.length === 0
        wrapMode: Text.Wrap
    }
    Item {
        Layout.fillHeight: true
    }
}
