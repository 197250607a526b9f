# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""POST /v1/responses on every kind of provider: answers, streams, tools, what is stored, and what is gone on from."""

import dataclasses
import datetime
import functools
import itertools
import threading

import harness
from harness import PLAIN, RESPONSE, Books, GatewayCase, model, parse_json, platform, user, wait_for

RESPONSES = "/v1/responses"
REQUEST = "responses.md, Request"
ITEMS = "responses.md, Items"
ANSWER = "responses.md, Response"
STREAM = "responses.md, Stream"
STORED = "responses-stored.md"
HELLO = "Hello! How can I assist you today?"
TERMINAL = ("response.completed", "response.incomplete", "response.failed")
WEATHER = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
CLOCK = {"type": "object", "properties": {"timezone": {"type": "string"}}}
TOOLS = [
    {"type": "function", "name": "get_weather", "description": "Tells the weather.", "parameters": WEATHER},
    {"type": "function", "function": {"name": "get_time", "parameters": CLOCK}},
]
CALLS = {"get_weather": {"location": "Paris"}, "get_time": {"timezone": "Europe/Paris"}}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NOBODY = "resp_" + "0" * 32


# ---------------------------------------------------------------- what a provider was told


@dataclasses.dataclass(frozen=True)
class Wire:
    """The mock as one kind of provider, and what it was asked in that wire format."""

    name: str
    kind: str
    api: str
    base: str = "/v1"

    @property
    def provider(self):
        return "wire-" + self.name

    def slug(self, upstream):
        return f"{self.name}.{upstream}"

    def model(self, upstream):
        names = {"provider": self.provider, "provider_model_id": upstream, "upstream_api": self.api}
        return model(self.slug(upstream), mapping=names)

    def tools(self, body):
        tools = body.get("tools", [])
        if self.api == "chat":
            return [tool["function"]["name"] for tool in tools]
        if self.api == "generateContent":
            return [tool["name"] for group in tools for tool in group["functionDeclarations"]]
        return [tool["name"] for tool in tools]

    def limit(self, body):
        if self.api == "generateContent":
            return body["generationConfig"]["maxOutputTokens"]
        return body["max_output_tokens" if self.api == "responses" else "max_tokens"]

    def said(self, body):
        """(who, what) in order: system, user, assistant, call, result; what has no words is left out."""
        return list({"messages": messages, "generateContent": contents, "responses": items}.get(self.api, chat)(body))


def words(content):
    """A text, or those of its parts."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def chat(body):
    for message in body["messages"]:
        if message["role"] == "tool":
            yield "result", words(message["content"])
            continue
        if message["content"]:
            yield message["role"], words(message["content"])
        for call in message.get("tool_calls", []):
            yield "call", (call["function"]["name"], parse_json(call["function"]["arguments"]))


def items(body):
    if "instructions" in body:
        yield "system", body["instructions"]
    for item in body["input"]:
        if item["type"] == "message":
            yield "system" if item["role"] == "developer" else item["role"], words(item["content"])
        elif item["type"] == "function_call":
            yield "call", (item["name"], parse_json(item["arguments"]))
        elif item["type"] == "function_call_output":
            yield "result", words(item["output"])


def messages(body):
    if body.get("system"):
        yield "system", words(body["system"])
    for message in body["messages"]:
        for block in message["content"]:
            if block["type"] == "text":
                yield message["role"], block["text"]
            elif block["type"] == "tool_use":
                yield "call", (block["name"], block["input"])
            elif block["type"] == "tool_result":
                yield "result", words(block["content"])


def contents(body):
    if "systemInstruction" in body:
        yield "system", words(body["systemInstruction"]["parts"])
    for message in body["contents"]:
        for part in message["parts"]:
            if "functionCall" in part:
                yield "call", (part["functionCall"]["name"], part["functionCall"]["args"])
            elif "functionResponse" in part:
                yield "result", part["functionResponse"]["response"]["output"]
            elif part.get("text"):
                yield {"model": "assistant"}.get(message["role"], message["role"]), part["text"]


WIRES = (
    Wire("chat", "openai", "chat"),
    Wire("responses", "openai", "responses"),
    Wire("xai", "xai", "chat"),
    Wire("anthropic", "anthropic", "messages", ""),
    Wire("google", "google", "generateContent", "/v1beta"),
)
OPENAI = WIRES[0]
CHATTY = "mock-p25-c8-n4-g5"
REASONING = "mock-p30-c20-r10"
LEFT = "mock-p30-c60-n60-g20"
SLOW = "mock-p25-c8-d400"
CUT = tuple(f"mock-n6-g5-fault-{how}" for how in ("cut", "resetmid", "cutclean", "errorframe", "badframe"))
REFUSING = ("mock-fault-400", "mock-fault-context", "mock-fault-500", "mock-fault-429ra7", "mock-fault-401key")
UPSTREAM = (PLAIN.name, CHATTY, REASONING, "mock-tools", "mock-json", "mock-refusal", "mock-length",
            "mock-content_filter", LEFT, SLOW, *CUT, *REFUSING)  # fmt: skip


def on_each_wire(test):
    """The test with each wire."""

    @functools.wraps(test)
    def run(self):
        for wire in WIRES:
            with self.subTest(wire=wire.name):
                test(self, wire)

    return run


def texts(output):
    """What the messages of an output say."""
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    return "".join(part["text"] for part in parts if part["type"] == "output_text")


def the_calls(output):
    return [item for item in output if item["type"] == "function_call"]


def outputs(calls):
    """The answers of a client to all calls."""
    return [{"type": "function_call_output", "call_id": call["call_id"], "output": call["name"]} for call in calls]


class ResponsesCase(GatewayCase):
    """A gateway with every wire; at the end everybody's books are right, and every call upstream has its row."""

    providers = tuple((wire.provider, wire.kind, wire.base) for wire in WIRES)
    models = tuple(wire.model(name) for wire in WIRES for name in UPSTREAM)

    @staticmethod
    def tenant_of(slug, *names):
        configs = [{"provider": wire.provider, "api_key": harness.UPSTREAM_KEY} for wire in WIRES]
        return platform(slug, [user(name, 100) for name in names], llm_configs=configs)

    @classmethod
    def tearDownClass(cls):
        wait_for("no call running upstream", lambda: not cls.mock.running())
        books = [Books.read(cls.gateway.tenant(entry["slug"])).reconcile() for entry in cls.gateway.result["platforms"]]
        logs = [row for each in books for row in each.logs]
        check = harness.Checks()
        check.equal({row["request_type"] for row in logs}, {"response"}, "logs.md, request_type", "kinds of log rows")
        check.equal(len(logs), cls.mock.count(), "logs.md, one row per upstream model call", "log rows")
        super().tearDownClass()

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.server = self.enterContext(self.acme.client)

    def ask(self, name, said="Say hello.", client=None, wire=OPENAI, **members):
        body = {"model": wire.slug(name), "input": said, **members}
        client = client or self.alice
        return client.request("POST", RESPONSES, body) if members.get("stream") else client.post(RESPONSES, body)

    def answered(self, *args, status="completed", **members):
        """The response object of a call that must be answered."""
        value = self.ask(*args, **members).expect_json(200, ANSWER)
        self.exact(value, RESPONSE, ANSWER)
        self.equal(value["status"], status, ANSWER, "status")
        return value

    def upstream(self):
        return parse_json(self.mock.last_body())

    def told(self, wire=OPENAI):
        return wire.said(self.upstream())

    def get(self, response_id, client=None):
        return (client or self.alice).get(f"{RESPONSES}/{response_id}")

    def is_unknown(self, response_id, client=None, rule=STORED):
        self.get(response_id, client).expect_error(404, "response_not_found", rule, param=None)
        answer = self.ask(PLAIN.name, client=client, previous_response_id=response_id)
        answer.expect_error(404, "response_not_found", rule, param="previous_response_id")

    def rows_of(self, answer):
        """Its log rows, which are among the newest."""
        logs = self.server.get(self.acme.path + "/logs", limit=20).expect_json(200, "logs.md")["data"]
        return [row for row in logs if row["metadata"]["request_id"] == answer.headers["x-request-id"]]

    def log_of(self, answer):
        rows = self.rows_of(answer)
        self.equal(len(rows), 1, "logs.md, one row per upstream model call", "log rows of a request")
        return rows[0]

    # -------- streams

    def streamed(self, *args, **members):
        """The events of a whole stream, read as a careful client would, and the bytes of its last response."""
        answer = self.ask(*args, stream=True, **members).expect(200, STREAM)
        self.equal(answer.headers["content-type"].split(";")[0], "text/event-stream", STREAM, "content-type")
        return self.careful(answer)

    def careful(self, answer):
        events, last = [], None
        for name, data in answer.events():
            event = parse_json(data)
            expected = (name, len(events))
            self.equal((event["type"], event["sequence_number"]), expected, STREAM, "type and gapless number")
            self.holds(not events or events[-1]["type"] not in TERMINAL, "nothing behind the end", STREAM, event)
            events.append(event)
            last = data
        types = [event["type"] for event in events]
        self.equal(types[:2], ["response.created", "response.in_progress"], STREAM, "the beginning")
        self.holds(types[-1] in TERMINAL, f"one of {TERMINAL} at the end", STREAM, types)
        for event in events[:2]:
            begun = event["response"]
            self.equal((begun["status"], begun["output"], begun["usage"]), ("in_progress", [], None), STREAM)
        final = events[-1]["response"]
        self.exact(final, RESPONSE, ANSWER)
        self.equal("response." + final["status"], types[-1], STREAM, "status of the last response")
        self.equal(self.items_of(events[2:-1]), final["output"], STREAM, "items told against those of the end")
        head = f'{{"type":"{types[-1]}","sequence_number":{len(events) - 1},"response":'
        self.holds(last.startswith(head) and last.endswith("}"), f"an event that begins {head}", STREAM, last[:200])
        return events, last[len(head) : -1].encode()

    def items_of(self, events):
        """The items of a stream, each told from its begin to its end before the next one."""
        done, item, deltas = [], None, {}
        for event in events:
            kind = event["type"].removeprefix("response.")
            self.equal(event["output_index"], len(done), STREAM, f"output_index of {kind}")
            if kind == "output_item.added":
                self.equal((item, event["item"]["status"]), (None, "in_progress"), STREAM, "a new item")
                item, deltas = event["item"], {}
            elif kind == "output_item.done":
                self.equal(event["item"]["id"], item["id"], STREAM, "the item that ends")
                self.equal("".join(deltas.values()), self.wording(event["item"]), STREAM, "its deltas together")
                done, item = [*done, event["item"]], None
            else:
                self.equal(event["item_id"], item["id"], STREAM, f"item_id of {kind}")
                place = kind.rsplit(".", 1)[0], event.get("content_index"), event.get("summary_index")
                if kind.endswith(".delta"):
                    deltas[place] = deltas.get(place, "") + event["delta"]
                elif kind.endswith("done") and "part" not in event:
                    whole = next(event[name] for name in ("text", "refusal", "arguments") if name in event)
                    self.equal(whole, deltas.get(place, ""), STREAM, f"{kind} against its deltas")
        self.equal(item, None, STREAM, "an item that was not closed")
        return done

    @staticmethod
    def wording(item):
        if item["type"] == "function_call":
            return item["arguments"]
        parts = [*item.get("summary", []), *item.get("content", [])]
        return "".join(part.get("text", part.get("refusal", "")) for part in parts)


# ---------------------------------------------------------------- every provider


class Wires(ResponsesCase):
    platforms = (ResponsesCase.tenant_of("acme", "alice"),)

    @on_each_wire
    def test_an_answer_in_one_piece(self, wire):
        answer = self.ask(PLAIN.name, wire=wire, instructions="Be brief.", metadata={"a": "b"})
        value = answer.expect_json(200, ANSWER)
        self.exact(value, RESPONSE, ANSWER)
        self.equal((value["status"], value["model"]), ("completed", wire.slug(PLAIN.name)), ANSWER)
        self.equal((value["instructions"], value["metadata"], value["store"]), ("Be brief.", {"a": "b"}, True), ANSWER)
        self.equal(texts(value["output"]), HELLO, ANSWER, "the text")
        (message,) = value["output"]
        self.holds(message["id"].startswith("msg_"), "an id msg_…", ANSWER, message)
        usage = value["usage"]
        counts = (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])
        self.equal(counts, (PLAIN.prompt, PLAIN.completion, PLAIN.prompt + PLAIN.completion), ANSWER, "usage")
        self.equal(self.told(wire), [("system", "Be brief."), ("user", "Say hello.")], ITEMS, "what was asked")
        row = self.log_of(answer)
        self.equal(
            (row["request_type"], row["status"], row["prompt_tokens"], row["completion_tokens"]),
            ("response", "success", PLAIN.prompt, PLAIN.completion),
            "logs.md",
            "the log row",
        )
        self.equal(self.get(value["id"]).expect(200, STORED).read(), answer.read(), STORED, "what GET returns")

    @on_each_wire
    def test_a_stream(self, wire):
        events, last = self.streamed(CHATTY, wire=wire)
        types = [event["type"].removeprefix("response.") for event in events]
        deltas = types.count("output_text.delta")
        self.holds(deltas > 1, "more than one piece", STREAM, types)
        self.equal(
            [kind for kind, _ in itertools.groupby(types)],
            ["created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
             "output_text.done", "content_part.done", "output_item.done", "completed"],
            STREAM,
            "events",
        )  # fmt: skip
        self.equal(self.get(events[-1]["response"]["id"]).expect(200, STORED).read(), last, STORED, "GET")

    @on_each_wire
    def test_functions(self, wire):
        asked = {"tools": TOOLS, "parallel_tool_calls": True, "wire": wire}
        value = self.answered("mock-tools", **asked)
        self.equal(wire.tools(self.upstream()), list(CALLS), REQUEST, "tools in both forms")
        shown = [(tool["type"], tool["name"], tool["parameters"]) for tool in value["tools"]]
        expected = [("function", "get_weather", WEATHER), ("function", "get_time", CLOCK)]
        self.equal(shown, expected, ANSWER, "tools, flat")
        calls = the_calls(value["output"])
        self.equal({call["name"]: parse_json(call["arguments"]) for call in calls}, CALLS, ANSWER, "calls")
        self.equal({call["status"] for call in calls}, {"completed"}, ANSWER, "status of the calls")

        events, _ = self.streamed("mock-tools", **asked)
        told = the_calls(events[-1]["response"]["output"])
        self.equal([call["name"] for call in told], [call["name"] for call in calls], STREAM, "calls of a stream")

        after = [("user", "Say hello."), *(("call", entry) for entry in CALLS.items()),
                 *(("result", name) for name in CALLS)]  # fmt: skip
        history = [{"role": "user", "content": "Say hello."}, *value["output"], *outputs(calls)]
        for said, members in (
            (history, {}),
            (outputs(calls), {"previous_response_id": value["id"]}),
            (
                [*history[:1], *({"type": "item_reference", "id": item["id"]} for item in value["output"]),
                 *outputs(calls)],
                {},
            ),
        ):  # fmt: skip
            done = self.answered("mock-tools", said, **asked, **members)
            self.equal(texts(done["output"]), HELLO, ANSWER, "the answer behind the results")
            self.equal(self.told(wire), after, ITEMS, "calls and results at the provider")

    @on_each_wire
    def test_reasoning_goes_back_to_where_it_came_from(self, wire):
        shown = self.answered(REASONING, wire=wire, include=["reasoning.encrypted_content"])
        hidden = self.answered(REASONING, wire=wire)
        self.equal(hidden["usage"]["output_tokens_details"]["reasoning_tokens"], 10, ANSWER, "reasoning tokens")
        states = [item["encrypted_content"] for item in shown["output"] if "encrypted_content" in item]
        self.equal("encrypted_content" in str(hidden["output"]), False, ANSWER, "state that nobody asked for")
        self.equal(bool(states), wire.api in ("responses", "messages"), ANSWER, "there is state")
        again = [{"role": "user", "content": "Hello"}, *shown["output"], {"role": "user", "content": "Go on."}]
        self.answered(REASONING, again, wire=wire)
        by_client = self.mock.last_body()
        self.answered(REASONING, "Go on.", wire=wire, previous_response_id=hidden["id"])
        for body in (by_client, self.mock.last_body()):
            self.equal("c2lnbmVk" in body, bool(states), ANSWER, "the state at the provider")

    @on_each_wire
    def test_structured_output(self, wire):
        flat = {"type": "json_schema", "name": "city", "schema": CITY}
        nested = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
        for members in ({"text": {"format": flat}}, {"response_format": nested}):
            value = self.answered("mock-json", wire=wire, **members)
            self.equal(parse_json(texts(value["output"]))["city"], "Paris", REQUEST, "the JSON")
            self.equal(value["text"]["format"]["schema"], CITY, ANSWER, "text.format")
            self.holds('"city"' in self.mock.last_body(), "the schema at the provider", REQUEST, self.upstream())
        both = {"text": {"format": {"type": "text"}}, "response_format": nested}
        self.answered("mock-json", wire=wire, **both)
        self.holds('"city"' not in self.mock.last_body(), "no schema: text.format wins", REQUEST, self.upstream())

    @on_each_wire
    def test_the_limit_of_the_output(self, wire):
        for limit in (15, 1, 0):
            error = self.ask(PLAIN.name, wire=wire, max_output_tokens=limit)
            error.expect_error(422, "integer_below_min_value", REQUEST, param="max_output_tokens")
        self.answered(PLAIN.name, wire=wire, max_output_tokens=16)
        self.equal(wire.limit(self.upstream()), 16, REQUEST, "the limit at the provider")

    @on_each_wire
    def test_an_answer_that_is_cut_off(self, wire):
        for name, reason in (("mock-length", "max_output_tokens"), ("mock-content_filter", "content_filter")):
            value = self.answered(name, wire=wire, status="incomplete")
            events, _ = self.streamed(name, wire=wire)
            for response in (value, events[-1]["response"]):
                self.equal(response["incomplete_details"], {"reason": reason}, ANSWER, "incomplete_details")
                self.equal(response["output"][-1]["status"], "incomplete", ANSWER, "the item that was written")
                self.equal(response["completed_at"], None, ANSWER, "completed_at")

    @on_each_wire
    def test_a_refusal(self, wire):
        status = "completed" if wire.api in ("chat", "responses") else "incomplete"
        value = self.answered("mock-refusal", wire=wire, status=status)
        events, _ = self.streamed("mock-refusal", wire=wire)
        for output in (value["output"], events[-1]["response"]["output"]):
            parts = [part for item in output for part in item["content"]]
            declined = [part["refusal"] for part in parts if part["type"] == "refusal"]
            self.equal(bool(declined), wire.api != "generateContent", ANSWER, "the words of a refusal")

    @on_each_wire
    def test_a_provider_that_fails_before_it_answers(self, wire):
        for fault in (fault for fault in harness.FAULTS if fault.name in REFUSING):
            thread = self.call_id()
            for stream in (False, True):
                answer = self.ask(fault.name, wire=wire, thread_id=thread, stream=stream)
                answer.expect_error(fault.status, fault.code, "inference.md, Provider failures")
                self.equal(self.log_of(answer)["billing_status"], "not_billable", "inference.md, Billing")
            self.answered(PLAIN.name, wire=wire, thread_id=thread)
            self.equal(self.told(wire), [("user", "Say hello.")], STORED + " 1", "nothing of it is stored")

    @on_each_wire
    def test_a_provider_that_fails_in_the_middle(self, wire):
        for name in CUT:
            answer = self.ask(name, wire=wire, stream=True).expect(200, STREAM)
            events, last = self.careful(answer)
            failed = events[-1]["response"]
            self.equal((failed["status"], failed["error"]["code"]), ("failed", "provider_error"), STREAM, name)
            self.equal(failed["output"][-1]["status"], "incomplete", STREAM, "the item that was open")
            row = self.log_of(answer)
            usage = failed["usage"]
            self.equal((row["status"], row["billing_status"]), ("error", "billed"), "inference.md, Billing")
            counts = (usage["input_tokens"], usage["output_tokens"])
            self.equal(counts, (row["prompt_tokens"], row["completion_tokens"]), ANSWER, "usage as billed")
            self.equal(self.get(failed["id"]).expect(200, STORED).read(), last, STORED, "GET of a failed one")
        before = texts(failed["output"])
        self.answered(PLAIN.name, "Go on.", wire=wire, previous_response_id=failed["id"])
        expected = [("user", "Say hello."), ("assistant", before), ("user", "Go on.")]
        self.equal(self.told(wire), expected, STORED + " 3: of any status", "history")
        self.ask(CUT[0], wire=wire).expect_error(502, "provider_error", "inference.md, Provider failures")

    @on_each_wire
    def test_what_no_provider_takes_is_named(self, wire):
        answer = self.ask(PLAIN.name, wire=wire, nonsense=1, metadata={"secret": "xyzzy"}).expect(200, REQUEST)
        dropped = answer.headers.get("x-dropped-params", "").split(", ")
        self.holds("nonsense" in dropped, "nonsense in x-dropped-params", REQUEST, dropped)
        self.holds("xyzzy" not in self.mock.last_body(), "metadata is never sent on", REQUEST, self.upstream())

    @on_each_wire
    def test_a_client_that_leaves_half_way(self, wire):
        thread = self.call_id()
        client = self.enterContext(self.acme.user_client("alice"))
        body = {"model": wire.slug(LEFT), "input": "Count.", "stream": True, "thread_id": thread}
        answer = client.request("POST", RESPONSES, body).expect(200, STREAM)
        seen = [parse_json(data) for _, data in itertools.islice(answer.events(), 20)]
        client.close()
        wait_for("the upstream call gone within 1 s of the client", lambda: not self.mock.running(), 1)
        wait_for("its log row within 2 s", lambda: self.rows_of(answer), 2)
        row = self.log_of(answer)
        self.equal((row["status"], row["billing_status"]), ("cancelled", "billed"), "inference.md, Billing")
        self.is_unknown(seen[0]["response"]["id"], rule=STORED + " 1")
        self.answered(PLAIN.name, wire=wire, thread_id=thread)
        self.equal(self.told(wire), [("user", "Say hello.")], STORED + " 1", "nothing of it is stored")


# ---------------------------------------------------------------- what is stored


class Conversations(ResponsesCase):
    platforms = (ResponsesCase.tenant_of("acme", "alice", "bob"), ResponsesCase.tenant_of("rival", "mallory"))

    def turn(self, said):
        return [("user", said), ("assistant", HELLO)]

    def test_previous_responses_come_before_the_input(self):
        rule = STORED + " 3"
        for wire in WIRES:
            with self.subTest(wire=wire.name):
                first = self.answered(PLAIN.name, "One.", wire=wire, instructions="Be brief.")
                second = self.answered(PLAIN.name, "Two.", wire=wire, previous_response_id=first["id"])
                self.equal(second["previous_response_id"], first["id"], ANSWER)
                self.equal(self.told(wire), [*self.turn("One."), ("user", "Two.")], rule, "no instructions any more")
                third = self.answered(PLAIN.name, "Three.", wire=wire, previous_response_id=second["id"])
                expected = [*self.turn("One."), *self.turn("Two."), ("user", "Three.")]
                self.equal(self.told(wire), expected, rule, "the whole conversation")
                self.answered(PLAIN.name, "Other.", wire=wire, previous_response_id=first["id"])
                self.equal(self.told(wire), [*self.turn("One."), ("user", "Other.")], rule, "another way on")

                self.alice.delete(f"{RESPONSES}/{first['id']}").expect(200, rule)
                answer = self.ask(PLAIN.name, previous_response_id=third["id"])
                answer.expect_error(404, "response_not_found", rule + ", an ancestor", param="previous_response_id")

    def test_a_conversation_may_change_its_provider(self):
        said, before = [], None
        for number, wire in enumerate((*WIRES, *WIRES[:1])):
            members = {"previous_response_id": before} if before else {}
            value = self.answered(REASONING, f"Turn {number}.", wire=wire, **members)
            self.equal(self.told(wire), [*said, ("user", f"Turn {number}.")], STORED + " 3", f"asked of {wire.name}")
            said += self.turn(f"Turn {number}.")
            before = value["id"]

    def test_threads(self):
        rule = STORED + " 3, thread_id"
        thread, said = self.call_id(), []
        first = self.answered(PLAIN.name, "Turn 0.", thread_id=thread)
        said += self.turn("Turn 0.")
        for number, wire in enumerate(WIRES, 1):
            value = self.answered(PLAIN.name, f"Turn {number}.", wire=wire, thread_id=thread)
            self.equal(value["thread_id"], thread, ANSWER)
            self.equal(self.told(wire), [*said, ("user", f"Turn {number}.")], rule, "history")
            said += self.turn(f"Turn {number}.")
        self.answered("mock-length", "Cut.", thread_id=thread, status="incomplete")
        self.answered(PLAIN.name, "Not stored.", thread_id=thread, store=False)
        self.answered(PLAIN.name, "Last.", thread_id=thread)
        self.equal(self.told(), [*said, ("user", "Last.")], rule + ": completed and stored ones only", "history")
        self.alice.delete(f"{RESPONSES}/{first['id']}").expect(200, rule)
        self.answered(PLAIN.name, "End.", thread_id=thread)
        expected = [*said[2:], *self.turn("Last."), ("user", "End.")]
        self.equal(self.told(), expected, rule + ": what is gone is left out", "history")
        for client in (self.server, self.enterContext(self.acme.user_client("bob"))):
            self.answered(PLAIN.name, client=client, thread_id=thread)
            self.equal(self.told(), [("user", "Say hello.")], rule + ": of one owner", "history")

    def test_a_thread_and_a_previous_response(self):
        rule = STORED + " 3, both"
        thread = self.call_id()
        first = self.answered(PLAIN.name, "One.", thread_id=thread)
        self.answered(PLAIN.name, "Two.", thread_id=thread)
        both = {"thread_id": thread, "previous_response_id": first["id"]}
        self.answered(PLAIN.name, "Aside.", **both)
        self.equal(self.told(), [*self.turn("One."), ("user", "Aside.")], rule, "as with previous_response_id alone")
        self.answered(PLAIN.name, "Three.", thread_id=thread)
        expected = [*self.turn("One."), *self.turn("Two."), *self.turn("Aside."), ("user", "Three.")]
        self.equal(self.told(), expected, rule, "it joined the thread")
        stranger = self.answered(PLAIN.name)
        for other in ({**both, "thread_id": self.call_id()}, {**both, "previous_response_id": stranger["id"]}):
            answer = self.ask(PLAIN.name, **other)
            answer.expect_error(422, "validation_error", rule, param="previous_response_id")

    def test_references(self):
        rule = STORED + " 3, item_reference"
        first = self.answered(PLAIN.name, "One.")
        reference = {"type": "item_reference", "id": first["output"][0]["id"]}
        said = [{"role": "user", "content": "Quote."}, reference, {"role": "user", "content": "Well?"}]
        second = self.answered(PLAIN.name, said)
        expected = [("user", "Quote."), ("assistant", HELLO), ("user", "Well?")]
        self.equal(self.told(), expected, rule, "the item in its place")
        self.alice.delete(f"{RESPONSES}/{first['id']}").expect(200, rule)
        self.answered(PLAIN.name, "More.", previous_response_id=second["id"])
        self.equal(self.told()[:3], expected, rule + ": stored as what it refers to", "history")
        for client, unknown in ((self.alice, "msg_" + "0" * 32), (self.server, reference["id"]), (self.alice, "ö")):
            answer = self.ask(PLAIN.name, [{"type": "item_reference", "id": unknown}], client=client)
            answer.expect_error(404, "response_not_found", rule, param="input")

    def test_what_is_not_stored_is_not_there(self):
        rule = STORED + " 1, store"
        value = self.answered(PLAIN.name, store=False)
        self.equal(value["store"], False, ANSWER)
        self.is_unknown(value["id"], rule=rule)
        events, _ = self.streamed(PLAIN.name, store=False)
        self.is_unknown(events[-1]["response"]["id"], rule=rule)

    def test_get_and_delete(self):
        rule = STORED + " 5"
        answer = self.ask(PLAIN.name)
        value = answer.expect_json(200, ANSWER)
        self.equal(self.get(value["id"]).expect_json(200, rule), value, rule)
        self.equal(self.get(value["id"]).read(), answer.read(), rule, "the same bytes")
        gone = self.alice.delete(f"{RESPONSES}/{value['id']}").expect_json(200, rule)
        self.equal(gone, {"id": value["id"], "object": "response", "deleted": True}, rule)
        self.alice.delete(f"{RESPONSES}/{value['id']}").expect_error(404, "response_not_found", rule)
        self.is_unknown(value["id"], rule=rule)
        for nobody in (NOBODY, "x", "resp_%C3%A9", "resp_" + "x" * 500):
            for method in ("GET", "DELETE"):
                answer = self.alice.call(method, f"{RESPONSES}/{nobody}")
                answer.expect_error(404, "response_not_found", rule)

    def test_who_sees_it(self):
        rule = STORED + " 2"
        other_key = self.server.post(self.acme.path + "/api-keys", {"name": "second"}).expect_json(201, "setup")
        second = self.enterContext(self.gateway.client(self.gateway.remember(other_key)))
        user_key = self.server.post(self.acme.user_path("alice") + "/api-keys", {"name": "phone"})
        phone = self.enterContext(self.gateway.client(self.gateway.remember(user_key.expect_json(201, "setup"))))
        bob = self.enterContext(self.acme.user_client("bob"))
        rival = self.gateway.tenant("rival")
        mallory, rivals = self.enterContext(rival.user_client("mallory")), self.enterContext(rival.client)
        everybody = [self.alice, phone, bob, self.server, second, mallory, rivals]
        for owners in ([self.alice, phone], [self.server, second], [rivals]):
            value = self.answered(PLAIN.name, client=owners[0])
            for client in everybody:
                if client in owners:
                    self.get(value["id"], client).expect(200, rule)
                    self.answered(PLAIN.name, client=client, previous_response_id=value["id"])
                else:
                    self.is_unknown(value["id"], client, rule)
                    gone = client.delete(f"{RESPONSES}/{value['id']}")
                    gone.expect_error(404, "response_not_found", rule)
            self.get(value["id"], owners[0]).expect(200, rule + ": strangers deleted nothing")

    def test_the_second_on_a_thread_waits_for_the_first(self):
        rule = STORED + " 4"
        thread, mark = self.call_id(), self.mock.count()
        answers = {}

        def run(said, name):
            with self.acme.user_client("alice") as client:
                answers[said] = self.ask(name, said, client=client, thread_id=thread)

        first = threading.Thread(target=run, args=("First.", SLOW))
        first.start()
        wait_for("the first one at the provider", lambda: self.mock.count() > mark)
        self.answered(PLAIN.name, "Apart.", thread_id=self.call_id())
        self.holds(first.is_alive(), "another thread not to wait", rule)
        run("Second.", PLAIN.name)
        self.equal(self.told(), [*self.turn("First."), ("user", "Second.")], rule, "history of the second one")
        first.join()
        for answer in answers.values():
            answer.expect(200, rule)

    def test_a_thread_with_too_many_waiting(self):
        rule = STORED + " 4, at most 16 wait"
        thread, mark = self.call_id(), self.mock.count()
        answers = []

        def run(name):
            with self.acme.user_client("alice", 60) as client:
                answers.append(self.ask(name, client=client, thread_id=thread))

        threads = [threading.Thread(target=run, args=(SLOW,)) for _ in range(18)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        refused = [answer for answer in answers if answer.status != 200]
        self.equal(len(refused), 1, rule, "refused of 1 + 16 + 1")
        refused[0].expect_error(503, "thread_busy", rule, param="thread_id")
        self.equal(refused[0].headers.get("retry-after"), "1", rule, "Retry-After")
        self.equal(self.mock.count() - mark, 17, rule, "calls at the provider")
        self.answered(PLAIN.name, "Last.", thread_id=thread)
        self.equal(len(self.told()), 2 * 17 + 1, rule, "what was said in the thread")

    def test_gates_come_before_the_conversation(self):
        rule = "inference.md, gate order"
        path = self.acme.user_path("bob") + "/budget"
        bob = self.enterContext(self.acme.user_client("bob"))
        self.server.patch(path, {"is_suspended": True}).expect(200, "setup")
        self.ask(PLAIN.name, client=bob, previous_response_id=NOBODY).expect_error(402, "budget_suspended", rule)
        self.ask(PLAIN.name, 7, client=bob).expect_error(422, "validation_error", rule, param="input")
        self.server.patch(path, {"is_suspended": False}).expect(200, "setup")
        self.ask("nothing", client=bob, previous_response_id=NOBODY).expect_error(404, "model_not_found", rule)
        limits = self.acme.user_path("bob") + "/rate-limits"
        self.server.post(limits, {"rpm_limit": 1}).expect(200, "setup")
        self.ask("nothing", client=bob).expect_error(429, "rate_limit_exceeded", rule, denied_by="eu_rpm")
        self.server.delete(limits).expect(204, "setup")

    def test_hosted_tools_are_not_here(self):
        rule = "responses.md, Hosted MCP tools"
        tool = {"type": "mcp", "server_label": "x", "server_url": "https://example.com/mcp"}
        mark = self.mock.count()
        self.ask(PLAIN.name, tools=[tool]).expect_error(503, "mcp_unreachable", rule)
        for approval in ("always", {"never": {}}):
            answer = self.ask(PLAIN.name, tools=[{**tool, "require_approval": approval}])
            error = answer.expect_error(422, "unsupported_require_approval", rule)
            self.holds("unsupported require_approval value" in error["message"], "these words", rule, error)
        self.equal(self.mock.count(), mark, rule, "calls at the provider")


class Expiry(ResponsesCase):
    platforms = (ResponsesCase.tenant_of("acme", "alice"),)
    options = ("--test-clock",)

    def test_after_thirty_days_it_is_gone(self):
        rule = STORED + " 1, 30 days"
        thread = self.call_id()
        first = self.answered(PLAIN.name, "Old.", thread_id=thread)
        days = int(datetime.timedelta(days=30).total_seconds())
        self.gateway.set_clock(advance_seconds=days - 120)
        second = self.answered(PLAIN.name, "New.", thread_id=thread)
        expected = [("user", "Old."), ("assistant", HELLO), ("user", "New.")]
        self.equal(self.told(), expected, rule, "history on the last day")
        self.get(first["id"]).expect(200, rule)
        self.gateway.set_clock(advance_seconds=180)
        self.is_unknown(first["id"], rule=rule)
        self.alice.delete(f"{RESPONSES}/{first['id']}").expect_error(404, "response_not_found", rule)
        self.get(second["id"]).expect(200, rule)
        self.answered(PLAIN.name, "Now.", thread_id=thread)
        expected = [("user", "New."), ("assistant", HELLO), ("user", "Now.")]
        self.equal(self.told(), expected, rule, "the thread without it")
        stored = f"SELECT id FROM responses WHERE id = '{first['id']}'"
        wait_for("its row removed by housekeeping", lambda: not self.gateway.query(stored), 90, 0.5)


if __name__ == "__main__":
    harness.main()
