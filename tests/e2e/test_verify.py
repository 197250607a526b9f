# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`verify` on books with everything in them, healthy and spoiled; each corruption by itself is in
tests/unit/services/tst_verify.cpp."""

import json

import harness
import load
from harness import GatewayCase, chat_body

RULE = "headless-and-admin.md 1, verify"


class Verify(GatewayCase):
    models = harness.MODELS
    platforms = (
        harness.platform(
            "acme",
            [
                harness.user("alice", budget={"max_usd": 50, "period": "monthly", "low_balance_threshold": 5}),
                harness.user("bob"),
                harness.user("carol"),
                harness.user("dave"),
            ],
            settings={"default_budget_usd": 5},
        ),
        harness.platform("other", [harness.user("erin")]),
    )

    def setUp(self):
        self.acme = self.gateway.tenant("acme")

    def test_healthy_books_pass_and_the_broken_row_is_named(self):
        self.make_every_kind_of_row()
        report = self.report(0)
        self.equal((report["wallets"], report["budgets"], report["broken"]), (2, 3, []), RULE)
        self.holds("balance" in self.command().stdout, "a word for people", RULE)
        self.check_broken_rows()
        self.report(0)

    def make_every_kind_of_row(self):
        acme, path = self.acme, self.acme.user_path
        for who in ("alice", "bob", "dave"):
            for body in (chat_body(harness.PLAIN.name), chat_body(harness.CACHED.name, stream=True)):
                with acme.user_client(who) as client:
                    client.post(load.CHAT, body).expect(200, "inference.md")
            with acme.user_client(who) as client:
                client.post(load.CHAT, chat_body(harness.FAULTS[0].name)).expect(400, "inference.md 6")
        with acme.client as client:
            client.post(load.CHAT, chat_body(harness.PLAIN.name)).expect(200, "inference.md")
            for verb, body in (
                ("topup", {"amount_usd": 3, "reason": "period_reset"}),
                ("debit", {"amount_usd": 49}),
            ):
                for _ in range(2):
                    client.post(f"{path('alice')}/budget/{verb}", body, idempotency_key=verb).expect(200, "budgets")
            for change in ({"is_suspended": True}, {"is_suspended": False}, {"max_usd": 80}, {"max_usd": 80}):
                client.patch(f"{path('alice')}/budget", change).expect(200, "budgets-and-ledger.md, PATCH")
            client.delete(f"{path('bob')}/budget").expect(204, "budgets-and-ledger.md, DELETE")
            client.delete(path("dave")).expect(204, "end-users-and-keys.md, DELETE")
            self.same_key_where_it_means_nothing(client)
        with self.gateway.admin as admin:
            bookings = f"/v1/admin/platforms/{acme.id}/wallet/transactions"
            for kind, amount in (("top_up", 10), ("refund", 2), ("adjustment", -1)):
                booking = {"type": kind, "amount": amount, "description": "by hand"}
                admin.post(bookings, booking).expect(200, "wallet.md")
        self.gateway.stop()
        self.gateway.sql("UPDATE budgets SET period_end = period_end - 8640000000 WHERE period = 'monthly'")
        self.gateway.start()
        for who in ("alice", "bob"):
            with acme.user_client(who) as client:
                client.post(load.CHAT, chat_body(harness.PLAIN.name)).expect(200, "inference.md")

    def same_key_where_it_means_nothing(self, client):
        """A creation is no money request: its Idempotency-Key is not the ledger's (conventions.md)."""
        rule = "conventions.md, Idempotency-Key, ignored elsewhere"
        for who, status in (("bob", 201), ("carol", 200)):
            answer = client.post(f"{self.acme.user_path(who)}/budget", {"max_usd": 9}, idempotency_key="same")
            answer.expect(status, rule)
            rows = client.rows(f"{self.acme.user_path(who)}/budget/transactions")
            self.equal([row["idempotency_key"] for row in rows if row["idempotency_key"]], [], rule)

    # -------- what the three ways to ask say

    def command(self, *options):
        return self.gateway.run("verify", *self.gateway.storage, *options)

    def report(self, code):
        ended = self.command("--json")
        self.equal(ended.returncode, code, RULE, f"exit code; it said {ended.stdout}{ended.stderr}")
        report = json.loads(ended.stdout)
        self.shape(report, {"ok": bool, "wallets": int, "budgets": int, "rows": int, "broken": list}, RULE)
        self.equal(report["ok"], code == 0, RULE, "ok")
        with self.gateway.admin as admin:
            served = json.loads(admin.post("/v1/admin/verify").expect(200, RULE).read())
            status = admin.get("/v1/admin/status").expect_json(200, RULE)
        self.equal(served, report, RULE + ", and POST /v1/admin/verify", "report of the running program")
        self.equal(status["last_verify"]["ok"], report["ok"], RULE, "last_verify")
        return report

    def check_broken_rows(self):
        alice = self.acme.users["alice"]["id"]
        for table, owner, change in (
            ("budget_transactions", f"end_user_id = '{alice}' AND type = 'topup'", "amount = amount {} 1"),
            ("wallet_transactions", f"platform_id = '{self.acme.id}' AND type = 'refund'", "amount = amount {} 1"),
            ("wallets", f"platform_id = '{self.acme.id}'", "balance = balance {} 1"),
            ("budgets", f"end_user_id = '{alice}'", "used_usd = used_usd {} 1"),
        ):
            with self.subTest(table=table):
                self.gateway.sql(f"UPDATE {table} SET {change.format('+')} WHERE {owner}")
                try:
                    first = self.report(1)["broken"][0]
                    self.equal(first["table"], table, RULE, "table of the broken row")
                    self.shape(first, {"rule": str, "row": harness.is_uuid, "detail": str}, RULE)
                    ended = self.command()
                    for part in (table, first["row"], first["detail"]):
                        self.holds(part in ended.stdout, f"{part!r} in the message for people", RULE, ended.stdout)
                finally:
                    self.gateway.sql(f"UPDATE {table} SET {change.format('-')} WHERE {owner}")


if __name__ == "__main__":
    harness.main()
