# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway in front of every wire format of the mock, other people's clients that run against it, and their books."""

import os

import nodefolder
from harness import UPSTREAM_KEY, Books, GatewayCase, model, platform, user

# Where each wire format is on the mock, and of what kind its provider is; a slug is `<way>:<model of the mock>`.
WAYS = {
    "compatible": {"kind": "openai", "path": "/v1", "upstream_api": "chat"},
    "responses": {"kind": "openai", "path": "/v1", "upstream_api": "responses"},
    "xai": {"kind": "xai", "path": "/v1"},
    "anthropic": {"kind": "anthropic", "path": ""},
    "google": {"kind": "google", "path": "/v1beta"},
}
TEXT = "Hello! How can I assist you today?"
USAGE = (1000, 400, 100, 1100)  # of a `cached` model: prompt, cached, completion, total tokens
JSON = {"city": "Paris", "temperature": 21, "sunny": True}  # what a model with `json` answers
UPSTREAM = {
    "plain": "mock-p25-c8",
    "cached": "mock-p1000-k400-c100",
    "call": "mock-call",
    "thinking": "mock-call-p40-c30-r20",
    "tools": "mock-tools",
    "json": "mock-json",
    "length": "mock-length",
    "failing": "mock-fault-500",
}


def slug(way, upstream_model):
    return f"{way}:{upstream_model}"


def mapped(way, upstream_model):
    """A model of the bootstrap file that goes to the mock in this way."""
    entry = model(slug(way, upstream_model))
    mapping = {**entry["mappings"][0], "provider": f"mock-{way}", "provider_model_id": upstream_model}
    if "upstream_api" in WAYS[way]:
        mapping["upstream_api"] = WAYS[way]["upstream_api"]
    return {**entry, "mappings": [mapping]}


def customer(name, ways):
    """A platform with a user, and with keys for these ways."""
    return platform(
        name,
        [user("alice", 10)],
        llm_configs=[{"provider": f"mock-{way}", "api_key": UPSTREAM_KEY} for way in ways],
    )


class ClientCase(GatewayCase):
    """Suites of clients, each with a platform of its own, named after it."""

    suites = ()
    usage = USAGE
    #: whether the provider knows Anthropic's count_tokens
    counts_tokens = True

    @classmethod
    def upstream(cls):
        """Where all the wire formats are."""
        return cls.mock.origin

    @classmethod
    def document(cls):
        origin = cls.upstream()
        return {
            "providers": [
                {
                    "slug": f"mock-{way}",
                    "kind": how["kind"],
                    "name": way.title(),
                    "base_url": origin + how["path"],
                    "allow_private_address": True,
                }
                for way, how in WAYS.items()
            ],
            "models": [mapped(way, name) for way in WAYS for name in UPSTREAM.values()],
            "platforms": [customer(name, WAYS) for name in cls.suites],
        }

    def play(self, name):
        """The platform of that suite, and a mock that has seen nothing yet."""
        self.mock.reset()
        self.tenant = self.gateway.tenant(name)
        self.key = self.tenant.users["alice"]["end_user_key"]

    def needs_route(self, path):
        """Skips what a gateway without this route cannot do; nothing is skipped on CI."""
        with self.tenant.user_client("alice") as client:
            answer = client.post(path, {})
        if answer.status == 404 and answer.json()["error"]["code"] == "not_found":
            reason = f"this gateway has no POST {path} yet"
            if os.environ.get("CI"):
                self.fail(f"CI is set, so this must not be skipped: {reason}")
            self.skipTest(reason)

    def setup_of(self, ways=WAYS):
        """What a suite is told."""
        return {
            "origin": self.gateway.origin,
            "key": self.key,
            "ways": {way: {what: slug(way, name) for what, name in UPSTREAM.items()} for way in ways},
            "text": TEXT,
            "json": JSON,
            "usage": self.usage,
            "countsTokens": self.counts_tokens,
        }

    def node(self, folder, file, setup):
        """Runs the tests of a file of node/; what they print is the failure's report."""
        code = nodefolder.run_tests(folder, file, setup)
        self.equal(code, 0, "conventions.md, OpenAI SDKs", f"exit code of the Node tests of {file} above")

    def reconcile(self):
        """The mock's calls and tokens, the log rows, the debits: all the same."""
        # Counting tokens is free and leaves no row.
        free = sum(call["route"] == "count_tokens" for call in self.mock.calls())
        books = Books.read(self.tenant).reconcile(self.mock.count() - free)
        asked = sorted(
            (call["model"], call["prompt"], call["cached"], call["completion"])
            for call in self.mock.calls()
            if call["usage_sent"] and call["route"] != "count_tokens"
        )
        logged = sorted(
            (
                row["provider_model_id"],
                row["prompt_tokens"],
                row["metadata"].get("cached_tokens", 0),
                row["completion_tokens"],
            )
            for row in books.logs
            if row["token_count_method"] == "reported"
        )
        self.holds(asked, "some calls", "the suite", asked)
        self.equal(logged, asked, "inference.md, Billing", "tokens in the log against those the provider reported")
        return books
