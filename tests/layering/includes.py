# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the #include lines of the program and fails on one that points to the right (docs/architecture.md, "Modules").

Usage: includes.py <root of the project>
"""

import posixpath
import re

from tree import main, without_comments

# A module may include itself and what stands in an earlier line; modules of one line do not include each other.
ORDER = [
    ["core"],
    ["net"],
    ["store"],
    ["webhooks", "limits", "catalog"],
    ["ledger"],
    ["tenants"],
    ["providers", "mcp"],
    ["inference"],
    ["services"],
    ["http"],
    ["engine"],
    ["app"],
    ["qml"],
]
RANK = {module: rank for rank, modules in enumerate(ORDER) for module in modules}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
# The engine runs on machines without a screen.
SCREEN = re.compile(r"^Qt(Gui|Widgets|Qml|Quick\w*|Svg)/|^Q(Gui|Qml|Quick|Widget)\w*$")


def module_of(path):
    """The module a file of the project belongs to; empty outside of the program (tests, installer)."""
    parts = path.split("/")
    if parts[0] == "gateway":
        return parts[1] if len(parts) > 2 else ""
    return parts[0] if parts[0] in ("app", "qml") else ""


def target_of(path, included, quoted, files):
    """The module that an #include in path leads to; empty when it is none of ours."""
    if quoted:
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), included))
        if beside in files:
            return module_of(beside)
    for folder in ("gateway/", "", "app/", "qml/"):
        candidate = posixpath.normpath(folder + included)
        if candidate in files:
            return module_of(candidate) or "outside of the program"
    first = included.split("/")[0]
    return first if "/" in included and first in RANK else ""


def findings(files):
    found = []
    for path, text in files.items():
        module = module_of(path)
        if not module or not path.endswith((".h", ".cpp")):
            continue
        if module not in RANK:
            found.append(f"{path}: module '{module}' has no place in the order")
            continue
        for match in INCLUDE.finditer(without_comments(text)):
            included = match[2]
            line = text.count("\n", 0, match.start()) + 1
            target = target_of(path, included, match[1] == '"', files)
            if path.startswith("gateway/") and SCREEN.search(included):
                found.append(f"{path}:{line}: the engine includes <{included}>, which needs a screen")
            elif target and target != module and (target not in RANK or RANK[target] >= RANK[module]):
                found.append(f"{path}:{line}: {module} must not include {included} ({target})")
    return found


ROWS = [
    ("an arrow to the left is fine", {"gateway/ledger/a.cpp": '#include "store/b.h"', "gateway/store/b.h": ""}, 0),
    ("a module includes itself", {"gateway/core/a.cpp": '#include "core/b.h"', "gateway/core/b.h": ""}, 0),
    ("an arrow to the right is caught", {"gateway/store/a.cpp": '#include "ledger/b.h"', "gateway/ledger/b.h": ""}, 1),
    ("also when the file does not exist yet", {"gateway/core/a.h": '#include "http/routes.h"'}, 1),
    ("also with angle brackets and blanks", {"gateway/core/a.h": "  #  include <net/x.h>", "gateway/net/x.h": ""}, 1),
    ("also through a relative path", {"gateway/net/a.h": '#include "../store/b.h"', "gateway/store/b.h": ""}, 1),
    ("twins do not include each other", {"gateway/limits/a.h": '#include "catalog/b.h"'}, 1),
    ("providers and mcp are twins, too", {"gateway/mcp/a.h": '#include "providers/b.h"'}, 1),
    ("a folder inside a module belongs to it", {"gateway/http/endpoints/a.cpp": '#include "engine/b.h"'}, 1),
    ("the engine does not include the console", {"gateway/engine/a.cpp": '#include "app/settings.h"'}, 1),
    ("nor what lies in it", {"gateway/engine/a.cpp": '#include "models/m.h"', "app/models/m.h": ""}, 1),
    ("the console includes the engine", {"app/main.cpp": '#include "engine/engine.h"'}, 0),
    ("console models do not include pages", {"app/models/m.cpp": '#include "qml/pages/p.h"'}, 1),
    ("the program does not include tests", {"app/main.cpp": '#include "tests/fake.h"', "tests/fake.h": ""}, 1),
    ("tests may include everything", {"tests/unit/t.cpp": '#include "engine/engine.h"'}, 0),
    ("Qt and the standard library are nobody's", {"gateway/core/a.h": "#include <QtCore/QString>\n#include <map>"}, 0),
    ("the engine needs no screen", {"gateway/http/a.cpp": "#include <QtGui/QImage>"}, 1),
    ("a comment includes nothing", {"gateway/core/a.h": '// #include "http/a.h"\n/*\n#include "http/a.h"\n*/'}, 0),
    ("every module has its place", {"gateway/utils/a.h": ""}, 1),
]

if __name__ == "__main__":
    main(findings, ROWS)
