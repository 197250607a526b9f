// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The first money in the platform's wallet.
WizardStep {
    id: step

    required property WalletModel wallet
    readonly property bool funded: setUp.done[2] === true

    signal notify(string text, string tone)

    function book() {
        amount.touched = true
        if (amount.valid)
            wallet.book()
    }

    about: qsTr("Every call is paid from the platform's wallet, and calls stop when it is empty. No payment is taken here: the entry records money that you accepted.")
    heading: qsTr("Top up the wallet")
    number: SetUpModel.WalletStep

    Component.onCompleted: wallet.topUp.prepare()
    onSent: book()

    buttons: Row {
        spacing: 8

        Button {
            kind: "ghost"
            text: qsTr("Continue")
            visible: step.funded
            onClicked: step.setUp.goTo(SetUpModel.EndUserStep)
        }
        Button {
            busy: step.wallet.booking
            kind: "primary"
            text: step.wallet.topUp.unclear ? qsTr("Press again") : step.wallet.verb
            onClicked: step.book()
        }
    }

    FormField {
        Layout.fillWidth: true
        label: qsTr("Amount (USD)")
        message: amount.message

        RowLayout {
            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: 8

            MoneyField {
                id: amount

                Layout.fillWidth: true
                implicitHeight: 40
                label: qsTr("Amount in US dollars")
                text: "25.00"
                onAccepted: step.book()
            }
            Repeater {
                model: ["10.00", "25.00", "100.00"]

                Button {
                    required property string modelData

                    implicitHeight: 40
                    text: "$" + modelData.slice(0, -3)
                    onClicked: amount.text = modelData
                }
            }
        }
    }
    Rectangle {
        Layout.fillWidth: true
        border.color: Theme.border
        border.width: 1
        color: Theme.sunken
        implicitHeight: 48
        radius: Theme.radiusControl

        RowLayout {
            anchors.fill: parent
            anchors.leftMargin: 14
            anchors.rightMargin: 14

            Label {
                text: qsTr("Balance now")
                tone: "text2"
            }
            Label {
                font.family: Theme.mono
                text: step.wallet.balanceNow
            }
            Icon {
                name: "chevron-right"
                size: 14
            }
            Label {
                text: qsTr("after")
                tone: "text2"
            }
            Label {
                font.family: Theme.mono
                font.weight: Font.Medium
                text: step.wallet.balanceAfter
                tone: "success"
            }
            Item {
                Layout.fillWidth: true
            }
        }
    }
    FormField {
        Layout.fillWidth: true
        hint: qsTr("If the result is unclear, press again: the same key never books twice.")
        label: qsTr("Idempotency key")

        CopyField {
            Layout.fillWidth: true
            label: qsTr("idempotency key")
            value: step.wallet.topUp.key
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        detail: step.wallet.topUp.unclear ? qsTr("Press again: the same key never books twice.") : step.wallet.topUp.problem.detail
        text: step.wallet.topUp.unclear ? qsTr("Not known whether it was booked.") : step.wallet.topUp.problem.title
        tone: step.wallet.topUp.unclear ? "warning" : "danger"
        visible: step.wallet.topUp.problem.present
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: qsTr("Try again")
        detail: step.wallet.problem.detail
        text: step.wallet.problem.title
        tone: "danger"
        visible: step.wallet.problem.present
        onAction: step.wallet.reload()
    }
    Binding {
        property: "amount"
        target: step.wallet
        value: amount.micros
    }
    Binding {
        property: "description"
        target: step.wallet
        value: "Top-up"
    }
    Connections {
        function onSucceeded() {
            step.notify(step.wallet.result, "success")
            step.wallet.topUp.prepare()
            step.setUp.finishStep()
        }

        target: step.wallet.topUp
    }
}
