// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Assistiv.Theme
import Assistiv.Components

/// What all pages have in common: they scroll, have a margin, and show in the same way that they load or could not be read.
Flickable {
    id: frame

    /// For the crumbs and screen readers.
    property string title
    /// idle, loading, ready, empty or error. ("state" is taken by Item.)
    property string phase: "ready"
    property string problemTitle
    property string problemText
    property string problemReport
    default property alias content: column.data

    signal retry()

    Accessible.name: title
    Accessible.role: Accessible.Pane
    boundsBehavior: Flickable.StopAtBounds
    clip: true
    contentHeight: column.implicitHeight + 44
    contentWidth: width

    T.ScrollBar.vertical: ScrollBar {
    }

    Skeleton {
        lineHeight: 20
        lines: [0.6, 1, 1, 0.8, 0, 1, 1, 0.7]
        visible: frame.phase === "loading" || frame.phase === "idle"
        width: frame.width - 2 * Theme.pageMargin
        x: Theme.pageMargin
        y: Theme.pageMargin
    }
    EmptyState {
        actionText: qsTr("Try again")
        iconName: "circle-alert"
        secondText: qsTr("Copy details")
        text: frame.problemText
        title: frame.problemTitle
        tone: "danger"
        visible: frame.phase === "error"
        width: Math.min(420, frame.width - 2 * Theme.pageMargin)
        x: (frame.width - width) / 2
        y: (frame.height - height) / 2
        onAction: frame.retry()
        onSecond: clipboard.copy(frame.problemReport)
    }
    ColumnLayout {
        id: column

        spacing: Theme.cardGap
        visible: frame.phase === "ready" || frame.phase === "empty"
        width: frame.width - 2 * Theme.pageMargin
        x: Theme.pageMargin
        y: 20
    }
    Clipboard {
        id: clipboard
    }
}
