// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Components

/// A figure with its course over time.
Card {
    id: tile

    required property string name
    required property string value
    /// The exact value, where the figure is cut.
    property string exact: value
    property string delta
    property string deltaTone: "neutral"
    property string note
    required property var series
    property var labels: []
    /// What the chart says about each point.
    property var hints: []
    property int mode: MiniChart.Line
    property var colors: [Theme.chart[0], Theme.chart[1]]
    property string prefix
    property string suffix

    skeletonLines: [0.3, 0.5, 0, 1, 1, 1, 1, 1, 1, 1]
    spoken: name

    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: Theme.space2

        Label {
            Layout.fillWidth: true
            font.weight: Font.Medium
            text: tile.name
            tone: "text2"
        }
        Label {
            font.pixelSize: Theme.fontSmall
            text: tile.note
            tone: "text3"
        }
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: Theme.space2

        Label {
            font.letterSpacing: -0.3
            font.pixelSize: Theme.fontFigure
            font.weight: Font.DemiBold
            text: tile.value

            HoverHandler {
                id: figureHover
            }
            Tip {
                text: tile.exact
                visible: figureHover.hovered && tile.exact !== tile.value
            }
        }
        Badge {
            text: tile.delta
            tone: tile.deltaTone
            visible: text !== ""
        }
        Item {
            Layout.fillWidth: true
        }
    }
    MiniChart {
        id: chart

        Accessible.name: qsTr("%1: %2").arg(tile.name).arg(tile.exact)
        Accessible.role: Accessible.Chart
        Layout.fillWidth: true
        colors: tile.colors
        fontFamily: Theme.sans
        gridColor: Theme.border
        implicitHeight: 150
        labels: tile.labels
        mode: tile.mode
        prefix: tile.prefix
        series: tile.series
        suffix: tile.suffix
        surfaceColor: Theme.surface
        textColor: Theme.text3

        Rectangle {
            color: Theme.tip
            height: 24
            radius: Theme.radiusBadge
            visible: chart.hoverIndex >= 0 && hint.text !== ""
            width: hint.implicitWidth + 16
            x: Math.max(0, Math.min(chart.width - width, chart.hoverX - width / 2))
            y: -22

            Text {
                id: hint

                Accessible.ignored: true
                anchors.centerIn: parent
                color: Theme.tipText
                font.family: Theme.sans
                font.pixelSize: Theme.fontCaption
                text: tile.hints[chart.hoverIndex] ?? ""
                textFormat: Text.PlainText
            }
        }
    }
}
