// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// Where one is, and light or dark.
Rectangle {
    id: bar

    required property var crumbs

    signal themeToggled()

    color: Theme.canvas
    implicitHeight: 52

    Rectangle {
        anchors.bottom: parent.bottom
        color: Theme.border
        height: 1
        width: parent.width
    }
    RowLayout {
        anchors.fill: parent
        anchors.leftMargin: Theme.pageMargin
        anchors.rightMargin: 20
        spacing: Theme.space2

        Repeater {
            model: bar.crumbs

            Row {
                id: crumb

                required property string modelData
                required property int index

                spacing: Theme.space2

                Icon {
                    anchors.verticalCenter: parent.verticalCenter
                    color: Theme.text3
                    name: "chevron-right"
                    size: 14
                    visible: crumb.index > 0
                }
                Label {
                    anchors.verticalCenter: parent.verticalCenter
                    font.weight: Font.Medium
                    text: crumb.modelData
                    tone: crumb.index === bar.crumbs.length - 1 ? "text" : "text3"
                }
            }
        }
        Item {
            Layout.fillWidth: true
        }
        Button {
            iconName: Theme.dark ? "sun" : "moon"
            kind: "ghost"
            tip: Theme.dark ? qsTr("Light theme") : qsTr("Dark theme")
            onClicked: bar.themeToggled()
        }
    }
}
