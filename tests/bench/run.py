#!/usr/bin/env python3
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the gateway with a plain nginx in front of the same mock provider, on one machine, in one run. See README.md."""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

from processes import Failed, Gateway, Mock, Nginx, cost_per_call

HERE = pathlib.Path(__file__).resolve().parent
# Different sizes and usages, so that a mixed-up answer is noticed.
MODELS = ["mock-small-xa", "mock-p40-c12-k10-s60-xb", "mock-p31-c9-k0-s48-xc", "mock-p120-c10-k64-s40-xd"]


ADDED = "added µs at"
PROFILE_SECONDS = 5


class Settings:
    def __init__(self, quick):
        self.quick = quick
        self.rounds = 1 if quick else 6
        self.connections = 16 if quick else 64
        self.warmup = 0.1 if quick else 0.3
        self.load_seconds = 0.3 if quick else 1.5
        self.latency_seconds = 0.5 if quick else 3
        self.rate = 200
        self.streams = 100 if quick else 1000
        self.held_model = "mock-p30-c20-n10-g100" if quick else "mock-p30-c40-n40-g250"
        self.stream_starts_per_second = 400 if quick else 500


class Bench:
    """All runs against all targets, and what was wrong with any of them."""

    def __init__(self, client, settings):
        self.client_program = client
        self.settings = settings
        self.problems = []
        self.asked = {}  # target name → requests sent to it
        self.results = {}

    def client(self, targets, mode, stream, models, **options):
        """One run of the load generator; a result for each target."""
        command = [self.client_program, "--port", ",".join(str(target.port_for(stream)) for target in targets),
                   "--key", ",".join(target.key for target in targets), "--mode", mode, "--model", ",".join(models),
                   *(["--stream"] if stream else [])]
        for name, value in options.items():
            command += ["--" + name, value]
        cpu = [target.cpu_seconds() for target in targets]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, timeout=300, check=False)
        if done.returncode not in (0, 1):
            raise Failed(f"benchclient ended with code {done.returncode}")
        results = json.loads(done.stdout)
        results = results if isinstance(results, list) else [results]
        for target, result, before in zip(targets, results, cpu):
            result["proxy_cpu_seconds"] = target.cpu_seconds() - before
            self.asked[target.name] = self.asked.get(target.name, 0) + result["requests"]
            if result["wrong"]:
                self.problems.append(f"{target.name}, {mode}, {'streams' if stream else 'JSON'}: {result['wrong']} of {result['requests']} "
                                     f"wrong: {result['errors']} {result['examples']}")
        return results

    def record(self, what, target, value):
        self.results.setdefault(what, {}).setdefault(target.name, []).append(value)

    def load(self, targets):
        """As many requests as go through, JSON and streamed."""
        s = self.settings
        for number in range(s.rounds):
            for stream in (False, True):
                kind = "streams" if stream else "JSON"
                runs = {target.name: [] for target in targets}
                # A B B A, so that a machine that becomes slower or faster meanwhile favours nobody.
                for target in [*targets, *targets[::-1]] if number % 2 == 0 else [*targets[::-1], *targets]:
                    runs[target.name] += self.client([target], "closed", stream, MODELS, connections=s.connections,
                                                     seconds=s.load_seconds, warmup=s.warmup)
                for target in targets:
                    got = runs[target.name]
                    self.record(f"{kind} per second", target, statistics.mean(run["per_second"] for run in got))
                    self.record(f"CPU µs per request, {kind}", target, sum(run["proxy_cpu_seconds"] for run in got) * 1e6
                                / max(sum(run["requests"] for run in got), 1))

    def latency(self, direct, targets):
        """What a request costs in time when there is little to do: all targets are asked in turn by the same client."""
        s = self.settings
        for _ in range(s.rounds):
            for stream in (False, True):
                base, *answers = self.client([direct, *targets], "open", stream, MODELS, connections=64, rate=s.rate,
                                             seconds=s.latency_seconds, warmup=s.warmup)
                for what, name in (("latency_us", "JSON"), ("first_byte_us", "stream, first byte"), ("latency_us", "stream, last byte")):
                    if (name != "JSON") != stream:
                        continue
                    for quantile in ("p50", "p99"):
                        for target, got in zip(targets, answers):
                            if got[what] and base[what]:
                                self.record(f"{ADDED} {s.rate}/s, {name}, {quantile}", target, got[what][quantile] - base[what][quantile])

    def hold(self, target):
        """Many slow streams at once; each must arrive whole."""
        s = self.settings
        most = 0.0
        cpu = target.cpu_seconds()
        command = [self.client_program, "--port", target.port_for(True), "--key", target.key, "--mode", "hold", "--model", s.held_model,
                   "--connections", s.streams, "--rate", s.stream_starts_per_second]
        running = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        while running.poll() is None:
            most = max(most, target.memory_mib())
            time.sleep(0.2)
        with running.stdout as output:
            got = json.loads(output.read())
        self.asked[target.name] = self.asked.get(target.name, 0) + got["requests"]
        if got["right"] != s.streams or got["wrong"]:
            self.problems.append(f"{target.name}: {s.streams - got['right']} of {s.streams} held streams lost: {got['errors']} {got['examples']}")
        self.record("held streams that arrived whole", target, got["right"])
        self.record("held streams at once", target, got["most_at_once"])
        self.record("held streams, CPU s per 1000", target, (target.cpu_seconds() - cpu) * 1000 / s.streams)
        self.record("held streams, pause p99 ms", target, (got["gap_us"] or {}).get("p99", 0) / 1000)
        self.record("memory MiB while holding", target, most)

    def check_upstream(self, mock, names):
        """Every request was one call at the mock, and all of them were answered."""
        stats = mock.stats()
        sent = sum(self.asked.get(name, 0) for name in names)
        if (stats["requests"], stats["completed"]) != (sent, sent):
            self.problems.append(f"{' and '.join(names)}: {sent} requests sent, but the mock had {stats['requests']} calls, "
                                 f"{stats['completed']} of them completed, {stats['aborted']} aborted")
        return stats

    def check_books(self, gateway, stats):
        """Every call at the mock is in the log, in the wallet and in the ledger, at its price."""
        calls = stats["completed"]
        usd = sum((cost_per_call(model) * entry["completed"] for model, entry in stats["by_model"].items()), Decimal(0))
        right = {"log rows": calls, "log rows of success": calls, "wallet debits": calls, "ledger debits": calls,
                 "USD from the wallet": usd, "USD from the budget": usd}
        for _ in range(100):
            books = gateway.books()
            if books == right:
                break
            time.sleep(0.1)  # what clients left behind may be settled a little later
        else:
            self.problems.append(f"the books do not match the mock's {calls} calls of USD {usd}: "
                                 + ", ".join(f"{name} {books[name]} instead of {right[name]}" for name in right if books[name] != right[name]))
        return {"calls": calls, **{name: str(value) for name, value in books.items()}}


def median(values):
    return statistics.median(values) if values else None


def compare(what, first, second):
    """Second against first, round by round: a ratio, or the difference where the values are differences already."""
    if what.startswith(ADDED):
        return [y - x for x, y in zip(first, second)], "{:+,.0f}"
    return [y / x for x, y in zip(first, second) if x > 0], "× {:.2f}"


def show(results, first, second):
    """The table: medians of the rounds, then the median, least and most of what the rounds say about second : first."""
    lines = [f"{'':42} {first:>12} {second:>12} {second + ' : ' + first:>20}   least … most of a round"]
    for what, by_target in results.items():
        a, b = by_target.get(first, []), by_target.get(second, [])
        cells = [f"{median(values):12,.1f}" if values else f"{'–':>12}" for values in (a, b)]
        compared, form = compare(what, a, b)
        middle = form.format(median(compared)) if compared else "–"
        spread = f"{form.format(min(compared))} … {form.format(max(compared))}" if len(compared) > 1 else ""
        lines.append(f"{what:42} {cells[0]} {cells[1]} {middle:>20}   {spread}")
    return "\n".join(lines)


@contextlib.contextmanager
def profiled(target, file, seconds):
    """perf over the target while the block runs."""
    perf = shutil.which("perf")
    if not perf:
        print("perf is not installed: no profile", file=sys.stderr)
        yield
        return
    recording = subprocess.Popen([perf, "record", "-q", "-F", "499", "--call-graph", "dwarf,8192", "-o", file,
                                  "-p", ",".join(map(str, target.pids())), "--", "sleep", str(seconds)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield
    recording.wait()
    report = subprocess.run([perf, "report", "--stdio", "--no-children", "-g", "none", "--percent-limit", "0.7", "-i", file],
                            capture_output=True, text=True, check=False)
    print("\n".join(line for line in report.stdout.splitlines() if line.strip() and not line.startswith("#")))
    print(f"Profile: perf report -i {file}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", help="the assistiv-gateway program; without it a second nginx stands in, which shows the noise")
    parser.add_argument("--gateway-option", action="append", default=[], help="passed on to the gateway, e.g. --gateway-option=--workers=2")
    parser.add_argument("--mock", default=os.environ.get("MOCK_PROVIDER"), help="the mockprovider program (or MOCK_PROVIDER)")
    parser.add_argument("--client", default=os.environ.get("BENCH_CLIENT"), help="the benchclient program (or BENCH_CLIENT)")
    parser.add_argument("--json", default="bench-result.json", help="where the numbers go")
    parser.add_argument("--work-dir", help="where the programs keep their files (default: a temporary folder)")
    parser.add_argument("--quick", action="store_true", help="a few seconds, only to see that all answers and books are right")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--streams", type=int, help="held at once")
    parser.add_argument("--only", choices=("load", "latency", "hold"), help="one part of it")
    parser.add_argument("--profile", metavar="FILE", help="after the rounds, perf over the gateway under JSON load")
    arguments = parser.parse_args()
    for name in ("mock", "client"):
        if not getattr(arguments, name) or not os.access(getattr(arguments, name), os.X_OK):
            parser.error(f"--{name} must be the path of the built program")
    return arguments


def measure(bench, arguments, folder, stack):
    settings = bench.settings
    nginx_program = shutil.which("nginx") or (os.access("/usr/sbin/nginx", os.X_OK) and "/usr/sbin/nginx") or None
    targets = []
    direct = stack.enter_context(Mock(arguments.mock))
    plain = [direct.name]
    if nginx_program:
        targets.append(stack.enter_context(Nginx(direct, folder, nginx_program)))
        plain.append(targets[-1].name)
    else:
        print("nginx is not installed: the gateway is measured alone", file=sys.stderr)
    gateway = own_mock = None
    if arguments.gateway:
        # Its own mock, so that the calls of its books can be told from the others.
        own_mock = stack.enter_context(Mock(arguments.mock))
        gateway = stack.enter_context(Gateway(arguments.gateway, own_mock, [*MODELS, settings.held_model], folder,
                                              arguments.gateway_option))
        targets.append(gateway)
    elif nginx_program:
        targets.append(stack.enter_context(Nginx(direct, folder, nginx_program, "nginx-2")))
        plain.append(targets[-1].name)

    for target in targets:
        bench.record("memory MiB at the start", target, target.memory_mib())
    if arguments.only in (None, "load"):
        got = bench.client([direct], "closed", False, MODELS, connections=settings.connections, seconds=settings.load_seconds)
        bench.record("JSON per second without a proxy", direct, got[0]["per_second"])
        bench.load(targets)
    if arguments.only in (None, "latency"):
        bench.latency(direct, targets)
    if arguments.only in (None, "hold"):
        for target in targets:
            bench.hold(target)
    for target in targets:
        bench.record("memory MiB at the end", target, target.memory_mib())
    if arguments.profile and gateway:
        with profiled(gateway, arguments.profile, PROFILE_SECONDS):
            bench.client([gateway], "closed", False, MODELS, connections=settings.connections, seconds=PROFILE_SECONDS + 1)

    bench.check_upstream(direct, plain)
    books = None
    if gateway:
        books = bench.check_books(gateway, bench.check_upstream(own_mock, [gateway.name]))
        gateway.stop()
        if gateway.process.returncode != 0:
            bench.problems.append(f"the gateway ended with code {gateway.process.returncode}: {gateway.output()}")
        elif problem := gateway.verify():
            bench.problems.append(problem)
    return targets, books


def main():
    arguments = parse_arguments()
    settings = Settings(arguments.quick)
    settings.rounds = arguments.rounds or settings.rounds
    settings.streams = arguments.streams or settings.streams
    if arguments.seconds:
        settings.load_seconds = settings.latency_seconds = arguments.seconds
    bench = Bench(arguments.client, settings)
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "load_before": os.getloadavg()[0]}
    begin = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.work_dir))
            targets, books = measure(bench, arguments, folder, stack)
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")

    names = [target.name for target in targets] + [""]
    print(f"{settings.rounds} rounds, {settings.connections} connections, {machine['cores']} cores, load before {machine['load_before']:.2f}, "
          f"{time.monotonic() - begin:.0f} s\n")
    print(show({what: values for what, values in bench.results.items() if "direct" not in values}, names[0], names[1]))
    for what, values in bench.results.items():
        if "direct" in values:
            print(f"{what}: {median(values['direct']):,.0f}")
    if books:
        print("Books: " + ", ".join(f"{name} {value}" for name, value in books.items()))
    pathlib.Path(arguments.json).write_text(json.dumps(
        {"machine": machine, "settings": vars(settings), "results": bench.results,
         "medians": {what: {name: median(values) for name, values in by.items()} for what, by in bench.results.items()},
         "compared": {what: median(compare(what, by.get(names[0], []), by.get(names[1], []))[0]) for what, by in bench.results.items()},
         "requests": bench.asked, "books": books, "problems": bench.problems}, indent=1) + "\n", encoding="utf-8")
    if bench.problems:
        print("\nWRONG:\n" + "\n".join(bench.problems))
        sys.exit(1)
    print("\nAll answers were right, no stream was lost" + (", and the books match." if books else "."))


if __name__ == "__main__":
    main()
