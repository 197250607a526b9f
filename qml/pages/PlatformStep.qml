// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// Name and short name of a new platform, and then its first key, once.
WizardStep {
    id: step

    readonly property bool created: setUp.done[0] === true
    property bool touched: false
    property bool stored: false

    signal next()

    function create() {
        touched = true
        if (!created)
            setUp.createPlatform()
        else if (stored || !setUp.platformKey)
            next()
    }

    about: created ? qsTr("The platform is there. Its key manages it from your own servers: keep it secret and off client devices.") :
                     qsTr("A platform is a tenant: it owns its keys, end users, wallet and logs. Nothing is visible from one platform to another.")
    heading: created ? qsTr("Platform created") : qsTr("Create a platform")
    number: SetUpModel.PlatformStep

    onSent: create()

    buttons: Row {
        Button {
            busy: step.setUp.platformCreation.running
            enabled: !busy && (!step.created || step.stored || !step.setUp.platformKey)
            kind: "primary"
            text: step.created ? qsTr("Continue") : qsTr("Create platform")
            onClicked: step.create()
        }
    }

    FormField {
        Layout.fillWidth: true
        label: qsTr("Name")
        message: step.touched ? step.setUp.nameMessage : ""
        visible: !step.created

        TextInput {
            Layout.fillWidth: true
            implicitHeight: 40
            invalid: step.touched && step.setUp.nameMessage !== ""
            label: qsTr("Name of the platform")
            maximumLength: 100
            placeholderText: qsTr("e.g. Northwind Copilot")
            text: step.setUp.name
            onAccepted: step.create()
            onTextEdited: step.setUp.name = text
        }
    }
    FormField {
        Layout.fillWidth: true
        hint: qsTr("Appears in addresses and exports. It can be changed later.")
        label: qsTr("Short name")
        message: step.touched && slug.text ? step.setUp.slugMessage : ""
        visible: !step.created

        TextInput {
            id: slug

            Layout.fillWidth: true
            font.family: Theme.mono
            implicitHeight: 40
            invalid: step.setUp.platformCreation.problem.field === "slug"
            label: qsTr("Short name of the platform")
            maximumLength: 63
            placeholderText: "northwind-copilot"
            text: step.setUp.slug
            onAccepted: step.create()
            onTextEdited: step.setUp.slug = text
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        detail: step.setUp.platformCreation.problem.detail
        text: step.setUp.platformCreation.problem.title
        tone: step.setUp.platformCreation.unclear ? "warning" : "danger"
        visible: step.setUp.platformCreation.problem.present
    }
    FormField {
        Layout.fillWidth: true
        hint: qsTr("Only a hash is kept, so it cannot be shown again. The clipboard forgets it after a minute; clipboard managers may not.")
        label: qsTr("Platform key")
        visible: step.setUp.platformKey !== ""

        CopyField {
            Layout.fillWidth: true
            implicitHeight: 40
            label: qsTr("platform key")
            secret: true
            value: step.setUp.platformKey
        }
    }
    CheckBox {
        checked: step.stored
        text: qsTr("I have stored the key")
        visible: step.setUp.platformKey !== ""
        onToggled: step.stored = checked
    }
    InlineMessage {
        Layout.fillWidth: true
        text: qsTr("This step is done.")
        tone: "success"
        visible: step.created && step.setUp.platformKey === ""
    }
}
