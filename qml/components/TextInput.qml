// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Assistiv.Theme

/// A line to type into.
T.TextField {
    id: field

    property string iconName
    property bool invalid: false
    /// What the field is for, when its label is not the name to be spoken.
    property string label

    Accessible.name: label || placeholderText
    color: Theme.text
    font.family: Theme.sans
    font.pixelSize: Theme.fontBody
    implicitHeight: Theme.fieldHeight
    implicitWidth: 200
    leftPadding: iconName ? 34 : 11
    placeholderTextColor: Theme.text3
    rightPadding: 10
    selectByMouse: true
    selectedTextColor: Theme.accentText
    selectionColor: Theme.accentFill
    verticalAlignment: TextInput.AlignVCenter

    background: Rectangle {
        border.color: field.invalid ? Theme.danger : field.activeFocus ? Theme.accent : Theme.control
        border.width: field.activeFocus || field.invalid ? 2 : 1
        color: Theme.surface
        radius: Theme.radiusControl

        Icon {
            anchors.verticalCenter: parent.verticalCenter
            color: Theme.text3
            name: field.iconName
            visible: name !== ""
            x: 10
        }
    }

    Label {
        Accessible.ignored: true
        anchors.verticalCenter: parent.verticalCenter
        font: field.font
        text: field.placeholderText
        tone: "text3"
        visible: !field.text && !field.preeditText
        width: field.width - field.leftPadding - field.rightPadding
        x: field.leftPadding
    }
}
