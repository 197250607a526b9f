// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Window
import Assistiv.Theme

/// One of our icons in one colour. The image lies in an item of its own, since in a layout it would take its size in device
/// pixels.
Item {
    id: icon

    property string name
    property color color: Theme.text2
    property int size: 16

    Accessible.ignored: true
    height: size
    implicitHeight: size
    implicitWidth: size
    width: size

    Image {
        Accessible.ignored: true
        anchors.fill: parent
        source: icon.name ? "image://icon/" + icon.name + "/" + icon.color.toString().slice(-6) : ""
        sourceSize.height: icon.size * Screen.devicePixelRatio
        sourceSize.width: icon.size * Screen.devicePixelRatio
    }
}
