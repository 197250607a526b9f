// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// A few choices side by side, one of them taken.
Rectangle {
    id: control

    /// Objects with value and text.
    required property var options
    required property string current
    /// What is chosen here, for screen readers.
    required property string label

    signal chosen(string value)

    Accessible.name: label
    Accessible.role: Accessible.Grouping
    color: Theme.neutralBg
    implicitHeight: 30
    implicitWidth: row.implicitWidth + 4
    radius: Theme.radiusControl

    Row {
        id: row

        x: 2
        y: 2

        Repeater {
            id: segments

            model: control.options

            T.AbstractButton {
                id: segment

                required property var modelData
                required property int index
                readonly property bool current: modelData.value === control.current

                function move(step: int) {
                    const next = segments.itemAt(index + step) as T.AbstractButton
                    if (next) {
                        next.forceActiveFocus(Qt.TabFocusReason)
                        next.clicked()
                    }
                }

                Accessible.checkable: true
                Accessible.checked: current
                Accessible.name: modelData.spoken ?? modelData.text
                Accessible.role: Accessible.RadioButton
                activeFocusOnTab: current
                focusPolicy: Qt.StrongFocus
                height: 26
                hoverEnabled: true
                width: Math.max(44, caption.implicitWidth + 20)

                Keys.onLeftPressed: move(-1)
                Keys.onRightPressed: move(1)
                onClicked: control.chosen(modelData.value)

                background: Rectangle {
                    color: segment.current ? Theme.surface : "transparent"
                    radius: 5

                    FocusRing {
                        inset: 0
                        visible: segment.visualFocus
                    }
                }
                contentItem: Item {
                    Label {
                        id: caption

                        Accessible.ignored: true
                        anchors.centerIn: parent
                        font.pixelSize: Theme.fontCaption
                        font.weight: Font.Medium
                        text: segment.modelData.text
                        tone: segment.current || segment.hovered ? "text" : "text2"
                    }
                }
            }
        }
    }
}
