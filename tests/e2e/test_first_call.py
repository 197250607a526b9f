# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an empty directory to a billed call: what the caller gets, what the provider gets, what is written down."""

import json
from decimal import Decimal

import harness
from harness import (
    BUDGET,
    LEDGER_ROW,
    LOG,
    PLAIN,
    PRICE,
    WALLET_ROW,
    Books,
    GatewayCase,
    Price,
    chat_body,
    model,
    platform,
    user,
)

CHAT = "/v1/chat/completions"
CHAT_RULE = "inference.md 2, POST /v1/chat/completions"
STREAM_RULE = "inference.md 2, Streaming"
GATES = "inference.md 1, gate order"


class FirstCall(GatewayCase):
    models = (*harness.MODELS, model("other-price", Price("2.5", "0.25", "10")))
    platforms = (
        platform("acme", [user("alice", 10), user("bob", 10), user("carol"), user("dave", 10), user("eve", 10)]),
        platform("rival", [user("mallory", 10)]),
        platform("dear", [user("dora", 10)], settings={"markup_percentage": 80}),
        platform("poor", [user("pat", 10)], wallet_usd=0),
    )

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.server = self.enterContext(self.acme.client)

    def log_row(self, response):
        return Books.read(self.acme).log_of(response.headers["x-request-id"])

    # ---------------------------------------------------------------- one call

    def test_a_json_call_is_answered_and_written_down_exactly(self):
        before = Books.read(self.acme)
        response = self.alice.post(CHAT, chat_body(PLAIN.name))
        answer = response.expect_json(200, CHAT_RULE)
        self.shape(
            answer,
            {
                "id": lambda v: v.startswith("chatcmpl-"),
                "object": lambda v: v == "chat.completion",
                "created": int,
                "model": lambda v: v == PLAIN.name,
                "choices": list,
                "usage": dict,
            },
            CHAT_RULE,
        )
        (choice,) = answer["choices"]
        self.equal(
            (choice["index"], choice["finish_reason"], choice["message"]["role"]), (0, "stop", "assistant"), CHAT_RULE
        )
        self.holds(choice["message"]["content"], "some content", CHAT_RULE, choice)
        usage = answer["usage"]
        self.equal(
            (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
            (PLAIN.prompt, PLAIN.completion, PLAIN.prompt + PLAIN.completion),
            CHAT_RULE,
            "usage",
        )

        # Right after the answer: settlement comes before its last byte.
        after = Books.read(self.acme).reconcile()
        cost = PRICE.cost(PLAIN.prompt, PLAIN.completion)
        row = after.log_of(response.headers["x-request-id"])
        user_id = self.acme.users["alice"]["id"]
        self.shape(row, LOG, "logs.md", absent=harness.INTERNAL)
        self.equal(
            {
                name: row[name]
                for name in (
                    "platform_id",
                    "end_user_id",
                    "request_type",
                    "provider_model_id",
                    "prompt_tokens",
                    "completion_tokens",
                    "total_tokens",
                    "estimated_cost_usd",
                    "status",
                    "error_message",
                    "token_count_method",
                    "billing_status",
                )
            },
            {
                "platform_id": self.acme.id,
                "end_user_id": user_id,
                "request_type": "chat.completion",
                "provider_model_id": PLAIN.name,
                "prompt_tokens": PLAIN.prompt,
                "completion_tokens": PLAIN.completion,
                "total_tokens": PLAIN.prompt + PLAIN.completion,
                "estimated_cost_usd": f"{cost:.6f}",
                "status": "success",
                "error_message": None,
                "token_count_method": "reported",
                "billing_status": "billed",
            },
            "logs.md",
            "log row",
        )
        self.equal((row["metadata"]["model"], row["metadata"]["stream"]), (PLAIN.name, False), "logs.md, metadata")
        self.holds(
            "pricing" in row["metadata"],
            "the price version in metadata.pricing",
            "headless-and-admin.md 5, Cost",
            row["metadata"],
        )

        money = after.wallet_rows[-1]
        self.shape(money, WALLET_ROW, "wallet.md 1")
        self.equal(
            (money["type"], money["amount"], money["balance_after"], money["reference"]),
            ("llm_usage", cost, before.wallet["balance"] - cost, row["id"]),
            "wallet.md 1",
            "the wallet's debit",
        )
        self.equal(
            (money["metadata"].get("end_user_id"), money["metadata"].get("model")),
            (user_id, PLAIN.name),
            "wallet.md 1, metadata of usage rows",
        )
        self.equal(
            after.wallet["recent_transactions"][0]["id"], money["id"], "wallet.md 1", "newest recent transaction"
        )

        budget, ledger = after.ledgers[user_id]
        debit = ledger[-1]
        self.shape(debit, LEDGER_ROW, "budgets-and-ledger.md", absent=harness.INTERNAL)
        self.equal(
            (
                debit["type"],
                debit["source"],
                debit["amount_usd"],
                debit["used_usd_after"],
                debit["reason"],
                debit["idempotency_key"],
            ),
            ("debit", "inference", cost, before.ledgers[user_id][0]["used_usd"] + cost, None, None),
            "budgets-and-ledger.md, Ledger row",
            "the budget's debit",
        )
        self.equal(
            {name: debit["metadata"].get(name) for name in ("log_id", "model", "request_type")},
            {"log_id": row["id"], "model": PLAIN.name, "request_type": "chat.completion"},
            "budgets-and-ledger.md, Ledger row",
            "its metadata",
        )
        self.equal(budget["used_usd"], debit["used_usd_after"], "budgets-and-ledger.md", "used_usd of the budget")

    def test_a_stream_has_its_frames_in_order_and_is_billed_the_same(self):
        for include_usage in (False, True):
            with self.subTest(include_usage=include_usage):
                options = {"stream_options": {"include_usage": True}} if include_usage else {}
                response = self.alice.request("POST", CHAT, chat_body(PLAIN.name, stream=True, **options))
                response.expect(200, STREAM_RULE)
                self.holds(
                    response.headers["content-type"].startswith("text/event-stream"),
                    "text/event-stream",
                    STREAM_RULE,
                    response.headers["content-type"],
                )
                self.equal(response.headers.get("cache-control"), "no-cache", STREAM_RULE, "cache-control")
                frames = list(response.data())
                row = self.log_row(response)  # before the connection is used again: the commit came before [DONE]
                self.equal(frames[-1], "[DONE]", STREAM_RULE, "last frame")
                chunks = [harness.parse_json(frame) for frame in frames[:-1]]
                self.check_chunks(chunks, include_usage)
                self.equal(
                    (row["status"], row["billing_status"], row["token_count_method"], row["metadata"]["stream"]),
                    ("success", "billed", "reported", True),
                    "inference.md 5",
                    "log row of the stream",
                )
                self.equal(
                    row["estimated_cost_usd"], f"{PRICE.cost(PLAIN.prompt, PLAIN.completion):.6f}", harness.COST_RULE
                )
                self.holds(
                    isinstance(row["metadata"].get("first_token_ms"), int), "first_token_ms", "logs.md", row["metadata"]
                )

    def check_chunks(self, chunks, include_usage):
        self.equal(
            {(c["id"], c["object"], c["created"], c["model"]) for c in chunks},
            {(chunks[0]["id"], "chat.completion.chunk", chunks[0]["created"], PLAIN.name)},
            STREAM_RULE,
            "id, object, created and model, which all chunks share",
        )
        self.equal(chunks[0]["choices"][0]["delta"].get("role"), "assistant", STREAM_RULE, "role in the first chunk")
        if include_usage:
            last = chunks.pop()
            self.equal(last["choices"], [], STREAM_RULE + " 4", "choices of the usage chunk")
            self.equal(
                (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]),
                (PLAIN.prompt, PLAIN.completion),
                STREAM_RULE + " 4",
                "usage chunk",
            )
            self.equal(
                [c.get("usage", "missing") for c in chunks],
                [None] * len(chunks),
                STREAM_RULE + " 4",
                "usage of the others",
            )
        else:
            self.holds(
                not any("usage" in c for c in chunks) and all(c["choices"] for c in chunks),
                "no usage when the client did not ask",
                "providers-openai.md, include_usage",
                chunks,
            )
        final = chunks[-1]["choices"][0]
        self.equal(final["finish_reason"], "stop", STREAM_RULE + " 3", "finish_reason of the last choice")
        self.holds(
            not final["delta"].get("content"), "an empty delta with the finish_reason", STREAM_RULE + " 3", final
        )
        self.holds("".join(c["choices"][0]["delta"].get("content") or "" for c in chunks), "some content", STREAM_RULE)

    def test_cached_tokens_have_their_own_price(self):
        cached = harness.CACHED
        answer = self.alice.post(CHAT, chat_body(cached.name))
        usage = answer.expect_json(200, CHAT_RULE)["usage"]
        self.equal(
            usage["prompt_tokens_details"]["cached_tokens"],
            cached.cached,
            "providers-openai.md",
            "cached tokens shown to the client",
        )
        row = self.log_row(answer)
        self.equal(
            row["metadata"].get("cached_tokens"), cached.cached, "logs.md, metadata", "cached tokens in the log row"
        )
        self.equal(
            row["estimated_cost_usd"],
            f"{PRICE.cost(cached.prompt, cached.completion, cached.cached):.6f}",
            harness.COST_RULE,
        )

    def test_each_model_has_the_price_of_its_mapping(self):
        answer = self.alice.post(CHAT, chat_body("other-price")).expect(
            200, CHAT_RULE
        )  # 25 tokens, 5 of them cached, and 8
        self.equal(self.log_row(answer)["estimated_cost_usd"], "0.000131", harness.COST_RULE)

    def test_markup_is_applied_before_the_one_rounding(self):
        rule = "platforms.md, markup_percentage"
        dear = self.gateway.tenant("dear")
        with dear.user_client("dora") as dora:
            answer = dora.post(CHAT, chat_body(PLAIN.name)).expect(200, rule)
        books = Books.read(dear)
        cost = PRICE.cost(PLAIN.prompt, PLAIN.completion, markup=80)
        row = books.log_of(answer.headers["x-request-id"])
        ((budget, ledger),) = books.ledgers.values()
        self.equal(
            (
                Decimal(row["estimated_cost_usd"]),
                books.wallet_rows[-1]["amount"],
                ledger[-1]["amount_usd"],
                budget["used_usd"],
            ),
            (cost,) * 4,
            rule,
            "cost in log, wallet, ledger and budget",
        )
        self.equal(
            Decimal(row["metadata"]["provider_cost_usd"]),
            PLAIN.cost,
            rule + ": kept when it differs",
            "provider_cost_usd",
        )

    def test_a_call_without_reported_usage_is_estimated_and_billed(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                answer = self.alice.post(CHAT, chat_body(harness.NO_USAGE.name, "12345678", stream=stream))
                answer.expect(200, CHAT_RULE)
                row = self.log_row(answer)
                rule = "inference.md 5, success without usage"
                self.equal(
                    (row["status"], row["token_count_method"], row["billing_status"]),
                    ("success", "estimated", "billed"),
                    rule,
                )
                self.equal(row["prompt_tokens"], 2, rule + ": 4 bytes of UTF-8 per token", "tokens of an 8-byte prompt")
                self.holds(row["completion_tokens"] > 0, "tokens for the answer", rule, row)

    def test_a_platform_key_pays_from_the_wallet_only(self):
        answer = self.server.post(CHAT, chat_body(PLAIN.name))
        answer.expect(200, "inference.md, a platform key for server-side testing")
        books = Books.read(self.acme).reconcile()
        self.equal(books.log_of(answer.headers["x-request-id"])["end_user_id"], None, "logs.md", "end_user_id")

    # ---------------------------------------------------------------- what the provider gets

    def test_the_clients_bytes_reach_the_provider_but_for_the_fields_we_own(self):
        rule = "providers-openai.md and 3.3, pass-through with splices"
        messages = '[{"role":"user","content":"Grüße \\u00e9 \\"quoted\\" 😀"}]'
        kept = (
            '"temperature" : 0.70',
            '{"b": 1.50, "a": [ 1,2 , 3e0 ]}',
            '"x_big":12345678901234567890',
            '"user": "u-1"',
            messages,
        )
        for owned in ({}, {"stream": True}, {"store": True}, {"max_tokens": 64}, {"max_completion_tokens": 64}):
            with self.subTest(owned=owned):
                extra = "".join(f', "{name}": {json.dumps(value)}' for name, value in owned.items())
                text = (
                    '{ "temperature" : 0.70, "x_unknown": {"b": 1.50, "a": [ 1,2 , 3e0 ]},\n\t"model": "'
                    + PLAIN.name
                    + '", "messages": '
                    + messages
                    + ', "user": "u-1","x_big":12345678901234567890'
                    + extra
                    + " }"
                )
                self.alice.post(CHAT, text.encode()).expect(200, rule)
                got = self.mock.last_body()
                for piece in kept:
                    self.holds(piece in got, f"the client's bytes {piece!r} unchanged at the provider", rule, got)
                wanted, came = json.loads(text), json.loads(got)
                # `max_tokens` may go under either name; `store` is forced false where it is sent at all.
                limit = wanted.pop("max_tokens", wanted.pop("max_completion_tokens", None))
                self.equal(
                    came.pop("max_tokens", came.pop("max_completion_tokens", None)), limit, rule, "the limit of tokens"
                )
                self.equal(came.pop("store", False), False, rule, "store")
                wanted.pop("store", None)
                if "stream" in owned:
                    wanted["stream_options"] = {"include_usage": True}
                self.equal(came, wanted, rule, "what the provider got")

    def test_the_provider_sees_the_platforms_key_and_no_header_of_the_client(self):
        self.alice.call(
            "POST", CHAT, chat_body(PLAIN.name), headers={"x-private": "secret", "user-agent": "client/1"}
        ).expect(200, CHAT_RULE)
        headers = self.mock.last_headers()
        self.equal(
            headers.get("authorization"), f"Bearer {harness.UPSTREAM_KEY}", "providers-openai.md, auth", "authorization"
        )
        self.holds(
            "x-private" not in headers and headers.get("user-agent") != "client/1",
            "nothing of the client's headers",
            "providers-openai.md",
            headers,
        )

    def test_provider_failures_map_to_the_contracts_answers_and_cost_nothing(self):
        rule = "inference.md 6 with headless-and-admin.md 5, provider failures"
        for fault in harness.FAULTS:
            for stream in (False, True):
                with self.subTest(fault=fault.name, stream=stream):
                    before = self.mock.count()
                    answer = self.alice.post(CHAT, chat_body(fault.name, stream=stream))
                    answer.expect_error(fault.status, fault.code, f"{rule}, {fault.name}")
                    if fault.retry_after:
                        self.equal(
                            answer.headers.get("retry-after"), fault.retry_after, rule, f"retry-after of {fault.name}"
                        )
                    self.equal(
                        self.mock.count() - before,
                        1,
                        "headless-and-admin.md 5, no silent resend",
                        f"upstream calls of {fault.name}",
                    )
                    row = self.log_row(answer)
                    self.equal(
                        (row["status"], row["billing_status"], row["token_count_method"], row["total_tokens"]),
                        ("error", "not_billable", "none", 0),
                        "inference.md 5, provider error before any output",
                        fault.name,
                    )
                    self.holds(
                        row["error_message"] and len(row["error_message"]) <= 500,
                        "a short error_message",
                        "logs.md",
                        row,
                    )
        Books.read(self.acme).reconcile()

    def test_a_stream_the_provider_breaks_ends_with_an_error_frame_and_is_billed(self):
        for broken in harness.BROKEN_STREAMS:
            with self.subTest(model=broken):
                answer = self.alice.request("POST", CHAT, chat_body(broken, stream=True)).expect(200, STREAM_RULE)
                frames = list(answer.data())
                self.holds(
                    frames and frames[-1] != "[DONE]" and "error" in json.loads(frames[-1]),
                    "an error frame last and no [DONE]",
                    STREAM_RULE + ", failure after the first byte",
                    frames[-2:],
                )
                error = json.loads(frames[-1])["error"]
                self.equal(
                    (error["type"], error["code"]),
                    ("upstream_error", "provider_error"),
                    "conventions.md",
                    "the error frame",
                )
                row = self.log_row(answer)
                self.equal(
                    (row["status"], row["billing_status"]),
                    ("error", "billed"),
                    "inference.md 5, stream broken by the provider after output",
                    broken,
                )
        Books.read(self.acme).reconcile()

    # ---------------------------------------------------------------- models

    def test_models_are_those_the_platform_can_use(self):
        for client in (self.alice, self.server):
            listed = client.get("/v1/models").expect_json(200, "llm-configs-and-models.md, GET /v1/models")
            slugs = [entry["id"] for entry in listed["data"]]
            self.equal(listed["object"], "list", "llm-configs-and-models.md, GET /v1/models")
            self.equal(
                slugs,
                sorted(entry["slug"] for entry in self.models),
                "llm-configs-and-models.md, GET /v1/models: usable " "models sorted by slug",
                "ids",
            )
            for entry in listed["data"]:
                self.shape(
                    entry,
                    {"id": str, "object": lambda v: v == "model", "created": int, "owned_by": lambda v: v == "mock"},
                    "llm-configs-and-models.md, GET /v1/models",
                )
        one = self.alice.get(f"/v1/models/{PLAIN.name}").expect_json(
            200, "llm-configs-and-models.md, GET /v1/models/{model}"
        )
        self.equal(
            one, next(entry for entry in listed["data"] if entry["id"] == PLAIN.name), "llm-configs-and-models.md"
        )
        self.alice.get("/v1/models/nobody").expect_error(
            404, "model_not_found", "llm-configs-and-models.md, GET /v1/models/{model}"
        )

    # ---------------------------------------------------------------- refusals

    def test_bad_keys_get_401(self):
        rule = "conventions.md, no or bad key"
        good = self.alice.key
        for authorization in (
            None,
            "Bearer",
            f"Basic {good}",
            "Bearer sk-eu_" + "0" * 64,
            f"Bearer {good}0",
            f"Bearer {good[:-1]}",
            "Bearer sk-plat_" + good.removeprefix("sk-eu_"),
            f"Bearer {good.upper()}",
        ):
            with self.subTest(authorization=authorization and authorization[:14]), self.gateway.client() as client:
                headers = {"authorization": authorization} if authorization else {}
                client.call("POST", CHAT, chat_body(PLAIN.name), headers=headers).expect_error(
                    401, "unauthorized", rule
                )
                client.call("GET", "/v1/models", headers={**headers, "x-api-key": good}).expect_error(
                    401, "unauthorized", rule
                )
        with self.gateway.client() as client:
            client.call("GET", f"/v1/models?api_key={good}").expect_error(401, "unauthorized", rule)
            client.call("GET", "/v1/models", headers={"authorization": f"bEaReR   {good} "}).expect(
                200, "conventions.md: case-insensitive scheme, blanks trimmed"
            )

    def test_the_402_gates_answer_in_their_order(self):
        poor = self.gateway.tenant("poor")
        budget = poor.user_path("pat") + "/budget"
        with poor.client as server, poor.user_client("pat") as pat:
            server.patch(budget, {"is_suspended": True}).expect(200, "budgets-and-ledger.md, PATCH budget")
            server.post(budget + "/debit", {"amount_usd": 12}).expect(
                200, "budgets-and-ledger.md, debit ignores is_suspended"
            )
            unknown = chat_body("no-such-model")
            pat.post(CHAT, {"model": "no-such-model"}).expect_error(
                422, "validation_error", GATES + ": schema before 402"
            )
            pat.post(CHAT, unknown).expect_error(402, "budget_suspended", GATES + " 4")
            pat.post(CHAT, {**unknown, "stream": True}).expect_error(
                402, "budget_suspended", GATES + ": plain JSON for streams too"
            )
            server.patch(budget, {"is_suspended": False}).expect(200, "budgets-and-ledger.md, PATCH budget")
            pat.post(CHAT, unknown).expect_error(402, "budget_exhausted", GATES + " 5")
            server.post(budget + "/topup", {"amount_usd": 2}).expect(200, "budgets-and-ledger.md, topup")
            pat.post(CHAT, unknown).expect_error(402, "budget_exhausted", GATES + " 5, exactly 0 remaining")
            server.post(budget + "/topup", b'{"amount_usd": 0.000001}').expect(200, "budgets-and-ledger.md, topup")
            pat.post(CHAT, unknown).expect_error(402, "wallet_insufficient", GATES + " 7")
            pat.get("/v1/models").expect(200, "llm-configs-and-models.md: works with an empty wallet")
            server.post(poor.path + "/wallet/topup", {"amount": 1}).expect(200, "wallet.md 1, topup")
            pat.post(CHAT, unknown).expect_error(404, "model_not_found", GATES + " 8")
            pat.post(CHAT, chat_body(PLAIN.name)).expect(
                200, GATES + ": all causes removed, effective for the next request"
            )
        Books.read(poor).reconcile()

    def test_a_refused_call_reaches_no_provider_and_leaves_no_row(self):
        before, upstream = len(Books.read(self.acme).logs), self.mock.count()
        self.alice.post(CHAT, chat_body("no-such-model")).expect_error(404, "model_not_found", GATES + " 8")
        self.alice.post(CHAT, b"{").expect_error(400, "invalid_json", GATES + " 2")
        self.equal(
            (len(Books.read(self.acme).logs), self.mock.count()),
            (before, upstream),
            "inference.md 5, refused at a gate: no log row",
            "log rows and upstream calls",
        )

    def test_a_body_over_10_mib_is_refused(self):
        with self.gateway.client(self.alice.key) as client:
            response = client.call("POST", CHAT, chat_body(PLAIN.name, "x" * (10 * 1024 * 1024)))
            response.expect_error(413, "payload_too_large", "conventions.md, limit 10 MiB")
        with self.gateway.client(self.alice.key) as client:
            client.post(CHAT, chat_body(PLAIN.name, "x" * (9 * 1024 * 1024))).expect(
                200, "conventions.md, limit 10 MiB"
            )

    # ---------------------------------------------------------------- a budget

    def test_a_budget_is_created_read_topped_up_and_debited(self):
        path = self.acme.user_path("carol") + "/budget"
        self.server.get(path).expect_error(404, "budget_not_found", "budgets-and-ledger.md, GET budget")
        body = {"max_usd": 2.5, "period": "monthly", "low_balance_threshold": 1}
        made = self.server.post(path, body).expect_json(201, "budgets-and-ledger.md, POST budget")
        self.shape(made, BUDGET, "budgets-and-ledger.md, Budget object")
        self.equal(
            (made["max_usd"], made["used_usd"], made["remaining_usd"], made["period"], made["is_suspended"]),
            (Decimal("2.5"), 0, Decimal("2.5"), "monthly", False),
            "budgets-and-ledger.md, POST budget",
        )
        self.holds(
            made["period_start"].endswith("-01T00:00:00.000Z"),
            "the first day of this month",
            "budgets-and-ledger.md, period_start",
            made["period_start"],
        )
        self.equal(
            self.server.get(path).expect_json(200, "budgets-and-ledger.md, GET budget"),
            made,
            "budgets-and-ledger.md, GET budget",
        )
        self.equal(
            self.server.post(path, body).expect_json(200, "headless-and-admin.md 5, equal budget again"),
            made,
            "headless-and-admin.md 5, equal budget again",
        )
        self.server.post(path, {**body, "max_usd": 3}).expect_error(
            409, "budget_exists", "headless-and-admin.md 5, another budget"
        )
        topped = self.server.post(
            path + "/topup", {"amount_usd": 0.5, "reason": "Invoice 1", "metadata": {"invoice": 1}}
        )
        row = topped.expect_json(200, "budgets-and-ledger.md, topup")
        self.shape(row, {**LEDGER_ROW, "budget": dict}, "budgets-and-ledger.md, topup", absent=harness.INTERNAL)
        self.equal(
            (
                row["type"],
                row["source"],
                row["amount_usd"],
                row["max_usd_after"],
                row["reason"],
                row["metadata"],
                row["budget"]["remaining_usd"],
            ),
            ("topup", "api", Decimal("0.5"), 3, "Invoice 1", {"invoice": 1}, 3),
            "budgets-and-ledger.md, topup",
        )
        row = self.server.post(path + "/debit", {"amount_usd": 4}).expect_json(200, "budgets-and-ledger.md, debit")
        self.equal(
            (row["type"], row["source"], row["used_usd_after"], row["remaining_usd_after"]),
            ("debit", "api", 4, -1),
            "budgets-and-ledger.md, debit: may go negative",
        )
        with self.acme.user_client("carol") as carol:
            carol.post(CHAT, chat_body(PLAIN.name)).expect_error(402, "budget_exhausted", "scenarios.md S5")
        rows = self.server.rows(path + "/transactions", 200)
        self.equal(
            [entry["type"] for entry in rows],
            ["debit", "topup", "opening"],
            "budgets-and-ledger.md, GET transactions: newest first",
            "types",
        )
        since = self.server.rows(path + "/transactions", 200, since=rows[-1]["created_at"])
        self.equal(since, rows[::-1], "budgets-and-ledger.md, GET transactions: oldest first with `since`", "rows")
        Books.read(self.acme).reconcile()


if __name__ == "__main__":
    harness.main()
