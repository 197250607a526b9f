# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients and a provider that others wrote, each against the gateway between them: npm's `@copilotkit/aimock`."""

import json
import subprocess

import harness
import nodefolder
import pgcluster
from clientcase import JSON, TEXT, ClientCase
from harness import Books, with_parent
from rawhttp import Client


class Aimock:
    """The process; it writes down what it was asked."""

    def __init__(self, usage):
        self._taught = json.dumps({"text": TEXT, "json": JSON, "usage": usage})

    def __enter__(self):
        self._process = subprocess.Popen(
            with_parent(["node", "aimock.mjs", self._taught]), cwd=FOLDER, stdout=subprocess.PIPE, text=True
        )
        self.origin = self._process.stdout.readline().strip()
        if not self.origin.startswith("http://127.0.0.1:"):
            raise AssertionError(f"expected aimock's address on its first line of output; came {self.origin!r}")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def statuses(self):
        """What it answered to each call since it was started."""
        with Client(self.origin) as client:
            entries = client.get("/__aimock/journal").json()
        return [entry["response"]["status"] for entry in entries if entry["method"] == "POST"]


class OthersProvider(ClientCase):
    suites = ("openai-chat", "ai-chat", "openai-responses", "anthropic-1")
    usage = (1000, 0, 100, 1100)  # it tells nothing of caches
    counts_tokens = False

    @classmethod
    def upstream(cls):
        cls.aimock = cls.enterClassContext(Aimock(cls.usage))
        return cls.aimock.origin

    def suite(self, name, route=None):
        before = len(self.aimock.statuses())
        self.play(name)
        if route:
            self.needs_route(route)
        self.node(FOLDER, f"{name}.test.mjs", self.setup_of())
        answered = self.aimock.statuses()[before:]
        books = Books.read(self.tenant).reconcile(len(answered))
        self.equal(self.mock.count(), 0, "the suite", "calls that went to another provider")
        prompt, _, completion, _ = self.usage
        told = sorted((prompt, completion) if status == 200 else (0, 0) for status in answered)
        logged = sorted((row["prompt_tokens"], row["completion_tokens"]) for row in books.logs)
        self.equal(logged, told, "inference.md, Billing", "tokens in the log against those the provider reported")

    def test_openai_on_chat_completions(self):
        self.suite("openai-chat")

    def test_vercel_ai_on_chat_completions(self):
        self.suite("ai-chat")

    def test_openai_on_responses(self):
        self.suite("openai-responses", "/v1/responses")

    def test_anthropic_on_messages(self):
        self.suite("anthropic-1", "/v1/messages")


if __name__ == "__main__":
    try:
        FOLDER = nodefolder.prepared()
    except pgcluster.NotInstalled as reason:
        pgcluster.skip_or_fail(str(reason))
    harness.main()
