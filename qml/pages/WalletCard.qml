// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// What the platform has left, and how long that lasts.
Card {
    id: card

    required property WalletModel wallet

    signal topUp()

    padding: 20
    phase: wallet.known ? "ready" : wallet.state === "error" ? "error" : "loading"
    problemReport: wallet.problem.report
    problemText: wallet.problem.detail
    problemTitle: wallet.problem.title

    skeletonLines: [0.4, 0, 0.6, 0.9, 0, 0.3, 0.3]
    spoken: qsTr("Platform wallet")

    onRetry: wallet.reload()

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true

        Label {
            Accessible.role: Accessible.Heading
            Layout.fillWidth: true
            font.pixelSize: Theme.fontCardTitle
            font.weight: Font.DemiBold
            text: qsTr("Platform wallet")
        }
        Badge {
            dot: true
            text: card.wallet.warning
            tone: card.wallet.exhausted ? "danger" : "warning"
            visible: text !== ""
        }
    }
    MoneyLabel {
        micros: card.wallet.balance
        tone: card.wallet.exhausted ? "danger" : "text"
    }
    Label {
        Layout.fillWidth: true
        font.pixelSize: Theme.fontCaption
        text: card.wallet.state === "error" ? qsTr("Could not be read again: %1").arg(card.wallet.problem.detail) : card.wallet.runway
        tone: card.wallet.state === "error" ? "danger" : "text2"
        wrapMode: Text.Wrap
    }
    Item {
        Layout.fillHeight: true
    }
    Button {
        iconName: "plus"
        kind: "primary"
        text: qsTr("Top up…")
        onClicked: card.topUp()
    }
}
