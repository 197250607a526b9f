// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Assistiv.Theme

/// Text in the console's font. Plain text only: a user called "<img src=…>" is text.
Text {
    property string tone: "text"

    color: Theme.tone(tone)
    elide: Text.ElideRight
    font.family: Theme.sans
    font.pixelSize: Theme.fontBody
    textFormat: Text.PlainText
}
