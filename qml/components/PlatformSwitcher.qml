// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Assistiv.Theme
import Assistiv.Components

/// The platform that is being looked at, and the way to another one.
T.AbstractButton {
    id: switcher

    /// Maps with id, name, slug, initials and color.
    required property var platforms
    required property string current
    required property var currentPlatform
    /// "1 of 4"
    property string place
    property bool compact: false

    readonly property bool searchable: platforms.length > 7
    readonly property var found: platforms.filter(p => !search.text || (p.name + " " + p.slug).toLowerCase().includes(search.text.toLowerCase()))

    signal chosen(string id)
    signal newPlatform()

    function open() {
        search.clear()
        list.currentIndex = Math.max(0, found.findIndex(p => p.id === current))
        popup.open()
    }

    function choose(index: int) {
        if (index < 0 || index >= found.length)
            return
        chosen(found[index].id)
        popup.close()
    }

    Accessible.name: currentPlatform.name ? qsTr("Platform %1. Switch platform").arg(currentPlatform.name) : qsTr("No platform yet")
    Accessible.role: Accessible.ButtonMenu
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    implicitHeight: 46
    implicitWidth: 200

    Keys.onDownPressed: open()
    Keys.onEnterPressed: open()
    Keys.onReturnPressed: open()
    onClicked: open()

    background: Rectangle {
        border.color: Theme.border
        border.width: 1
        color: switcher.hovered || popup.visible ? Theme.hover : Theme.surface
        radius: Theme.radiusBox

        FocusRing {
            inset: 0
            radius: Theme.radiusBox
            visible: switcher.visualFocus
        }
    }
    contentItem: RowLayout {
        spacing: 10

        PlatformTile {
            Layout.leftMargin: switcher.compact ? (switcher.width - width) / 2 : 8
            platform: switcher.currentPlatform
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 0
            visible: !switcher.compact

            Label {
                Accessible.ignored: true
                Layout.fillWidth: true
                font.weight: Font.DemiBold
                text: switcher.currentPlatform.name ?? qsTr("No platform")
            }
            Label {
                Accessible.ignored: true
                Layout.fillWidth: true
                font.pixelSize: Theme.fontSmall
                text: switcher.place ? qsTr("platform · %1").arg(switcher.place) : qsTr("create one to begin")
                tone: "text3"
            }
        }
        Icon {
            Layout.rightMargin: 10
            color: Theme.text3
            name: "chevrons-up-down"
            visible: !switcher.compact
        }
    }

    Tip {
        text: qsTr("Switch platform  (%1)").arg("Ctrl+P")
        visible: switcher.hovered && !popup.visible
    }

    T.Popup {
        id: popup

        focus: true
        implicitHeight: contentItem.implicitHeight + padding * 2
        padding: 6
        width: Math.max(240, switcher.width)
        y: switcher.height + 6

        background: Item {
            Shadow {
            }
            Rectangle {
                anchors.fill: parent
                border.color: Theme.border
                border.width: 1
                color: Theme.raised
                radius: Theme.radiusCard
            }
        }
        contentItem: ColumnLayout {
            spacing: 2

            TextInput {
                id: search

                Layout.bottomMargin: 4
                Layout.fillWidth: true
                focus: switcher.searchable
                iconName: "search"
                placeholderText: qsTr("Find a platform")
                visible: switcher.searchable

                Keys.onDownPressed: list.incrementCurrentIndex()
                Keys.onUpPressed: list.decrementCurrentIndex()
                onAccepted: switcher.choose(list.currentIndex)
                onTextChanged: list.currentIndex = 0
            }
            ListView {
                id: list

                Accessible.name: qsTr("Platforms")
                Accessible.role: Accessible.List
                Layout.fillWidth: true
                boundsBehavior: Flickable.StopAtBounds
                clip: true
                focus: !switcher.searchable
                implicitHeight: Math.min(contentHeight, 7 * 42)
                keyNavigationEnabled: true
                model: switcher.found

                Keys.onEnterPressed: switcher.choose(currentIndex)
                Keys.onReturnPressed: switcher.choose(currentIndex)

                delegate: T.ItemDelegate {
                    id: row

                    required property var modelData
                    required property int index
                    readonly property bool current: ListView.isCurrentItem

                    Accessible.name: modelData.name
                    Accessible.role: Accessible.ListItem
                    Accessible.selected: modelData.id === switcher.current
                    height: 42
                    hoverEnabled: true
                    width: ListView.view.width

                    onClicked: switcher.choose(index)

                    background: Rectangle {
                        color: row.current || row.hovered ? Theme.hover : "transparent"
                        radius: Theme.radiusControl
                    }
                    contentItem: RowLayout {
                        spacing: 10

                        PlatformTile {
                            Layout.leftMargin: 6
                            platform: row.modelData
                        }
                        ColumnLayout {
                            Layout.fillWidth: true
                            spacing: 0

                            Label {
                                Accessible.ignored: true
                                Layout.fillWidth: true
                                font.weight: Font.Medium
                                text: row.modelData.name
                            }
                            Label {
                                Accessible.ignored: true
                                Layout.fillWidth: true
                                font.family: Theme.mono
                                font.pixelSize: Theme.fontSmall
                                text: row.modelData.slug
                                tone: "text3"
                            }
                        }
                        Icon {
                            Layout.rightMargin: 8
                            color: Theme.accent
                            name: "check"
                            visible: row.modelData.id === switcher.current
                        }
                    }
                }
            }
            Label {
                Layout.margins: 10
                text: qsTr("No platform of that name")
                tone: "text3"
                visible: switcher.found.length === 0 && switcher.platforms.length > 0
            }
            Rectangle {
                Layout.bottomMargin: 2
                Layout.fillWidth: true
                Layout.topMargin: 2
                color: Theme.border
                implicitHeight: 1
                visible: switcher.platforms.length > 0
            }
            Button {
                iconName: "plus"
                kind: "ghost"
                text: qsTr("New platform…")
                onClicked: {
                    popup.close()
                    switcher.newPlatform()
                }
            }
        }
    }
}
