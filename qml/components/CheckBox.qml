// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// A tick with its words.
T.CheckBox {
    id: box

    property bool mono: false

    Accessible.name: text
    hoverEnabled: true
    implicitHeight: 24
    implicitWidth: caption.implicitWidth + 28

    contentItem: Label {
        id: caption

        Accessible.ignored: true
        font.family: box.mono ? Theme.mono : Theme.sans
        font.pixelSize: box.mono ? Theme.fontCaption : Theme.fontBody
        leftPadding: 28
        text: box.text
        verticalAlignment: Text.AlignVCenter
    }
    indicator: Rectangle {
        border.color: Theme.control
        border.width: box.checked ? 0 : 1
        color: box.checked ? Theme.accentFill : box.hovered ? Theme.hover : Theme.surface
        height: 18
        radius: 4
        width: 18
        y: 3

        Icon {
            anchors.centerIn: parent
            color: Theme.accentText
            name: "check"
            size: 12
            visible: box.checked
        }
        FocusRing {
            visible: box.visualFocus
        }
    }
}
