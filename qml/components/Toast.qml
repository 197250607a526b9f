// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme

/// What just happened, for some seconds at the lower edge.
Rectangle {
    id: toast

    property string text
    property string tone: "success"
    property string actionText
    property int seconds: 8
    readonly property bool shown: timer.running

    signal action()

    function show(message: string, messageTone: string) {
        text = message
        tone = messageTone || "success"
        timer.restart()
    }

    // The name of an alert is read out when it changes; 6.4 has no other announcement.
    Accessible.name: shown ? text : ""
    Accessible.role: Accessible.AlertMessage
    border.color: Theme.border
    border.width: 1
    color: Theme.raised
    implicitHeight: 44
    implicitWidth: row.implicitWidth + 28
    opacity: shown ? 1 : 0
    radius: Theme.radiusBox
    visible: opacity > 0

    Behavior on opacity {
        NumberAnimation {
            duration: Theme.motion
        }
    }

    Shadow {
        z: -1
    }
    Timer {
        id: timer

        interval: toast.seconds * 1000
    }
    RowLayout {
        id: row

        anchors.centerIn: parent
        spacing: 10

        Icon {
            color: Theme.tone(toast.tone)
            name: toast.tone === "success" ? "circle-check" : toast.tone === "danger" ? "circle-alert" : "info"
        }
        Label {
            Layout.maximumWidth: 520
            text: toast.text
        }
        Button {
            implicitHeight: Theme.smallControlHeight
            kind: "ghost"
            text: toast.actionText
            visible: text !== ""
            onClicked: {
                timer.stop()
                toast.action()
            }
        }
        Button {
            iconName: "x"
            implicitHeight: Theme.smallControlHeight
            kind: "ghost"
            tip: qsTr("Close the message")
            onClicked: timer.stop()
        }
    }
}
