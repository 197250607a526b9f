# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both checks need: the project's text files, C++ without its comments, and the way a check runs."""

import os
import re
import sys
from pathlib import Path

SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__", ".cache", ".venv"}
TEXT = {".cpp", ".h", ".qml", ".js", ".mjs", ".py", ".sh", ".cmake", ".md", ".sql", ".svg", ".txt", ".json", ".ts",
        ".yml", ".yaml", ".conf", ".qrc", ".html", ".css", ".desktop", ".service", ".supp", ".sse", ".in", ".toml", ""}


def read_tree(root):
    """Path relative to root -> text, of every text file of the project."""
    files = {}
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT and path.is_file():
                try:
                    files[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue  # a program or a picture without a suffix
    return files


def without_comments(text):
    """C++ or SQL with its comments blanked; line numbers and string literals stay."""
    token = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0].startswith("/") else m[0], text)


def main(findings, rows, row_findings=None):
    """rows: (what it proves, {path: text}, number of findings). Runs the rows, then the tree named on the command line."""
    broken = []
    for sentence, files, expected in rows:
        found = (row_findings or findings)(files)
        if len(found) != expected:
            broken.append(f"self-test '{sentence}': {len(found)} findings instead of {expected}: {found}")
    found = findings(read_tree(Path(sys.argv[1])))
    for line in broken + found:
        print(line)
    print(f"{len(rows)} self-test rows, {len(broken)} broken; {len(found)} findings in the tree")
    sys.exit(1 if broken or found else 0)
