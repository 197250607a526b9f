// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme
import Assistiv.Components

/// A line for an amount of dollars. Text becomes an amount in C++; the field keeps what was typed.
TextInput {
    id: field

    property alias minimum: input.minimum
    property alias maximum: input.maximum
    /// 0 while the text is not valid.
    readonly property alias micros: input.micros
    readonly property alias valid: input.valid
    /// What is wrong, to be shown once the field was left or sent.
    readonly property alias problem: input.message
    property bool touched: false
    readonly property string message: touched ? problem : ""

    font.family: Theme.mono
    inputMethodHints: Qt.ImhFormattedNumbersOnly
    invalid: message !== ""
    leftPadding: 24

    onActiveFocusChanged: if (!activeFocus && text) touched = true
    onTextEdited: if (valid) touched = false

    MoneyInput {
        id: input

        text: field.text
    }
    Label {
        Accessible.ignored: true
        anchors.verticalCenter: parent.verticalCenter
        font.family: Theme.mono
        text: "$"
        tone: "text3"
        x: 11
    }
}
