# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's list of endpoints as one table, and a world with every kind of key and resource to try them in."""

import dataclasses
import datetime
import itertools
import re
import time
import typing

import harness
import hooks
from harness import (
    BUDGET,
    EFFECTIVE_LIMITS,
    END_USER,
    KEY,
    LEDGER_ROW,
    LLM_CONFIG,
    LOG,
    MODEL,
    PLAIN,
    PLATFORM,
    PROVIDER,
    RATE_LIMITS,
    RESPONSE,
    WALLET,
    WALLET_ROW,
    GatewayCase,
    at_least,
    is_money,
    is_time,
    is_uuid,
    model,
    one_of,
    optional,
    platform,
    user,
)

NOWHERE = "00000000-0000-4000-8000-000000000000"
SOON = "2999-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"
P = "/v1/platforms/{platformId}"
U = P + "/end-users/{endUserId}"
W = P + "/webhook-endpoints"
D = W + "/{endpointId}/deliveries"
A = "/v1/admin"
NO_BODY = object()
counter = itertools.count(1)

# What this version leaves to later ones; numbers are rows of the contract's list of endpoints.
LATER = {
    **dict.fromkeys(range(55, 66), "MCP"),
    **dict.fromkeys(range(70, 75), "display ledger"),
}

# 404 of a path parameter that names nothing
NOT_FOUND = {
    "platformId": "platform_not_found",  # with an admin key; a platform key gets 403 there
    "endUserId": "end_user_not_found",
    "keyId": "api_key_not_found",
    "configId": "llm_config_not_found",
    "model": "model_not_found",
    "responseId": "response_not_found",
    "providerId": "provider_not_found",
    "modelId": "model_not_found",
    "endpointId": "webhook_endpoint_not_found",
    "deliveryId": "delivery_not_found",
}

# What a key of each kind gets on a route for P platform keys, E end-user keys, PE either, A admin keys, PA admin keys
# and, to read, platform keys. A kind without an entry passes, or the contract leaves open what it gets.
BAD_KEY = dict.fromkeys(("P", "E", "PE", "A", "PA"), (401, "unauthorized"))
FORBIDDEN = (403, "forbidden")
REFUSALS = {
    **dict.fromkeys(
        ("nobody", "unknown platform key", "unknown user key", "revoked platform key", "revoked user key",
         "expired platform key", "expired user key"), BAD_KEY
    ),
    "acme": {"E": FORBIDDEN, "A": FORBIDDEN},
    "rival": {"E": FORBIDDEN, "A": FORBIDDEN},
    "alice": {"P": FORBIDDEN, "A": FORBIDDEN, "PA": FORBIDDEN},
    "admin": {"P": FORBIDDEN, "E": FORBIDDEN, "PE": FORBIDDEN},
    "inactive user": dict.fromkeys(("E", "PE"), (403, "end_user_inactive")),
    "inactive platform": dict.fromkeys(("P", "PE", "PA"), (403, "platform_inactive")),
    "user of the inactive platform": dict.fromkeys(("E", "PE"), (403, "platform_inactive")),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Route:
    """One row of the table: how it succeeds, and each of its refusals."""

    number: typing.Any  # of the row in the contract's list, "admin", or "more" for what is beyond it
    method: str
    path: str
    key: str  # a column of REFUSALS, or "none"
    rule: str
    body: typing.Any = NO_BODY  # what succeeds; or a function of the world
    status: typing.Any = 200  # one, several, or None where it is not for this table to say
    shape: dict = None  # exact members of the answer, or of each row of a list
    may: tuple = ()  # further members
    values: dict = dataclasses.field(default_factory=dict)  # members with these values
    at: typing.Any = None  # function of the world: the path parameters that must be new for a success
    bad: tuple = ()  # (body, param[, code]): 422; the param may be a tuple of allowed ones
    conflict: tuple = ()  # (body or function, code): 409
    absent: tuple = ()  # (function of the world: path parameters, code): 404, beside those of NOT_FOUND
    refused: tuple = ()  # (caller, body, status, code[, param])
    page: int = 0  # largest `limit` of a list
    bad_query: tuple = ()  # (query, param): 422
    cors: bool = False

    def __str__(self):
        return f"{self.number} {self.method} {self.path}"

    @property
    def parameters(self):
        return re.findall(r"{(\w+)}", self.path)

    @property
    def has_body(self):
        return self.body is not NO_BODY

    @property
    def caller(self):
        return {"P": "acme", "PE": "alice", "E": "alice", "A": "admin", "PA": "acme", "none": "nobody"}[self.key]


# ---------------------------------------------------------------- resources made for one call


def new_user(world):
    made = world.server.post(world.acme.path + "/end-users", {"external_id": f"new-{next(counter)}"})
    made = made.expect_json(201, "setup")
    world.gateway.remember(made["api_key"])
    return {"endUserId": made["id"]}


def user_with_budget(world):
    ids = new_user(world)
    world.server.post(f"{world.acme.path}/end-users/{ids['endUserId']}/budget", {"max_usd": 5}).expect(201, "setup")
    return ids


def user_with_limits(world):
    ids = new_user(world)
    path = f"{world.acme.path}/end-users/{ids['endUserId']}/rate-limits"
    world.server.post(path, {"rpm_limit": 1000}).expect(200, "setup")
    return ids


def bare(world):
    """A user who has neither budget nor limits."""
    return {"endUserId": world.acme.users["bare"]["id"]}


def new_key(world, path="/api-keys"):
    made = world.server.post(world.acme.path + path, {"name": "new"}).expect_json(201, "setup")
    world.gateway.remember(made)
    return {"keyId": made["id"]}


def new_user_key(world):
    return new_key(world, f"/end-users/{world.acme.users['alice']['id']}/api-keys")


def new_response(world):
    made = world.alice.post("/v1/responses", {"model": PLAIN.name, "input": "hi"})
    return {"responseId": made.expect_json(200, "setup")["id"]}


def upstream_key():
    return f"sk-upstream-{next(counter):032d}"


def new_config(world):
    body = {"provider_id": "mock", "api_key": upstream_key()}
    return {"configId": world.server.post(world.acme.path + "/llm-configs", body).expect_json(201, "setup")["id"]}


def same_config(world):
    body = {"provider_id": "mock", "api_key": upstream_key()}
    world.server.post(world.acme.path + "/llm-configs", body).expect(201, "setup")
    return body


def new_endpoint(world):
    made = world.server.post(world.acme.path + "/webhook-endpoints", endpoint_body()).expect_json(201, "setup")
    world.gateway.secrets.add(made["secret"])
    return {"endpointId": made["id"]}


def new_delivery(world):
    """A test event to a name that nobody has: its one attempt fails."""
    ids = new_endpoint(world)
    made = world.server.post(f"{world.acme.path}/webhook-endpoints/{ids['endpointId']}/test").expect_json(202, "setup")
    return {**ids, "deliveryId": made["delivery_id"]}


def new_platform(world):
    made = world.callers["admin"].post(A + "/platforms", platform_body()).expect_json(201, "setup")
    world.platform_keys[made["id"]] = world.gateway.remember(made["api_key"])
    return {"platformId": made["id"]}


def new_provider(world):
    made = world.callers["admin"].post(A + "/providers", provider_body()).expect_json(201, "setup")
    return {"providerId": made["id"]}


def new_model(world):
    return {"modelId": world.callers["admin"].post(A + "/models", model_body()).expect_json(201, "setup")["id"]}


def platform_body(_=None):
    return {"name": "New", "slug": f"new-{next(counter)}", "settings": {"default_budget_usd": 2}}


def endpoint_body(_=None):
    return {"url": f"https://receiver-{next(counter)}.invalid/hook"}


def hour_ago(_=None):
    return {"since": hooks.iso(time.time() - 3600)}


def provider_body(_=None):
    return {"slug": f"p-{next(counter)}", "kind": "openai", "name": "Local", "base_url": "http://127.0.0.1:9/v1"}


def model_body(_=None):
    return model(f"m-{next(counter)}")


def with_bad_price(price):
    body = model(f"m-{next(counter)}")
    return {**body, "mappings": [{**body["mappings"][0], "input_usd_per_mtok": price}]}


# ---------------------------------------------------------------- what is refused with 422


def each(field, *values, base=None, param=None):
    """The same field with several bad values, beside others that are good."""
    return tuple(({**(base or {}), field: value}, param or field) for value in values)


NAMES = ("", "x" * 101, 7, [])
AMOUNTS = (0, -1, 1000000.000001, 0.0000001, 1.1234567, "1", True, None, [], {})
MONEY = (0, -1, 1000000.000001, 0.0000001, "5", True, [])
FLAGS = ("yes", 1, 0, {})
SCOPES = ("all", {}, ["x"] * 21, [""], ["x" * 51], [7])
TIMES = ("soon", "2999-01-01", "2999-13-01T00:00:00Z", 7)
METADATA = ([], "x", 7, {"x": "y" * 16384})
REASON = ("x" * 501, 7)
LIMITS = (0, -1, 1.5, "5", True, 1000000001)
PLANNED = (  # of a budget that comes into being
    ({}, "max_usd"),
    *each("max_usd", *MONEY, None),
    *each("period", "weekly", 7, base={"max_usd": 5}),
    *each("auto_replenish", *FLAGS, base={"max_usd": 5, "period": "daily"}),
    *each("replenish_amount", *MONEY, base={"max_usd": 5, "period": "daily", "auto_replenish": True}),
    *each("low_balance_threshold", -1, 0.0000001, "1", base={"max_usd": 5}),
    ({"max_usd": 5, "auto_replenish": True, "replenish_amount": 5}, ("auto_replenish", "period")),
    ({"max_usd": 5, "period": "daily", "auto_replenish": True}, "replenish_amount"),
)
KEYS = (*each("name", *NAMES), *each("scopes", *SCOPES), *each("expires_at", *TIMES, PAST))
SETTINGS = (
    *((field, value) for field in ("default_budget_usd",) for value in MONEY),
    *(("markup_percentage", value) for value in (-1, 1000.01, 0.123, "5")),
)
HOOK_URLS = (
    "", "nowhere", "/hook", "//receiver.invalid/hook", "https://", "https:///hook", "ftp://receiver.invalid/",
    "mailto:a@b.invalid",
    "http://receiver.invalid/hook", "https://user@receiver.invalid/", "https://user:word@receiver.invalid/",
    "https://receiver.invalid/hook#part", "https://receiver.invalid:99999/", "https://receiver.invalid/\r\nx-more: 1",
    "https://receiver.invalid/" + "x" * 2024, "https://127.0.0.1/hook", "https://10.0.0.1:8443/", "https://[::1]/",
    "https://localhost/hook", "https://169.254.169.254/latest", 7, [], {}, True,
)  # fmt: skip
HOOK = {"url": "https://receiver.invalid/hook"}
HOOK_BAD = (
    *each("url", *HOOK_URLS),
    *each("event_types", [], {}, "budget.topped_up", 7, True, base=HOOK),
    *each(
        "event_types", ["budget.closed"], ["endpoint.test"], [7], [None], ["Budget.Topped_Up"],
        base=HOOK, param=("event_types", "event_types[0]"),
    ),
    *each("event_types", ["budget.debited"] * 2, base=HOOK, param=("event_types", "event_types[1]")),
    *each("description", "x" * 501, 7, [], base=HOOK),
    *each("is_active", *FLAGS, base=HOOK),
)  # fmt: skip
RECOVER_BAD = (
    ({}, "since"),
    *each("since", *TIMES, None, PAST, hooks.iso(time.time() - 15 * 86400)),
    *each("until", *TIMES, base=hour_ago()),
    *each("dry_run", *FLAGS, base=hour_ago()),
)
CHAT = {"model": PLAIN.name, "messages": [{"role": "user", "content": "hi"}]}
SMALLEST_16 = "gpt-5-stub"  # the GPT-5 family takes no limit below 16
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CHAT_BAD = (
    ({}, "model"),
    *each("model", "", 7, None, base=CHAT),
    ({"model": PLAIN.name}, "messages"),
    *each("messages", [], "hi", {}, None, base=CHAT),
    *each("messages", ["hi"], base=CHAT, param="messages[0]"),
    *each("messages", [{"role": "king", "content": "hi"}], [{"content": "hi"}], base=CHAT, param="messages[0].role"),
    *each("messages", [{"role": "user"}], [{"role": "user", "content": 7}], base=CHAT, param="messages[0].content"),
    *each("stream", *FLAGS, base=CHAT),
    *each("stream_options", {"include_usage": True}, base=CHAT),
    *each("stream_options", 7, base={**CHAT, "stream": True}),
    *each(
        "stream_options", {"include_usage": "yes"}, base={**CHAT, "stream": True}, param="stream_options.include_usage"
    ),
    *each("temperature", -0.1, 2.1, "hot", base=CHAT),
    *each("top_p", -0.1, 1.1, "all", base=CHAT),
    *each("frequency_penalty", -2.1, 2.1, "x", base=CHAT),
    *each("presence_penalty", -2.1, 2.1, "x", base=CHAT),
    *each("max_tokens", 0, -1, 1.5, "many", base=CHAT),
    *each("max_completion_tokens", 0, "many", base=CHAT),
    ({**CHAT, "max_tokens": 5, "max_completion_tokens": 5}, ("max_tokens", "max_completion_tokens")),
    *each("tools", {}, "x", [TOOL] * 129, base=CHAT),
    ({**CHAT, "tools": [{"type": "mcp", "server_label": "x"}]}, ("tools[0]", "tools[0].type"), "unsupported_tool_type"),
    *each("tool_choice", "perhaps", 7, base={**CHAT, "tools": [TOOL]}),
    *each("parallel_tool_calls", "yes", base={**CHAT, "tools": [TOOL]}),
    *each("response_format", "json", base=CHAT),
    *each("response_format", {"type": "xml"}, base=CHAT, param="response_format.type"),
    *each("stop", ["a"] * 5, 7, base=CHAT),
    ({**CHAT, "n": 2}, "n", "unsupported_parameter"),
    *(({**CHAT, "model": SMALLEST_16, name: 15}, name, "integer_below_min_value") for name in LIMIT_NAMES),
)
MESSAGES = {"model": PLAIN.name, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
COUNT = {"model": PLAIN.name, "messages": MESSAGES["messages"]}
CLAUDE_TOOL = {"name": "f", "input_schema": {"type": "object"}}


def messages_bad(base):
    return (
        ({}, "model"),
        *each("model", "", 7, None, base=base),
        *each("messages", [], "hi", {}, None, base=base),
        *each("messages", ["hi"], base=base, param="messages[0]"),
        *each("messages", [{"role": "tool", "content": "x"}], base=base, param="messages[0].role"),
        *each("messages", [{"role": "user"}], base=base, param="messages[0].content"),
        *each("messages", [{"role": "user", "content": [{}]}], base=base, param="messages[0].content[0]"),
        *each("system", 7, {}, base=base),
        *each("max_tokens", 0, -1, 1.5, "many", base=base),
        *each("temperature", -0.1, 1.1, "hot", base=base),
        *each("top_p", -0.1, 1.1, "all", base=base),
        *each("top_k", -1, 0.5, "few", base=base),
        *each("stop_sequences", "END", [7], base=base),
        *each("tools", {}, "x", [CLAUDE_TOOL] * 129, base=base),
        *each("tools", [{"input_schema": {}}], base=base, param="tools[0].name"),
        *each("tool_choice", "auto", {}, base=base),
        *each("thinking", True, {}, base=base),
        *each("metadata", "x", base=base),
        ({**base, "tools": [{"type": "web_search_20250305", "name": "w"}]}, "tools[0].type", "unsupported_tool_type"),
        ({**base, "mcp_servers": [{"url": "https://a.example"}]}, "mcp_servers", "unsupported_parameter"),
        ({**base, "speed": "fast"}, "speed", "unsupported_parameter"),
        ({**base, "service_tier": "priority"}, "service_tier", "unsupported_parameter"),
    )


def gates(body):
    """Refusals that all routes of inference share."""
    return (
        ("frozen", body, 402, "budget_suspended"),
        ("broke", body, 402, "budget_exhausted"),
        ("poor", body, 402, "wallet_insufficient"),
        ("user of the poor platform", body, 402, "wallet_insufficient"),
        ("alice", {**body, "model": "nobody"}, 404, "model_not_found"),
    )


EMBEDDINGS = {"model": PLAIN.name, "input": ["hi", "there"]}
EMBEDDINGS_BAD = (
    ({}, "model"),
    *each("model", "", 7, None, base=EMBEDDINGS),
    *each("input", "", [], 7, {}, None, base=EMBEDDINGS),
    *each("input", ["a", ""], ["a", 1], base=EMBEDDINGS, param="input[1]"),
    *each("encoding_format", "hex", 7, base=EMBEDDINGS),
    *each("dimensions", 0, 1.5, "8", base=EMBEDDINGS),
    *each("user", 7, {}, base=EMBEDDINGS),
)
EMBEDDING = {"object": one_of("embedding"), "index": int, "embedding": list}
CHAT_REFUSED = (
    ("frozen", CHAT, 402, "budget_suspended"),
    ("broke", CHAT, 402, "budget_exhausted"),
    ("poor", CHAT, 402, "wallet_insufficient"),
    ("user of the poor platform", CHAT, 402, "wallet_insufficient"),
    ("alice", {**CHAT, "model": "nobody"}, 404, "model_not_found"),
    ("alice", {**CHAT, "model": PLAIN.name.upper()}, 404, "model_not_found"),
    *(("alice", {**CHAT, "model": fault.name}, fault.status, fault.code) for fault in harness.FAULTS),
)

ASK = {"model": PLAIN.name, "input": "hi"}
HOSTED = {"type": "mcp", "server_label": "x", "server_url": "https://example.com/mcp"}
ITEMS = tuple(
    ({**ASK, "input": [item]}, param, *code)
    for item, param, *code in (
        ({"role": "king", "content": "hi"}, "input[0].role"),
        ({"role": "user", "content": 7}, "input[0].content"),
        ({"role": "user"}, "input[0].content"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0]"),
        ({"role": "user", "content": [{"type": "video"}]}, "input[0].content[0].type", "unsupported_parameter"),
        ({"type": "item_reference"}, "input[0].id"),
        ({"type": "function_call", "name": "f"}, "input[0]"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id"),
        ({"type": "telepathy"}, "input[0].type", "unsupported_parameter"),
    )
)
ASK_BAD = (
    ({"input": "hi"}, "model"),
    *each("model", "", 7, None, "x" * 201, base=ASK),
    ({"model": PLAIN.name}, "input"),
    *each("input", [], 7, {}, None, base=ASK),
    *ITEMS,
    *each("instructions", 7, [], base=ASK),
    *each("store", *FLAGS, base=ASK),
    *each("stream", *FLAGS, base=ASK),
    *each("parallel_tool_calls", *FLAGS, base=ASK),
    *each("previous_response_id", "", 7, base=ASK),
    *each("thread_id", "", "x" * 129, "a\0b", 7, base=ASK),
    *each("temperature", -0.1, 2.1, "hot", base=ASK),
    *each("top_p", -0.1, 1.1, "all", base=ASK),
    *each("max_output_tokens", "many", 16.5, base=ASK),
    *(({**ASK, "max_output_tokens": few}, "max_output_tokens", "integer_below_min_value") for few in (15, 0, -1)),
    *each("tools", {}, "x", [TOOL] * 129, base=ASK),
    *each("tools", [7], base=ASK, param="tools[0]"),
    *each("tools", [{"type": "function"}], base=ASK, param="tools[0].name"),
    ({**ASK, "tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_tool_type"),
    ({**ASK, "tools": [{**HOSTED, "server_label": "x y"}]}, "tools[0].server_label"),
    ({**ASK, "tools": [HOSTED, HOSTED]}, "tools[1].server_label"),
    ({**ASK, "tools": [{**HOSTED, "server_url": ""}]}, "tools[0].server_url"),
    ({**ASK, "tools": [{**HOSTED, "require_approval": "always"}]}, "tools[0].require_approval",
     "unsupported_require_approval"),
    *each("tool_choice", "perhaps", 7, base={**ASK, "tools": [TOOL]}),
    ({**ASK, "tool_choice": {"type": "web_search"}}, "tool_choice.type", "unsupported_tool_type"),
    *each("text", 7, base=ASK),
    *each("text", {"format": {"type": "xml"}}, base=ASK, param="text.format.type"),
    *each("response_format", {"type": "xml"}, base=ASK, param="response_format.type"),
    *each("reasoning", 7, base=ASK),
    *each("include", "x", [7], base=ASK),
    *each("truncation", "some", 7, base=ASK),
    *each("top_logprobs", -1, 21, "x", base=ASK),
    *each("metadata", 7, {"a": 1}, {"a": "x" * 513}, {"x" * 65: "a"}, {str(n): "" for n in range(17)}, base=ASK),
    *(
        ({**ASK, name: value}, name, "unsupported_parameter")
        for name, value in {"n": 2, "background": True, "conversation": "x", "prompt": {}, "stop": "x"}.items()
    ),
)  # fmt: skip
ASK_REFUSED = (
    ("frozen", ASK, 402, "budget_suspended"),
    ("broke", ASK, 402, "budget_exhausted"),
    ("poor", ASK, 402, "wallet_insufficient"),
    ("user of the poor platform", ASK, 402, "wallet_insufficient"),
    ("alice", {**ASK, "model": "nobody"}, 404, "model_not_found"),
    ("alice", {**ASK, "previous_response_id": "resp_" + "0" * 32}, 404, "response_not_found"),
    ("alice", {**ASK, "input": [{"type": "item_reference", "id": "msg_0"}]}, 404, "response_not_found"),
    ("alice", {**ASK, "tools": [HOSTED]}, 503, "mcp_unreachable"),
    *(("alice", {**ASK, "model": fault.name}, fault.status, fault.code) for fault in harness.FAULTS),
)

# ---------------------------------------------------------------- what comes back

RAW = {**KEY, "raw_key": str}
FRESH_KEY = {
    **{name: KEY[name] for name in ("id", "key_prefix", "name", "scopes", "is_active", "expires_at", "created_at")},
    "raw_key": str,
}
RECENT = {name: WALLET_ROW[name] for name in ("id", "type", "amount", "balance_after", "description", "created_at")}
MAPPING = at_least(
    {
        "provider_id": is_uuid,
        "provider": str,
        "provider_model_id": str,
        "priority": int,
        "is_enabled": bool,
        "input_usd_per_mtok": is_money,
        "cached_input_usd_per_mtok": optional(is_money),
        "output_usd_per_mtok": is_money,
    },
    "cache_write_usd_per_mtok",
    "cache_write_1h_usd_per_mtok",
    "reasoning_usd_per_mtok",
    "tiers",
    "price_changes",
)
CATALOGUE_MODEL = {**MODEL, "providers": [MAPPING]}
PROVIDER_MAY = ("base_url", "updated_at", "allow_private_address")  # what an administrator sees besides
MODEL_MAY = ("created_at", "updated_at", "status", "retires_on")
OPENAI_MODEL = {"id": str, "object": one_of("model"), "created": int, "owned_by": str}
MESSAGE = at_least({"role": one_of("assistant"), "content": str, "refusal": optional(str)}, "annotations")
COMPLETION = {
    "id": lambda value: value.startswith("chatcmpl-"),
    "object": one_of("chat.completion"),
    "created": int,
    "model": one_of(PLAIN.name),
    "choices": [
        at_least({"index": int, "message": MESSAGE, "finish_reason": one_of("stop")}, "logprobs"),
    ],
    "usage": at_least(
        {
            "prompt_tokens": int,
            "completion_tokens": int,
            "total_tokens": int,
            "prompt_tokens_details": dict,
            "completion_tokens_details": dict,
        }
    ),
}
CLAUDE_MESSAGE = {
    "id": lambda value: value.startswith("msg_"),
    "type": one_of("message"),
    "role": one_of("assistant"),
    "model": str,
    "content": [{"type": one_of("text"), "text": str}],
    "stop_reason": str,
    "stop_sequence": optional(str),
    "usage": {
        "input_tokens": int,
        "cache_creation_input_tokens": int,
        "cache_read_input_tokens": int,
        "cache_creation": {"ephemeral_5m_input_tokens": int, "ephemeral_1h_input_tokens": int},
        "output_tokens": int,
        "output_tokens_details": {"thinking_tokens": int},
    },
}
MY_BUDGET = {
    name: BUDGET[name]
    for name in ("id", "platform_id", "end_user_id", "max_usd", "used_usd", "remaining_usd", "period", "period_start",
                 "auto_replenish", "is_active", "is_suspended")
}  # fmt: skip
PLATFORM_LIMITS = {"end_user_default": RATE_LIMITS, "platform": RATE_LIMITS}
STATUS = {"version": str, "origin": str, "uptime_seconds": int, "workers": int, "database": dict}
HEALTH = {"status": one_of("ok"), "version": str, "uptime_seconds": int, "checks": dict}
DECIMAL = harness.Decimal

# ---------------------------------------------------------------- the table

# fmt: off
ROUTES = (
    # platforms
    Route(1, "GET", P, "P", "platforms.md, GET platform", shape=PLATFORM, values={"slug": "acme", "is_active": True}),
    Route(
        2, "PATCH", P, "P", "platforms.md, PATCH platform", {"name": "Acme & Co"},
        shape=PLATFORM,
        values={"name": "Acme & Co"},
        bad=(
            *each("name", *NAMES, None),
            *each("slug", "", "Not A Slug", "-x", "x-", "x" * 64, 7),
            *each("settings", 7, []),
            *(({"settings": {field: value}}, f"settings.{field}") for field, value in SETTINGS),
        ),
        conflict=({"slug": "rival"}, "slug_taken"),
    ),
    Route(3, "DELETE", P, "P", "platforms.md, DELETE platform", status=204, at=new_platform),
    # platform keys
    Route(
        4, "GET", P + "/api-keys", "P", "platforms.md, GET api-keys",
        shape=KEY,
        values={"type": "platform", "end_user_id": None},
        page=100,
        bad_query=(
            ({"type": "admin"}, "type"),
            ({"type": "end_user", "end_user_id": "x"}, "end_user_id"),
            ({"end_user_id": NOWHERE}, "end_user_id"),
        ),
    ),
    Route(
        5, "POST", P + "/api-keys", "P", "platforms.md, POST api-keys", {"name": "CI key"}, 201,
        shape=RAW,
        values={"name": "CI key", "type": "platform", "end_user_id": None, "scopes": ["inference"], "is_active": True,
                "last_used_at": None, "expires_at": None},
        bad=KEYS,
    ),
    Route(
        6, "PATCH", P + "/api-keys/{keyId}", "P", "platforms.md, PATCH api-key",
        {"name": "renamed", "is_active": False, "expires_at": SOON},
        shape=KEY,
        values={"name": "renamed", "is_active": False, "expires_at": "2999-01-01T00:00:00.000Z"},
        at=new_key,
        bad=(*each("name", *NAMES), *each("is_active", *FLAGS), *each("expires_at", *TIMES)),
    ),
    Route(7, "DELETE", P + "/api-keys/{keyId}", "P", "platforms.md, DELETE api-key", status=204, at=new_key),
    # end users
    Route(
        8, "GET", P + "/end-users", "P", "end-users-and-keys.md, GET end-users",
        shape=END_USER,
        page=100,
        bad_query=(({"is_active": "perhaps"}, "is_active"),),
    ),
    Route(
        9, "POST", P + "/end-users", "P", "end-users-and-keys.md, POST end-users",
        lambda _: {"external_id": f"posted-{next(counter)}", "metadata": {"a": [1]}}, 201,
        shape={**END_USER, "api_key": FRESH_KEY},
        values={"display_name": None, "metadata": {"a": [1]}, "is_active": True},
        bad=(
            ({}, "external_id"),
            *each("external_id", "", "x" * 256, 7, None),
            *each("display_name", *NAMES, base={"external_id": "ok"}),
            *each("metadata", *METADATA, base={"external_id": "ok"}),
        ),
    ),
    Route(
        10, "GET", U, "P", "end-users-and-keys.md, GET end-user",
        shape=END_USER,
        values={"external_id": "alice"},
    ),
    Route(
        11, "PATCH", U, "P", "end-users-and-keys.md, PATCH end-user",
        lambda _: {
            "display_name": "Al", "metadata": {"b": 2}, "is_active": False, "external_id": f"now-{next(counter)}"
        },
        shape=END_USER,
        values={"display_name": "Al", "metadata": {"b": 2}, "is_active": False},
        at=new_user,
        bad=(
            *each("display_name", *NAMES),
            *each("metadata", *METADATA),
            *each("is_active", *FLAGS),
            *each("external_id", "", "x" * 256, 7, None),
        ),
        conflict=({"external_id": "bare"}, "external_id_taken"),
    ),
    Route(12, "DELETE", U, "P", "end-users-and-keys.md, DELETE end-user", status=204, at=new_user),
    # end-user keys
    Route(
        13, "GET", U + "/api-keys", "P", "end-users-and-keys.md, GET end-user api-keys",
        shape=KEY,
        values={"type": "end_user"},
        page=100,
    ),
    Route(
        14, "POST", U + "/api-keys", "P", "end-users-and-keys.md, POST end-user api-keys",
        {"name": "phone", "scopes": ["a", "b"], "expires_at": SOON}, 201,
        shape=RAW,
        values={"type": "end_user", "name": "phone", "scopes": ["a", "b"], "expires_at": "2999-01-01T00:00:00.000Z"},
        bad=KEYS,
    ),
    Route(
        15, "DELETE", U + "/api-keys/{keyId}", "P", "end-users-and-keys.md, DELETE end-user api-key",
        status=204,
        at=new_user_key,
        absent=((lambda world: {**bare(world), **new_user_key(world)}, "api_key_not_found"),),
    ),
    # provider keys
    Route(
        16, "GET", P + "/llm-configs", "P", "llm-configs-and-models.md, GET llm-configs",
        shape=LLM_CONFIG,
        page=100,
    ),
    Route(
        17, "POST", P + "/llm-configs", "P", "llm-configs-and-models.md, POST llm-configs",
        lambda _: {"provider_id": "mock", "api_key": upstream_key()}, 201,
        shape=LLM_CONFIG,
        values={"provider": "mock", "is_active": True, "is_default": False},
        bad=(
            ({}, "provider_id"),
            *each("provider_id", 7, None, base={"api_key": "12345678"}),
            ({"provider_id": "mock"}, "api_key"),
            *each("api_key", "short", "x" * 1025, "with blank inside", 7, None, base={"provider_id": "mock"}),
            *each("is_default", *FLAGS, base={"provider_id": "mock", "api_key": "12345678"}),
        ),
        conflict=(same_config, "llm_config_exists"),
        refused=tuple(
            ("acme", {"provider_id": unknown, "api_key": "12345678"}, 404, "provider_not_found")
            for unknown in ("nobody", NOWHERE)
        ),
    ),
    Route(
        18, "GET", P + "/llm-configs/{configId}", "P", "llm-configs-and-models.md, GET llm-config",
        shape=LLM_CONFIG,
        values={"provider": "mock"},
    ),
    Route(
        19, "PATCH", P + "/llm-configs/{configId}", "P", "llm-configs-and-models.md, PATCH llm-config",
        lambda _: {"is_active": False, "api_key": upstream_key() + "x9Qz"},
        shape=LLM_CONFIG,
        values={"is_active": False, "key_hint": "…x9Qz"},
        at=new_config,
        bad=(*each("is_active", *FLAGS), *each("is_default", *FLAGS), *each("api_key", "short", "x" * 1025, 7)),
    ),
    Route(
        20, "DELETE", P + "/llm-configs/{configId}", "P", "llm-configs-and-models.md, DELETE llm-config",
        status=204,
        at=new_config,
    ),
    Route(
        "more", "POST", P + "/llm-configs/{configId}/test", "P", "llm-configs-and-models.md, Testing a key",
        shape={"ok": bool, "latency_ms": int, "models": int},
        values={"ok": True, "models": 3},
    ),
    # catalogue
    Route(
        21, "GET", A + "/providers", "PA", "llm-configs-and-models.md, GET /v1/admin/providers",
        shape=PROVIDER,
        page=100,
    ),
    Route(
        22, "GET", A + "/models", "PA", "llm-configs-and-models.md, GET /v1/admin/models",
        shape=CATALOGUE_MODEL,
        may=("created_at",),
        page=100,
    ),
    Route(
        23, "GET", "/v1/models", "PE", "llm-configs-and-models.md, GET /v1/models",
        shape={"object": one_of("list"), "data": [OPENAI_MODEL]},
        cors=True,
    ),
    Route(
        24, "GET", "/v1/models/{model}", "PE", "llm-configs-and-models.md, GET /v1/models/{model}",
        shape=OPENAI_MODEL,
        values={"id": PLAIN.name, "owned_by": "mock"},
        cors=True,
    ),
    # responses
    Route(
        40, "POST", "/v1/responses", "PE", "responses.md, POST /v1/responses", ASK,
        shape=RESPONSE,
        values={"status": "completed", "model": PLAIN.name, "store": True},
        bad=ASK_BAD,
        refused=ASK_REFUSED,
        cors=True,
    ),
    Route(
        41, "GET", "/v1/responses/{responseId}", "PE", "responses-stored.md, GET and DELETE",
        shape=RESPONSE,
        values={"status": "completed", "model": PLAIN.name},
        cors=True,
    ),
    Route(
        42, "DELETE", "/v1/responses/{responseId}", "PE", "responses-stored.md, GET and DELETE",
        shape={"id": str, "object": one_of("response"), "deleted": bool},
        values={"deleted": True},
        at=new_response,
        cors=True,
    ),
    # wallet
    Route(
        25, "GET", P + "/wallet", "P", "wallet.md, GET wallet",
        shape={**WALLET, "recent_transactions": [at_least(RECENT, *WALLET_ROW)]},
    ),
    Route(
        26, "POST", P + "/wallet/topup", "P", "wallet.md, POST topup", {"amount": 1.25, "description": "Invoice 42"},
        shape=WALLET_ROW,
        values={"type": "top_up", "amount": DECIMAL("1.25"), "description": "Invoice 42", "reference": None,
                "metadata": {}},
        bad=(({}, "amount"), *each("amount", *AMOUNTS), *each("description", *REASON, base={"amount": 1})),
    ),
    Route(
        27, "GET", P + "/wallet/transactions", "P", "wallet.md, GET transactions",
        shape=WALLET_ROW,
        page=200,
        bad_query=(
            ({"type": "gift"}, "type"),
            ({"since": "yesterday"}, "since"),
            ({"until": "x"}, "until"),
            ({"end_user_id": "x"}, "end_user_id"),
        ),
    ),
    # budget
    Route(
        28, "POST", U + "/budget", "P", "budgets-and-ledger.md, POST budget",
        {"max_usd": 7.5, "period": "daily", "auto_replenish": True, "replenish_amount": 3, "low_balance_threshold": 0},
        201,
        shape=BUDGET,
        values={"max_usd": DECIMAL("7.5"), "used_usd": 0, "remaining_usd": DECIMAL("7.5"), "period": "daily",
                "auto_replenish": True, "replenish_amount": 3, "low_balance_threshold": 0, "is_active": True,
                "is_suspended": False},
        at=new_user,
        bad=PLANNED,
        conflict=({"max_usd": 123}, "budget_exists"),
    ),
    Route(
        29, "GET", U + "/budget", "P", "budgets-and-ledger.md, GET budget",
        shape=BUDGET,
        absent=((bare, "budget_not_found"),),
    ),
    Route(
        30, "PATCH", U + "/budget", "P", "budgets-and-ledger.md, PATCH budget",
        {"max_usd": 8, "low_balance_threshold": 1},
        shape={**BUDGET, "transaction": LEDGER_ROW},
        values={"max_usd": 8, "low_balance_threshold": 1},
        at=user_with_budget,
        bad=(
            *each("max_usd", *MONEY),
            *each("period", "weekly", 7),
            *each("auto_replenish", *FLAGS),
            *each("replenish_amount", *MONEY),
            *each("low_balance_threshold", -1, "1"),
            *each("is_suspended", *FLAGS),
            *each("is_active", *FLAGS),
            ({"auto_replenish": True, "replenish_amount": 1}, ("auto_replenish", "period")),
            ({"auto_replenish": True, "period": "daily"}, ("auto_replenish", "replenish_amount")),
        ),
        absent=((bare, "budget_not_found"),),
    ),
    Route(
        31, "DELETE", U + "/budget", "P", "budgets-and-ledger.md, DELETE budget",
        status=204,
        at=user_with_budget,
        absent=((bare, "budget_not_found"),),
    ),
    Route(
        32, "POST", U + "/budget/topup", "P", "budgets-and-ledger.md, POST topup",
        {"amount_usd": 0.5, "reason": "Invoice 1", "metadata": {"invoice": 1}},
        shape={**LEDGER_ROW, "budget": BUDGET},
        values={"type": "topup", "source": "api", "amount_usd": DECIMAL("0.5"), "reason": "Invoice 1",
                "metadata": {"invoice": 1}, "idempotency_key": None},
        bad=(
            ({}, "amount_usd"),
            *each("amount_usd", *AMOUNTS),
            *each("reason", *REASON, base={"amount_usd": 1}),
            *each("metadata", *METADATA, base={"amount_usd": 1}),
        ),
        absent=((bare, "budget_not_found"),),
    ),
    Route(
        33, "POST", U + "/budget/debit", "P", "budgets-and-ledger.md, POST debit",
        {"amount_usd": 0.5, "reason": "chargeback"},
        shape={**LEDGER_ROW, "budget": BUDGET},
        values={"type": "debit", "source": "api", "amount_usd": DECIMAL("0.5"), "reason": "chargeback"},
        bad=(
            ({}, "amount_usd"),
            *each("amount_usd", *AMOUNTS),
            *each("reason", *REASON, base={"amount_usd": 1}),
            *each("metadata", *METADATA, base={"amount_usd": 1}),
        ),
        absent=((bare, "budget_not_found"),),
    ),
    Route(
        34, "GET", U + "/budget/transactions", "P", "budgets-and-ledger.md, GET transactions",
        shape=LEDGER_ROW,
        page=200,
        bad_query=(
            ({"type": "gift"}, "type"),
            ({"source": "sky"}, "source"),
            ({"order": "random"}, "order"),
            ({"since": "x"}, "since"),
            ({"until": "x"}, "until"),
        ),
        absent=((bare, "budget_not_found"),),
    ),
    # rate limits
    Route(
        35, "GET", P + "/rate-limits", "P", "rate-limits.md, GET platform rate-limits",
        shape=PLATFORM_LIMITS,
        values=dict.fromkeys(PLATFORM_LIMITS, dict.fromkeys(RATE_LIMITS)),
    ),
    Route(
        36, "GET", U + "/rate-limits", "P", "rate-limits.md, GET rate-limits",
        shape={"end_user_id": is_uuid, **EFFECTIVE_LIMITS},
        values={"resolution": "none", **dict.fromkeys(RATE_LIMITS)},
    ),
    Route(
        37, "POST", U + "/rate-limits", "P", "rate-limits.md, POST rate-limits", {"rpm_limit": 300, "rpd_limit": 50000},
        shape={"end_user_id": is_uuid, **EFFECTIVE_LIMITS},
        values={"resolution": "explicit", "rpm_limit": 300, "tpm_limit": None, "rpd_limit": 50000},
        at=new_user,
        bad=(
            ({}, (None, *RATE_LIMITS)),
            *(bad for name in RATE_LIMITS for bad in each(name, *LIMITS)),
        ),
    ),
    Route(
        38, "DELETE", U + "/rate-limits", "P", "rate-limits.md, DELETE rate-limits",
        status=204,
        at=user_with_limits,
        absent=((bare, "rate_limit_not_found"),),
    ),
    # inference
    Route(
        39, "POST", "/v1/chat/completions", "PE", "inference.md, POST /v1/chat/completions", CHAT,
        shape=COMPLETION,
        may=("system_fingerprint", "service_tier"),
        bad=CHAT_BAD,
        refused=CHAT_REFUSED,
        cors=True,
    ),
    # Where the model is Anthropic's or another's, test_messages.py says what comes of it.
    Route(
        "more", "POST", "/v1/messages", "PE", "messages.md, POST /v1/messages", MESSAGES,
        shape=CLAUDE_MESSAGE,
        values={"model": PLAIN.name, "stop_reason": "end_turn", "stop_sequence": None},
        bad=(*messages_bad(MESSAGES), (COUNT, "max_tokens")),
        refused=gates(MESSAGES),
        cors=True,
    ),
    Route(
        "more", "POST", "/v1/messages/count_tokens", "PE", "messages.md, Counting tokens", COUNT,
        shape={"input_tokens": int},
        values={"input_tokens": 1},
        bad=messages_bad(COUNT),
        refused=gates(COUNT),
        cors=True,
    ),
    Route(
        "more", "POST", "/v1/embeddings", "PE", "embeddings.md", EMBEDDINGS,
        shape={"object": one_of("list"), "data": [EMBEDDING], "model": one_of(PLAIN.name),
               "usage": {"prompt_tokens": int, "total_tokens": int}},
        bad=EMBEDDINGS_BAD,
        refused=(
            *gates(EMBEDDINGS),
            *(
                ("alice", {**EMBEDDINGS, "model": fault.name}, fault.status, fault.code)
                for fault in harness.FAULTS
                if fault.name.split("-")[2][:3].isdigit()
            ),
        ),
        cors=True,
    ),
    # logs
    Route(
        43, "GET", P + "/logs", "P", "logs.md, GET logs",
        shape=LOG,
        page=100,
        bad_query=(
            ({"end_user_id": "x"}, "end_user_id"),
            ({"status": "odd"}, "status"),
            ({"request_type": "x"}, "request_type"),
            ({"since": "x"}, "since"),
            ({"until": "x"}, "until"),
        ),
    ),
    # webhooks
    Route(
        44, "GET", W, "P", "webhooks.md, GET webhook-endpoints",
        shape=hooks.ENDPOINT,
        page=100,
    ),
    Route(
        45, "POST", W, "P", "webhooks.md, POST webhook-endpoints",
        {"url": "https://Receiver.invalid:8443/hook?a=b%20c", "description": "Für alle"}, 201,
        shape=hooks.NEW_ENDPOINT,
        values={"description": "Für alle", "is_active": True, "disabled_reason": None,
                "event_types": hooks.DEFAULT_EVENTS},
        bad=(({}, "url"), *each("url", None), *HOOK_BAD),
    ),
    Route(
        46, "GET", W + "/{endpointId}", "P", "webhooks.md, GET endpoint",
        shape=hooks.ENDPOINT,
        values={"url": "https://alice.invalid/hook", "is_active": True},
    ),
    Route(
        47, "PATCH", W + "/{endpointId}", "P", "webhooks.md, PATCH endpoint",
        {"url": "https://other.invalid/", "event_types": ["budget.debited"], "description": "d", "is_active": False},
        shape=hooks.ENDPOINT,
        values={"url": "https://other.invalid/", "event_types": ["budget.debited"], "description": "d",
                "is_active": False, "disabled_reason": None},
        at=new_endpoint,
        bad=(*HOOK_BAD, *each("url", None), *each("event_types", None), *each("is_active", None)),
    ),
    Route(48, "DELETE", W + "/{endpointId}", "P", "webhooks.md, DELETE endpoint", status=204, at=new_endpoint),
    Route(
        49, "GET", W + "/{endpointId}/secret", "P", "webhooks.md, GET secret",
        shape={"secret": hooks.SECRET.fullmatch},
    ),
    Route(
        50, "POST", W + "/{endpointId}/rotate-secret", "P", "webhooks.md, POST rotate-secret",
        shape={"secret": hooks.SECRET.fullmatch, "previous_secret_expires_at": is_time},
        at=new_endpoint,
    ),
    Route(
        51, "POST", W + "/{endpointId}/test", "P", "webhooks.md, POST test",
        status=202,
        shape={"delivery_id": is_uuid},
        at=new_endpoint,
    ),
    Route(
        52, "GET", D, "P", "webhooks.md, GET deliveries",
        shape=hooks.DELIVERY,
        page=100,
        bad_query=(
            ({"status": "lost"}, "status"),
            ({"event_type": "budget.closed"}, "event_type"),
            ({"since": "x"}, "since"),
            ({"until": "x"}, "until"),
        ),
    ),
    Route(
        53, "GET", D + "/{deliveryId}", "P", "webhooks.md, GET delivery",
        shape=hooks.WHOLE_DELIVERY,
        values={"event_type": "endpoint.test"},
        absent=((lambda world: {**new_delivery(world), **new_endpoint(world)}, "delivery_not_found"),),
    ),
    Route(
        54, "POST", D + "/{deliveryId}/replay", "P", "webhooks.md, POST replay",
        status=202,
        shape=hooks.DELIVERY,
        values={"event_type": "endpoint.test"},
        at=new_delivery,
        absent=((lambda world: {**new_delivery(world), **new_endpoint(world)}, "delivery_not_found"),),
    ),
    Route(
        "more", "POST", W + "/{endpointId}/recover", "P", "webhooks.md, POST recover", hour_ago, 202,
        shape={"count": int},
        values={"count": 0},
        at=new_endpoint,
        bad=RECOVER_BAD,
    ),
    Route(
        "more", "GET", W + "/{endpointId}/stats", "P", "webhooks.md, GET stats",
        shape=hooks.STATS,
    ),
    # health and self-service
    Route(66, "GET", "/health", "none", "headless-and-admin.md, Health", shape=HEALTH),
    Route(
        67, "GET", "/v1/me/budget", "E", "self-service.md, GET /v1/me/budget",
        shape=MY_BUDGET,
        refused=(("bare", NO_BODY, 404, "budget_not_found"),),
        cors=True,
    ),
    Route(
        68, "GET", "/v1/me/rate-limits", "E", "self-service.md, GET /v1/me/rate-limits",
        shape=EFFECTIVE_LIMITS,
        values={"resolution": "none", **dict.fromkeys(RATE_LIMITS)},
        cors=True,
    ),
    Route(
        69, "GET", "/v1/me/mcp-config", "E", "self-service.md, GET /v1/me/mcp-config",
        shape={"standard": dict, "openai": list},
        values={"standard": {}, "openai": []},
        cors=True,
    ),
    # administration
    Route(
        "admin", "GET", A + "/status", "A", "headless-and-admin.md, Admin API, status",
        shape=STATUS,
        may=("calls_in_flight", "connections", "writer_queue", "shutting_down", "last_verify", "webhook_backlog",
             "node_id", "other_nodes", "cooling_down"),
    ),
    Route(
        "admin", "GET", A + "/platforms", "A", "headless-and-admin.md, Admin API, platforms",
        shape=PLATFORM,
        page=100,
    ),
    Route(
        "admin", "POST", A + "/platforms", "A", "headless-and-admin.md, Admin API, platforms", platform_body, 201,
        shape={**PLATFORM, "api_key": at_least({"raw_key": str}, *RAW)},
        values={"name": "New", "is_active": True},
        bad=(
            ({}, "name"),
            *each("name", *NAMES, None, base={"slug": "x"}),
            ({"name": "X"}, "slug"),
            *each("slug", "", "Not A Slug", "x" * 64, 7, None, base={"name": "X"}),
            *(
                ({"name": "X", "slug": "x", "settings": {field: value}}, f"settings.{field}")
                for field, value in SETTINGS
            ),
        ),
        conflict=({"name": "X", "slug": "rival"}, "slug_taken"),
    ),
    Route(
        "admin", "GET", A + "/platforms/{platformId}", "A", "headless-and-admin.md, Admin API, platforms",
        shape=PLATFORM,
        values={"slug": "acme"},
    ),
    Route(
        "admin", "PATCH", A + "/platforms/{platformId}", "A", "headless-and-admin.md, Admin API, platforms",
        {"is_active": False, "name": "Closed"},
        shape=PLATFORM,
        values={"is_active": False, "name": "Closed"},
        at=new_platform,
        bad=(*each("name", *NAMES), *each("is_active", *FLAGS), *each("slug", "Not A Slug")),
        conflict=({"slug": "rival"}, "slug_taken"),
    ),
    Route(
        "admin", "DELETE", A + "/platforms/{platformId}", "A", "headless-and-admin.md, Admin API, platforms",
        status=204,
        at=new_platform,
    ),
    Route(
        "admin", "POST", A + "/platforms/{platformId}/api-keys", "A", "headless-and-admin.md, Admin API, api-keys",
        {"name": "by admin"}, 201,
        shape=RAW,
        values={"type": "platform", "name": "by admin"},
        bad=KEYS,
    ),
    Route(
        "admin", "POST", A + "/platforms/{platformId}/wallet/transactions", "A",
        "headless-and-admin.md, Admin API, wallet transactions",
        {"type": "adjustment", "amount": -0.25, "description": "correction"}, (200, 201),
        shape=WALLET_ROW,
        values={"type": "adjustment", "amount": DECIMAL("-0.25"), "description": "correction"},
        bad=(
            *each("type", "llm_usage", "mcp_usage", "gift", 7, None, base={"amount": 1, "description": "x"}),
            *each("amount", *AMOUNTS, base={"type": "refund", "description": "x"}),
            *each("amount", *AMOUNTS, base={"type": "top_up", "description": "x"}),
            *each("amount", 0, "1", 0.0000001, base={"type": "adjustment", "description": "x"}),
            *each("description", *REASON, base={"type": "refund", "amount": 1}),
        ),
    ),
    Route(
        "admin", "PUT", A + "/platforms/{platformId}/rate-limits", "A", "headless-and-admin.md, Admin API, rate-limits",
        {"end_user_default": {"rpm_limit": 60, "tpm_limit": 100000, "rpd_limit": 10000}, "platform": {}},
        shape=PLATFORM_LIMITS,
        values={"end_user_default": {"rpm_limit": 60, "tpm_limit": 100000, "rpd_limit": 10000},
                "platform": dict.fromkeys(RATE_LIMITS)},
        at=new_platform,
        bad=tuple(
            ({level: {name: value}}, f"{level}.{name}")
            for level in PLATFORM_LIMITS for name in RATE_LIMITS for value in LIMITS
        ),
    ),
    Route(
        "admin", "POST", A + "/providers", "A", "headless-and-admin.md, Admin API, providers", provider_body, 201,
        shape=PROVIDER,
        may=PROVIDER_MAY,
        values={"is_enabled": True, "kind": "openai", "name": "Local"},
        bad=(
            ({}, "slug"),
            *each("kind", "telepathy", 7, base={"slug": "x", "name": "X", "base_url": "http://127.0.0.1/v1"}),
            *each("base_url", "nowhere", 7, base={"slug": "x", "kind": "openai", "name": "X"}),
        ),
        conflict=({"slug": "mock", "kind": "openai", "name": "X", "base_url": "http://127.0.0.1:9/v1"},
                  ("slug_taken", "conflict")),
    ),
    Route(
        "admin", "GET", A + "/providers/{providerId}", "PA", "headless-and-admin.md, Admin API, providers",
        shape=PROVIDER,
        may=PROVIDER_MAY,
    ),
    Route(
        "admin", "PATCH", A + "/providers/{providerId}", "A", "headless-and-admin.md, Admin API, providers",
        {"name": "Renamed", "is_enabled": False},
        shape=PROVIDER,
        may=PROVIDER_MAY,
        values={"name": "Renamed", "is_enabled": False},
        at=new_provider,
        bad=(*each("base_url", "nowhere"), *each("is_enabled", *FLAGS), *each("name", "")),
    ),
    Route(
        "admin", "DELETE", A + "/providers/{providerId}", "A", "headless-and-admin.md, Admin API, providers",
        status=204,
        at=new_provider,
    ),
    Route(
        "admin", "POST", A + "/models", "A", "headless-and-admin.md, Admin API, models", model_body, 201,
        shape=MODEL,
        may=MODEL_MAY,
        values={"is_enabled": True},
        bad=(
            ({}, "slug"),
            *each("slug", "a/b", "", 7, base={"display_name": "X"}),
            *((with_bad_price(price), "mappings[0].input_usd_per_mtok") for price in ("-1", "0.1234567", "x", True)),
        ),
        conflict=(lambda _: model(PLAIN.name), ("slug_taken", "conflict")),
    ),
    Route(
        "admin", "GET", A + "/models/{modelId}", "PA", "headless-and-admin.md, Admin API, models",
        shape=MODEL,
        may=MODEL_MAY,
    ),
    Route(
        "admin", "PATCH", A + "/models/{modelId}", "A", "headless-and-admin.md, Admin API, models",
        {"display_name": "Renamed", "is_enabled": False},
        shape=MODEL,
        may=MODEL_MAY,
        values={"display_name": "Renamed", "is_enabled": False},
        at=new_model,
        bad=(*each("display_name", "", 7), *each("is_enabled", *FLAGS)),
    ),
    Route(
        "admin", "DELETE", A + "/models/{modelId}", "A", "headless-and-admin.md, Admin API, models",
        status=204,
        at=new_model,
    ),
    Route(
        "admin", "GET", A + "/audit", "A", "headless-and-admin.md, Admin API, audit",
        shape={"id": is_uuid, "created_at": is_time},
        may=("actor", "action", "target", "details"),
        page=100,
    ),
    Route("admin", "POST", A + "/verify", "A", "headless-and-admin.md, Admin API, verify"),
    Route("admin", "POST", A + "/backup", "A", "headless-and-admin.md, Admin API, backup", status=None),
    Route("admin", "GET", "/metrics", "none", "headless-and-admin.md, Admin API, metrics"),
    Route("admin", "GET", "/openapi.json", "none", "headless-and-admin.md, Admin API, openapi.json"),
)
# fmt: on


# ---------------------------------------------------------------- the world


class World(GatewayCase):
    """Platforms acme and rival, one that an admin switched off and one without money; and a caller of every kind."""

    models = (*harness.MODELS, SMALLEST_16)
    platforms = (
        platform("acme", [user("alice", 50), user("bare"), user("carl", 5), user("frozen", 5), user("broke", 5)]),
        platform("rival", [user("mallory", 1)]),
        platform("closed", [user("zoe", 1)]),
        platform("poor", [user("pat", 1)], wallet_usd=0),
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.acme, cls.rival, cls.closed, cls.poor = map(cls.gateway.tenant, ("acme", "rival", "closed", "poor"))
        cls.platform_keys = {tenant.id: tenant.key for tenant in (cls.acme, cls.rival, cls.closed, cls.poor)}
        with cls.acme.client as server, cls.rival.client as rival, cls.gateway.admin as admin:
            cls.keys = {**cls.spent_keys(server), **cls.living_keys()}
            cls.prepare_users(server)
            cls.ids = cls.standing(cls.acme, server, "alice")
            cls.foreign = cls.standing(cls.rival, rival, "mallory")
            for name, path in (("providerId", "/providers"), ("modelId", "/models")):
                rows = admin.rows(A + path)
                cls.ids[name] = next(row["id"] for row in rows if row["slug"] in ("mock", PLAIN.name))
            admin.patch(f"{A}/platforms/{cls.closed.id}", {"is_active": False}).expect(200, "setup")

    @classmethod
    def living_keys(cls):
        def of(tenant, name):
            return tenant.users[name]["end_user_key"]

        return {
            "nobody": None,
            "unknown platform key": "sk-plat_" + "0" * 64,
            "unknown user key": "sk-eu_" + "0" * 64,
            "acme": cls.acme.key,
            "rival": cls.rival.key,
            "poor": cls.poor.key,
            "admin": cls.gateway.admin_key,
            **{name: of(cls.acme, name) for name in ("alice", "bare", "frozen", "broke")},
            "inactive user": of(cls.acme, "carl"),
            "inactive platform": cls.closed.key,
            "user of the inactive platform": of(cls.closed, "zoe"),
            "user of the poor platform": of(cls.poor, "pat"),
        }

    @classmethod
    def spent_keys(cls, server):
        """Revoked and expired ones; returns when the latter have expired."""
        keys, moment = {}, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
        for kind, path in (("platform", cls.acme.path), ("user", cls.acme.user_path("alice"))):
            made = server.post(path + "/api-keys", {"name": "revoked"}).expect_json(201, "setup")
            keys[f"revoked {kind} key"] = cls.gateway.remember(made)
            server.delete(f"{path}/api-keys/{made['id']}").expect(204, "setup")
            made = server.post(path + "/api-keys", {"expires_at": moment.isoformat()}).expect_json(201, "setup")
            keys[f"expired {kind} key"] = cls.gateway.remember(made)
        time.sleep(max(0, (moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds() + 0.01))
        return keys

    @classmethod
    def prepare_users(cls, server):
        server.patch(cls.acme.user_path("carl"), {"is_active": False}).expect(200, "setup")
        server.patch(cls.acme.user_path("frozen") + "/budget", {"is_suspended": True}).expect(200, "setup")
        server.post(cls.acme.user_path("broke") + "/budget/debit", {"amount_usd": 5}).expect(200, "setup")

    @staticmethod
    def standing(tenant, server, external_id):
        """Path parameters of what is there all the time."""
        with tenant.user_client(external_id) as client:
            response = client.post("/v1/responses", {"model": PLAIN.name, "input": "hi"}).expect_json(200, "setup")
        return {
            "platformId": tenant.id,
            "endUserId": tenant.users[external_id]["id"],
            "keyId": server.rows(tenant.user_path(external_id) + "/api-keys")[0]["id"],
            "configId": server.rows(tenant.path + "/llm-configs")[0]["id"],
            "model": PLAIN.name,
            "responseId": response["id"],
            **World.standing_hook(tenant, server, external_id),
        }

    @staticmethod
    def standing_hook(tenant, server, external_id):
        path = tenant.path + "/webhook-endpoints"
        made = server.post(path, {"url": f"https://{external_id}.invalid/hook"}).expect_json(201, "setup")
        tenant.gateway.secrets.add(made["secret"])
        sent = server.post(f"{path}/{made['id']}/test").expect_json(202, "setup")
        return {"endpointId": made["id"], "deliveryId": sent["delivery_id"]}

    def setUp(self):
        self.callers = {name: self.enterContext(self.gateway.client(key)) for name, key in self.keys.items()}
        self.server, self.alice = self.callers["acme"], self.callers["alice"]

    # -------- walking the table

    def each_route(self, check, routes=ROUTES):
        for route in routes:
            with self.subTest(route=str(route)):
                check(route)

    def path(self, route, **ids):
        """Its path for what is there all the time, or for `ids`."""
        return route.path.format(**{**self.ids, **ids})

    def fresh(self, route):
        """Path parameters of something that a success may change or delete."""
        return route.at(self) if route.at else {}

    def body(self, route):
        """A body that succeeds, or None."""
        return self.value(route.body) if route.has_body else None

    def value(self, body):
        return None if body is NO_BODY else body(self) if callable(body) else body

    def caller(self, route, ids):
        """Who may call it, for these path parameters."""
        owner = ids.get("platformId", self.acme.id)
        if route.key in ("P", "PA") and owner != self.acme.id:
            return self.enterContext(self.gateway.client(self.platform_keys[owner]))
        return self.callers[route.caller]

    # -------- rules that scenarios and checklist share

    def check_keys(self, route, names=REFUSALS):
        """Each kind of key that must be refused there is, before anything else is looked at."""
        for name in names:
            refusal = REFUSALS[name].get(route.key)
            if refusal is None:
                continue
            ids = {"platformId": self.closed.id} if name == "inactive platform" and route.key == "P" else {}
            for body in [self.body(route), *([b"{"] if route.has_body else [])]:
                self.callers[name].call(route.method, self.path(route, **ids), body).expect_error(
                    *refusal, f"conventions.md, Key type and tenant: {name} on {route}"
                )

    def check_other_tenant(self, route):
        """A platform's key opens neither another one's path nor another one's things below its own path."""
        if route.key != "P":
            return
        rule = f"conventions.md, Key type and tenant: {route}"
        stranger = self.callers["acme"]
        for platform_id in (self.rival.id, NOWHERE, "x"):
            answer = stranger.call(
                route.method, self.path(route, **{**self.foreign, "platformId": platform_id}), self.body(route)
            )
            answer.expect_error(403, "forbidden", rule + ", another platform, existing or not")
            self.tells_nothing(answer, rule)
        for name in route.parameters[1:]:
            answer = stranger.call(route.method, self.path(route, **{name: self.foreign[name]}), self.body(route))
            answer.expect_error(404, NOT_FOUND[name], rule + ", a resource of another platform")
            self.tells_nothing(answer, rule)

    def tells_nothing(self, answer, rule):
        said = answer.read().decode()
        for word in ("mallory", "rival", "Rival"):
            self.holds(word not in said, f"no {word!r} in the answer", rule, answer.describe())
