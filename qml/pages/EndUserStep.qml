// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Assistiv.Theme
import Assistiv.Models
import Assistiv.Components

/// The first end user with a budget.
WizardStep {
    id: step

    property bool touched: false
    readonly property bool made: setUp.done[3] === true

    function create() {
        touched = true
        budget.touched = true
        if (budget.valid)
            setUp.createEndUser()
    }

    about: qsTr("An end user is a customer of yours. The key that comes out may live in an app: it reaches models only, and only until the budget is used up.")
    heading: qsTr("Create an end user")
    number: SetUpModel.EndUserStep

    Component.onCompleted: if (!setUp.externalId) setUp.externalId = "demo"
    onSent: create()

    buttons: Row {
        spacing: 8

        Button {
            kind: "ghost"
            text: qsTr("Continue")
            visible: step.made
            onClicked: step.setUp.goTo(SetUpModel.RequestStep)
        }
        Button {
            busy: step.setUp.endUserCreation.running
            kind: "primary"
            text: step.setUp.endUserCreation.unclear ? qsTr("Press again") : qsTr("Create end user")
            onClicked: step.create()
        }
    }

    FormField {
        Layout.fillWidth: true
        hint: qsTr("The id your own system knows the user by, for example a customer number.")
        label: qsTr("External id")
        message: step.touched ? step.setUp.externalIdMessage : ""

        TextInput {
            Layout.fillWidth: true
            font.family: Theme.mono
            implicitHeight: 40
            invalid: step.setUp.endUserCreation.problem.field === "externalId" || (step.touched && step.setUp.externalIdMessage !== "")
            label: qsTr("External id of the end user")
            maximumLength: 255
            placeholderText: "customer-1042"
            text: step.setUp.externalId
            onAccepted: step.create()
            onTextEdited: step.setUp.externalId = text
        }
    }
    RowLayout {
        Layout.fillHeight: false
        Layout.fillWidth: true
        spacing: 12

        FormField {
            Layout.alignment: Qt.AlignTop
            Layout.fillWidth: true
            hint: qsTr("Calls of this user stop when it is used up.")
            label: qsTr("Budget (USD)")
            message: budget.message

            MoneyField {
                id: budget

                Layout.fillWidth: true
                implicitHeight: 40
                label: qsTr("Budget in US dollars")
                text: "5.00"
                onAccepted: step.create()
            }
        }
        FormField {
            Layout.alignment: Qt.AlignTop
            label: qsTr("Starts afresh")

            SegmentedControl {
                Layout.topMargin: 5
                current: step.setUp.period
                label: qsTr("Starts afresh")
                options: [
                    {
                        "value": "monthly",
                        "text": qsTr("every month")
                    },
                    {
                        "value": "daily",
                        "text": qsTr("every day")
                    },
                    {
                        "value": "one_time",
                        "text": qsTr("never")
                    }
                ]
                onChosen: value => step.setUp.period = value
            }
        }
    }
    Binding {
        property: "budget"
        target: step.setUp
        value: budget.micros
    }
    InlineMessage {
        Layout.fillWidth: true
        detail: step.setUp.endUserCreation.problem.detail
        text: step.setUp.endUserCreation.unclear ? qsTr("Not known whether the end user was created. Press again: nothing is made twice.") : step.setUp.endUserCreation.problem.title
        tone: step.setUp.endUserCreation.unclear ? "warning" : "danger"
        visible: step.setUp.endUserCreation.problem.present
    }
    InlineMessage {
        Layout.fillWidth: true
        text: step.setUp.endUserSummary
        tone: "success"
        visible: step.made
    }
}
