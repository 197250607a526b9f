// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Assistiv.Components

TestCase {
    id: test

    height: 400
    name: "Fields"
    visible: true
    when: windowShown
    width: 600

    Component {
        id: money

        MoneyField {
            label: "Amount"
        }
    }
    Component {
        id: copy

        CopyField {
            label: "base URL"
            value: "http://127.0.0.1:8790/v1"
            width: 400
        }
    }
    Component {
        id: secret

        CopyField {
            label: "platform key"
            secret: true
            value: "sk-plat_Yx83hfLwq0PzKd72mVbT5c1e"
            width: 400
        }
    }
    Component {
        id: password

        SecretField {
            label: "API key"
            text: "sk-ant-api03"
        }
    }
    Component {
        id: label

        MoneyLabel {
            micros: 41268417
        }
    }
    Component {
        id: clipboardText

        TextEdit {
        }
    }

    function clipboard() {
        const edit = createTemporaryObject(clipboardText, test)
        edit.paste()
        return edit.text
    }

    function type(text) {
        for (const letter of text)
            keyClick(letter)
    }

    function test_moneyFieldTurnsTextIntoMicros() {
        const field = createTemporaryObject(money, test)
        field.forceActiveFocus()
        type("25.5")
        verify(field.valid)
        compare(field.micros, 25500000)
        compare(field.message, "")
    }

    function test_moneyFieldComplainsOnlyWhenItIsLeft() {
        const field = createTemporaryObject(money, test)
        field.forceActiveFocus()
        type("25,")
        verify(!field.valid)
        compare(field.micros, 0)
        compare(field.message, "")
        field.focus = false
        verify(field.message !== "")
        verify(field.invalid)
        // What was typed stays.
        compare(field.text, "25,")
        field.forceActiveFocus()
        keyClick(Qt.Key_Backspace)
        compare(field.message, "")
    }

    function test_moneyFieldKeepsItsLimits() {
        const field = createTemporaryObject(money, test, {
                "maximum": 10000000,
                "text": "10.000001"
            })
        verify(!field.valid)
        field.text = "10"
        verify(field.valid)
    }

    function test_copyFieldCopies() {
        const field = createTemporaryObject(copy, test)
        field.copy()
        compare(clipboard(), "http://127.0.0.1:8790/v1")
    }

    function test_secretIsMaskedWithAFixedNumberOfDots() {
        const field = createTemporaryObject(secret, test)
        compare(field.masked, "sk-plat_" + "\u2022".repeat(16) + "5c1e")
        const length = field.masked.length
        field.value = "sk-plat_short5c1e"
        compare(field.masked.length, length)
    }

    function test_secretIsCopiedWithoutBeingShown() {
        const field = createTemporaryObject(secret, test)
        field.copy()
        verify(!field.revealed)
        compare(clipboard(), "sk-plat_Yx83hfLwq0PzKd72mVbT5c1e")
    }

    function test_passwordIsMaskedUntilTheEyeIsOpen() {
        const field = createTemporaryObject(password, test)
        compare(field.echoMode, TextInput.Password)
        field.revealed = true
        compare(field.echoMode, TextInput.Normal)
    }

    function test_moneyLabelShowsEveryPlace() {
        const amount = createTemporaryObject(label, test)
        compare(amount.Accessible.name, "$41.268417")
    }
}
