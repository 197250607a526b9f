# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients want the same thing at the same moment: nothing is written twice, nothing is lost."""

import collections
import itertools
import random
from decimal import Decimal

import harness
import load
from harness import PLAIN, Books, GatewayCase, at_once, chat_body, message_of, platform, user

CHAT = "/v1/chat/completions"
TWINS = 50
CALLERS, CALLS_EACH, PAID = 100, 10, 400
MOVERS, MOVES_EACH = 16, 25
BUSY = "mock-p25-c8-d20"  # costs what PLAIN costs, and takes long enough for others to come in between


class Parallel(GatewayCase):
    models = (PLAIN.name, BUSY)
    platforms = (
        platform("twins", [user("u", 10)]),
        platform("signup", settings={"default_budget_usd": 2}),
        platform("short", [user("u", float(PAID * PLAIN.cost))]),
        platform("poor", wallet_usd=float(PAID * PLAIN.cost)),
        platform("mixed", [user("u", 1000)]),
        platform("alarm", [user("u", 10)]),
    )

    def play(self, slug):
        self.tenant = self.gateway.tenant(slug)
        self.server = self.enterContext(self.tenant.client)
        if "u" in self.tenant.users:
            self.user_id = self.tenant.users["u"]["id"]
            self.budget = self.tenant.user_path("u") + "/budget"

    def ledger(self):
        return self.server.rows(self.budget + "/transactions", 200, order="asc")

    # ---------------------------------------------------------------- one Idempotency-Key

    def test_fifty_twins_with_one_key_are_one(self):
        rule = "conventions.md, Idempotency-Key, concurrent requests"
        self.play("twins")
        wallet = self.tenant.path + "/wallet"
        admin = f"/v1/admin/platforms/{self.tenant.id}/wallet/transactions"
        rows, money = self.budget + "/transactions", wallet + "/transactions"
        for method, path, body, rows, who in (
            ("POST", self.budget + "/topup", {"amount_usd": 1.5}, rows, self.tenant.key),
            ("POST", self.budget + "/debit", {"amount_usd": 0.5}, rows, self.tenant.key),
            ("PATCH", self.budget, {"max_usd": 33, "is_suspended": True}, rows, self.tenant.key),
            ("POST", wallet + "/topup", {"amount": 2.5}, money, self.tenant.key),
            ("POST", admin, {"type": "refund", "amount": 1, "description": "x"}, money, self.gateway.admin_key),
        ):
            with self.subTest(method=method, path=path):
                key, before = self.call_id(), len(self.server.rows(rows, 200))

                def twin(_, request=(method, path, body), headers={"idempotency-key": key}, caller=who):
                    with self.gateway.client(caller) as client:
                        return client.call(*request, headers=headers)

                answers = at_once(TWINS, twin)
                statuses = {answer.status for answer in answers}
                self.holds(statuses in ({200}, {201}), "one success status for all", rule, statuses)
                self.equal(len({answer.read() for answer in answers}), 1, rule, f"different bodies of {TWINS} twins")
                replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
                self.equal(
                    collections.Counter(replayed), {"true": TWINS - 1, None: 1}, rule, "values of idempotent-replayed"
                )
                self.equal(len(self.server.rows(rows, 200)), before + 1, rule, "rows written")
        budget = self.server.get(self.budget).json()
        self.equal(
            (budget["max_usd"], budget["used_usd"], budget["is_suspended"]),
            (33, Decimal("0.5"), True),
            rule,
            "the budget afterwards",
        )
        self.equal(self.server.get(wallet).json()["balance"], Decimal("103.5"), rule, "the wallet afterwards")
        Books.read(self.tenant).reconcile()

    def test_one_key_with_two_different_requests_lets_one_kind_win(self):
        rule = "conventions.md, Idempotency-Key, same key and a different request"
        self.play("twins")
        key, wallet = self.call_id(), self.tenant.path + "/wallet"
        before = self.server.get(wallet).json()["balance"]

        def rival(number):
            with self.tenant.client as client:
                return client.post(wallet + "/topup", {"amount": 1 + number % 2}, Idempotency_Key=key)

        answers = at_once(20, rival)
        self.equal(
            collections.Counter(answer.status for answer in answers), {200: 10, 409: 10}, rule, "statuses of two kinds"
        )
        amounts = {answer.json()["amount"] for answer in answers if answer.status == 200}
        self.equal(len(amounts), 1, rule, "amounts that won")
        for answer in answers:
            if answer.status == 409:
                answer.expect_error(409, "idempotency_conflict", rule)
        self.equal(self.server.get(wallet).json()["balance"] - before, amounts.pop(), rule, "what was added")

    # ---------------------------------------------------------------- one external_id

    def test_twenty_signups_of_one_person_are_one_user(self):
        rule = "end-users-and-keys.md, POST end-users, concurrent first calls"
        self.play("signup")
        for name in ("ada", "bob", "cleo"):
            with self.subTest(name=name):

                def signup(_, body={"external_id": name}):
                    with self.tenant.client as client:
                        return client.post(self.tenant.path + "/end-users", body)

                answers = at_once(20, signup)
                statuses = collections.Counter(answer.status for answer in answers)
                self.equal(statuses, {201: 1, 200: 19}, rule, "statuses")
                made = [answer.json() for answer in answers]
                keys = {self.gateway.remember(entry["api_key"]) for entry in made}
                self.equal((len({entry["id"] for entry in made}), len(keys)), (1, 20), rule, "users, keys")
                for key in keys:
                    with self.gateway.client(key) as client:
                        client.get("/v1/models").expect(200, rule + ": every key works")
                path = f"{self.tenant.path}/end-users/{made[0]['id']}/budget"
                (opening,) = self.server.rows(path + "/transactions", 200)
                self.equal((opening["type"], opening["amount_usd"]), ("opening", 2), rule, "the automatic budget's row")
        self.equal(len(self.server.rows(self.tenant.path + "/end-users")), 3, rule, "users")

    def test_twenty_budgets_for_one_user_are_one(self):
        rule = "budgets-and-ledger.md, POST budget, when there is one already"
        self.play("twins")
        made = self.server.post(self.tenant.path + "/end-users", {"external_id": "new"}).expect_json(201, rule)
        self.gateway.remember(made["api_key"])
        path = f"{self.tenant.path}/end-users/{made['id']}/budget"

        def plan(number):
            with self.tenant.client as client:
                return client.post(path, {"max_usd": 5 + number % 2}).status

        statuses = collections.Counter(at_once(20, plan))
        self.equal(statuses, {201: 1, 200: 9, 409: 10}, rule, "statuses of 10 equal and 10 other wishes")
        self.equal(len(self.server.rows(path + "/transactions", 200)), 1, rule, "ledger rows")

    # ---------------------------------------------------------------- money that runs out

    def test_a_budget_that_covers_some_of_a_thousand_calls(self):
        rule = "budgets-and-ledger.md and inference.md, Gate order 5"
        self.play("short")
        served, refused = self.run_out(lambda: self.tenant.user_client("u"), "budget_exhausted", rule)
        books = Books.read(self.tenant).reconcile(served)
        ((budget, ledger),) = books.ledgers.values()
        debits = [row["amount_usd"] for row in ledger if row["type"] == "debit"]
        self.equal(len(debits), served, rule, "debits, one per call that was served")
        self.equal(
            (sum(debits), budget["used_usd"], books.spent, 100 - books.wallet["balance"]),
            (served * PLAIN.cost,) * 4,
            rule,
            "sums of ledger, budget, logs and wallet",
        )
        self.check_overshoot(-budget["remaining_usd"], served, refused, rule)

    def test_a_wallet_that_covers_some_of_a_thousand_calls(self):
        rule = "wallet.md and inference.md, Gate order 7"
        self.play("poor")
        served, refused = self.run_out(lambda: self.tenant.client, "wallet_insufficient", rule)
        books = Books.read(self.tenant).reconcile(served)
        self.equal(books.spent, served * PLAIN.cost, rule, "sum of the logs")
        self.check_overshoot(-books.wallet["balance"], served, refused, rule)

    def run_out(self, client_of, code, rule):
        """A hundred clients make a thousand calls; the numbers of those that were served and refused."""
        upstream = self.mock.count()

        def caller(_):
            with client_of() as client:
                return [client.post(CHAT, chat_body(BUSY)) for _ in range(CALLS_EACH)]

        answers = list(itertools.chain.from_iterable(at_once(CALLERS, caller)))
        served = sum(answer.status == 200 for answer in answers)
        for answer in answers:
            if answer.status != 200:
                answer.expect_error(402, code, rule)
        self.equal(self.mock.count() - upstream, served, rule, "calls that reached the provider")
        print(f"{code}: {served} served, {len(answers) - served} refused", flush=True)
        return served, len(answers) - served

    def check_overshoot(self, overshoot, served, refused, rule):
        self.holds(refused, "calls that are refused", rule, (served, refused))
        self.holds(
            0 <= overshoot <= CALLERS * PLAIN.cost,
            f"an overshoot of at most the {CALLERS} calls in flight, {CALLERS * PLAIN.cost}",
            rule,
            overshoot,
        )
        self.holds(PAID <= served <= PAID + CALLERS, f"{PAID} calls, and those in flight", rule, served)

    # ---------------------------------------------------------------- everything at once

    def test_every_kind_of_write_at_once_replays_to_the_budget(self):
        rule = "budgets-and-ledger.md, replaying rows in order gives the budget"
        self.play("mixed")
        seed = load.seed()

        def mover(number):
            dice = random.Random(f"{seed}/{number}")
            with self.tenant.client as server, self.tenant.user_client("u") as end_user:
                return [self.move(dice, server, end_user, rule) for _ in range(MOVES_EACH)]

        done = collections.Counter(itertools.chain.from_iterable(at_once(MOVERS, mover)))
        print(dict(done), flush=True)
        books = Books.read(self.tenant).reconcile()
        ((budget, rows),) = books.ledgers.values()
        state = {"max_usd": 1000, "is_suspended": False, "low_balance_threshold": None}
        for row in rows:
            for name, (old, new) in row["metadata"].get("changes", {}).items():
                self.equal(old, state[name], rule, f"what {name} was before row {row['id']}, by metadata.changes")
                state[name] = new
            state["max_usd"] = row["max_usd_after"]
        self.equal({name: budget[name] for name in state}, state, rule, "the budget, and what its rows lead to")
        types = collections.Counter(row["type"] for row in rows)
        self.equal((types["topup"], types["debit"]), (done["topup"], done["debit"] + done["chat 200"]), rule, "rows")
        flips = [row["reason"] for row in rows if row["reason"] in ("suspended", "unsuspended")]
        alternating = list(itertools.islice(itertools.cycle(("suspended", "unsuspended")), len(flips)))
        self.equal(flips, alternating, "budgets-and-ledger.md, only a real flip writes a row", "flips")
        self.check_events(rows)

    def move(self, dice, server, end_user, rule):
        """One write, and the name under which it is counted."""
        kind = dice.choice(("topup", "debit", "suspend", "resume", "resize", "threshold", "chat"))
        if kind in ("topup", "debit"):
            amount = dice.randrange(1, 5_000_000) / 1_000_000
            server.post(f"{self.budget}/{kind}", {"amount_usd": amount}).expect(200, rule)
        elif kind == "chat":
            answer = end_user.post(CHAT, chat_body(PLAIN.name))
            if answer.status != 200:
                answer.expect_error(402, "budget_suspended", rule)
            kind = f"chat {answer.status}"
        else:
            change = {
                "suspend": {"is_suspended": True},
                "resume": {"is_suspended": False},
                "resize": {"max_usd": dice.randrange(900, 1100)},
                "threshold": {"low_balance_threshold": dice.choice((None, 1, 2))},
            }[kind]
            server.patch(self.budget, change).expect(200, rule)
        return kind

    def check_events(self, rows):
        """Each row that fires has told of itself once, in the order of the ledger."""
        rule = "webhooks.md, Events"
        fires = {"topup": "budget.topped_up", "suspended": "budget.suspended", "unsuspended": "budget.unsuspended"}
        wanted = []
        for row in rows:
            event_type = fires.get(row["reason"]) or fires.get(row["type"])
            if event_type:
                wanted.append(message_of(row, event_type))
        told = [
            message["payload"]
            for message in self.gateway.outbox(self.user_id)
            if message["event_type"] not in ("budget.debited", "budget.low_balance")
        ]
        self.equal(
            [payload["event_id"] for payload in told], [payload["event_id"] for payload in wanted], rule, "events"
        )
        self.equal(told, wanted, rule, "payloads")

    def test_debits_that_cross_the_threshold_together_fire_once(self):
        rule = "budgets-and-ledger.md, Low-balance alarm: concurrent debits fire exactly once"
        self.play("alarm")
        self.server.patch(self.budget, {"low_balance_threshold": 5}).expect(200, rule)
        for expected in (1, 2, 3):

            def debit(_):
                with self.tenant.client as client:
                    return client.post(self.budget + "/debit", {"amount_usd": 0.25}).expect_json(200, rule)

            rows = at_once(20, debit)
            edge = next(row for row in sorted(rows, key=lambda row: -row["remaining_usd_after"])
                        if row["remaining_usd_after"] <= 5)  # fmt: skip
            fired = [
                message["payload"]["data"]["transaction_id"]
                for message in self.gateway.outbox(self.user_id)
                if message["event_type"] == "budget.low_balance"
            ]
            self.equal(
                (len(fired), fired[-1:]), (expected, [edge["id"]]), rule, "events so far, the debit told of last"
            )
            self.server.post(self.budget + "/topup", {"amount_usd": 5}).expect(200, rule)
        Books.read(self.tenant).reconcile()


if __name__ == "__main__":
    harness.main()
