// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A platform's letters on its colour.
Rectangle {
    id: tile

    required property var platform

    Accessible.ignored: true
    color: platform.color ?? Theme.control
    implicitHeight: 28
    implicitWidth: 28
    radius: 7

    Label {
        Accessible.ignored: true
        anchors.centerIn: parent
        color: Theme.accentText
        font.pixelSize: Theme.fontSmall
        font.weight: Font.DemiBold
        text: tile.platform.initials ?? "?"
    }
}
