<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<!-- SPDX-FileCopyrightText: Assistiv Gateway contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<TS version="2.1" language="en_US" sourcelanguage="en_US">
<context>
    <name>FirstRequestPanel</name>
    <message numerus="yes">
        <source>%n of 5 steps are done.</source>
        <translation>
            <numerusform>%n of 5 steps is done.</numerusform>
            <numerusform>%n of 5 steps are done.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Main</name>
    <message numerus="yes">
        <source>Stop the gateway while %n call(s) run?</source>
        <translation>
            <numerusform>Stop the gateway while %n call runs?</numerusform>
            <numerusform>Stop the gateway while %n calls run?</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Quit while %n call(s) run?</source>
        <translation>
            <numerusform>Quit while %n call runs?</numerusform>
            <numerusform>Quit while %n calls run?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Problem</name>
    <message numerus="yes">
        <source>The gateway has not answered for %n second(s).</source>
        <translation>
            <numerusform>The gateway has not answered for %n second.</numerusform>
            <numerusform>The gateway has not answered for %n seconds.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ServerCard</name>
    <message numerus="yes">
        <source>Restart the gateway while %n call(s) run?</source>
        <translation>
            <numerusform>Restart the gateway while %n call runs?</numerusform>
            <numerusform>Restart the gateway while %n calls run?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>assistiv::console::ServerModel</name>
    <message numerus="yes">
        <source>Stopping, %n call(s) left</source>
        <translation>
            <numerusform>Stopping, %n call left</numerusform>
            <numerusform>Stopping, %n calls left</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n thread</numerusform>
            <numerusform>%n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>assistiv::console::SetUpModel</name>
    <message numerus="yes">
        <source>At most %n letter(s).</source>
        <translation>
            <numerusform>At most %n letter.</numerusform>
            <numerusform>At most %n letters.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Key works. %n model(s) found in %1.</source>
        <translation>
            <numerusform>Key works. %n model found in %1.</numerusform>
            <numerusform>Key works. %n models found in %1.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>assistiv::console::WalletModel</name>
    <message numerus="yes">
        <source>About %n hour(s) left at the current spend of %1</source>
        <translation>
            <numerusform>About %n hour left at the current spend of %1</numerusform>
            <numerusform>About %n hours left at the current spend of %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>About %n day(s) left at the current spend of %1</source>
        <translation>
            <numerusform>About %n day left at the current spend of %1</numerusform>
            <numerusform>About %n days left at the current spend of %1</numerusform>
        </translation>
    </message>
</context>
</TS>
