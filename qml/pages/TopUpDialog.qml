// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// Books money into the platform's wallet. Closing it does not end a booking that runs; its result comes as a message.
Dialog {
    id: dialog

    required property WalletModel wallet
    required property string platformName

    signal notify(string text, string tone)

    function book() {
        amount.touched = true
        if (amount.valid)
            wallet.book()
    }

    dirty: (amount.text !== "" || reason.text !== "") && !wallet.topUp.unclear && !wallet.booking
    heading: qsTr("Top up %1").arg(platformName)
    objectName: "topUpDialog"
    sub: qsTr("Writes one wallet transaction. No payment is taken: it records money that you accepted.")

    onAboutToShow: {
        // After an unclear result the same fields and the same key are still there.
        if (!wallet.topUp.unclear && !wallet.booking) {
            wallet.topUp.prepare()
            amount.clear()
            reason.clear()
            amount.touched = false
        }
    }
    onOpened: amount.forceActiveFocus()
    onSent: book()

    foot: RowLayout {
        spacing: 8

        Label {
            Layout.fillWidth: true
            font.pixelSize: Theme.fontCaption
            text: qsTr("Ctrl+Enter to confirm")
            tone: "text3"
        }
        Button {
            text: qsTr("Cancel")
            onClicked: dialog.close()
        }
        Button {
            busy: dialog.wallet.booking
            kind: "primary"
            text: dialog.wallet.topUp.unclear ? qsTr("Press again") : dialog.wallet.verb
            onClicked: dialog.book()
        }
    }

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: 12

        FormField {
            Layout.alignment: Qt.AlignTop
            Layout.fillWidth: true
            Layout.preferredWidth: 180
            label: qsTr("Amount (USD)")
            message: amount.message

            MoneyField {
                id: amount

                Layout.fillWidth: true
                focus: true
                label: qsTr("Amount in US dollars")
                placeholderText: "25.00"
                onAccepted: dialog.book()
            }
        }
        FormField {
            Layout.alignment: Qt.AlignTop
            Layout.fillWidth: true
            Layout.preferredWidth: 240
            label: qsTr("Description")

            TextInput {
                id: reason

                Layout.fillWidth: true
                label: qsTr("Description")
                maximumLength: 500
                placeholderText: qsTr("e.g. Invoice 1042")
                onAccepted: dialog.book()
            }
        }
    }
    FormField {
        Layout.fillWidth: true
        hint: qsTr("If the result is unclear, press Top up again: the same key never books twice.")
        label: qsTr("Idempotency key")

        CopyField {
            Layout.fillWidth: true
            label: qsTr("idempotency key")
            value: dialog.wallet.topUp.key
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
                text: dialog.wallet.balanceNow
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
                text: dialog.wallet.balanceAfter
                tone: "success"
            }
            Item {
                Layout.fillWidth: true
            }
        }
    }
    InlineMessage {
        Layout.fillWidth: true
        detail: dialog.wallet.topUp.unclear ? qsTr("Press again: the same key never books twice.") : dialog.wallet.topUp.problem.detail
        text: dialog.wallet.topUp.unclear ? qsTr("Not known whether it was booked.") : dialog.wallet.topUp.problem.title
        tone: dialog.wallet.topUp.unclear ? "warning" : "danger"
        visible: dialog.wallet.topUp.problem.present
    }
    Binding {
        property: "amount"
        target: dialog.wallet
        value: amount.micros
        when: dialog.visible
    }
    Binding {
        property: "description"
        target: dialog.wallet
        value: reason.text
        when: dialog.visible
    }
    Connections {
        function onSucceeded() {
            dialog.close()
            dialog.notify(dialog.wallet.result, "success")
        }
        function onFailed() {
            if (!dialog.visible)
                dialog.notify(dialog.wallet.topUp.unclear ? qsTr("Top-up: not known whether it was booked") : dialog.wallet.topUp.problem.title, "danger")
        }

        target: dialog.wallet.topUp
    }
}
