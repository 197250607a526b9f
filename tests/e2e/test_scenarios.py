# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of the contract (docs/contract/scenarios.md), each as it is written there."""

import collections
import datetime
import itertools
import os
import pathlib
import subprocess
import sys
import unittest
from decimal import Decimal

import checklist
import harness
import nodefolder
import pgcluster
from harness import ABORTED, PLAIN, PRICE, SLOW, Books, GatewayCase, at_once, chat_body, message_of, platform, user

CHAT = "/v1/chat/completions"
SAMPLES = pathlib.Path(__file__).resolve().parent / "samples"
UTC = datetime.timezone.utc


class ScenarioCase(GatewayCase):
    """Scenarios of one gateway; each has a platform of its own, named after it."""

    models = (PLAIN.name, ABORTED.name, SLOW.name)

    def play(self, slug, external_id=None):
        """Sets the stage: the platform of that name, its server's client, and its user with path and client."""
        self.tenant = self.gateway.tenant(slug)
        self.server = self.enterContext(self.tenant.client)
        if external_id:
            self.user_id = self.tenant.users[external_id]["id"]
            self.user_path = self.tenant.user_path(external_id)
            self.budget = self.user_path + "/budget"
            self.user = self.enterContext(self.tenant.user_client(external_id))

    def chat(self, model=PLAIN.name):
        return self.user.post(CHAT, chat_body(model))

    def move(self, verb, amount, rule, **headers):
        """A top-up or a debit, and its ledger row."""
        return self.server.post(f"{self.budget}/{verb}", {"amount_usd": amount}, **headers).expect_json(200, rule)

    def ledger(self):
        return self.server.rows(self.budget + "/transactions", 200, order="asc")

    def events(self):
        """What the outbox tells of the user, but for budget.debited, each message checked against its ledger row."""
        rule = "webhooks.md, Payload"
        rows = {row["id"]: row for row in self.ledger()}
        messages = self.gateway.outbox(self.user_id)
        for message in messages:
            row = rows.get(message["payload"]["data"]["transaction_id"])
            self.holds(row, "a message about a ledger row", rule, message)
            self.equal(message["payload"], message_of(row, message["event_type"]), rule, "payload")
            self.equal(
                (message["platform_id"], message["end_user_id"], message["event_id"]),
                (self.tenant.id, self.user_id, message["payload"]["event_id"]),
                rule,
                "columns of the message",
            )
        counts = collections.Counter(message["event_id"] for message in messages)
        self.equal([event for event, count in counts.items() if count > 1], [], rule, "events written twice")
        return [message for message in messages if message["event_type"] != "budget.debited"]

    def event_types(self):
        return [message["event_type"] for message in self.events()]


class Scenarios(ScenarioCase):
    platforms = (
        platform("s1-typescript"),
        platform("s1-python"),
        platform("s2"),
        platform("s3", [user("u", 10)]),
        platform("s4", [user("u", 10)]),
        platform("s5", [user("u", 10)]),
        platform("s6", [user("u", 10)]),
        platform("s7", [user("u", 10)], wallet_usd=0),
        platform("s8", [user("u", 10)]),
        platform("s9", [user("u")]),
        platform("s10", [user("u", 10)]),
        platform("s11", [user("u", 10)]),
        platform("s19", [user("u", 10)]),
        platform("s22", [user("u", 10), user("other", 10)]),
    )

    # ---------------------------------------------------------------- S1

    def test_s1_the_typescript_example_runs_unchanged(self):
        try:
            folder = nodefolder.prepared()
        except pgcluster.NotInstalled as reason:
            self.missing(str(reason))
        self.check_sample("s1-typescript", ["node", "run-ts.mjs", str(SAMPLES / "signup.ts")], folder)
        limits = self.server.get(f"{self.tenant.path}/end-users/{self.made['id']}/rate-limits").expect_json(200, "S1")
        self.equal((limits["rpm_limit"], limits["resolution"]), (300, "explicit"), "scenarios.md S1", "limits set")

    def test_s1_the_python_example_runs_unchanged(self):
        found = subprocess.run([sys.executable, "-c", "import requests"], capture_output=True, check=False)
        if found.returncode:
            self.missing("the Python package `requests` is not installed; on Debian: apt install python3-requests")
        self.check_sample("s1-python", [sys.executable, str(SAMPLES / "signup.py")])

    def missing(self, reason):
        if os.environ.get("CI"):
            self.fail(f"CI is set, so this must not be skipped: {reason}")
        raise unittest.SkipTest(reason)

    def check_sample(self, slug, command, folder=None):
        """The program runs, and again (a signup that is retried); each run is billed once and everywhere the same."""
        rule = "scenarios.md S1"
        self.play(slug)
        environment = {
            **harness.clean_environment(),
            "ASSISTIV_PLATFORM_KEY": self.tenant.key,
            "ASSISTIV_PLATFORM_ID": self.tenant.id,
            "ASSISTIV_API_BASE": self.gateway.origin + "/v1",
        }
        for run in (1, 2):
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            self.holds(done.returncode == 0, "exit code 0", rule, (done.stdout, done.stderr))
            self.equal(done.stdout.strip(), "Hello! How can I assist you today?", rule, "the printed answer")
            books = Books.read(self.tenant).reconcile()
            (self.made,) = self.server.rows(self.tenant.path + "/end-users")
            budget, ledger = books.ledgers[self.made["id"]]
            amounts = (
                [Decimal(row["estimated_cost_usd"]) for row in books.logs],
                [row["amount"] for row in books.wallet_rows if row["type"] == "llm_usage"],
                [row["amount_usd"] for row in ledger if row["type"] == "debit"],
            )
            self.equal(amounts, ([PLAIN.cost] * run,) * 3, rule, f"costs in log, wallet and ledger after run {run}")
            self.equal(
                (budget["max_usd"], budget["period"], budget["auto_replenish"], budget["replenish_amount"]),
                (10, "monthly", True, 10),
                rule,
                "the budget that was asked for",
            )
        keys = self.server.rows(f"{self.tenant.path}/end-users/{self.made['id']}/api-keys")
        self.equal(len(keys), 2, "scenarios.md S1, a repeated signup brings a fresh key", "keys of the user")

    # ---------------------------------------------------------------- S2 to S6

    def test_s2_one_external_id_is_one_user_with_two_working_keys(self):
        rule = "scenarios.md S2"
        self.play("s2")
        path, body = self.tenant.path + "/end-users", {"external_id": "twice", "display_name": "Jane"}
        first = self.server.post(path, body).expect_json(201, rule)
        second = self.server.post(path, {**body, "display_name": "Other"}).expect_json(200, rule)
        keys = {self.gateway.remember(made["api_key"]) for made in (first, second)}
        stored = {name: value for name, value in first.items() if name != "api_key"}
        self.equal({name: second[name] for name in stored}, stored, rule + ", the stored user", "the second answer")
        self.equal(len(keys), 2, rule, "different keys")
        for key in keys:
            with self.gateway.client(key) as client:
                client.post(CHAT, chat_body(PLAIN.name)).expect(200, rule + ", both keys work")
        self.equal(len(self.server.rows(path)), 1, rule, "users")

    def test_s3_a_topup_is_repeated_and_then_changed(self):
        rule = "scenarios.md S3"
        self.play("s3", "u")
        key, path = {"Idempotency_Key": self.call_id()}, self.budget + "/topup"
        first = self.server.post(path, {"amount_usd": 5}, **key).expect(200, rule)
        again = self.server.post(path, {"amount_usd": 5}, **key).expect(200, rule)
        self.equal(again.read(), first.read(), rule, "body of the repetition")
        self.equal(again.headers.get("idempotent-replayed"), "true", rule, "idempotent-replayed")
        self.server.post(path, {"amount_usd": 6}, **key).expect_error(409, "idempotency_conflict", rule)
        self.equal([row["type"] for row in self.ledger()], ["opening", "topup"], rule, "ledger rows")
        self.equal(self.event_types(), ["budget.topped_up"], rule, "events")
        self.equal(self.server.get(self.budget).json()["max_usd"], 15, rule, "max_usd")

    def test_s4_twenty_topups_at_once_with_one_key_are_one(self):
        rule = "scenarios.md S4"
        self.play("s4", "u")
        key = self.call_id()

        def topup(_):
            with self.tenant.client as client:
                return client.post(self.budget + "/topup", {"amount_usd": 1}, Idempotency_Key=key).expect(200, rule)

        answers = at_once(20, topup)
        self.equal(len({answer.read() for answer in answers}), 1, rule, "different bodies of 20 answers")
        self.equal([row["type"] for row in self.ledger()], ["opening", "topup"], rule, "ledger rows")
        self.equal(self.event_types(), ["budget.topped_up"], rule, "events")

    def test_s5_debited_below_zero_there_is_no_more_inference(self):
        rule = "scenarios.md S5"
        self.play("s5", "u")
        row = self.move("debit", 12.5, rule)
        self.equal(row["remaining_usd_after"], Decimal("-2.5"), rule, "remaining_usd_after")
        upstream = self.mock.count()
        self.chat().expect_error(402, "budget_exhausted", rule)
        self.equal(self.mock.count(), upstream, rule, "calls at the provider")
        Books.read(self.tenant).reconcile(0)

    def test_s6_suspension_stops_inference_and_nothing_else(self):
        rule = "scenarios.md S6"
        self.play("s6", "u")
        suspended = self.server.patch(self.budget, {"is_suspended": True}).expect_json(200, rule)
        row = suspended["transaction"]
        self.equal(
            (suspended["is_suspended"], row["type"], row["reason"], row["amount_usd"], row["metadata"]),
            (True, "adjustment", "suspended", 0, {"changes": {"is_suspended": [False, True]}}),
            rule,
            "the suspension and its row",
        )
        again = self.server.patch(self.budget, {"is_suspended": True}).expect_json(200, rule)
        self.equal(again["transaction"], None, rule + ", the current value again", "transaction")
        self.chat().expect_error(402, "budget_suspended", rule)
        self.user.get("/v1/models").expect(200, rule + ", models stay readable")
        self.move("topup", 2, rule)
        self.move("debit", 1, rule)
        self.server.get(self.budget).expect(200, rule)
        resumed = self.server.patch(self.budget, {"is_suspended": False}).expect_json(200, rule)
        self.equal(resumed["transaction"]["reason"], "unsuspended", rule, "reason")
        self.chat().expect(200, rule)
        self.equal(self.event_types(), ["budget.suspended", "budget.topped_up", "budget.unsuspended"], rule, "events")
        types = [(entry["type"], entry["reason"]) for entry in self.ledger()]
        self.equal(
            types,
            [
                ("opening", None),
                ("adjustment", "suspended"),
                ("topup", None),
                ("debit", None),
                ("adjustment", "unsuspended"),
                ("debit", None),
            ],
            rule,
            "ledger rows",
        )
        Books.read(self.tenant).reconcile(1)

    # ---------------------------------------------------------------- S7 to S11

    def test_s7_the_causes_are_named_one_by_one(self):
        rule = "scenarios.md S7"
        self.play("s7", "u")
        self.server.patch(self.budget, {"is_suspended": True}).expect(200, rule)
        self.chat("no-such-model").expect_error(402, "budget_suspended", rule)
        self.server.patch(self.budget, {"is_suspended": False}).expect(200, rule)
        self.move("debit", 10, rule)
        self.chat("no-such-model").expect_error(402, "budget_exhausted", rule + " and inference.md, Gate order 5")
        self.move("topup", 1, rule)
        self.chat("no-such-model").expect_error(402, "wallet_insufficient", rule)
        self.server.post(self.tenant.path + "/wallet/topup", {"amount": 1}).expect(200, rule)
        self.chat("no-such-model").expect_error(404, "model_not_found", rule)
        self.chat().expect(200, rule)
        Books.read(self.tenant).reconcile()

    def test_s8_of_eight_at_once_five_are_admitted(self):
        rule = "scenarios.md S8"
        self.play("s8", "u")
        self.server.post(self.user_path + "/rate-limits", {"rpm_limit": 5}).expect(200, rule)
        upstream = self.mock.count()

        def call(_):
            with self.tenant.user_client("u") as client:
                return client.post(CHAT, chat_body(PLAIN.name))

        answers = at_once(8, call)
        admitted = [answer.expect(200, rule) for answer in answers if answer.status == 200]
        denied = [answer for answer in answers if answer.status != 200]
        self.equal((len(admitted), len(denied)), (5, 3), rule, "admitted and denied")
        for answer in denied:
            error = answer.expect_error(429, "rate_limit_exceeded", rule, denied_by="eu_rpm", param=None)
            wait = answer.headers.get("retry-after", "")
            self.holds(wait.isdigit() and 1 <= int(wait) <= 60, "Retry-After from 1 to 60", rule, wait)
            self.equal(error["retry_after"], int(wait), "errors.md, 429", "retry_after in the body")
        rule = "rate-limits.md, 429 and headers of admitted answers"
        self.equal({answer.headers.get("x-ratelimit-limit-requests") for answer in admitted}, {"5"}, rule, "the limit")
        remaining = sorted(answer.headers.get("x-ratelimit-remaining-requests") for answer in admitted)
        self.equal(remaining, ["0", "1", "2", "3", "4"], rule, "remaining requests of the five")
        for answer in admitted:
            shown = [name for name in answer.headers if name.startswith("x-ratelimit") and name.endswith("tokens")]
            self.equal(shown, [], rule + ", each only if such a limit exists", "headers")
        self.equal(self.mock.count() - upstream, 5, rule, "calls at the provider")
        Books.read(self.tenant).reconcile(5)
        self.user.get("/v1/models").expect(200, "rate-limits.md, What is counted: models are not")
        self.user.get("/v1/me/rate-limits").expect(200, "rate-limits.md, What is counted: self-service is not")
        self.server.post(CHAT, chat_body(PLAIN.name)).expect(
            200, "rate-limits.md: a platform key skips the eu_* buckets"
        )
        self.server.post(self.user_path + "/rate-limits", {"rpm_limit": 6}).expect(200, rule)
        self.chat().expect(200, "rate-limits.md: a raised limit frees requests at once")
        self.chat().expect_error(429, "rate_limit_exceeded", "rate-limits.md: counters are kept", denied_by="eu_rpm")

    def test_s9_low_balance_fires_on_the_edge_only(self):
        rule = "scenarios.md S9"
        self.play("s9", "u")
        self.server.post(self.budget, {"max_usd": 3, "low_balance_threshold": 1}).expect(201, rule)
        self.move("debit", 1.5, rule)  # 1.50 left
        self.equal(self.event_types(), [], rule, "events above the threshold")
        crossing = [self.move("debit", 0.75, rule)]  # 0.75
        self.move("debit", 0.25, rule)  # 0.50: below already
        self.chat().expect(200, rule)  # and a call below
        self.move("topup", 2, rule)  # 2.499991: armed again
        crossing.append(self.move("debit", 1.499991, rule))  # 1.00, exactly at it
        self.move("debit", 3, rule)
        low = [message for message in self.events() if message["event_type"] == "budget.low_balance"]
        self.equal(
            [message["payload"]["data"]["transaction_id"] for message in low],
            [row["id"] for row in crossing],
            rule,
            "debits that budget.low_balance tells of",
        )
        self.equal(crossing[1]["remaining_usd_after"], 1, "this test", "what the second crossing leaves")

    def test_s10_a_client_leaves_half_way(self):
        rule = "scenarios.md S10"
        self.play("s10", "u")
        mark = self.call_id()
        body = chat_body(ABORTED.name, "Count to sixty.", stream=True, user=mark)
        response = self.user.request("POST", CHAT, body).expect(200, rule)
        seen = 0
        for frame in itertools.islice(response.data(), 1 + 30):  # the role, then half of the content
            seen += len((harness.parse_json(frame)["choices"][0]["delta"].get("content") or "").encode())
        self.user.close()
        harness.wait_for("the upstream call gone within 1 s of the client", lambda: not self.mock.running(), 1)
        (call,) = [call for call in self.mock.calls() if call["user"] == mark]
        self.equal((call["outcome"], call["usage_sent"]), ("aborted", False), rule, "what the provider saw")
        logs = self.tenant.path + "/logs"
        (row,) = harness.wait_for("its log row within 2 s", lambda: self.server.rows(logs), 2)
        self.equal(
            (row["status"], row["token_count_method"], row["billing_status"]),
            ("cancelled", "estimated", "billed"),
            rule,
            "the log row",
        )
        self.holds(
            tokens(seen) <= row["completion_tokens"] <= tokens(call["content_bytes"]),
            f"tokens of what was received, between {tokens(seen)} and {tokens(call['content_bytes'])}",
            "inference.md, Billing: 4 bytes of UTF-8 per token, rounded up",
            row,
        )
        self.equal(
            row["prompt_tokens"], tokens(len("Count to sixty.")), "inference.md, Billing", "tokens of the prompt"
        )
        cost = PRICE.cost(row["prompt_tokens"], row["completion_tokens"])
        books = Books.read(self.tenant).reconcile(1)
        ((_, ledger),) = books.ledgers.values()
        self.equal(
            (Decimal(row["estimated_cost_usd"]), ledger[-1]["amount_usd"], 100 - books.wallet["balance"]),
            (cost,) * 3,
            rule,
            "cost in log, ledger and wallet",
        )

    def test_s11_fifty_calls_at_once_are_billed_to_the_micro_dollar(self):
        rule = "scenarios.md S11"
        self.play("s11", "u")

        def call(_):
            with self.tenant.user_client("u") as client:
                client.post(CHAT, chat_body(PLAIN.name)).expect(200, rule)

        at_once(50, call)
        books = Books.read(self.tenant).reconcile(50)
        ((budget, ledger),) = books.ledgers.values()
        debited = sum(row["amount_usd"] for row in ledger if row["type"] == "debit")
        self.equal(
            (debited, budget["used_usd"], books.spent, 100 - books.wallet["balance"]),
            (50 * PLAIN.cost,) * 4,
            rule,
            "sums of ledger, budget, logs and wallet",
        )

    # ---------------------------------------------------------------- S19, S22

    def test_s19_a_revoked_key_is_refused_at_once(self):
        rule = "scenarios.md S19"
        self.play("s19", "u")
        for path, right in ((self.user_path, "/v1/models"), (self.tenant.path, self.tenant.path)):
            for how in ("DELETE", "PATCH"):
                with self.subTest(path=path, how=how):
                    made = self.server.post(path + "/api-keys", {"name": "short-lived"}).expect_json(201, rule)
                    client = self.enterContext(self.gateway.client(self.gateway.remember(made)))
                    client.get(right).expect(200, rule)
                    client.post(CHAT, chat_body(PLAIN.name)).expect(200, rule)
                    if how == "DELETE":
                        self.server.delete(f"{path}/api-keys/{made['id']}").expect(204, rule)
                    else:
                        key = f"{self.tenant.path}/api-keys/{made['id']}"
                        self.server.patch(key, {"is_active": False}).expect(200, rule)
                    client.get(right).expect_error(401, "unauthorized", rule)
                    client.post(CHAT, chat_body(PLAIN.name)).expect_error(401, "unauthorized", rule)
                    listed = {row["id"]: row["is_active"] for row in self.server.rows(path + "/api-keys")}
                    self.equal(listed.get(made["id"]), False, "platforms.md, DELETE api-key", "is_active in the list")

    def test_s22_a_deleted_user_leaves_sums_and_no_name(self):
        rule = "scenarios.md S22"
        self.play("s22", "u")
        made = self.server.post(self.user_path + "/api-keys", {}).expect_json(201, rule)
        clients = [self.user, self.enterContext(self.gateway.client(self.gateway.remember(made)))]
        for client in clients:
            client.post(CHAT, chat_body(PLAIN.name)).expect(200, rule)
        with self.tenant.user_client("other") as other:
            other.post(CHAT, chat_body(PLAIN.name)).expect(200, rule)
        key = {"Idempotency_Key": self.call_id()}
        self.move("topup", 1, rule, **key)
        self.server.post(self.user_path + "/rate-limits", {"rpm_limit": 100}).expect(200, rule)
        before = Books.read(self.tenant).reconcile(3)

        self.server.delete(self.user_path).expect(204, rule)
        for client in clients:
            client.get("/v1/models").expect_error(401, "unauthorized", rule)
            client.post(CHAT, chat_body(PLAIN.name)).expect_error(401, "unauthorized", rule)
        for path in ("", "/api-keys", "/budget", "/budget/transactions", "/rate-limits"):
            self.server.get(self.user_path + path).expect_error(404, "end_user_not_found", rule)
        self.server.delete(self.user_path).expect_error(404, "end_user_not_found", rule)
        self.equal(self.server.rows(self.tenant.path + "/end-users", external_id="u"), [], rule, "users of that name")
        keys = self.server.rows(self.tenant.path + "/api-keys", type="end_user")
        self.holds(self.user_id not in {row["end_user_id"] for row in keys}, "no key of the user", rule, keys)

        after = Books.read(self.tenant)
        anonymous = [{**row, "end_user_id": None} if row["end_user_id"] == self.user_id else row for row in before.logs]
        self.equal(after.logs, anonymous, rule, "log rows, their user apart")
        self.equal(sum(row["end_user_id"] is None for row in after.logs), 2, rule, "anonymous log rows")
        amounts = [[(row["id"], row["amount"]) for row in books.wallet_rows] for books in (before, after)]
        self.equal(amounts[1], amounts[0], rule, "wallet rows")
        self.equal(
            (after.wallet["balance"], after.spent),
            (before.wallet["balance"], before.spent),
            rule,
            "wallet and log sums",
        )
        self.equal(list(after.ledgers), [self.tenant.users["other"]["id"]], rule, "ledgers that are left")

        again = self.server.post(self.tenant.path + "/end-users", {"external_id": "u"}).expect_json(201, rule)
        self.gateway.remember(again["api_key"])
        self.holds(again["id"] != self.user_id, "the external_id to be free for another user", rule, again)
        budget = f"{self.tenant.path}/end-users/{again['id']}/budget"
        self.server.get(budget).expect_error(404, "budget_not_found", rule)
        self.server.post(budget, {"max_usd": 5}).expect(201, rule)
        self.server.post(budget + "/topup", {"amount_usd": 2}, **key).expect(
            200, rule + ": idempotency records went with the user"
        )
        Books.read(self.tenant).reconcile(3)


def tokens(size):
    """The estimate: 4 bytes of UTF-8 per token, rounded up."""
    return -(-size // 4)


class Crash(ScenarioCase):
    platforms = (platform("s18", [user("u", 10)]),)

    def test_s18_a_kill_right_after_the_answer_loses_nothing(self):
        rule = "scenarios.md S18"
        self.play("s18", "u")
        answers = []
        for number in range(5):
            key, body = self.call_id(), {"amount_usd": number + 1, "reason": f"round {number}"}
            answer = self.server.post(self.budget + "/topup", body, Idempotency_Key=key)
            self.gateway.kill()
            answers.append(answer.expect_json(200, rule))
            self.gateway.verify()
            self.gateway.start()
            self.play("s18", "u")
            rows = {row["id"]: row for row in self.ledger()}
            topup = {name: value for name, value in answers[-1].items() if name != "budget"}
            self.equal(rows.get(topup["id"]), topup, rule, "the ledger row after the restart")
            told = [message["payload"]["data"]["transaction_id"] for message in self.events()]
            self.equal(told, [earlier["id"] for earlier in answers], rule, "top-ups the outbox tells of, each once")
            replay = self.server.post(self.budget + "/topup", body, Idempotency_Key=key).expect(200, rule)
            self.equal(replay.read(), answer.read(), rule, "replay after the restart")
            self.equal(replay.headers.get("idempotent-replayed"), "true", rule, "idempotent-replayed")
        Books.read(self.tenant).reconcile()


class Tenants(checklist.World):
    def test_s20_another_tenants_paths_and_ids_show_nothing(self):
        rule = "scenarios.md S20"
        self.each_route(self.check_other_tenant)
        mallory = self.foreign["endUserId"]
        for path, query in (
            ("/logs", {"end_user_id": mallory}),
            ("/wallet/transactions", {"end_user_id": mallory}),
            ("/api-keys", {"type": "end_user", "end_user_id": mallory}),
            ("/end-users", {"external_id": "mallory"}),
            ("/end-users", {"q": "mallory"}),
        ):
            self.equal(self.server.rows(self.acme.path + path, **query), [], rule, f"rows of {path} for {query}")
        self.callers["rival"].get(self.rival.path).expect(200, rule + ", the owner goes on")

    def test_s21_the_wrong_kind_of_key_is_forbidden_everywhere(self):
        rule = "scenarios.md S21"
        kinds = {"P": ("alice",), "E": ("acme", "rival")}
        for kind, callers in kinds.items():
            routes = [route for route in checklist.ROUTES if route.key == kind]
            self.holds(routes, f"routes of kind {kind}", rule, routes)
            self.each_route(lambda route, names=callers: self.check_keys(route, names), routes)
        alice = self.callers["alice"]
        for path in ("/wallet", "/logs", "/end-users"):
            alice.get(self.rival.path + path).expect_error(403, "forbidden", rule + ", on other platforms too")


class Months(ScenarioCase):
    """The clock is ours here, and starts at 23:00 UTC on the last day of a month."""

    options = ("--test-clock",)
    platforms = (
        platform("replenished", [user("u")]),
        platform("kept", [user("u")]),
        platform("days", [user("u")]),
        platform("once", [user("u")]),
        platform("asleep", [user("u")]),
        platform("late", [user("u")]),
        platform("alarm", [user("u")]),
        platform("mine", [user("u")]),
        platform("reads"),
    )
    rule = "scenarios.md S12"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = (datetime.datetime.now(UTC).replace(day=1) + datetime.timedelta(days=62)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )

    def at(self, moment):
        self.gateway.set_clock(now=stamp(moment))

    def next_boundary(self):
        """Each test has a month's end of its own: the clock only goes forward."""
        boundary = type(self).first
        type(self).first = next_month(boundary)
        self.at(boundary - datetime.timedelta(hours=1))
        return boundary

    def planned(self, slug, **budget):
        """A user who has used 4 of a budget of 10, to which 5 were added, just before the boundary."""
        boundary = self.next_boundary()
        self.play(slug, "u")
        self.server.post(self.budget, {"max_usd": 10, **budget}).expect(201, self.rule)
        self.move("topup", 5, self.rule)
        self.move("debit", 4, self.rule)
        return boundary

    def check_reset(self, boundary, max_usd, started=None):
        """One reset row of the system, and a budget that begins anew."""
        budget = self.server.get(self.budget).expect_json(200, self.rule)
        shown = [budget[name] for name in ("max_usd", "used_usd", "remaining_usd", "period_start", "is_suspended")]
        self.equal(
            shown, [max_usd, 0, max_usd, stamp(started or boundary), False], self.rule, "the budget after the reset"
        )
        resets = [row for row in self.ledger() if row["reason"] == "period_reset"]
        self.equal(len(resets), 1, self.rule, "reset rows")
        (row,) = resets
        self.equal(
            [row[name] for name in ("type", "source", "amount_usd", "max_usd_after", "used_usd_after")],
            ["adjustment", "system", max_usd - 15, max_usd, 0],
            self.rule,
            "the reset row",
        )
        self.holds(row["created_at"] >= stamp(boundary), "a reset no earlier than the boundary", self.rule, row)
        self.equal(self.event_types(), ["budget.topped_up"], self.rule + ", a reset fires nothing", "events")
        Books.read(self.tenant).reconcile()

    def test_s12_with_auto_replenish(self):
        boundary = self.planned("replenished", period="monthly", auto_replenish=True, replenish_amount=7)
        self.at(boundary - datetime.timedelta(seconds=1))
        self.equal(self.server.get(self.budget).json()["used_usd"], 4, self.rule, "used_usd a second before")
        self.at(boundary)
        self.check_reset(boundary, 7)

    def test_s12_without_auto_replenish(self):
        boundary = self.planned("kept", period="monthly")
        self.equal(
            self.server.get(self.budget).json()["period_start"],
            stamp((boundary - datetime.timedelta(days=1)).replace(day=1)),
            "budgets-and-ledger.md, period_start",
            "period_start before the boundary",
        )
        self.at(boundary + datetime.timedelta(seconds=1))
        self.check_reset(boundary, 15)

    def test_s12_days(self):
        boundary = self.planned("days", period="daily", auto_replenish=True, replenish_amount=3)
        self.at(boundary + datetime.timedelta(hours=5))
        self.check_reset(boundary, 3)
        self.move("debit", 5, self.rule)  # 2 below zero, which does not carry over
        self.at(boundary + datetime.timedelta(hours=29))
        budget = self.server.get(self.budget).expect_json(200, self.rule)
        self.equal(
            (budget["remaining_usd"], budget["period_start"]),
            (3, stamp(boundary + datetime.timedelta(days=1))),
            self.rule,
        )

    def test_s12_a_budget_without_a_period_is_never_reset(self):
        boundary = self.planned("once", period="one_time")
        before = self.server.get(self.budget).json()
        self.at(boundary + datetime.timedelta(days=1))
        self.equal(self.server.get(self.budget).expect_json(200, self.rule), before, self.rule, "a one_time budget")
        self.equal(len(self.ledger()), 3, self.rule, "ledger rows")

    def test_s12_missed_boundaries_count_as_one(self):
        boundary = self.planned("asleep", period="monthly", auto_replenish=True, replenish_amount=20)
        later = next_month(next_month(boundary))
        type(self).first = next_month(later)
        self.at(later + datetime.timedelta(days=3))
        self.check_reset(boundary, 20, started=later)

    def test_s12_every_read_comes_after_the_reset(self):
        """Twenty users cross a boundary; whichever of their pages is read first, it knows of the reset."""
        boundary = self.next_boundary()
        self.play("reads")
        budgets = []
        for number in range(20):
            made = self.server.post(self.tenant.path + "/end-users", {"external_id": f"u{number}"})
            made = made.expect_json(201, self.rule)
            self.gateway.remember(made["api_key"])
            budgets.append(f"{self.tenant.path}/end-users/{made['id']}/budget")
            self.server.post(budgets[-1], {"max_usd": 10, "period": "daily"}).expect(201, self.rule)
            self.server.post(budgets[-1] + "/debit", {"amount_usd": 4}).expect(200, self.rule)
        self.at(boundary)
        rule = "budgets-and-ledger.md, Period resets: before every read"
        for budget in budgets[::2]:
            rows = self.server.rows(budget + "/transactions", 200)
            self.equal(rows[0]["reason"], "period_reset", rule, "the newest row, the ledger read first")
        for budget in budgets[1::2]:
            shown = self.server.get(budget).expect_json(200, rule)
            row = self.server.rows(budget + "/transactions", 200)[0]
            self.equal(row["reason"], "period_reset", rule, "the newest row, the budget read first")
            self.equal(
                (shown["used_usd"], shown["remaining_usd"]),
                (row["used_usd_after"], row["remaining_usd_after"]),
                rule,
                "budget and ledger",
            )

    def test_s12_a_call_belongs_to_the_period_in_which_it_settles(self):
        boundary = self.planned("late", period="monthly", auto_replenish=True, replenish_amount=20)
        response = self.user.request("POST", CHAT, chat_body(SLOW.name, stream=True)).expect(200, self.rule)
        frames = response.data()
        next(frames)
        self.at(boundary + datetime.timedelta(seconds=1))
        rule = "budgets-and-ledger.md, Period resets: debited to the new period"
        self.equal(list(frames)[-1], "[DONE]", rule, "the last frame")
        response.read()
        budget = self.server.get(self.budget).expect_json(200, rule)
        self.equal((budget["max_usd"], budget["used_usd"]), (20, SLOW.cost), rule, "the new period's budget")
        self.equal(
            [row["reason"] or row["type"] for row in self.ledger()][-2:], ["period_reset", "debit"], rule, "rows"
        )
        Books.read(self.tenant).reconcile()

    def test_s12_the_gates_and_the_alarm_know_of_the_boundary(self):
        boundary = self.planned("alarm", period="monthly", low_balance_threshold=2)
        self.move("debit", 11, self.rule)
        self.chat().expect_error(402, "budget_exhausted", self.rule)
        self.at(boundary)
        self.chat().expect(200, self.rule + ": a due reset comes before the gate")
        self.move("debit", 14, self.rule)
        types = self.event_types()
        self.equal(types.count("budget.low_balance"), 2, self.rule + ": the alarm is armed by a reset", types)
        Books.read(self.tenant).reconcile()

    def test_s12_the_user_sees_the_new_period(self):
        boundary = self.planned("mine", period="monthly", auto_replenish=True, replenish_amount=8)
        self.at(boundary + datetime.timedelta(minutes=1))
        mine = self.user.get("/v1/me/budget").expect_json(200, "self-service.md, a due period reset is applied first")
        self.equal(
            (mine["max_usd"], mine["used_usd"], mine["period_start"]),
            (8, 0, stamp(boundary)),
            "self-service.md",
            "budget",
        )


def next_month(first):
    return (first + datetime.timedelta(days=32)).replace(day=1)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


if __name__ == "__main__":
    harness.main()
