// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A dot that goes to and fro while something is awaited.
Rectangle {
    id: track

    Accessible.ignored: true
    color: Theme.neutralBg
    implicitHeight: 8
    implicitWidth: 40
    radius: 4

    Rectangle {
        color: Theme.accentFill
        height: 8
        radius: 4
        width: 8

        SequentialAnimation on x {
            loops: Animation.Infinite
            running: track.visible && !Theme.reduceMotion

            NumberAnimation {
                duration: 900
                easing.type: Easing.InOutQuad
                from: 0
                to: 32
            }
            NumberAnimation {
                duration: 900
                easing.type: Easing.InOutQuad
                from: 32
                to: 0
            }
        }
    }
}
