# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when days pass: budget periods, expiring keys and running calls under a clock that is moved ahead."""

import datetime
import email.utils
import threading

import harness
from harness import PLAIN, SLOW, Books, Case, Gateway, GatewayCase, Mock, bootstrap, chat_body, platform, user, wait_for

CLOCK = "/v1/admin/test-clock"
CHAT = "/v1/chat/completions"
RULE = "headless-and-admin.md 6, test clock"
PERIODS = "budgets-and-ledger.md, Period resets"
DAY = datetime.timedelta(days=1)
MANY = 230  # more budgets than one round of housekeeping resets, more responses than one removes


def moment(text):
    return datetime.datetime.fromisoformat(text)


def iso(when):
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def real_now():
    return datetime.datetime.now(datetime.UTC)


def next_day(when):
    return (when + DAY).replace(hour=0, minute=0, second=0, microsecond=0)


def next_month(when):
    return next_day((when.replace(day=28) + 4 * DAY).replace(day=1) - DAY)


def budgeted(external_id, period, max_usd=10, **members):
    return {"external_id": external_id, "budget": {"max_usd": max_usd, "period": period, **members}}


class MovedClock(GatewayCase):
    models = (PLAIN.name, SLOW.name)
    options = ("--test-clock",)
    platforms = (
        platform(
            "acme",
            [
                budgeted("monthly", "monthly"),
                budgeted("daily", "daily"),
                budgeted("once", "one_time", 0.000001),
                budgeted("exhausted", "daily", 0.000001),
                budgeted("replenished", "daily", 2, auto_replenish=True, replenish_amount=5),
                budgeted("idle", "daily"),
                budgeted("streaming", "monthly"),
                user("unlimited"),
            ],
        ),
        platform("crowd", settings={"default_budget_usd": 2}),
    )

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.admin = self.enterContext(self.gateway.admin)
        self.server = self.enterContext(self.acme.client)

    def now(self):
        return moment(self.admin.get(CLOCK).expect_json(200, RULE)["now"])

    def move(self, **jump):
        return moment(self.admin.post(CLOCK, jump).expect_json(200, RULE)["now"])

    def move_to(self, when):
        return self.move(now=iso(when))

    def call(self, external_id):
        with self.acme.user_client(external_id) as client:
            return client.post(CHAT, chat_body(PLAIN.name))

    def budget(self, external_id):
        return self.server.get(self.acme.user_path(external_id) + "/budget").expect_json(200, PERIODS)

    def ledger(self, external_id):
        return self.server.rows(self.acme.user_path(external_id) + "/budget/transactions", 200, order="asc")

    def kinds(self, external_id, newest):
        """What its newest ledger rows are, oldest first; other tests move the clock as well."""
        return [row["reason"] or row["type"] for row in self.ledger(external_id)[-newest:]]

    # ---------------------------------------------------------------- the clock

    def test_it_goes_on_from_where_it_was_moved_to(self):
        before = self.now()
        for seconds in (90, 0.25, 0):
            after = self.move(advance_seconds=seconds)
            passed = (after - before).total_seconds()
            self.holds(seconds <= passed < seconds + 10, f"about {seconds} s more", RULE, passed)
            before = after
        there = before.replace(microsecond=0) + DAY
        after = self.move(now=there.astimezone(datetime.timezone(datetime.timedelta(hours=5))).isoformat())
        self.holds(there <= after < there + datetime.timedelta(seconds=10), f"{there} or a moment later", RULE, after)
        self.holds(self.now() >= after, f"{after} or later", RULE)

    def test_a_bad_jump_is_refused_and_moves_nothing(self):
        before = self.now()
        for body, param in (
            ({}, "advance_seconds"),
            ({"advance_seconds": None}, "advance_seconds"),
            ({"advance_seconds": -1}, "advance_seconds"),
            ({"advance_seconds": "60"}, "advance_seconds"),
            ({"advance_seconds": 0.0001}, "advance_seconds"),
            ({"advance_seconds": 1e11}, "advance_seconds"),
            ({"advance_seconds": True}, "advance_seconds"),
            ({"now": iso(before - DAY)}, "now"),
            ({"now": "tomorrow"}, "now"),
            ({"now": "2999-01-01T00:00:00"}, "now"),
            ({"now": "9999-06-01T00:00:00Z"}, "now"),
            ({"now": 4102444800}, "now"),
            ({"now": iso(before + DAY), "advance_seconds": 60}, "now"),
        ):
            with self.subTest(body=body):
                self.admin.post(CLOCK, body).expect_error(422, "validation_error", RULE, param=param)
        self.admin.post(CLOCK, b"{").expect_error(400, "invalid_json", RULE)
        self.holds(self.now() - before < datetime.timedelta(seconds=60), "the clock where it was", RULE, self.now())

    def test_only_an_admin_key_moves_it_and_the_audit_log_says_who(self):
        with self.gateway.client() as nobody, self.acme.user_client("unlimited") as end_user:
            for client, status, code in (
                (nobody, 401, "unauthorized"),
                (self.server, 403, "forbidden"),
                (end_user, 403, "forbidden"),
            ):
                client.get(CLOCK).expect_error(status, code, RULE)
                client.post(CLOCK, {"advance_seconds": 60}).expect_error(status, code, RULE)
        self.admin.call("PUT", CLOCK, {}).expect_error(405, "method_not_allowed", "conventions.md, order of checks")
        now = self.move(advance_seconds=5)
        row = self.admin.get("/v1/admin/audit", limit=1).json()["data"][0]
        self.equal(row["action"], "test_clock.move", "headless-and-admin.md 3, audit", "action of the newest row")
        self.equal(moment(row["details"]["now"]), now, "headless-and-admin.md 3, audit", "where it was moved")

    def test_what_is_written_has_the_moved_time_and_http_the_real_one(self):
        now = self.move(advance_seconds=3600)
        response = self.call("unlimited").expect(200, RULE)
        row = Books.read(self.acme).log_of(response.headers["x-request-id"])
        late = (moment(row["created_at"]) - now).total_seconds()
        self.holds(0 <= late < 30, f"the log row at about {now}", RULE, row["created_at"])
        self.holds(row["latency_ms"] < 30_000, "a measured latency, no jump in it", RULE, row["latency_ms"])
        date = email.utils.parsedate_to_datetime(response.headers["date"])
        self.holds(abs(date - real_now()) < datetime.timedelta(minutes=1), "the real time", RULE, date)

    # ---------------------------------------------------------------- budgets

    def test_a_month_ends(self):
        self.call("monthly").expect(200, PERIODS)
        spent = self.budget("monthly")["used_usd"]
        self.equal(spent, PLAIN.cost, PERIODS, "used_usd after one call")
        self.move_to(next_month(self.now()) - datetime.timedelta(minutes=1))
        self.equal(self.budget("monthly")["used_usd"], spent, PERIODS, "used_usd in the month's last minute")
        first = next_month(self.now())
        self.move_to(first)
        now = self.budget("monthly")
        self.equal((now["used_usd"], moment(now["period_start"])), (0, first), PERIODS, "used_usd, period_start")
        self.call("monthly").expect(200, PERIODS)
        self.equal(self.budget("monthly")["used_usd"], PLAIN.cost, PERIODS, "used_usd after one call in the new month")
        self.equal(self.kinds("monthly", 3), ["debit", "period_reset", "debit"], PERIODS, "ledger")
        Books.read(self.acme).reconcile()

    def test_a_day_ends_for_one_budget_and_not_for_the_other(self):
        self.call("daily").expect(200, PERIODS)
        self.call("once").expect(200, PERIODS)
        self.call("exhausted").expect(200, PERIODS)
        for name in ("once", "exhausted"):
            self.call(name).expect_error(402, "budget_exhausted", "inference.md 1, gate order")
        # What was missed meanwhile counts as one reset.
        today = self.move_to(next_day(self.now()) + 3 * DAY)
        for name in ("daily", "exhausted"):
            self.call(name).expect(200, PERIODS + ": before the gate")
            now = self.budget(name)
            self.equal(
                (now["used_usd"], moment(now["period_start"])),
                (PLAIN.cost, today.replace(hour=0, minute=0, second=0, microsecond=0)),
                PERIODS,
                f"used_usd and period_start of {name}",
            )
            self.equal(self.kinds(name, 3), ["debit", "period_reset", "debit"], PERIODS, f"ledger of {name}")
        self.call("exhausted").expect_error(402, "budget_exhausted", "inference.md 1, gate order")
        self.call("once").expect_error(402, "budget_exhausted", PERIODS + ": one_time never resets")
        self.equal(self.kinds("once", 9), ["opening", "debit"], PERIODS, "ledger of a budget without a period")
        Books.read(self.acme).reconcile()

    def test_a_replenished_budget(self):
        self.call("replenished").expect(200, PERIODS)
        self.move_to(next_day(self.now()))
        now = self.budget("replenished")
        self.equal((now["max_usd"], now["used_usd"]), (5, 0), PERIODS + ", auto_replenish", "max_usd, used_usd")
        Books.read(self.acme).reconcile()

    def test_a_budget_that_nobody_touches_is_reset_at_once(self):
        before = len(self.ledger("idle"))
        self.move_to(next_day(self.now()))
        (row,) = wait_for("a period_reset row within 1 s of the jump", lambda: self.ledger("idle")[before:], seconds=1)
        self.equal(row["reason"], "period_reset", PERIODS)
        self.equal((row["type"], row["source"]), ("adjustment", "system"), PERIODS)

    def test_a_month_that_ends_for_many_at_once(self):
        crowd = self.gateway.tenant("crowd")
        with crowd.client as client:
            paths = []
            for number in range(MANY):
                made = client.post(f"{crowd.path}/end-users", {"external_id": f"user-{number}"})
                made = made.expect_json(201, "setup")
                self.gateway.remember(made["api_key"])
                paths.append(f"{crowd.path}/end-users/{made['id']}/budget/transactions")
            self.move_to(next_month(self.now()))

            def reset(path):
                return any(row["reason"] == "period_reset" for row in client.get(path).json()["data"])

            # Without waiting for the next regular round, which is 15 s away.
            wait_for("a period_reset row for each of them", lambda: all(map(reset, paths)), seconds=5)

    # ---------------------------------------------------------------- keys

    def test_keys_expire(self):
        rule = "conventions.md 2, expires_at"
        end = self.now().replace(microsecond=0) + 7 * DAY
        body = {"name": "for a week", "expires_at": iso(end)}
        made = [
            self.server.post(path + "/api-keys", body).expect_json(201, rule)
            for path in (self.acme.path, self.acme.user_path("unlimited"))
        ]
        of_platform, of_user = [self.enterContext(self.gateway.client(self.gateway.remember(key))) for key in made]

        def both(check):
            check(of_platform.get(self.acme.path))
            check(of_user.get("/v1/models"))
            check(of_user.post(CHAT, chat_body(PLAIN.name)))

        both(lambda answer: answer.expect(200, rule))
        self.move_to(end - datetime.timedelta(minutes=1))
        both(lambda answer: answer.expect(200, rule))
        self.move_to(end)
        both(lambda answer: answer.expect_error(401, "unauthorized", rule))
        self.server.post(self.acme.path + "/api-keys", body).expect_error(
            422, "validation_error", rule + ": in the future of the moved clock", param="expires_at"
        )

    # ---------------------------------------------------------------- stored responses

    def test_stored_responses_end(self):
        """First nobody gets them any more; the next round of housekeeping takes them away, in portions."""
        rule = "responses-stored.md, What is stored"
        client = self.enterContext(self.acme.user_client("unlimited"))

        def respond(_):
            return client.post("/v1/responses", {"model": PLAIN.name, "input": "Hello."}).expect_json(200, rule)["id"]

        def status(response_id):
            return client.get(f"/v1/responses/{response_id}").status

        def kept(of):
            # The items are in the same rows, so that both are of the same moment.
            rows = self.gateway.query("SELECT i.response_id, r.id FROM response_items i LEFT JOIN responses r ON r.id = i.response_id")
            self.equal([row for row in rows if not row["id"]], [], rule, "items without their response")
            return {row["id"] for row in rows} & set(of)

        born = self.now()
        old = [respond(number) for number in range(MANY)]
        self.move_to(born + 30 * DAY - datetime.timedelta(minutes=10))
        young = respond(0)
        self.equal((status(old[0]), status(old[-1]), kept(old)), (200, 200, set(old)), rule, "before the end")
        self.move_to(self.now() + datetime.timedelta(minutes=20))
        self.equal((status(old[0]), status(old[-1]), status(young)), (404, 404, 200), rule, "after the end")
        wait_for("the old ones to be gone from the database", lambda: not kept(old), seconds=5)
        self.equal(kept([young]), {young}, rule, "the young one")
        after = client.post("/v1/responses", {"model": PLAIN.name, "input": "And?", "previous_response_id": old[-1]})
        after.expect_error(404, "response_not_found", rule, param="previous_response_id")
        Books.read(self.acme).reconcile()

    # ---------------------------------------------------------------- what runs meanwhile

    def test_a_running_call_and_an_idle_connection_do_not_notice(self):
        rule = RULE + ": deadlines are measured, not read from the clock"
        before = self.now()
        with self.acme.user_client("streaming") as client:
            client.get("/v1/models").expect(200, "setup: a kept connection")
            idle = client._connection
            with self.acme.user_client("streaming") as streaming:
                stream = streaming.request("POST", CHAT, chat_body(SLOW.name, stream=True))
                frames = stream.data()
                next(frames)
                self.move_to(next_month(before) + DAY)
                rest = list(frames)
            self.equal(rest[-1], "[DONE]", rule, "last frame of the stream")
            client.get("/v1/models").expect(200, rule)
            self.holds(client._connection is idle, "the same connection", rule)
        row = Books.read(self.acme).log_of(stream.headers["x-request-id"])
        self.equal(row["status"], "success", rule, "status of the log row")
        self.holds(row["latency_ms"] < 60_000, "a measured latency, no jump in it", rule, row["latency_ms"])
        budget = self.budget("streaming")
        self.equal(
            (budget["used_usd"], self.kinds("streaming", 2)),
            (SLOW.cost, ["period_reset", "debit"]),
            PERIODS + ": debited to the new period",
        )
        Books.read(self.acme).reconcile()

    def test_jumps_while_calls_run(self):
        stop = threading.Event()
        answers = []

        def call():
            while not stop.is_set():
                response = self.call("daily")
                answers.append(response.status)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                before = len(answers)
                self.move(advance_seconds=86400)
                wait_for("calls that end", lambda: len(answers) > before + 4)  # noqa: B023 (called at once)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.equal(set(answers), {200}, PERIODS, "statuses")
        resets = [row for row in self.ledger("daily") if row["reason"] == "period_reset"]
        days = [row["created_at"][:10] for row in resets]
        self.equal(len(days), len(set(days)), PERIODS + ": one row at a boundary", "days with a reset")
        Books.read(self.acme).reconcile()


class Switch(Case):
    """The option itself."""

    def start(self, **how):
        mock = self.enterContext(Mock())
        database = self.enterContext(harness.fresh_database())
        gateway = Gateway(bootstrap(mock, [PLAIN.name], [platform("acme", [user("alice", 5)])]), database)
        self.addCleanup(gateway.remove)
        self.gateways += (gateway,)
        self.settings = gateway.data_dir / "settings.json"
        gateway.data_dir.mkdir(mode=0o700)
        if "settings" in how:
            self.settings.write_text(how.pop("settings"), encoding="utf-8")
        return gateway.start(**how)

    def test_without_it_there_is_no_such_route(self):
        gateway = self.start()
        with gateway.admin as admin, gateway.client() as nobody:
            for client in (admin, nobody):
                for method, body in (("GET", None), ("POST", {"advance_seconds": 60}), ("PUT", {})):
                    client.call(method, CLOCK, body).expect_error(404, "not_found", RULE)
        self.holds("test-clock" not in gateway.output(), "no word about it", RULE, gateway.output())
        gateway.finish()

    def check_on(self, gateway):
        with gateway.admin as admin:
            now = moment(admin.get(CLOCK).expect_json(200, RULE)["now"])
        self.holds(abs(now - real_now()) < datetime.timedelta(minutes=1), "the system's time at first", RULE, now)
        warnings = [line for line in gateway.output().splitlines() if "--test-clock" in line and "warning" in line]
        self.equal(len(warnings), 1, RULE + ": warned about at start", "lines about it")
        gateway.finish()

    def test_as_an_option(self):
        self.check_on(self.start(options=["--test-clock"]))

    def test_from_the_environment(self):
        self.check_on(self.start(env={"ASSISTIV_TEST_CLOCK": "1"}))

    def test_from_the_settings_file(self):
        self.check_on(self.start(settings='{"test_clock": true}'))


if __name__ == "__main__":
    harness.main()
