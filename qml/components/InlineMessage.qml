// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme

/// A message where it belongs: what happened, and a button that goes on from there.
Rectangle {
    id: message

    required property string text
    property string detail
    property string note
    property string tone: "info"
    property string actionText
    readonly property var icons: ({
            "success": "circle-check",
            "warning": "triangle-alert",
            "danger": "circle-alert"
        })

    signal action()

    Accessible.description: detail
    Accessible.name: text
    Accessible.role: Accessible.AlertMessage
    color: Theme.toneBackground(tone)
    implicitHeight: Math.max(46, row.implicitHeight + 20)
    implicitWidth: row.implicitWidth + 28
    radius: Theme.radiusControl

    RowLayout {
        id: row

        anchors.left: parent.left
        anchors.leftMargin: 14
        anchors.right: parent.right
        anchors.rightMargin: message.actionText ? 8 : 14
        anchors.verticalCenter: parent.verticalCenter
        spacing: 10

        Icon {
            Layout.alignment: message.detail ? Qt.AlignTop : Qt.AlignVCenter
            color: Theme.tone(message.tone)
            name: message.icons[message.tone] ?? "info"
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 2

            Label {
                Layout.fillWidth: true
                font.weight: Font.Medium
                text: message.text
                tone: message.tone
                wrapMode: Text.Wrap
            }
            Label {
                Layout.fillWidth: true
                font.pixelSize: Theme.fontCaption
                text: message.detail
                tone: message.tone
                visible: text !== ""
                wrapMode: Text.Wrap
            }
        }
        Label {
            font.pixelSize: Theme.fontCaption
            text: message.note
            tone: message.tone
            visible: text !== ""
        }
        Button {
            implicitHeight: Theme.smallControlHeight
            text: message.actionText
            visible: text !== ""
            onClicked: message.action()
        }
    }
}
