// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// How the gateway and one platform are doing.
PageFrame {
    id: page

    required property ConsoleEngine engine
    required property ServerModel server
    required property PlatformsModel platforms

    property WalletModel wallet: WalletModel {
        engine: page.engine
        platform: page.platforms.current
    }
    property OverviewModel overview: OverviewModel {
        engine: page.engine
        platform: page.platforms.current
    }
    property SetUpModel setUp: SetUpModel {
        baseUrl: page.server.baseUrl
        engine: page.inviting ? page.engine : null
        platform: page.platforms.current
        watching: page.inviting
    }
    readonly property bool hasPlatform: platforms.count > 0
    /// Before the first request the page shows how to send it.
    readonly property bool inviting: hasPlatform && overview.state === "empty"

    signal notify(string text, string tone)
    signal setUpWanted()
    signal stop()

    function reload() {
        wallet.reload()
        overview.reload()
        setUp.reload()
    }

    function mend(action: string) {
        if (action === "topUpWallet")
            topUp.open()
        else if (action === "newEndUserKey")
            setUp.renewKey()
        else
            setUpWanted()
    }

    function openTopUp() {
        topUp.open()
    }

    objectName: "overviewPage"
    title: qsTr("Overview")

    GridLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        columnSpacing: Theme.cardGap
        columns: 2
        rowSpacing: Theme.cardGap

        ServerCard {
            Layout.columnSpan: page.hasPlatform ? 1 : 2
            Layout.fillHeight: true
            Layout.fillWidth: true
            Layout.preferredWidth: 640
            server: page.server

            onNotify: (text, tone) => page.notify(text, tone)
            onStop: page.stop()
        }
        WalletCard {
            Layout.fillHeight: true
            Layout.fillWidth: true
            Layout.preferredWidth: 360
            visible: page.hasPlatform
            wallet: page.wallet

            onTopUp: topUp.open()
        }
    }
    Card {
        Layout.fillWidth: true
        padding: 40
        visible: !page.hasPlatform

        EmptyState {
            Layout.fillWidth: true
            actionText: qsTr("Set up…")
            iconName: "zap"
            text: qsTr("A platform is a tenant with its own keys, end users and wallet. Five steps lead to a first answered request.")
            title: qsTr("No platform yet")
            onAction: page.setUpWanted()
        }
    }
    FirstRequestPanel {
        Layout.fillWidth: true
        setUp: page.setUp
        visible: page.inviting

        onMend: action => page.mend(action)
        onSetUpWanted: page.setUpWanted()
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        visible: page.hasPlatform && !page.inviting

        Label {
            Accessible.role: Accessible.Heading
            Layout.fillWidth: true
            font.pixelSize: Theme.fontSection
            font.weight: Font.DemiBold
            text: page.overview.rangeTitle
        }
        SegmentedControl {
            current: page.overview.range
            label: qsTr("Range")
            options: [
                {
                    "value": "1h",
                    "text": qsTr("1h"),
                    "spoken": qsTr("Last hour")
                },
                {
                    "value": "24h",
                    "text": qsTr("24h"),
                    "spoken": qsTr("Last 24 hours")
                },
                {
                    "value": "7d",
                    "text": qsTr("7d"),
                    "spoken": qsTr("Last 7 days")
                },
                {
                    "value": "30d",
                    "text": qsTr("30d"),
                    "spoken": qsTr("Last 30 days")
                }
            ]
            onChosen: value => page.overview.range = value
        }
    }
    Card {
        Layout.fillWidth: true
        phase: "error"
        problemReport: page.overview.problem.report
        problemText: page.overview.problem.detail
        problemTitle: page.overview.problem.title
        visible: page.hasPlatform && page.overview.state === "error"
        onRetry: page.overview.reload()
    }
    FiguresPanel {
        Layout.fillWidth: true
        overview: page.overview
        visible: page.hasPlatform && !page.inviting && page.overview.state !== "error"

        onMend: action => page.mend(action)
    }

    TopUpDialog {
        id: topUp

        platformName: page.platforms.currentPlatform.name ?? ""
        wallet: page.wallet
        onNotify: (text, tone) => page.notify(text, tone)
    }
}
