# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receivers as integrators write them, with npm's `svix` and `standardwebhooks` and with the code of the guide for
Node and for Python: each takes every delivery, and refuses it when one byte is another."""

import collections
import subprocess

import harness
import hooks
import nodefolder
import pgcluster
import receiver
from harness import Client, wait_for, with_parent
from hooks import ALL_EVENTS, HookCase
from receiver import Hook

RULE = "webhooks.md, Request to the receiver"
WAYS = ("/svix", "/standardwebhooks", "/guide")


class Receivers(HookCase):
    slugs = ("acme",)

    @classmethod
    def setUpClass(cls):
        cls.node = subprocess.Popen(
            with_parent(["node", "webhook-receivers.mjs"]),
            cwd=FOLDER,
            env=harness.clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        cls.addClassCleanup(cls.end_node)
        cls.origin = cls.node.stdout.readline().strip()
        super().setUpClass()

    @classmethod
    def end_node(cls):
        cls.node.kill()
        cls.node.wait()
        cls.node.stdout.close()

    def setUp(self):
        self.play("acme")
        self.control = self.enterContext(Client(self.origin))
        self.endpoints = {way: self.endpoint(Hook(self.origin, way, way), event_types=ALL_EVENTS) for way in WAYS}
        self.python = self.endpoint(self.hook("python"), event_types=ALL_EVENTS)
        self.tell_secrets()

    def tell_secrets(self):
        secrets = {way: endpoint.secrets for way, endpoint in self.endpoints.items()}
        self.equal(self.control.post("/__secrets", secrets).status, 200, "webhook-receivers.mjs", "status")

    def report(self, way):
        return [verdict for verdict in self.control.get("/__report").json() if verdict["path"] == way]

    def wait_for_reports(self, count):
        everyone = (*self.endpoints.values(), self.python)
        wait_for(f"{count} deliveries to each", lambda: all(len(it.deliveries()) >= count for it in everyone))
        for endpoint in everyone:
            endpoint.settled(count)
        return {way: self.report(way) for way in WAYS}

    def check(self, verdict, secrets):
        """Accepted with each living secret, and with nothing changed."""
        what = f"{verdict['event']['event_type']} at {verdict['path']}"
        self.equal(verdict["accepted"], [200] * secrets, RULE, f"{what}, with each secret")
        self.equal(verdict["stranger"], 400, RULE, f"{what}, with another secret")
        for forged, came in verdict["forged"].items():
            self.equal(came, [400] * secrets, RULE, f"{what}, {forged} changed")
        self.equal(len(verdict["signature"].split(" ")), secrets, RULE, f"{what}, tokens with single blanks")
        self.equal(verdict["signature"].count("v1,"), secrets, RULE, f"{what}, v1 tokens")

    def check_python(self, requests, secrets):
        for request in requests:
            hooks.check_request(self, request, secrets)
            flipped = bytes([request.body[0] ^ 1]) + request.body[1:]
            for secret in secrets:
                self.holds(not receiver.recipe(secret, request.headers, flipped), "a changed body refused", RULE)
                for name in ("webhook-id", "webhook-timestamp"):
                    headers = {**request.headers, name: request.headers[name][:-1] + "x"}
                    self.holds(not receiver.recipe(secret, headers, request.body), f"a changed {name} refused", RULE)

    def fire_everything(self):
        """Each type once, some of it with letters that take several bytes."""
        self.desk.patch(low_balance_threshold=50, max_usd=100)
        self.desk.top_up(1, reason="Grüße 😀 \u2028", metadata={"ключ": ["値", 1.25, None]})
        self.desk.patch(is_suspended=True)
        self.desk.patch(is_suspended=False)
        self.desk.debit(60)
        self.desk.chat()
        return collections.Counter({**dict.fromkeys(ALL_EVENTS, 1), "budget.debited": 2})

    def test_every_receiver_accepts_every_delivery(self):
        expected = self.fire_everything()
        count = sum(expected.values())
        reports = self.wait_for_reports(count)
        for way, verdicts in reports.items():
            came = collections.Counter(verdict["event"]["event_type"] for verdict in verdicts)
            self.equal(came, expected, "webhooks.md, Events", f"events at {way}")
            for verdict in verdicts:
                self.check(verdict, 1)
        self.check_python(self.python.hook.wait(count), self.python.secrets)

        for endpoint in (*self.endpoints.values(), self.python):  # tests and replays
            endpoint.test()
            replayed = endpoint.deliveries(event_type="budget.low_balance")[0]["id"]
            endpoint.replay(replayed)
            endpoint.attempted(replayed, 2)
        reports = self.wait_for_reports(count + 1)
        for way, verdicts in reports.items():
            self.equal(len(verdicts), count + 2, "webhooks.md, POST test and replay", f"deliveries to {way}")
            for verdict in verdicts[count:]:
                self.check(verdict, 1)
            repeated = [v["id"] for v in verdicts if v["event"]["event_type"] == "budget.low_balance"]
            self.equal(len(repeated), 2, "webhooks.md, POST replay", "low-balance deliveries")
            self.equal(len(set(repeated)), 1, "webhooks.md, POST replay", "their webhook-ids")
        self.check_python(self.python.hook.wait(count + 2), self.python.secrets)

        for endpoint in (*self.endpoints.values(), self.python):  # and both secrets sign
            endpoint.rotate()
        self.tell_secrets()
        seen = {way: len(verdicts) for way, verdicts in reports.items()}
        self.desk.top_up(2)
        reports = self.wait_for_reports(count + 2)
        for way, verdicts in reports.items():
            self.equal(len(verdicts), seen[way] + 1, "webhooks.md, POST rotate-secret", f"deliveries to {way}")
            self.check(verdicts[-1], 2)
        self.check_python(self.python.hook.wait(count + 3)[-1:], self.python.secrets)


if __name__ == "__main__":
    try:
        FOLDER = nodefolder.prepared()
    except pgcluster.NotInstalled as reason:
        pgcluster.skip_or_fail(str(reason))
    harness.main()
