// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme

/// Why there is nothing here, and the button that ends it. With a danger tone: what failed.
ColumnLayout {
    id: empty

    property string iconName
    property string tone: "text3"
    property string title
    property string text
    property string actionText
    property string secondText

    signal action()
    signal second()

    spacing: Theme.space2

    Icon {
        Layout.alignment: Qt.AlignHCenter
        color: Theme.tone(empty.tone)
        name: empty.iconName
        size: 28
        visible: name !== ""
    }
    Label {
        Layout.alignment: Qt.AlignHCenter
        Layout.fillWidth: true
        font.pixelSize: Theme.fontCardTitle
        font.weight: Font.DemiBold
        horizontalAlignment: Text.AlignHCenter
        text: empty.title
        visible: text !== ""
        wrapMode: Text.Wrap
    }
    Label {
        Layout.alignment: Qt.AlignHCenter
        Layout.fillWidth: true
        horizontalAlignment: Text.AlignHCenter
        text: empty.text
        tone: "text2"
        visible: text !== ""
        wrapMode: Text.Wrap
    }
    Row {
        Layout.alignment: Qt.AlignHCenter
        Layout.topMargin: Theme.space1
        spacing: Theme.space2
        visible: empty.actionText !== ""

        Button {
            text: empty.actionText
            onClicked: empty.action()
        }
        Button {
            kind: "ghost"
            text: empty.secondText
            visible: text !== ""
            onClicked: empty.second()
        }
    }
}
