# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL under load, again and again: what a client has seen whole is billed once, and nothing is half there."""

import random
import time

import harness
import load
from harness import Books, GatewayCase

ROUNDS = 5
LEAST_CALLS = 50  # per round, so that the kill hits a busy gateway


class SigKill(GatewayCase):
    models = harness.MODELS
    platforms = (load.PLATFORM,)

    def test_nothing_whole_is_lost_and_nothing_is_half_there(self):
        seed = load.seed()
        dice = random.Random(seed)
        tenant = self.gateway.tenant("acme")
        whole, log_ids = [], set()
        for number in range(ROUNDS):
            running = load.Load(tenant, f"{seed}/{number}", threads=16).start()
            harness.wait_for(
                f"{LEAST_CALLS} answered calls", lambda it=running: it.failures or it.count() >= LEAST_CALLS, 20
            )
            time.sleep(dice.uniform(0.1, 1.5))
            self.gateway.kill()
            outcomes = running.stop()
            whole += [outcome for outcome in outcomes if outcome.whole]
            print(f"round {number + 1}: {load.summary(outcomes)}", flush=True)

            self.gateway.verify()  # of what the kill left, before anything is started on it
            self.gateway.start()
            log_ids = self.check_books(tenant, whole, log_ids)
            self.gateway.verify()  # and beside the running program

    def check_books(self, tenant, whole, earlier):
        """Each round's books are complete, consistent, and still contain those of the rounds before."""
        books = Books.read(tenant).reconcile()
        rows = {}
        for row in books.logs:
            rows.setdefault(row["metadata"]["request_id"], []).append(row)
        rule = "architecture.md 2, step 8: what the client has seen whole is billed"
        lost = [outcome for outcome in whole if outcome.request_id not in rows]
        self.equal(lost[:5], [], rule, f"{len(lost)} of {len(whole)} calls seen whole that are not in the log")
        wrong = []
        for outcome in whole:
            wanted = [("success", "billed") if outcome.status == 200 else ("error", "not_billable")]
            came = [(row["status"], row["billing_status"]) for row in rows.get(outcome.request_id, ())]
            if came and came != wanted:
                wrong.append((outcome, came))
        self.equal(wrong[:5], [], rule + " exactly once", f"{len(wrong)} calls seen whole whose log rows do not fit")
        upstream = self.mock.count()
        self.holds(
            len(books.logs) <= upstream,
            f"at most {upstream} log rows, one per call at the provider",
            "logs.md",
            len(books.logs),
        )
        ids = {row["id"] for row in books.logs}
        self.holds(
            earlier <= ids,
            "the log rows of earlier rounds",
            "architecture.md, Kill -9: every acknowledged change is there",
            sorted(earlier - ids)[:5],
        )
        return ids


if __name__ == "__main__":
    harness.main()
