// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// A thin bar that shows where one is.
T.ScrollBar {
    id: bar

    Accessible.ignored: true
    implicitHeight: 10
    implicitWidth: 10
    minimumSize: 0.08
    padding: 2
    visible: size < 1

    contentItem: Rectangle {
        color: bar.pressed || bar.hovered ? Theme.control : Theme.borderButton
        implicitHeight: 6
        implicitWidth: 6
        radius: 3
    }
}
