# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same conversation with each kind of provider: what they are told, and that their answers mean the same."""

import base64
import dataclasses
import json
import math
import time

import harness
import upstreams
from harness import PRICE, Books, GatewayCase, chat_body, parse_json, platform, user, wait_for
from upstreams import ANTHROPIC, COMPATIBLE, GOOGLE, PIXEL, RESPONSES, UPSTREAMS, XAI

CHAT = "/v1/chat/completions"
ANSWER = "inference.md 2, chat completions"
MIDDLE = "providers-middle-form.md"
USAGE = f"{MIDDLE}, Usage"
PARAMETERS = f"{MIDDLE}, What a provider does not know"
GONE = "inference.md 4, client left"

HELLO = "Hello! How can I assist you today?"
SYSTEM = "Answer in one sentence."
QUESTION = "What do you see?"
PLACE = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
ZONE = {"type": "object", "properties": {"timezone": {"type": "string"}}, "required": ["timezone"]}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather there", "parameters": PLACE}},
    {"type": "function", "function": {"name": "get_time", "description": "Time there", "parameters": ZONE}},
]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "temperature": {"type": "number"}, "sunny": {"type": "boolean"}},
    "required": ["city", "temperature", "sunny"],
    "additionalProperties": False,
}
PARIS = {"city": "Paris", "temperature": 21, "sunny": True}

COUNTED = "mock-p1000-k400-c90-r30"
CALL, BOTH, JSON = "mock-call", "mock-tools", "mock-json"
LENGTH, FILTER, REFUSAL = "mock-length", "mock-content_filter", "mock-refusal"
LONG, LATE = "mock-p300-k100-c600-n60-g20", "mock-d3000"
PLAIN = "mock-small"
COUNTERS = ("in_fresh", "in_cached", "in_write", "in_write_long", "out_text", "out_reasoning")
NAMES = (COUNTED, CALL, BOTH, JSON, LENGTH, FILTER, REFUSAL, LONG, LATE, PLAIN)
QUIRKY = "mock-xquirky"  # refuses two parameters


# ---------------------------------------------------------------- what a provider was told, in its own words


def chat_text(content):
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


@dataclasses.dataclass(frozen=True)
class Told:
    """Where a wire format has what a client said: functions of the body that the provider got."""

    system: object
    question: object
    image: object
    tools: object  # name → schema
    result: object  # text of the last message's first one
    schema: object
    stop: object  # None: it has no such thing
    limit: object


TOLD = {
    "chat": Told(
        system=lambda body: chat_text(body["messages"][0]["content"]),
        question=lambda body: chat_text(body["messages"][-1]["content"]),
        image=lambda body: body["messages"][-1]["content"][1]["image_url"]["url"].partition("base64,")[2],
        tools=lambda body: {tool["function"]["name"]: tool["function"]["parameters"] for tool in body["tools"]},
        result=lambda body: body["messages"][-1]["content"],
        schema=lambda body: body["response_format"]["json_schema"]["schema"],
        stop=lambda body: body["stop"],
        limit=lambda body: body.get("max_tokens", body.get("max_completion_tokens")),
    ),
    "messages": Told(
        system=lambda body: "".join(part["text"] for part in body["system"]),
        question=lambda body: chat_text(body["messages"][-1]["content"]),
        image=lambda body: body["messages"][-1]["content"][1]["source"]["data"],
        tools=lambda body: {tool["name"]: tool["input_schema"] for tool in body["tools"]},
        result=lambda body: chat_text(body["messages"][-1]["content"][0]["content"]),
        schema=lambda body: body["output_config"]["format"]["schema"],
        stop=lambda body: body["stop_sequences"],
        limit=lambda body: body["max_tokens"],
    ),
    "generateContent": Told(
        system=lambda body: "".join(part["text"] for part in body["systemInstruction"]["parts"]),
        question=lambda body: "".join(part.get("text", "") for part in body["contents"][-1]["parts"]),
        image=lambda body: body["contents"][-1]["parts"][1]["inlineData"]["data"],
        tools=lambda body: {
            tool["name"]: tool["parametersJsonSchema"] for tool in body["tools"][0]["functionDeclarations"]
        },
        result=lambda body: json.dumps(body["contents"][-1]["parts"][0]["functionResponse"]["response"]),
        schema=lambda body: body["generationConfig"]["responseJsonSchema"],
        stop=lambda body: body["generationConfig"]["stopSequences"],
        limit=lambda body: body["generationConfig"]["maxOutputTokens"],
    ),
    "responses": Told(
        system=lambda body: body["instructions"],
        question=lambda body: chat_text(body["input"][-1]["content"]),
        image=lambda body: body["input"][-1]["content"][1]["image_url"].partition("base64,")[2],
        tools=lambda body: {tool["name"]: tool["parameters"] for tool in body["tools"]},
        result=lambda body: body["input"][-1]["output"],
        schema=lambda body: body["text"]["format"]["schema"],
        stop=None,
        limit=lambda body: body["max_output_tokens"],
    ),
}


# ---------------------------------------------------------------- what a client heard


@dataclasses.dataclass
class Heard:
    """A whole answer in the form of a message, however it came."""

    message: dict
    finish: str
    usage: dict

    @property
    def calls(self):
        return [
            (call["function"]["name"], parse_json(call["function"]["arguments"]))
            for call in self.message.get("tool_calls", [])
        ]


def heard(answer, stream):
    answer.expect(200, ANSWER)
    if not stream:
        (choice,) = answer.json()["choices"]
        return Heard(choice["message"], choice["finish_reason"], answer.json()["usage"])
    *frames, last = answer.read().decode().removesuffix("\n\n").split("\n\n")
    if last != "data: [DONE]":
        raise AssertionError(f"expected [DONE] last by inference.md 3; came {last}")
    *chunks, usage = (parse_json(frame.removeprefix("data: ")) for frame in frames)
    message, calls, finish = {"role": None, "content": None, "refusal": None}, [], None
    for chunk in chunks:
        (choice,) = chunk["choices"]
        delta = choice["delta"]
        for member in ("role", "content", "refusal"):
            if delta.get(member):
                message[member] = (message[member] or "") + delta[member]
        for piece in delta.get("tool_calls", []):
            add_piece(calls, piece)
        if choice["finish_reason"]:
            finish = choice["finish_reason"]
    return Heard({**message, **({"tool_calls": calls} if calls else {})}, finish, usage["usage"])


def add_piece(calls, piece):
    """A call comes in pieces; the first one has its id and name, and whatever else belongs to it."""
    if piece["index"] == len(calls):
        calls.append({name: value for name, value in piece.items() if name != "index"})
    else:
        calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]


def body_of(upstream, name, stream, *messages, **members):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return {"model": upstream.slug_of(name), "messages": list(messages), **options, **members}


def says(role, content, **members):
    return {"role": role, "content": content, **members}


class Providers(GatewayCase):
    @classmethod
    def document(cls):
        return upstreams.bootstrap(cls.mock, cls.models, cls.platforms)
    models = [
        *(upstream.model(name) for upstream in UPSTREAMS for name in NAMES),
        XAI.model(QUIRKY),
    ]
    models[-1]["mappings"][0]["quirks"] = {"rejects": ["stop", "presence_penalty"]}
    platforms = (platform("acme", [user("alice", 100)], llm_configs=upstreams.llm_configs()),)

    @classmethod
    def tearDownClass(cls):
        try:
            Books.read(cls.gateway.tenant("acme")).reconcile(upstream_calls=cls.mock.count())
        finally:
            super().tearDownClass()

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.server = self.enterContext(self.acme.client)

    def on_each(self, check):
        for upstream in UPSTREAMS:
            for stream in (False, True):
                with self.subTest(upstream=upstream.slug, stream=stream):
                    check(upstream, stream)

    def ask(self, upstream, name, stream, *messages, **members):
        """What was heard, and the body that the provider got."""
        answer = self.alice.post(CHAT, body_of(upstream, name, stream, *messages, **members))
        return heard(answer, stream), parse_json(self.mock.last_body())

    def rows_of(self, answer):
        return self.server.rows(f"{self.acme.path}/logs", request_id=answer.headers["x-request-id"])

    # ---------------------------------------------------------------- text and numbers

    def test_a_question_is_answered_and_counted(self):
        def check(upstream, stream):
            said, got = self.ask(upstream, COUNTED, stream, says("system", SYSTEM), says("user", QUESTION))
            told = TOLD[upstream.api]
            self.equal((told.system(got), told.question(got)), (SYSTEM, QUESTION), MIDDLE, "what the provider got")
            self.equal(
                (said.message["role"], said.message["content"], said.message["refusal"], said.calls, said.finish),
                ("assistant", HELLO, None, [], "stop"),
                ANSWER,
                "the answer",
            )
            usage = said.usage
            self.equal(
                [
                    *(usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")),
                    usage["prompt_tokens_details"]["cached_tokens"],
                    usage["completion_tokens_details"]["reasoning_tokens"],
                ],
                [1000, 90, 1090, 400, 30],
                USAGE,
                "prompt, completion, total, cached, reasoning",
            )
            (row,) = self.rows_of_newest(upstream.slug_of(COUNTED))
            pricing = row["metadata"]["pricing"]
            self.equal(
                [pricing[name] for name in COUNTERS],
                [600, 400, 0, 0, 60, 30],
                USAGE,
                "the six counters",
            )
            self.equal(row["estimated_cost_usd"], f"{PRICE.cost(1000, 90, 400):.6f}", harness.COST_RULE)

        self.on_each(check)

    def rows_of_newest(self, slug):
        return self.server.get(f"{self.acme.path}/logs", model=slug, limit=1).expect_json(200, "logs.md")["data"]

    def test_how_an_answer_ended_is_said_in_the_same_words(self):
        def check(upstream, stream):
            for name, finish in ((LENGTH, "length"), (FILTER, "content_filter")):
                said, _ = self.ask(upstream, name, stream, says("user", QUESTION))
                self.equal(said.finish, finish, ANSWER, f"finish_reason of {name}")
                self.holds(said.message["content"], "the text so far", ANSWER, said)
            said, _ = self.ask(upstream, REFUSAL, stream, says("user", QUESTION))
            # Google says only that it refused.
            says_why = upstream.kind != "google"
            self.equal(
                (said.finish, bool(said.message["content"]), bool(said.message["refusal"])),
                ("stop" if upstream.api in ("chat", "responses") else "content_filter", False, says_why),
                "providers-anthropic.md and providers-google.md, Answer",
                "finish_reason, content and refusal of a refusal",
            )

        self.on_each(check)

    # ---------------------------------------------------------------- tools

    def test_a_tool_is_called_and_its_result_answered(self):
        question = says("user", 'Please call:get_weather {"location":"Paris"}')

        def check(upstream, stream):
            said, got = self.ask(upstream, CALL, stream, says("system", SYSTEM), question, tools=TOOLS)
            told = TOLD[upstream.api]
            self.equal(told.tools(got), {"get_weather": PLACE, "get_time": ZONE}, MIDDLE, "the tools the provider got")
            self.equal(
                (said.message["content"], said.calls, said.finish),
                (None, [("get_weather", {"location": "Paris"})], "tool_calls"),
                ANSWER,
                "content, calls, finish_reason",
            )
            (call,) = said.message["tool_calls"]
            self.holds(call["id"] and call["type"] == "function", "a call with its id and type", ANSWER, call)
            # As it came, and as clients send it that keep only what they know.
            known = {name: call[name] for name in ("id", "type", "function")}
            for call in (call, known):
                messages = (
                    says("system", SYSTEM),
                    question,
                    says("assistant", None, tool_calls=[call]),
                    says("tool", '{"celsius": 21}', tool_call_id=call["id"]),
                )
                said, got = self.ask(upstream, CALL, stream, *messages, tools=TOOLS)
                self.equal(json.loads(told.result(got)), {"celsius": 21}, MIDDLE, "the result the provider got")
                self.equal((said.message["content"], said.finish), (HELLO, "stop"), ANSWER, "the answer to the result")

        self.on_each(check)

    def test_calls_at_the_same_time_stay_apart(self):
        calls = [("get_weather", {"location": "Paris"}), ("get_time", {"timezone": "Europe/Paris"})]

        def check(upstream, stream):
            said, _ = self.ask(upstream, BOTH, stream, says("user", QUESTION), tools=TOOLS)
            self.equal((said.calls, said.finish), (calls, "tool_calls"), ANSWER, "calls, finish_reason")
            ids = [call["id"] for call in said.message["tool_calls"]]
            self.equal(len(set(ids)), 2, ANSWER, "different ids")
            results = [says("tool", f"result {at}", tool_call_id=ids[at]) for at in (0, 1)]
            said, _ = self.ask(upstream, BOTH, stream, says("user", QUESTION), said.message, *results, tools=TOOLS)
            self.equal((said.message["content"], said.finish), (HELLO, "stop"), ANSWER, "the answer to the results")

        self.on_each(check)

    def test_google_passes_on_one_call_when_one_at_a_time_was_asked_for(self):
        for stream in (False, True):
            said, _ = self.ask(GOOGLE, BOTH, stream, says("user", QUESTION), tools=TOOLS, parallel_tool_calls=False)
            self.equal([name for name, _ in said.calls], ["get_weather"], "providers-google.md, parallel calls")

    # ---------------------------------------------------------------- structure, images, limits

    def test_an_answer_has_the_structure_that_was_asked_for(self):
        wanted = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": SCHEMA}}

        def check(upstream, stream):
            said, got = self.ask(upstream, JSON, stream, says("user", QUESTION), response_format=wanted)
            self.equal(TOLD[upstream.api].schema(got), SCHEMA, MIDDLE, "the schema the provider got")
            self.equal((parse_json(said.message["content"]), said.finish), (PARIS, "stop"), ANSWER, "the answer")
            said, _ = self.ask(upstream, JSON, stream, says("user", QUESTION), response_format={"type": "json_object"})
            self.equal(parse_json(said.message["content"]), PARIS, ANSWER, "any JSON object")

        self.on_each(check)

    def test_an_image_reaches_the_provider(self):
        parts = [
            {"type": "text", "text": QUESTION},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ]

        def check(upstream, stream):
            said, got = self.ask(upstream, PLAIN, stream, says("user", parts))
            self.equal(TOLD[upstream.api].image(got), PIXEL, MIDDLE, "the image the provider got")
            self.equal(said.message["content"], HELLO, ANSWER, "the answer")

        self.on_each(check)
        remote = [parts[0], {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
        answer = self.alice.post(CHAT, body_of(GOOGLE, PLAIN, False, says("user", remote)))
        error = answer.expect_error(422, "unsupported_parameter", "providers-google.md, image address")
        self.equal(error["param"], "messages[0].content[1]", MIDDLE, "param names the part")

    def test_stop_and_limit_reach_the_provider(self):
        def check(upstream, stream):
            for field in ("max_tokens", "max_completion_tokens"):
                told, marks = TOLD[upstream.api], {"stop": ["END", "###"]}
                if not told.stop:
                    body = body_of(upstream, PLAIN, stream, says("user", QUESTION), **marks)
                    self.alice.post(CHAT, body).expect_error(422, "unsupported_parameter", PARAMETERS, param="stop")
                    marks = {}
                _, got = self.ask(upstream, PLAIN, stream, says("user", QUESTION), **{field: 77}, **marks)
                came = (told.limit(got), told.stop and told.stop(got))
                self.equal(came, (77, marks.get("stop")), MIDDLE, "limit and stop")

        self.on_each(check)

    # ---------------------------------------------------------------- parameters

    def test_what_a_provider_does_not_know_is_dropped_and_named(self):
        members = {
            "temperature": 0.5,
            "seed": 7,
            "frequency_penalty": 0.5,
            "logit_bias": {"50256": -100},
            "store": True,
            "metadata": {"team": "a"},
            "x_unknown": 1,
        }
        always = {"store", "metadata"}
        dropped = {
            COMPATIBLE: always,
            XAI: always | {"logit_bias"},
            ANTHROPIC: always | {"seed", "frequency_penalty", "logit_bias", "x_unknown"},
            GOOGLE: always | {"logit_bias", "x_unknown"},
            RESPONSES: always | {"seed", "frequency_penalty", "logit_bias", "x_unknown"},
        }

        def check(upstream, stream):
            answer = self.alice.post(CHAT, body_of(upstream, PLAIN, stream, says("user", QUESTION), **members))
            heard(answer, stream)
            named = answer.headers.get("x-dropped-params", "").split(", ")
            self.equal(sorted(named), sorted(dropped[upstream]), PARAMETERS, "x-dropped-params")
            (row,) = self.rows_of(answer)
            self.equal(row["metadata"].get("dropped_params"), named, "logs.md, metadata", "dropped_params")
            got = parse_json(self.mock.last_body())
            self.holds(not got.get("store"), "nothing is stored at the provider", PARAMETERS, got)
            self.holds(not (got.keys() - {"store"}) & dropped[upstream], "none of them at the provider", PARAMETERS, got)

        self.on_each(check)

    def test_nothing_dropped_is_not_named(self):
        def check(upstream, stream):
            answer = self.alice.post(CHAT, body_of(upstream, PLAIN, stream, says("user", QUESTION), temperature=0.5))
            heard(answer, stream)
            (row,) = self.rows_of(answer)
            told = (answer.headers.get("x-dropped-params"), row["metadata"].get("dropped_params"))
            self.equal(told, (None, None), PARAMETERS, "header and metadata")

        self.on_each(check)

    def test_what_changes_the_meaning_is_refused_and_not_dropped(self):
        for stream in (False, True):
            body = body_of(XAI, QUIRKY, stream, says("user", QUESTION))
            answer = self.alice.post(CHAT, {**body, "presence_penalty": 1})
            heard(answer, stream)
            self.equal(answer.headers.get("x-dropped-params"), "presence_penalty", PARAMETERS)
            for param, model, value in (("stop", QUIRKY, ["END"]), ("search_parameters", PLAIN, {"mode": "auto"})):
                with self.subTest(param=param, stream=stream):
                    before = self.mock.count()
                    answer = self.alice.post(CHAT, {**body, "model": XAI.slug_of(model), param: value})
                    answer.expect_error(422, "unsupported_parameter", PARAMETERS, param=param)
                    self.equal((self.mock.count(), self.rows_of(answer)), (before, []), "inference.md 4")

    # ---------------------------------------------------------------- leaving

    def test_a_client_that_leaves_takes_the_provider_along_and_pays_once(self):
        for upstream in UPSTREAMS:
            with self.subTest(upstream=upstream.slug):
                before = self.mock.count()
                with self.acme.user_client("alice") as client:
                    answer = client.request("POST", CHAT, chat_body(upstream.slug_of(LONG), QUESTION, stream=True))
                    answer.expect(200, GONE)
                    pieces = answer.data()
                    for _ in range(6):
                        next(pieces)
                left_ms = time.time() * 1000
                call = wait_for("the end of the upstream call", lambda: self.ended(before))
                self.equal(call["outcome"], "aborted", GONE, "the upstream call")
                self.holds(call["ended_ms"] - left_ms <= 250, "the provider free within 250 ms", GONE, (left_ms, call))
                (row,) = wait_for("its log row", lambda: self.rows_of(answer))
                early = upstream.early_usage
                prompt, cached = (300, 100) if early else (math.ceil(len(QUESTION) / 4), 0)
                self.equal(
                    [row[name] for name in ("status", "token_count_method", "billing_status", "prompt_tokens")],
                    ["cancelled", "estimated", "billed", prompt],
                    GONE,
                    "log row",
                )
                self.holds(2 <= row["completion_tokens"] <= 60, "the output that was received", GONE, row)
                cost = PRICE.cost(prompt, row["completion_tokens"], cached)
                self.equal(row["estimated_cost_usd"], f"{cost:.6f}", harness.COST_RULE)
                self.check_one_debit(row)

    def ended(self, before):
        return next((call for call in self.mock.calls(before + 1) if call["outcome"] != "running"), None)

    def check_one_debit(self, row):
        books = Books.read(self.acme)
        (_, ledger) = books.ledgers[self.acme.users["alice"]["id"]]
        self.equal(sum(debit["reference"] == row["id"] for debit in books.wallet_rows), 1, GONE, "wallet debits")
        self.equal(sum(debit["metadata"].get("log_id") == row["id"] for debit in ledger), 1, GONE, "ledger debits")

    def test_who_leaves_before_the_provider_has_answered_pays_nothing(self):
        def check(upstream, stream):
            before = self.mock.count()
            with self.acme.user_client("alice", timeout=0.3) as client:
                try:
                    client.request("POST", CHAT, chat_body(upstream.slug_of(LATE), QUESTION, stream=stream))
                    raise AssertionError("expected the mock to wait before it answers")
                except TimeoutError:
                    left_ms = time.time() * 1000
            call = wait_for("the end of the upstream call", lambda: self.ended(before))
            self.equal(call["outcome"], "aborted", GONE, "the upstream call")
            self.holds(call["ended_ms"] - left_ms <= 250, "the provider free within 250 ms", GONE, (left_ms, call))
            (row,) = wait_for("its log row", lambda: self.rows_of_newest(upstream.slug_of(LATE)))
            self.equal(
                [row[name] for name in ("status", "token_count_method", "billing_status", "total_tokens")],
                ["cancelled", "none", "not_billable", 0],
                f"{GONE}, nothing when the provider had not answered",
                "log row",
            )

        self.on_each(check)


THINKS, REFUSES = "mock-r5", "mock-fault-state"
STATE = f"{MIDDLE}, State that is refused"


class RefusedState(GatewayCase):
    """Reasoning state that comes back altered: the provider is asked once more without it."""

    models = [upstream.model(name) for upstream in UPSTREAMS for name in (THINKS, CALL, REFUSES)]
    platforms = (platform("acme", [user("alice", 100)], llm_configs=upstreams.llm_configs()),)

    @classmethod
    def document(cls):
        return upstreams.bootstrap(cls.mock, cls.models, cls.platforms)

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))

    @staticmethod
    def altered(sealed):
        """The same state with another signature in it."""
        *origin, state = sealed.split(".")
        blob = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
        assert b"c2lnbmVk" in blob, blob
        blob = blob.replace(b"c2lnbmVk", b"Zm9yZ2Vk")
        return ".".join([*origin, base64.urlsafe_b64encode(blob).decode().rstrip("=")])

    def calls(self, work):
        """What the provider answered while that was done."""
        before = self.mock.count()
        answer = work()
        return answer, [call["status"] for call in self.mock.calls(before + 1)]

    def check_row(self, answer, status):
        row = Books.read(self.acme).reconcile().log_of(answer.headers["x-request-id"])
        billing = "billed" if status == "success" else "not_billable"
        came = (row["status"], row["billing_status"], row["metadata"]["attempt"])
        self.equal(came, (status, billing, 1), STATE, "the one log row")

    def check_repeated(self, work):
        answer, statuses = self.calls(work)
        answer.read()
        answer.expect(200, STATE)
        self.equal(statuses, [400, 200], STATE, "the provider's answers")
        self.holds("Zm9yZ2Vk" not in self.mock.last_body(), "no state in the second call", STATE)
        self.check_row(answer, "success")

    def test_calls_of_chat_clients(self):
        question = says("user", 'call:get_weather {"location": "Paris"}')
        asked = self.alice.post(CHAT, body_of(GOOGLE, CALL, False, question, tools=TOOLS)).expect_json(200, "setup")
        message = asked["choices"][0]["message"]
        (call,) = message["tool_calls"]
        call["extra_content"]["google"]["thought_signature"] = "Zm9yZ2Vk"
        history = (question, message, says("tool", "21", tool_call_id=call["id"]))
        for stream in (False, True):
            body = body_of(GOOGLE, CALL, stream, *history, tools=TOOLS)
            self.check_repeated(lambda body=body: self.alice.post(CHAT, body))

    def test_state_of_responses(self):
        for upstream in (ANTHROPIC, RESPONSES):
            asked = {"model": upstream.slug_of(THINKS), "store": False, "include": ["reasoning.encrypted_content"]}
            first = self.alice.post("/v1/responses", {**asked, "input": "Hello"}).expect_json(200, "setup")
            items = [{"role": "user", "content": "Hello"}, *first["output"], {"role": "user", "content": "More."}]
            (thought,) = [item for item in items if "encrypted_content" in item]
            thought["encrypted_content"] = self.altered(thought["encrypted_content"])
            for stream in (False, True):
                with self.subTest(upstream=upstream.slug, stream=stream):
                    body = {**asked, "input": items, "stream": stream}
                    self.check_repeated(lambda body=body: self.alice.post("/v1/responses", body))

    def thought(self, upstream, name, signature, stream=False):
        blocks = [
            {"type": "thinking", "thinking": "Hm.", "signature": signature},
            {"type": "text", "text": "Well."},
        ]
        return {
            "model": upstream.slug_of(name),
            "max_tokens": 50,
            "stream": stream,
            "messages": [says("user", "Hello"), says("assistant", blocks), says("user", "More.")],
        }

    def test_conversations_that_pass_through(self):
        for stream in (False, True):
            body = self.thought(ANTHROPIC, THINKS, "Zm9yZ2Vk", stream)
            self.check_repeated(lambda body=body: self.alice.post("/v1/messages", body))

    def test_never_more_than_once_and_never_without_state(self):
        for signature, statuses in (("c2lnbmVk", [400, 400]), ("", [400])):
            for stream in (False, True):
                body = self.thought(ANTHROPIC, REFUSES, signature, stream)
                answer, came = self.calls(lambda body=body: self.alice.post("/v1/messages", body))
                answer.expect_error(400, "invalid_request", STATE)
                self.equal(came, statuses, STATE, "the provider's answers")
                self.check_row(answer, "error")
        for upstream in UPSTREAMS:
            answer, came = self.calls(lambda: self.alice.post(CHAT, body_of(upstream, REFUSES, False, says("user", "Hi"))))
            answer.expect_error(400, "invalid_request", STATE)
            self.equal(came, [400], STATE, "the provider's answers")


if __name__ == "__main__":
    harness.main()
