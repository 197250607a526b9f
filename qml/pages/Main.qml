// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import QtQuick.Window
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The console's window: sidebar, bar and page, or the first-run wizard.
T.ApplicationWindow {
    id: window

    required property ConsoleEngine engine

    property ConsoleSettings settings: ConsoleSettings {
    }
    property ServerModel server: ServerModel {
        engine: window.engine
    }
    property PlatformsModel platforms: PlatformsModel {
        engine: window.engine
    }
    readonly property bool inSetUp: Navigation.page === Navigation.setUp
    property string setUpPlatform
    property bool quitting: false

    /// The first answer decides whether the wizard comes up by itself.
    property bool placed: false

    function place() {
        if (placed || (platforms.state !== "empty" && platforms.state !== "ready"))
            return
        placed = true
        if (platforms.state === "empty" && !settings.setUpSkipped)
            Navigation.go(Navigation.setUp)
    }

    /// For an existing platform, or without id for a new one.
    function openSetUp(platform: string) {
        setUpPlatform = platform
        Navigation.go(Navigation.setUp)
    }

    function notify(text: string, tone: string) {
        if (text)
            toast.show(text, tone)
    }

    function reload() {
        server.reload()
        platforms.reload()
        const page = pageLoader.item
        if (page && page.reload)
            page.reload()
    }

    /// Stopping asks only when calls would be cut off.
    function askToStop() {
        if (server.callsInFlight > 0)
            stopDialog.open()
        else
            server.stop()
    }

    function keepWindow() {
        if (visibility === Window.Windowed)
            settings.window = Qt.rect(x, y, width, height)
    }

    /// F6: from region to region, in reading order.
    function focusNextRegion() {
        const regions = inSetUp ? [wizardLoader] : [sidebar, topBar, pageLoader]
        const holds = region => {
            for (let item = activeFocusItem; item; item = item.parent) {
                if (item === region)
                    return true
            }
            return false
        }
        const here = regions.findIndex(holds)
        const next = regions[(here + 1) % regions.length].nextItemInFocusChain(true)
        if (next)
            next.forceActiveFocus(Qt.TabFocusReason)
    }

    color: Theme.canvas
    height: 900
    minimumHeight: 640
    minimumWidth: 1040
    title: platforms.currentPlatform.name ? qsTr("%1 – Assistiv Gateway").arg(platforms.currentPlatform.name) : qsTr("Assistiv Gateway")
    visible: true
    width: 1440

    Component.onCompleted: {
        platforms.current = settings.platform
        const kept = settings.reachableWindow()
        if (kept.width >= minimumWidth && kept.height >= minimumHeight) {
            x = kept.x
            y = kept.y
            width = kept.width
            height = kept.height
        }
        if (Navigation.entries.some(e => e.page === settings.page))
            Navigation.go(settings.page)
        place()
    }
    onClosing: close => {
        if (!quitting && server.serving && server.callsInFlight > 0) {
            close.accepted = false
            quitDialog.open()
            return
        }
        keepWindow()
        Qt.quit()
    }

    Binding {
        property: "dark"
        target: Theme
        value: window.settings.dark
    }
    Binding {
        property: "reduceMotion"
        target: Theme
        value: window.settings.reduceMotion
    }
    Connections {
        function onStateChanged() {
            window.place()
        }

        target: window.platforms
    }
    Connections {
        function onPageChanged() {
            if (Navigation.entry)
                window.settings.page = Navigation.page
        }

        target: Navigation
    }
    Connections {
        function onFailed() {
            window.notify(window.server.command.problem.title, "danger")
        }

        target: window.server.command
    }
    Clipboard {
        id: clipboard
    }

    Shortcut {
        sequences: [StandardKey.Refresh, "Ctrl+R"]
        onActivated: window.reload()
    }
    Shortcut {
        sequences: [StandardKey.Close]
        onActivated: window.close()
    }
    Shortcut {
        sequences: [StandardKey.Quit, "Ctrl+Q"]
        onActivated: window.close()
    }
    Shortcut {
        enabled: window.server.baseUrl !== ""
        sequence: "Ctrl+Shift+C"
        onActivated: {
            clipboard.copy(window.server.baseUrl)
            window.notify(qsTr("Base URL copied"), "success")
        }
    }
    Shortcut {
        sequence: "F6"
        onActivated: window.focusNextRegion()
    }
    Shortcut {
        enabled: !window.inSetUp
        sequence: "Ctrl+P"
        onActivated: sidebar.openSwitcher()
    }
    Repeater {
        model: window.inSetUp ? 0 : Navigation.entries.length

        Item {
            id: place

            required property int index

            Shortcut {
                sequence: "Ctrl+" + (place.index + 1)
                onActivated: Navigation.goToPlace(place.index)
            }
        }
    }

    Sidebar {
        id: sidebar

        compact: window.width < 1120
        height: parent.height
        platforms: window.platforms
        server: window.server
        visible: !window.inSetUp

        onNewPlatform: window.openSetUp("")
        onPlatformChosen: id => {
            window.platforms.current = id
            window.settings.platform = id
        }
        onStop: window.askToStop()
    }
    TopBar {
        id: topBar

        anchors.left: sidebar.right
        anchors.right: parent.right
        crumbs: [Navigation.entry ? Navigation.entry.title : ""].concat(Navigation.crumbs)
        visible: !window.inSetUp

        onThemeToggled: window.settings.appearance = Theme.dark ? "light" : "dark"
    }
    Loader {
        id: pageLoader

        active: window.placed && Navigation.page === "overview"
        anchors.bottom: parent.bottom
        anchors.left: sidebar.right
        anchors.right: parent.right
        anchors.top: topBar.bottom
        focus: true

        sourceComponent: OverviewPage {
            engine: window.engine
            platforms: window.platforms
            server: window.server

            onNotify: (text, tone) => window.notify(text, tone)
            onSetUpWanted: window.openSetUp(window.platforms.current)
            onStop: window.askToStop()
        }
    }
    PageFrame {
        anchors.fill: pageLoader
        phase: window.platforms.state
        problemReport: window.platforms.problem.report
        problemText: window.platforms.problem.detail
        problemTitle: window.platforms.problem.title
        title: qsTr("Overview")
        visible: !window.placed

        onRetry: window.platforms.reload()
    }
    Loader {
        id: wizardLoader

        active: window.inSetUp
        anchors.fill: parent
        focus: window.inSetUp

        sourceComponent: FirstRunWizard {
            engine: window.engine
            platform: window.setUpPlatform
            server: window.server

            onClosed: skipped => {
                if (skipped)
                    window.settings.setUpSkipped = true
                Navigation.go("overview")
            }
            onNotify: (text, tone) => window.notify(text, tone)
            onPlatformCreated: id => {
                window.platforms.current = id
                window.settings.platform = id
                window.platforms.reload()
            }
        }
    }
    Toast {
        id: toast

        anchors.bottom: parent.bottom
        anchors.bottomMargin: 24
        anchors.horizontalCenter: pageLoader.horizontalCenter
        z: 10
    }
    ConfirmDialog {
        id: stopDialog

        consequence: qsTr("New calls are refused at once. Running calls get 30 seconds to end.")
        heading: qsTr("Stop the gateway while %n call(s) run?", "", window.server.callsInFlight)
        iconName: "power"
        verb: qsTr("Stop gateway")

        onConfirmed: window.server.stop()
    }
    ConfirmDialog {
        id: quitDialog

        consequence: qsTr("The gateway serves only while this program runs. New calls are refused at once; running calls get 30 seconds to end.")
        heading: qsTr("Quit while %n call(s) run?", "", window.server.callsInFlight)
        iconName: "power"
        verb: qsTr("Stop and quit")

        onConfirmed: {
            window.quitting = true
            window.close()
        }
    }
}
