// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme

/// A field with its label above, and below it a hint or what is wrong.
ColumnLayout {
    id: form

    property string label
    property string hint
    /// What is wrong with the field; takes the place of the hint.
    property string message
    default property alias field: slot.data

    Layout.fillHeight: false
    spacing: 6

    Label {
        Layout.fillWidth: true
        font.weight: Font.Medium
        text: form.label
    }
    ColumnLayout {
        id: slot

        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: 0
    }
    Label {
        Layout.fillWidth: true
        font.pixelSize: Theme.fontCaption
        text: form.message || form.hint
        tone: form.message ? "danger" : "text3"
        visible: text !== ""
        wrapMode: Text.Wrap
    }
}
