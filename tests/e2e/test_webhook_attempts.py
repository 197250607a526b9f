# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of webhooks that do not arrive: attempts and their gaps, the delivery log, switching off."""

import time

import harness
import hooks
from harness import wait_for
from hooks import ATTEMPT, DELIVERY, FAST_DELAYS, LOG, WHOLE_DELIVERY, HookCase
from receiver import CLOSE, CUT, ENDLESS, FAIL, GONE, OK, RESET, SILENT, TOO_MANY, Answer

DELIVERING = "webhooks.md, Delivery"
LIMIT_SECONDS = 15  # of one attempt
SHOWN = 20000  # bytes of an answer that are kept


class Attempts(HookCase):
    """What becomes of failures, and what the log says of them."""

    slugs = (
        "twice", "kinds", "hang", "busy", "late", "spent", "gone", "bodies", "endless", "failing", "kept", "heads",
    )  # fmt: skip

    def check_attempts(self, delivery, statuses, trigger="schedule"):
        attempts = delivery["attempts"]
        self.exact(delivery, WHOLE_DELIVERY, LOG)
        self.equal([attempt["attempt"] for attempt in attempts], list(range(1, len(attempts) + 1)), LOG, "numbers")
        self.equal([attempt["response_status"] for attempt in attempts], statuses, LOG, "statuses of the attempts")
        self.equal({attempt["trigger"] for attempt in attempts}, {trigger}, LOG, "triggers")
        self.equal(delivery["attempt_count"], len(attempts), LOG, "attempt_count")
        self.equal(delivery["last_response_status"], statuses[-1], LOG, "last_response_status")
        return attempts

    def check_gaps(self, attempts, least=0):
        ends = [hooks.end_of(attempt) for attempt in attempts]
        starts = [hooks.seconds(attempt["started_at"]) for attempt in attempts]
        for number, delay in enumerate(FAST_DELAYS[: len(attempts) - 1]):
            gap, wanted = starts[number + 1] - ends[number], max(delay, least)
            self.holds(
                hooks.within_jitter(gap, wanted, 0.5), f"{wanted} s ± 20 % before attempt {number + 2}", DELIVERING, gap
            )

    def check_log(self, endpoint, delivery):
        """Each attempt in the log is a request that came, headers and all."""
        self.equal(len(delivery["attempts"]), len(endpoint.hook.requests), LOG, "attempts against requests")
        for attempt, request in zip(delivery["attempts"], endpoint.hook.requests):
            self.exact(attempt, ATTEMPT, LOG)
            shown = hooks.headers_of(attempt["request_headers"])
            for name in ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"):
                self.equal(shown.get(name), request.headers[name], LOG, f"request header {name}")
            self.equal(set(shown) - set(request.headers), set(), LOG, "headers that were not sent")
            late = request.at - hooks.seconds(attempt["started_at"])
            self.holds(-0.1 <= late < 2, "started_at to be when it was sent", LOG, late)
            self.equal(delivery["payload"], request.event, LOG, "payload")

    def test_a_head_without_measure_holds_nobody_up(self):
        self.play("heads")
        many = tuple((f"x-{number}", "v") for number in range(20_000))
        endpoint = self.endpoint(self.hook("many", Answer(200, many)))
        other = self.endpoint(self.hook("other"))
        for number in range(5):
            self.desk.top_up(1)
            other.hook.wait(number + 1, 2)
        for row in endpoint.settled(5):
            attempt = endpoint.delivery(row["id"])["attempts"][0]
            kept = sum(len(name) + len(value) for name, value in hooks.headers_of(attempt["response_headers"]).items())
            self.equal((row["status"], kept <= 8_192), ("delivered", True), LOG, f"status and headers, {kept} bytes")

    def test_it_is_tried_again_as_the_schedule_says(self):
        """S17 and more: two failures, then success."""
        self.play("twice")
        endpoint = self.endpoint(self.hook().first(FAIL, FAIL))
        self.desk.top_up(1)
        (row,) = endpoint.settled(1)
        self.exact(row, DELIVERY, LOG)
        self.equal((row["status"], row["next_attempt_at"]), ("delivered", None), DELIVERING, "the delivery")
        requests = endpoint.check_arrivals().hook.requests
        self.equal(len({request.id for request in requests}), 1, DELIVERING, "webhook-ids of three attempts")
        delivery = endpoint.delivery(row["id"])
        attempts = self.check_attempts(delivery, [500, 500, 200])
        self.check_gaps(attempts)
        self.check_log(endpoint, delivery)
        self.equal({name: delivery[name] for name in row}, row, LOG, "the row in the list and by itself")
        self.equal([attempt["response_body"] for attempt in attempts], ["broken", "broken", "ok"], LOG, "bodies")
        late = hooks.seconds(delivery["delivered_at"]) - hooks.end_of(attempts[-1])
        self.holds(abs(late) < 0.5, "delivered_at to be when it was answered", LOG, late)
        self.nothing_more(endpoint.hook, 3)

    def test_each_kind_of_failure_is_tried_again(self):
        self.play("kinds")
        elsewhere = self.hook("elsewhere")
        kinds = {
            "redirect": (Answer(302, (("location", elsewhere.url),)), 302, None),
            "redirect 307": (Answer(307, (("location", elsewhere.url),)), 307, None),
            "not modified": (Answer(304, body=b""), 304, None),
            "client error": (Answer(400), 400, None),
            "no such thing": (Answer(404), 404, None),
            "bad gateway": (Answer(502), 502, None),
            "close": (CLOSE, None, str),
            "reset": (RESET, None, str),
        }
        endpoints = {}
        for name, (answer, _, _) in kinds.items():
            endpoints[name] = self.endpoint(self.hook(name).first(answer))
        cut = self.endpoint(self.hook("cut").first(CUT))
        good = [self.endpoint(self.hook(f"s{status}", Answer(status))) for status in (200, 201, 202, 299)]
        good.append(self.endpoint(self.hook("s204", Answer(204, body=b""))))
        self.desk.top_up(1)
        for name, (_, status, error) in kinds.items():
            with self.subTest(kind=name):
                endpoint = endpoints[name]
                delivery = endpoint.delivery(endpoint.settled(1)[0]["id"])
                attempts = self.check_attempts(delivery, [status, 200])
                self.equal(type(attempts[0]["error"]), error or type(None), LOG, "error of the first attempt")
                self.check_gaps(attempts)
                self.check_log(endpoint, delivery)
        self.equal(elsewhere.requests, [], "webhooks.md: redirects are not followed", "requests after redirects")
        with self.subTest(kind="cut"):
            delivery = cut.delivery(cut.settled(1)[0]["id"])
            self.equal(delivery["status"], "delivered", DELIVERING, "status in the end")
        for endpoint in good:
            delivery = endpoint.delivery(endpoint.settled(1)[0]["id"])
            self.equal((delivery["status"], len(delivery["attempts"])), ("delivered", 1), DELIVERING, "2xx is success")

    def test_what_takes_its_time(self):
        self.play_scenes()

    def scene_a_body_without_end(self):
        self.play("endless")
        endless = self.endpoint(self.hook("endless", ENDLESS))
        self.desk.top_up(1)
        rows = endless.settled(1, LIMIT_SECONDS + 5)
        self.equal(rows[0]["status"], "delivered", "webhooks.md: an answer that is too long counts by its status")
        attempt = endless.delivery(rows[0]["id"])["attempts"][0]
        self.equal(attempt["response_body"], "x" * SHOWN, LOG, "response_body of an answer without end")

    def scene_silence_ends_after_15_seconds(self):
        self.play("hang")
        silent = self.endpoint(self.hook("silent").first(SILENT))
        slow = self.endpoint(self.hook("slow").first(OK.later(LIMIT_SECONDS - 3)))
        self.desk.top_up(1)
        delivery = silent.attempted(silent.deliveries()[0]["id"], 2, LIMIT_SECONDS + 10)
        attempts = self.check_attempts(delivery, [None, 200])
        self.check_log(silent, delivery)
        self.holds(
            LIMIT_SECONDS - 0.5 < attempts[0]["duration_ms"] / 1000 < LIMIT_SECONDS + 1.5, "15 s", DELIVERING, attempts
        )
        self.holds("timeout" in (attempts[0]["error"] or ""), "the error to say timeout", LOG, attempts[0])
        gap = hooks.seconds(attempts[1]["started_at"]) - hooks.end_of(attempts[0])
        self.holds(0.8 <= gap < 2, "at least 1 s after a timeout, shortened schedule", DELIVERING, gap)
        delivery = slow.delivery(slow.settled(1)[0]["id"])
        self.equal((delivery["status"], delivery["attempt_count"]), ("delivered", 1), DELIVERING, "a slow success")

    def test_a_receiver_that_is_busy_gets_more_time(self):
        self.play("busy")
        busy = self.endpoint(self.hook("busy").first(TOO_MANY, TOO_MANY))
        self.desk.top_up(1)
        attempts = self.check_attempts(busy.delivery(busy.settled(1)[0]["id"]), [429, 429, 200])
        self.check_gaps(attempts, least=1)

    def scene_retry_after_counts_up_to_twice_the_delay(self):
        self.play("late")
        hooks_after = {
            text: self.endpoint(self.hook(f"after {text}").first(*[FAIL] * 4, Answer(503, (("retry-after", text),))))
            for text in ("0", "1", "2", "3600", "soon", "-5", "1e9", "99999999999999999999")
        }
        self.desk.top_up(1)
        for text, endpoint in hooks_after.items():
            delivery = endpoint.delivery(endpoint.settled(1, 15)[0]["id"])
            attempts = self.check_attempts(delivery, [500] * 4 + [503, 200])
            gap = hooks.seconds(attempts[5]["started_at"]) - hooks.end_of(attempts[4])
            delay = FAST_DELAYS[4]
            least = {"2": 2, "3600": 2}.get(text, delay)
            if text in ("1e9", "99999999999999999999"):  # no number of seconds that anybody must understand
                self.holds(delay * 0.8 - 0.02 <= gap <= 2 * delay * 1.2 + 0.5, "one to two delays", DELIVERING, gap)
                continue
            self.holds(least * 0.8 - 0.02 <= gap <= least * 1.2 + 0.5, f"about {least} s for {text}", DELIVERING, gap)
            if text == "2":
                self.holds(gap >= 1.98, "not before Retry-After", DELIVERING, gap)

    def scene_after_eight_attempts_it_has_failed(self):
        self.play("spent")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        row = self.desk.top_up(1)
        (delivery,) = endpoint.settled(1, 15)
        self.equal((delivery["status"], delivery["next_attempt_at"]), ("failed", None), DELIVERING, "the delivery")
        delivery = endpoint.delivery(delivery["id"])
        self.check_gaps(self.check_attempts(delivery, [500] * 8))
        self.check_log(endpoint, delivery)
        self.nothing_more(endpoint.hook, 8)

        rule = "webhooks.md, POST replay"
        answered = endpoint.replay(delivery["id"])
        self.equal(answered["status"], "failed", rule, "status while the replay runs")
        delivery = endpoint.attempted(delivery["id"], 9)
        self.equal(
            (delivery["status"], delivery["attempts"][-1]["trigger"]),
            ("failed", "replay"),
            rule,
            "a replay that failed",
        )
        self.nothing_more(endpoint.hook, 9)
        endpoint.hook.always(OK)
        endpoint.replay(delivery["id"])
        endpoint.attempted(delivery["id"], 10)
        (delivery,) = endpoint.settled(1)
        self.equal(
            (delivery["status"], delivery["last_response_status"], delivery["attempt_count"]),
            ("delivered", 200, 10),
            rule,
        )
        self.holds(delivery["delivered_at"], "delivered_at", rule, delivery)
        endpoint.replay(delivery["id"])  # what has arrived can be sent again
        endpoint.attempted(delivery["id"], 11)
        requests = endpoint.check_arrivals().hook.requests
        self.equal({request.event_id for request in requests}, {f"{row['id']}:budget.topped_up"}, rule, "events")
        self.holds(requests[-1].timestamp > requests[0].timestamp, "a new timestamp", rule)

    def test_a_receiver_that_is_gone_is_switched_off(self):
        self.play("gone")
        endpoint = self.endpoint(self.hook().first(FAIL, FAIL, FAIL, GONE))
        other = self.endpoint(self.hook("other"))
        self.desk.top_up(1)
        endpoint.hook.wait(2)
        self.desk.top_up(1)
        wait_for("the endpoint to be switched off", lambda: not endpoint.get()["is_active"])
        self.equal(endpoint.get()["disabled_reason"], "gone", DELIVERING, "disabled_reason")
        rows = endpoint.settled(2)
        self.holds("canceled" in {row["status"] for row in rows}, "pending deliveries canceled", DELIVERING, rows)
        self.equal({row["next_attempt_at"] for row in rows}, {None}, DELIVERING, "next attempts")
        count = len(endpoint.hook.requests)
        self.desk.top_up(1)
        other.settled(3)
        self.nothing_more(endpoint.hook, count)
        self.equal(len(endpoint.deliveries()), 2, DELIVERING, "an inactive endpoint gets no deliveries")
        row = endpoint.patch(is_active=True)
        self.equal((row["is_active"], row["disabled_reason"]), (True, None), "webhooks.md, PATCH", "switched on again")
        up = self.desk.top_up(1)
        wait_for("the next event", lambda: f"{up['id']}:budget.topped_up" in endpoint.hook.by_event())
        canceled = [row for row in endpoint.deliveries() if row["status"] == "canceled"]
        self.equal(len(canceled), sum(row["status"] == "canceled" for row in rows), DELIVERING, "canceled ones stay so")

    def scene_nothing_but_failures_switch_it_off(self):
        """30 s with the shortened schedule."""
        self.play("failing")
        dead = self.endpoint(self.hook("dead", FAIL))
        flaky = self.endpoint(self.hook("flaky").each(*[FAIL] * 9, OK))
        other = self.endpoint(self.hook("other"))
        begun = time.monotonic()
        sent = 0
        while dead.get()["is_active"] and time.monotonic() - begun < 60:
            self.desk.top_up(1)
            sent += 1
            time.sleep(2)
        passed = time.monotonic() - begun
        self.equal((dead.get()["is_active"], dead.get()["disabled_reason"]), (False, "failing"), DELIVERING)
        self.holds(passed > 28, "30 s of nothing but failures", DELIVERING, passed)
        self.equal(flaky.get()["is_active"], True, DELIVERING, "one success now and then keeps it on")
        rows = dead.settled(3)
        exhausted = [row for row in rows if row["status"] == "failed"]
        self.holds(len(exhausted) >= 2, "at least two exhausted deliveries", DELIVERING, rows)
        self.equal({row["status"] for row in rows} - {"failed", "canceled"}, set(), DELIVERING, "the others canceled")
        other.settled(sent)
        count, listed = len(dead.hook.requests), len(rows)
        self.desk.top_up(1)
        self.nothing_more(dead.hook, count)
        self.equal(len(dead.deliveries()), listed, DELIVERING, "deliveries of an endpoint that is off")

    def test_answers_are_kept_in_part_and_never_interpreted(self):
        self.play("bodies")
        long = "ä" * 600_000
        cases = {
            "long": (Answer(500, body=b"x" * 1_000_000), "x" * SHOWN),
            "letters": (Answer(500, body=b"x" + long.encode()), None),
            "binary": (Answer(500, body=bytes(range(256)) * 4), None),
            "nul": (Answer(500, body=b"a\0b"), None),
            "html": (Answer(500, (("x-powered-by", "<script>"), ("set-cookie", "a=1")), b"<b>no</b>"), "<b>no</b>"),
            "empty": (Answer(500, body=b""), ""),
            "many headers": (Answer(500, tuple((f"x-h{n}", "v" * 100) for n in range(50))), "ok"),
        }
        endpoints = {name: self.endpoint(self.hook(name).first(answer)) for name, (answer, _) in cases.items()}
        self.desk.top_up(1)
        for name, (_, body) in cases.items():
            with self.subTest(answer=name):
                endpoint = endpoints[name]
                delivery = endpoint.delivery(endpoint.settled(1)[0]["id"])
                attempt = self.check_attempts(delivery, [500, 200])[0]
                self.holds(len(attempt["response_body"].encode()) <= SHOWN * 3, "little of it", LOG)
                if body is not None:
                    self.equal(attempt["response_body"], body, LOG, "response_body")
                if name == "letters":
                    self.holds(attempt["response_body"].startswith("xää"), "its beginning", LOG)
                    self.holds(len(attempt["response_body"].encode()) <= SHOWN + 3, "20,000 bytes", LOG)
                if name == "html":
                    shown = hooks.headers_of(attempt["response_headers"])
                    self.equal(shown.get("x-powered-by"), "<script>", LOG, "a response header")
                whole = self.server.get(f"{endpoint.path}/deliveries/{delivery['id']}").read().decode()
                for secret in self.gateway.secrets:
                    self.holds(secret not in whole, "no secret in the log", LOG)

    def test_connections_that_the_receiver_has_closed_cost_no_event(self):
        self.play("kept")
        endpoint = self.endpoint()
        for number in range(10):
            self.desk.top_up(1)
            endpoint.hook.wait(number + 1)
            endpoint.settled(number + 1)
            self.receiver.drop_connections()
            time.sleep(0.05)
        counts = {row["attempt_count"] for row in endpoint.settled(10)}
        self.holds(counts <= {1, 2}, "at most one more attempt", DELIVERING, counts)
        self.equal(len(endpoint.hook.ids()), 10, DELIVERING, "events")


if __name__ == "__main__":
    harness.main()
