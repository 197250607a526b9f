// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// Code to be copied.
Rectangle {
    id: block

    required property string code
    property string caption
    /// The code holds a key: the clipboard forgets it after a minute.
    property bool secret: false

    border.color: Theme.border
    border.width: 1
    color: Theme.sunken
    implicitHeight: column.implicitHeight
    implicitWidth: 300
    radius: Theme.radiusControl

    Clipboard {
        id: clipboard
    }
    Timer {
        id: confirmation

        interval: 1600
    }
    ColumnLayout {
        id: column

        anchors.fill: parent
        spacing: 0

        Item {
            Layout.fillWidth: true
            implicitHeight: 34

            Label {
                anchors.verticalCenter: parent.verticalCenter
                font.pixelSize: Theme.fontCaption
                font.weight: Font.Medium
                text: block.caption
                tone: "text3"
                x: 12
            }
            Button {
                anchors.right: parent.right
                anchors.rightMargin: 4
                anchors.verticalCenter: parent.verticalCenter
                iconName: confirmation.running ? "check" : "copy"
                implicitHeight: 26
                kind: "ghost"
                tip: confirmation.running ? qsTr("Copied") : qsTr("Copy code")
                onClicked: {
                    if (block.secret)
                        clipboard.copySecret(block.code)
                    else
                        clipboard.copy(block.code)
                    confirmation.restart()
                }
            }
            Rectangle {
                anchors.bottom: parent.bottom
                color: Theme.border
                height: 1
                width: parent.width
            }
        }
        TextEdit {
            Accessible.name: block.caption || qsTr("Code")
            Accessible.readOnly: true
            Layout.fillWidth: true
            Layout.margins: 12
            color: Theme.text
            font.family: Theme.mono
            font.pixelSize: Theme.fontCaption
            readOnly: true
            selectByMouse: true
            selectedTextColor: Theme.accentText
            selectionColor: Theme.accentFill
            text: block.code
            textFormat: TextEdit.PlainText
            wrapMode: TextEdit.WrapAnywhere
        }
    }
}
