// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// Grouped content with a border. It can stand for its content: grey blocks while that is loading, or what failed.
Rectangle {
    id: card

    property string title
    property string subtitle
    /// The name for screen readers, where it is not the title.
    property string spoken: title
    property Component actions
    property int padding: Theme.cardPadding
    property int spacing: 10
    /// ready, loading or error. ("state" is taken by Item.)
    property string phase: "ready"
    /// A newer answer is awaited: the old content stays, dimmed.
    property bool stale: false
    property string problemTitle
    property string problemText
    property string problemReport
    property var skeletonLines: [0.35, 0.8, 0.6]
    default property alias content: body.data

    signal retry()

    Accessible.name: spoken
    Accessible.role: Accessible.Grouping
    border.color: Theme.border
    border.width: 1
    color: Theme.surface
    implicitHeight: column.implicitHeight + padding * 2
    implicitWidth: column.implicitWidth + padding * 2
    radius: Theme.radiusCard

    ColumnLayout {
        id: column

        anchors.fill: parent
        anchors.margins: card.padding
        spacing: 12

        RowLayout {
            Layout.fillHeight: false
            Layout.fillWidth: true
            spacing: Theme.space2
            visible: card.title !== ""

            Label {
                font.pixelSize: Theme.fontCardTitle
                font.weight: Font.DemiBold
                text: card.title
            }
            Label {
                Layout.fillWidth: true
                font.pixelSize: Theme.fontCaption
                text: card.subtitle
                tone: "text3"
            }
            Loader {
                sourceComponent: card.actions
            }
        }
        Skeleton {
            Layout.fillHeight: true
            Layout.fillWidth: true
            lines: card.skeletonLines
            visible: card.phase === "loading"
        }
        EmptyState {
            Layout.fillHeight: true
            Layout.fillWidth: true
            actionText: qsTr("Try again")
            iconName: "circle-alert"
            secondText: qsTr("Copy details")
            text: card.problemText
            title: card.problemTitle
            tone: "danger"
            visible: card.phase === "error"
            onAction: card.retry()
            onSecond: clipboard.copy(card.problemReport)
        }
        ColumnLayout {
            id: body

            Layout.fillHeight: true
            Layout.fillWidth: true
            opacity: card.stale ? 0.6 : 1
            spacing: card.spacing
            visible: card.phase === "ready"
        }
    }
    Clipboard {
        id: clipboard
    }
}
