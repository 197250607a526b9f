// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// Grey blocks where text will stand. They come after a moment, so that quick answers do not flicker.
Item {
    id: skeleton

    /// Widths of the lines as shares of the whole.
    property var lines: [0.4, 0.8, 0.6]
    property int lineHeight: 12
    property bool running: visible
    property bool due: false

    Accessible.ignored: true
    implicitHeight: lines.length * (lineHeight + 10) - 10
    implicitWidth: 200

    onRunningChanged: due = false

    Timer {
        interval: Theme.patience
        running: skeleton.running
        onTriggered: skeleton.due = true
    }
    Column {
        anchors.fill: parent
        spacing: 10
        visible: skeleton.due

        Repeater {
            model: skeleton.lines

            Rectangle {
                required property real modelData

                color: Theme.neutralBg
                height: skeleton.lineHeight
                radius: Theme.radiusBadge
                width: skeleton.width * modelData
            }
        }
    }
}
