# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two gateways on one PostgreSQL: what one commits the other knows, and no micro-dollar is lost or doubled."""

import collections
import secrets
import threading
import time
from decimal import Decimal

import harness
import load
import pgcluster
from harness import Books, Case, Gateway, Mock, Tenant, chat_body, wait_for

NODES_RULE = "headless-and-admin.md, Several gateways"
CALLS_RULE = "architecture.md 2, step 8: what the client has seen whole is billed"
PROMPT_SECONDS = 1
TWINS = 50
THREADS = 8  # per node
JOURNAL_SECONDS = 6  # longer than settlements wait for the database

RPM_LIMIT = 100

PLATFORM = {
    **load.PLATFORM,
    "end_users": [*load.PLATFORM["end_users"], harness.user("poor", 0.00001), harness.user("limited", 10)],
}


class TwoNodes(Case):
    """Gateways a and b, started at the same time with the same bootstrap file on an empty database."""

    platform = PLATFORM
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        cls.cluster = pgcluster.Cluster()
        cls.addClassCleanup(cls.cluster.stop)
        database = cls.enterClassContext(pgcluster.Server(cls.cluster.url).database())
        document = harness.bootstrap(cls.mock, harness.MODELS, [cls.platform])
        cls.master_key = secrets.token_hex(32)
        cls.gateways = tuple(Gateway(document, database, ["--key-source", "env", *cls.options]) for _ in "ab")
        for gateway in cls.gateways:
            cls.addClassCleanup(gateway.remove)
            gateway.secrets.add(cls.master_key)
            cls.launch(gateway, document)
        for gateway in cls.gateways:
            gateway.wait_until_ready()
        cls.a, cls.b = cls.gateways
        results = [gateway.result for gateway in cls.gateways]
        cls.made = cls.keys_in(results[0]), cls.keys_in(results[1])
        first, second = (gateway.tenant("acme") for gateway in cls.gateways)
        cls.on_a, cls.on_b = first.adopt(second), second.adopt(first)
        for gateway in cls.gateways:
            gateway.admin_key = cls.a.admin_key or cls.b.admin_key
            gateway.secrets |= cls.a.secrets | cls.b.secrets

    @classmethod
    def launch(cls, gateway, document=None):
        gateway.launch(document, env={"ASSISTIV_MASTER_KEY": cls.master_key})

    @classmethod
    def tearDownClass(cls):
        for gateway in cls.gateways:
            gateway.finish()

    @staticmethod
    def keys_in(result):
        return set(harness.RAW_KEY.findall(str(result)))

    def promptly(self, what, condition, every=0.01):
        """The condition holds within the time in which one node must know what another one has committed."""
        started = time.monotonic()
        wait_for(f"{what} ({NODES_RULE})", condition, PROMPT_SECONDS, every)
        print(f"{what}: after {(time.monotonic() - started) * 1000:.0f} ms", flush=True)


class Nodes(TwoNodes):
    def chat_status(self, tenant, who, model=harness.PLAIN.name):
        with tenant.user_client(who) as client:
            return client.post(load.CHAT, chat_body(model)).status

    def serves_again(self, tenant):
        try:
            return self.chat_status(tenant, "user-0") == 200
        except (harness.Disconnected, OSError):
            return False

    # -------- start

    def test_keys_of_a_bootstrap_applied_twice_at_once_are_made_once(self):
        rule = "headless-and-admin.md 2, what exists is left alone"
        self.equal(self.made[0] & self.made[1], set(), rule, "keys made by both")
        kinds = collections.Counter(key.split("_")[0] for key in self.made[0] | self.made[1])
        self.equal(kinds, {"sk-admin": 1, "sk-plat": 1, "sk-eu": len(PLATFORM["end_users"])}, rule, "keys made")
        with self.a.admin as client:
            platforms = client.rows("/v1/admin/platforms")
        self.equal([platform["slug"] for platform in platforms], ["acme"], rule, "platforms")

    def test_each_node_lists_the_other(self):
        def status(gateway):
            with gateway.admin as client:
                return client.get("/v1/admin/status").expect_json(200, "headless-and-admin.md 3, status")

        wait_for("both nodes to hear of each other", lambda: all(status(g)["other_nodes"] for g in self.gateways))
        seen = [[node["id"] for node in status(gateway)["other_nodes"]] for gateway in self.gateways]
        own = [status(gateway)["node_id"] for gateway in self.gateways]
        self.equal(seen, [[own[1]], [own[0]]], NODES_RULE, "other_nodes")

    # -------- what one commits the other knows

    def test_a_key_revoked_on_one_is_refused_on_the_other(self):
        user = self.on_a.user_path("user-1")
        with self.on_a.client as management:
            key = management.post(f"{user}/api-keys", {"name": "short-lived"}).expect_json(201, "end-users-and-keys.md")
            raw = self.a.remember(key)
            self.b.secrets.add(raw)
            with self.b.client(raw) as client:
                client.post(load.CHAT, chat_body(harness.PLAIN.name)).expect(200, NODES_RULE)
                management.delete(f"{user}/api-keys/{key['id']}").expect(204, "end-users-and-keys.md")
                self.promptly(
                    "a revoked key is refused on the other node",
                    lambda: client.post(load.CHAT, chat_body(harness.PLAIN.name)).status == 401,
                )

    def test_a_budget_changed_on_one_acts_on_the_other(self):
        budget = self.on_a.user_path("user-2") + "/budget"
        self.equal(self.chat_status(self.on_b, "user-2"), 200, NODES_RULE, "a call on b")
        with self.on_a.client as client:
            client.patch(budget, {"is_suspended": True}).expect(200, "budgets-and-ledger.md")
            self.promptly("a suspension acts", lambda: self.chat_status(self.on_b, "user-2") == 402)
            client.patch(budget, {"is_suspended": False}).expect(200, "budgets-and-ledger.md")
            self.promptly("its end acts", lambda: self.chat_status(self.on_b, "user-2") == 200)

    def test_a_top_up_on_one_acts_on_the_other(self):
        wait_for("the small budget to be used up", lambda: self.chat_status(self.on_b, "poor") == 402)
        self.equal(self.chat_status(self.on_a, "poor"), 402, "budgets-and-ledger.md", "a call on the other node")
        with self.on_a.client as client:
            path = self.on_a.user_path("poor") + "/budget/topup"
            client.post(path, {"amount_usd": 1}).expect(200, "budgets-and-ledger.md")
        self.promptly("a top-up acts", lambda: self.chat_status(self.on_b, "poor") == 200)

    def test_a_model_disabled_on_one_is_gone_on_the_other(self):
        name = harness.NO_USAGE.name
        with self.a.admin as client:
            model = next(row for row in client.rows("/v1/admin/models") if row["slug"] == name)
            for enabled, status in ((False, 404), (True, 200)):
                client.patch(f"/v1/admin/models/{model['id']}", {"is_enabled": enabled}).expect(200, "models")
                self.promptly(
                    f"a model with is_enabled={enabled} is answered with {status}",
                    lambda status=status: self.chat_status(self.on_b, "user-3", name) == status,
                )

    def test_a_limit_set_on_one_counts_the_requests_on_both(self):
        statuses = []

        def call(tenant):
            with tenant.user_client("limited") as client:
                answer = client.post(load.CHAT, chat_body(harness.PLAIN.name))
                statuses.append(answer.status)
                return answer

        def told(answer, what):
            return answer.headers.get(f"x-ratelimit-{what}-requests")

        path = self.on_a.user_path("limited") + "/rate-limits"
        with self.on_a.client as client:
            client.post(path, {"rpm_limit": RPM_LIMIT}).expect(200, "rate-limits.md")
        self.promptly("a limit set on one holds", lambda: told(call(self.on_b), "limit") == str(RPM_LIMIT), 0.05)
        self.promptly(
            "requests on one are counted on the other",
            lambda: told(call(self.on_a), "remaining") == str(RPM_LIMIT - len(statuses)),
            0.05,
        )
        while call(self.on_a).status == 200:
            pass
        self.equal(statuses.count(200), RPM_LIMIT, NODES_RULE, "requests let in by both together")
        self.promptly("a limit used up on one is used up", lambda: call(self.on_b).status == 429, 0.05)
        with self.on_a.client as client:
            client.delete(path).expect(204, "rate-limits.md")
        self.promptly("the end of a limit acts", lambda: call(self.on_b).status == 200)

    # -------- idempotency

    def test_twins_on_both_nodes_book_once(self):
        body = {"amount_usd": 7, "reason": "twins"}
        key = "twins-" + secrets.token_hex(8)
        together = threading.Barrier(TWINS)
        answers = []

        def ask(tenant):
            with tenant.client as client:
                together.wait()
                answers.append(client.post(tenant.user_path("user-4") + "/budget/topup", body, idempotency_key=key))

        threads = [threading.Thread(target=ask, args=(tenant,)) for tenant in (self.on_a, self.on_b) * (TWINS // 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        rule = "conventions.md, Idempotency-Key: the second waits for the first and replays it"
        self.equal([answer.status for answer in answers], [200] * TWINS, rule, "statuses")
        self.equal(len({answer.read() for answer in answers}), 1, rule, "different bodies")
        replays = [answer for answer in answers if answer.headers.get("idempotent-replayed") == "true"]
        self.equal(len(replays), TWINS - 1, rule, "replays")
        with self.on_a.client as client:
            rows = client.rows(self.on_a.user_path("user-4") + "/budget/transactions", type="topup")
        self.equal(len([row for row in rows if row["idempotency_key"] == key]), 1, rule, "ledger rows")

    # -------- failures under load

    def start_load(self):
        seed = load.seed()
        return [
            load.Load(tenant, f"{seed}/{name}", threads=THREADS).start()
            for name, tenant in (("a", self.on_a), ("b", self.on_b))
        ]

    def rows_by_request(self):
        """Log rows by request id, each one there once and with its debits (`reconcile`)."""
        books = Books.read(self.on_a).reconcile()
        rows = {row["metadata"]["request_id"]: row for row in books.logs}
        self.equal(len(rows), len(books.logs), "logs.md, one row per upstream call", "different request ids")
        return rows

    def check_whole_calls(self, outcomes, rows):
        """What a client has seen whole is in the books, as what it was."""
        wrong = []
        for outcome in outcomes:
            if not outcome.whole or outcome.code == "database_unavailable":
                continue
            wanted = ("success", "billed") if outcome.status == 200 else ("error", "not_billable")
            row = rows.get(outcome.request_id)
            if not row or (row["status"], row["billing_status"]) != wanted:
                wrong.append((outcome, row and (row["status"], row["billing_status"])))
        self.equal(wrong[:5], [], CALLS_RULE, f"{len(wrong)} calls whose log row does not fit")

    def test_one_of_them_is_killed_under_load(self):
        upstream, known = self.mock.count(), self.rows_by_request()
        running = self.start_load()
        wait_for("some calls", lambda: all(it.failures or it.count() >= 100 for it in running), 30)
        self.b.kill()
        on_killed = running[1].stop()
        wait_for("the other one to go on", lambda count=running[0].count(): running[0].count() >= count + 100, 30)
        self.launch(self.b)
        self.b.wait_until_ready()
        again = load.Load(self.on_b, "again", threads=THREADS).start()
        wait_for("calls on the one that came back", lambda: again.failures or again.count() >= 100, 30)
        outcomes = on_killed + again.stop() + running[0].stop()
        print(load.summary(outcomes), flush=True)

        wait_for("no call left at the provider", lambda: not self.mock.running())
        reached = self.mock.count() - upstream
        lost = [outcome for outcome in on_killed if not outcome.whole]  # cut off with the node: nobody saw them whole
        wait_for(
            "the log rows of all calls but those that were cut off",
            lambda: self.log_total() - len(known) >= reached - THREADS - len(lost),
        )
        rows = self.rows_by_request()
        self.check_whole_calls(outcomes, rows)
        self.holds(
            len(rows) - len(known) <= reached,
            f"at most {reached} log rows, one per upstream call",
            "logs.md",
            len(rows),
        )
        self.a.verify()

    def log_total(self):
        with self.on_a.client as client:
            return client.get(self.on_a.path + "/logs", limit=1).json()["total"]

    def test_the_database_restarts_under_load(self):
        for mode, away_seconds in (("fast", 0), ("immediate", 0), ("immediate", JOURNAL_SECONDS)):
            with self.subTest(mode=mode, away_seconds=away_seconds):
                self.restart_under_load(mode, away_seconds)

    def restart_under_load(self, mode, away_seconds):
        upstream, known = self.mock.count(), self.rows_by_request()
        running = self.start_load()
        wait_for("some calls", lambda: all(it.failures or it.count() >= 100 for it in running), 30)
        started = time.monotonic()
        self.cluster.restart(mode, away_seconds)
        print(f"{mode}: the database was away for {time.monotonic() - started:.1f} s", flush=True)
        for name, tenant in (("a", self.on_a), ("b", self.on_b)):
            wait_for(f"node {name} to serve again by itself", lambda it=tenant: self.serves_again(it), 30, 0.1)
        print(f"{mode}: both serve again after {time.monotonic() - started:.1f} s", flush=True)
        counts = [it.count() for it in running]
        wait_for("more calls", lambda: all(it.failures or it.count() >= n + 100 for it, n in zip(running, counts)), 30)
        outcomes = running[0].stop() + running[1].stop()
        print(load.summary(outcomes), flush=True)
        refused = collections.Counter(outcome.code for outcome in outcomes if outcome.code)
        print(f"errors: {dict(refused)}", flush=True)

        strange = [outcome for outcome in outcomes if not self.is_expected(outcome)]
        self.equal(strange[:5], [], "errors.md, database_unavailable", f"{len(strange)} answers of another kind")
        for gateway in self.gateways:  # what waits in a journal is billed at the next start
            gateway.stop()
            self.launch(gateway)
        for gateway in self.gateways:
            gateway.wait_until_ready()
        rows = self.rows_by_request()
        self.check_whole_calls(outcomes, rows)
        self.equal(
            len(rows) - len(known),
            self.mock.count() - upstream,
            "logs.md, one row per upstream call",
            "log rows, one for each call that reached the provider",
        )
        self.a.verify()

    def is_expected(self, outcome):
        """What this kind of call brings without any failure, or the one error that an absent database may cause."""
        if outcome.code == "database_unavailable":
            told = outcome.retry_after is not None or outcome.should_retry == "false"
            return outcome.status == 200 or (outcome.status == 503 and told)
        return {
            "json": outcome.whole and outcome.status == 200,
            "stream": outcome.whole and outcome.status == 200,
            "abort": outcome.status == 200,
            "fault": outcome.status >= 500 and outcome.whole,
            "broken stream": outcome.status == 200 and not outcome.whole and not outcome.problem,
        }[outcome.kind]

    def test_the_money_of_the_wallet_is_all_there(self):
        books = Books.read(self.on_b).reconcile()
        self.equal(
            Decimal(10000) - books.wallet["balance"],
            books.spent,
            "logs.md: sum of estimated_cost_usd = wallet delta",
            "what left the wallet",
        )


if __name__ == "__main__":
    harness.main()
