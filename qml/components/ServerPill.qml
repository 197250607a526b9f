// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme

/// The state of the server at the foot of the sidebar: dot and words, the address, and the power button.
Rectangle {
    id: pill

    required property string serverState
    required property string stateText
    required property string tone
    property string address
    property string reason
    /// A free port to be proposed; 0 for none.
    property int freePort: 0
    property bool busy: false
    property bool compact: false

    readonly property bool up: serverState === "running" || serverState === "degraded"
    readonly property bool explains: reason !== "" && serverState !== "running" && !compact

    signal start(int port)
    signal stop()

    Accessible.description: reason
    Accessible.name: address ? qsTr("%1 on %2").arg(stateText).arg(address) : stateText
    Accessible.role: Accessible.StatusBar
    border.color: serverState === "cannotStart" ? Theme.dangerBorder : Theme.border
    border.width: 1
    color: Theme.surface
    implicitHeight: column.implicitHeight + 16
    implicitWidth: 200
    radius: Theme.radiusBox

    ColumnLayout {
        id: column

        anchors.left: parent.left
        anchors.leftMargin: pill.compact ? 6 : 12
        anchors.right: parent.right
        anchors.rightMargin: pill.compact ? 6 : 8
        anchors.verticalCenter: parent.verticalCenter
        spacing: 6

        GridLayout {
            Layout.fillHeight: false
            Layout.fillWidth: true
            columnSpacing: 10
            columns: pill.compact ? 1 : 3
            rowSpacing: 4

            Rectangle {
                Layout.alignment: Qt.AlignCenter
                Layout.fillWidth: false
                color: Theme.toneSignal(pill.tone)
                implicitHeight: 8
                implicitWidth: 8
                radius: 4
            }
            ColumnLayout {
                Layout.fillWidth: true
                spacing: 1
                visible: !pill.compact

                Label {
                    Accessible.ignored: true
                    Layout.fillWidth: true
                    font.pixelSize: Theme.fontCaption
                    font.weight: Font.DemiBold
                    text: pill.stateText
                }
                Label {
                    Accessible.ignored: true
                    Layout.fillWidth: true
                    font.family: Theme.mono
                    font.pixelSize: Theme.fontSmall
                    text: pill.address
                    tone: "text3"
                    visible: text !== ""
                }
            }
            Button {
                Layout.alignment: Qt.AlignCenter
                busy: pill.busy || pill.serverState === "starting"
                enabled: !busy && pill.serverState !== "unknown"
                iconName: "power"
                implicitHeight: Theme.smallControlHeight
                kind: "ghost"
                tip: pill.up ? qsTr("Stop gateway…") : pill.serverState === "stopping" ? qsTr("Stop now…") : qsTr("Start gateway")
                onClicked: {
                    if (pill.up || pill.serverState === "stopping")
                        pill.stop()
                    else
                        pill.start(0)
                }
            }
        }
        Label {
            Layout.fillWidth: true
            font.pixelSize: Theme.fontCaption
            text: pill.reason
            tone: pill.tone
            visible: pill.explains
            wrapMode: Text.Wrap
        }
        Button {
            implicitHeight: Theme.smallControlHeight
            text: qsTr("Use %1").arg(pill.freePort)
            visible: pill.explains && pill.freePort > 0 && pill.serverState === "cannotStart"
            onClicked: pill.start(pill.freePort)
        }
    }
}
