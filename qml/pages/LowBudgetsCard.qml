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
        model: card.budgets

        ColumnLayout {
            id: budget

            required property var modelData

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
                    text: budget.modelData.name
                }
                Label {
                    font.family: Theme.mono
                    font.pixelSize: Theme.fontCaption
                    text: budget.modelData.remaining
                    tone: budget.modelData.tone === "danger" ? "danger" : "text"

                    HoverHandler {
                        id: hover
                    }
                    Tip {
                        text: budget.modelData.exact
                        visible: hover.hovered
                    }
                }
                Label {
                    font.pixelSize: Theme.fontCaption
                    text: budget.modelData.limit
                    tone: "text3"
                }
            }
            Meter {
                Layout.fillWidth: true
                label: budget.modelData.spoken
                thickness: 6
                tone: budget.modelData.tone
                value: budget.modelData.used
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
