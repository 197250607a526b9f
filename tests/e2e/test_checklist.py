# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every management route: what it does, and each of its refusals, from one table."""

import dataclasses
import itertools
import typing

import harness
from harness import (
    BUDGET,
    END_USER,
    INTERNAL,
    KEY,
    LEDGER_ROW,
    LLM_CONFIG,
    LOG,
    MODEL,
    PLAIN,
    PLATFORM,
    PROVIDER,
    WALLET,
    WALLET_ROW,
    Books,
    GatewayCase,
    chat_body,
    is_uuid,
    model,
    platform,
    user,
)

NOWHERE = "00000000-0000-4000-8000-000000000000"
SOON = "2999-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"
RAW = {**KEY, "raw_key": str}
counter = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Route:
    """One row of the contract's list of endpoints."""

    method: str
    path: typing.Any  # text, or a function of the test case that makes what the path names
    rule: str
    body: typing.Any = None  # what succeeds; a function of the test case for what must be new each time
    status: typing.Any = 200
    shape: dict = None  # of the answer, or of each row of a list
    values: dict = dataclasses.field(default_factory=dict)  # members the answer must have
    bad: tuple = ()  # (body, param): refused with 422
    conflict: str = None  # code of the 409 when the same body is sent again
    missing: tuple = ()  # (path, code): 404
    page: int = 0  # largest `limit` of a list
    bad_query: tuple = ()  # (query, param): refused with 422
    key: str = "platform"  # or admin, any (platform or end user), read (platform or admin)

    def __str__(self):
        return f"{self.method} {self.path if isinstance(self.path, str) else self.rule}"


def new_user(case):
    return case.server.post(case.at("{p}/end-users"), {"external_id": f"new-{next(counter)}"}).expect_json(
        201, "setup"
    )["id"]


def new_key(case, path="{p}/api-keys"):
    made = case.server.post(case.at(path), {"name": "new"}).expect_json(201, "setup")
    case.gateway.remember(made)
    return f"{case.at(path)}/{made['id']}"


def new_budget(case):
    path = f"{case.at('{p}')}/end-users/{new_user(case)}/budget"
    case.server.post(path, {"max_usd": 5}).expect(201, "setup")
    return path


def upstream_key():
    return f"sk-upstream-{next(counter):032d}"


def new_config(case):
    path = case.at("{p}/llm-configs")
    made = case.server.post(path, {"provider_id": "mock", "api_key": upstream_key()}).expect_json(201, "setup")
    return f"{path}/{made['id']}"


def made_by_admin(case, path, body):
    made = case.admin.post(path, body).expect_json(201, "headless-and-admin.md 3, create")
    if "api_key" in made:
        case.gateway.remember(made["api_key"])
    return f"{path}/{made['id']}"


def platform_body(_=None):
    return {"name": "New", "slug": f"new-{next(counter)}", "settings": {"default_budget_usd": 2}}


def provider_body(_=None):
    return {"slug": f"p-{next(counter)}", "kind": "openai", "name": "Local", "base_url": "http://127.0.0.1:9/v1"}


def model_body(_=None):
    return model(f"m-{next(counter)}")


BAD_NAME = (({"name": ""}, "name"), ({"name": "x" * 101}, "name"), ({"name": 7}, "name"))
BAD_AMOUNT = tuple(({"amount_usd": value}, "amount_usd") for value in (0, -1, 1000000.5, 0.0000001, "1", None)) + (
    ({}, "amount_usd"),
)
BAD_BUDGET = (
    ({}, "max_usd"),
    ({"max_usd": 0}, "max_usd"),
    ({"max_usd": 1000001}, "max_usd"),
    ({"max_usd": "5"}, "max_usd"),
    ({"max_usd": 5, "period": "weekly"}, "period"),
    ({"max_usd": 5, "auto_replenish": True}, "auto_replenish"),
    ({"max_usd": 5, "period": "daily", "auto_replenish": True}, "replenish_amount"),
    ({"max_usd": 5, "low_balance_threshold": -1}, "low_balance_threshold"),
)
NO_USER = (("{p}/end-users/" + NOWHERE, "end_user_not_found"), ("{p}/end-users/x", "end_user_not_found"))


def no_user(suffix):
    return tuple((path + suffix, code) for path, code in NO_USER)


ROUTES = (
    # platforms
    Route("GET", "{p}", "platforms.md, GET platform", shape=PLATFORM, values={"slug": "acme"}),
    Route(
        "PATCH",
        "{p}",
        "platforms.md, PATCH platform",
        {"name": "Acme & Co"},
        shape=PLATFORM,
        values={"name": "Acme & Co"},
        bad=(
            *BAD_NAME,
            ({"slug": "Not A Slug"}, "slug"),
            ({"slug": ""}, "slug"),
            ({"settings": 7}, "settings"),
            ({"settings": {"default_budget_usd": 0}}, "settings.default_budget_usd"),
            ({"settings": {"markup_percentage": 1001}}, "settings.markup_percentage"),
            ({"settings": {"markup_percentage": 0.123}}, "settings.markup_percentage"),
        ),
    ),
    # platform keys
    Route(
        "GET",
        "{p}/api-keys",
        "platforms.md, GET api-keys",
        shape=KEY,
        page=100,
        bad_query=(({"type": "admin"}, "type"), ({"type": "end_user", "end_user_id": "x"}, "end_user_id")),
    ),
    Route(
        "POST",
        "{p}/api-keys",
        "platforms.md, POST api-keys",
        {"name": "CI key"},
        201,
        RAW,
        {"name": "CI key", "type": "platform", "end_user_id": None, "scopes": ["inference"], "last_used_at": None},
        bad=(
            *BAD_NAME,
            ({"scopes": "all"}, "scopes"),
            ({"scopes": ["x"] * 21}, "scopes"),
            ({"expires_at": PAST}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
        ),
    ),
    Route(
        "PATCH",
        new_key,
        "platforms.md, PATCH api-key",
        {"name": "renamed", "is_active": False, "expires_at": SOON},
        shape=KEY,
        values={"name": "renamed", "is_active": False, "expires_at": "2999-01-01T00:00:00.000Z"},
        bad=(*BAD_NAME, ({"is_active": "no"}, "is_active")),
        missing=(("{p}/api-keys/" + NOWHERE, "api_key_not_found"), ("{p}/api-keys/x", "api_key_not_found")),
    ),
    Route(
        "DELETE",
        new_key,
        "platforms.md, DELETE api-key",
        status=204,
        missing=(("{p}/api-keys/" + NOWHERE, "api_key_not_found"),),
    ),
    # end users
    Route(
        "GET",
        "{p}/end-users",
        "end-users-and-keys.md, GET end-users",
        shape=END_USER,
        page=100,
        bad_query=(({"is_active": "perhaps"}, "is_active"),),
    ),
    Route(
        "POST",
        "{p}/end-users",
        "end-users-and-keys.md, POST end-users",
        lambda _: {"external_id": f"posted-{next(counter)}", "metadata": {"a": [1]}},
        201,
        {**END_USER, "api_key": dict},
        {"display_name": None, "metadata": {"a": [1]}, "is_active": True},
        bad=(
            ({}, "external_id"),
            ({"external_id": ""}, "external_id"),
            ({"external_id": "x" * 256}, "external_id"),
            ({"external_id": 7}, "external_id"),
            ({"external_id": "ok", "display_name": "x" * 101}, "display_name"),
            ({"external_id": "ok", "metadata": []}, "metadata"),
            ({"external_id": "ok", "metadata": {"x": "y" * 16384}}, "metadata"),
        ),
    ),
    Route(
        "GET",
        "{u}",
        "end-users-and-keys.md, GET end-user",
        shape=END_USER,
        values={"external_id": "alice"},
        missing=NO_USER,
    ),
    # end-user keys
    Route(
        "GET",
        "{u}/api-keys",
        "end-users-and-keys.md, GET end-user api-keys",
        shape=KEY,
        page=100,
        missing=no_user("/api-keys"),
    ),
    Route(
        "POST",
        "{u}/api-keys",
        "end-users-and-keys.md, POST end-user api-keys",
        {"name": "phone"},
        201,
        RAW,
        {"type": "end_user", "name": "phone", "scopes": ["inference"]},
        bad=BAD_NAME,
        missing=no_user("/api-keys"),
    ),
    Route(
        "DELETE",
        lambda case: new_key(case, "{u}/api-keys"),
        "end-users-and-keys.md, DELETE end-user api-key",
        status=204,
        missing=(("{u}/api-keys/" + NOWHERE, "api_key_not_found"), *no_user("/api-keys/" + NOWHERE)),
    ),
    # provider keys
    Route("GET", "{p}/llm-configs", "llm-configs-and-models.md, GET llm-configs", shape=LLM_CONFIG, page=100),
    Route(
        "POST",
        "{p}/llm-configs",
        "llm-configs-and-models.md, POST llm-configs",
        lambda _: {"provider_id": "mock", "api_key": upstream_key()},
        201,
        LLM_CONFIG,
        {"provider": "mock", "is_active": True, "is_default": False},
        conflict="llm_config_exists",
        bad=(
            ({}, "provider_id"),
            ({"provider_id": "mock"}, "api_key"),
            ({"provider_id": "mock", "api_key": "short"}, "api_key"),
            ({"provider_id": "mock", "api_key": "x" * 1025}, "api_key"),
            ({"provider_id": "mock", "api_key": "with blank inside"}, "api_key"),
        ),
    ),
    Route(
        "GET",
        new_config,
        "llm-configs-and-models.md, GET llm-config",
        shape=LLM_CONFIG,
        missing=(("{p}/llm-configs/" + NOWHERE, "llm_config_not_found"), ("{p}/llm-configs/x", "llm_config_not_found")),
    ),
    Route(
        "PATCH",
        new_config,
        "llm-configs-and-models.md, PATCH llm-config",
        {"is_active": False},
        shape=LLM_CONFIG,
        values={"is_active": False},
        bad=(({"is_active": 1}, "is_active"), ({"api_key": "short"}, "api_key")),
        missing=(("{p}/llm-configs/" + NOWHERE, "llm_config_not_found"),),
    ),
    Route(
        "DELETE",
        new_config,
        "llm-configs-and-models.md, DELETE llm-config",
        status=204,
        missing=(("{p}/llm-configs/" + NOWHERE, "llm_config_not_found"),),
    ),
    # catalogue
    Route(
        "GET",
        "/v1/admin/providers",
        "llm-configs-and-models.md, GET /v1/admin/providers",
        shape=PROVIDER,
        page=100,
        key="read",
    ),
    Route(
        "GET", "/v1/admin/models", "llm-configs-and-models.md, GET /v1/admin/models", shape=MODEL, page=100, key="read"
    ),
    Route("GET", "/v1/models", "llm-configs-and-models.md, GET /v1/models", key="any"),
    Route(
        "GET",
        "/v1/models/" + PLAIN.name,
        "llm-configs-and-models.md, GET /v1/models/{model}",
        key="any",
        values={"id": PLAIN.name},
        missing=(("/v1/models/nobody", "model_not_found"),),
    ),
    # wallet
    Route("GET", "{p}/wallet", "wallet.md 1, GET wallet", shape=WALLET),
    Route(
        "POST",
        "{p}/wallet/topup",
        "wallet.md 1, POST topup",
        {"amount": 1.25, "description": "Invoice 42"},
        200,
        WALLET_ROW,
        {
            "type": "top_up",
            "amount": harness.Decimal("1.25"),
            "description": "Invoice 42",
            "reference": None,
            "metadata": {},
        },
        bad=(
            *(({"amount": value}, "amount") for value in (0, -1, 1000000.5, 0.0000001, "1", None)),
            ({}, "amount"),
            ({"amount": 1, "description": "x" * 501}, "description"),
        ),
    ),
    Route(
        "GET",
        "{p}/wallet/transactions",
        "wallet.md 1, GET transactions",
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
        "POST",
        lambda case: case.at("{p}/end-users/") + new_user(case) + "/budget",
        "budgets-and-ledger.md, POST budget",
        {"max_usd": 7.5, "period": "daily", "auto_replenish": True, "replenish_amount": 3},
        201,
        BUDGET,
        {
            "max_usd": harness.Decimal("7.5"),
            "used_usd": 0,
            "period": "daily",
            "auto_replenish": True,
            "replenish_amount": 3,
        },
        bad=BAD_BUDGET,
        missing=no_user("/budget"),
    ),
    Route(
        "GET",
        "{u}/budget",
        "budgets-and-ledger.md, GET budget",
        shape=BUDGET,
        missing=(*no_user("/budget"), ("{bare}/budget", "budget_not_found")),
    ),
    Route(
        "PATCH",
        new_budget,
        "budgets-and-ledger.md, PATCH budget",
        {"max_usd": 8, "low_balance_threshold": 1},
        shape={**BUDGET, "transaction": dict},
        values={"max_usd": 8, "low_balance_threshold": 1},
        missing=(*no_user("/budget"), ("{bare}/budget", "budget_not_found")),
        bad=(({"max_usd": 0}, "max_usd"), ({"period": "weekly"}, "period"), ({"is_suspended": "yes"}, "is_suspended")),
    ),
    Route(
        "POST",
        "{u}/budget/topup",
        "budgets-and-ledger.md, POST topup",
        {"amount_usd": 0.5},
        200,
        {**LEDGER_ROW, "budget": dict},
        {"type": "topup", "source": "api"},
        bad=BAD_AMOUNT,
        missing=(*no_user("/budget/topup"), ("{bare}/budget/topup", "budget_not_found")),
    ),
    Route(
        "POST",
        "{u}/budget/debit",
        "budgets-and-ledger.md, POST debit",
        {"amount_usd": 0.5, "reason": "chargeback"},
        200,
        {**LEDGER_ROW, "budget": dict},
        {"type": "debit", "source": "api", "reason": "chargeback"},
        bad=BAD_AMOUNT,
        missing=(*no_user("/budget/debit"), ("{bare}/budget/debit", "budget_not_found")),
    ),
    Route(
        "GET",
        "{u}/budget/transactions",
        "budgets-and-ledger.md, GET transactions",
        shape=LEDGER_ROW,
        page=200,
        missing=(*no_user("/budget/transactions"), ("{bare}/budget/transactions", "budget_not_found")),
        bad_query=(
            ({"type": "gift"}, "type"),
            ({"source": "sky"}, "source"),
            ({"order": "random"}, "order"),
            ({"since": "x"}, "since"),
        ),
    ),
    # logs
    Route(
        "GET",
        "{p}/logs",
        "logs.md, GET logs",
        shape=LOG,
        page=100,
        bad_query=(
            ({"end_user_id": "x"}, "end_user_id"),
            ({"status": "odd"}, "status"),
            ({"request_type": "x"}, "request_type"),
            ({"until": "x"}, "until"),
        ),
    ),
    # administration
    Route(
        "GET",
        "/v1/admin/status",
        "headless-and-admin.md 3, status",
        key="admin",
        shape={"version": str, "origin": str, "workers": int},
    ),
    Route("GET", "/v1/admin/platforms", "headless-and-admin.md 3, platforms", shape=PLATFORM, page=100, key="admin"),
    Route(
        "POST",
        "/v1/admin/platforms",
        "headless-and-admin.md 3, platforms",
        platform_body,
        201,
        {**PLATFORM, "api_key": dict},
        key="admin",
        conflict="slug_taken",
        bad=(({}, "name"), ({"name": "X"}, "slug"), ({"name": "X", "slug": "Not A Slug"}, "slug")),
    ),
    Route(
        "GET",
        "/v1/admin/platforms/{id}",
        "headless-and-admin.md 3, platforms",
        shape=PLATFORM,
        values={"slug": "acme"},
        key="admin",
        missing=(("/v1/admin/platforms/" + NOWHERE, "platform_not_found"),),
    ),
    Route(
        "PATCH",
        lambda case: made_by_admin(case, "/v1/admin/platforms", platform_body()),
        "headless-and-admin.md 3, platforms",
        {"is_active": False, "name": "Closed"},
        shape=PLATFORM,
        values={"is_active": False, "name": "Closed"},
        key="admin",
        bad=BAD_NAME,
        missing=(("/v1/admin/platforms/" + NOWHERE, "platform_not_found"),),
    ),
    Route(
        "DELETE",
        lambda case: made_by_admin(case, "/v1/admin/platforms", platform_body()),
        "headless-and-admin.md 3, platforms",
        status=204,
        key="admin",
        missing=(("/v1/admin/platforms/" + NOWHERE, "platform_not_found"),),
    ),
    Route(
        "POST",
        "/v1/admin/platforms/{id}/api-keys",
        "headless-and-admin.md 3, api-keys",
        {"name": "by admin"},
        201,
        RAW,
        {"type": "platform"},
        key="admin",
        bad=BAD_NAME,
        missing=(("/v1/admin/platforms/" + NOWHERE + "/api-keys", "platform_not_found"),),
    ),
    Route(
        "POST",
        "/v1/admin/platforms/{id}/wallet/transactions",
        "headless-and-admin.md 3, wallet transactions",
        {"type": "adjustment", "amount": -0.25, "description": "correction"},
        (200, 201),
        WALLET_ROW,
        {"type": "adjustment", "amount": harness.Decimal("-0.25")},
        key="admin",
        bad=(
            ({"type": "llm_usage", "amount": 1, "description": "x"}, "type"),
            ({"type": "refund", "amount": -1, "description": "x"}, "amount"),
            ({"type": "adjustment", "amount": 0, "description": "x"}, "amount"),
            ({"type": "top_up", "description": "x"}, "amount"),
        ),
        missing=(("/v1/admin/platforms/" + NOWHERE + "/wallet/transactions", "platform_not_found"),),
    ),
    Route(
        "POST",
        "/v1/admin/providers",
        "headless-and-admin.md 3, providers",
        provider_body,
        201,
        PROVIDER,
        {"is_enabled": True},
        key="admin",
        bad=(
            ({}, "slug"),
            ({"slug": "x", "kind": "telepathy", "name": "X", "base_url": "http://127.0.0.1/v1"}, "kind"),
            ({"slug": "x", "kind": "openai", "name": "X", "base_url": "nowhere"}, "base_url"),
        ),
    ),
    Route(
        "PATCH",
        lambda case: made_by_admin(case, "/v1/admin/providers", provider_body()),
        "headless-and-admin.md 3, providers",
        {"name": "Renamed", "is_enabled": False},
        shape=PROVIDER,
        values={"name": "Renamed", "is_enabled": False},
        key="admin",
        bad=(({"base_url": "nowhere"}, "base_url"),),
        missing=(("/v1/admin/providers/" + NOWHERE, "provider_not_found"),),
    ),
    Route(
        "DELETE",
        lambda case: made_by_admin(case, "/v1/admin/providers", provider_body()),
        "headless-and-admin.md 3, providers",
        status=204,
        key="admin",
        missing=(("/v1/admin/providers/" + NOWHERE, "provider_not_found"),),
    ),
    Route(
        "POST",
        "/v1/admin/models",
        "headless-and-admin.md 3, models",
        model_body,
        201,
        MODEL,
        {"is_enabled": True},
        key="admin",
        bad=(
            ({}, "slug"),
            ({"slug": "a/b", "display_name": "X"}, "slug"),
            (
                {**model("bad-price"), "mappings": [{**model("x")["mappings"][0], "input_usd_per_mtok": "-1"}]},
                "mappings",
            ),
        ),
    ),
    Route(
        "PATCH",
        lambda case: made_by_admin(case, "/v1/admin/models", model_body()),
        "headless-and-admin.md 3, models",
        {"display_name": "Renamed", "is_enabled": False},
        shape=MODEL,
        values={"display_name": "Renamed", "is_enabled": False},
        key="admin",
        bad=(({"display_name": ""}, "display_name"),),
        missing=(("/v1/admin/models/" + NOWHERE, "model_not_found"),),
    ),
    Route(
        "DELETE",
        lambda case: made_by_admin(case, "/v1/admin/models", model_body()),
        "headless-and-admin.md 3, models",
        status=204,
        key="admin",
        missing=(("/v1/admin/models/" + NOWHERE, "model_not_found"),),
    ),
)


class Endpoints(GatewayCase):
    models = harness.MODELS
    platforms = (platform("acme", [user("alice", 50), user("bare")]), platform("rival", [user("mallory", 1)]))

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.server = self.enterContext(self.acme.client)
        self.rival = self.enterContext(self.gateway.tenant("rival").client)
        self.alice = self.enterContext(self.acme.user_client("alice"))
        self.nobody = self.enterContext(self.gateway.client())
        self.admin = self.enterContext(self.gateway.admin)

    def at(self, path):
        return path.format(
            p=self.acme.path, u=self.acme.user_path("alice"), bare=self.acme.user_path("bare"), id=self.acme.id
        )

    def each(self, check):
        """Calls check(route, path, body) for every route: the path it has here, a body that succeeds."""
        for route in ROUTES:
            with self.subTest(route=str(route)):
                path = self.at(route.path) if isinstance(route.path, str) else route.path(self)
                check(route, path, route.body(self) if callable(route.body) else route.body)

    def caller(self, route):
        return self.admin if route.key == "admin" else self.server

    def test_success_and_then_the_same_again(self):
        self.alice.post("/v1/chat/completions", chat_body(PLAIN.name)).expect(200, "setup: a row in every list")
        self.each(self.check_success)
        Books.read(self.acme).reconcile()

    def check_success(self, route, path, body):
        answer = self.caller(route).call(route.method, path, body)
        statuses = route.status if isinstance(route.status, tuple) else (route.status,)
        answer.expect(answer.status if answer.status in statuses else statuses[0], route.rule)
        if answer.status == 204:
            self.equal(answer.read(), b"", route.rule, "body of a 204")
            return
        value = answer.expect_json(answer.status, route.rule)
        if "raw_key" in (value.get("api_key") or value):
            self.gateway.remember(value.get("api_key") or value)
        if route.page:
            self.equal(sorted(value), ["data", "limit", "page", "total"], "conventions.md", "members of a list")
            self.holds(value["data"], "at least one row", route.rule, value)
        allowed = {"raw_key", "api_key"} if answer.status == 201 else set()
        for entry in value["data"] if route.page else [value]:
            self.shape(entry, route.shape or {}, route.rule, absent=set(INTERNAL) - allowed)
        came = {name: value.get(name) for name in route.values}
        self.equal(came, route.values, route.rule, "members of the answer")
        if route.conflict:
            self.caller(route).call(route.method, path, body).expect_error(
                409, route.conflict, route.rule + ", the same again"
            )

    def test_without_a_key(self):
        def check(route, path, body):
            self.nobody.call(route.method, path, body).expect_error(401, "unauthorized", route.rule)
            if body is not None:
                self.nobody.call(route.method, path, b"{").expect_error(
                    401, "unauthorized", "conventions.md, order: key before body"
                )

        self.each(check)

    def test_with_the_wrong_type_of_key(self):
        def check(route, path, body):
            for client, kind in ((self.alice, "end user"), (self.server, "platform"), (self.admin, "admin")):
                fits = {
                    "platform": ("platform",),
                    "admin": ("admin",),
                    "any": ("platform", "end user"),
                    "read": ("platform", "admin"),
                }
                if kind not in fits[route.key]:
                    client.call(route.method, path, body).expect_error(
                        403, "forbidden", f"conventions.md, a key of type {kind}"
                    )
                    if body is not None:
                        client.call(route.method, path, b"{").expect_error(
                            403, "forbidden", "conventions.md, order: tenant before body"
                        )

        self.each(check)

    def test_as_another_tenant(self):
        def check(route, path, body):
            if not path.startswith(self.acme.path):
                return
            self.rival.call(route.method, path, body).expect_error(
                403, "forbidden", "conventions.md, another platform"
            )
            inside = path.replace(self.acme.id, self.gateway.tenant("rival").id)
            if (
                is_uuid(inside.rsplit("/", 1)[1]) and inside.count("/") > 3 or "/end-users/" in inside
            ):  # names a resource of ours
                response = self.rival.call(route.method, inside, body)
                self.equal(
                    response.status, 404, "conventions.md, a resource of another platform", response.describe()
                )

        self.each(check)

    def test_bad_bodies(self):
        def check(route, path, body):
            if body is None:
                return
            caller = self.caller(route)
            caller.call(route.method, path, b'{"name": ').expect_error(400, "invalid_json", route.rule)
            caller.call(route.method, path, b"[]").expect_error(
                422, "validation_error", "headless-and-admin.md 5, JSON that is not an object"
            )
            for bad, param in route.bad:
                with self.subTest(route=str(route), bad=str(bad)[:80]):
                    error = caller.call(route.method, path, bad).expect_error(422, "validation_error", route.rule)
                    self.holds(
                        str(error["param"]).split(".")[0].split("[")[0] == param.split(".")[0],
                        f"param {param!r}",
                        "conventions.md, dotted path of the offending field",
                        error,
                    )

        self.each(check)

    def test_a_body_is_never_applied_in_part(self):
        before = self.server.get(self.acme.path).json()
        self.server.patch(self.acme.path, {"name": "Half", "slug": "Not A Slug"}).expect(
            422, "platforms.md, PATCH platform"
        )
        self.equal(
            self.server.get(self.acme.path).json(),
            before,
            "architecture.md 5, all or nothing",
            "platform after a refused PATCH",
        )

    def test_what_does_not_exist(self):
        def check(route, _path, body):
            for path, code in route.missing:
                self.caller(route).call(route.method, self.at(path), body).expect_error(404, code, route.rule)

        self.each(check)

    def test_page_bounds(self):
        def check(route, path, _body):
            rule = "conventions.md, pagination"
            if not route.page:
                return
            caller = self.caller(route)
            bad = [
                ({name: value}, name)
                for name, value in (
                    ("page", "0"),
                    ("page", "-1"),
                    ("page", "x"),
                    ("page", "1.5"),
                    ("page", ""),
                    ("limit", "0"),
                    ("limit", "-5"),
                    ("limit", str(route.page + 1)),
                    ("limit", "ten"),
                    ("limit", "99999999999999999999"),
                )
            ]
            for query, param in (*bad, *route.bad_query):
                with self.subTest(route=str(route), query=query):
                    caller.get(path, **query).expect_error(
                        422, "validation_error", f"{rule}; {route.rule}, {query}", param=param
                    )
            whole = caller.get(path).expect_json(200, rule)
            self.equal((whole["page"], whole["limit"]), (1, 20), rule, "defaults")
            self.equal(
                caller.get(path, limit=route.page).expect_json(200, rule)["limit"], route.page, rule, "largest limit"
            )
            past = caller.get(path, page=1000000).expect_json(200, rule)
            self.equal((past["data"], past["total"]), ([], whole["total"]), rule + ", past the end")

        self.each(check)

    def test_filters(self):
        self.alice.post("/v1/chat/completions", chat_body(PLAIN.name)).expect(200, "setup")
        alice, bare = (self.acme.users[name]["id"] for name in ("alice", "bare"))
        logs = self.at("{p}/logs")
        every = self.server.rows(logs)
        rule = "logs.md, GET logs, filters"
        self.equal({row["end_user_id"] for row in self.server.rows(logs, end_user_id=alice)}, {alice}, rule)
        for query in (
            {"end_user_id": bare},
            {"end_user_id": NOWHERE},
            {"model": "nobody"},
            {"request_type": "mcp_tool"},
            {"since": SOON},
            {"status": "error"},
            {"until": PAST},
        ):
            self.equal(self.server.rows(logs, **query), [], rule, str(query))
        one = every[0]["metadata"]["request_id"]
        self.equal(self.server.rows(logs, request_id=one), every[:1], rule, "request_id")
        users = self.at("{p}/end-users")
        rule = "end-users-and-keys.md, GET end-users, filters"
        self.equal([row["id"] for row in self.server.rows(users, external_id="alice")], [alice], rule)
        self.equal(self.server.rows(users, external_id="ALICE"), [], rule + ": case-sensitive")
        self.equal([row["id"] for row in self.server.rows(users, q="LIC")], [alice], rule + ": q is case-insensitive")
        self.equal(self.server.rows(users, q="%"), [], rule + ": q is a substring, not a pattern")
        keys = self.server.rows(self.at("{p}/api-keys"), type="end_user", end_user_id=alice)
        self.equal({row["end_user_id"] for row in keys}, {alice}, "platforms.md, GET api-keys, filters")

    def test_lists_are_newest_first(self):
        for path in ("{p}/end-users", "{p}/api-keys", "{p}/logs", "{p}/wallet/transactions"):
            times = [row["created_at"] for row in self.server.rows(self.at(path))]
            self.equal(times, sorted(times, reverse=True), "conventions.md, order", f"created_at of {path}")

    def test_health_needs_no_key(self):
        health = self.nobody.get("/health").expect_json(200, "headless-and-admin.md, GET /health")
        self.shape(
            health, {"status": lambda v: v == "ok", "version": str, "uptime_seconds": int, "checks": dict}, "headless-and-admin.md"
        )
        self.equal(health["checks"].get("database"), "ok", "headless-and-admin.md", "checks.database")

    def test_provider_keys_are_never_shown(self):
        key = upstream_key() + "x9Qz"
        self.gateway.secrets.add(key)
        made = self.server.post(self.at("{p}/llm-configs"), {"provider_id": "mock", "api_key": f"  {key} "})
        self.equal(
            made.expect_json(201, "llm-configs-and-models.md")["key_hint"],
            "…x9Qz",
            "llm-configs-and-models.md, key_hint",
        )
        for answer in (made, self.server.get(self.at("{p}/llm-configs"))):
            self.holds(
                key.encode() not in answer.read(),
                "no key in any answer",
                "llm-configs-and-models.md",
                answer.describe(),
            )
        self.server.delete(f"{self.at('{p}/llm-configs')}/{made.json()['id']}").expect(204, "llm-configs-and-models.md")

    def test_the_default_key_is_one_and_moves_on(self):
        rule = "llm-configs-and-models.md, is_default"
        configs = self.at("{p}/llm-configs")

        def defaults():
            return [row["id"] for row in self.server.rows(configs) if row["is_default"] and row["is_active"]]

        (first,) = defaults()
        made = self.server.post(
            configs, {"provider_id": "mock", "api_key": upstream_key(), "is_default": True}
        ).expect_json(201, rule)
        self.equal(defaults(), [made["id"]], rule + " clears the others", "default configs")
        self.server.delete(f"{configs}/{made['id']}").expect(204, rule)
        self.equal(defaults(), [first], rule + ": the oldest remaining one after DELETE", "default configs")

    def test_a_platform_switched_off_by_an_admin(self):
        made = self.admin.post("/v1/admin/platforms", platform_body()).expect_json(201, "headless-and-admin.md 3")
        path = f"/v1/admin/platforms/{made['id']}"
        with self.gateway.client(self.gateway.remember(made["api_key"])) as client:
            mine = f"/v1/platforms/{made['id']}"
            client.get(mine).expect(200, "headless-and-admin.md 3")
            end_user = client.post(mine + "/end-users", {"external_id": "u"}).expect_json(201, "end-users-and-keys.md")
            self.gateway.remember(end_user["api_key"])
            budget = client.get(f"{mine}/end-users/{end_user['id']}/budget").expect_json(
                200, "end-users-and-keys.md, auto-budget"
            )
            self.equal(
                (budget["max_usd"], budget["period"]), (2, "monthly"), "end-users-and-keys.md, side effects on 201"
            )
            changed = client.post(f"{mine}/end-users/{end_user['id']}/budget", {"max_usd": 3}).expect_json(
                200, "headless-and-admin.md 5, POST budget replaces the untouched automatic one"
            )
            self.equal((changed["max_usd"], changed["period"]), (3, "one_time"), "headless-and-admin.md 5")
            self.admin.patch(path, {"is_active": False}).expect(200, "headless-and-admin.md 3")
            client.get(mine).expect_error(
                403, "platform_inactive", "conventions.md, a platform an admin deactivated"
            )
            self.admin.patch(path, {"is_active": True}).expect(200, "headless-and-admin.md 3")
            client.get(mine).expect(200, "conventions.md, no stale reads")
            self.admin.delete(path).expect(204, "headless-and-admin.md 3")
            client.get(mine).expect_error(401, "unauthorized", "platforms.md, DELETE: the key stops working at once")

    def test_admin_wallet_entries_honour_the_idempotency_key(self):
        path, key = self.at("/v1/admin/platforms/{id}/wallet/transactions"), self.call_id()
        body = {"type": "refund", "amount": 0.5, "description": "twice"}
        first, second = (self.admin.post(path, body, Idempotency_Key=key) for _ in range(2))
        self.equal(
            (second.status, second.read()),
            (first.status, first.read()),
            "headless-and-admin.md 3, Idempotency-Key",
            "replay",
        )
        self.equal(second.headers.get("idempotent-replayed"), "true", "conventions.md", "idempotent-replayed")


if __name__ == "__main__":
    harness.main()
