# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhooks when hours and days pass: the whole schedule, Retry-After, switching off, expiring secrets, retention. The
clock is moved from one appointment to the next; nothing waits."""

import datetime
import email.utils
import time

import harness
import hooks
from harness import wait_for
from hooks import DELAYS, HookCase
from receiver import FAIL, OK, SILENT, TOO_MANY, Answer

RULE = "webhooks.md, Delivery"
DAY = 86400
JITTER = 0.2
ATTEMPTS = len(DELAYS) + 1


class ClockCase(HookCase):
    options = (*hooks.OPEN, "--test-clock")

    def now(self):
        with self.gateway.admin as admin:
            shown = admin.get("/v1/admin/test-clock").expect_json(200, "headless-and-admin.md 6, test clock")
        return hooks.seconds(shown["now"])

    def move_to(self, moment):
        self.gateway.set_clock(now=hooks.iso(max(moment, self.now() + 0.01)))

    def advance(self, seconds):
        self.gateway.set_clock(advance_seconds=seconds)

    def next_at(self, endpoint, id, attempts):
        """When the next attempt is due, once so many were made; and how long that is after the newest one."""
        delivery = endpoint.attempted(id, attempts)
        self.equal(len(delivery["attempts"]), attempts, RULE, "attempts so far")
        due = hooks.seconds(delivery["next_attempt_at"])
        return due, due - hooks.end_of(delivery["attempts"][-1])

    def delay(self, endpoint, id, attempts, delay, most=None):
        """That delay, or between it and `most`; the moment at which it is over."""
        due, gap = self.next_at(endpoint, id, attempts)
        wanted = f"{delay} s{f' to {most} s' if most else ''} ± 20 % after attempt {attempts}"
        self.holds(delay * (1 - JITTER) - 0.1 <= gap <= (most or delay) * (1 + JITTER) + 0.1, wanted, RULE, gap)
        return due

    def exhaust(self, *endpoints):
        """Moves the clock until none of their deliveries is pending."""
        for _ in range(12 * ATTEMPTS):
            pending = [
                hooks.seconds(row["next_attempt_at"])
                for endpoint in endpoints
                for row in endpoint.deliveries(status="pending")
            ]
            if not pending:
                return
            asked = sum(len(endpoint.hook.requests) for endpoint in endpoints)
            if min(pending) > self.now():
                self.move_to(min(pending) + 0.01)
            before = asked
            wait_for(
                "another attempt, or none pending",
                lambda before=before: (
                    sum(len(endpoint.hook.requests) for endpoint in endpoints) > before
                    or not any(endpoint.deliveries(status="pending") for endpoint in endpoints)
                ),
            )
            time.sleep(0.05)  # until it is written down
        raise AssertionError("expected every delivery to end by webhooks.md, 8 attempts; some are pending still")

    def first(self, endpoint):
        return endpoint.deliveries()[-1]["id"]


class Schedule(ClockCase):
    slugs = ("schedule", "busy", "silent", "after", "date")

    def test_the_whole_schedule(self):
        self.play("schedule")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        begun = self.now()
        self.desk.top_up(1)
        endpoint.hook.wait(1)
        id = self.first(endpoint)
        gaps = []
        for number, delay in enumerate(DELAYS, 1):
            due = self.delay(endpoint, id, number, delay)
            gaps.append(due - self.now())
            if delay > 60:
                self.move_to(due - 5)
                time.sleep(0.4)
                self.equal(len(endpoint.hook.requests), number, RULE, "requests 5 s before the next one is due")
            self.move_to(due)
            endpoint.hook.wait(number + 1, 5)
        wait_for("the end", lambda: endpoint.delivery(id)["status"] == "failed")
        delivery = endpoint.delivery(id)
        self.equal((len(delivery["attempts"]), delivery["next_attempt_at"]), (ATTEMPTS, None), RULE, "in the end")
        took = hooks.seconds(delivery["attempts"][-1]["started_at"]) - begun
        self.holds(sum(DELAYS) * 0.8 < took < sum(DELAYS) * 1.2, "27 h 35 min ± 20 % in all", RULE, took)
        print(f"gaps: {[round(gap) for gap in gaps]}", flush=True)
        self.advance(2 * DAY)
        time.sleep(0.5)
        self.equal(len(endpoint.hook.requests), ATTEMPTS, RULE, "requests in all")
        self.equal(len({request.id for request in endpoint.hook.requests}), 1, RULE, "webhook-ids")
        endpoint.check_arrivals(clock=False)
        self.equal(endpoint.get()["is_active"], True, RULE, "is_active after one exhausted delivery")

    def test_the_delays_are_jittered(self):
        self.play("schedule", "v")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        for _ in range(20):
            self.desk.top_up(1)
        wait_for("an attempt of each", lambda: len(endpoint.hook.ids()) == 20, 30)
        rows = wait_for("all of them written down", lambda: self.each_attempted(endpoint, 20))
        gaps = []
        for row in rows:
            delivery = endpoint.delivery(row["id"])
            if len(delivery["attempts"]) == 1:
                gaps.append(hooks.seconds(delivery["next_attempt_at"]) - hooks.end_of(delivery["attempts"][0]))
        self.holds(all(3.9 <= gap <= 6.1 for gap in gaps), "5 s ± 20 %", RULE, gaps)
        self.holds(max(gaps) - min(gaps) > 0.3, "delays that differ", RULE, gaps)
        endpoint.delete()

    @staticmethod
    def each_attempted(endpoint, count):
        rows = endpoint.deliveries()
        return rows if len(rows) == count and all(row["attempt_count"] for row in rows) else None

    def test_a_busy_receiver_is_left_alone_for_a_minute(self):
        self.play("busy")
        busy = self.endpoint(self.hook("busy", TOO_MANY))
        self.desk.top_up(1)
        busy.hook.wait(1)
        id = self.first(busy)
        due, gap = self.next_at(busy, id, 1)
        self.holds(60 <= gap + 0.1 and gap <= 72.1, "at least 60 s after a 429", RULE, gap)
        self.move_to(due)
        self.delay(busy, id, 2, DELAYS[1])
        busy.delete()

    def test_a_silent_receiver_is_left_alone_for_a_minute(self):
        self.play("silent")
        silent = self.endpoint(self.hook("silent", SILENT))
        self.desk.top_up(1)
        silent.hook.wait(1)
        id = self.first(silent)
        silent.attempted(id, 1, 20)  # what is waited for is no matter of the moved clock
        _, gap = self.next_at(silent, id, 1)
        self.holds(60 <= gap + 0.1 and gap <= 72.1, "at least 60 s after a timeout", RULE, gap)
        silent.delete()

    def test_retry_after(self):
        self.play("after")
        cases = {"7": (7, 7.5), "3600": (10, 10), "1": (5, 5), "0": (5, 5), "": (5, 5), "450": (10, 10)}
        endpoints = {
            text: self.endpoint(self.hook(f"after {text}", Answer(503, (("retry-after", text),)))) for text in cases
        }
        long = self.endpoint(self.hook("long").first(FAIL).always(Answer(503, (("retry-after", "450"),))))
        limit = self.endpoint(self.hook("limit").first(FAIL).always(Answer(429, (("retry-after", "86400"),))))
        self.desk.top_up(1)
        for text, (least, most) in cases.items():
            endpoint = endpoints[text]
            endpoint.hook.wait(1)
            with self.subTest(retry_after=text):
                self.delay(endpoint, self.first(endpoint), 1, least, most)
            endpoint.delete()
        dues = []
        for endpoint in (long, limit):
            endpoint.hook.wait(1)
            dues.append(self.delay(endpoint, self.first(endpoint), 1, 5))
        self.move_to(max(dues))
        for endpoint, least, most in ((long, 450, 450), (limit, 600, 600)):
            endpoint.hook.wait(2)
            self.delay(endpoint, self.first(endpoint), 2, least, most)
            endpoint.delete()

    def test_retry_after_may_be_a_date(self):
        """After the second attempt, where a second more or less does not matter."""
        self.play("date")
        endpoint = self.endpoint(self.hook().first(FAIL))
        self.desk.top_up(1)
        endpoint.hook.wait(1)
        due = self.delay(endpoint, self.first(endpoint), 1, 5)
        ahead = due + 450  # for the gateway's clock
        when = email.utils.format_datetime(datetime.datetime.fromtimestamp(ahead, datetime.timezone.utc), usegmt=True)
        endpoint.hook.always(Answer(503, (("retry-after", when),)))
        self.move_to(due)
        endpoint.hook.wait(2)
        due, gap = self.next_at(endpoint, self.first(endpoint), 2)
        self.holds(400 <= gap <= 600, "about 450 s by a date", RULE, gap)
        endpoint.delete()


class Days(ClockCase):
    slugs = ("failing", "once", "rotation", "kept", "recover")

    def test_five_days_of_failures_switch_it_off(self):
        self.play("failing")
        dead = self.endpoint(self.hook("dead", FAIL))
        saved = self.endpoint(self.hook("saved", FAIL))
        begun = self.now()
        for _ in range(3):  # the third message uses up its attempts after some four days
            self.desk.top_up(1)
            self.exhaust(dead, saved)
            self.equal(dead.get()["is_active"], True, RULE, f"is_active after {(self.now() - begun) / DAY:.1f} days")
            self.advance(DAY * 0.4)
        saved.hook.first(OK)
        self.desk.top_up(1)  # begins before the five days are over, and ends behind them
        self.exhaust(dead, saved)
        self.holds(self.now() - begun > 5 * DAY, "five days to have passed", "this test", (self.now() - begun) / DAY)
        row = dead.get()
        self.equal((row["is_active"], row["disabled_reason"]), (False, "failing"), RULE, "the dead endpoint")
        row = saved.get()
        self.equal((row["is_active"], row["disabled_reason"]), (True, None), RULE, "one that had a success")
        count = len(dead.deliveries())
        self.desk.top_up(1)
        saved.hook.first(OK)
        wait_for("the event at the other one", lambda: len(saved.deliveries()) == 5)
        self.equal(len(dead.deliveries()), count, RULE, "deliveries of an endpoint that is off")

        row = dead.patch(is_active=True)
        self.equal((row["is_active"], row["disabled_reason"]), (True, None), "webhooks.md, PATCH", "switched on again")
        self.desk.top_up(1)
        self.exhaust(dead, saved)
        self.equal(dead.get()["is_active"], True, RULE, "is_active a day later: the five days begin anew")

    def test_one_exhausted_message_is_not_enough(self):
        self.play("once")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        self.exhaust(endpoint)
        self.advance(6 * DAY)
        self.equal(endpoint.get()["is_active"], True, RULE + ": at least 2 exhausted", "is_active")
        self.desk.top_up(1)
        self.exhaust(endpoint)
        self.equal(endpoint.get()["disabled_reason"], "failing", RULE, "disabled_reason after the second")

    def test_an_old_secret_signs_for_a_day(self):
        rule = "webhooks.md, POST rotate-secret"
        self.play("rotation")
        endpoint = self.endpoint()
        expires = hooks.seconds(endpoint.rotate()["previous_secret_expires_at"])
        self.holds(abs(expires - self.now() - DAY) < 10, "24 h from now", rule, expires)
        self.advance(DAY / 2)
        endpoint.rotate()
        living = list(endpoint.secrets)
        for moment, count in ((expires - 30, 3), (expires + 1, 2), (expires + DAY / 2 + 30, 1)):
            self.move_to(moment)
            endpoint.hook.forget()
            self.desk.top_up(1)
            (request,) = endpoint.hook.wait(1)
            hooks.check_request(self, request, living[:count], clock=False)

    def test_what_is_old_is_forgotten(self):
        rule = "webhooks.md: attempts are kept 30 days, payloads 90"
        self.play("kept")
        endpoint = self.endpoint(self.hook().first(FAIL))
        self.desk.top_up(1)
        self.exhaust(endpoint)
        (row,) = endpoint.deliveries()
        id = row["id"]
        self.advance(29 * DAY)
        self.desk.top_up(1)
        self.equal(len(endpoint.delivery(id)["attempts"]), 2, rule, "attempts after 29 days")
        self.advance(2 * DAY)
        wait_for("the attempts to go after 30 days", lambda: not endpoint.delivery(id)["attempts"], 20)
        whole = endpoint.delivery(id)
        self.equal((whole["status"], whole["attempt_count"]), ("delivered", 2), rule, "the delivery without its log")
        self.equal(whole["payload"], endpoint.hook.requests[0].event, rule, "payload after 31 days")
        self.advance(58 * DAY)
        time.sleep(0.5)
        self.equal(endpoint.delivery(id)["payload"], whole["payload"], rule, "payload after 89 days")
        self.advance(2 * DAY)
        wait_for("the delivery to go after 90 days", lambda: len(endpoint.deliveries()) == 1, 20)
        self.server.get(f"{endpoint.path}/deliveries/{id}").expect_error(404, "delivery_not_found", rule)
        left = self.gateway.query(f"SELECT count(*) AS n FROM webhook_messages WHERE id = '{row['message_id']}'")
        self.equal(int(left[0]["n"]), 0, rule, "the message itself")

    def test_recovery_reaches_back_two_weeks(self):
        rule = "webhooks.md, POST recover"
        self.play("recover")
        endpoint = self.endpoint(self.hook(answer=FAIL))
        self.desk.top_up(1)
        self.exhaust(endpoint)
        self.advance(10 * DAY)
        since = {"since": hooks.iso(self.now() - 14 * DAY - 60)}
        refused = self.server.post(endpoint.path + "/recover", since)
        refused.expect_error(422, "validation_error", rule, param="since")
        endpoint.hook.always(OK)
        self.equal(endpoint.recover(hooks.iso(self.now() - 14 * DAY + 60)), 1, rule, "count")
        self.equal(endpoint.settled(1)[0]["status"], "delivered", rule, "status")


if __name__ == "__main__":
    harness.main()
