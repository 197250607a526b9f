# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails when the project contains what it must not: files without a licence, paths of one machine, nested event loops,
binary floating point for money, or a second place that asks the system for the time.

Usage: treerules.py <root of the project>
"""

import re
from pathlib import Path

from tree import main, without_comments

LICENSED = {".cpp", ".h", ".qml", ".js", ".mjs", ".py", ".sh", ".cmake", ".md", ".sql", ".svg", ".yml", ".yaml", ".conf",
            ".qrc", ".html", ".css", ".desktop", ".service", ".supp"}
LICENSED_NAMES = {"CMakeLists.txt", "run"}
SPDX = ["SPDX-FileCopyrightText: Assistiv Gateway contributors", "SPDX-License-Identifier: GPL-3.0-or-later"]

ABSOLUTE_PATH = re.compile(r"(?<![\w.:}<>/~*…-])/[A-Za-z][\w.+-]*/[\w.+-]+")
# Folders that mean the same on every machine.
COMMON_FOLDERS = {"bin", "dev", "etc", "lib", "opt", "proc", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}
SOMEBODYS_HOME = re.compile(r"/(home|root|Users)/(?!(you|me|user|someone|alice|assistiv)\b)\w")

WAITING = re.compile(r"\bQEventLoop\b|\bprocessEvents\b|\bwaitFor[A-Z]\w*")
FLOATING = re.compile(r"\b(double|float|toDouble|toFloat)\b")
MONEY = re.compile(r"usd|micros|money|price|cost|amount|balance", re.IGNORECASE)
FLOATING_COLUMN = re.compile(r"^\s*\W?(\w+)\W?\s+(REAL|FLOAT\w*|DOUBLE|NUMERIC|DECIMAL)\b", re.IGNORECASE | re.MULTILINE)
MONEY_COLUMN = re.compile(r"usd|micros|money|price|cost|amount|balance|max|used|threshold|markup", re.IGNORECASE)
SYSTEM_TIME = re.compile(r"\bcurrentDateTime(Utc)?\b|\bcurrentM?SecsSinceEpoch\b|\bsystem_clock::now\b|\bcurrentDate\b")


def licence_findings(path, text):
    name = Path(path)
    if name.suffix not in LICENSED and name.name not in LICENSED_NAMES:
        return []
    head = "\n".join(text.splitlines()[:4])
    return [] if all(line in head for line in SPDX) else [f"{path}: the two SPDX lines are missing"]


def path_findings(path, text, exists):
    found = []
    for match in ABSOLUTE_PATH.finditer(text):
        if match[0].split("/")[1] not in COMMON_FOLDERS and exists(match[0]):
            found.append((match.start(), match[0]))
    found += [(match.start(), match[0]) for match in SOMEBODYS_HOME.finditer(text)]
    return [f"{path}:{line_of(text, at)}: a path of one machine: {what}" for at, what in found]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def code_findings(path, text):
    found = []
    code = without_comments(text)
    if path.startswith(("gateway/", "app/", "qml/")) and path.endswith((".cpp", ".h")):
        for match in WAITING.finditer(code):
            found.append(f"{path}:{line_of(code, match.start())}: waits inside a call: {match[0]}")
    if path.startswith("gateway/") and path.endswith((".cpp", ".h")):
        for number, line in enumerate(code.splitlines(), 1):
            if FLOATING.search(line) and MONEY.search(line):
                found.append(f"{path}:{number}: binary floating point near money: {line.strip()}")
        if path != "gateway/core/clock.cpp":
            for match in SYSTEM_TIME.finditer(code):
                found.append(f"{path}:{line_of(code, match.start())}: asks the system for the time instead of Clock")
    if path.endswith(".sql"):
        for match in FLOATING_COLUMN.finditer(re.sub(r"--[^\n]*", "", text)):
            if MONEY_COLUMN.search(match[1]):
                found.append(f"{path}: money in a column of type {match[2]}: {match[1]}")
    return found


def findings(files, exists=lambda name: Path(name).exists()):
    found = []
    for path, text in files.items():
        found += licence_findings(path, text) + path_findings(path, text, exists) + code_findings(path, text)
    return found


HEAD = "".join(f"// {line}\n" for line in SPDX)

ROWS = [
    ("a file with its lines is fine", {"app/a.cpp": HEAD + "int a;"}, 0),
    ("a file without them is caught", {"app/a.cpp": "int a;"}, 1),
    ("one line is not enough", {"app/a.cpp": "// " + SPDX[0]}, 1),
    ("scripts have them behind the first line", {"a.sh": "#!/bin/sh\n" + HEAD}, 0),
    ("JSON has no comments", {"a.json": "{}"}, 0),
    ("a path of this machine is caught", {"a.json": "see /machine/folder/file"}, 1),
    ("somebody's home is caught", {"a.json": "/home/" + "jane/x"}, 1),
    ("system folders and routes are fine", {"a.json": "/usr/bin/env /etc/ssl /v1/models gateway/core ./app/x"}, 0),
    ("a nested loop is caught", {"app/a.cpp": HEAD + "QEventLoop loop;"}, 1),
    ("processEvents is caught", {"gateway/http/a.cpp": HEAD + "QCoreApplication::processEvents();"}, 1),
    ("waiting for a socket is caught", {"gateway/net/a.cpp": HEAD + "socket.waitForReadyRead(10);"}, 1),
    ("tests may wait", {"tests/a.cpp": HEAD + "socket.waitForReadyRead(10);"}, 0),
    ("a comment may name it", {"app/a.cpp": HEAD + "// no QEventLoop, ever\n"}, 0),
    ("a double for money is caught", {"gateway/ledger/a.h": HEAD + "double balance;"}, 1),
    ("toDouble on an amount is caught", {"gateway/http/a.cpp": HEAD + 'body["amount_usd"].toDouble()'}, 1),
    ("a double for a temperature is fine", {"gateway/http/a.cpp": HEAD + "double temperature;"}, 0),
    ("a floating column for money is caught", {"a.sql": HEAD + "  balance_micros REAL NOT NULL,"}, 1),
    ("an integer column is fine", {"a.sql": HEAD + "  balance_micros BIGINT NOT NULL,"}, 0),
    ("a floating column for something else is fine", {"a.sql": HEAD + "  latency DOUBLE PRECISION,"}, 0),
    ("only the clock asks for the time", {"gateway/http/a.cpp": HEAD + "QDateTime::currentDateTimeUtc()"}, 1),
    ("the clock does", {"gateway/core/clock.cpp": HEAD + "std::chrono::system_clock::now()"}, 0),
]

if __name__ == "__main__":
    main(findings, ROWS, lambda files: findings(files, lambda name: name.startswith("/machine/")))
