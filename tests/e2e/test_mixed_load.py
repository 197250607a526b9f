# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""2,000 calls of all kinds from 32 clients at once: every one is in the books once, to the last micro-dollar."""

import time

import harness
import load
from harness import Books, GatewayCase

CALLS = 2000


class MixedLoad(GatewayCase):
    models = harness.MODELS
    platforms = (load.PLATFORM,)

    def test_the_books_balance_after_a_mixed_load(self):
        tenant = self.gateway.tenant("acme")
        started = time.monotonic()
        outcomes = load.Load(tenant, load.seed(), calls=CALLS).start().join()
        print(f"{CALLS} calls in {time.monotonic() - started:.1f} s: {load.summary(outcomes)}", flush=True)
        self.equal(len(outcomes), CALLS, "this test", "calls made")
        harness.wait_for("no call left at the provider once the clients are done", lambda: not self.mock.running())
        upstream = self.mock.count()
        harness.wait_for(
            f"{upstream} log rows, one per call that reached the provider, within 2 s (inference.md 5, point 3)",
            lambda: self.log_rows(tenant) >= upstream,
            2.5,
            0.1,
        )

        books = Books.read(tenant).reconcile(upstream)
        rows = {row["metadata"]["request_id"]: row for row in books.logs}
        self.equal(
            len(rows),
            len(books.logs),
            "logs.md, one row per upstream call, one mapping per model",
            "different request ids",
        )
        wrong = [
            f"{outcome} → {row and (row['status'], row['billing_status'], row['token_count_method'])}"
            for outcome in outcomes
            for row in [rows.get(outcome.request_id)]
            if not row or not self.fits(outcome, row)
        ]
        self.equal(
            wrong[:5], [], "inference.md 5, the table of outcomes", f"{len(wrong)} calls whose log row does not fit"
        )
        self.equal(
            harness.Decimal(10000) - books.wallet["balance"],
            books.spent,
            "logs.md: sum of estimated_cost_usd = wallet delta",
            "what left the wallet",
        )
        print(f"{len(books.logs)} log rows, {len(books.billed)} debits, {books.spent} USD", flush=True)

    def log_rows(self, tenant):
        with tenant.client as client:
            return client.get(tenant.path + "/logs", limit=1).json()["total"]

    def fits(self, outcome, row):
        state = (row["status"], row["billing_status"])
        owner = row["end_user_id"] == (
            None if outcome.who == "platform" else self.gateway.tenant("acme").users[outcome.who]["id"]
        )
        right = {
            "json": outcome.whole and outcome.status == 200 and state == ("success", "billed"),
            "stream": outcome.whole and outcome.status == 200 and state == ("success", "billed"),
            "abort": outcome.status == 200 and state == ("cancelled", "billed"),
            "fault": outcome.status >= 500 and outcome.whole and state == ("error", "not_billable"),
            "broken stream": outcome.status == 200
            and not outcome.whole
            and not outcome.problem
            and state == ("error", "billed"),
        }
        return owner and right[outcome.kind]


if __name__ == "__main__":
    harness.main()
