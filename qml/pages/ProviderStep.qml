// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// A key for a model vendor, tested before it is stored, or the built-in echo model.
WizardStep {
    id: step

    required property string keySafety
    property bool touched: false
    readonly property bool tested: setUp.testResult !== ""
    readonly property bool waiting: setUp.keyTest.running || setUp.keyStorage.running
    readonly property var icons: ({
            "openai": "bot",
            "anthropic": "boxes",
            "google": "square-stack",
            "xai": "zap"
        })

    function send() {
        touched = true
        if (tested)
            setUp.storeKey()
        else
            setUp.testKey()
    }

    about: qsTr("The gateway calls the model vendor with your own key. %1").arg(keySafety)
    heading: qsTr("Add a provider key")
    number: SetUpModel.ProviderStep

    onSent: send()

    buttons: Row {
        spacing: 8

        Button {
            kind: "ghost"
            text: qsTr("Use the built-in echo model instead")
            visible: step.setUp.done[1] !== true
            onClicked: step.setUp.useEchoModel()
        }
        Button {
            enabled: !step.waiting
            kind: "ghost"
            text: qsTr("Save without a test")
            visible: !step.tested && step.setUp.keyTest.problem.present && step.setUp.keyTest.problem.retryable
            onClicked: step.setUp.storeKey()
        }
        Button {
            kind: step.setUp.apiKey === "" ? "primary" : "secondary"
            text: qsTr("Continue")
            visible: step.setUp.done[1] === true
            onClicked: step.setUp.goTo(SetUpModel.WalletStep)
        }
        Button {
            busy: step.waiting
            kind: "primary"
            text: step.tested ? qsTr("Save and continue") : qsTr("Test key")
            visible: step.setUp.done[1] !== true || step.setUp.apiKey !== ""
            onClicked: step.send()
        }
    }

    GridLayout {
        id: tiles

        Accessible.name: qsTr("Provider")
        Accessible.role: Accessible.Grouping
        Layout.fillHeight: false
        Layout.fillWidth: true
        columnSpacing: 12
        columns: 4
        rowSpacing: 12

        Repeater {
            model: step.setUp.providers

            ChoiceTile {
                required property var modelData

                Layout.fillWidth: true
                // Tiles of the same width, whatever stands on them.
                Layout.preferredWidth: 1
                checked: modelData.id === step.setUp.provider
                iconName: step.icons[modelData.slug] ?? "boxes"
                note: modelData.hasKey ? qsTr("has a key") : ""
                text: modelData.name
                onClicked: step.setUp.provider = modelData.id
            }
        }
    }
    Skeleton {
        Layout.fillWidth: true
        lineHeight: 84
        lines: [1]
        visible: step.setUp.providers.length === 0 && step.setUp.busy
    }
    FormField {
        Layout.fillWidth: true
        label: qsTr("%1 API key").arg(step.setUp.providerName)
        message: step.touched && !step.tested ? step.setUp.apiKeyMessage : ""
        visible: step.setUp.providerName !== ""

        SecretField {
            Layout.fillWidth: true
            enabled: !step.setUp.keyStorage.running
            invalid: step.setUp.keyTest.problem.field === "apiKey"
            label: qsTr("%1 API key").arg(step.setUp.providerName)
            placeholderText: qsTr("Paste your %1 key").arg(step.setUp.providerName)
            text: step.setUp.apiKey
            onAccepted: step.send()
            onTextEdited: step.setUp.apiKey = text
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        note: qsTr("nothing was billed")
        text: step.setUp.testResult
        tone: "success"
        visible: step.tested
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: step.setUp.keyTest.problem.retryable ? qsTr("Try again") : ""
        detail: step.setUp.keyTest.problem.detail
        text: step.setUp.keyTest.problem.title
        tone: "danger"
        visible: step.setUp.keyTest.problem.present
        onAction: step.setUp.testKey()
    }
    InlineMessage {
        Layout.fillWidth: true
        detail: step.setUp.keyStorage.problem.detail
        text: step.setUp.keyStorage.problem.title
        tone: "danger"
        visible: step.setUp.keyStorage.problem.present
    }
    FormField {
        Layout.fillWidth: true
        label: qsTr("Models to offer")
        visible: step.setUp.models.length > 0

        Repeater {
            model: step.setUp.models

            RowLayout {
                id: row

                required property var modelData
                required property int index

                Layout.fillHeight: false
                Layout.fillWidth: true
                Layout.topMargin: 2

                CheckBox {
                    Layout.fillWidth: true
                    checked: row.modelData.enabled
                    mono: true
                    text: row.modelData.slug
                    onToggled: step.setUp.setModelEnabled(row.index, checked)
                }
                Label {
                    font.pixelSize: Theme.fontCaption
                    text: row.modelData.prices
                    tone: "text3"
                }
            }
        }
    }
}
