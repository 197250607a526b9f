# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder with the files of node/ and their packages from the registry, made once and kept."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from pgcluster import NotInstalled

SOURCE = pathlib.Path(__file__).resolve().parent / "node"
OLDEST_NODE = 18


def prepared():
    """Its path; NotInstalled when there is no Node or no registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise NotInstalled("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        raise NotInstalled(f"node {version} is older than {OLDEST_NODE}")
    folder = pathlib.Path(os.environ.get("E2E_NODE_DIR") or tempfile.gettempdir() + "/assistiv-gateway-e2e-node")
    folder.mkdir(parents=True, exist_ok=True)
    for file in SOURCE.iterdir():
        if file.is_file():
            shutil.copy2(file, folder)
    wanted = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    # One that has another name here is written "npm:<its own name>@<version>".
    if any(installed_version(folder, name) != exact.rpartition("@")[2] for name, exact in wanted.items()):
        install(npm, folder)
    return folder


def installed_version(folder, name):
    file = folder / "node_modules" / name / "package.json"
    return json.loads(file.read_text(encoding="utf-8"))["version"] if file.exists() else None


def install(npm, folder):
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000"]
    for command in (["ci"], ["install", "--no-save"]):
        done = subprocess.run(
            [npm, *command, *options, "--loglevel=error"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
    raise NotInstalled(f"the packages of node/ could not be installed, perhaps no registry answers:\n{done.stdout}")
