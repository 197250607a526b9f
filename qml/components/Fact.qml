// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A small label with its value below.
Column {
    id: fact

    required property string label
    required property string value
    property bool mono: false

    Accessible.name: qsTr("%1: %2").arg(label).arg(value)
    Accessible.role: Accessible.StaticText
    spacing: 2

    Label {
        Accessible.ignored: true
        font.pixelSize: Theme.fontCaption
        text: fact.label
        tone: "text3"
    }
    Label {
        Accessible.ignored: true
        font.family: fact.mono ? Theme.mono : Theme.sans
        font.pixelSize: fact.mono ? Theme.fontCaption : Theme.fontBody
        font.weight: Font.Medium
        text: fact.value
    }
}
