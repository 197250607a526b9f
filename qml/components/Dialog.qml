// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Assistiv.Theme

/// A modal dialog with a heading, a body and a row of buttons at its foot. Esc closes it; when something was typed, only the
/// second Esc does.
T.Dialog {
    id: dialog

    required property string heading
    property string sub
    property Component foot
    /// Something was typed that closing would lose.
    property bool dirty: false
    property bool asked: false
    default property alias body: bodyColumn.data

    /// Ctrl+Enter.
    signal sent()

    function leave() {
        if (dirty && !asked)
            asked = true
        else
            close()
    }

    T.Overlay.modal: Rectangle {
        color: Theme.scrim
    }
    closePolicy: T.Popup.NoAutoClose
    dim: true
    focus: true
    implicitHeight: contentItem.implicitHeight + padding * 2
    implicitWidth: 520
    modal: true
    padding: 24
    parent: T.Overlay.overlay
    width: Math.min(520, parent ? parent.width - 48 : 520)
    x: parent ? Math.round((parent.width - width) / 2) : 0
    y: parent ? Math.round(Math.max(40, (parent.height - height) / 2 - 30)) : 0

    onAboutToShow: asked = false
    onDirtyChanged: if (!dirty) asked = false

    background: Item {
        Shadow {
        }
        Rectangle {
            anchors.fill: parent
            border.color: Theme.border
            border.width: 1
            color: Theme.raised
            radius: Theme.radiusDialog
        }
    }
    contentItem: FocusScope {
        implicitHeight: column.implicitHeight
        focus: true

        Keys.onEscapePressed: dialog.leave()

        ColumnLayout {
            id: column

            anchors.fill: parent
            spacing: 16

            RowLayout {
                Layout.fillHeight: false
                Layout.fillWidth: true

                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 4

                    Label {
                        Accessible.role: Accessible.Heading
                        Layout.fillWidth: true
                        font.pixelSize: Theme.fontDialog
                        font.weight: Font.DemiBold
                        text: dialog.heading
                        wrapMode: Text.Wrap
                    }
                    Label {
                        Layout.fillWidth: true
                        lineHeight: 1.25
                        text: dialog.sub
                        tone: "text2"
                        visible: text !== ""
                        wrapMode: Text.Wrap
                    }
                }
                Button {
                    Layout.alignment: Qt.AlignTop
                    focusPolicy: Qt.TabFocus
                    iconName: "x"
                    kind: "ghost"
                    tip: qsTr("Close (Esc)")
                    onClicked: dialog.leave()
                }
            }
            ColumnLayout {
                id: bodyColumn

                Layout.fillHeight: false
                Layout.fillWidth: true
                spacing: 14
            }
            InlineMessage {
                Layout.fillWidth: true
                text: qsTr("What you typed will be lost. Press Esc again to close.")
                tone: "warning"
                visible: dialog.asked
            }
            Loader {
                Layout.fillWidth: true
                Layout.topMargin: 4
                sourceComponent: dialog.foot
            }
        }
    }
    enter: Transition {
        NumberAnimation {
            duration: Theme.motion
            from: 0
            property: "opacity"
            to: 1
        }
    }
    exit: Transition {
        NumberAnimation {
            duration: Theme.motion
            from: 1
            property: "opacity"
            to: 0
        }
    }

    Shortcut {
        enabled: dialog.opened
        sequences: ["Ctrl+Return", "Ctrl+Enter"]
        onActivated: dialog.sent()
    }
}
