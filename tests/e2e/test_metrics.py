# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""/metrics: text that Prometheus reads, numbers that are true, nothing about a tenant, and nobody else at the door."""

import contextlib
import pathlib
import re
import socket
import time
from decimal import Decimal

import harness
import pypackages
from harness import PLAIN, SLOW, Books, GatewayCase, chat_body, platform, user, wait_for

METRICS = "/metrics"
CHAT = "/v1/chat/completions"
RULE = "headless-and-admin.md 8, metrics"
FAILING = "mock-fault-500"
MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs/operators-manual.md"


class Reading:
    """The families of one scrape, and their samples by name and labels."""

    def __init__(self, text):
        self.families = {family.name: family for family in parser.text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name, **labels):
        return self.samples.get((name, frozenset(labels.items())), 0)


class Metrics(GatewayCase):
    models = (PLAIN.name, SLOW.name, FAILING)
    platforms = (
        platform("acme", [user("alice", 10), user("spent", 0.000001)]),
        platform("poor", [user("pat", 10)], wallet_usd=0),
        platform("limited", [user("lily", 10)], rate_limits={"end_user_default": {"rpm_limit": 1}}),
    )

    def setUp(self):
        self.acme = self.gateway.tenant("acme")
        self.nobody = self.enterContext(self.gateway.client())
        self.alice = self.enterContext(self.acme.user_client("alice"))

    def read(self):
        return Reading(self.nobody.get(METRICS).expect(200, RULE).read().decode())

    def grown(self, before, after, name, **labels):
        return after(name, **labels) - before(name, **labels)

    # ---------------------------------------------------------------- the text

    def test_prometheus_reads_it(self):
        self.alice.post(CHAT, chat_body(PLAIN.name)).expect(200, "setup: something in every family")
        answer = self.nobody.get(METRICS).expect(200, RULE)
        kind = answer.headers["content-type"]
        self.equal(kind, "text/plain; version=0.0.4; charset=utf-8", RULE, "content type")
        text = answer.read().decode()
        self.holds(text.endswith("\n"), "a last line that ends", "text format 0.0.4", text[-20:])
        reading = Reading(text)
        kinds = {family.type for family in reading.families.values()}
        self.equal(kinds, {"counter", "gauge", "histogram"}, RULE, "types of the families, none unknown")
        for family in reading.families.values():
            self.holds(family.documentation, "a line of help", RULE, family.name)
            self.holds(family.samples or family.name == "assistiv_calls_refused", "samples", RULE, family.name)
            if family.type == "histogram":
                self.check_histogram(family)
        names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
        self.equal(len(names), len(set(names)), "text format 0.0.4", "families, each once")

    def check_histogram(self, family):
        series = {}
        for sample in family.samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if name != "le")
            series.setdefault(labels, {})[sample.name.removeprefix(family.name), sample.labels.get("le")] = sample.value
        for found in series.values():
            buckets = [(float(le), value) for (kind, le), value in found.items() if kind == "_bucket"]
            self.equal(buckets, sorted(buckets), "text format 0.0.4", f"bounds of {family.name}, ascending")
            counts = [value for _, value in buckets]
            self.equal(counts, sorted(counts), "text format 0.0.4", f"buckets of {family.name}, cumulative")
            self.equal(
                (buckets[-1][0], counts[-1]), (float("inf"), found["_count", None]), "text format 0.0.4", family.name
            )
            self.holds(("_sum", None) in found, "a sum", "text format 0.0.4", family.name)

    def test_the_manual_names_each_of_them(self):
        text = self.nobody.get(METRICS).read().decode()
        served = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        manual = MANUAL.read_text(encoding="utf-8")
        described = set(re.findall(r"^\| `((?:assistiv|process)_[a-z_]+)", manual, re.MULTILINE))
        self.equal(described, served, "operators-manual.md, Monitoring", "names")

    def test_it_tells_nothing_of_a_tenant(self):
        self.alice.post(CHAT, chat_body(PLAIN.name)).expect(200, "setup")
        self.alice.get("/v1/models/no-such-model").expect(404, "setup")
        self.nobody.get("/not/a/route").expect(404, "setup")
        text = self.nobody.get(METRICS).read().decode()
        ids = (self.acme.id, self.acme.users["alice"]["id"])
        for word in (*ids, "alice", "acme", "sk-", PLAIN.name, "no-such", "not/a"):
            self.holds(word not in text, f"no {word!r}", RULE)

    # ---------------------------------------------------------------- the numbers

    def test_requests_by_part_and_class(self):
        self.nobody.get("/health").expect(200, "setup")
        before = self.read()
        self.alice.get("/v1/models").expect(200, "setup")
        self.alice.get("/v1/models/nobody").expect(404, "setup")
        with self.acme.client as server, self.gateway.admin as admin:
            server.get(self.acme.path).expect(200, "setup")
            admin.get("/v1/admin/status").expect(200, "setup")
            admin.call("HEAD", "/v1/admin/status").expect(200, "setup")
        self.nobody.get("/no/such/route").expect(404, "setup")
        with contextlib.closing(harness.Connection(self.gateway.origin)) as connection:
            connection.send_raw(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "a broken request").expect(400, "setup")
        after = self.read()
        wanted = {
            ("inference", "2xx"): 1,
            ("inference", "4xx"): 1,
            ("platforms", "2xx"): 1,
            ("admin", "2xx"): 2,
            ("operation", "2xx"): 1,  # the first reading
            ("none", "4xx"): 2,
            ("none", "5xx"): 0,
        }
        came = {
            (group, status): self.grown(before, after, "assistiv_http_requests_total", group=group, status=status)
            for group, status in wanted
        }
        self.equal(came, wanted, RULE, "requests counted")

    def test_calls_and_money(self):
        books, before = Books.read(self.acme), self.read()
        for _ in range(3):
            self.alice.post(CHAT, chat_body(PLAIN.name)).expect(200, "setup")
        stream = self.alice.request("POST", CHAT, chat_body(SLOW.name, stream=True))
        list(stream.data())
        self.alice.post(CHAT, chat_body(FAILING)).expect(502, "setup")
        # A call is over a moment after its answer has left.
        wait_for(
            "the last call to be over",
            lambda: self.grown(before, self.read(), "assistiv_call_duration_seconds_count") >= 5,
        )
        after, rows = self.read(), Books.read(self.acme)

        def grown(name, **labels):
            return self.grown(before, after, name, **labels)

        outcomes = {
            name: grown("assistiv_upstream_attempts_total", provider="mock", outcome=name)
            for name in ("success", "failed", "timeout", "cancelled", "rate_limited", "auth_failed", "rejected")
        }
        attempts = len(rows.logs) - len(books.logs)
        self.equal(outcomes["success"], 4, RULE, "successful attempts")
        self.equal(outcomes["failed"], attempts - 4, RULE, "failed attempts, one per log row")
        self.equal(sum(outcomes.values()), attempts, RULE, "attempts")
        for name in ("first_byte", "duration"):
            count = grown(f"assistiv_upstream_{name}_seconds_count", provider="mock")
            self.equal(count, attempts, RULE, f"observations of {name}")
        self.equal(grown("assistiv_call_duration_seconds_count"), 5, RULE, "calls that reached a provider")
        slow = SLOW.completion * 0.1  # it waits as long between its pieces
        lasted = grown("assistiv_call_duration_seconds_sum")
        self.holds(slow * 0.8 < lasted < slow + 30, f"about {slow} s", RULE, lasted)
        for kind, wanted in (
            ("prompt", 3 * PLAIN.prompt + SLOW.prompt),
            ("completion", 3 * PLAIN.completion + SLOW.completion),
        ):
            self.equal(grown("assistiv_tokens_total", kind=kind), wanted, RULE, f"{kind} tokens")
        spent = (rows.spent - books.spent).scaleb(6)
        billed = Decimal(int(grown("assistiv_billed_microdollars_total")))
        self.equal(billed, spent, RULE, "micro-dollars, as in the log")

    def test_refusals_by_code(self):
        with self.acme.user_client("spent") as spent, self.gateway.tenant("poor").user_client("pat") as pat:
            spent.post(CHAT, chat_body(PLAIN.name))
            before = self.read()
            for client, body, status, code in (
                (spent, chat_body(PLAIN.name), 402, "budget_exhausted"),
                (spent, chat_body(PLAIN.name), 402, "budget_exhausted"),
                (pat, chat_body(PLAIN.name), 402, "wallet_insufficient"),
                (self.alice, chat_body("nobody"), 404, "model_not_found"),
                (self.alice, {"model": PLAIN.name}, 422, "validation_error"),
            ):
                client.post(CHAT, body).expect_error(status, code, "inference.md 1")
            after = self.read()
        wanted = {
            ("budget_exhausted", "402"): 2,
            ("wallet_insufficient", "402"): 1,
            ("model_not_found", "404"): 1,
            ("validation_error", "422"): 1,
        }
        came = {
            (code, status): self.grown(before, after, "assistiv_calls_refused_total", code=code, status=status)
            for code, status in wanted
        }
        self.equal(came, wanted, RULE, "refusals counted")

    def test_rate_limits_by_limit(self):
        with self.gateway.tenant("limited").user_client("lily") as lily:
            lily.post(CHAT, chat_body(PLAIN.name)).expect(200, "setup")
            before = self.read()
            for _ in range(2):
                lily.post(CHAT, chat_body(PLAIN.name)).expect(429, "setup")
        after = self.read()
        came = {
            by: self.grown(before, after, "assistiv_rate_limited_calls_total", denied_by=by)
            for by in ("eu_rpm", "eu_tpm", "eu_rpd", "plat_rpm", "plat_tpm", "plat_rpd")
        }
        self.equal(came, {**dict.fromkeys(came, 0), "eu_rpm": 2}, RULE, "refusals by limit")
        labels = {"code": "rate_limit_exceeded", "status": "429"}
        self.equal(self.grown(before, after, "assistiv_calls_refused_total", **labels), 2, RULE, "refusals by code")

    def test_the_writer(self):
        before = self.read()
        with self.acme.client as server:
            for _ in range(5):
                server.post(f"{self.acme.path}/wallet/topup", {"amount": 1}).expect(200, "setup")
        after = self.read()
        commits = self.grown(before, after, "assistiv_writer_commit_seconds_count")
        self.holds(commits >= 5, "a commit for each", RULE, commits)
        self.equal(self.grown(before, after, "assistiv_writer_batch_size_count"), commits, RULE, "batches")
        self.holds(self.grown(before, after, "assistiv_writer_batch_size_sum") >= 5, "a change each", RULE)
        self.holds(self.grown(before, after, "assistiv_writer_commit_seconds_sum") > 0, "time that passed", RULE)
        self.equal(
            (
                after("assistiv_writer_queue_length"),
                after("assistiv_journal_entries"),
                after("assistiv_journalled_settlements_total"),
                after("assistiv_unbilled_settlements_total"),
                after("assistiv_database_healthy"),
            ),
            (0, 0, 0, 0, 1),
            RULE,
            "queue, journal twice, unbilled, health",
        )

    def test_what_runs_now(self):
        stream = self.alice.request("POST", CHAT, chat_body(SLOW.name, stream=True))
        frames = stream.data()
        next(frames)
        during = self.read()
        self.equal(during("assistiv_calls_in_flight"), 1, RULE, "calls in flight")
        self.equal(during("assistiv_streams_open"), 1, RULE, "streams")
        self.holds(during("assistiv_connections") >= 2, "both connections", RULE, during("assistiv_connections"))
        list(frames)
        for name in ("assistiv_calls_in_flight", "assistiv_streams_open"):
            wait_for(f"{name} 0 (headless-and-admin.md 8)", lambda name=name: self.read()(name) == 0)

    def test_the_process(self):
        reading = self.read()
        started = reading("process_start_time_seconds")
        self.holds(0 <= time.time() - started < 600, "the start of this test", RULE, started)
        resident = reading("process_resident_memory_bytes")
        self.holds(5e6 < resident < 2e9, "a resident size", RULE, resident)
        (build,) = reading.families["assistiv_build_info"].samples
        version = self.nobody.get("/health").json()["version"]
        self.equal(
            (build.value, build.labels["version"], build.labels["database"]),
            (1, version, "postgresql" if self.gateway.database else "sqlite"),
            RULE,
            "build info",
        )
        self.holds(reading("assistiv_workers") >= 1, "workers", RULE)
        self.holds(reading("assistiv_database_size_bytes") > 0, "a size of the database", RULE)

    # ---------------------------------------------------------------- the door

    def check_door(self, client_of, headers):
        """Where being on this machine does not count."""
        tenant = self.acme
        for key, status, code in (
            (None, 401, "unauthorized"),
            ("sk-admin_" + "0" * 64, 401, "unauthorized"),
            (tenant.key, 403, "forbidden"),
            (tenant.users["alice"]["end_user_key"], 403, "forbidden"),
        ):
            with client_of(key) as client:
                client.call("GET", METRICS, headers=headers).expect_error(status, code, RULE)
        with client_of(self.gateway.admin_key) as client:
            client.call("GET", METRICS, headers=headers).expect(200, RULE)

    def test_on_this_machine_no_key_is_needed(self):
        self.nobody.get(METRICS).expect(200, RULE)
        with self.gateway.admin as admin:
            admin.get(METRICS).expect(200, RULE)
        self.nobody.call("POST", METRICS, {}).expect_error(405, "method_not_allowed", "errors.md")

    def test_what_a_proxy_passes_on_is_not_from_this_machine(self):
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            self.check_door(self.gateway.client, {name: "192.0.2.7"})

    def test_from_elsewhere_with_an_admin_key_only(self):
        address = outer_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        self.gateway.stop()
        self.gateway.start(listen="0.0.0.0:0", options=["--insecure-listen"])
        port = self.gateway.origin.rsplit(":", 1)[1]
        try:
            self.check_door(lambda key: harness.Client(f"http://{address}:{port}", key), {})
            with harness.Client(f"http://127.0.0.1:{port}") as local:
                local.get(METRICS).expect(200, RULE)
        finally:
            self.gateway.stop()
            self.gateway.start()


def outer_address():
    """An address of this machine that is not loopback; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address
    return None


if __name__ == "__main__":
    pypackages.use()
    from prometheus_client import parser

    harness.main()
