# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages from PyPI for a test, pinned in requirements.txt and installed once into a folder of their own."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import pgcluster

REQUIREMENTS = pathlib.Path(__file__).resolve().parent / "requirements.txt"


def use():
    """Makes them importable, or leaves the program when no registry answers: a skip, a failure on CI."""
    folder = pathlib.Path(os.environ.get("E2E_PYTHON_DIR") or tempfile.gettempdir() + "/assistiv-gateway-e2e-python")
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    note = folder / "installed"
    if not note.exists() or note.read_text(encoding="ascii") != wanted:
        install(folder)
        note.write_text(wanted, encoding="ascii")
    (packages,) = folder.glob("lib/python*/site-packages")
    sys.path.insert(0, str(packages))


def install(folder):
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-deps"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*pip, "--requirement", str(REQUIREMENTS)]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            pgcluster.skip_or_fail(f"packages could not be installed, perhaps no registry answers:\n{done.stdout}")
