# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks to many receivers at once: who is slow or silent does not hold up the others."""

import time

import harness
from harness import wait_for
from hooks import HookCase
from receiver import OK, SILENT

DELIVERING = "webhooks.md, Delivery"
LIMIT_SECONDS = 15  # of one attempt


class Crowds(HookCase):
    slugs = ("slow", "many", "neighbours")

    def test_slow_receivers_are_asked_four_times_at_once(self):
        self.play("slow")
        endpoint = self.endpoint(self.hook(answer=OK.later(0.4)))
        for _ in range(16):
            self.desk.top_up(1)
        endpoint.settled(16, 20)
        self.equal(len(endpoint.hook.requests), 16, DELIVERING, "requests")
        self.holds(2 <= endpoint.hook.most_open <= 4, "2 to 4 attempts at once", DELIVERING, endpoint.hook.most_open)

    def test_a_slow_receiver_does_not_delay_others(self):
        """Case 8 of the delivery rules, smaller: many events to one that needs two seconds."""
        self.play("neighbours")
        self.endpoint(self.hook("slow", OK.later(2)))
        quick = self.endpoint(self.hook("quick"))
        sent = {}
        for _ in range(60):
            begun = time.time()
            sent[self.desk.top_up(1)["id"]] = begun
        came = quick.hook.wait_for_events(60)
        late = [came[f"{id}:budget.topped_up"][0].at - begun for id, begun in sent.items()]
        print(f"beside a slow one: median {sorted(late)[30] * 1000:.0f} ms, longest {max(late) * 1000:.0f} ms")
        self.holds(sorted(late)[57] < 1, "arrival within 1 s", DELIVERING, sorted(late)[-5:])

    def test_many_silent_receivers_do_not_stop_a_good_one(self):
        self.play("many")
        silent = [self.endpoint(self.hook(f"silent {number}", SILENT)) for number in range(40)]
        good = self.endpoint(self.hook("good"))
        begun = time.time()
        self.desk.top_up(1)
        first = good.hook.wait(1, 35)[0].at - begun
        at_once = sum(endpoint.hook.open for endpoint in silent)
        self.holds(at_once <= 32, "32 attempts at once, in all", DELIVERING, at_once)
        wait_for("each silent one to have been asked", lambda: all(it.hook.requests for it in silent), 40)
        asked = sorted(endpoint.hook.requests[0].at - begun for endpoint in silent)
        print(f"40 silent ones were asked after {asked[0]:.1f} to {asked[-1]:.1f} s, a good one after {first:.1f} s")
        soon = LIMIT_SECONDS + 3  # when the first 32 have been given up, everybody else has room
        self.holds(max(first, *asked) < soon, f"the others within {soon} s", DELIVERING + ": 32 at once", asked[-9:])
        wait_for("each silent one to have failed", lambda: all(self.has_failed(it) for it in silent), 40, 0.2)
        late = []
        for number in range(10):
            begun = time.time()
            self.desk.top_up(1)
            late.append(good.hook.wait(number + 2, 30)[-1].at - begun)
            time.sleep(0.2)
        print(f"while they fail: {[round(it, 2) for it in late]}", flush=True)
        self.holds(max(late) < 1, "a good one to be told at once while others fail", DELIVERING, late)
        for endpoint in silent:
            endpoint.delete()
        self.receiver.drop_connections()  # nothing of it is left to the tests that follow

    @staticmethod
    def has_failed(endpoint):
        return endpoint.deliveries()[-1]["attempt_count"]


if __name__ == "__main__":
    harness.main()
