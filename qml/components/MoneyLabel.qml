// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme
import Assistiv.Components

/// An exact amount: large to the cent, the other four places small. Never rounded.
Row {
    id: money

    required property double micros
    property int size: Theme.fontWallet
    property bool sign: false
    property string tone: "text"

    Accessible.name: amount.exact
    Accessible.role: Accessible.StaticText

    MoneyText {
        id: amount

        micros: money.micros
        sign: money.sign
    }
    Label {
        id: cents

        Accessible.ignored: true
        font.letterSpacing: -0.5
        font.pixelSize: money.size
        font.weight: Font.DemiBold
        text: amount.cents
        tone: money.tone
    }
    Label {
        Accessible.ignored: true
        anchors.baseline: cents.baseline
        font.pixelSize: Math.round(money.size * 0.57)
        font.weight: Font.Medium
        text: amount.rest
        tone: "text3"
    }
}
