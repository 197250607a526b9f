// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The first request: copy, run, watch it arrive.
WizardStep {
    id: step

    signal finished()
    signal mend(string action)

    heading: qsTr("Send the first request")
    number: SetUpModel.RequestStep

    buttons: Button {
        kind: step.setUp.complete || step.setUp.firstRequest.good ? "primary" : "secondary"
        text: qsTr("Open the console")
        onClicked: step.finished()
    }

    FirstRequest {
        Layout.fillWidth: true
        setUp: step.setUp
        onMend: action => step.mend(action)
    }
}
