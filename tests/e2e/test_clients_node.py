# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients from npm, unmodified, against the gateway in front of every wire format; and the books after each suite."""

import harness
import nodefolder
import pgcluster
from clientcase import ClientCase

RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"


class Clients(ClientCase):
    suites = (
        "openai-chat",
        "openai-responses",
        "ai-chat",
        "ai-responses",
        "langchain-chat",
        "langchain-responses",
        "anthropic-0",
        "anthropic-1",
    )

    def suite(self, name, route=None):
        self.play(name)
        if route:
            self.needs_route(route)
        self.node(FOLDER, f"{name}.test.mjs", self.setup_of())
        return self.reconcile()

    def test_openai_on_chat_completions(self):
        self.suite("openai-chat")

    def test_openai_on_responses(self):
        self.suite("openai-responses", RESPONSES)

    def test_vercel_ai_on_chat_completions(self):
        self.suite("ai-chat")

    def test_vercel_ai_on_responses(self):
        self.suite("ai-responses", RESPONSES)

    def test_langchain_on_chat_completions(self):
        self.suite("langchain-chat")

    def test_langchain_on_responses(self):
        self.suite("langchain-responses", RESPONSES)

    def test_anthropic_0_on_messages(self):
        self.suite("anthropic-0", MESSAGES)

    def test_anthropic_1_on_messages(self):
        self.suite("anthropic-1", MESSAGES)


if __name__ == "__main__":
    try:
        FOLDER = nodefolder.prepared()
    except pgcluster.NotInstalled as reason:
        pgcluster.skip_or_fail(str(reason))
    harness.main()
