// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// A large button, one of which is chosen.
T.RadioButton {
    id: tile

    property string iconName
    property string note

    Accessible.description: note
    Accessible.name: text
    hoverEnabled: true
    implicitHeight: 84
    implicitWidth: 140

    background: Rectangle {
        border.color: tile.checked ? Theme.accent : tile.hovered ? Theme.control : Theme.border
        border.width: tile.checked ? 2 : 1
        color: tile.checked ? Theme.selected : Theme.surface
        radius: Theme.radiusCard

        FocusRing {
            radius: Theme.radiusCard + 3
            visible: tile.visualFocus
        }
    }
    contentItem: Item {
        Column {
            anchors.centerIn: parent
            spacing: 8

            Icon {
                anchors.horizontalCenter: parent.horizontalCenter
                color: tile.checked ? Theme.accent : Theme.text2
                name: tile.iconName
                size: 22
            }
            Label {
                Accessible.ignored: true
                anchors.horizontalCenter: parent.horizontalCenter
                font.weight: Font.DemiBold
                text: tile.text
                tone: tile.checked ? "accent" : "text"
            }
        }
        Label {
            anchors.bottom: parent.bottom
            anchors.bottomMargin: 4
            anchors.horizontalCenter: parent.horizontalCenter
            font.pixelSize: Theme.fontSmall
            text: tile.note
            tone: tile.checked ? "accent" : "text3"
            visible: text !== ""
        }
    }
}
