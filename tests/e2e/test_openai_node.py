# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `openai` package for Node, unmodified, against the gateway; and the books afterwards."""

import harness
import nodefolder
import pgcluster
from harness import PLAIN, Books, GatewayCase, platform, user


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
        code = nodefolder.run_tests(FOLDER, "openai.test.mjs", setup)
        self.equal(code, 0, "conventions.md, OpenAI SDKs", "exit code of the Node tests above")
        Books.read(acme).reconcile(self.mock.count())


if __name__ == "__main__":
    try:
        FOLDER = nodefolder.prepared()
    except pgcluster.NotInstalled as reason:
        pgcluster.skip_or_fail(str(reason))
    harness.main()
