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
from receiver import FAIL, Receiver

RULE = "webhooks.md, Targets"
NOT_ALLOWED = "address not allowed"
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
    slugs = ("good", *PRIVATE, "hosts", "mixed", "mixed-6", "rebound", "fickle", "unknown", "found")

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

    def test_a_name_that_moves_inside_is_called_no_more(self):
        self.play("rebound")
        endpoint = self.called("rebound.test", [PUBLIC])
        self.desk.top_up(1)
        endpoint.hook.wait(1)
        endpoint.settled(1)
        self.resolver.say("rebound.test", ["127.0.0.1"])
        self.receiver.drop_connections()
        time.sleep(0.1)
        self.desk.top_up(1)
        self.check_refused(self.first_attempt(endpoint, 0))
        self.equal(len(endpoint.hook.requests), 1, RULE, "requests")
        endpoint.delete()

    def test_a_name_that_changes_with_each_question(self):
        """What was checked is what is called, not what a second question brings."""
        self.play("fickle")
        endpoint = self.called("fickle.test", *([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"], [PUBLIC]] * 100))
        endpoint.hook.always(FAIL)
        for _ in range(10):
            self.desk.top_up(1)
        time.sleep(3)
        endpoint.delete()
        self.holds(endpoint.hook.requests, "some attempts at the public address", RULE)

    def test_a_name_that_is_found_later(self):
        self.play("found")
        endpoint = self.called("found.test", ["127.0.0.1"], ["127.0.0.1"], [PUBLIC])
        self.desk.top_up(1)
        (row,) = endpoint.settled(1)
        self.equal(row["status"], "delivered", RULE, "status once the name is public")
        self.check_refused(endpoint.delivery(row["id"])["attempts"][0])
        endpoint.check_arrivals()

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
