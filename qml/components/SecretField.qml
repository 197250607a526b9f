// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme
import Assistiv.Components

/// A line for a key or password: masked, and shown only while the eye is open.
TextInput {
    id: field

    property bool revealed: false

    // 6.4 hides the name of a password field as if it were its value; the description is still read out.
    Accessible.description: label
    Accessible.passwordEdit: !revealed
    echoMode: revealed ? TextInput.Normal : TextInput.Password
    font.family: Theme.mono
    implicitHeight: 40
    inputMethodHints: Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
    passwordCharacter: "\u2022"
    rightPadding: 44

    onActiveFocusChanged: if (!activeFocus && !eye.activeFocus) revealed = false

    Connections {
        function onStateChanged() {
            if (Qt.application.state !== Qt.ApplicationActive)
                field.revealed = false
        }

        target: Qt.application
    }
    Timer {
        interval: 30000
        running: field.revealed
        onTriggered: field.revealed = false
    }
    Button {
        id: eye

        anchors.right: parent.right
        anchors.rightMargin: 6
        anchors.verticalCenter: parent.verticalCenter
        iconName: field.revealed ? "eye-off" : "eye"
        implicitHeight: Theme.smallControlHeight
        kind: "ghost"
        tip: field.revealed ? qsTr("Hide") : qsTr("Reveal for 30 s")
        onClicked: field.revealed = !field.revealed
    }
}
