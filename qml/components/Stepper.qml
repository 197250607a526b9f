// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// The steps of a path, the ones behind with a tick. A step that can be shown can be clicked.
Column {
    id: stepper

    /// Objects with title and note.
    required property var steps
    required property int current
    /// One bool per step.
    required property var done

    signal chosen(int index)

    Accessible.name: qsTr("Steps")
    Accessible.role: Accessible.List
    spacing: 6

    Repeater {
        model: stepper.steps

        T.AbstractButton {
            id: step

            required property var modelData
            required property int index
            readonly property bool finished: stepper.done[index] === true
            readonly property bool current: index === stepper.current
            readonly property bool last: index === stepper.steps.length - 1

            Accessible.name: finished ? qsTr("Step %1 of %2: %3, done").arg(index + 1).arg(stepper.steps.length).arg(modelData.title) :
                                        qsTr("Step %1 of %2: %3").arg(index + 1).arg(stepper.steps.length).arg(modelData.title)
            Accessible.role: Accessible.ListItem
            Accessible.selected: current
            enabled: finished || current || index === 0 || stepper.done[index - 1] === true
            focusPolicy: Qt.StrongFocus
            height: 64
            width: stepper.width

            Keys.onEnterPressed: step.clicked()
            Keys.onReturnPressed: step.clicked()
            onClicked: stepper.chosen(index)

            background: Item {
                FocusRing {
                    inset: -4
                    visible: step.visualFocus
                }
            }
            contentItem: Item {
                Rectangle {
                    color: step.finished ? Theme.accentFill : Theme.border
                    height: 32
                    visible: !step.last
                    width: 2
                    x: 13
                    y: 30
                }
                Rectangle {
                    readonly property bool ticked: step.finished && !step.current

                    border.color: step.current ? Theme.accent : Theme.control
                    border.width: ticked ? 0 : step.current ? 2 : 1
                    color: ticked ? Theme.accentFill : step.current ? Theme.selected : Theme.surface
                    height: 28
                    radius: 14
                    width: 28

                    Icon {
                        anchors.centerIn: parent
                        color: Theme.accentText
                        name: "check"
                        size: 14
                        visible: parent.ticked
                    }
                    Label {
                        Accessible.ignored: true
                        anchors.centerIn: parent
                        font.pixelSize: Theme.fontCaption
                        font.weight: Font.DemiBold
                        text: step.index + 1
                        tone: step.current ? "accent" : "text3"
                        visible: !parent.ticked
                    }
                }
                Column {
                    spacing: 2
                    width: parent.width - x
                    x: 42
                    y: 2

                    Label {
                        Accessible.ignored: true
                        font.weight: step.current ? Font.DemiBold : Font.Medium
                        text: step.modelData.title
                        tone: step.current || step.finished ? "text" : "text2"
                        width: parent.width
                    }
                    Label {
                        Accessible.ignored: true
                        font.pixelSize: Theme.fontCaption
                        text: step.modelData.note
                        tone: "text3"
                        width: parent.width
                    }
                }
            }
        }
    }
}
