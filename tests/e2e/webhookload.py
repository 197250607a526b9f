#!/usr/bin/env python3
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How quickly webhooks arrive, what a dead receiver costs the others, and whether a firehose of debits keeps up.

    export ASSISTIV_GATEWAY=… MOCK_PROVIDER=… BENCH_CLIENT=build/ci/bin/benchclient
    tests/e2e/webhookload.py [latency] [dead] [firehose] [--events N] [--rate R] [--seconds S]

Times belong to the machine, so none of them makes it fail; what does is a lost, doubled or untrue event, and a dead
receiver that slows the others down by more than a factor of two."""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

import harness
import hooks
from harness import Books, Checks, Gateway, Mock, message_of, wait_for
from hooks import Desk, Endpoint, quantile
from receiver import OK, SILENT, Receiver

ENDPOINTS = 10
DEAD_AMONG = 50
WORST_RATIO = 2.0
USERS = 20
MODEL = "mock-p25-c8"
TICKS = os.sysconf("SC_CLK_TCK")


class Bench(Checks):
    """One gateway with one platform, and the receiver."""

    def __init__(self, stack, options=()):
        self.receiver = stack.enter_context(Receiver())
        mock = stack.enter_context(Mock())
        database = stack.enter_context(harness.fresh_database())
        users = [harness.user(f"u{number}", 900_000) for number in range(USERS)]
        acme = harness.platform("acme", users, wallet_usd=900_000)
        self.gateway = Gateway(harness.bootstrap(mock, [MODEL], [acme]), database, [*hooks.OPEN, *options])
        stack.callback(self.gateway.remove)
        self.gateway.start()
        self.tenant = self.gateway.tenant("acme")
        self.server = stack.enter_context(self.tenant.client)
        self.desks = [Desk(self.tenant, self.server, f"u{number}") for number in range(USERS)]
        self.endpoints = []

    def add(self, name, answer=OK, **body):
        hook = self.receiver.hook(name, answer)
        made = self.server.post(self.tenant.path + "/webhook-endpoints", {"url": hook.url, **body})
        self.endpoints.append(Endpoint(self.server, self.tenant, made.expect_json(201, "webhooks.md"), hook))
        return self.endpoints[-1]

    def send(self, count, pause):
        """Top-ups at a steady pace: ledger row → when it was asked for."""
        sent = {}
        due = time.monotonic()
        for number in range(count):
            time.sleep(max(0, due - time.monotonic()))
            due += pause
            begun = time.time()
            row = self.desks[number % USERS].top_up(1)
            sent[f"{row['id']}:budget.topped_up"] = (begun, row)
        return sent

    def delays(self, endpoints, sent, seconds=60):
        """Seconds from request to arrival, of each event at each endpoint; each must have come, once and true."""
        found = []
        for endpoint in endpoints:
            wait_for(
                f"all events at {endpoint.hook.name}", lambda it=endpoint: len(it.hook.ids()) >= len(sent), seconds
            )
            came = endpoint.hook.by_event()
            self.equal(came.keys() ^ sent.keys(), set(), "webhooks.md, Events", "events that are missing or surplus")
            for event_id, (begun, row) in sent.items():
                first = came[event_id][0]
                self.equal(first.event, message_of(row, "budget.topped_up"), "webhooks.md, Payload", "payload")
                found.append(first.at - begun)
            self.equal(endpoint.hook.duplicates, 0, "webhooks.md", "duplicates")
        return found

    def clear(self):
        for endpoint in self.endpoints:
            endpoint.delete()
        self.endpoints.clear()

    @property
    def pid(self):
        return self.gateway.process.pid

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def show(what, delays):
    print(
        f"{what}: median {statistics.median(delays) * 1000:.1f} ms, p99 {quantile(delays, 0.99) * 1000:.1f} ms, "
        f"longest {max(delays) * 1000:.1f} ms, {len(delays)} arrivals",
        flush=True,
    )


# ---------------------------------------------------------------- (a)


def latency(stack, options):
    """From the mutating request to the arrival, a steady stream of top-ups and 10 endpoints."""
    bench = Bench(stack)
    for number in range(ENDPOINTS):
        bench.add(f"endpoint {number}")
    bench.delays(bench.endpoints, bench.send(20, 0.01))  # connections are made, code is warm
    for endpoint in bench.endpoints:
        endpoint.hook.forget()
    cpu = bench.cpu_seconds()
    delays = bench.delays(bench.endpoints, bench.send(options.events, 1 / options.pace))
    cpu = bench.cpu_seconds() - cpu
    show(f"latency, {options.events} events at {options.pace:.0f}/s to {ENDPOINTS} endpoints", delays)
    print(f"  {cpu / len(delays) * 1e6:.0f} µs of the gateway's processor time per delivery", flush=True)
    bench.gateway.finish()


# ---------------------------------------------------------------- (b)


def dead(stack, options):
    """50 endpoints, of which one never answers: what the other 49 notice."""
    bench = Bench(stack)
    events, pace = options.events // 5, options.pace / 5

    def measure(what):
        alive = [endpoint for endpoint in bench.endpoints if "dead" not in endpoint.hook.name]
        bench.delays(alive, bench.send(5, 0.05))
        for endpoint in alive:
            endpoint.hook.forget()
        delays = bench.delays(alive, bench.send(events, 1 / pace))
        show(f"{what}, {events} events at {pace:.0f}/s", delays)
        for endpoint in alive:
            endpoint.hook.forget()
        return quantile(delays, 0.99)

    for number in range(DEAD_AMONG - 1):
        bench.add(f"endpoint {number}")
    with_50 = bench.add("fiftieth")
    before = [measure("50 living ones"), measure("50 living ones again")]
    bench.endpoints.remove(with_50)
    with_50.delete()
    bench.add("dead", SILENT)
    after = [measure("49 beside a dead one"), measure("49 beside a dead one again")]
    ratio = statistics.mean(after) / statistics.mean(before)
    print(f"p99 of 49 beside a dead one : p99 of 50 living ones = {ratio:.2f}", flush=True)
    bench.receiver.drop_connections()
    bench.gateway.finish()
    if ratio > WORST_RATIO:
        sys.exit(f"expected a dead receiver to slow the others down by less than {WORST_RATIO}; came {ratio:.2f}")


# ---------------------------------------------------------------- (c)


class Sampler(threading.Thread):
    """Memory and backlog of the gateway, once a second."""

    def __init__(self, bench, endpoint):
        super().__init__(daemon=True)
        self.rows = []
        self._bench = bench
        self._endpoint = endpoint
        self._ended = threading.Event()

    def run(self):
        begun = time.monotonic()
        with self._bench.gateway.admin as admin:
            while not self._ended.wait(1):
                with contextlib.suppress(Exception):
                    status = admin.get("/v1/admin/status").json()
                    arrived = len(self._endpoint.hook.requests) if self._endpoint else 0
                    self.rows.append(
                        (time.monotonic() - begun, self._bench.memory_mib(), status.get("webhook_backlog"), arrived)
                    )

    def stop(self):
        self._ended.set()
        self.join()
        return self.rows


def benchclient(bench, options, **more):
    """Calls at a fixed rate, or as many as go through; what the load generator says of them."""
    program = os.environ.get("BENCH_CLIENT")
    if not program or not os.access(program, os.X_OK):
        sys.exit("BENCH_CLIENT must be the path of benchclient")
    key = bench.tenant.users["u0"]["end_user_key"]
    command = [program, "--port", bench.gateway.origin.rsplit(":", 1)[1], "--key", key, "--model", MODEL]
    for name, value in {"seconds": options.seconds, "warmup": 0, "connections": 64, **more}.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=600)
    result = json.loads(done.stdout)
    return result[0] if isinstance(result, list) else result


def firehose(stack, options):
    """Every debit of an inference load at a fixed rate is told to one endpoint."""
    bench = Bench(stack)
    plain = benchclient(bench, options, mode="closed", seconds=5)
    calm = benchclient(bench, options, mode="open", rate=options.rate, seconds=5)
    endpoint = bench.add("firehose", event_types=["budget.debited"])
    time.sleep(1)
    told = benchclient(bench, options, mode="closed", seconds=5)
    print(
        f"as many calls as go through: {plain['per_second']:.0f}/s untold, {told['per_second']:.0f}/s told "
        f"(× {told['per_second'] / plain['per_second']:.2f})",
        flush=True,
    )
    wait_for("the backlog to be told", lambda: not backlog(bench, endpoint), 900, 0.5)

    before = len(endpoint.hook.requests)
    sampler = Sampler(bench, endpoint)
    sampler.start()
    cpu, begun = bench.cpu_seconds(), time.monotonic()
    fixed = benchclient(bench, options, mode="open", rate=options.rate)
    ended = time.monotonic()
    left = backlog(bench, endpoint)
    in_time = len(endpoint.hook.requests) - before
    wait_for("the backlog to be told", lambda: not backlog(bench, endpoint), 900, 0.2)
    drained = time.monotonic() - ended
    rows = sampler.stop()
    cpu = bench.cpu_seconds() - cpu
    print(
        f"firehose: {fixed['requests']} calls in {ended - begun:.1f} s ({fixed['requests'] / (ended - begun):.0f}/s of "
        f"{options.rate}/s wanted), {in_time} told meanwhile ({in_time / (ended - begun):.0f}/s); backlog at the end "
        f"{left}, gone after {drained:.1f} s; "
        f"median {fixed['latency_us']['p50'] / 1000:.1f} ms, {calm['latency_us']['p50'] / 1000:.1f} ms untold; "
        f"processor {cpu / max(1, fixed['requests']) * 1e6:.0f} µs per call with its event",
        flush=True,
    )
    for second, memory, waiting, arrived in rows[:: max(1, len(rows) // 15)]:
        print(f"  {second:5.0f} s: {memory:6.0f} MiB, backlog {waiting}, {arrived} arrived", flush=True)

    rows = [row for row in bench.desks[0].ledger() if row["type"] == "debit"]
    wanted = {f"{row['id']}:budget.debited": row for row in rows}
    untold = plain["requests"] + calm["requests"]
    came = endpoint.hook.by_event()
    bench.equal(came.keys() - wanted.keys(), set(), "webhooks.md, Events", "events that the ledger does not know")
    # Calls before the subscription are told to nobody; how many there were only the client knows to the last one.
    missing = len(wanted) - len(came)
    bench.holds(missing <= untold + 64, f"at most {untold} debits untold", "webhooks.md, Events", missing)
    for event_id in list(came)[:: max(1, len(came) // 500)]:
        bench.equal(came[event_id][0].event, message_of(wanted[event_id], "budget.debited"), "webhooks.md", "payload")
    repeated = collections.Counter(len(requests) for requests in came.values())
    bench.equal(set(repeated), {1}, "webhooks.md", "times that each event came")
    Books.read(bench.tenant).reconcile()
    bench.gateway.finish()


def backlog(bench, endpoint):
    answer = bench.server.get(endpoint.path + "/deliveries", status="pending", limit=1)
    return answer.expect_json(200, "webhooks.md, GET deliveries")["total"]


PARTS = {"latency": latency, "dead": dead, "firehose": firehose}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", choices=[*PARTS, []], help=", ".join(PARTS))
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--pace", type=float, default=50, help="events per second, for latency")
    parser.add_argument("--rate", type=float, default=2000, help="calls per second, for the firehose")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    for part in options.parts or PARTS:
        with contextlib.ExitStack() as stack:
            PARTS[part](stack, options)


if __name__ == "__main__":
    main()
