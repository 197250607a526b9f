// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// From nothing to a first answered request in five steps. Each step is done when the engine says so. It can be left and
/// taken up again at any time.
Rectangle {
    id: wizard

    required property ConsoleEngine engine
    required property ServerModel server
    /// The platform to go on with; empty to create one.
    property string platform

    property SetUpModel setUp: SetUpModel {
        baseUrl: wizard.server.baseUrl
        engine: wizard.engine
        watching: wizard.step === SetUpModel.RequestStep
    }
    property WalletModel wallet: WalletModel {
        engine: wizard.engine
        platform: wizard.setUp.platform
    }
    readonly property int step: setUp.step
    readonly property var steps: [
        {
            "title": qsTr("Create platform"),
            "note": qsTr("Your tenant and its sk-plat_ key")
        },
        {
            "title": qsTr("Add a provider key"),
            "note": qsTr("OpenAI, Anthropic, Google or xAI")
        },
        {
            "title": qsTr("Top up the wallet"),
            "note": qsTr("Calls stop at zero")
        },
        {
            "title": qsTr("Create an end user"),
            "note": qsTr("With a budget and an sk-eu_ key")
        },
        {
            "title": qsTr("Send the first request"),
            "note": qsTr("Copy, run, watch it arrive")
        }
    ]

    signal closed(bool skipped)
    signal platformCreated(string id)
    signal notify(string text, string tone)

    function mend(action: string) {
        if (action === "topUpWallet")
            setUp.goTo(SetUpModel.WalletStep)
        else if (action === "openProviders")
            setUp.goTo(SetUpModel.ProviderStep)
        else if (action === "newEndUserKey")
            setUp.renewKey()
    }

    color: Theme.canvas
    objectName: "wizard"

    Component.onCompleted: setUp.platform = platform

    Connections {
        function onPlatformChanged() {
            if (wizard.setUp.platform)
                wizard.platformCreated(wizard.setUp.platform)
        }

        target: wizard.setUp
    }
    Rectangle {
        id: leftColumn

        color: Theme.sidebar
        height: parent.height
        width: 340

        Rectangle {
            anchors.right: parent.right
            color: Theme.border
            height: parent.height
            width: 1
        }
        ColumnLayout {
            anchors.fill: parent
            anchors.margins: 36
            spacing: 6

            RowLayout {
                Layout.fillHeight: false
                Layout.fillWidth: true
                spacing: 10

                Rectangle {
                    color: Theme.accentFill
                    implicitHeight: 30
                    implicitWidth: 30
                    radius: 8

                    Icon {
                        anchors.centerIn: parent
                        color: Theme.accentText
                        name: "zap"
                    }
                }
                Label {
                    Layout.fillWidth: true
                    font.pixelSize: 15
                    font.weight: Font.DemiBold
                    text: qsTr("Assistiv Gateway")
                }
            }
            Label {
                Layout.bottomMargin: 26
                Layout.topMargin: 4
                text: qsTr("Set up in about 3 minutes")
                tone: "text3"
            }
            Stepper {
                Layout.fillWidth: true
                current: wizard.step
                done: wizard.setUp.done
                steps: wizard.steps
                onChosen: index => wizard.setUp.goTo(index)
            }
            Item {
                Layout.fillHeight: true
            }
            Button {
                Layout.leftMargin: -12
                kind: "ghost"
                text: wizard.setUp.complete ? qsTr("Close set-up") : qsTr("Skip set-up")
                onClicked: wizard.closed(!wizard.setUp.complete)
            }
        }
    }
    Loader {
        id: stepLoader

        function focusFirst() {
            if (item && item.focusFirst)
                Qt.callLater(() => item?.focusFirst())
        }

        anchors.bottom: parent.bottom
        anchors.left: leftColumn.right
        anchors.right: parent.right
        anchors.top: parent.top
        focus: true
        sourceComponent: [platformStep, providerStep, walletStep, endUserStep, requestStep][wizard.step]

        onLoaded: focusFirst()
    }
    Component {
        id: platformStep

        PlatformStep {
            count: wizard.steps.length
            setUp: wizard.setUp
            onNext: wizard.setUp.goTo(SetUpModel.ProviderStep)
        }
    }
    Component {
        id: providerStep

        ProviderStep {
            count: wizard.steps.length
            keySafety: wizard.server.keySafety
            setUp: wizard.setUp
        }
    }
    Component {
        id: walletStep

        WalletStep {
            count: wizard.steps.length
            setUp: wizard.setUp
            wallet: wizard.wallet
            onNotify: (text, tone) => wizard.notify(text, tone)
        }
    }
    Component {
        id: endUserStep

        EndUserStep {
            count: wizard.steps.length
            setUp: wizard.setUp
        }
    }
    Component {
        id: requestStep

        RequestStep {
            count: wizard.steps.length
            setUp: wizard.setUp
            onFinished: wizard.closed(false)
            onMend: action => wizard.mend(action)
        }
    }
}
