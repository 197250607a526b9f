// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// A soft shadow around its parent, also in the software renderer, which has no effects.
BorderImage {
    Accessible.ignored: true
    anchors.bottomMargin: -40
    anchors.fill: parent
    anchors.margins: -32
    anchors.topMargin: -24
    border.bottom: 46
    border.left: 46
    border.right: 46
    border.top: 46
    source: "image://shadow/" + Theme.shadow
}
