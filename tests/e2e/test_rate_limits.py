# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits as clients meet them, and what end users may read about themselves."""

import threading

import harness
from harness import PLAIN, Books, GatewayCase, chat_body, is_time, is_uuid, platform, user

CHAT = "/v1/chat/completions"
RULE = "rate-limits.md"
COUNTED = "rate-limits.md, What is counted"
ORDER = "rate-limits.md, Order of checks"
SELF = "self-service.md"
NONE = {"rpm_limit": None, "tpm_limit": None, "rpd_limit": None}
OWN_BUDGET = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "end_user_id": is_uuid,
    "max_usd": harness.is_money,
    "used_usd": harness.is_money,
    "remaining_usd": harness.is_money,
    "period": str,
    "period_start": is_time,
    "auto_replenish": bool,
    "is_active": bool,
    "is_suspended": bool,
}


def limits_of(**given):
    return {**NONE, **{f"{name}_limit": value for name, value in given.items()}}


class LimitsCase(GatewayCase):
    """What both classes below do with a tenant."""

    def limit(self, tenant, name, **given):
        with tenant.client as server:
            answer = server.post(tenant.user_path(name) + "/rate-limits", limits_of(**given))
            came = answer.expect_json(200, RULE + ", POST")
            expected = {"end_user_id": tenant.users[name]["id"], **limits_of(**given), "resolution": "explicit"}
            self.equal(came, expected, RULE + ", POST")

    def limit_platform(self, tenant, each=None, whole=None):
        body = {"end_user_default": limits_of(**(each or {})), "platform": limits_of(**(whole or {}))}
        with self.gateway.admin as admin:
            came = admin.call("PUT", f"/v1/admin/platforms/{tenant.id}/rate-limits", body)
            self.equal(came.expect_json(200, "headless-and-admin.md 3, rate-limits"), body, RULE)

    def denied(self, answer, by, longest, number, unit="per minute"):
        """The refusal as the contract writes it; returns the seconds to wait."""
        error = answer.expect_error(429, "rate_limit_exceeded", RULE + ", 429", denied_by=by, param=None)
        seconds = error["retry_after"]
        self.holds(isinstance(seconds, int) and 1 <= seconds <= longest, f"1 to {longest} seconds", RULE, error)
        self.equal(answer.headers.get("retry-after"), str(seconds), RULE, "Retry-After")
        words = f"Rate limit reached for {by} ({number} {unit}). Retry in {seconds} s."
        self.equal(error["message"], words, RULE, "message")
        self.equal(sorted(error), ["code", "denied_by", "message", "param", "retry_after", "type"], RULE, "members")
        left = [name for name in answer.headers if name.startswith("x-ratelimit-")]
        self.equal(left, [], RULE + ", headers of admitted answers", "headers of a refused one")
        expected = "false" if by.endswith("rpd") else None
        self.equal(answer.headers.get("x-should-retry"), expected, "headless-and-admin.md 5", "x-should-retry")
        return seconds

    def passes(self, client, body=None):
        return client.post(CHAT, body or chat_body(PLAIN.name)).expect(200, RULE)


class RateLimits(LimitsCase):
    models = harness.MODELS
    platforms = (
        platform("acme", [user(f"user-{n}", 10) for n in range(10)]),
        platform("crowd", [user("ann"), user("ben"), user("cid")]),
        platform("whole", [user("ann"), user("ben")]),
        platform(
            "declared",
            [user("ann")],
            rate_limits={"end_user_default": {"rpm_limit": 600}, "platform": {"tpm_limit": 5000}},
        ),
        platform("poor", [user("pat", 10)], wallet_usd=0),
    )
    options = ("--workers", "3")

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.server = self.enterContext(self.acme.client)

    def at_once(self, tenant, name, count, body):
        """So many requests of one user in one moment, each over a connection of its own."""
        answers, start = [], threading.Barrier(count)

        def ask():
            with tenant.user_client(name) as client:
                start.wait()
                answers.append(client.post(CHAT, body))

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_eight_at_once_on_a_limit_of_five(self):
        self.limit(self.acme, "user-0", rpm=5)
        before = self.mock.count()
        answers = self.at_once(self.acme, "user-0", 8, chat_body("mock-p7-c3-n5-g5-d20"))
        good = [answer for answer in answers if answer.status == 200]
        self.equal(len(good), 5, RULE, "admitted requests")
        for answer in answers:
            if answer.status != 200:
                self.denied(answer, "eu_rpm", 60, 5)
        self.equal(self.mock.count() - before, 5, RULE, "calls at the provider")
        self.equal({a.headers.get("x-ratelimit-limit-requests") for a in good}, {"5"}, RULE)
        left = sorted(a.headers.get("x-ratelimit-remaining-requests") for a in good)
        self.equal(left, ["0", "1", "2", "3", "4"], RULE, "x-ratelimit-remaining-requests")
        rows = [r for r in Books.read(self.acme).logs if r["end_user_id"] == self.acme.users["user-0"]["id"]]
        self.equal(len(rows), 5, "inference.md 5: refused at a gate: no log row", "log rows")

        # Counters are kept: a raised limit frees requests at once, and only the difference.
        self.limit(self.acme, "user-0", rpm=6)
        with self.acme.user_client("user-0") as client:
            self.passes(client)
            self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 6)

    def test_tokens_per_minute(self):
        used = PLAIN.prompt + PLAIN.completion
        self.limit(self.acme, "user-1", tpm=used + 1)
        with self.acme.user_client("user-1") as client:
            answer = self.passes(client)
            came = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
            expected = {"x-ratelimit-limit-tokens": str(used + 1), "x-ratelimit-remaining-tokens": str(used + 1)}
            self.equal(came, expected, RULE, "headers")
            stream = self.passes(client, chat_body(PLAIN.name, stream=True))  # one token is left: no reservation
            self.equal(stream.headers.get("x-ratelimit-remaining-tokens"), "1", RULE, "headers of a stream")
            self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_tpm", 60, used + 1, "tokens per minute")
            refused = client.post(CHAT, chat_body(PLAIN.name, stream=True))
            self.denied(refused, "eu_tpm", 60, used + 1, "tokens per minute")  # plain JSON before the stream begins

    def test_default_of_the_platform_and_own_limits(self):
        crowd = self.gateway.tenant("crowd")
        self.limit_platform(crowd, each={"rpm": 2})
        with crowd.user_client("ann") as ann, crowd.user_client("ben") as ben, crowd.client as server:
            for client in (ann, ben):  # counted separately
                self.passes(client)
                self.passes(client)
                self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 2)
            path = crowd.user_path("ann") + "/rate-limits"
            came = server.get(path).expect_json(200, RULE)
            self.equal((came["rpm_limit"], came["resolution"]), (2, "default"), RULE)
            self.passes(server)  # a platform key has no user

            self.limit(crowd, "ann", tpm=100_000)  # as a whole: no limit of requests any more
            self.passes(ann)
            self.denied(ben.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 2)
            server.delete(path).expect(204, RULE + ", DELETE")
            server.delete(path).expect_error(404, "rate_limit_not_found", RULE + ", DELETE")
            self.denied(ann.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 2)
            self.limit_platform(crowd)
            self.passes(ann)

    def test_all_traffic_of_a_platform(self):
        whole = self.gateway.tenant("whole")
        self.limit_platform(whole, each={"rpm": 2}, whole={"rpm": 4})
        with whole.user_client("ann") as ann, whole.user_client("ben") as ben, whole.client as server:
            first = self.passes(ann)
            self.equal(first.headers.get("x-ratelimit-remaining-requests"), "1", RULE, "the tighter of the two")
            self.passes(server)
            self.passes(ben)
            self.equal(self.passes(server).headers.get("x-ratelimit-limit-requests"), "4", RULE)
            self.denied(ben.post(CHAT, chat_body(PLAIN.name)), "plat_rpm", 60, 4)
            self.denied(server.post(CHAT, chat_body(PLAIN.name)), "plat_rpm", 60, 4)
            # A denied request counts nowhere; the user's own bucket is asked first.
            self.limit_platform(whole, each={"rpm": 2}, whole={"rpm": 5})
            self.passes(ben)
            self.denied(ben.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 2)

    def test_what_counts_and_what_does_not(self):
        self.limit(self.acme, "user-2", rpm=3)
        with self.acme.user_client("user-2") as client, self.gateway.client("sk-eu_" + "0" * 64) as stranger:
            stranger.post(CHAT, chat_body(PLAIN.name)).expect_error(401, "unauthorized", COUNTED)
            client.post(CHAT, b"{").expect_error(400, "invalid_json", COUNTED)
            client.post(CHAT, {"model": PLAIN.name}).expect_error(422, "validation_error", COUNTED)
            for path in ("/v1/models", "/v1/me/budget", "/v1/me/rate-limits", "/v1/me/mcp-config"):
                client.get(path).expect(200, COUNTED)

            # Refused behind the gate: counted, and told what is left.
            missing = client.post(CHAT, chat_body("nobody"))
            missing.expect_error(404, "model_not_found", COUNTED)
            self.equal(missing.headers.get("x-ratelimit-remaining-requests"), "2", COUNTED)
            self.suspend("user-2", True)
            client.post(CHAT, chat_body(PLAIN.name)).expect_error(402, "budget_suspended", COUNTED)
            self.suspend("user-2", False)
            failed = client.post(CHAT, chat_body("mock-fault-500"))
            failed.expect_error(502, "provider_error", COUNTED)
            self.equal(failed.headers.get("x-ratelimit-remaining-requests"), "0", COUNTED)
            self.suspend("user-2", True)
            self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 3)  # before the budget

        poor = self.gateway.tenant("poor")
        self.limit(poor, "pat", rpm=1)
        with poor.user_client("pat") as client:
            client.post(CHAT, chat_body(PLAIN.name)).expect_error(402, "wallet_insufficient", ORDER)
            self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 1)

    def suspend(self, name, suspended):
        path = self.acme.user_path(name) + "/budget"
        self.server.patch(path, {"is_suspended": suspended}).expect(200, "budgets-and-ledger.md, PATCH")

    def test_a_day_limit_finds_what_was_done_before_it_was_set(self):
        with self.acme.user_client("user-3") as client:
            for _ in range(3):
                self.passes(client)
            self.limit(self.acme, "user-3", rpd=4)
            self.passes(client)
            self.denied(client.post(CHAT, chat_body(PLAIN.name)), "eu_rpd", 86_400, 4, "per day")
            self.limit(self.acme, "user-3", rpd=5)
            self.passes(client)

    def test_the_bootstrap_file_sets_limits(self):
        declared = self.gateway.tenant("declared")
        with declared.client as server, declared.user_client("ann") as ann:
            came = server.get(declared.path + "/rate-limits").expect_json(200, RULE)
            expected = {"end_user_default": limits_of(rpm=600), "platform": limits_of(tpm=5000)}
            self.equal(came, expected, "headless-and-admin.md 2, rate_limits")
            headers = self.passes(ann).headers
            self.equal(headers.get("x-ratelimit-limit-requests"), "600", RULE)
            self.equal(headers.get("x-ratelimit-limit-tokens"), "5000", RULE)

    # ---------------------------------------------------------------- /v1/me

    def test_own_budget(self):
        with self.acme.user_client("user-4") as client:
            self.passes(client)
            came = client.get("/v1/me/budget").expect_json(200, SELF)
            self.shape(came, OWN_BUDGET, SELF)
            self.equal(set(came), set(OWN_BUDGET), SELF + ", exactly these fields")
            self.equal((came["max_usd"], came["used_usd"]), (10, PLAIN.cost), SELF)
            self.suspend("user-4", True)
            suspended = client.get("/v1/me/budget").expect_json(200, SELF)
            self.equal(suspended, {**came, "is_suspended": True}, SELF + ", a suspended budget is shown")
            self.suspend("user-4", False)
            debit = self.acme.user_path("user-4") + "/budget/debit"
            self.server.post(debit, {"amount_usd": 11}).expect(200, "budgets-and-ledger.md")
            client.post(CHAT, chat_body(PLAIN.name)).expect_error(402, "budget_exhausted", "setup")
            self.holds(client.get("/v1/me/budget").json()["remaining_usd"] < 0, "a debt", SELF)
            self.server.delete(self.acme.user_path("user-4") + "/budget").expect(204, "budgets-and-ledger.md")
            client.get("/v1/me/budget").expect_error(404, "budget_not_found", SELF)

    def test_own_limits(self):
        with self.acme.user_client("user-5") as client:
            came = client.get("/v1/me/rate-limits").expect_json(200, SELF)
            self.equal(came, {**NONE, "resolution": "none"}, SELF)
            self.limit(self.acme, "user-5", rpm=60, rpd=10_000)
            came = client.get("/v1/me/rate-limits").expect_json(200, SELF)
            self.equal(came, {**limits_of(rpm=60, rpd=10_000), "resolution": "explicit"}, SELF)

    def test_own_apps(self):
        with self.acme.user_client("user-6") as client:
            answer = client.get("/v1/me/mcp-config")
            self.equal(answer.expect_json(200, SELF), {"standard": {}, "openai": []}, SELF)
            self.equal(answer.headers.get("cache-control"), "no-store", SELF)

    def test_self_service_is_for_end_users_and_their_pages(self):
        for path in ("/v1/me/budget", "/v1/me/rate-limits", "/v1/me/mcp-config"):
            self.server.get(path).expect_error(403, "forbidden", SELF)
            mine = self.acme.user_client("user-7")
            with self.gateway.client() as nobody, self.gateway.admin as admin, mine as client:
                nobody.get(path).expect_error(401, "unauthorized", SELF)
                admin.get(path).expect_error(403, "forbidden", SELF)
                origin = {"origin": "https://app.example"}
                preflight = nobody.call("OPTIONS", path, headers=origin)
                preflight.expect(204, "conventions.md, CORS")
                self.equal(preflight.headers.get("access-control-allow-origin"), "*", "conventions.md, CORS")
                shown = client.call("GET", path, headers=origin).expect(200, SELF)
                self.equal(shown.headers.get("access-control-allow-origin"), "*", "conventions.md, CORS")
                client.call("POST", path, {}).expect_error(405, "method_not_allowed", SELF)


class AfterARestart(LimitsCase):
    models = harness.MODELS
    platforms = (platform("acme", [user("alice"), user("bob"), user("carol")]),)

    def test_days_go_on_and_minutes_begin_anew(self):
        acme = self.gateway.tenant("acme")
        self.limit(acme, "alice", rpd=5)
        self.limit(acme, "bob", rpm=2)
        with acme.user_client("alice") as alice, acme.user_client("bob") as bob, acme.client as server:
            for client in (alice, alice, alice, bob, bob, server):
                self.passes(client)
            self.denied(bob.post(CHAT, chat_body(PLAIN.name)), "eu_rpm", 60, 2)
            failed = alice.post(CHAT, chat_body("mock-fault-500"))
            failed.expect_error(502, "provider_error", "setup: logged, so counted")

        for end in (self.gateway.stop, self.gateway.kill):
            end()
            self.gateway.start()
            with acme.user_client("alice") as alice, acme.user_client("bob") as bob:
                if end == self.gateway.stop:
                    self.passes(alice)
                    self.passes(bob)  # minute counters start empty
                seconds = self.denied(alice.post(CHAT, chat_body(PLAIN.name)), "eu_rpd", 86_400, 5, "per day")
                self.holds(seconds > 86_000, "nearly a day", RULE, seconds)
        # Five of alice (one failed), three of bob, one with the platform's key; the refused ones are not among them.
        self.limit_platform(acme, whole={"rpd": 10})
        with acme.user_client("carol") as carol, acme.client as server:
            self.passes(carol)
            self.denied(carol.post(CHAT, chat_body(PLAIN.name)), "plat_rpd", 86_400, 10, "per day")
            self.denied(server.post(CHAT, chat_body(PLAIN.name)), "plat_rpd", 86_400, 10, "per day")


if __name__ == "__main__":
    harness.main()
