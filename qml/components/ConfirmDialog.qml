// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// Asks before something that cannot be taken back. The verb stands on the button; the focus starts on Cancel.
Dialog {
    id: dialog

    required property string verb
    property string iconName
    property string consequence

    signal confirmed()

    foot: RowLayout {
        spacing: 8

        Item {
            Layout.fillWidth: true
        }
        Button {
            focus: true
            text: qsTr("Cancel")
            onClicked: dialog.close()
        }
        Button {
            iconName: dialog.iconName
            kind: "dangerFill"
            text: dialog.verb
            onClicked: {
                dialog.close()
                dialog.confirmed()
            }
        }
    }

    Label {
        Layout.fillWidth: true
        text: dialog.consequence
        tone: "text2"
        visible: text !== ""
        wrapMode: Text.Wrap
    }
}
