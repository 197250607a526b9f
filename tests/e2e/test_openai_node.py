# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `openai` package for Node, unmodified, against the gateway; and the books afterwards."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import harness
import pgcluster
from harness import PLAIN, Books, GatewayCase, platform, user

SOURCE = pathlib.Path(__file__).resolve().parent / "node"
OLDEST_NODE = 18


def installed_package(folder):
    """A copy of node/ with its dependencies, or a skip when there is no Node or no registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pgcluster.skip_or_fail("node and npm are not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        pgcluster.skip_or_fail(f"node {version} is older than {OLDEST_NODE}")
    folder.mkdir(parents=True, exist_ok=True)
    for file in SOURCE.iterdir():
        if file.is_file():
            shutil.copy2(file, folder)
    wanted = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))["dependencies"]["openai"]
    present = folder / "node_modules/openai/package.json"
    if present.exists() and json.loads(present.read_text(encoding="utf-8"))["version"] == wanted:
        return folder
    options = [
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--fetch-retries=1",
        "--fetch-timeout=20000",
        "--loglevel=error",
    ]
    for command in (["ci"], ["install", "--no-save"]):
        done = subprocess.run(
            [npm, *command, *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return folder
    pgcluster.skip_or_fail(f"the package `openai` could not be installed, perhaps no registry answers:\n{done.stdout}")


class OpenAiPackage(GatewayCase):
    models = harness.MODELS
    platforms = (
        platform("acme", [user("alice", 10), user("bob", 1)]),
        platform("poor", [user("pat", 10)], wallet_usd=0),
    )

    def test_the_openai_package_works_unchanged(self):
        acme, poor = self.gateway.tenant("acme"), self.gateway.tenant("poor")
        setup = {
            "origin": self.gateway.origin,
            "mock": self.mock.origin,
            "platform": acme.path,
            "keys": {
                "platform": acme.key,
                "poor": poor.users["pat"]["end_user_key"],
                **{name: entry["end_user_key"] for name, entry in acme.users.items()},
            },
            "paths": {name: acme.user_path(name) + "/budget" for name in acme.users},
            "models": {
                "plain": PLAIN.name,
                "plainTotal": PLAIN.prompt + PLAIN.completion,
                "slow": harness.SLOW.name,
                "tools": harness.TOOLS,
                "call": harness.CALL,
                "failing": "mock-fault-500",
            },
        }
        environment = {
            name: value for name, value in harness.clean_environment().items() if not name.startswith("OPENAI_")
        }
        done = subprocess.run(
            ["node", "--test", "openai.test.mjs"],
            cwd=FOLDER,
            env={**environment, "E2E": json.dumps(setup)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=110,
            check=False,
        )
        print(done.stdout, flush=True)
        self.equal(done.returncode, 0, "conventions.md, OpenAI SDKs", "exit code of the Node tests above")
        Books.read(acme).reconcile(self.mock.count())


if __name__ == "__main__":
    FOLDER = installed_package(
        pathlib.Path(os.environ.get("E2E_NODE_DIR") or tempfile.gettempdir() + "/assistiv-gateway-e2e-node")
    )
    harness.main()
