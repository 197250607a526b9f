# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks from the ledger row to the receiver: what is told and what is not, and how endpoints are managed."""

import concurrent.futures
import re
import time
from decimal import Decimal

import harness
import hooks
from harness import Books, at_once, message_of, wait_for
from hooks import ALL_EVENTS, DEFAULT_EVENTS, DELIVERY, HookCase, told
from receiver import FAIL, GONE, OK

EVENTS = "webhooks.md, Events"
DELIVERING = "webhooks.md, Delivery"
LOG = "webhooks.md, GET deliveries"
TEST_EVENT = re.compile(r"[0-9a-f-]{36}:endpoint\.test")


class Events(HookCase):
    """What is told, to whom, and what is not told."""

    slugs = ("all", "default", "nothing", "alarm", "several", "later", "rotation", "prompt", "calls", "removed")

    def test_each_event_tells_its_ledger_row(self):
        self.play("all")
        endpoint = self.endpoint(event_types=ALL_EVENTS)
        self.desk.patch(low_balance_threshold=104)
        expected = told(
            self.desk,
            (self.desk.top_up(5, reason="Invoice in_1042", metadata={"invoice": "ü 😀", "deep": [1.5, None]}),
             "budget.topped_up"),
            (self.desk.debit(0.000001), "budget.debited"),
            (self.desk.patch(is_suspended=True), "budget.suspended"),
            (self.desk.patch(is_suspended=False, max_usd=106), "budget.unsuspended"),
            (low := self.desk.debit(2.25, reason="chargeback"), "budget.debited"),
            (low, "budget.low_balance"),
            (self.desk.chat(), "budget.debited"),
        )  # fmt: skip
        self.check_messages(endpoint, expected)
        flips = [payload["data"] for id, payload in expected.items() if id.endswith("suspended")]
        self.equal([data["type"] for data in flips], ["adjustment"] * 2, EVENTS, "type of suspension events")
        self.equal(flips[0]["amount_usd"], 0, EVENTS, "amount of a suspension")
        for request in endpoint.hook.requests:
            self.equal(set(request.event["data"]), hooks.DATA_MEMBERS, "webhooks.md, Payload", "members of data")
        Books.read(self.tenant).reconcile()

    def test_four_types_are_told_unless_others_are_listed(self):
        self.play("default")
        usual, debits, picked = self.endpoint(), self.hook("debits"), self.hook("picked")
        debits = self.endpoint(debits, event_types=["budget.debited"])
        picked = self.endpoint(picked, event_types=["budget.suspended", "budget.low_balance"])
        self.equal(sorted(usual.get()["event_types"]), sorted(DEFAULT_EVENTS), EVENTS, "default types")
        up, down = self.desk.top_up(1), self.desk.debit(2)
        off, on = self.desk.patch(is_suspended=True), self.desk.patch(is_suspended=False)
        call = self.desk.chat()
        self.check_messages(
            usual, told(self.desk, (up, "budget.topped_up"), (off, "budget.suspended"), (on, "budget.unsuspended"))
        )
        self.check_messages(debits, told(self.desk, (down, "budget.debited"), (call, "budget.debited")))
        self.check_messages(picked, told(self.desk, (off, "budget.suspended")))

    def test_what_fires_nothing(self):
        self.play("nothing")
        endpoint = self.endpoint(event_types=ALL_EVENTS)
        key = {"Idempotency_Key": self.call_id()}
        budget, body = self.desk.budget, {"amount_usd": 3}
        first = self.server.post(budget + "/topup", body, **key).expect(200, EVENTS)
        for _ in range(3):
            again = self.server.post(budget + "/topup", body, **key).expect(200, EVENTS)
            self.equal(again.headers.get("idempotent-replayed"), "true", EVENTS, "idempotent-replayed")
        refused = {"Idempotency_Key": self.call_id()}
        self.server.post(budget + "/debit", {"amount_usd": -1}, **refused).expect(422, EVENTS)
        off = self.desk.patch(is_suspended=True)
        for _ in range(2):
            self.equal(self.desk.patch(is_suspended=True), None, EVENTS, "row of a PATCH that changes nothing")
        on = self.desk.patch(is_suspended=False)
        for change in ({"max_usd": 50}, {"low_balance_threshold": 60}, {"period": "monthly"}, {}):
            self.desk.patch(**change)  # the threshold is above what is left, and only a debit can tell of it
        made = self.server.post(self.tenant.path + "/end-users", {"external_id": "opened"}).expect_json(201, EVENTS)
        self.gateway.remember(made["api_key"])
        opened = f"{self.tenant.path}/end-users/{made['id']}/budget"
        self.server.post(opened, {"max_usd": 9, "low_balance_threshold": 10}).expect(201, EVENTS)
        self.server.delete(opened).expect(204, EVENTS)
        self.server.post(self.tenant.path + "/wallet/topup", {"amount": 1}).expect(200, EVENTS)
        row = first.json()
        row.pop("budget")
        self.check_messages(
            endpoint, told(self.desk, (row, "budget.topped_up"), (off, "budget.suspended"), (on, "budget.unsuspended"))
        )

    def test_the_low_balance_alarm_is_a_matter_of_edges(self):
        self.play("alarm")
        endpoint = self.endpoint(event_types=["budget.low_balance"])
        self.desk.patch(max_usd=20, low_balance_threshold=10)
        self.desk.debit(9.999999)  # one micro-dollar above
        edge = self.desk.debit(0.000001)  # at it
        self.desk.debit(1), self.desk.debit(2)  # below it already
        self.desk.top_up(3)  # to 10, which is not above it
        self.desk.debit(1)
        self.desk.top_up(2)  # to 11: armed again
        at_once(5, lambda _: self.one_debit())
        second = [row for row in self.desk.ledger() if row["type"] == "debit" and row["remaining_usd_after"] <= 10]
        second = next(row for row in second if row["remaining_usd_after"] > 9 and row["id"] != edge["id"])
        self.desk.patch(max_usd=100)  # raises it above: armed
        self.desk.patch(max_usd=30)  # and lowers it below, which only disarms
        self.desk.debit(0.5)
        expected = told(self.desk, (edge, "budget.low_balance"), (second, "budget.low_balance"))
        self.check_messages(endpoint, expected)

    def one_debit(self):
        with self.tenant.client as client:
            client.post(self.desk.budget + "/debit", {"amount_usd": 1}).expect(200, EVENTS)

    def test_all_endpoints_get_the_same_message(self):
        self.play("several")
        shared = self.hook("shared")
        endpoints = [self.endpoint(self.hook(f"h{n}")) for n in range(3)]
        endpoints += [self.endpoint(shared), self.endpoint(shared)]
        self.equal(len({endpoint.secrets[0] for endpoint in endpoints}), 5, "webhooks.md, Secret", "different secrets")
        row = self.desk.top_up(4)
        requests = [endpoint.hook.wait(1)[0] for endpoint in endpoints[:3]] + shared.wait(2)
        self.equal(len({request.id for request in requests}), 1, hooks.WIRE, "webhook-ids of one event")
        self.equal(len({request.body for request in requests}), 1, hooks.WIRE, "bodies of one event")
        self.equal(requests[0].event, message_of(row, "budget.topped_up"), EVENTS, "payload")
        for endpoint, request in zip(endpoints, requests):
            self.equal(endpoint.settled(1)[0]["message_id"], request.id, LOG, "message_id")
        signers = [
            sorted(n for n in (3, 4) if request.signed_with(endpoints[n].secrets[0])) for request in shared.requests
        ]
        self.equal(sorted(signers), [[3], [4]], hooks.WIRE, "who signed at the shared URL")

    def test_other_types_apply_to_later_events(self):
        self.play("later")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        early = self.desk.top_up(1)
        endpoint.hook.wait(1)
        endpoint.patch(event_types=["budget.suspended"])
        self.desk.top_up(2)
        off = self.desk.patch(is_suspended=True)
        endpoint.hook.always(OK)
        self.check_messages(endpoint, told(self.desk, (early, "budget.topped_up"), (off, "budget.suspended")))

    def test_secrets_overlap_while_they_are_rotated(self):
        rule = "webhooks.md, POST rotate-secret"
        self.play("rotation")
        endpoint = self.endpoint()
        shown = self.server.get(endpoint.path + "/secret").expect_json(200, rule)
        self.equal(shown, {"secret": endpoint.secrets[0]}, rule, "the secret shown again")
        for _ in range(4):
            self.desk.top_up(1)
            endpoint.settled(len(endpoint.secrets))
            endpoint.check_arrivals()
            endpoint.hook.forget()
            left = hooks.seconds(endpoint.rotate()["previous_secret_expires_at"]) - time.time()
            self.holds(86390 < left < 86410, "24 hours of overlap", rule, left)
            shown = self.server.get(endpoint.path + "/secret").expect_json(200, rule)
            self.equal(shown["secret"], endpoint.secrets[0], rule, "the secret that is shown")
        for _ in range(4):  # nine secrets by now
            endpoint.rotate()
        self.desk.top_up(1)
        (request,) = endpoint.hook.wait(1)
        count = len(request.tokens)
        self.equal(count, 6, rule, "signatures: the new secret's and those of five replaced ones")
        hooks.check_request(self, request, endpoint.secrets[:count])

    def test_events_arrive_promptly(self):
        self.play("prompt")
        endpoint = self.endpoint()
        late = []
        for number in range(30):
            begun = time.time()
            self.desk.top_up(1)
            late.append(endpoint.hook.wait(number + 1, 5)[-1].at - begun)
            time.sleep(0.02)
        print(f"arrival after median {sorted(late)[15] * 1000:.0f} ms, longest {max(late) * 1000:.0f} ms", flush=True)
        self.holds(sorted(late)[15] < 1, "arrival within 1 s", DELIVERING, late)

    def test_billed_calls_are_told_row_by_row(self):
        self.play("calls")
        endpoint = self.endpoint(event_types=["budget.debited"])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: self.one_call(), range(200)))
        rows = [row for row in self.desk.ledger() if row["type"] == "debit"]
        self.equal(len(rows), 200, EVENTS, "debits")
        self.check_messages(endpoint, told(self.desk, *((row, "budget.debited") for row in rows)), 30)
        books = Books.read(self.tenant).reconcile()
        sums = [sum(request.event["data"]["amount_usd"] for request in endpoint.hook.requests), books.spent]
        self.equal(sums[0], sums[1], EVENTS, "money of the events against the log")

    def one_call(self):
        with self.tenant.user_client("u") as client:
            client.post(hooks.CHAT, harness.chat_body(harness.PLAIN.name)).expect(200, "inference.md")

    def test_what_waits_goes_with_its_user(self):
        rule = "end-users-and-keys.md, DELETE end-user: pending deliveries about the user"
        self.play("removed")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        stays = hooks.Desk(self.tenant, self.server, "v").top_up(1)
        endpoint.hook.wait_for_events(2)
        self.server.delete(self.desk.path).expect(204, rule)
        endpoint.hook.always(OK)
        (row,) = endpoint.settled(1)
        self.equal((row["event_id"], row["status"]), (f"{stays['id']}:budget.topped_up", "delivered"), rule)
        before = len(endpoint.hook.requests)
        self.nothing_more(endpoint.hook, before)


class Log(HookCase):
    """Managing endpoints, test events, replays, recovery, figures."""

    slugs = (
        "pause",
        "delete",
        "tests",
        "log",
        "recover",
        "anew",
        "stats",
        "replay",
        "limit",
        "platform",
        "seen",
        "restart",
    )

    def test_what_takes_its_time(self):
        self.play_scenes()

    def test_an_endpoint_that_is_off_waits(self):
        rule = "webhooks.md, PATCH is_active"
        self.play("pause")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        early = self.desk.top_up(1)
        endpoint.hook.wait(1)
        row = endpoint.patch(is_active=False)
        self.equal((row["is_active"], row["disabled_reason"]), (False, None), rule, "switched off by hand")
        time.sleep(0.3)  # an attempt that was under way
        count = len(endpoint.hook.requests)
        self.desk.top_up(2)
        self.nothing_more(endpoint.hook, count)
        (waiting,) = endpoint.deliveries()
        self.equal(waiting["status"], "pending", rule, "what had been waiting")
        replay = self.server.post(f"{endpoint.path}/deliveries/{waiting['id']}/replay")
        replay.expect_error(409, "conflict", "webhooks.md, POST replay")
        since = {"since": hooks.iso(time.time() - 3600)}
        self.server.post(endpoint.path + "/recover", since).expect_error(409, "conflict", "webhooks.md, POST recover")
        endpoint.hook.always(OK)
        self.equal(endpoint.patch(is_active=True)["is_active"], True, rule, "is_active")
        self.check_messages(endpoint, told(self.desk, (early, "budget.topped_up")))
        late = self.desk.top_up(3)
        self.check_messages(endpoint, told(self.desk, (early, "budget.topped_up"), (late, "budget.topped_up")))

    def test_made_inactive_it_is_told_nothing(self):
        self.play("pause", "v")
        endpoint = self.endpoint(is_active=False)
        self.desk.top_up(1)
        self.nothing_more(endpoint.hook, 0)
        self.equal(endpoint.deliveries(), [], "webhooks.md, is_active", "deliveries")
        endpoint.delete()

    def test_what_waits_goes_with_its_endpoint(self):
        self.play("delete")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        endpoint.hook.wait(1)
        id = endpoint.deliveries()[0]["id"]
        endpoint.delete()
        time.sleep(0.3)
        count = len(endpoint.hook.requests)
        rule = "webhooks.md, DELETE endpoint"
        for path in ("", "/secret", "/deliveries", f"/deliveries/{id}", "/stats"):
            self.server.get(endpoint.path + path).expect_error(404, "webhook_endpoint_not_found", rule)
        self.nothing_more(endpoint.hook, count)
        for table in ("webhook_deliveries", "webhook_attempts", "webhook_secrets"):
            left = self.gateway.query(f"SELECT count(*) AS n FROM {table} WHERE endpoint_id = '{endpoint.id}'")
            self.equal(int(left[0]["n"]), 0, rule, f"rows of it in {table}")

    def test_what_waits_goes_with_its_platform(self):
        self.play("platform")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        endpoint.hook.wait(1)
        with self.gateway.admin as admin:
            admin.delete(f"/v1/admin/platforms/{self.tenant.id}").expect(204, "platforms.md, DELETE platform")
        time.sleep(0.3)
        self.nothing_more(endpoint.hook, len(endpoint.hook.requests))
        for table in ("webhook_endpoints", "webhook_deliveries"):
            left = self.gateway.query(f"SELECT count(*) AS n FROM {table} WHERE platform_id = '{self.tenant.id}'")
            self.equal(int(left[0]["n"]), 0, "platforms.md, DELETE platform", f"rows of it in {table}")

    def test_a_test_event(self):
        rule = "webhooks.md, POST test"
        self.play("tests")
        endpoint = self.endpoint(event_types=["budget.suspended"])
        broken = self.endpoint(self.hook("broken", FAIL))
        off = self.endpoint(self.hook("off"), is_active=False)
        for tested, status in ((endpoint, "delivered"), (broken, "failed"), (off, "delivered")):
            id = tested.test()
            (request,) = tested.hook.wait(1)
            delivery = tested.attempted(id, 1)
            (row,) = tested.settled(1)
            self.equal(
                (row["id"], row["status"], row["event_type"]), (id, status, "endpoint.test"), rule, "the delivery"
            )
            self.equal([attempt["trigger"] for attempt in delivery["attempts"]], ["test"], rule, "triggers")
            tested.check_arrivals()
            event = request.event
            self.holds(TEST_EVENT.fullmatch(event["event_id"]), "<uuid>:endpoint.test", rule, event)
            self.equal((event["event_type"], event["api_version"]), ("endpoint.test", "2026-04-11"), rule, "envelope")
            self.holds(harness.is_time(event["created_at"]), "created_at", rule, event)
            data = {"platform_id": self.tenant.id, "message": "Test event"}
            self.equal(event["data"], data, rule, "data")
        self.nothing_more(broken.hook, 1)
        self.equal(broken.get()["is_active"], True, rule, "is_active after a failed test")
        ids = {tested.deliveries()[0]["message_id"] for tested in (endpoint, broken, off)}
        self.equal(len(ids), 3, rule, "webhook-ids of three tests")
        broken.hook.always(OK)
        broken.replay(broken.deliveries()[0]["id"])
        broken.attempted(broken.deliveries()[0]["id"], 2)
        self.equal(broken.settled(1)[0]["status"], "delivered", "webhooks.md, POST replay", "a test replayed")

    def test_the_log_can_be_searched(self):
        rule = "webhooks.md, GET deliveries"
        self.play("log")
        endpoint = self.endpoint(self.hook().first(GONE), event_types=ALL_EVENTS)
        endpoint.test()
        wait_for("the 410 to count", lambda: endpoint.deliveries()[0]["status"] == "failed")
        endpoint.patch(is_active=True)
        self.desk.top_up(1), self.desk.debit(1), self.desk.top_up(2)
        rows = endpoint.settled(4)
        for row in rows:
            self.exact(row, DELIVERY, rule)
            self.equal(row["endpoint_id"], endpoint.id, rule, "endpoint_id")
        self.equal(rows, sorted(rows, key=lambda row: row["created_at"], reverse=True), rule, "newest first")
        middle = rows[1]["created_at"]
        for query, expected in (
            ({"status": "delivered"}, rows[:3]),
            ({"status": "failed"}, rows[3:]),
            ({"status": "pending"}, []),
            ({"status": "canceled"}, []),
            ({"event_type": "budget.topped_up"}, [rows[0], rows[2]]),
            ({"event_type": "endpoint.test"}, rows[3:]),
            ({"event_type": "budget.suspended"}, []),
            ({"since": middle}, [row for row in rows if row["created_at"] >= middle]),
            ({"until": middle}, [row for row in rows if row["created_at"] < middle]),
            ({"event_type": "budget.topped_up", "status": "delivered", "since": middle},
             [row for row in (rows[0], rows[2]) if row["created_at"] >= middle]),
        ):  # fmt: skip
            self.equal(endpoint.deliveries(**query), expected, rule, f"rows with {query}")
        self.equal(endpoint.deliveries(limit=1), rows, rule, "pages of one row")
        other = self.endpoint(self.hook("other"))
        self.equal(other.deliveries(), [], rule, "deliveries of a new endpoint")
        missing = self.server.get(f"{other.path}/deliveries/{rows[0]['id']}")
        missing.expect_error(404, "delivery_not_found", "webhooks.md, GET delivery: of another endpoint")

    def scene_a_pending_delivery_goes_on_after_a_replay(self):
        rule = "webhooks.md, POST replay: unless the delivery was still pending"
        self.play("replay")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        endpoint.hook.wait(4)
        id = endpoint.deliveries()[0]["id"]
        endpoint.replay(id)
        (row,) = endpoint.settled(1, 15)
        delivery = endpoint.delivery(id)
        triggers = [attempt["trigger"] for attempt in delivery["attempts"]]
        self.equal((row["status"], triggers.count("replay")), ("failed", 1), rule, "in the end")
        self.holds(triggers.count("schedule") in (7, 8), "the schedule to go on", rule, triggers)
        self.equal(len(endpoint.hook.requests), len(triggers), rule, "requests")
        endpoint.check_arrivals()

    def scene_recovery_since_a_time(self):
        rule = "webhooks.md, POST recover"
        self.play("recover")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        begun = time.time()
        rows = [self.desk.top_up(1) for _ in range(3)]
        endpoint.test()
        endpoint.settled(4, 40)
        endpoint.hook.always(OK)
        good = self.desk.top_up(1)
        endpoint.settled(5)
        failed = endpoint.deliveries(status="failed", event_type="budget.topped_up")
        self.equal(len(failed), 3, rule, "failed deliveries")
        since, before = hooks.iso(begun - 1), len(endpoint.hook.requests)
        self.equal(endpoint.recover(since, dry_run=True, status=200), 3, rule, "count of a dry run")
        self.equal(endpoint.recover(since, failed[1]["created_at"], True, 200), 1, rule, "before the second one")
        self.nothing_more(endpoint.hook, before, 0.5)
        self.equal(endpoint.recover(since), 3, rule, "count")
        expected = told(self.desk, *((row, "budget.topped_up") for row in (*rows, good)))
        wait_for("the failed ones to be delivered", lambda: len(endpoint.deliveries(status="delivered")) == 4)
        left = endpoint.deliveries(status="failed")
        self.equal([row["event_type"] for row in left], ["endpoint.test"], rule, "what stays failed")
        arrived = {id: came[0].event for id, came in endpoint.hook.by_event().items() if not TEST_EVENT.fullmatch(id)}
        self.equal(arrived, expected, rule, "events that arrived")
        endpoint.check_arrivals()
        whole = endpoint.delivery(failed[0]["id"])
        self.equal([attempt["trigger"] for attempt in whole["attempts"]][-1], "replay", rule, "the newest trigger")
        self.equal(endpoint.recover(since), 0, rule, "count when nothing is left")

    def scene_recovered_ones_begin_a_new_schedule(self):
        rule = "webhooks.md, POST recover: a fresh schedule"
        self.play("anew")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        endpoint.settled(1, 15)
        self.equal(endpoint.recover(hooks.iso(time.time() - 60)), 1, rule, "count")
        endpoint.hook.wait(16, 15)
        endpoint.settled(1)
        whole = endpoint.delivery(endpoint.deliveries()[0]["id"])
        self.equal((whole["status"], len(whole["attempts"])), ("failed", 16), rule, "in the end")
        triggers = [attempt["trigger"] for attempt in whole["attempts"]]
        self.equal(triggers, ["schedule"] * 8 + ["replay"] + ["schedule"] * 7, rule, "triggers")
        endpoint.delete()

    def scene_figures(self):
        rule = "webhooks.md, GET stats"
        self.play("stats")
        endpoint = self.endpoint(self.hook().first(FAIL, OK.later(0.3)))
        fresh = endpoint.stats()
        nothing = {
            name: fresh[name] for name in ("pending", "delivered", "failed", "canceled", "attempts", "failed_attempts")
        }
        self.equal(set(nothing.values()), {0}, rule, "counts before anything happened")
        for name in ("success_rate", "latency_ms_p50", "latency_ms_p95", "last_failure_at"):
            self.equal(fresh[name], None, rule, name)
        window = hooks.seconds(fresh["until"]) - hooks.seconds(fresh["since"])
        self.holds(86399 <= window <= 86401, "the last 24 hours", rule, window)
        for _ in range(4):
            self.desk.top_up(1)
            wait_for("quiet", lambda: not endpoint.deliveries(status="pending"))
        broken = self.endpoint(self.hook("broken", FAIL))
        self.desk.top_up(1)
        broken.settled(1, 15)
        endpoint.settled(5)
        stats = endpoint.stats()
        self.equal(
            [stats[name] for name in ("pending", "delivered", "failed", "canceled", "attempts", "failed_attempts")],
            [0, 5, 0, 0, 6, 1],
            rule,
            "counts",
        )
        self.equal(stats["success_rate"], Decimal("0.8333"), rule, "success_rate of the attempts")
        self.holds(stats["latency_ms_p50"] < 250 <= stats["latency_ms_p95"], "those latencies", rule, stats)
        self.holds(harness.is_time(stats["last_failure_at"]), "last_failure_at", rule, stats)
        dead = broken.stats()
        self.equal((dead["delivered"], dead["failed"], dead["attempts"], dead["failed_attempts"]), (0, 1, 8, 8), rule)
        self.equal(dead["success_rate"], 0, rule, "success_rate of one that never answered well")
        early = endpoint.stats(since=hooks.iso(time.time() - 7200), until=hooks.iso(time.time() - 3600))
        self.equal((early["delivered"], early["attempts"], early["success_rate"]), (0, 0, None), rule, "an hour ago")

    def test_bad_windows_of_figures(self):
        self.play("stats", "v")
        endpoint = self.endpoint()
        for name in ("since", "until"):
            for value in ("yesterday", "", "7", "2026-13-01T00:00:00Z"):
                answer = self.server.get(endpoint.path + "/stats", **{name: value})
                answer.expect_error(422, "validation_error", "webhooks.md, GET stats", param=name)
        endpoint.delete()

    def test_an_administrator_sees_what_waits(self):
        self.play("seen")
        endpoint = self.endpoint(self.hook(answer=OK.later(3)))
        rule = "headless-and-admin.md 3, status: webhook backlog"
        before = self.attempts_counted()
        for _ in range(8):
            self.desk.top_up(1)
        with self.gateway.admin as admin:
            admin.get("/v1/admin/status").expect(200, rule)
            begun = time.monotonic()
            wait_for("deliveries that wait", lambda: admin.get("/v1/admin/status").json()["webhook_backlog"] >= 4, 5)
            print(f"the backlog is seen after {time.monotonic() - begun:.1f} s", flush=True)
            endpoint.settled(8, 20)
            wait_for("no backlog", lambda: admin.get("/v1/admin/status").json()["webhook_backlog"] == 0, 20)
        rule = "headless-and-admin.md 8, metrics of attempts"
        self.holds(self.attempts_counted() - before >= 8, "at least 8 attempts more", rule, self.attempts_counted())

    def attempts_counted(self):
        """All samples of /metrics that count attempts of webhooks."""
        with self.gateway.client() as client:
            lines = client.get("/metrics").expect(200, "headless-and-admin.md 8").read().decode().splitlines()
        samples = [line for line in lines if "webhook" in line.split("{")[0] and "attempt" in line and line[0] != "#"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples)

    def test_fifty_endpoints_are_enough(self):
        rule = "webhooks.md, POST: endpoint_limit_reached"
        self.play("limit")
        hook = self.hook()
        endpoints = [self.endpoint(hook) for _ in range(50)]
        full = self.server.post(self.base, {"url": hook.url})
        full.expect_error(409, "endpoint_limit_reached", rule)
        self.equal(len(self.server.rows(self.base)), 50, rule, "endpoints")
        self.desk.top_up(1)
        hook.wait(50, 20)
        self.equal(len(hook.ids()), 1, hooks.WIRE, "webhook-ids")
        endpoints.pop().delete()
        endpoints.append(self.endpoint(hook))
        self.equal(endpoints[-1].deliveries(), [], rule, "deliveries of the new one")

    def test_an_orderly_restart_loses_nothing(self):
        self.play("restart")
        endpoint = self.endpoint(self.hook().first(FAIL, FAIL, FAIL))
        slow = self.endpoint(self.hook("slow", OK.later(1)))
        rows = [self.desk.top_up(1) for _ in range(10)]
        endpoint.hook.wait(2)
        self.gateway.stop()
        at_stop = len(endpoint.hook.requests)
        time.sleep(1)
        self.equal(len(endpoint.hook.requests), at_stop, "architecture.md, Shutdown", "requests while it is off")
        self.gateway.start()
        self.server.close()
        self.server = self.enterContext(self.tenant.client)
        endpoint.client = slow.client = self.server
        expected = told(self.desk, *((row, "budget.topped_up") for row in rows))
        self.check_messages(endpoint, expected, 20)
        self.check_messages(slow, expected, hooks.LEASE_SECONDS + 15)
        self.equal(slow.hook.duplicates, 0, "architecture.md, Shutdown: what runs is let end", "duplicates")


if __name__ == "__main__":
    harness.main()
