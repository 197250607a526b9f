// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Assistiv.Theme
import Assistiv.Components

/// A value with a copy button. A secret is masked, with as many dots whatever its length, until it is revealed for a while.
Rectangle {
    id: copyField

    required property string value
    /// What the value is, in running text: "base URL".
    required property string label
    property bool secret: false
    property bool revealed: false

    readonly property bool open: !secret || revealed
    readonly property string prefix: /^[A-Za-z]+[_-][A-Za-z]*[_-]?/.exec(value)?.[0] ?? ""
    readonly property string masked: value ? prefix + "\u2022".repeat(16) + value.slice(-4) : ""

    signal copied()

    function copy() {
        if (secret)
            clipboard.copySecret(value)
        else
            clipboard.copy(value)
        confirmation.restart()
        copied()
    }

    border.color: Theme.border
    border.width: 1
    color: Theme.sunken
    implicitHeight: 36
    implicitWidth: 240
    radius: Theme.radiusControl

    Clipboard {
        id: clipboard
    }
    Timer {
        id: confirmation

        interval: 1600
    }
    Timer {
        interval: 30000
        running: copyField.secret && copyField.revealed
        onTriggered: copyField.revealed = false
    }
    Connections {
        function onStateChanged() {
            if (Qt.application.state !== Qt.ApplicationActive)
                copyField.revealed = false
        }

        target: Qt.application
    }
    RowLayout {
        anchors.fill: parent
        anchors.leftMargin: 12
        anchors.rightMargin: 4
        spacing: 2

        T.TextField {
            Accessible.description: copyField.label
            Accessible.name: copyField.label
            Accessible.passwordEdit: !copyField.open
            Accessible.readOnly: true
            Layout.fillWidth: true
            activeFocusOnTab: copyField.open
            color: Theme.text
            font.family: Theme.mono
            font.pixelSize: Theme.fontBody
            implicitHeight: contentHeight
            implicitWidth: 40
            leftPadding: 0
            readOnly: true
            rightPadding: 0
            selectByMouse: copyField.open
            selectedTextColor: Theme.text
            selectionColor: Theme.selected
            text: copyField.open ? copyField.value : copyField.masked

            onActiveFocusChanged: if (activeFocus && copyField.open) selectAll(); else deselect()

            background: FocusRing {
                inset: -6
                visible: parent.activeFocus
            }
        }
        Button {
            iconName: copyField.revealed ? "eye-off" : "eye"
            implicitHeight: Theme.smallControlHeight
            kind: "ghost"
            tip: copyField.revealed ? qsTr("Hide") : qsTr("Reveal for 30 s")
            visible: copyField.secret
            onClicked: copyField.revealed = !copyField.revealed
        }
        Button {
            enabled: copyField.value !== ""
            iconName: confirmation.running ? "check" : "copy"
            implicitHeight: Theme.smallControlHeight
            kind: "ghost"
            tip: confirmation.running ? qsTr("Copied") : qsTr("Copy %1").arg(copyField.label)
            onClicked: copyField.copy()
        }
    }
}
