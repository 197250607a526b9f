# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder with the files of node/ and their packages from the registry, made once and kept."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import clean_environment
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


def run_tests(folder, file, setup):
    """Runs the tests in a file of node/, which find the setup in E2E, and prints what they say; their exit code."""
    foreign = ("OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_")
    environment = {name: value for name, value in clean_environment().items() if not name.startswith(foreign)}
    done = subprocess.run(
        ["node", "--test", file],
        cwd=folder,
        env={**environment, "E2E": json.dumps(setup)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    print(done.stdout, flush=True)
    return done.returncode


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
