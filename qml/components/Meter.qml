// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A gauge from 0 to 1 with an optional mark.
Item {
    id: meter

    required property real value
    /// The gauge in words, for screen readers.
    required property string label
    property real mark: -1
    property string tone: "accent"
    property int thickness: 8

    Accessible.name: label
    Accessible.role: Accessible.ProgressBar
    implicitHeight: thickness
    implicitWidth: 120

    Rectangle {
        anchors.fill: parent
        color: Theme.neutralBg
        radius: height / 2
    }
    Rectangle {
        color: Theme.toneSignal(meter.tone)
        height: parent.height
        radius: height / 2
        visible: meter.value > 0
        width: Math.max(parent.height, parent.width * Math.min(1, meter.value))
    }
    Rectangle {
        color: Theme.text3
        height: parent.height + 6
        visible: meter.mark >= 0
        width: 2
        x: parent.width * meter.mark
        y: -3
    }
}
