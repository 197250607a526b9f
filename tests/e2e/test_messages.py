# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of Anthropic's API: the same conversation with providers of every kind, and the books. Embeddings."""

import json

import harness
from harness import PLAIN, PRICE, UPSTREAM_KEY, Books, GatewayCase, model, platform, user

MESSAGES = "/v1/messages"
COUNT = MESSAGES + "/count_tokens"
EMBEDDINGS = "/v1/embeddings"
RULE = "messages.md, POST /v1/messages"
STREAM_RULE = "messages.md, Streaming"
ERROR_RULE = "messages.md, Errors"
KEY_RULE = "messages.md, Key"
HELLO = "Hello! How can I assist you today?"
KINDS = {"claude": "anthropic", "gemini": "google", "mock": "openai"}  # provider → kind
BEHAVIOURS = {
    "plain": "mock-p25-k5-c8",
    "slow": "mock-p30-c60-n60-g20",
    "tools": "mock-tools",
    "thinks": "mock-c20-r10",
    "broken": "mock-n6-fault-errorframe",
    "overloaded": "mock-fault-529ra4",
    "cut": "mock-n6-fault-cut",
}
TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {}}} for name in ("get_weather", "get_time")
]


def slug(provider, behaviour):
    return f"{provider}-{behaviour}"


def mapped(provider, behaviour):
    made = model(slug(provider, behaviour))
    made["mappings"][0].update(provider=provider, provider_model_id=BEHAVIOURS[behaviour])
    return made


def body(model_name, text="Say hello.", **members):
    return {"model": model_name, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **members}


class Messages(GatewayCase):
    models = (*(mapped(provider, behaviour) for provider in KINDS for behaviour in BEHAVIOURS), model(PLAIN.name))
    platforms = (
        platform(
            "acme",
            [user("alice", 10), user("bob", 10)],
            llm_configs=[{"provider": provider, "api_key": UPSTREAM_KEY} for provider in KINDS],
        ),
        platform("poor", [user("pat", 10)], wallet_usd=0),
    )

    @classmethod
    def document(cls):
        made = super().document()
        urls = {"claude": cls.mock.origin, "gemini": cls.mock.origin + "/v1beta"}
        made["providers"] += [
            {"slug": name, "kind": KINDS[name], "name": name, "base_url": url, "allow_private_address": True}
            for name, url in urls.items()
        ]
        return made

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))

    def ask(self, *args, **members):
        return self.alice.post(MESSAGES, body(*args, **members))

    def stream(self, *args, **members):
        return self.alice.request("POST", MESSAGES, body(*args, stream=True, **members))

    def row(self, response):
        return Books.read(self.acme).reconcile().log_of(response.headers["x-request-id"])

    def check_row(self, response, tokens, **wanted):
        row = self.row(response)
        came = {name: row[name] for name in ("prompt_tokens", "completion_tokens", "request_type", "status", *wanted)}
        prompt, completion = tokens
        usual = {"request_type": "chat.completion", "status": "success"}
        self.equal(
            came, {**usual, "prompt_tokens": prompt, "completion_tokens": completion, **wanted}, "logs.md", "log row"
        )
        self.equal(row["metadata"]["api"], "messages", "logs.md", "metadata.api")
        return row

    # ---------------------------------------------------------------- whatever the provider is

    def check_json(self, provider):
        response = self.ask(slug(provider, "plain"))
        message = response.expect_json(200, RULE)
        self.equal(
            {name: message[name] for name in ("type", "role", "model", "stop_reason", "stop_sequence")},
            {
                "type": "message",
                "role": "assistant",
                "model": slug(provider, "plain"),
                "stop_reason": "end_turn",
                "stop_sequence": None,
            },
            RULE,
            "message",
        )
        self.holds(message["id"].startswith("msg_") and len(message["id"]) == 36, "an id of ours", RULE, message["id"])
        self.equal([(block["type"], block["text"]) for block in message["content"]], [("text", HELLO)], RULE, "content")
        usage = message["usage"]
        self.equal(
            (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]), (20, 5, 8), RULE, "usage"
        )
        self.equal(response.headers["request-id"], response.headers["x-request-id"], RULE, "request-id")
        row = self.check_row(response, (25, 8), billing_status="billed", token_count_method="reported")
        self.equal(harness.Decimal(row["estimated_cost_usd"]), PRICE.cost(25, 8, 5), harness.COST_RULE, "cost")

    def check_stream(self, provider):
        response = self.stream(slug(provider, "plain"))
        events = [(name, json.loads(data)) for name, data in response.events()]
        response.expect(200, STREAM_RULE)
        self.equal(response.headers["content-type"], "text/event-stream", STREAM_RULE, "content-type")
        self.equal([name for name, event in events if name != event["type"]], [], STREAM_RULE, "names of events")
        names = [name for name, _ in events if name not in ("ping", "content_block_delta")]
        frame = ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
        self.equal(names, frame, STREAM_RULE, "events, without pieces")
        start = events[0][1]["message"]
        is_ours = start["id"].startswith("msg_") and start["model"] == slug(provider, "plain")
        self.holds(is_ours, "our id and slug", STREAM_RULE, start)
        text = "".join(event["delta"]["text"] for name, event in events if name == "content_block_delta")
        self.equal(text, HELLO, STREAM_RULE, "text")
        last = events[-2][1]
        self.equal((last["delta"]["stop_reason"], last["usage"]["output_tokens"]), ("end_turn", 8), STREAM_RULE)
        # Right after the last event: settlement comes before it.
        self.check_row(response, (25, 8))

    def check_tools(self, provider):
        """A loop of two rounds, with a stream and in one piece; what the model wants back travels with the client."""
        for stream in (False, True):
            with self.subTest(stream=stream):
                asked = body(slug(provider, "tools"), tools=TOOLS, stream=stream)
                response = self.alice.request("POST", MESSAGES, asked)
                message = self.message_of(response) if stream else response.expect_json(200, RULE)
                self.equal(message["stop_reason"], "tool_use", RULE, "stop_reason")
                calls = [block for block in message["content"] if block["type"] == "tool_use"]
                self.equal(
                    [(call["name"], call["input"]) for call in calls],
                    [("get_weather", {"location": "Paris"}), ("get_time", {"timezone": "Europe/Paris"})],
                    RULE,
                    "calls",
                )
                results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "fine"} for call in calls]
                asked["messages"] += [
                    {"role": "assistant", "content": message["content"]},
                    {"role": "user", "content": results},
                ]
                again = self.alice.request("POST", MESSAGES, asked)
                answer = self.message_of(again) if stream else again.expect_json(200, RULE)
                self.equal(answer["stop_reason"], "end_turn", RULE, "stop_reason of the second round")

    def message_of(self, response):
        """What a client puts together of a stream."""
        response.expect(200, STREAM_RULE)
        message, pieces = None, {}
        for name, data in response.events():
            event = json.loads(data)
            if name == "message_start":
                message = event["message"]
            elif name == "content_block_start":
                message["content"].append(event["content_block"])
                pieces[event["index"]] = ""
            elif name == "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                if delta["type"] == "input_json_delta":
                    pieces[event["index"]] += delta["partial_json"]
                    continue
                member = delta["type"].removesuffix("_delta")
                block[member] = block.get(member, "") + delta[member]
            elif name == "content_block_stop" and pieces[event["index"]]:
                message["content"][event["index"]]["input"] = json.loads(pieces[event["index"]])
            elif name == "message_delta":
                message.update(event["delta"])
        return message

    def check_failures(self, provider):
        before = Books.read(self.acme).spent
        answer = self.ask(slug(provider, "overloaded"))
        answer.expect_error(503, "provider_error", ERROR_RULE)
        self.equal(answer.headers.get("retry-after"), "4", ERROR_RULE, "Retry-After")
        self.equal(self.row(answer)["billing_status"], "not_billable", "inference.md, Billing")
        for behaviour in ("broken", "cut"):
            with self.subTest(behaviour=behaviour):
                response = self.stream(slug(provider, behaviour))
                name, data = list(response.expect(200, STREAM_RULE).events())[-1]
                error = json.loads(data)
                self.equal((name, error["type"]), ("error", "error"), ERROR_RULE, "last event")
                self.holds(error["error"]["type"] and error["error"]["code"], "type and code", ERROR_RULE, error)
                row = self.row(response)
                self.equal((row["status"], row["billing_status"]), ("error", "billed"), "inference.md, Billing")
        self.holds(Books.read(self.acme).spent > before, "what was seen to be billed", "inference.md, Billing")

    def check_abort(self, provider):
        """A client that leaves: the provider is told at once, and what had come is billed once."""
        before = len(Books.read(self.acme).logs)
        with self.acme.user_client("bob") as bob:
            response = bob.request("POST", MESSAGES, body(slug(provider, "slow"), stream=True))
            seen = 0
            for name, _ in response.expect(200, STREAM_RULE).events():
                seen += name == "content_block_delta"
                if seen == 3:
                    break
        harness.wait_for("the call to end upstream", lambda: self.mock.running() == 0)
        harness.wait_for("the log row", lambda: len(Books.read(self.acme).logs) == before + 1)
        row = Books.read(self.acme).reconcile().log_of(response.headers["x-request-id"])
        self.equal((row["status"], row["billing_status"]), ("cancelled", "billed"), "inference.md, Billing")
        self.holds(0 < row["completion_tokens"] < 60, "a part of the output", "inference.md, Billing", row)

    def check_all(self, provider):
        for check in (self.check_json, self.check_stream, self.check_tools, self.check_failures, self.check_abort):
            with self.subTest(check=check.__name__):
                check(provider)

    def test_passed_through_to_anthropic(self):
        self.check_all("claude")

    def test_translated_to_google(self):
        self.check_all("gemini")

    def test_translated_to_openai(self):
        self.check_all("mock")

    # ---------------------------------------------------------------- passing through

    def test_only_what_is_ours_changes_on_the_way_to_anthropic(self):
        sent = b'{"max_tokens": 100, "model":"claude-plain" , "context_management" : {"edits": [1.10]},'
        sent += b' "messages":[{"role":"user","content":"h\\u0069"}], "metadata":{"user_id":"u"}}'
        headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1, b-2"}
        self.alice.call("POST", MESSAGES, sent, headers=headers).expect(200, RULE)
        wanted = '{"max_tokens": 100,"model":"mock-p25-k5-c8","context_management" : {"edits": [1.10]},'
        wanted += '"messages":[{"role":"user","content":"h\\u0069"}],"metadata":{"user_id":"u"}}'
        self.equal(self.mock.last_body(), wanted, "messages.md, Passing through", "upstream body")
        came = self.mock.last_headers()
        self.equal(
            {name: came.get(name) for name in (*headers, "x-api-key", "authorization")},
            {**headers, "x-api-key": UPSTREAM_KEY, "authorization": None},
            "messages.md, Passing through",
            "upstream headers",
        )

    def test_thinking_of_anthropic_goes_back_as_it_came(self):
        message = self.ask("claude-thinks", thinking={"type": "adaptive"}).expect_json(200, RULE)
        self.equal([block["type"] for block in message["content"]], ["thinking", "text"], RULE, "blocks")
        turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": message["content"]}]
        again = self.ask("claude-thinks", messages=[*turns, {"role": "user", "content": "more"}])
        again.expect(200, RULE + ": the signature is unharmed")

    def test_a_conversation_may_change_providers(self):
        """Google signs its calls; Anthropic refuses signatures that are not its own."""
        for first, second in (("gemini", "claude"), ("claude", "gemini")):
            with self.subTest(first=first):
                message = self.ask(slug(first, "tools"), tools=TOOLS).expect_json(200, RULE)
                results = [
                    {"type": "tool_result", "tool_use_id": block["id"], "content": "fine"}
                    for block in message["content"]
                    if block["type"] == "tool_use"
                ]
                turns = [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": message["content"]},
                    {"role": "user", "content": results},
                ]
                self.ask(slug(second, "tools"), tools=TOOLS, messages=turns).expect(200, "messages.md, State")

    # ---------------------------------------------------------------- keys, gates, errors

    def test_keys(self):
        key = self.acme.users["alice"]["end_user_key"]
        with self.gateway.client() as nobody:
            for headers in (
                {"x-api-key": key},
                {"X-Api-Key": key, "authorization": "Bearer sk-eu_" + "0" * 64},
                {"authorization": f"Bearer {key}"},
                {"x-api-key": self.acme.key},
            ):
                nobody.call("POST", MESSAGES, body("claude-plain"), headers=headers).expect(200, KEY_RULE)
            for headers in ({}, {"x-api-key": "sk-eu_" + "0" * 64}, {"x-api-key": ""}, {"authorization": key}):
                answer = nobody.call("POST", MESSAGES, body("claude-plain"), headers=headers)
                answer.expect_error(401, "unauthorized", KEY_RULE)
            for path in ("/v1/chat/completions", EMBEDDINGS, "/v1/messagesx"):
                answer = nobody.call("POST", path, body("claude-plain"), headers={"x-api-key": key})
                status = 404 if path == "/v1/messagesx" else 401
                answer.expect(status, "conventions.md, Keys: no other place on other routes")

    def test_refusals_look_as_anthropics(self):
        with self.gateway.tenant("poor").user_client("pat") as pat:
            pat.post(MESSAGES, body("claude-plain")).expect_error(402, "wallet_insufficient", ERROR_RULE)
        self.alice.post(MESSAGES, b"{").expect_error(400, "invalid_json", ERROR_RULE)
        self.alice.post(MESSAGES + "/batches", {}).expect_error(404, "not_found", ERROR_RULE)
        self.ask("nobody").expect_error(404, "model_not_found", ERROR_RULE, param="model")
        self.ask("claude-plain", max_tokens=0).expect_error(422, "validation_error", ERROR_RULE, param="max_tokens")
        preflight = self.alice.call("OPTIONS", MESSAGES, headers={"origin": "https://app.example"})
        preflight.expect(204, "conventions.md, Browsers")
        for name in ("x-api-key", "anthropic-version"):
            self.holds(name in preflight.headers["access-control-allow-headers"], name, "conventions.md, Browsers")

    # ---------------------------------------------------------------- counting

    def test_counting_tokens_costs_nothing(self):
        before, calls = Books.read(self.acme), self.mock.count()
        question = {"model": "claude-plain", "messages": [{"role": "user", "content": "x" * 40}]}
        counted = self.alice.post(COUNT, question).expect_json(200, "messages.md, Counting tokens")
        self.equal(counted, {"input_tokens": 25}, "messages.md, Counting tokens", "what Anthropic says")
        self.equal(self.mock.count(), calls + 1, "messages.md, Counting tokens", "calls upstream")
        guess = self.alice.post(COUNT, {**question, "model": "gemini-plain"})
        guess = guess.expect_json(200, "messages.md, Counting tokens")
        self.equal(guess, {"input_tokens": 10}, "messages.md, Counting tokens", "the estimate")
        self.equal(self.mock.count(), calls + 1, "messages.md, Counting tokens", "calls upstream")
        failed = self.alice.post(COUNT, {**question, "model": "claude-overloaded"})
        failed.expect_error(503, "provider_error", "messages.md, Counting tokens")
        after = Books.read(self.acme)
        self.equal(after.logs, before.logs, "messages.md, Counting tokens", "log rows")
        self.equal(after.wallet["balance"], before.wallet["balance"], "messages.md, Counting tokens", "balance")
        with self.gateway.tenant("poor").user_client("pat") as pat:
            pat.post(COUNT, question).expect_error(402, "wallet_insufficient", "messages.md, Counting tokens")

    # ---------------------------------------------------------------- embeddings

    def test_embeddings(self):
        rule = "embeddings.md"
        question = {"model": PLAIN.name, "input": ["one", "two"], "dimensions": 8}
        response = self.alice.post(EMBEDDINGS, question)
        answer = response.expect_json(200, rule)
        self.equal(answer["model"], PLAIN.name, rule, "model")
        self.equal([entry["index"] for entry in answer["data"]], [0, 1], rule, "data")
        self.equal(answer["usage"], {"prompt_tokens": 25, "total_tokens": 25}, rule, "usage")
        row = self.row(response)
        self.equal(
            (row["prompt_tokens"], row["completion_tokens"], row["billing_status"], row["metadata"]["api"]),
            (25, 0, "billed", "embeddings"),
            rule,
            "log row",
        )
        self.equal(harness.Decimal(row["estimated_cost_usd"]), PRICE.cost(25, 0), harness.COST_RULE, "cost")
        for provider in ("claude", "gemini"):
            answer = self.alice.post(EMBEDDINGS, {**question, "model": slug(provider, "plain")})
            answer.expect_error(404, "model_not_found", rule, param="model")


if __name__ == "__main__":
    harness.main()
