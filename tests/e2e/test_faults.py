# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong at a provider, in each wire format: what clients hear, what is written down, what it costs."""

import collections
import dataclasses
import math
import re
from decimal import Decimal

import harness
import upstreams
from harness import PRICE, Books, GatewayCase, at_once, chat_body, platform, user
from rawhttp import TYPE_OF_STATUS, parse_json
from upstreams import UPSTREAMS

CHAT = "/v1/chat/completions"
FAILURES = "inference.md 5, provider failures"
OUTCOMES = "inference.md 4, outcome of the upstream call"
BROKEN = "inference.md 3, a failure after the first byte"
QUESTION = "What is the weather like in Paris?"
OUTCOME = ("status", "token_count_method", "billing_status")
COUNTED = (*OUTCOME, "prompt_tokens", "completion_tokens")
ANY = object()  # some number of seconds


@dataclasses.dataclass(frozen=True)
class Fault:
    """A failure before the first output, and what the client must get for it."""

    name: str
    status: int
    code: str
    retry_after: object = None

    @property
    def model(self):
        return f"mock-fault-{self.name}"


FAULTS = (
    Fault("400", 400, "invalid_request"),
    Fault("422", 400, "invalid_request"),
    Fault("context", 400, "context_length_exceeded"),
    Fault("401", 502, "provider_auth_failed"),
    Fault("402", 502, "provider_auth_failed"),
    Fault("403", 502, "provider_auth_failed"),
    Fault("404", 502, "provider_error"),
    Fault("408", 504, "provider_timeout"),
    Fault("413", 413, "payload_too_large"),
    Fault("429", 503, "provider_rate_limited", ANY),
    Fault("429ra7", 503, "provider_rate_limited", "7"),
    Fault("500", 502, "provider_error"),
    Fault("529", 503, "provider_error", ANY),
    Fault("529ra4", 503, "provider_error", "4"),
    Fault("reset", 502, "provider_error"),
    Fault("close", 502, "provider_error"),
    Fault("halfjson", 502, "provider_error"),
    Fault("empty", 502, "provider_error"),
    Fault("html", 502, "provider_error"),
)
HANG = Fault("hang", 504, "provider_timeout")
# What the mock tells of the keys it saw in an error's message.
TELLTALES = (Fault("400key", 400, "invalid_request"), Fault("401key", 502, "provider_auth_failed"))
KEY_LIKE = re.compile(r"sk-proj-\w{8}")
PIECES, OUTPUT = 6, "Hello! How can "  # half of the pieces reach the client
CUT = {how: f"mock-p400-k100-c60-n{PIECES}-g5-fault-{how}" for how in ("cut", "resetmid", "cutclean", "errorframe")}
CUT["badframe"] = f"mock-p400-k100-c60-n{PIECES}-g60-fault-badframe"  # goes on behind it, if it is not left in time
SILENT = "mock-p40-c12-s44-fault-nousage"
GOOD = "mock-p1000-k400-c100-r30"
KINDS = ("prompt", "cached", "completion")  # of tokens
MODELS = (*(fault.model for fault in (*FAULTS, HANG, *TELLTALES)), *CUT.values(), SILENT, GOOD)


def tokens(text):
    return math.ceil(len(text.encode()) / 4)


class Faults(GatewayCase):
    @classmethod
    def document(cls):
        return upstreams.bootstrap(cls.mock, cls.models, cls.platforms)
    models = [upstream.model(name) for upstream in UPSTREAMS for name in MODELS]
    platforms = (platform("acme", [user("alice", 10), user("bob")], llm_configs=upstreams.llm_configs()),)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.check_reconciliation()
        finally:
            super().tearDownClass()

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.server = self.enterContext(self.acme.client)

    def on_each(self, names, check):
        """check(upstream, name, stream) for all of them."""
        for upstream in UPSTREAMS:
            for name in names:
                for stream in (False, True):
                    with self.subTest(upstream=upstream.slug, model=name, stream=stream):
                        check(upstream, name, stream)

    def ask(self, upstream, name, stream, client=None):
        return (client or self.alice).post(CHAT, chat_body(upstream.slug_of(name), QUESTION, stream=stream))

    def row_of(self, answer):
        rows = self.server.rows(f"{self.acme.path}/logs", request_id=answer.headers["x-request-id"])
        self.equal(len(rows), 1, "logs.md, one row per upstream call", "rows of the request")
        return rows[0]

    def check_failed_row(self, row, fault):
        self.equal(
            [row[member] for member in (*OUTCOME, "total_tokens", "estimated_cost_usd")],
            ["error", "none", "not_billable", 0, "0.000000"],
            f"{OUTCOMES}, provider failed before any output",
            f"log row of {fault.name}",
        )
        message = row["error_message"]
        self.holds(message and len(message) <= 500, "a short error_message", "logs.md", message)
        self.check_discreet(message)

    def check_discreet(self, text):
        key = harness.UPSTREAM_KEY
        told = [key[at : at + 10] for at in range(len(key) - 9) if key[at : at + 10] in text]
        self.holds(not told and not KEY_LIKE.search(text), "no part of a key", "errors.md, never in a message", text)

    # ---------------------------------------------------------------- before the first output

    def test_a_failure_before_any_output_has_its_answer_and_costs_nothing(self):
        faults = {fault.model: fault for fault in FAULTS}

        def check(upstream, name, stream):
            fault, before = faults[name], self.mock.count()
            answer = self.ask(upstream, name, stream)
            answer.expect_error(fault.status, fault.code, f"{FAILURES}, {name} of {upstream.slug}")
            waits = answer.headers.get("retry-after")
            if fault.retry_after is ANY:
                self.holds(waits and waits.isdigit() and 1 <= int(waits) <= 3600, "a Retry-After", FAILURES, waits)
            else:
                self.equal(waits, fault.retry_after, FAILURES, f"Retry-After of {name}")
            (call,) = self.mock.calls(before + 1)
            self.equal((call["route"], call["fault"]), (upstream.route, fault.name), "the test", "what was called")
            self.check_failed_row(self.row_of(answer), fault)

        self.on_each(faults, check)

    def test_a_provider_that_says_nothing_is_left_after_its_time(self):
        kinds = [(upstream, stream) for upstream in UPSTREAMS for stream in (False, True)]

        def ask(number):
            with self.acme.user_client("alice") as client:
                upstream, stream = kinds[number]
                return self.ask(upstream, HANG.model, stream, client)

        for (upstream, stream), answer in zip(kinds, at_once(len(kinds), ask)):
            with self.subTest(upstream=upstream.slug, stream=stream):
                answer.expect_error(HANG.status, HANG.code, f"{FAILURES}, no first byte")
                row = self.row_of(answer)
                self.check_failed_row(row, HANG)
                low, high = upstreams.TIMEOUT_MS, upstreams.TIMEOUT_MS + 1500
                self.holds(low - 50 <= row["latency_ms"] <= high, f"{low} to {high} ms", "first_byte_timeout_ms", row)

    def test_a_providers_words_never_tell_a_key(self):
        faults = {fault.model: fault for fault in TELLTALES}

        def check(upstream, name, stream):
            answer = self.ask(upstream, name, stream)
            error = answer.expect_error(faults[name].status, faults[name].code, f"{FAILURES}, {name}")
            self.check_discreet(error["message"])
            self.check_failed_row(self.row_of(answer), faults[name])

        self.on_each(faults, check)

    # ---------------------------------------------------------------- in the middle of an answer

    def test_a_stream_that_breaks_off_ends_with_an_error_frame_and_is_billed(self):
        for how, name in CUT.items():
            for upstream in UPSTREAMS:
                with self.subTest(upstream=upstream.slug, how=how):
                    answer = self.ask(upstream, name, True)
                    answer.expect(200, BROKEN)
                    frames = [frame.removeprefix("data: ") for frame in answer.read().decode().split("\n\n") if frame]
                    told = upstream.frame_error if how == "errorframe" else (502, "provider_error")
                    self.check_broken_frames(frames, *told)
                    self.check_broken_row(self.row_of(answer), upstream)

    def check_broken_frames(self, frames, status, code):
        *chunks, last = frames
        text = "".join(parse_json(chunk)["choices"][0]["delta"].get("content") or "" for chunk in chunks)
        self.equal(text, OUTPUT, BROKEN, "text before the failure")
        self.holds('"finish_reason":"' not in "".join(chunks), "no finish_reason", BROKEN, chunks[-1])
        error = parse_json(last).get("error", {})
        self.equal((error.get("type"), error.get("code")), (TYPE_OF_STATUS[status], code), BROKEN, f"last frame {last}")
        self.holds(error.get("message") and "param" in error, "the envelope of errors.md", BROKEN, error)

    def check_broken_row(self, row, upstream):
        early = upstream.early_usage
        prompt, cached = (400, 100) if early else (tokens(QUESTION), 0)
        self.equal(
            [row[member] for member in COUNTED],
            ["error", "estimated", "billed", prompt, tokens(OUTPUT)],
            f"{OUTCOMES}, provider broke off after output",
            "log row",
        )
        self.equal(row["metadata"].get("cached_tokens", 0), cached, "logs.md, metadata", "cached tokens")
        self.equal(Decimal(row["estimated_cost_usd"]), PRICE.cost(prompt, tokens(OUTPUT), cached), harness.COST_RULE)
        self.holds(row["error_message"], "an error_message", "logs.md", row)

    def test_an_answer_that_breaks_off_unseen_is_an_error_and_costs_nothing(self):
        for how, name in CUT.items():
            for upstream in UPSTREAMS:
                with self.subTest(upstream=upstream.slug, how=how):
                    inside = how == "errorframe" and upstream.always_streams
                    status, code = upstream.frame_error if inside else (502, "provider_error")
                    answer = self.ask(upstream, name, False)
                    answer.expect_error(status, code, f"{FAILURES}, broken answer")
                    self.check_failed_row(self.row_of(answer), Fault(how, status, code))

    # ---------------------------------------------------------------- answers

    def test_an_answer_without_usage_is_estimated_and_billed(self):
        prompt, completion = tokens(QUESTION), 44 // 4

        def check(upstream, name, stream):
            answer = self.ask(upstream, name, stream).expect(200, OUTCOMES)
            row = self.row_of(answer)
            self.equal(
                [row[member] for member in COUNTED],
                ["success", "estimated", "billed", prompt, completion],
                f"{OUTCOMES}, success without usage",
                "log row",
            )
            if not stream:
                usage = answer.json()["usage"]
                self.equal(
                    (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
                    (prompt, completion, prompt + completion),
                    "inference.md 2, usage is always there",
                    "usage",
                )

        self.on_each([SILENT], check)

    def test_good_answers_between_the_failures_are_billed_as_reported(self):
        def check(upstream, name, stream):
            row = self.row_of(self.ask(upstream, name, stream).expect(200, OUTCOMES))
            self.equal(
                [row[member] for member in COUNTED],
                ["success", "reported", "billed", 1000, 100],
                f"{OUTCOMES}, success with usage",
                "log row",
            )
            self.equal(Decimal(row["estimated_cost_usd"]), PRICE.cost(1000, 100, 400), harness.COST_RULE)

        self.on_each([GOOD], check)

    def test_a_user_without_a_budget_is_answered_the_same(self):
        with self.acme.user_client("bob") as bob:
            for upstream in UPSTREAMS:
                with self.subTest(upstream=upstream.slug):
                    self.ask(upstream, GOOD, False, bob).expect(200, OUTCOMES)
                    self.ask(upstream, "mock-fault-500", False, bob).expect_error(502, "provider_error", FAILURES)

    # ---------------------------------------------------------------- at the end

    @classmethod
    def check_reconciliation(cls):
        """What the mock says it has counted, the logs, the wallet and the ledgers: one story."""
        stats = cls.mock.stats()
        books = Books.read(cls.gateway.tenant("acme")).reconcile(upstream_calls=stats["requests"])
        told = {
            name: collections.Counter({kind: count[kind] for kind in KINDS})
            for name, count in stats["by_model"].items()
        }
        logged = {name: collections.Counter() for name in told}
        for row in books.logs:
            if row["token_count_method"] == "reported":
                counted = (row["prompt_tokens"], row["metadata"].get("cached_tokens", 0), row["completion_tokens"])
                logged[row["provider_model_id"]].update(dict(zip(KINDS, counted)))
        for name in told:
            books.equal(logged[name], told[name], "logs.md against what the provider counted", f"tokens of {name}")
        books.holds(told[GOOD]["prompt"] >= 8 * 1000, "reported tokens at all", "the test", told[GOOD])
        if cls.gateway.process.poll() is None:
            with cls.gateway.admin as admin:
                status = admin.get("/v1/admin/status").expect_json(200, "headless-and-admin.md 3")
            books.equal((status["calls_in_flight"], cls.mock.running()), (0, 0), "the test", "calls that still run")


if __name__ == "__main__":
    harness.main()
