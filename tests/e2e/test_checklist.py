# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every endpoint of the contract: what it does, each of its refusals, and the conventions that all of them share."""

import itertools
import json
import re
import urllib.parse

import checklist
import harness
from checklist import A, DECIMAL, LATER, NOT_FOUND, NOWHERE, PAST, ROUTES, SOON, P, World, upstream_key
from harness import EFFECTIVE_LIMITS, PLAIN, Books, chat_body

TOO_LARGE = b'{"name": "' + b"x" * (10 * 1024 * 1024) + b'"}'
ORIGIN = {"origin": "https://app.example"}
BODIES = [route for route in ROUTES if route.has_body]
LISTS = [route for route in ROUTES if route.page]


class Endpoints(World):
    def test_the_table_has_every_row_of_the_list(self):
        here = {route.number for route in ROUTES} - {"admin", "more"}
        self.equal(here & LATER.keys(), set(), "the list of endpoints", "rows that are here and left for later")
        self.equal(here | LATER.keys(), set(range(1, 75)), "the list of endpoints", "rows here or left for later")

    # ---------------------------------------------------------------- success

    def test_success(self):
        self.alice.post("/v1/chat/completions", chat_body(PLAIN.name)).expect(200, "setup: a row in every list")
        self.each_route(self.check_success, [route for route in ROUTES if route.status])
        Books.read(self.acme).reconcile()

    def check_success(self, route):
        ids = self.fresh(route)
        caller, path = self.caller(route, ids), self.path(route, **ids)
        answer = caller.call(route.method, path, self.body(route))
        statuses = route.status if isinstance(route.status, tuple) else (route.status,)
        answer.expect(answer.status if answer.status in statuses else statuses[0], route.rule)
        if answer.status == 204:
            self.equal(answer.read(), b"", route.rule, "body of a 204")
            return
        if route.shape is None:  # a test of its own says what it holds
            return
        value = answer.expect_json(answer.status, route.rule)
        self.remember_keys(value)
        if route.page:
            self.equal(
                sorted(value), ["data", "limit", "page", "total"], "conventions.md, Pagination", "members of a list"
            )
            self.holds(value["data"], "at least one row", route.rule, value)
        for entry in value["data"] if route.page else [value]:
            self.exact(entry, route.shape, route.rule, may=route.may)
            came = {name: entry.get(name) for name in route.values}
            self.equal(came, route.values, route.rule, "members of the answer")

    def remember_keys(self, value):
        if str(value.get("secret", "")).startswith("whsec_"):
            self.gateway.secrets.add(value["secret"])
        for created in (value, value.get("api_key")):
            if isinstance(created, dict) and "raw_key" in created:
                self.gateway.remember(created)
                self.holds(
                    created["raw_key"].startswith(created["key_prefix"])
                    and re.fullmatch(r"sk-(plat|eu)_[0-9a-f]{4}", created["key_prefix"]),
                    "a raw_key that starts with its key_prefix, type and 4 characters",
                    "conventions.md, Keys",
                    created["key_prefix"],
                )

    # ---------------------------------------------------------------- refusals

    def test_keys_of_every_kind(self):
        self.each_route(self.check_keys)
        for name, entry in (("key", "/api-keys"), ("user", "/end-users"), ("config", "/llm-configs")):
            self.holds(
                self.server.rows(self.acme.path + entry), f"every {name} as before", "conventions.md, Order of checks"
            )
        self.server.get(self.acme.user_path("alice") + "/budget").expect(200, "conventions.md, Order of checks")

    def test_another_tenant(self):
        self.each_route(self.check_other_tenant)

    def test_routes_without_a_key_ask_for_none(self):
        for route in ROUTES:
            if route.key == "none":
                for name in ("unknown platform key", "revoked user key", "alice"):
                    self.callers[name].get(route.path).expect(200, f"{route.rule}: no key")

    def test_bodies_that_are_no_json_object(self):
        def check(route):
            caller, path = self.callers[route.caller], self.path(route)
            for body in (b'{"name": ', b"{'a': 1}", b'{"a": 1,}', b"nonsense", b'{"a": "\xff"}', b"{} {}"):
                caller.call(route.method, path, body).expect_error(400, "invalid_json", f"{route.rule}, body {body!r}")
            for body in (b"[]", b'"x"', b"7", b"null", b"true"):
                caller.call(route.method, path, body).expect_error(
                    422, "validation_error", f"conventions.md, JSON that is no object: {body!r}"
                )

        self.each_route(check, BODIES)

    def test_bodies_over_10_mib(self):
        def check(route):
            with self.gateway.client(self.keys[route.caller]) as client:
                client.call(route.method, self.path(route), TOO_LARGE).expect_error(
                    413, "payload_too_large", "conventions.md, at most 10 MiB"
                )

        self.each_route(check, BODIES)

    def test_bad_fields(self):
        def check(route):
            path = self.path(route)
            for body, param, *code in route.bad:
                with self.subTest(route=str(route), body=json.dumps(body)[:100]):
                    error = self.callers[route.caller].call(route.method, path, body)
                    error = error.expect_error(422, code[0] if code else "validation_error", route.rule)
                    allowed = param if isinstance(param, tuple) else (param,)
                    self.holds(
                        error["param"] in allowed, f"param {param!r}", "errors.md, dotted path of the field", error
                    )

        self.each_route(check, BODIES)

    def test_what_does_not_exist(self):
        def check(route):
            for name in route.parameters:
                if name == "platformId" and route.key == "P":
                    continue  # another platform: 403
                for nothing in ("nobody",) if name == "model" else (NOWHERE, "no-uuid", self.ids["platformId"][:-1]):
                    path = self.path(route, **{name: nothing})
                    answer = self.callers[route.caller].call(route.method, path, self.body(route))
                    answer.expect_error(404, NOT_FOUND[name], f"{route.rule}, {name} {nothing}")
            for ids, code in route.absent:
                answer = self.server.call(route.method, self.path(route, **ids(self)), self.body(route))
                answer.expect_error(404, code, route.rule)

        self.each_route(check)

    def test_conflicts(self):
        def check(route):
            body, code = route.conflict
            answer = self.callers[route.caller].call(route.method, self.path(route), self.value(body))
            codes = code if isinstance(code, tuple) else (code,)
            came = answer.json().get("error", {}).get("code")
            answer.expect_error(409, came if came in codes else codes[0], route.rule)

        self.each_route(check, [route for route in ROUTES if route.conflict])

    def test_other_refusals(self):
        def check(route):
            for caller, body, status, code in route.refused:
                with self.subTest(route=str(route), caller=caller, code=code):
                    answer = self.callers[caller].call(route.method, self.path(route), self.value(body))
                    answer.expect_error(status, code, route.rule)

        self.each_route(check, [route for route in ROUTES if route.refused])

    def test_gone_is_gone(self):
        """What was deleted is 404, but revoking a key again is fine."""
        for route in ROUTES:
            if route.method != "DELETE" or route.key == "none" or route.number == 3 or not route.status:
                continue
            with self.subTest(route=str(route)):
                path = self.path(route, **self.fresh(route))
                caller = self.callers[route.caller]
                caller.delete(path).expect(route.status, route.rule)
                again = caller.delete(path)
                if "keyId" in route.parameters:
                    again.expect(204, route.rule + ", repeated")
                else:
                    code = route.absent[0][1] if route.absent else NOT_FOUND[route.parameters[-1]]
                    again.expect_error(404, code, route.rule + ", repeated")

    def test_checks_come_in_their_order(self):
        rule = "conventions.md, Order of checks"
        with self.gateway.client() as nobody:
            nobody.post("/v1/nothing", b"{").expect_error(404, "not_found", rule + ": route before key")
            nobody.call("PUT", self.acme.path + "/wallet").expect_error(
                405, "method_not_allowed", rule + ": method before key"
            )
        # What the head alone shows is refused before anybody looks for the key.
        with self.gateway.client() as nobody:
            nobody.post(self.acme.path + "/wallet/topup", TOO_LARGE).expect_error(
                413, "payload_too_large", rule + ": an announced size before the key"
            )
        topup = f"{self.acme.path}/end-users/{NOWHERE}/budget/topup"
        self.callers["rival"].post(topup, b"{").expect_error(403, "forbidden", rule + ": tenant before JSON")
        self.server.post(topup, b"{").expect_error(400, "invalid_json", rule + ": JSON before resource")
        self.server.post(topup, {"amount_usd": 0}).expect_error(
            422, "validation_error", rule + ": schema before resource"
        )
        self.server.post(topup, {"amount_usd": 1}).expect_error(404, "end_user_not_found", rule + ": resource")
        self.server.patch(f"{self.acme.path}/end-users/{NOWHERE}", {"external_id": "bare"}).expect_error(
            404, "end_user_not_found", rule + ": resource before state"
        )
        used = {"Idempotency_Key": self.call_id()}
        self.server.post(self.acme.path + "/wallet/topup", {"amount": 1}, **used).expect(200, "setup")
        self.server.post(topup, {"amount_usd": 1}, **used).expect_error(
            409, "idempotency_conflict", rule + ": a used key before the resource"
        )
        self.callers["frozen"].post("/v1/chat/completions", {}).expect_error(
            422, "validation_error", "inference.md, Gate order: schema before 402"
        )

    def test_a_body_is_never_applied_in_part(self):
        before = self.server.get(self.acme.path).json()
        self.server.patch(self.acme.path, {"name": "Half", "slug": "Not A Slug"}).expect(
            422, "platforms.md, PATCH platform"
        )
        self.server.patch(self.acme.path, {"name": "Half", "slug": "rival"}).expect(409, "platforms.md, PATCH platform")
        self.equal(
            self.server.get(self.acme.path).json(),
            before,
            "conventions.md, Order of checks",
            "platform after refused PATCHes",
        )

    # ---------------------------------------------------------------- HTTP

    def test_wrong_methods(self):
        methods = {}
        for route in ROUTES:
            methods.setdefault(route.path, (route, set()))[1].add(route.method)
        rule = "errors.md, 405 with Allow"
        for path, (route, known) in methods.items():
            known = known | ({"HEAD"} if "GET" in known else set())
            for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE"} - known):
                with self.subTest(path=path, method=method):
                    answer = self.callers["nobody"].call(method, self.path(route))
                    answer.expect_error(405, "method_not_allowed", rule)
                    allow = {word.strip() for word in answer.headers.get("allow", "").split(",")}
                    self.equal(allow - {"OPTIONS", "HEAD"}, known - {"HEAD"}, rule, "Allow, beside HEAD and OPTIONS")

    def test_unknown_routes(self):
        below = (self.acme.path + "/", self.acme.path + "/x", self.acme.user_path("alice") + "/x", "/v1/models/a/b")
        for path in ("/", "/v1", "/v1/", "/v2/models", "/v1/platforms", "/v1/me", "/v1/admin", "/v1/Models", *below):
            with self.subTest(path=path):
                self.server.get(path).expect_error(404, "not_found", "errors.md, no such route")

    def test_head_is_get_without_a_body(self):
        def check(route):
            caller, path = self.callers[route.caller], self.path(route)
            rule = "conventions.md, HEAD on a GET route"
            first = caller.get(path).expect(200, rule)
            head = caller.call("HEAD", path).expect(200, rule)
            second = caller.get(path).expect(200, rule + ": no body, the connection goes on")
            self.equal(head.headers.get("content-type"), first.headers["content-type"], rule, "content-type")
            self.equal(head.headers.keys(), first.headers.keys(), rule, "names of the headers")
            lengths = [answer.headers.get("content-length") for answer in (first, second)]
            self.holds(
                head.headers.get("content-length") in lengths or len(set(lengths)) == 2,
                "that content-length",
                rule,
                head.headers,
            )
            if route.key != "none":
                refused = self.callers["nobody"].call("HEAD", path).expect(401, rule + ", refusals too")
                self.equal(refused.read(), b"", rule, "body of a refused HEAD")

        self.each_route(check, [route for route in ROUTES if route.method == "GET" and route.status])

    def test_browsers_may_use_end_user_routes(self):
        rule = "conventions.md, Browsers"
        ask = {**ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}

        def check(route):
            path = self.path(route, **self.fresh(route))
            preflight = self.callers["nobody"].call("OPTIONS", path, headers=ask).expect(204, rule)
            self.allowed(preflight, rule)
            offered = preflight.headers.get("access-control-allow-headers", "").lower().replace(" ", "").split(",")
            for name in ("authorization", "content-type", "idempotency-key", "mcp-session-id", "mcp-protocol-version",
                         "last-event-id"):  # fmt: skip
                self.holds(name in offered, f"{name} in access-control-allow-headers", rule, offered)
            methods = preflight.headers.get("access-control-allow-methods", "").replace(" ", "").split(",")
            self.holds(route.method in methods, f"{route.method} in access-control-allow-methods", rule, methods)
            good = self.alice.call(route.method, path, self.body(route), headers=ORIGIN).expect(200, rule)
            refused = self.callers["nobody"].call(route.method, path, self.body(route), headers=ORIGIN)
            refused.expect_error(401, "unauthorized", rule)
            for answer in (good, refused):
                self.allowed(answer, rule)
                exposed = answer.headers.get("access-control-expose-headers", "").lower().replace(" ", "").split(",")
                for name in ("retry-after", "x-request-id", "mcp-session-id"):
                    self.holds(name in exposed, f"{name} in access-control-expose-headers", rule, exposed)

        self.each_route(check, [route for route in ROUTES if route.cors])

    def allowed(self, answer, rule):
        self.equal(answer.headers.get("access-control-allow-origin"), "*", rule, "access-control-allow-origin")
        self.holds("access-control-allow-credentials" not in answer.headers, "no credentials", rule, answer.headers)

    def test_browsers_may_use_no_other_route(self):
        def check(route):
            rule, path = "conventions.md, Browsers: no CORS headers", self.path(route)
            answers = [self.callers["nobody"].call("OPTIONS", path, headers=ORIGIN)]
            if route.method == "GET":
                answers.append(self.callers[route.caller].call("GET", path, headers=ORIGIN).expect(200, rule))
            for answer in answers:
                shown = [name for name in answer.headers if name.startswith("access-control-")]
                self.equal(shown, [], rule, "CORS headers")

        self.each_route(check, [route for route in ROUTES if route.key in ("P", "A", "PA")])

    def test_request_ids(self):
        rule = "conventions.md, x-request-id"
        ids = [self.alice.get("/v1/models").expect(200, rule).headers["x-request-id"] for _ in range(3)]
        ids.append(self.alice.get("/v1/nothing").expect(404, rule).headers["x-request-id"])
        self.equal(len(set(ids)), 4, rule, "different ids of 4 requests on one connection")

    # ---------------------------------------------------------------- lists

    def test_pages(self):
        def check(route):
            caller, path = self.callers[route.caller], self.path(route)
            rule = f"conventions.md, Pagination; {route.rule}"
            bad = [("page", value) for value in ("0", "-1", "x", "1.5", "", "1e1", " 1")]
            bad += [("limit", value) for value in ("0", "-5", str(route.page + 1), "ten", "", "99999999999999999999")]
            for query, param in (*(({name: value}, name) for name, value in bad), *route.bad_query):
                with self.subTest(route=str(route), query=query):
                    caller.get(path, **query).expect_error(422, "validation_error", f"{rule}, {query}", param=param)
            whole = caller.get(path).expect_json(200, rule)
            self.equal((whole["page"], whole["limit"]), (1, 20), rule, "defaults")
            self.equal(len(whole["data"]), min(20, whole["total"]), rule, "rows on the first page")
            self.equal(
                caller.get(path, limit=route.page).expect_json(200, rule)["limit"], route.page, rule, "largest limit"
            )
            past = caller.get(path, page=1000000).expect_json(200, rule)
            self.equal((past["data"], past["total"], past["page"]), ([], whole["total"], 1000000), rule, "past the end")
            if whole["total"] <= 40:
                one_by_one = caller.rows(path, 1)
                self.equal(one_by_one, caller.rows(path, route.page), rule, "pages of one row against one page")
            times = [row["created_at"] for row in whole["data"] if "created_at" in row]
            self.equal(times, sorted(times, reverse=True), rule + ", newest first", "created_at")

        self.each_route(check, LISTS)

    def test_filters(self):
        self.alice.post("/v1/chat/completions", chat_body(PLAIN.name)).expect(200, "setup")
        alice, bare = (self.acme.users[name]["id"] for name in ("alice", "bare"))
        logs = self.acme.path + "/logs"
        every = self.server.rows(logs)
        rule = "logs.md, GET logs, filters"
        self.equal({row["end_user_id"] for row in self.server.rows(logs, end_user_id=alice)}, {alice}, rule)
        for query in (
            {"end_user_id": bare},
            {"end_user_id": NOWHERE},
            {"end_user_id": self.foreign["endUserId"]},
            {"model": "nobody"},
            {"request_type": "mcp_tool"},
            {"request_type": "agent"},
            {"since": SOON},
            {"status": "cancelled"},
            {"until": PAST},
            {"request_id": NOWHERE},
        ):
            self.equal(self.server.rows(logs, **query), [], rule, str(query))
        newest = every[0]
        self.equal(self.server.rows(logs, request_id=newest["metadata"]["request_id"]), [newest], rule, "request_id")
        self.equal(self.server.rows(logs, since=newest["created_at"])[0], newest, rule, "since is inclusive")
        self.holds(newest not in self.server.rows(logs, until=newest["created_at"]), "until to be exclusive", rule)
        self.equal(
            {row["metadata"]["model"] for row in self.server.rows(logs, model=PLAIN.name)}, {PLAIN.name}, rule, "model"
        )
        rows = self.acme.path + "/wallet/transactions"
        rule = "wallet.md, GET transactions, filters"
        self.equal({row["type"] for row in self.server.rows(rows, type="llm_usage")}, {"llm_usage"}, rule)
        self.equal({row["metadata"]["end_user_id"] for row in self.server.rows(rows, end_user_id=alice)}, {alice}, rule)
        for query in (
            {"end_user_id": bare},
            {"type": "mcp_usage"},
            {"type": "agent_usage"},
            {"since": SOON},
            {"until": PAST},
        ):
            self.equal(self.server.rows(rows, **query), [], rule, str(query))
        users = self.acme.path + "/end-users"
        rule = "end-users-and-keys.md, GET end-users, filters"
        self.equal([row["id"] for row in self.server.rows(users, external_id="alice")], [alice], rule)
        self.equal(self.server.rows(users, external_id="ALICE"), [], rule + ": case-sensitive")
        self.equal([row["id"] for row in self.server.rows(users, q="LIC")], [alice], rule + ": q is case-insensitive")
        for pattern in ("%", "_", "a%e", "\\"):
            self.equal(self.server.rows(users, q=pattern), [], rule + ": q is a substring, not a pattern")
        self.holds(
            all(row["is_active"] is False for row in self.server.rows(users, is_active="false"))
            and self.acme.users["carl"]["id"] in {row["id"] for row in self.server.rows(users, is_active="false")},
            "inactive users only",
            rule,
        )
        rule = "platforms.md, GET api-keys, filters"
        keys = self.server.rows(self.acme.path + "/api-keys", type="end_user", end_user_id=alice)
        self.equal({row["end_user_id"] for row in keys}, {alice}, rule)
        self.equal(
            {row["type"] for row in self.server.rows(self.acme.path + "/api-keys", type="end_user")}, {"end_user"}, rule
        )

    def test_an_exact_external_id_comes_first(self):
        rule = "end-users-and-keys.md, GET end-users, q"
        users = self.acme.path + "/end-users"
        for external_id in ("exact", "exact-later", "not-exact"):
            made = self.server.post(users, {"external_id": external_id}).expect_json(201, rule)
            self.gateway.remember(made["api_key"])
        found = [row["external_id"] for row in self.server.rows(users, q="exact")]
        self.equal((found[0], sorted(found)), ("exact", ["exact", "exact-later", "not-exact"]), rule)

    def test_ledger_lists_turn_round_with_since(self):
        rule = "budgets-and-ledger.md, GET transactions, order"
        path = self.path_of_budget()
        for amount in (1, 2, 3):
            self.server.post(path + "/topup", {"amount_usd": amount}).expect(200, rule)
        rows = self.server.rows(path + "/transactions", 200)
        self.equal([row["amount_usd"] for row in rows], [3, 2, 1, 5], rule + ": newest first", "amounts")
        first = rows[-1]["created_at"]
        for query, expected in (
            ({"since": first}, rows[::-1]),
            ({"since": first, "order": "desc"}, rows),
            ({"order": "asc"}, rows[::-1]),
            ({"type": "topup"}, rows[:3]),
            ({"source": "system"}, []),
            ({"since": SOON}, []),
            ({"until": first}, []),
        ):
            self.equal(self.server.rows(path + "/transactions", 200, **query), expected, rule, f"rows with {query}")

    # ---------------------------------------------------------------- conventions of bodies

    def path_of_budget(self):
        """Of a new user with a budget of 5."""
        return f"{self.acme.path}/end-users/{checklist.user_with_budget(self)['endUserId']}/budget"

    def test_unknown_fields_are_ignored(self):
        def check(route):
            ids = self.fresh(route)
            body = {**self.body(route), "x_unknown": {"deep": [1, None]}, "X-Other": "y"}
            answer = self.caller(route, ids).call(route.method, self.path(route, **ids), body)
            answer.expect(
                route.status if isinstance(route.status, int) else answer.status, "conventions.md, unknown fields"
            )
            self.holds(answer.status < 300, "success", "conventions.md, unknown fields", answer.describe())
            self.holds(
                "x_unknown" not in answer.json(), "the field not to come back", "conventions.md", answer.describe()
            )
            self.remember_keys(answer.json())

        self.each_route(check, [route for route in BODIES if route.key in ("P", "A")])

    def test_the_content_type_does_not_matter(self):
        rule = "conventions.md, parsed as JSON whatever the content-type"
        for content_type in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "nonsense",
        ):
            answer = self.server.call(
                "POST", self.acme.path + "/wallet/topup", b'{"amount": 1}', headers={"content-type": content_type}
            )
            answer.expect(200, rule)

    def test_the_hosted_products_platform_header_is_ignored(self):
        rule = "conventions.md, X-Assistiv-Platform-Id is accepted and ignored"
        answer = self.server.call("GET", self.acme.path, headers={"x-assistiv-platform-id": self.rival.id})
        self.equal(answer.expect_json(200, rule)["id"], self.acme.id, rule, "id")

    def test_the_least_limit_of_gpt_5_is_16(self):
        for name in checklist.LIMIT_NAMES:
            body = chat_body(checklist.SMALLEST_16, **{name: 16})
            self.alice.post("/v1/chat/completions", body).expect(200, "inference.md, max_tokens from 16 for GPT-5")

    def test_an_empty_body_is_an_empty_object(self):
        rule = "conventions.md, an empty body counts as {}"
        made = self.server.post(self.acme.path + "/api-keys").expect_json(201, rule)
        self.remember_keys(made)
        self.equal((made["name"], made["scopes"]), ("API key", ["inference"]), "platforms.md, POST api-keys, defaults")
        before = self.server.get(self.acme.path).json()
        same = self.server.patch(self.acme.path).expect_json(200, rule)
        self.equal(same["name"], before["name"], rule, "name after an empty PATCH")
        self.server.post(self.acme.path + "/end-users").expect_error(422, "validation_error", rule, param="external_id")
        self.alice.post("/v1/chat/completions").expect_error(422, "validation_error", rule, param="model")

    def test_null_in_a_post_means_not_given(self):
        rule = "conventions.md, null in POST"
        for path in (self.acme.path, self.acme.user_path("alice")):
            key = self.server.post(path + "/api-keys", {"name": None, "scopes": None, "expires_at": None})
            key = key.expect_json(201, rule)
            self.remember_keys(key)
            self.equal(
                (key["name"], key["scopes"], key["expires_at"]), ("API key", ["inference"], None), rule, "defaults"
            )
        made = self.server.post(
            self.acme.path + "/end-users", {"external_id": self.call_id(), "display_name": None, "metadata": None}
        ).expect_json(201, rule)
        self.remember_keys(made)
        self.equal((made["display_name"], made["metadata"]), (None, {}), rule, "defaults of a user")
        path = f"{self.acme.path}/end-users/{made['id']}/budget"
        body = dict.fromkeys(("period", "auto_replenish", "replenish_amount", "low_balance_threshold"))
        budget = self.server.post(path, {"max_usd": 5, **body}).expect_json(201, rule)
        self.equal([budget[name] for name in body], ["one_time", False, None, None], rule, "defaults of a budget")
        row = self.server.post(path + "/topup", {"amount_usd": 1, "reason": None, "metadata": None}).expect_json(
            200, rule
        )
        self.equal((row["reason"], row["metadata"]), (None, {}), rule, "defaults of a top-up")
        money = self.server.post(self.acme.path + "/wallet/topup", {"amount": 1, "description": None}).expect_json(
            200, rule
        )
        self.equal(money["description"], "Top-up", "wallet.md, POST topup, default", "description")
        config = self.server.post(
            self.acme.path + "/llm-configs", {"provider_id": "mock", "api_key": upstream_key(), "is_default": None}
        ).expect_json(201, rule)
        self.equal(config["is_default"], False, rule, "is_default")

    def test_null_in_a_patch_clears(self):
        rule = "conventions.md, null in PATCH"
        made = self.server.post(
            self.acme.path + "/end-users", {"external_id": self.call_id(), "display_name": "Jane", "metadata": {"a": 1}}
        ).expect_json(201, rule)
        self.remember_keys(made)
        path = f"{self.acme.path}/end-users/{made['id']}"
        changed = self.server.patch(path, {"display_name": None}).expect_json(200, rule)
        self.equal((changed["display_name"], changed["metadata"]), (None, {"a": 1}), rule, "display_name, metadata")
        key = self.server.post(path + "/api-keys", {"expires_at": SOON}).expect_json(201, rule)
        self.remember_keys(key)
        cleared = self.server.patch(f"{self.acme.path}/api-keys/{key['id']}", {"expires_at": None}).expect_json(
            200, rule
        )
        self.equal(cleared["expires_at"], None, rule, "expires_at")
        body = {
            "max_usd": 5,
            "period": "daily",
            "low_balance_threshold": 1,
            "auto_replenish": True,
            "replenish_amount": 2,
        }
        self.server.post(path + "/budget", body).expect(201, rule)
        budget = self.server.patch(path + "/budget", {"low_balance_threshold": None}).expect_json(200, rule)
        self.equal(budget["low_balance_threshold"], None, rule, "low_balance_threshold")
        self.server.patch(path + "/budget", {"replenish_amount": None}).expect_error(
            422, "validation_error", "budgets-and-ledger.md, PATCH: the merged result must be valid"
        )
        budget = self.server.patch(path + "/budget", {"replenish_amount": None, "auto_replenish": False}).expect_json(
            200, rule
        )
        self.equal((budget["replenish_amount"], budget["auto_replenish"]), (None, False), rule, "replenishing")
        self.server.patch(path + "/budget", {"max_usd": None}).expect_error(
            422, "validation_error", rule, param="max_usd"
        )

    def test_settings_are_merged_and_null_removes(self):
        rule = "platforms.md, PATCH platform, settings"
        with self.gateway.client(self.platform_keys[checklist.new_platform(self)["platformId"]]) as client:
            path = P.format(platformId=list(self.platform_keys)[-1])
            extra = {"theme": {"dark": [1, None, "ü"]}, "markup_percentage": 12.5}
            made = client.patch(path, {"settings": extra}).expect_json(200, rule)
            self.equal(
                made["settings"],
                {"default_budget_usd": 2, "end_user_wallet": None, **extra, "markup_percentage": DECIMAL("12.5")},
                rule + ", unknown keys are kept",
                "settings",
            )
            made = client.patch(path, {"settings": {"theme": None, "default_budget_usd": None}}).expect_json(200, rule)
            self.equal(
                made["settings"],
                {"default_budget_usd": None, "end_user_wallet": None, "markup_percentage": DECIMAL("12.5")},
                rule,
                "settings",
            )
            self.equal(client.get(path).json()["settings"], made["settings"], rule, "settings read again")

    def test_lengths_are_counted_in_characters(self):
        rule = "platforms.md and end-users-and-keys.md, 1 to 100 characters"
        for letter in ("ü", "漢", "😀"):
            with self.subTest(letter=letter):
                made = self.server.post(self.acme.path + "/api-keys", {"name": letter * 100}).expect_json(201, rule)
                self.remember_keys(made)
                self.equal(made["name"], letter * 100, rule, "name")
                self.server.post(self.acme.path + "/api-keys", {"name": letter * 101}).expect_error(
                    422, "validation_error", rule, param="name"
                )

    def test_moments_are_read_with_any_offset_and_shown_in_utc(self):
        rule = "conventions.md, Timestamps"
        for text, shown in (
            ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00.000Z"),
            ("2999-01-01T02:30:00+02:30", "2999-01-01T00:00:00.000Z"),
            ("2998-12-31T19:00:00-05:00", "2999-01-01T00:00:00.000Z"),
            ("2999-01-01T00:00:00.5Z", "2999-01-01T00:00:00.500Z"),
            ("2999-01-01T00:00:00.123456+00:00", "2999-01-01T00:00:00.123Z"),
        ):
            with self.subTest(text=text):
                made = self.server.post(self.acme.path + "/api-keys", {"expires_at": text}).expect_json(201, rule)
                self.remember_keys(made)
                self.equal(made["expires_at"], shown, rule, f"expires_at of {text}")
                self.equal(self.server.rows(self.acme.path + "/logs", since=text), [], rule, f"logs since {text}")
        for text in ("2999-01-01T00:00:00.1234567Z", "2999-02-30T00:00:00Z", "2999-01-01T25:00:00Z", "32503680000"):
            self.server.post(self.acme.path + "/api-keys", {"expires_at": text}).expect_error(
                422, "validation_error", rule, param="expires_at"
            )

    def test_money_is_exact_or_refused(self):
        rule = "conventions.md, Money"
        path = self.path_of_budget()
        places = (
            (path + "/topup", "amount_usd"),
            (path + "/debit", "amount_usd"),
            (self.acme.path + "/wallet/topup", "amount"),
        )
        for place, field in places:
            for amount in (
                b"0",
                b"-0",
                b"-1",
                b"0.0000001",
                b"1e-7",
                b"1000000.000001",
                b"1e9",
                b'"1"',
                b"null",
                b"true",
            ):
                with self.subTest(place=place, amount=amount):
                    self.server.post(place, b'{"%s": %s}' % (field.encode(), amount)).expect_error(
                        422, "validation_error", rule, param=field
                    )
        for place, field in places:
            for amount in (b"0.000001", b"0.100000", b"1e-6", b"123456.654321", b"1E2", b"1000000"):
                with self.subTest(place=place, amount=amount):
                    if field == "amount" and amount == b"1000000":
                        continue
                    row = self.server.post(place, b'{"%s": %s}' % (field.encode(), amount)).expect_json(200, rule)
                    self.equal(row[field], DECIMAL(amount.decode()), rule, f"amount shown for {amount}")
        after = self.server.get(path).json()
        self.equal(
            (after["max_usd"], after["used_usd"], after["remaining_usd"]),
            (DECIMAL("1123561.754323"), DECIMAL("1123556.754323"), 5),
            rule,
            "the budget after the sums",
        )

    def test_what_is_almost_json_is_no_json(self):
        rule = "errors.md, 400 invalid_json"
        path = self.acme.path + "/wallet/topup"
        for number in (b"01", b"+1", b".5", b"1.", b"1.e2", b"1e", b"NaN", b"Infinity", b"0x10", b"1_0", b"1,", b"-"):
            with self.subTest(number=number):
                self.server.post(path, b'{"amount": %s}' % number).expect_error(400, "invalid_json", rule)
        for text in (b"a\tb", b"a\nb", b"\\x", b"\\u12", b"\x00"):
            with self.subTest(text=text):
                self.server.post(path, b'{"amount": 1, "description": "%s"}' % text).expect_error(
                    400, "invalid_json", rule
                )
        refused = self.server.post(path, b'{"amount": 1e400}')  # beyond what a JSON reader must be able to read
        self.holds(refused.status in (400, 422), "a refusal", rule, refused.describe())

    def test_a_wallet_holds_no_more_than_it_can_show(self):
        rule = "conventions.md, the largest wallet balance is 999,999.999999"
        ids = checklist.new_platform(self)
        path = P.format(**ids) + "/wallet"
        with self.gateway.client(self.platform_keys[ids["platformId"]]) as client:
            client.post(path + "/topup", b'{"amount": 999999.999999}').expect(200, rule)
            over = client.post(path + "/topup", b'{"amount": 0.000001}')
            self.holds(over.status in (409, 422), "409 or 422", rule, over.describe())
            self.equal(client.get(path).json()["balance"], DECIMAL("999999.999999"), rule, "balance")

    # ---------------------------------------------------------------- Idempotency-Key

    def movers(self):
        """(method, path, body, rows) of everything that honours the key, each with something new."""
        budget = self.path_of_budget()
        rows = self.acme.path + "/wallet/transactions"
        admin = f"{A}/platforms/{self.acme.id}/wallet/transactions"
        return (
            (
                self.server,
                "POST",
                budget + "/topup",
                {"amount_usd": 5, "metadata": {"b": 1, "a": [1.5]}},
                budget + "/transactions",
            ),
            (self.server, "POST", budget + "/debit", {"amount_usd": 5, "reason": "r"}, budget + "/transactions"),
            (self.server, "PATCH", budget, {"max_usd": 25, "low_balance_threshold": 1}, budget + "/transactions"),
            (self.server, "POST", self.acme.path + "/wallet/topup", {"amount": 5, "description": "d"}, rows),
            (self.callers["admin"], "POST", admin, {"type": "refund", "amount": 5, "description": "d"}, rows),
        )

    def send(self, client, method, path, body, key):
        return client.call(method, path, body, headers={"idempotency-key": key})

    def test_the_same_request_is_answered_again_and_another_one_refused(self):
        rule = "conventions.md, Idempotency-Key"
        for client, method, path, body, rows in self.movers():
            with self.subTest(path=path, method=method):
                key = self.call_id()
                count = len(self.server.rows(rows, 200))
                first = self.send(client, method, path, body, key)
                self.holds(first.status in (200, 201), "success", rule, first.describe())
                self.holds("idempotent-replayed" not in first.headers, "no idempotent-replayed at first", rule)
                for same in (body, respelled(body, "%s.00"), respelled(body, "%se0"), dict(reversed(body.items()))):
                    replay = self.send(client, method, path, same, key)
                    self.equal((replay.status, replay.read()), (first.status, first.read()), rule, f"answer to {same}")
                    self.equal(replay.headers.get("idempotent-replayed"), "true", rule, "idempotent-replayed")
                money = next(name for name in body if name in ("amount", "amount_usd", "max_usd"))
                for other in ({**body, money: 6}, {**body, "reason": "another"}):
                    refused = self.send(client, method, path, other, key)
                    refused.expect_error(409, "idempotency_conflict", rule)
                    self.equal(refused.headers.get("x-should-retry"), "false", "errors.md, x-should-retry")
                self.equal(len(self.server.rows(rows, 200)), count + 1, rule, "rows written by one key")
        Books.read(self.acme).reconcile()

    def test_a_key_is_one_for_the_whole_platform(self):
        rule = "conventions.md, Idempotency-Key, scope: one platform"
        for client, method, path, body, _ in self.movers():
            key = self.call_id()
            first = self.send(client, method, path, body, key)
            self.holds(first.status in (200, 201), "success", rule, first.describe())
            for other_client, other_method, other_path, other_body, _ in self.movers():
                if (other_method, other_path) != (method, path):  # other routes, and the same of another user
                    self.send(other_client, other_method, other_path, other_body, key).expect_error(
                        409, "idempotency_conflict", f"{rule}: {method} {path}, then {other_method} {other_path}"
                    )
        key, body = self.call_id(), {"amount": 1}
        for client, path in ((self.server, self.acme.path), (self.callers["rival"], self.rival.path)):
            answer = self.send(client, "POST", path + "/wallet/topup", body, key).expect(200, rule + ", not of others")
            self.holds("idempotent-replayed" not in answer.headers, "no replay", rule, answer.headers)
        made = self.server.post(self.acme.path + "/api-keys", {}).expect_json(201, rule)
        with self.gateway.client(self.gateway.remember(made)) as colleague:
            replay = self.send(colleague, "POST", self.acme.path + "/wallet/topup", body, key).expect(200, rule)
            self.equal(replay.headers.get("idempotent-replayed"), "true", rule + ": whichever of its keys", "replayed")

    def test_a_replay_shows_the_past_and_changes_nothing(self):
        rule = "conventions.md, Idempotency-Key, nothing is written"
        path, key = self.path_of_budget(), self.call_id()
        first = self.send(self.server, "PATCH", path, {"max_usd": 20}, key).expect(200, rule)
        self.server.patch(path, {"max_usd": 30, "is_suspended": True}).expect(200, rule)
        replay = self.send(self.server, "PATCH", path, {"max_usd": 20}, key).expect(200, rule)
        self.equal(replay.read(), first.read(), rule, "the replay")
        budget = self.server.get(path).json()
        self.equal((budget["max_usd"], budget["is_suspended"]), (30, True), rule, "budget after the replay")

    def test_a_refused_request_leaves_the_key_free(self):
        rule = "conventions.md, Idempotency-Key, only a 2xx uses the key up"
        path = self.path_of_budget()
        bare = self.acme.user_path("bare") + "/budget"
        key = self.call_id()
        for refused, body, status in (
            (path + "/topup", {"amount_usd": -1}, 422),
            (path + "/topup", b"{", 400),
            (bare + "/topup", {"amount_usd": 1}, 404),
            (f"{self.acme.path}/end-users/{NOWHERE}/budget/topup", {"amount_usd": 1}, 404),
        ):
            self.send(self.server, "POST", refused, body, key).expect(status, rule)
        self.send(self.server, "PATCH", path, {"max_usd": 0}, key).expect(422, rule)
        self.send(self.callers["rival"], "POST", path + "/topup", {"amount_usd": 1}, key).expect(403, rule)
        answer = self.send(self.server, "POST", path + "/topup", {"amount_usd": 1}, key).expect(200, rule)
        self.holds("idempotent-replayed" not in answer.headers, "no replay", rule, answer.headers)

    def test_the_form_of_the_key(self):
        rule = "conventions.md, Idempotency-Key, 1 to 255 visible ASCII characters"
        for client, method, path, body, _ in self.movers():
            for bad in ("", "x" * 256, "a b", "a\tb", "ü"):
                with self.subTest(path=path, key=bad[:9]):
                    self.send(client, method, path, body, bad).expect_error(
                        422, "validation_error", rule, param="Idempotency-Key"
                    )
            for good in (self.call_id() + "!~", "k" * (255 - 20) + self.call_id()[-16:] + "abcd"):
                answer = self.send(client, method, path, body, good)
                self.holds(answer.status in (200, 201), "success", rule, answer.describe())

    def test_without_a_key_and_elsewhere_every_request_counts(self):
        rule = "conventions.md, Idempotency-Key, ignored elsewhere"
        path, key = self.path_of_budget(), self.call_id()
        rows = [self.server.post(path + "/topup", {"amount_usd": 1}).expect_json(200, rule)["id"] for _ in range(2)]
        self.equal(len(set(rows)), 2, rule + "; without the header", "rows of two equal top-ups")
        body = {"external_id": self.call_id()}
        for status in (201, 200):
            answer = self.send(self.server, "POST", self.acme.path + "/end-users", body, key).expect(status, rule)
            self.remember_keys(answer.json())
            self.holds("idempotent-replayed" not in answer.headers, "no replay", rule, answer.headers)
        made = [
            self.send(self.server, "POST", self.acme.path + "/api-keys", {}, key).expect_json(201, rule)
            for _ in range(2)
        ]
        for entry in made:
            self.remember_keys(entry)
        self.holds(made[0]["id"] != made[1]["id"], "two keys", rule, made[0]["id"])
        self.send(self.server, "POST", path + "/topup", {"amount_usd": 1}, key).expect(
            200, rule + ": the key was not used up there"
        )

    # ---------------------------------------------------------------- single endpoints

    def test_health_checks_the_database(self):
        health = self.callers["nobody"].get("/health").expect_json(200, "headless-and-admin.md, Health")
        self.equal(health["checks"].get("database"), "ok", "headless-and-admin.md, Health", "checks.database")

    def test_provider_keys_are_never_shown(self):
        key = upstream_key() + "x9Qz"
        self.gateway.secrets.add(key)
        configs = self.acme.path + "/llm-configs"
        made = self.server.post(configs, {"provider_id": "mock", "api_key": f"  {key} "})
        rule = "llm-configs-and-models.md, LLM config object"
        self.equal(made.expect_json(201, rule)["key_hint"], "…x9Qz", rule, "key_hint of the trimmed key")
        one = f"{configs}/{made.json()['id']}"
        for answer in (
            made,
            self.server.get(configs),
            self.server.get(one),
            self.server.patch(one, {"is_active": True}),
        ):
            self.holds(key.encode() not in answer.read(), "no key in any answer", rule, answer.describe())
        self.server.delete(one).expect(204, rule)

    def test_a_provider_is_named_by_id_or_slug(self):
        rule = "llm-configs-and-models.md, POST llm-configs, provider_id"
        for name in ("mock", self.ids["providerId"]):
            made = self.server.post(
                self.acme.path + "/llm-configs", {"provider_id": name, "api_key": upstream_key()}
            ).expect_json(201, rule)
            self.equal((made["provider_id"], made["provider"]), (self.ids["providerId"], "mock"), rule)

    def test_the_default_key_is_one_and_moves_on(self):
        rule = "llm-configs-and-models.md, is_default"
        configs = self.acme.path + "/llm-configs"

        def defaults():
            return [row["id"] for row in self.server.rows(configs) if row["is_default"] and row["is_active"]]

        (first,) = defaults()
        made = self.server.post(
            configs, {"provider_id": "mock", "api_key": upstream_key(), "is_default": True}
        ).expect_json(201, rule)
        self.equal(defaults(), [made["id"]], rule + " clears the others", "default configs")
        self.server.delete(f"{configs}/{made['id']}").expect(204, rule)
        self.equal(defaults(), [first], rule + ": the oldest remaining one after DELETE", "default configs")

    def test_a_platform_key_sees_no_base_url(self):
        rule = "llm-configs-and-models.md, GET /v1/admin/providers"
        for row in self.server.rows(A + "/providers"):
            self.holds("base_url" not in row, "no base_url with a platform key", rule, row)

    def test_a_platform_switched_off_and_deleted(self):
        rule = "headless-and-admin.md, Admin API, platforms"
        ids = checklist.new_platform(self)
        admin, path, mine = self.callers["admin"], f"{A}/platforms/{ids['platformId']}", P.format(**ids)
        with self.gateway.client(self.platform_keys[ids["platformId"]]) as client:
            made = client.post(mine + "/end-users", {"external_id": "u"}).expect_json(201, rule)
            with self.gateway.client(self.gateway.remember(made["api_key"])) as end_user:
                end_user.get("/v1/models").expect(200, rule)
                admin.patch(path, {"is_active": False}).expect(200, rule)
                client.get(mine).expect_error(403, "platform_inactive", rule)
                end_user.get("/v1/models").expect_error(403, "platform_inactive", rule)
                admin.patch(path, {"is_active": True}).expect(200, rule)
                client.get(mine).expect(200, "conventions.md, no stale reads")
                end_user.get("/v1/models").expect(200, "conventions.md, no stale reads")
                client.delete(mine).expect(204, "platforms.md, DELETE platform")
                for caller, what in ((client, mine), (end_user, "/v1/models")):
                    caller.get(what).expect_error(
                        401, "unauthorized", "platforms.md, DELETE: keys stop working at once"
                    )
        admin.get(path).expect_error(404, "platform_not_found", rule)

    def test_the_automatic_budget(self):
        rule = "end-users-and-keys.md, POST end-users, side effects on 201"
        ids = checklist.new_platform(self)  # with default_budget_usd 2
        mine = P.format(**ids)
        with self.gateway.client(self.platform_keys[ids["platformId"]]) as client:
            made = client.post(mine + "/end-users", {"external_id": "u"}).expect_json(201, rule)
            self.remember_keys(made)
            path = f"{mine}/end-users/{made['id']}/budget"
            budget = client.get(path).expect_json(200, rule)
            shown = {
                name: budget[name]
                for name in ("max_usd", "period", "auto_replenish", "replenish_amount", "low_balance_threshold")
            }
            self.equal(
                shown,
                {
                    "max_usd": 2,
                    "period": "monthly",
                    "auto_replenish": False,
                    "replenish_amount": None,
                    "low_balance_threshold": None,
                },
                rule,
                "the automatic budget",
            )
            (opening,) = client.rows(path + "/transactions", 200)
            self.equal(
                (opening["type"], opening["reason"], opening["amount_usd"]),
                ("opening", "auto_budget", 2),
                rule,
                "its row",
            )
            rule = "budgets-and-ledger.md, POST budget, when there is one already"
            changed = client.post(path, {"max_usd": 3}).expect_json(200, rule)
            self.equal((changed["id"], changed["max_usd"], changed["period"]), (budget["id"], 3, "one_time"), rule)
            newest = client.rows(path + "/transactions", 200)[0]
            self.equal(
                (newest["type"], newest["reason"], newest["amount_usd"]),
                ("adjustment", "config_changed", 1),
                rule,
                "its row",
            )
            self.equal(client.post(path, {"max_usd": 3}).expect_json(200, rule + ": equal"), changed, rule)
            client.post(path, {"max_usd": 4}).expect_error(409, "budget_exists", rule)
            self.equal(len(client.rows(path + "/transactions", 200)), 2, rule, "rows")
            self.server.delete(path).expect(403, "setup: another platform")
            client.delete(path).expect(204, "budgets-and-ledger.md, DELETE budget")
            client.get(path).expect_error(404, "budget_not_found", "budgets-and-ledger.md, DELETE budget")
            again = client.post(path, {"max_usd": 4}).expect_json(201, rule + ": an inactive one comes back")
            self.equal((again["max_usd"], again["used_usd"], again["is_active"]), (4, 0, True), rule)
            reasons = [(row["type"], row["reason"]) for row in client.rows(path + "/transactions", 200, order="asc")]
            self.equal(
                reasons,
                [
                    ("opening", "auto_budget"),
                    ("adjustment", "config_changed"),
                    ("adjustment", "deactivated"),
                    ("opening", None),
                ],
                "budgets-and-ledger.md, Ledger row",
                "types and reasons",
            )

    def test_effective_limits(self):
        rule = "rate-limits.md, resolution"
        ids = checklist.new_platform(self)
        mine, limits = P.format(**ids), {"rpm_limit": 60, "tpm_limit": 100000, "rpd_limit": 10000}
        with self.gateway.client(self.platform_keys[ids["platformId"]]) as client:
            made = client.post(mine + "/end-users", {"external_id": "u"}).expect_json(201, rule)
            path = f"{mine}/end-users/{made['id']}/rate-limits"
            with self.gateway.client(self.gateway.remember(made["api_key"])) as end_user:

                def effective():
                    shown = client.get(path).expect_json(200, rule)
                    self.equal(shown.pop("end_user_id"), made["id"], rule, "end_user_id")
                    self.exact(shown, EFFECTIVE_LIMITS, rule)
                    mine_says = end_user.get("/v1/me/rate-limits").expect_json(200, "self-service.md, rate-limits")
                    self.equal(mine_says, shown, "self-service.md, rate-limits", "what the user is told")
                    return shown

                nothing = dict.fromkeys(limits)
                self.equal(effective(), {**nothing, "resolution": "none"}, rule)
                put = self.callers["admin"].call(
                    "PUT", f"{A}/platforms/{ids['platformId']}/rate-limits", {"end_user_default": limits}
                )
                put.expect(200, "headless-and-admin.md, Admin API, rate-limits")
                self.equal(
                    client.get(mine + "/rate-limits").expect_json(200, rule),
                    {"end_user_default": limits, "platform": nothing},
                    "rate-limits.md, GET platform rate-limits",
                )
                self.equal(effective(), {**limits, "resolution": "default"}, rule)
                client.post(path, {"rpm_limit": 300}).expect(200, rule)
                self.equal(
                    effective(), {**nothing, "rpm_limit": 300, "resolution": "explicit"}, rule + ": replaces as a whole"
                )
                client.post(path, {"tpm_limit": None}).expect(200, rule)
                self.equal(effective(), {**nothing, "resolution": "explicit"}, rule + ": null is unlimited")
                client.delete(path).expect(204, rule)
                self.equal(effective(), {**limits, "resolution": "default"}, rule + ": back to the default")

    def test_each_bucket_denies_by_its_name(self):
        rule = "rate-limits.md, 429"
        once = {"rpm": {"rpm_limit": 1}, "tpm": {"tpm_limit": 1}, "rpd": {"rpd_limit": 1}}
        for (window, limits), level in itertools.product(once.items(), ("eu", "plat")):
            bucket = f"{level}_{window}"
            with self.subTest(bucket=bucket):
                ids = checklist.new_platform(self)
                mine = P.format(**ids)
                with self.gateway.client(self.platform_keys[ids["platformId"]]) as client:
                    client.post(mine + "/wallet/topup", {"amount": 1}).expect(200, rule)
                    config = {"provider_id": "mock", "api_key": harness.UPSTREAM_KEY}
                    client.post(mine + "/llm-configs", config).expect(201, rule)
                    made = client.post(mine + "/end-users", {"external_id": "u"}).expect_json(201, rule)
                    where = {"eu": "end_user_default", "plat": "platform"}[level]
                    self.callers["admin"].call(
                        "PUT", f"{A}/platforms/{ids['platformId']}/rate-limits", {where: limits}
                    ).expect(200, rule)
                    with self.gateway.client(self.gateway.remember(made["api_key"])) as end_user:
                        self.check_bucket(bucket, client, end_user, rule)

    def check_bucket(self, bucket, server, end_user, rule):
        """The second call of a user is denied, and a call with the platform's key if the limit is the platform's."""
        chat, body = "/v1/chat/completions", chat_body(PLAIN.name)
        admitted = end_user.post(chat, body).expect(200, rule + ", the first call")
        if bucket.endswith(("rpm", "tpm")):
            kind = {"rpm": "requests", "tpm": "tokens"}[bucket[-3:]]
            self.equal(admitted.headers.get(f"x-ratelimit-limit-{kind}"), "1", rule, f"x-ratelimit-limit-{kind}")
        for caller in (end_user, server):
            answer = caller.post(chat, body)
            if caller is server and bucket.startswith("eu"):
                answer.expect(200, "rate-limits.md: a platform key skips the eu_* buckets")
                continue
            error = answer.expect_error(429, "rate_limit_exceeded", rule, denied_by=bucket, param=None)
            longest = 86400 if bucket.endswith("rpd") else 60
            self.holds(1 <= error["retry_after"] <= longest, f"1 to {longest} seconds", rule, error)
            self.equal(answer.headers.get("retry-after"), str(error["retry_after"]), rule, "Retry-After")
            unlikely = "false" if bucket.endswith("rpd") else None
            self.equal(answer.headers.get("x-should-retry"), unlikely, "errors.md, x-should-retry", bucket)

    def test_my_budget_hides_what_is_management(self):
        rule = "self-service.md, GET /v1/me/budget"
        mine = self.callers["frozen"].get("/v1/me/budget").expect_json(200, rule + ", suspended too")
        self.exact(mine, checklist.MY_BUDGET, rule)
        self.equal(mine["is_suspended"], True, rule, "is_suspended")
        managed = self.server.get(self.acme.user_path("frozen") + "/budget").json()
        self.equal(mine, {name: managed[name] for name in mine}, rule, "what the user is told")
        config = self.alice.get("/v1/me/mcp-config").expect(200, "self-service.md, GET /v1/me/mcp-config")
        self.equal(config.headers.get("cache-control"), "no-store", "self-service.md, mcp-config", "cache-control")

    def test_every_admin_write_is_in_the_audit_log(self):
        rule = "headless-and-admin.md, Admin API: every write goes to the audit log with the key's id"
        admin = self.callers["admin"]
        for route in ROUTES:
            if route.number != "admin" or route.method == "GET" or route.path.endswith(("/verify", "/backup")):
                continue
            with self.subTest(route=str(route)):
                ids = self.fresh(route)
                before = admin.get(A + "/audit", limit=1).expect_json(200, rule)["total"]
                done = admin.call(route.method, self.path(route, **ids), self.body(route))
                self.holds(done.status < 300, "success", route.rule, done.describe())
                if done.status == 201:
                    self.remember_keys(done.json())
                audit = admin.get(A + "/audit", limit=1).expect_json(200, rule)
                self.equal(audit["total"], before + 1, rule, "rows after one write")
                text = json.dumps(audit, default=str)
                self.holds(not any(secret in text for secret in self.gateway.secrets), "no secret", rule, audit)

    def test_verify_reports_what_the_command_does(self):
        report = self.callers["admin"].post(A + "/verify").expect_json(200, "headless-and-admin.md, Admin API, verify")
        self.holds(report, "a report", "headless-and-admin.md, Admin API, verify", report)
        status = self.callers["admin"].get(A + "/status").expect_json(200, "headless-and-admin.md, Admin API, status")
        self.holds(
            status.get("last_verify"), "the last verify result", "headless-and-admin.md, Admin API, status", status
        )

    def test_metrics_are_prometheus_text(self):
        rule = "headless-and-admin.md, Admin API, metrics"
        for caller in ("nobody", "admin"):  # from loopback no key is needed
            answer = self.callers[caller].get("/metrics").expect(200, rule)
            self.holds(
                answer.headers.get("content-type", "").startswith("text/plain"), "text/plain", rule, answer.headers
            )
            lines = [line for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
            self.holds(lines, "at least one sample", rule)
            sample = re.compile(
                r'[a-zA-Z_:][\w:]*(\{(\w+="([^"\\\n]|\\.)*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|NaN|[+-]Inf)( \d+)?'
            )
            self.equal([line for line in lines if not sample.fullmatch(line)], [], rule, "lines that are no samples")
            self.holds(
                self.acme.id not in answer.read().decode() and "alice" not in answer.read().decode(), "no tenant", rule
            )

    # ---------------------------------------------------------------- openapi.json

    def test_openapi_describes_these_routes_and_no_others(self):
        rule = "headless-and-admin.md, Admin API, openapi.json"
        document = self.callers["nobody"].get("/openapi.json").expect_json(200, rule)
        self.holds(str(document.get("openapi", "")).startswith("3.1."), "OpenAPI 3.1", rule, document.get("openapi"))
        described = {}
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    described[method.upper(), re.sub(r"{\w+}", "{}", path)] = (operation, item)
        described.pop(("POST", A + "/test-clock"), None)  # with --test-clock only
        table = {(route.method, re.sub(r"{\w+}", "{}", route.path)): route for route in ROUTES}
        self.equal(sorted(table.keys() - described.keys()), [], rule, "routes of the contract that are not described")
        self.equal(sorted(described.keys() - table.keys()), [], rule, "routes described that are not in the contract")
        for place, route in table.items():
            with self.subTest(route=str(route)):
                operation, item = described[place]
                statuses = route.status if isinstance(route.status, tuple) else (route.status,)
                if route.status:
                    self.holds(
                        any(str(status) in operation["responses"] for status in statuses),
                        f"a response {route.status}",
                        rule,
                        sorted(operation["responses"]),
                    )
                    self.equal("requestBody" in operation, route.has_body, rule, "a request body is described")
                parameters = (*operation.get("parameters", ()), *item.get("parameters", ()))
                named = {self.resolved(document, entry)["name"] for entry in parameters}
                wanted = {"page", "limit"} if route.page else set()
                self.holds(len(named) >= len(route.parameters) and wanted <= named, "its parameters", rule, named)
                security = operation.get("security", document.get("security"))
                if route.key == "none":
                    self.holds(not security or {} in security, "no key asked for", rule, security)
                else:
                    self.holds(security and {} not in security, "a key asked for", rule, security)

    def resolved(self, document, value):
        """What a $ref points at."""
        while "$ref" in value:
            place = document
            for step in value["$ref"].removeprefix("#/").split("/"):
                place = place[urllib.parse.unquote(step).replace("~1", "/").replace("~0", "~")]
            value = place
        return value


def respelled(body, form):
    """The same JSON with its whole numbers written in another way, and other blanks."""
    text = json.dumps(body, separators=(" ,\n", " :  "))
    return re.sub(r"(?<=[:\s])(\d+)(?=[\s,}])", lambda number: form % number.group(), text).encode()


if __name__ == "__main__":
    harness.main()
