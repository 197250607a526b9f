// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// One entry of the sidebar.
T.AbstractButton {
    id: item

    required property string iconName
    property string badge
    property string badgeTone: "neutral"
    property bool current: false
    /// Icon only; the words become the tip.
    property bool compact: false
    property string shortcut

    Accessible.name: badge ? qsTr("%1, %2").arg(text).arg(badge) : text
    Accessible.role: Accessible.PageTab
    Accessible.selected: current
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    implicitHeight: Theme.navHeight
    implicitWidth: 200

    Keys.onEnterPressed: item.clicked()
    Keys.onReturnPressed: item.clicked()

    background: Rectangle {
        color: item.current ? Theme.selected : item.hovered ? Theme.hover : "transparent"
        radius: Theme.radiusControl

        FocusRing {
            inset: 0
            visible: item.visualFocus
        }
    }
    contentItem: Item {
        Icon {
            anchors.verticalCenter: parent.verticalCenter
            color: item.current ? Theme.accent : Theme.text3
            name: item.iconName
            x: item.compact ? (parent.width - width) / 2 : 10
        }
        Label {
            Accessible.ignored: true
            anchors.verticalCenter: parent.verticalCenter
            font.weight: item.current ? Font.DemiBold : Font.Medium
            text: item.text
            tone: item.current ? "accent" : "text2"
            visible: !item.compact
            width: parent.width - x - (mark.visible ? mark.width + 16 : 8)
            x: 36
        }
        Badge {
            id: mark

            Accessible.ignored: true
            anchors.right: parent.right
            anchors.rightMargin: 8
            anchors.verticalCenter: parent.verticalCenter
            implicitHeight: 18
            text: item.badge
            tone: item.badgeTone
            visible: text !== "" && !item.compact
        }
    }

    Tip {
        text: item.shortcut ? qsTr("%1  (%2)").arg(item.text).arg(item.shortcut) : item.text
        visible: item.hovered && (item.compact || item.shortcut)
    }
}
