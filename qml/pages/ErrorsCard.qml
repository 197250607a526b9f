// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// What went wrong in the range, by cause, with a way out where there is one.
Card {
    id: card

    /// Maps with status, code, subjects, meaning, when, tone, fixText and fixAction.
    required property var groups
    readonly property bool anyFix: groups.some(g => g.fixText !== "")

    signal mend(string action)

    skeletonLines: [0.5, 0.3, 0.6, 0.4, 0.5, 0.3, 0.6, 0.4]
    subtitle: qsTr("grouped by cause")
    title: qsTr("Recent errors")

    Repeater {
        // By number: rows that change are written anew, not made anew, several times a second.
        model: card.groups.length

        ColumnLayout {
            id: group

            required property int index
            readonly property var entry: card.groups[index] ?? ({})

            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: 8

            Rectangle {
                Layout.fillWidth: true
                color: Theme.border
                implicitHeight: 1
                visible: group.index > 0
            }
            RowLayout {
                Layout.fillHeight: false
                Layout.fillWidth: true
                spacing: 12

                Badge {
                    Layout.preferredWidth: 40
                    text: group.entry.status ?? ""
                    tone: group.entry.tone ?? "neutral"
                }
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 1

                    Label {
                        Layout.fillWidth: true
                        font.family: Theme.mono
                        font.pixelSize: Theme.fontCaption
                        text: group.entry.code ?? ""
                    }
                    Label {
                        Layout.fillWidth: true
                        font.pixelSize: Theme.fontCaption
                        text: group.entry.subjects ?? ""
                        tone: "text2"

                        HoverHandler {
                            id: hover
                        }
                        Tip {
                            text: group.entry.meaning ?? ""
                            visible: hover.hovered && text !== "" && text !== group.entry.subjects
                        }
                    }
                }
                Label {
                    font.pixelSize: Theme.fontCaption
                    text: group.entry.when ?? ""
                    tone: "text3"
                }
                Item {
                    // The same width in every row, so that the times stand under each other.
                    implicitHeight: Theme.smallControlHeight
                    implicitWidth: 136
                    visible: card.anyFix

                    Button {
                        anchors.fill: parent
                        text: group.entry.fixText ?? ""
                        visible: text !== ""
                        onClicked: card.mend(group.entry.fixAction)
                    }
                }
            }
        }
    }
    Label {
        Layout.fillWidth: true
        text: qsTr("No call failed in this range.")
        tone: "text3"
        visible: card.groups.length === 0
    }
    Item {
        Layout.fillHeight: true
    }
}
