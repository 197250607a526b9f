// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// The words that appear beside an item under the mouse.
T.ToolTip {
    id: tip

    bottomPadding: 5
    delay: 500
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    implicitWidth: contentItem.implicitWidth + leftPadding + rightPadding
    leftPadding: 8
    margins: 6
    rightPadding: 8
    topPadding: 5
    x: (parent.width - width) / 2
    y: parent.height + 6

    background: Rectangle {
        color: Theme.tip
        radius: Theme.radiusBadge
    }
    contentItem: Text {
        Accessible.ignored: true
        color: Theme.tipText
        font.family: Theme.sans
        font.pixelSize: Theme.fontCaption
        text: tip.text
        textFormat: Text.PlainText
    }
}
