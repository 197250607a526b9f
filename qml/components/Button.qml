// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// One button for all: primary, secondary, ghost, danger (red letters) or dangerFill.
T.Button {
    id: button

    property string kind: "secondary"
    property string iconName
    property bool busy: false
    /// What an icon without text does, or why the button is disabled.
    property string tip
    /// Shown behind the tip; the shortcut itself belongs to the page.
    property string shortcut

    readonly property bool filled: kind === "primary" || kind === "dangerFill"
    readonly property color fill: kind === "primary" ? Theme.accentFill : Theme.dangerFill
    readonly property color foreground: filled ? Theme.accentText : kind === "danger" ? Theme.danger : Theme.text

    Accessible.description: text ? tip : ""
    Accessible.name: text || tip
    Accessible.role: Accessible.Button
    enabled: !busy
    font.family: Theme.sans
    font.pixelSize: Theme.fontBody
    font.weight: Font.Medium
    hoverEnabled: true
    implicitHeight: Theme.controlHeight
    implicitWidth: Math.max(text ? 0 : implicitHeight, content.implicitWidth + (text ? 24 : 12))
    opacity: enabled || busy ? 1 : 0.45

    Keys.onEnterPressed: button.clicked()
    Keys.onReturnPressed: button.clicked()

    background: Rectangle {
        border.color: Theme.borderButton
        border.width: button.kind === "secondary" || button.kind === "danger" ? 1 : 0
        color: {
            if (button.filled)
                return button.down ? Qt.darker(button.fill, 1.15) : button.hovered ? Qt.darker(button.fill, 1.07) : button.fill
            if (button.hovered || button.down)
                return Theme.hover
            return button.kind === "ghost" ? "transparent" : Theme.surface
        }
        radius: Theme.radiusControl

        FocusRing {
            visible: button.visualFocus
        }
    }
    contentItem: Item {
        implicitHeight: content.implicitHeight
        implicitWidth: content.implicitWidth

        Row {
            id: content

            anchors.centerIn: parent
            spacing: 7

            Icon {
                anchors.verticalCenter: parent.verticalCenter
                color: button.kind === "secondary" && !button.text ? Theme.text2 : button.foreground
                name: button.busy ? "loader" : button.iconName
                visible: name !== ""

                RotationAnimation on rotation {
                    duration: 900
                    from: 0
                    loops: Animation.Infinite
                    running: button.busy && !Theme.reduceMotion
                    to: 360
                }
            }
            Text {
                Accessible.ignored: true
                anchors.verticalCenter: parent.verticalCenter
                color: button.foreground
                font: button.font
                text: button.text
                textFormat: Text.PlainText
                visible: text !== ""
            }
        }
    }

    Tip {
        text: button.shortcut ? qsTr("%1  (%2)").arg(button.tip || button.text).arg(button.shortcut) : button.tip
        visible: (button.tip || button.shortcut) && button.hovered
    }
}
