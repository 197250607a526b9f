// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The frame of one step: heading, what it is about, the fields, and the way back and on.
FocusScope {
    id: frame

    required property SetUpModel setUp
    required property int number
    required property int count
    required property string heading
    property string about
    /// Buttons at the right of the foot.
    property Component buttons
    default property alias content: body.data

    signal sent()

    /// The step's first field takes the keyboard.
    function focusFirst() {
        const first = body.nextItemInFocusChain(true)
        if (first)
            first.forceActiveFocus()
    }

    Shortcut {
        enabled: frame.visible
        sequences: ["Ctrl+Return", "Ctrl+Enter"]
        onActivated: frame.sent()
    }
    ColumnLayout {
        anchors.bottom: parent.bottom
        anchors.bottomMargin: 28
        anchors.horizontalCenter: parent.horizontalCenter
        anchors.top: parent.top
        anchors.topMargin: Math.min(72, Math.max(24, frame.height * 0.08))
        spacing: 18
        width: Math.min(660, frame.width - 48)

        Label {
            Layout.fillWidth: true
            font.pixelSize: Theme.fontSmall
            font.weight: Font.DemiBold
            text: qsTr("STEP %1 OF %2").arg(frame.number + 1).arg(frame.count)
            tone: "accent"
        }
        Label {
            Accessible.role: Accessible.Heading
            Layout.fillWidth: true
            Layout.topMargin: -10
            font.letterSpacing: -0.4
            font.pixelSize: Theme.fontWizard
            font.weight: Font.DemiBold
            text: frame.heading
        }
        PageFrame {
            id: scroll

            Layout.fillHeight: true
            Layout.fillWidth: true
            Layout.leftMargin: -Theme.pageMargin
            Layout.rightMargin: -Theme.pageMargin
            Layout.topMargin: -20
            title: frame.heading

            Label {
                Layout.fillWidth: true
                font.pixelSize: Theme.fontCardTitle
                lineHeight: 1.3
                text: frame.about
                tone: "text2"
                visible: text !== ""
                wrapMode: Text.Wrap
            }
            ColumnLayout {
                id: body

                Layout.fillHeight: false
                Layout.fillWidth: true
                spacing: 16
            }
            InlineMessage {
                Layout.fillWidth: true
                actionText: qsTr("Try again")
                detail: frame.setUp.problem.detail
                text: frame.setUp.problem.title
                tone: "danger"
                visible: frame.setUp.problem.present
                onAction: frame.setUp.reload()
            }
        }
        RowLayout {
            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: 8

            Button {
                iconName: "chevron-left"
                text: qsTr("Back")
                visible: frame.number > 0
                onClicked: frame.setUp.goTo(frame.number - 1)
            }
            Item {
                Layout.fillWidth: true
            }
            Loader {
                sourceComponent: frame.buttons
            }
        }
    }
}
