// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton
import QtQuick

/// Colours, sizes and fonts by meaning. Nothing else in the console names a colour.
QtObject {
    id: theme

    property bool dark: false
    property bool reduceMotion: false

    readonly property color canvas: dark ? "#0B0D12" : "#F6F7F9"
    readonly property color sidebar: dark ? "#0F1218" : "#FBFBFC"
    readonly property color surface: dark ? "#141821" : "#FFFFFF"
    readonly property color raised: dark ? "#1B202B" : "#FFFFFF"
    readonly property color sunken: dark ? "#0F1218" : "#F4F5F8"
    readonly property color hover: dark ? "#1E2430" : "#F1F3F6"
    readonly property color selected: dark ? "#232A4A" : "#ECEDFE"
    readonly property color border: dark ? "#262C38" : "#E3E6EB"
    readonly property color borderButton: dark ? "#39414F" : "#CDD2DB"
    readonly property color control: dark ? "#6B7488" : "#8A93A3"
    readonly property color neutralBg: dark ? "#232936" : "#EDEFF3"

    readonly property color text: dark ? "#EEF1F6" : "#131722"
    readonly property color text2: dark ? "#B3BBCA" : "#434B5C"
    readonly property color text3: dark ? "#8B94A7" : "#626B7D"
    readonly property color accent: dark ? "#9BA3FF" : "#4546DB"
    readonly property color accentFill: dark ? "#5457E6" : "#4546DB"
    readonly property color accentText: "#FFFFFF"

    readonly property color success: dark ? "#4ED598" : "#08704A"
    readonly property color successBg: dark ? "#10281F" : "#E7F7EF"
    readonly property color successBorder: dark ? "#1E5B43" : "#9AD9BC"
    readonly property color warning: dark ? "#F2B84B" : "#8A4B04"
    readonly property color warningBg: dark ? "#2B2110" : "#FEF4E0"
    readonly property color danger: dark ? "#FF8A80" : "#B3261E"
    readonly property color dangerFill: dark ? "#C9362C" : "#B3261E"
    readonly property color dangerBg: dark ? "#331815" : "#FDECEA"
    readonly property color dangerBorder: dark ? "#6B2B26" : "#F0B4AF"
    readonly property color info: dark ? "#7CC0FF" : "#1558B8"
    readonly property color infoBg: dark ? "#11233A" : "#E8F1FD"

    readonly property list<color> chart: dark ? ["#8C95FF", "#4ED598", "#FF8A80"] : ["#4F50E0", "#12956A", "#D8453B"]
    readonly property color meterWarning: "#E0A11B"
    readonly property color scrim: dark ? "#B0000000" : "#66101828"
    readonly property color tip: "#2A2F3A"
    readonly property color tipText: "#FFFFFF"
    readonly property real shadow: dark ? 0.55 : 0.22

    readonly property string sans: "Inter"
    readonly property string mono: "JetBrains Mono"
    readonly property int fontSmall: 11
    readonly property int fontCaption: 12
    readonly property int fontBody: 13
    readonly property int fontCardTitle: 14
    readonly property int fontSection: 16
    readonly property int fontDialog: 18
    readonly property int fontPage: 20
    readonly property int fontFigure: 22
    readonly property int fontWizard: 26
    readonly property int fontWallet: 28

    readonly property int space1: 4
    readonly property int space2: 8
    readonly property int space3: 12
    readonly property int space4: 16
    readonly property int space6: 24
    readonly property int space8: 32
    readonly property int pageMargin: 24
    readonly property int cardPadding: 18
    readonly property int cardGap: 16

    readonly property int controlHeight: 32
    readonly property int fieldHeight: 34
    readonly property int smallControlHeight: 28
    readonly property int navHeight: 32

    readonly property int radiusBadge: 4
    readonly property int radiusControl: 6
    readonly property int radiusBox: 8
    readonly property int radiusCard: 10
    readonly property int radiusDialog: 14

    readonly property int motion: reduceMotion ? 0 : 120
    /// Work that takes less than this shows no sign of waiting.
    readonly property int patience: 150

    function tone(name: string): color {
        switch (name) {
        case "text2":
        case "neutral":
            return text2
        case "text3":
            return text3
        case "accent":
            return accent
        case "success":
            return success
        case "warning":
            return warning
        case "danger":
            return danger
        case "info":
            return info
        case "onFill":
            return accentText
        }
        return text
    }

    function toneBackground(name: string): color {
        switch (name) {
        case "accent":
            return selected
        case "success":
            return successBg
        case "warning":
            return warningBg
        case "danger":
            return dangerBg
        case "info":
            return infoBg
        }
        return neutralBg
    }

    /// The dot beside a state word, and the fill of a gauge: brighter than text of the same tone.
    function toneSignal(name: string): color {
        switch (name) {
        case "accent":
            return accentFill
        case "success":
            return chart[1]
        case "warning":
            return meterWarning
        case "danger":
            return chart[2]
        }
        return control
    }
}
