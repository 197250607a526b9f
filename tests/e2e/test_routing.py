# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which provider is called, in which order, how often; and which one is left alone for a while."""

import contextlib
import datetime
import time

import harness
import upstreams
from harness import Books, GatewayCase, Price, at_once, chat_body, platform, user, wait_for
from upstreams import ANTHROPIC, COMPATIBLE, GOOGLE, PIXEL, UPSTREAMS, XAI

CHAT = "/v1/chat/completions"
ROUTING = "llm-configs-and-models.md, Routing"
COOLING = "llm-configs-and-models.md, Cool-down"
FAILURES = "inference.md 5, next mapping"
GATE = "inference.md 1, gate 9"

# These let the next way try; those are final.
TRIED_ELSEWHERE = (
    *("402", "408", "409", "429", "500", "502", "503", "504", "529", "529nr"),
    *("quota", "reset", "close", "empty", "halfjson", "html"),
)
FINAL = {
    "400": (400, "invalid_request"),
    "422": (400, "invalid_request"),
    "context": (400, "context_length_exceeded"),
    "401": (502, "provider_auth_failed"),
    "403": (502, "provider_auth_failed"),
    "404": (502, "provider_error"),
    "413": (413, "payload_too_large"),
}
GOOD = "Hello! How can I assist you today?"
FREE = Price("0", "0", "0")  # nobody has said what it costs
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


def others(first):
    """All wire formats, beginning with that one."""
    at = UPSTREAMS.index(first)
    return (*UPSTREAMS[at:], *UPSTREAMS[:at])


def way(slug, *provider_models, over=UPSTREAMS, prices=None, **members):
    """A model with these mappings, the best first; the file lists them backwards."""
    prices = prices or [harness.PRICE] * len(provider_models)
    harness.PRICES[slug] = prices[-1]
    legs = zip(over, provider_models, prices)
    mappings = [leg.mapping(name, 10 * (at + 1), price) for at, (leg, name, price) in enumerate(legs)]
    return {"slug": slug, "display_name": slug, "mappings": mappings[::-1], **members}


def named(slug):
    """A name that the mock takes for no option."""
    return f"mock-x{slug.replace('-', '')}"


def pair(slug, first, over=UPSTREAMS):
    """A model whose first way behaves as said, and whose second one is good."""
    name = named(slug)
    return way(slug, first.replace("mock", name, 1), f"{name}2", over=over)


def each(names, model="mock"):
    """One such pair per fault, first wire format and form of answer."""
    return [
        pair(f"{name}.{first.slug}.{form}", f"{model}-fault-{name}", others(first))
        for name in names
        for first in UPSTREAMS
        for form in ("json", "stream")
    ]


class RoutingCase(GatewayCase):
    @classmethod
    def document(cls):
        return upstreams.bootstrap(cls.mock, cls.models, cls.platforms)

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.admin = self.enterContext(self.gateway.admin)

    def ask(self, slug, client=None, **members):
        """The answer, and what was called for it."""
        before = self.mock.count()
        answer = (client or self.alice).post(CHAT, chat_body(slug, **members))
        return answer, self.mock.calls(before + 1)

    def called(self, slug, client=None):
        """The provider models that were called for a question that was answered."""
        answer, calls = self.ask(slug, client)
        answer.expect(200, ROUTING)
        return [call["model"] for call in calls]

    def rows_of(self, answer):
        with self.acme.client as client:
            rows = client.rows(f"{self.acme.path}/logs", request_id=answer.headers["x-request-id"])
        return sorted(rows, key=lambda row: row["metadata"]["attempt"])

    def check_answer(self, answer, stream):
        answer.expect(200, ROUTING)
        if stream:
            *chunks, last = answer.read().decode().removesuffix("\n\n").split("\n\n")
            deltas = [harness.parse_json(chunk.removeprefix("data: "))["choices"][0]["delta"] for chunk in chunks]
            self.equal(last, "data: [DONE]", "inference.md 3", "the last frame")
            self.equal("".join(delta.get("content") or "" for delta in deltas), GOOD, ROUTING, "the text")
        else:
            self.equal(answer.json()["choices"][0]["message"]["content"], GOOD, ROUTING, "the text")

    def check_attempts(self, answer, *outcomes):
        rows = self.rows_of(answer)
        self.equal(
            [(row["metadata"]["attempt"], row["status"], row["billing_status"]) for row in rows],
            [(at + 1, *outcome) for at, outcome in enumerate(outcomes)],
            "logs.md, one row per upstream call",
            "attempt, status and billing of its rows",
        )
        return rows


FAILED, DONE = ("error", "not_billable"), ("success", "billed")


class FailOver(RoutingCase):
    models = [
        *each((*TRIED_ELSEWHERE, *FINAL)),
        *(pair(f"hang.{first.slug}", "mock-fault-hang", others(first)) for first in UPSTREAMS),
        *each(["cut"], "mock-n6-g5"),
        way("by-priority", "mock-xp1", "mock-xp2", "mock-xp3", "mock-xp4"),
        way("three-times", "mock-x1-fault-500", "mock-x2-fault-500", "mock-x3-fault-408", "mock-x4"),
        way("dropping", "mock-xdropping-fault-500", "mock-xdropping2", over=(COMPATIBLE, ANTHROPIC)),
        way("kept", "mock-xkept-fault-500", "mock-xkept2", over=(ANTHROPIC, COMPATIBLE)),
        way("unpriced", "mock-xunpriced", prices=[FREE]),
        way("half-priced", "mock-xhalf1", "mock-xhalf2", prices=[FREE, harness.PRICE]),
        way("plain", "mock-xplain", capabilities=["structured_output"]),
        way("able", "mock-xable", capabilities=["tools", "vision"]),
        way("elsewhere", "mock-xelsewhere", over=(XAI,)),
    ]
    platforms = (
        platform("acme", [user("alice", 100), user("bob")], llm_configs=upstreams.llm_configs()),
        platform("partial", [user("pia", 10)], llm_configs=upstreams.llm_configs(GOOGLE, COMPATIBLE)),
    )

    @classmethod
    def tearDownClass(cls):
        try:
            calls = cls.mock.count()
            books = [Books.read(cls.gateway.tenant(slug)).reconcile() for slug in ("acme", "partial")]
            rows = sum(len(book.logs) for book in books)
            books[0].equal(rows, calls, "logs.md, one row per upstream call", "log rows")
        finally:
            super().tearDownClass()

    # ---------------------------------------------------------------- which one

    def test_the_lowest_number_is_called_first(self):
        for _ in range(3):
            self.equal(self.called("by-priority"), ["mock-xp1"], f"{ROUTING} 2")

    def test_ways_without_a_key_are_passed_by(self):
        partial = self.gateway.tenant("partial")
        with partial.user_client("pia") as pia:
            self.equal(self.called("by-priority", pia), ["mock-xp1"], f"{ROUTING} 2")
            answer, calls = self.ask("elsewhere", pia)
            answer.expect_error(404, "model_not_found", f"{ROUTING} 2")
            self.equal(calls, [], f"{ROUTING} 2")
            answer, calls = self.ask("three-times", pia)  # the two in the middle have no key
            answer.expect(200, ROUTING)
            self.equal([call["model"] for call in calls], ["mock-x1-fault-500", "mock-x4"], f"{ROUTING} 2")

    def test_disabled_ways_are_passed_by(self):
        providers = self.admin.rows("/v1/admin/providers")
        path = "/v1/admin/providers/" + next(row["id"] for row in providers if row["slug"] == COMPATIBLE.slug)
        self.admin.patch(path, {"is_enabled": False}).expect(200, "headless-and-admin.md 3")
        try:
            self.equal(self.called("by-priority"), ["mock-xp2"], f"{ROUTING} 2, disabled provider")
        finally:
            self.admin.patch(path, {"is_enabled": True}).expect(200, "headless-and-admin.md 3")
        self.equal(self.called("by-priority"), ["mock-xp1"], f"{ROUTING} 2")

    # ---------------------------------------------------------------- the next one

    def test_what_another_way_may_answer_goes_there(self):
        for name in TRIED_ELSEWHERE:
            for first in UPSTREAMS:
                for form in ("json", "stream"):
                    with self.subTest(fault=name, first=first.slug, form=form):
                        self.check_next(f"{name}.{first.slug}.{form}", name, others(first), form == "stream")

    def check_next(self, slug, fault, over, stream):
        answer, calls = self.ask(slug, stream=stream)
        self.check_answer(answer, stream)
        self.equal(
            [(call["route"], call["fault"]) for call in calls],
            [(over[0].route, fault), (over[1].route, "")],
            f"{FAILURES}, {fault}",
            "what was called",
        )
        rows = self.check_attempts(answer, FAILED, DONE)
        self.equal([row["provider_model_id"] for row in rows], [call["model"] for call in calls], "logs.md", "its rows")

    def test_a_provider_that_says_nothing_is_left_for_another(self):
        def ask(number):
            with self.acme.user_client("alice") as client:
                return client.post(CHAT, chat_body(f"hang.{UPSTREAMS[number].slug}"))

        for answer in at_once(len(UPSTREAMS), ask):
            self.check_answer(answer, stream=False)
            self.check_attempts(answer, FAILED, DONE)

    def test_what_is_wrong_with_the_request_or_the_key_is_final(self):
        for name, (status, code) in FINAL.items():
            for first in UPSTREAMS:
                for form in ("json", "stream"):
                    with self.subTest(fault=name, first=first.slug, form=form):
                        answer, calls = self.ask(f"{name}.{first.slug}.{form}", stream=form == "stream")
                        answer.expect_error(status, code, f"{FAILURES}, {name}")
                        self.equal([call["fault"] for call in calls], [name], f"{FAILURES}, {name}", "what was called")
                        self.check_attempts(answer, FAILED)

    def test_three_ways_are_tried_and_the_last_failure_is_told(self):
        for stream in (False, True):
            answer, calls = self.ask("three-times", stream=stream)
            answer.expect_error(504, "provider_timeout", f"{ROUTING} 4")
            self.equal(
                [call["model"] for call in calls],
                ["mock-x1-fault-500", "mock-x2-fault-500", "mock-x3-fault-408"],
                f"{ROUTING} 4, at most 3 attempts",
            )
            self.check_attempts(answer, FAILED, FAILED, FAILED)

    def test_nothing_is_tried_again_once_the_client_has_seen_something(self):
        for first in UPSTREAMS:
            with self.subTest(first=first.slug):
                answer, calls = self.ask(f"cut.{first.slug}.stream", stream=True)
                last = answer.expect(200, ROUTING).read().decode().removesuffix("\n\n").split("\n\n")[-1]
                error = harness.parse_json(last.removeprefix("data: ")).get("error", {})
                self.equal(error.get("code"), "provider_error", "inference.md 3", "the last frame")
                self.equal([call["fault"] for call in calls], ["cut"], f"{ROUTING} 4", "what was called")
                self.check_attempts(answer, ("error", "billed"))

                # Who waits for a whole answer has seen nothing yet.
                answer, calls = self.ask(f"cut.{first.slug}.json")
                self.check_answer(answer, stream=False)
                self.equal([call["fault"] for call in calls], ["cut", ""], FAILURES, "what was called")
                self.check_attempts(answer, FAILED, DONE)

    def test_what_was_dropped_is_said_of_the_provider_that_answered(self):
        rule = "inference.md 2, x-dropped-params"
        for slug, dropped in (("dropping", "seed"), ("kept", None)):
            for stream in (False, True):
                with self.subTest(model=slug, stream=stream):
                    answer, calls = self.ask(slug, seed=7, stream=stream)
                    self.check_answer(answer, stream)
                    self.equal(len(calls), 2, ROUTING, "calls")
                    self.equal(answer.headers.get("x-dropped-params"), dropped, rule)
                    told = [row["metadata"].get("dropped_params") for row in self.rows_of(answer)]
                    by_anthropic = [None, ["seed"]] if slug == "dropping" else [["seed"], None]
                    self.equal(told, by_anthropic, "logs.md, metadata", "dropped_params of both attempts")

    # ---------------------------------------------------------------- what is not called at all

    def test_a_model_without_a_price_is_not_for_users_on_a_budget(self):
        for stream in (False, True):
            answer, calls = self.ask("unpriced", stream=stream)
            answer.expect_error(404, "model_not_found", "inference.md 1, gate 8", param="model")
            self.equal((calls, self.rows_of(answer)), ([], []), "inference.md 4, refused at a gate")
        with self.acme.user_client("bob") as bob:
            self.equal(self.called("unpriced", bob), ["mock-xunpriced"], "inference.md 1, gate 8")
        self.equal(self.called("half-priced"), ["mock-xhalf2"], "inference.md 1, gate 8: only the way with a price")

    def test_a_model_is_not_asked_for_what_it_cannot_do(self):
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        image = [{"role": "user", "content": [part]}]
        for stream in (False, True):
            for param, members in (("tools", {"tools": [WEATHER]}), ("messages", {"messages": image})):
                with self.subTest(param=param, stream=stream):
                    before = self.mock.count()
                    answer = self.alice.post(CHAT, {**chat_body("plain", stream=stream), **members})
                    answer.expect_error(422, "unsupported_parameter", GATE, param=param)
                    left = (self.mock.count() - before, self.rows_of(answer))
                    self.equal(left, (0, []), "inference.md 4, refused at a gate", "calls and rows")
                    self.alice.post(CHAT, {**chat_body("able", stream=stream), **members}).expect(200, GATE)


class CoolDown(RoutingCase):
    models = [
        pair("tired", "mock-fault-500"),
        pair("hopeless", "mock-fault-500"),
        way("both", "mock-xboth-fault-500", "mock-xboth2-fault-500"),
        way("alone", "mock-xalone-fault-500"),
        *(pair(f"wait.{first.slug}", "mock-first1-fault-429ra1", others(first)) for first in UPSTREAMS),
        pair("probe", "mock-d500-first1-fault-429ra1"),
        pair("silent", "mock-first1-fault-429ra1"),
        pair("left", "mock-d400-first1-fault-429ra1"),
        pair("again", "mock-first2-fault-429ra1"),
        pair("shared", "mock-first3-fault-500"),
        pair("moody", "mock-every2-fault-500"),
        pair("bad-request", "mock-fault-400"),
        pair("bad-key", "mock-fault-401"),
    ]
    platforms = (
        platform("acme", [user("alice", 10)], llm_configs=upstreams.llm_configs()),
        platform("rival", [user("mallory", 10)], llm_configs=upstreams.llm_configs(key="sk-upstream-of-the-rival")),
    )

    def first(self, slug):
        return next(
            mapping["provider_model_id"]
            for model in self.models
            if model["slug"] == slug
            for mapping in model["mappings"]
            if mapping["priority"] == 10
        )

    def second(self, slug):
        return f"{named(slug)}2"

    def cooling(self, slug):
        """What the status says of the model's first way."""
        listed = self.admin.get("/v1/admin/status").expect_json(200, COOLING)["cooling_down"]
        return [entry for entry in listed if entry["provider_model_id"] == self.first(slug)]

    def config_of(self, tenant, upstream):
        with tenant.client as client:
            rows = client.rows(f"{tenant.path}/llm-configs")
        return next(row["id"] for row in rows if row["provider"] == upstream.slug)

    def left_of(self, entry):
        """Seconds that it still rests."""
        until = datetime.datetime.fromisoformat(entry["until"])
        return (until - datetime.datetime.now(datetime.UTC)).total_seconds()

    def sleep_until(self, entry):
        time.sleep(max(0, self.left_of(entry)) + 0.05)

    def test_three_failures_in_a_row_put_a_way_behind_the_others(self):
        first, second = self.first("tired"), self.second("tired")
        for failures in (1, 2, 3):
            self.equal(self.cooling("tired"), [], COOLING, f"cooling after {failures - 1} failures")
            self.equal(self.called("tired"), [first, second], COOLING, f"calls after {failures - 1} failures")
        (entry,) = self.cooling("tired")
        self.exact(
            entry,
            {
                "provider": lambda value: value == COMPATIBLE.slug,
                "provider_model_id": lambda value: value == first,
                "llm_config_id": lambda value: value == self.config_of(self.acme, COMPATIBLE),
                "failures": lambda value: value == 3,
                "until": harness.is_time,
            },
            COOLING,
        )
        self.holds(5 < self.left_of(entry) <= 15, "15 s from the third failure on", COOLING, entry)
        for _ in range(3):
            answer, calls = self.ask("tired")
            self.equal([call["model"] for call in calls], [second], COOLING, "calls while it cools down")
            (row,) = self.check_attempts(answer, DONE)
            self.equal(row["provider_model_id"], second, "logs.md", "the row's model")

    def test_a_way_is_left_alone_for_as_long_as_the_provider_asks(self):
        slugs = [f"wait.{first.slug}" for first in UPSTREAMS]
        for slug in slugs:
            self.equal(self.called(slug), [self.first(slug), self.second(slug)], FAILURES, f"first calls of {slug}")
            (entry,) = self.cooling(slug)
            self.equal(entry["failures"], 1, COOLING, "failures")
            self.equal(self.called(slug), [self.second(slug)], f"{COOLING}, Retry-After", f"second calls of {slug}")
        self.sleep_until(entry)
        for slug in slugs:
            with self.subTest(model=slug):
                self.equal(self.called(slug), [self.first(slug)], f"{COOLING}, its time is over", "third calls")
                self.equal(self.cooling(slug), [], f"{COOLING}, a success ends it", "what cools down")
                self.equal(self.called(slug), [self.first(slug)], f"{COOLING}, a success ends it", "fourth calls")

    def test_of_calls_at_once_one_is_the_probe(self):
        self.called("probe")
        (entry,) = self.cooling("probe")
        self.sleep_until(entry)
        before = self.mock.count()

        def ask(_):
            with self.acme.user_client("alice") as client:
                return client.post(CHAT, chat_body("probe")).expect(200, COOLING).status

        at_once(6, ask)
        called = sorted(call["model"] for call in self.mock.calls(before + 1))
        wanted = sorted([self.first("probe"), *[self.second("probe")] * 5])
        self.equal(called, wanted, f"{COOLING}, one call is the probe")
        self.equal(self.cooling("probe"), [], f"{COOLING}, a success ends it")

    def test_a_probe_that_fails_begins_another_rest(self):
        first, second = self.first("again"), self.second("again")
        for expected in ([first, second], [first, second]):
            self.equal(self.called("again"), expected, COOLING)
            (entry,) = self.cooling("again")
            self.equal(self.called("again"), [second], COOLING, "calls while it cools down")
            self.sleep_until(entry)
        self.equal(entry["failures"], 2, COOLING, "failures in a row")
        self.equal(self.called("again"), [first], COOLING, "the second probe")

    def test_a_probe_that_fails_without_a_word_begins_a_rest_of_the_usual_length(self):
        self.equal(self.called("silent"), [self.first("silent"), self.second("silent")], COOLING)
        (entry,) = self.cooling("silent")
        with self.provider_at("http://127.0.0.1:9"):
            self.sleep_until(entry)
            self.equal(self.called("silent"), [self.second("silent")], COOLING, "what the probe's caller got")
        (entry,) = self.cooling("silent")
        self.equal(entry["failures"], 2, COOLING, "failures in a row")
        self.holds(5 < self.left_of(entry) <= 15, "15 s more", COOLING, entry)

    @contextlib.contextmanager
    def provider_at(self, base_url):
        """The first provider, moved to where nobody listens."""
        rule = "headless-and-admin.md 3, PATCH a provider"
        row = next(row for row in self.admin.rows("/v1/admin/providers") if row["slug"] == COMPATIBLE.slug)
        path = f"/v1/admin/providers/{row['id']}"
        self.admin.patch(path, {"base_url": base_url}).expect(200, rule)
        try:
            yield
        finally:
            self.admin.patch(path, {"base_url": COMPATIBLE.provider(self.mock)["base_url"]}).expect(200, rule)

    def test_a_probe_whose_client_leaves_is_followed_by_another(self):
        first, second = self.first("left"), self.second("left")
        self.equal(self.called("left"), [first, second], COOLING)
        (entry,) = self.cooling("left")
        self.sleep_until(entry)
        before = self.mock.count()
        with self.acme.user_client("alice", timeout=0.1) as client, self.assertRaises(TimeoutError):
            client.post(CHAT, chat_body("left"))
        wait_for("the end of the probe", lambda: self.mock.running() == 0 and self.mock.count() == before + 1)
        self.equal(self.mock.calls(before + 1)[0]["model"], first, COOLING, "the probe")
        self.equal(self.called("left"), [first], COOLING, "the next probe")
        self.equal(self.cooling("left"), [], f"{COOLING}, a success ends it")

    def test_no_way_is_left_out(self):
        for number in range(5):
            answer, calls = self.ask("both")
            answer.expect_error(502, "provider_error", FAILURES)
            self.equal([call["model"] for call in calls], ["mock-xboth-fault-500", "mock-xboth2-fault-500"], COOLING)
            answer, calls = self.ask("alone")
            answer.expect_error(502, "provider_error", FAILURES)
            called = [call["model"] for call in calls]
            self.equal(called, ["mock-xalone-fault-500"], COOLING, f"call {number} of the only way")
        self.equal(len(self.cooling("alone")), 1, COOLING, "the only way in the status")

    def test_platforms_with_keys_of_their_own_do_not_disturb_each_other(self):
        first, second = self.first("shared"), self.second("shared")
        rival = self.gateway.tenant("rival")
        with contextlib.closing(rival.user_client("mallory")) as mallory:
            for _ in range(3):
                self.called("shared")
            configs = [entry["llm_config_id"] for entry in self.cooling("shared")]
            self.equal(configs, [self.config_of(self.acme, COMPATIBLE)], COOLING, "whose way cools down")
            for _ in range(2):
                self.equal(self.called("shared", mallory), [first], f"{COOLING}, a way is a mapping with a key")
                self.equal(self.called("shared"), [second], f"{COOLING}, another platform's success ends nothing")

    def test_failures_with_successes_between_them_are_not_in_a_row(self):
        first, second = self.first("moody"), self.second("moody")
        for _ in range(5):
            self.equal(self.called("moody"), [first], COOLING, "the good call")
            self.equal(self.called("moody"), [first, second], COOLING, "the bad call")
        self.equal(self.cooling("moody"), [], COOLING)

    def test_what_is_final_says_nothing_about_the_way(self):
        for slug, status in (("bad-request", 400), ("bad-key", 401)):
            for _ in range(5):
                _, calls = self.ask(slug)
                came = [(call["model"], call["status"]) for call in calls]
                self.equal(came, [(self.first(slug), status)], COOLING, f"calls of {slug}")
            self.equal(self.cooling(slug), [], COOLING, slug)

    def test_a_restart_forgets(self):
        for _ in range(3):
            self.called("hopeless")
        self.equal(len(self.cooling("hopeless")), 1, COOLING)
        self.gateway.stop()
        self.gateway.start()
        self.setUp()
        self.equal(self.cooling("hopeless"), [], COOLING, "after a restart")
        self.equal(self.called("hopeless"), [self.first("hopeless"), self.second("hopeless")], COOLING, "its calls")


if __name__ == "__main__":
    harness.main()
