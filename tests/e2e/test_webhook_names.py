# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks to names: whatever a name resolves to, and however often it changes its mind, nobody but public addresses is
called. All of it happens in a network of its own, with a name server of its own."""

import shutil
import sys
import time
import unittest

import harness
import hooks
import names
from harness import wait_for
from hooks import HookCase
from names import PUBLIC, NameServer
from receiver import Receiver

RULE = "webhooks.md, Targets"
NOT_ALLOWED = "address not allowed"
KEPT_SECONDS = 61  # longer than a resolver's answer is remembered
PRIVATE = {
    "loopback": "127.0.0.1",
    "loopback-6": "::1",
    "mapped": "::ffff:127.0.0.1",
    "unspecified": "0.0.0.0",
    "unspecified-6": "::",
    "link-local": "169.254.169.254",
    "ten": "10.0.0.1",
    "shared": "100.64.0.1",
    "unique-local": "fd00::1",
    "nat64": "64:ff9b::7f00:1",
    "six-to-four": "2002:7f00:1::1",
}


class Names(HookCase):
    """The receiver is at the public address; behind the same port of loopback are others, which must stay alone."""

    options = ("--webhook-http", "--fast-webhook-retries")
    slugs = ("good", *PRIVATE, "hosts", "mixed", "mixed-6", "rebound", "fickle", "unknown")

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(shutil.rmtree, names.prepare())
        cls.resolver = cls.enterClassContext(NameServer())
        super().setUpClass()

    @classmethod
    def new_receiver(cls):
        public = cls.enterClassContext(Receiver(PUBLIC))
        cls.inner = [cls.enterClassContext(Receiver(host, port=public.port)) for host in ("127.0.0.1", "::1")]
        return public

    def tearDown(self):
        self.equal([inner.connections for inner in self.inner], [0, 0], RULE, "connections to loopback")

    def called(self, name, *answers):
        """An endpoint at that name, and its hook."""
        self.resolver.say(name, *answers)
        hook = self.hook(name)
        return self.endpoint(hook, url=f"http://{name}:{self.receiver.port}{hook.path}")

    def first_attempt(self, endpoint, number=-1):
        rows = wait_for("a delivery", endpoint.deliveries)
        return endpoint.attempted(rows[number]["id"], 1)["attempts"][0]

    def check_refused(self, attempt):
        self.equal((attempt["error"], attempt["response_status"]), (NOT_ALLOWED, None), RULE, "the attempt")
        self.equal(attempt["response_body"] or "", "", RULE, "response_body")

    def test_public_names_are_called(self):
        self.play("good")
        endpoint = self.called("good.test", [PUBLIC])
        self.desk.top_up(1)
        (request,) = endpoint.hook.wait(1)
        self.equal(request.headers["host"], f"good.test:{self.receiver.port}", hooks.WIRE, "host")
        endpoint.check_arrivals()

    def test_names_of_private_addresses_are_not(self):
        for slug, address in PRIVATE.items():
            with self.subTest(address=address):
                self.play(slug)
                endpoint = self.called(f"{slug}.test", [address])
                self.desk.top_up(1)
                self.check_refused(self.first_attempt(endpoint))
                asked = [name for name, _ in self.resolver.asked]
                self.holds(f"{slug}.test" in asked, "the name server to have been asked", "names.py", asked)
                endpoint.delete()

    def test_names_in_the_hosts_file_are_not(self):
        self.play("hosts")
        endpoint = self.called("in-the-hosts-file.test", [PUBLIC])
        self.desk.top_up(1)
        wait_for("an attempt", lambda: endpoint.deliveries()[0]["attempt_count"] > 0)
        endpoint.delete()  # whoever is asked first, loopback is not called

    def test_one_private_address_among_others_is_not_called(self):
        for slug, answer in (("mixed", [PUBLIC, "127.0.0.1"]), ("mixed-6", ["::1", PUBLIC])):
            self.play(slug)
            endpoint = self.called(f"{slug}.test", answer)
            self.desk.top_up(1)
            attempt = self.first_attempt(endpoint)
            print(f"{answer}: {attempt['error'] or attempt['response_status']}", flush=True)
            endpoint.delete()

    def test_names_that_change_with_each_question(self):
        """What was checked is what is called, not what a second question brings."""
        self.play("fickle")
        public, private = [PUBLIC], ["127.0.0.1"]
        answers = (
            [public, private],
            [private, public],
            [public, private, public, private, public, private],
            [private, public, private, public, private, public],
            [public, ["::1"]],
            [["::1"], public],
            [public, public, private],
            [private, private, public],
        )
        endpoints = [self.called(f"fickle-{number}.test", *turns) for number, turns in enumerate(answers)]
        for _ in range(3):
            self.desk.top_up(1)
        for endpoint in endpoints:
            endpoint.settled(3, 20)
        arrived = [len(endpoint.hook.ids()) for endpoint in endpoints]
        print(f"arrived at the public address: {arrived}", flush=True)
        self.holds(max(arrived) == 3, "names that were public when they were checked to be called", RULE, arrived)

    def test_names_that_move(self):
        """One moves inside and is called no more; another one moves out, and is. Answers may be kept for a minute."""
        self.play("rebound")
        inward = self.called("inward.test", [PUBLIC])
        outward = self.called("outward.test", ["127.0.0.1"])
        self.desk.top_up(1)
        inward.hook.wait(1)
        inward.settled(1)
        (row,) = outward.settled(1, 15)
        self.equal(row["status"], "failed", RULE, "status of a private name")
        self.check_refused(outward.delivery(row["id"])["attempts"][0])
        self.resolver.say("inward.test", ["127.0.0.1"])
        self.resolver.say("outward.test", [PUBLIC])
        self.receiver.drop_connections()
        time.sleep(KEPT_SECONDS)
        outward.replay(row["id"])
        wait_for("the replay", lambda: outward.deliveries()[0]["status"] == "delivered")
        outward.check_arrivals()
        self.desk.top_up(1)
        self.check_refused(self.first_attempt(inward, 0))
        self.equal(len(inward.hook.requests), 1, RULE, "requests")
        inward.delete()

    def test_a_name_that_nobody_knows(self):
        self.play("unknown")
        hook = self.hook("unknown")
        endpoint = self.endpoint(hook, url=f"http://nobody.test:{self.receiver.port}{hook.path}")
        self.desk.top_up(1)
        attempt = self.first_attempt(endpoint)
        self.equal(attempt["response_status"], None, RULE, "response_status")
        self.holds(attempt["error"].startswith("connection failed"), "an error of the connection", RULE, attempt)
        endpoint.delete()


if __name__ == "__main__":
    try:
        names.enter()
    except unittest.SkipTest as reason:
        print(reason)
        sys.exit(77)
    harness.main()
