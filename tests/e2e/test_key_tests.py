# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provider keys that are tried out: with each kind of provider, and with all that a provider may do wrong."""

import socket
import threading
import time

import harness
import upstreams
from harness import PLAIN, Books, GatewayCase, at_once, chat_body, platform, user, wait_for
from upstreams import ANTHROPIC, COMPATIBLE, GOOGLE, UPSTREAMS

RULE = "llm-configs-and-models.md, Testing a key"
CHAT = "/v1/chat/completions"
NOBODY = "m-nobody"  # no server there
FORBIDDEN = "m-forbidden"  # a private address that nobody has allowed
LONGEST = 10

# Keys that are names in the mock's language: what they mean is the same with each kind of provider.
FAULTS = {
    "mock-fault-401key": ("provider_auth_failed", 401),
    "mock-fault-403": ("provider_auth_failed", 403),
    "mock-fault-402": ("provider_auth_failed", 402),
    "mock-fault-404": ("provider_error", 404),
    "mock-fault-408": ("provider_timeout", 408),
    "mock-fault-429ra7": ("provider_rate_limited", 429),
    "mock-fault-500": ("provider_error", 500),
    "mock-fault-503ra3": ("provider_error", 503),
    "mock-fault-redirect": ("provider_error", 307),
    "mock-fault-html": ("provider_error", 200),
    "mock-fault-empty": ("provider_error", 200),
    "mock-fault-halfjson": ("provider_error", 200),
    "mock-fault-close": ("provider_error", None),
    "mock-fault-reset": ("provider_error", None),
    "bad-key-0123456789": ("provider_auth_failed", {"google": 400, None: 401}),
}


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class KeyTests(GatewayCase):
    @classmethod
    def document(cls):
        document = upstreams.bootstrap(cls.mock, [COMPATIBLE.model(PLAIN.name)], cls.platforms)
        nobody = f"http://127.0.0.1:{unused_port()}/v1"
        document["providers"] += [
            {"slug": NOBODY, "kind": "openai", "name": NOBODY, "base_url": nobody, "allow_private_address": True},
            {"slug": FORBIDDEN, "kind": "openai", "name": FORBIDDEN, "base_url": cls.mock.origin + "/v1"},
        ]
        return document

    platforms = (platform("acme", [user("alice", 10)], llm_configs=upstreams.llm_configs(COMPATIBLE)),)

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.server = self.enterContext(self.acme.client)

    def stored(self, provider, key, **members):
        """Path of a config with that key."""
        body = {"provider_id": provider, "api_key": key, **members}
        made = self.server.post(self.acme.path + "/llm-configs", body).expect_json(201, "setup")
        return f"{self.acme.path}/llm-configs/{made['id']}"

    def tried(self, path, client=None):
        return (client or self.server).post(path + "/test").expect_json(200, RULE)

    def check_works(self, outcome, models):
        self.exact(outcome, {"ok": bool, "latency_ms": int, "models": int}, RULE)
        self.equal((outcome["ok"], outcome["models"]), (True, models), RULE, "ok and models")

    def check_fails(self, outcome, code, status, secret=None):
        self.exact(outcome, {"ok": bool, "error": {"code": str, "message": str, "upstream_status": lambda _: True}}, RULE)
        error = outcome["error"]
        self.equal((outcome["ok"], error["code"], error["upstream_status"]), (False, code, status), RULE, "the outcome")
        self.holds(error["message"] and not (secret and secret in error["message"]), "words without the key", RULE, error)

    def test_good_keys_of_each_kind(self):
        before = self.mock.count()
        for upstream in UPSTREAMS:
            with self.subTest(upstream=upstream.slug):
                path = self.stored(upstream.slug, f"good-key-{self.call_id()}")
                self.check_works(self.tried(path), models=3)
                self.server.patch(path, {"is_active": False}).expect(200, "setup")
                self.check_works(self.tried(path), models=3)
        self.check_works(self.tried(self.stored("sandbox", "whatever-it-is")), models=1)
        self.equal(self.mock.count(), before, RULE, "calls of inference")
        Books.read(self.acme).reconcile()

    def test_the_latency_is_the_providers(self):
        outcome = self.tried(self.stored(GOOGLE.slug, f"mock-d300-x{time.time_ns()}"))
        self.holds(300 <= outcome["latency_ms"] < 3000, "300 ms and little more", RULE, outcome)

    def test_failures_are_told_in_the_words_of_calls(self):
        for upstream in UPSTREAMS:
            for key, (code, status) in FAULTS.items():
                with self.subTest(upstream=upstream.slug, key=key):
                    if isinstance(status, dict):
                        status = status.get(upstream.kind, status[None])
                    path = self.stored(upstream.slug, key)
                    self.check_fails(self.tried(path), code, status, secret=key)
                    self.server.delete(path).expect(204, "setup")

    def test_addresses_where_nobody_is_or_may_be_asked(self):
        for provider, word in ((NOBODY, "reached"), (FORBIDDEN, "allowed")):
            with self.subTest(provider=provider):
                outcome = self.tried(self.stored(provider, "some-good-key"))
                self.check_fails(outcome, "provider_error", None)
                self.holds(word in outcome["error"]["message"], f"a message with {word!r}", RULE, outcome)

    def test_silence_ends_after_ten_seconds_and_holds_up_nobody(self):
        """Many more at once than there are workers; calls go on beside them."""
        silent = [
            (self.stored(upstream.slug, f"mock-x{at}-fault-{fault}"), 200 if fault == "hangmid" else None)
            for upstream in (COMPATIBLE, ANTHROPIC, GOOGLE)
            for fault in ("hang", "hangmid")
            for at in (1, 2)
        ]
        outcomes = {}

        def wait():
            def one(number):
                path, _ = silent[number]
                with self.acme.client as client:
                    began = time.monotonic()
                    outcomes[number] = (self.tried(path, client), time.monotonic() - began)

            at_once(len(silent), one)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)  # they are under way
        with self.acme.user_client("alice") as alice:
            for _ in range(20):
                began = time.monotonic()
                alice.post(CHAT, chat_body(COMPATIBLE.slug_of(PLAIN.name))).expect(200, RULE)
                self.holds(time.monotonic() - began < 2, "an answer as ever", RULE)
        waiting.join()
        self.equal(len(outcomes), len(silent), RULE, "answers")
        for number, (outcome, seconds) in outcomes.items():
            self.check_fails(outcome, "provider_timeout", silent[number][1])
            self.holds(LONGEST - 1 <= seconds < LONGEST + 4, f"about {LONGEST} s", RULE, seconds)

    def test_a_client_that_leaves_takes_the_call_along(self):
        path = self.stored(COMPATIBLE.slug, "mock-xleaves-fault-hang")
        before = self.mock.stats()["open_connections"]
        client = self.gateway.client(self.acme.key, timeout=0.5)
        try:
            client.post(path + "/test")
            raise AssertionError("expected the mock to say nothing")
        except TimeoutError:
            self.equal(self.mock.stats()["open_connections"], before + 1, RULE, "connections to the provider")
        client.close()
        wait_for("the end of the call", lambda: self.mock.stats()["open_connections"] <= before, seconds=3)


if __name__ == "__main__":
    harness.main()
