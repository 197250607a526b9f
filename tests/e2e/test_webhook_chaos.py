# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of events to receivers of every character, and SIGKILL of the gateway in between: what the ledger says and
what healthy receivers were told is the same, row by row."""

import collections
import itertools
import os
import random
import threading
import time

import harness
import load
from harness import Books, Disconnected, message_of, wait_for
from hooks import ALL_EVENTS, CHAT, DEFAULT_EVENTS, Endpoint, HookCase
from receiver import CLOSE, FAIL, GONE, OK, RESET, SILENT, TOO_MANY, Answer

EVENTS = int(os.environ.get("WEBHOOK_EVENTS", 1500))
KILLS = int(os.environ.get("WEBHOOK_KILLS", 4))
WRITERS = 6
MOST_AT_ONCE = 32  # attempts
THRESHOLD = 990
RULE = "webhooks.md, Delivery: a crash loses nothing, at least once"
ONCE = "webhooks.md: webhook-id and body are the same for all endpoints, retries and replays"
DUTIES = {"topup": 25, "debit": 25, "suspend": 20, "chat": 20, "nothing": 5, "again": 5}

# name → (how it behaves, what it is told of); the healthy ones must be told of everything
HEALTHY = {
    "healthy": (OK, ALL_EVENTS),
    "healthy too": (OK, DEFAULT_EVENTS),
    "slow": (OK.later(0.03), ALL_EVENTS),
    "flaky": (None, ALL_EVENTS),
}
SICK = {
    "failing": (FAIL, ALL_EVENTS),
    "silent": (SILENT, DEFAULT_EVENTS),
    "redirecting": (Answer(302, (("location", "/elsewhere"),)), ALL_EVENTS),
    "closing": (CLOSE, DEFAULT_EVENTS),
    "resetting": (RESET, DEFAULT_EVENTS),
    "gone": (GONE, ALL_EVENTS),
    "busy": (TOO_MANY, DEFAULT_EVENTS),
    "talkative": (Answer(500, body=b"x" * 300_000), DEFAULT_EVENTS),
}


def events_of(rows):
    """(row, event type) of everything that the rows of one ledger must tell, oldest first."""
    armed = False
    for row in rows:
        above = row["remaining_usd_after"] > THRESHOLD
        if row["type"] == "debit":
            yield row, "budget.debited"
            if armed and not above:
                yield row, "budget.low_balance"
                armed = False
        elif row["type"] == "topup":
            yield row, "budget.topped_up"
            armed = above
        elif row["reason"] in ("suspended", "unsuspended"):
            yield row, f"budget.{row['reason']}"
        else:
            armed = above


class Writer(threading.Thread):
    """Looks after one end user; goes on when the gateway comes back, and notes what was acknowledged."""

    def __init__(self, tenant, external_id, dice, stopped):
        super().__init__(daemon=True)
        self.rows = {}  # acknowledged ledger rows by id
        self.done = 0  # writes that an event tells of
        self.problem = None
        self._tenant = tenant
        self._external_id = external_id
        self._budget = tenant.user_path(external_id) + "/budget"
        self._dice = dice
        self._stopped = stopped
        self._keyed = []
        self._number = itertools.count(1)

    def run(self):
        try:
            while not self._stopped.is_set():
                self._try(self._dice.choices(list(DUTIES), list(DUTIES.values()))[0])
        except BaseException as error:  # noqa: BLE001 (a thread has nobody else to tell)
            self.problem = error

    def _try(self, duty):
        key = f"{self._external_id}-{next(self._number)}"
        cents = self._dice.randrange(1, 2000)
        while not self._stopped.is_set():
            try:
                with self._tenant.client as client:
                    self.done += getattr(self, "_" + duty)(client, key, cents)
                return
            except (Disconnected, OSError):
                time.sleep(0.05)  # the gateway is away; the same request again, with the same key

    def _move(self, client, verb, key, cents):
        answer = client.post(f"{self._budget}/{verb}", {"amount_usd": cents / 100}, idempotency_key=key)
        row = answer.expect_json(200, "budgets-and-ledger.md")
        self._keyed.append((verb, key, cents, answer.read()))
        row.pop("budget")
        self.rows[row["id"]] = row
        return 1

    def _topup(self, client, key, cents):
        return self._move(client, "topup", key, cents)

    def _debit(self, client, key, cents):
        return self._move(client, "debit", key, cents)

    def _suspend(self, client, *_):
        is_suspended = client.get(self._budget).expect_json(200, "budgets-and-ledger.md")["is_suspended"]
        answer = client.patch(self._budget, {"is_suspended": not is_suspended})
        row = answer.expect_json(200, "budgets-and-ledger.md")["transaction"]
        self.rows[row["id"]] = row
        return 1

    def _chat(self, *_):
        with self._tenant.user_client(self._external_id) as client:
            answer = client.post(CHAT, harness.chat_body(harness.PLAIN.name))
        if answer.status not in (200, 402):
            answer.expect(200, "inference.md")
        return answer.status == 200

    def _nothing(self, client, *_):
        client.patch(self._budget, {"low_balance_threshold": THRESHOLD}).expect(200, "budgets-and-ledger.md")
        return 0

    def _again(self, client, *_):
        if self._keyed:
            verb, key, cents, body = self._dice.choice(self._keyed)
            answer = client.post(f"{self._budget}/{verb}", {"amount_usd": cents / 100}, idempotency_key=key)
            if (answer.status, answer.read()) != (200, body):
                raise AssertionError(f"expected the first answer by conventions.md; came {answer.describe()}")
        return 0


class Chaos(HookCase):
    slugs = ()

    @classmethod
    def document(cls):
        budget = {"max_usd": 1000, "period": "one_time", "low_balance_threshold": THRESHOLD}
        users = [harness.user(f"user-{number}", budget=budget) for number in range(WRITERS)]
        cls.platforms = (harness.platform("acme", users),)
        return harness.bootstrap(cls.mock, cls.models, cls.platforms)

    @classmethod
    def tearDownClass(cls):
        cls.receiver.strays.requests.clear()  # a redirect that was followed is looked for by the test
        super().tearDownClass()

    def test_events_survive_kills(self):
        seed = load.seed()
        self.tenant = self.gateway.tenant("acme")
        self.server = self.enterContext(self.tenant.client)
        self.base = self.tenant.path + "/webhook-endpoints"
        endpoints = {}
        for name, (answer, types) in {**HEALTHY, **SICK}.items():
            hook = self.hook(name, answer or OK)
            endpoints[name] = self.endpoint(hook, event_types=types)
        endpoints["flaky"].hook.each(*[OK] * 5, FAIL, *[OK] * 5, CLOSE)  # eight failures of one event are unlikely

        stopped = threading.Event()
        writers = [
            Writer(self.tenant, f"user-{number}", random.Random(f"{seed}/{number}"), stopped)
            for number in range(WRITERS)
        ]
        begun = time.monotonic()
        for writer in writers:
            writer.start()
        for kill in range(1, KILLS + 1):
            self.wait_for_writes(writers, kill * EVENTS // (KILLS + 1))
            self.gateway.kill()
            time.sleep(random.Random(f"{seed}/{kill}").uniform(0, 0.2))
            self.gateway.start()
        self.wait_for_writes(writers, EVENTS)
        stopped.set()
        for writer in writers:
            writer.join(30)
            if writer.problem:
                raise writer.problem
        written = time.monotonic() - begun
        self.server.close()
        self.server = self.enterContext(self.tenant.client)
        for name, endpoint in endpoints.items():
            endpoints[name] = Endpoint(self.server, self.tenant, endpoint.made, endpoint.hook)
        expected = self.check_ledger(writers)
        for name in HEALTHY:
            wait_for(f"nothing pending for {name}", lambda it=endpoints[name]: not self.pending(it), 90, 0.2)
        drained = time.monotonic() - begun - written
        print(
            f"{len(expected)} events, {KILLS} kills in {written:.1f} s; the healthy had them {drained:.1f} s later",
            flush=True,
        )
        for name, (_, types) in HEALTHY.items():
            self.check_healthy(endpoints[name], expected, types)
        again = endpoints["healthy"].hook.duplicates
        self.holds(again <= MOST_AT_ONCE * KILLS, "only what was under way at a kill again", RULE, again)
        bodies = {}
        for endpoint in endpoints.values():
            self.check_sick(endpoint, expected, bodies)
        self.equal(endpoints["gone"].get()["disabled_reason"], "gone", "webhooks.md, 410", "disabled_reason")
        self.equal(self.receiver.strays.requests, [], "webhooks.md: redirects are not followed", "strays")

    def wait_for_writes(self, writers, count):
        def enough():
            for writer in writers:
                if writer.problem:
                    raise writer.problem
            return sum(writer.done for writer in writers) >= count

        wait_for(f"{count} writes", enough, 60 + count / 20)

    @staticmethod
    def pending(endpoint):
        answer = endpoint.client.get(endpoint.path + "/deliveries", status="pending", limit=1)
        return answer.expect_json(200, "webhooks.md, GET deliveries")["total"]

    def check_ledger(self, writers):
        """The books agree, what was acknowledged is in them; and the events they must bring."""
        books = Books.read(self.tenant).reconcile()
        rows = {row["id"]: row for _, ledger in books.ledgers.values() for row in ledger}
        lost = [row for writer in writers for row in writer.rows.values() if rows.get(row["id"]) != row]
        self.equal(lost[:3], [], "architecture.md, Kill -9", f"{len(lost)} acknowledged rows that are not there")
        expected = {}
        for _, ledger in books.ledgers.values():
            expected |= {f"{row['id']}:{kind}": message_of(row, kind) for row, kind in events_of(ledger)}
        written = {row["event_id"] for row in self.gateway.query("SELECT event_id FROM webhook_messages")}
        self.equal(len(written ^ expected.keys()), 0, "webhooks.md, Events", "events against ledger rows, different")
        return expected

    def check_healthy(self, endpoint, expected, types):
        wanted = {id for id, payload in expected.items() if payload["event_type"] in types}
        came = endpoint.hook.by_event()
        what = f"of {len(wanted)} events at {endpoint.hook.name}"
        self.equal(sorted(wanted - came.keys())[:5], [], RULE, f"{len(wanted - came.keys())} {what} that never came")
        self.equal(sorted(came.keys() - wanted)[:5], [], RULE, f"{len(came.keys() - wanted)} invented ones")
        rows = endpoint.deliveries()
        counts = collections.Counter(row["status"] for row in rows)
        self.equal(counts, {"delivered": len(wanted)}, RULE, f"statuses at {endpoint.hook.name}")
        money = sum(payload["data"]["amount_usd"] for id, payload in expected.items() if id in wanted)
        told = sum(requests[0].event["data"]["amount_usd"] for requests in came.values())
        self.equal(told, money, RULE, "money of the events")
        print(f"  {endpoint.hook.name}: {len(endpoint.hook.requests)} requests, {endpoint.hook.duplicates} repeated")

    def check_sick(self, endpoint, expected, bodies):
        """Whatever came is in the wire format and true; one event has one id and one body at all endpoints."""
        endpoint.check_arrivals()
        for event_id, requests in endpoint.hook.by_event().items():
            self.holds(event_id in expected, "an event of the ledger", RULE, requests[0])
            self.equal(requests[0].event, expected[event_id], "webhooks.md, Payload", "payload")
            for request in requests:
                first = bodies.setdefault(event_id, request)
                self.equal((request.id, request.body), (first.id, first.body), ONCE, event_id)


if __name__ == "__main__":
    harness.main()
