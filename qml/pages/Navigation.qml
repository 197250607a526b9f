// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton
import QtQuick

/// Where the user is, and where they can go. A new page is a row here.
QtObject {
    id: navigation

    /// The pages of the sidebar, in its order; Ctrl+1 to Ctrl+9 by place.
    readonly property var entries: [
        {
            "page": "overview",
            "title": qsTr("Overview"),
            "icon": "layout-dashboard",
            "file": "OverviewPage.qml"
        }
    ]
    property string page: "overview"
    /// Set by the page that is shown, when it is deeper than its entry.
    property var crumbs: []
    readonly property var entry: entries.find(e => e.page === page)

    /// The first-run wizard has the window to itself.
    readonly property string setUp: "setUp"

    function go(target: string) {
        crumbs = []
        page = target
    }

    function goToPlace(place: int) {
        if (place >= 0 && place < entries.length)
            go(entries[place].page)
    }
}
