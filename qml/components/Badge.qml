// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A word for a state; the tone only underlines it.
Rectangle {
    id: badge

    property string text
    property string tone: "neutral"
    property bool dot: false

    Accessible.name: text
    Accessible.role: Accessible.StaticText
    color: Theme.toneBackground(tone)
    implicitHeight: 20
    implicitWidth: content.implicitWidth + 14
    radius: Theme.radiusBadge

    Row {
        id: content

        anchors.centerIn: parent
        spacing: 5

        Rectangle {
            anchors.verticalCenter: parent.verticalCenter
            color: Theme.tone(badge.tone)
            height: 6
            radius: 3
            visible: badge.dot
            width: 6
        }
        Label {
            Accessible.ignored: true
            font.pixelSize: Theme.fontSmall
            font.weight: Font.Medium
            text: badge.text
            tone: badge.tone
        }
    }
}
