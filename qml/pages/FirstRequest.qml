// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// A request to copy and run, and below it the answer as it arrives.
ColumnLayout {
    id: request

    required property SetUpModel setUp
    readonly property var row: setUp.firstRequest
    readonly property bool arrived: row.title !== undefined

    signal mend(string action)

    spacing: 14

    Label {
        Layout.fillWidth: true
        font.pixelSize: Theme.fontCardTitle
        lineHeight: 1.3
        text: qsTr("Run this in a terminal. %1").arg(request.setUp.endUserSummary)
        tone: "text2"
        wrapMode: Text.Wrap
    }
    TabRow {
        id: languages

        titles: ["curl", "Python", "TypeScript", "Qt / C++"]
    }
    CodeBlock {
        Layout.fillWidth: true
        caption: request.setUp.keyKnown ? qsTr("The key is shown once: copy it now") : qsTr("The key was shown once, when it was made")
        code: request.setUp.snippets[languages.current]
        secret: request.setUp.keyKnown
    }
    InlineMessage {
        Layout.fillWidth: true
        actionText: qsTr("New key")
        detail: request.setUp.keyRenewal.problem.detail || qsTr("Only a hash of the first key is stored. A new key works beside it.")
        text: request.setUp.keyRenewal.problem.title || qsTr("Make a new key to run this as it is.")
        tone: request.setUp.keyRenewal.problem.present ? "danger" : "info"
        visible: !request.setUp.keyKnown
        onAction: request.setUp.renewKey()
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        Layout.leftMargin: 2
        Layout.topMargin: 2
        spacing: 12
        visible: !request.arrived

        WaitingDot {
        }
        Label {
            Layout.fillWidth: true
            text: qsTr("Waiting for your request…")
            tone: "text2"
        }
    }
    Loader {
        // Made when there is something to show: a row that is laid out while hidden would keep the widths it has then.
        Layout.fillWidth: true
        active: request.arrived && request.visible
        visible: active

        sourceComponent: ArrivedRequest {
            row: request.row

            onMend: action => request.mend(action)
        }
    }
}
