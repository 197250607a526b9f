// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// Words with a line under the one that is shown.
Row {
    id: tabs

    required property var titles
    property int current: 0

    Accessible.role: Accessible.PageTabList
    spacing: 16

    Repeater {
        id: items

        model: tabs.titles

        T.AbstractButton {
            id: tab

            required property string modelData
            required property int index
            readonly property bool current: index === tabs.current

            function move(step: int) {
                const next = items.itemAt(index + step) as T.AbstractButton
                if (next) {
                    next.forceActiveFocus(Qt.TabFocusReason)
                    next.clicked()
                }
            }

            Accessible.name: modelData
            Accessible.role: Accessible.PageTab
            Accessible.selected: current
            activeFocusOnTab: current
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true
            implicitHeight: 28
            implicitWidth: caption.implicitWidth

            Keys.onLeftPressed: move(-1)
            Keys.onRightPressed: move(1)
            onClicked: tabs.current = index

            background: Item {
                Rectangle {
                    anchors.bottom: parent.bottom
                    color: tab.current ? Theme.accent : "transparent"
                    height: 2
                    width: parent.width
                }
                FocusRing {
                    inset: -4
                    visible: tab.visualFocus
                }
            }
            contentItem: Item {
                Label {
                    id: caption

                    Accessible.ignored: true
                    anchors.verticalCenter: parent.verticalCenter
                    anchors.verticalCenterOffset: -2
                    font.weight: tab.current ? Font.DemiBold : Font.Medium
                    text: tab.modelData
                    tone: tab.current || tab.hovered ? "text" : "text3"
                }
            }
        }
    }
}
