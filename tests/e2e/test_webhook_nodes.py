# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two gateways on one PostgreSQL tell of the same events: each once, by either; and one takes over from the other."""

import concurrent.futures
import time

import harness
import hooks
from harness import Books, wait_for
from hooks import ALL_EVENTS, LEASE_SECONDS, Desk, Endpoint
from receiver import FAIL, OK, Receiver
from test_nodes import NODES_RULE, PROMPT_SECONDS, TwoNodes

RULE = "webhooks.md, Delivery"
MOST_AT_ONCE = 32  # attempts of one gateway
USERS = [f"u{number}" for number in range(8)]


class WebhookNodes(TwoNodes):
    platform = harness.platform("acme", [harness.user(name, 1000) for name in USERS], wallet_usd=1000)
    options = hooks.FAST

    @classmethod
    def setUpClass(cls):
        cls.receiver = cls.enterClassContext(Receiver())
        super().setUpClass()

    def setUp(self):
        self.at = {"a": self.enterContext(self.on_a.client), "b": self.enterContext(self.on_b.client)}
        self.desks = {name: Desk(tenant, self.at[name], "u0") for name, tenant in (("a", self.on_a), ("b", self.on_b))}

    def tearDown(self):
        with self.on_a.client as client:
            for row in client.rows(self.on_a.path + "/webhook-endpoints"):
                client.delete(f"{self.on_a.path}/webhook-endpoints/{row['id']}").expect(204, "webhooks.md, DELETE")
        time.sleep(PROMPT_SECONDS)

    def endpoint(self, name, answer=OK, **body):
        """Made on a; both know it when this returns."""
        hook = self.receiver.hook(name, answer)
        made = self.at["a"].post(self.on_a.path + "/webhook-endpoints", {"url": hook.url, **body})
        endpoint = Endpoint(self.at["a"], self.on_a, made.expect_json(201, "webhooks.md, POST"), hook)
        for gateway in self.gateways:
            gateway.secrets |= set(endpoint.secrets)
        return endpoint

    def known_by_both(self):
        time.sleep(PROMPT_SECONDS)  # what the contract gives one to hear of the other's changes

    def write(self, count):
        """Top-ups and debits on both, by eight users; their event ids."""

        def one(number):
            tenant = (self.on_a, self.on_b)[number % 2]
            with tenant.client as client:
                desk = Desk(tenant, client, USERS[number // 2 % len(USERS)])
                if number % 3:
                    return f"{desk.top_up(1)['id']}:budget.topped_up"
                return f"{desk.debit(1)['id']}:budget.debited"

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(count)))

    # -------- what one is told the other knows

    def test_an_endpoint_made_on_one_is_told_by_the_other(self):
        endpoint = self.endpoint("made")

        def arrived():
            self.desks["b"].top_up(1)
            return endpoint.hook.requests

        self.promptly("an endpoint made on the other node is told", arrived, 0.05)
        endpoint.check_arrivals()

    def test_switching_off_and_rotating_acts_on_the_other(self):
        endpoint = self.endpoint("switched")
        endpoint.rotate()
        self.known_by_both()
        self.desks["b"].top_up(1)
        endpoint.hook.wait(1)
        endpoint.check_arrivals()
        endpoint.settled(1)
        endpoint.patch(is_active=False)
        self.known_by_both()
        self.desks["b"].top_up(1)
        time.sleep(1)
        self.equal(len(endpoint.hook.requests), 1, NODES_RULE, "requests to an endpoint that is off")
        endpoint.patch(is_active=True)
        self.known_by_both()
        self.desks["b"].top_up(1)
        endpoint.hook.wait(2)

    def test_replays_and_tests_are_made_by_either(self):
        endpoint = self.endpoint("either")
        self.known_by_both()
        self.desks["a"].top_up(1)
        id = endpoint.settled(1)[0]["id"]
        on_b = Endpoint(self.at["b"], self.on_b, endpoint.made, endpoint.hook)
        on_b.replay(id)
        on_b.attempted(id, 2)
        on_b.test()
        endpoint.hook.wait(3)
        endpoint.check_arrivals()

    # -------- sharing the work

    def test_each_event_is_sent_once(self):
        quick = self.endpoint("quick", event_types=ALL_EVENTS)
        slow = self.endpoint("slow", OK.later(0.05), event_types=ALL_EVENTS)
        flaky = self.endpoint("flaky", event_types=ALL_EVENTS)
        flaky.hook.each(OK, OK, FAIL)
        self.known_by_both()
        events = self.write(400)
        for endpoint in (quick, slow, flaky):
            rows = endpoint.settled(len(events), 60)
            self.equal({row["status"] for row in rows}, {"delivered"}, RULE, "statuses")
            came = endpoint.hook.by_event()
            self.equal(sorted(came), sorted(events), RULE, f"events at {endpoint.hook.name}")
            endpoint.check_arrivals()
            attempts = sum(row["attempt_count"] for row in rows)
            self.equal(len(endpoint.hook.requests), attempts, RULE, f"requests to {endpoint.hook.name} that are known")
        for endpoint in (quick, slow):
            self.equal(endpoint.hook.duplicates, 0, "architecture.md: claimed by one of them", "duplicates")
        print(f"at once at the slow one: {slow.hook.most_open}", flush=True)
        Books.read(self.on_a).reconcile()

    def test_the_schedule_is_kept_by_both_together(self):
        endpoint = self.endpoint("schedule", FAIL)
        self.known_by_both()
        self.desks["b"].top_up(1)
        (row,) = endpoint.settled(1, 15)
        attempts = endpoint.delivery(row["id"])["attempts"]
        self.equal((row["status"], len(attempts), len(endpoint.hook.requests)), ("failed", 8, 8), RULE, "in the end")
        for number, delay in enumerate(hooks.FAST_DELAYS):
            gap = hooks.seconds(attempts[number + 1]["started_at"]) - hooks.end_of(attempts[number])
            self.holds(hooks.within_jitter(gap, delay, 0.5), f"{delay} s ± 20 %", RULE, gap)

    def test_one_takes_over_when_the_other_is_killed(self):
        quick = self.endpoint("survivor", event_types=ALL_EVENTS)
        slow = self.endpoint("slow survivor", OK.later(0.3), event_types=ALL_EVENTS)
        self.known_by_both()
        try:
            self.check_takeover(quick, slow)
        finally:
            self.revive(quick)

    def check_takeover(self, quick, slow):
        events = self.write(60)
        self.b.kill()  # with some of it under way
        killed = time.monotonic()
        events += [f"{self.desks['a'].top_up(1)['id']}:budget.topped_up" for _ in range(20)]
        for endpoint in (quick, slow):
            wait_for(
                f"every event at {endpoint.hook.name}",
                lambda it=endpoint: not set(events) - it.hook.by_event().keys(),
                LEASE_SECONDS + 20,
                0.1,
            )
            endpoint.settled(len(events), LEASE_SECONDS + 20)
            self.equal(sorted(endpoint.hook.by_event()), sorted(events), RULE, "events")
            endpoint.check_arrivals()
            again = endpoint.hook.duplicates
            print(f"{endpoint.hook.name}: {again} sent again", flush=True)
            self.holds(again <= MOST_AT_ONCE, "only what was under way again", RULE, again)
        print(f"taken over {time.monotonic() - killed:.1f} s after the kill", flush=True)

    def revive(self, quick):
        self.launch(self.b)
        self.b.wait_until_ready()
        with self.on_b.client as client:
            row = Desk(self.on_b, client, "u1").top_up(1)
        wait_for("it to tell again", lambda: f"{row['id']}:budget.topped_up" in quick.hook.by_event())


if __name__ == "__main__":
    harness.main()
