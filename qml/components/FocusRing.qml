// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// The ring around what has the keyboard.
Rectangle {
    property int inset: -3

    anchors.fill: parent
    anchors.margins: inset
    border.color: Theme.accent
    border.width: 2
    color: "transparent"
    radius: Theme.radiusControl - inset
}
