// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// Platform, pages, server.
Rectangle {
    id: sidebar

    required property PlatformsModel platforms
    required property ServerModel server
    /// Icons only.
    property bool compact: false

    signal platformChosen(string id)
    signal newPlatform()
    signal stop()

    function openSwitcher() {
        switcher.open()
    }

    color: Theme.sidebar
    width: compact ? 64 : 232

    Rectangle {
        anchors.right: parent.right
        color: Theme.border
        height: parent.height
        width: 1
    }
    ColumnLayout {
        anchors.fill: parent
        anchors.margins: 12
        anchors.rightMargin: 13
        spacing: 2

        PlatformSwitcher {
            id: switcher

            Layout.bottomMargin: 10
            Layout.fillWidth: true
            compact: sidebar.compact
            current: sidebar.platforms.current
            currentPlatform: sidebar.platforms.currentPlatform
            place: sidebar.platforms.place
            platforms: sidebar.platforms.platforms

            onChosen: id => sidebar.platformChosen(id)
            onNewPlatform: sidebar.newPlatform()
        }
        Repeater {
            model: Navigation.entries

            NavItem {
                required property var modelData
                required property int index

                Layout.fillWidth: true
                compact: sidebar.compact
                current: Navigation.page === modelData.page
                iconName: modelData.icon
                shortcut: "Ctrl+" + (index + 1)
                text: modelData.title

                onClicked: Navigation.go(modelData.page)
            }
        }
        Item {
            Layout.fillHeight: true
        }
        ServerPill {
            Layout.fillWidth: true
            address: sidebar.server.address
            busy: sidebar.server.command.running
            compact: sidebar.compact
            freePort: sidebar.server.freePort
            reason: sidebar.server.reason
            serverState: sidebar.server.serverState
            stateText: sidebar.server.stateText
            tone: sidebar.server.tone

            onStart: port => sidebar.server.start(port)
            onStop: sidebar.stop()
        }
    }
}
