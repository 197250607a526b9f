# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real gateway and the mock provider as processes, and the books of a tenant as the API shows them."""

import atexit
import base64
import contextlib
import csv
import dataclasses
import functools
import io
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from decimal import Decimal

import pgcluster
from rawhttp import Client, Connection, Disconnected, Response, parse_json  # noqa: F401 (for the tests)

START_SECONDS = 60
STOP_SECONDS = 45  # calls get 30 s to end, settling 10 s
UPSTREAM_KEY = "sk-upstream-" + secrets.token_hex(16)
MICRO = Decimal("0.000001")
RAW_KEY = re.compile(r"sk-(?:plat|eu|admin)_[0-9a-f]{64}")
FIRST = object()  # "at the first start only"


# ---------------------------------------------------------------- programs


def program(variable):
    """Path of a program under test, from the environment (ctest sets it)."""
    path = os.environ.get(variable)
    if not path or not os.access(path, os.X_OK):
        sys.exit(f"{variable} must be the path of the built program; it is {path!r}")
    return path


def clean_environment():
    """The environment without settings of a gateway, which reads every option from ASSISTIV_*."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ASSISTIV_")}


def with_parent(command):
    """The command, ended by the kernel when this process dies in whatever way."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command


def wait_for(what, condition, seconds=10, pause=0.01):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"expected within {seconds} s: {what}")
        time.sleep(pause)


def at_once(count, work):
    """Results of work(0) … work(count - 1), all released together; raises the first failure."""
    results, failures, gate = [None] * count, [], threading.Barrier(count)

    def run(number):
        try:
            gate.wait(30)
            results[number] = work(number)
        except BaseException as error:  # noqa: BLE001 (a thread has nobody else to tell)
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 100
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    if failures:
        raise failures[0]
    if any(thread.is_alive() for thread in threads):
        raise AssertionError(f"expected {count} calls at once to end within 100 s; some are still running")
    return results


class Mock:
    """The mock provider; what a call does is chosen by its model name, see tests/mock/README.md."""

    def __init__(self):
        self._process = None
        self.origin = None
        self.client = None

    def __enter__(self):
        self._process = subprocess.Popen(
            with_parent([program("MOCK_PROVIDER"), "--port", "0"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._process.stdout.readline()
        found = re.search(r"http://[\d.]+:\d+", line)
        if not found:
            raise AssertionError(f"expected the mock's address on its first line of output; came {line!r}")
        self.origin = found.group()
        self.client = Client(self.origin)
        return self

    def __exit__(self, *_):
        if self.client:
            self.client.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def base_url(self):
        return self.origin + "/v1"

    def stats(self):
        return self.client.get("/__stats").json()

    def count(self):
        """Calls whose whole body has arrived here."""
        return self.stats()["requests"]

    def running(self):
        return self.stats()["running"]

    def calls(self, since=1):
        return self.client.get("/__calls", since=since).json()["calls"]

    def reset(self):
        self.client.post("/__reset")

    def last_body(self):
        return base64.b64decode(self.client.get("/__last").json()["body_base64"]).decode()

    def last_headers(self):
        return {name.lower(): value for name, value in self.client.get("/__last").json()["headers"]}


class Gateway:
    """One installation: a data directory, a database, and the process when it runs."""

    def __init__(self, bootstrap=None, database=None, options=(), data_dir=None):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="ag-e2e-"))
        self.data_dir = data_dir or self._folder / "data"
        self.ready_file = self._folder / "ready.json"
        self.bootstrap_out = self._folder / "out.json"
        self.output_file = self._folder / "output.txt"
        self.database = database
        self.secrets = {UPSTREAM_KEY}
        self.origin = None
        self.result = None  # content of the newest --bootstrap-out
        self.admin_key = None
        self.process = None
        self.start_seconds = None  # of the newest start, from exec to an answered /health
        self._said = ""
        self.document = bootstrap
        self._launched_at = None
        self._awaits_result = False
        self.options = list(options)

    @property
    def storage(self):
        """The options that say where this installation keeps its data."""
        return ["--data-dir", str(self.data_dir), *(["--database", self.database] if self.database else [])]

    def command(self, *args):
        return with_parent([program("ASSISTIV_GATEWAY"), *args])

    def run(self, *args, env=None, timeout=60):
        """A command of the program that ends by itself."""
        return subprocess.run(
            self.command(*args),
            env=env or clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, bootstrap=FIRST, storage=None, listen="127.0.0.1:0", options=(), env=None):
        """Starts it, waits for the ready file. Its own document is applied at the first start only."""
        if bootstrap is FIRST:
            bootstrap = self.document if self.result is None else None
        self.launch(bootstrap, storage, listen, options, env)
        return self.wait_until_ready()

    def launch(self, bootstrap=None, storage=None, listen="127.0.0.1:0", options=(), env=None):
        """Starts the process and waits for nothing."""
        self._launched_at = time.monotonic()
        args = [
            "--headless",
            *(self.storage if storage is None else storage),
            "--listen",
            listen,
            "--ready-file",
            str(self.ready_file),
            *self.options,
            *options,
        ]
        self._awaits_result = bool(bootstrap)
        if bootstrap:
            file = self._folder / "bootstrap.json"
            file.write_text(json.dumps(bootstrap), encoding="utf-8")
            self.bootstrap_out.unlink(missing_ok=True)
            args += ["--bootstrap", str(file), "--bootstrap-out", str(self.bootstrap_out)]
        with open(self.output_file, "ab") as output:
            self.process = subprocess.Popen(
                self.command(*args),
                env={**clean_environment(), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait_until_ready(self):
        """The second half of start(): several that were launched get ready at the same time."""
        self.origin = wait_for("the ready file of the gateway (headless-and-admin.md 1)", self._ready, START_SECONDS)[
            "origin"
        ]
        with self.client() as client:
            client.get("/health").expect(200, "headless-and-admin.md 1, --ready-file")
        self.start_seconds = time.monotonic() - self._launched_at
        if self._awaits_result:
            self.result = json.loads(self.bootstrap_out.read_text(encoding="utf-8"))
            self.secrets |= set(RAW_KEY.findall(json.dumps(self.result)))
            self.admin_key = self.result.get("admin_key") or self.admin_key
        return self

    def recover_keys(self):
        """Makes anew the keys that a first start, ended before it could write them down, took to its grave."""
        if not self.admin_key:
            made = self.run("admin-key", *self.storage)
            if made.returncode != 0:
                raise AssertionError(f"expected `admin-key` to make a key; it said {made.stdout}{made.stderr}")
            self.admin_key = made.stdout.strip()
            self.secrets.add(self.admin_key)
        rule = "headless-and-admin.md 2, raw keys can never be read again"
        for entry in self.result["platforms"]:
            if not entry["platform_key"]:
                with self.admin as admin:
                    made = admin.post(f"/v1/admin/platforms/{entry['id']}/api-keys", {"name": "found again"})
                    entry["platform_key"] = self.remember(made.expect_json(201, rule))
            for end_user in entry["end_users"]:
                if not end_user["end_user_key"]:
                    with self.client(entry["platform_key"]) as client:
                        path = f"/v1/platforms/{entry['id']}/end-users/{end_user['id']}/api-keys"
                        end_user["end_user_key"] = self.remember(client.post(path, {}).expect_json(201, rule))
        return self

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"expected the gateway to run; it ended with code {self.process.returncode}:\n{self.output()}"
            )
        with contextlib.suppress(OSError, ValueError):
            ready = json.loads(self.ready_file.read_text(encoding="utf-8"))
            if ready["pid"] == self.process.pid:
                return ready
        return None

    def output(self):
        """Everything it has said on standard output and error, also after remove()."""
        if self.output_file.exists():
            self._said = self.output_file.read_text(encoding="utf-8", errors="replace")
        return self._said

    def stop(self):
        """SIGTERM and the orderly end it must lead to."""
        self.process.send_signal(signal.SIGTERM)
        self.wait_for_end()

    def wait_for_end(self):
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(
                f"expected the gateway to end within {STOP_SECONDS} s of SIGTERM (architecture.md, Shutdown); "
                f"it did not:\n{self.output()[-4000:]}"
            ) from None
        if code != 0:
            raise AssertionError(
                f"expected exit code 0 after SIGTERM by headless-and-admin.md 1; came {code}:\n"
                f"{self.output()[-4000:]}"
            )
        if self.ready_file.exists():
            raise AssertionError(
                "expected the ready file to be gone at the end by headless-and-admin.md 1; it is there"
            )

    def kill(self):
        """SIGKILL: what a power cut leaves behind."""
        self.process.kill()
        self.process.wait()

    def verify(self):
        """The program's own check of every balance."""
        check = self.run("verify", *self.storage)
        if check.returncode != 0:
            raise AssertionError(
                f"expected `verify` to exit 0 by headless-and-admin.md 1; came {check.returncode}:\n"
                f"{check.stdout}{check.stderr}"
            )

    def sql(self, statement):
        """Changes the database behind the program's back, as a restored file or a careless hand would."""
        if self.database:
            command = [pgcluster.tool("psql"), self.database, "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]
            subprocess.run(command, check=True)
            return
        file = self.data_dir / "gateway.db"
        with contextlib.closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
            connection.execute(statement)

    def check_output(self):
        """No key of anybody in what the program said."""
        said = self.output()
        leaked = [secret[:16] + "…" for secret in self.secrets if secret in said]
        if leaked:
            lines = [line for line in said.splitlines() if any(secret in line for secret in self.secrets)]
            raise AssertionError(
                f"expected no secret in the log (docs/contributing.md); came {leaked} in:\n" + "\n".join(lines[:5])
            )

    def finish(self):
        """What must hold at the end of every test: an orderly stop, correct books, a discreet log."""
        if self.process.poll() is None:
            self.stop()
        elif self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(
                f"expected the gateway to run until it is stopped; it ended with code "
                f"{self.process.returncode}:\n{self.output()[-4000:]}"
            )
        self.verify()
        self.check_output()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.output()
        if os.environ.get("E2E_KEEP"):
            print(f"kept: {self._folder}", file=sys.stderr)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    # -------- who talks to it

    def client(self, key=None, timeout=30):
        return Client(self.origin, key, timeout)

    @property
    def admin(self):
        return self.client(self.admin_key)

    def wait_until_quiet(self):
        """No call runs any more: those whose clients have left are settled, too."""

        def is_quiet():
            with self.admin as admin:
                status = admin.get("/v1/admin/status").expect_json(200, "headless-and-admin.md 3")
            return (status["calls_in_flight"], status["writer_queue"]) == (0, 0)

        wait_for("no call in flight, by /v1/admin/status", is_quiet)

    def tenant(self, slug):
        for platform in self.result["platforms"]:
            if platform["slug"] == slug:
                return Tenant(self, platform)
        raise AssertionError(
            f"expected platform {slug!r} in the bootstrap output by headless-and-admin.md 2; " f"came {self.result}"
        )

    # -------- what only its database and its clock can tell

    def query(self, sql):
        """Rows of a query on its database, opened read-only; a row is a dict."""
        if self.database:
            read_only = {**os.environ, "PGOPTIONS": "-c default_transaction_read_only=on"}
            done = subprocess.run(
                [pgcluster.tool("psql"), self.database, "--no-psqlrc", "--quiet", "--csv", "--command", sql],
                env=read_only,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise AssertionError(f"expected the database to answer {sql!r}; it said {done.stderr!r}")
            return list(csv.DictReader(io.StringIO(done.stdout)))
        file = f"file:{self.data_dir / 'gateway.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, timeout=10, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]

    def outbox(self, end_user_id):
        """The webhook messages about a user in the order in which they were written, with their payloads as values."""
        columns = "seq, id, platform_id, end_user_id, event_type, event_id, payload, created_at"
        rows = self.query(f"SELECT {columns} FROM webhook_messages WHERE end_user_id = '{end_user_id}' ORDER BY seq")
        return [{**row, "payload": parse_json(row["payload"])} for row in rows]

    def set_clock(self, **to):
        """Moves the clock of a gateway that runs with --test-clock: `advance_seconds` or `now`."""
        with self.admin as admin:
            response = admin.post("/v1/admin/test-clock", to)
        if response.status not in (200, 204):
            raise AssertionError(f"expected --test-clock to let the clock be set; came: {response.describe()}")

    def remember(self, created):
        """The raw key of a created key object, from now on a secret that must not be logged."""
        self.secrets.add(created["raw_key"])
        return created["raw_key"]


class Tenant:
    """One platform of a gateway, with the keys the bootstrap made."""

    def __init__(self, gateway, platform):
        self.gateway = gateway
        self.id = platform["id"]
        self.key = platform["platform_key"]
        self.users = {user["external_id"]: user for user in platform.get("end_users", [])}
        self.path = f"/v1/platforms/{self.id}"

    def adopt(self, earlier):
        """This tenant with the raw keys of an earlier start, which are shown only once."""
        self.key = self.key or earlier.key
        for external_id, entry in self.users.items():
            known = earlier.users.get(external_id, {})
            entry["end_user_key"] = entry["end_user_key"] or known.get("end_user_key")
        return self

    @property
    def client(self):
        return self.gateway.client(self.key)

    def user_client(self, external_id, timeout=30):
        return self.gateway.client(self.users[external_id]["end_user_key"], timeout)

    def user_path(self, external_id):
        return f"{self.path}/end-users/{self.users[external_id]['id']}"


# ---------------------------------------------------------------- what is set up


@dataclasses.dataclass(frozen=True)
class Price:
    """USD per million tokens, as in the bootstrap file."""

    input: str = "0.15"
    cached: str = "0.075"
    output: str = "0.60"

    def cost(self, prompt, completion, cached=0, markup=0):
        """What a call with these token counts costs: pico-dollar integers, one rounding half up, never free."""

        def per_token(price):
            return int(Decimal(price).scaleb(6))

        picos = (
            (prompt - cached) * per_token(self.input)
            + cached * per_token(self.cached)
            + completion * per_token(self.output)
        )
        picos = picos * (100 + markup) // 100
        micros = (picos + 500_000) // 1_000_000
        return MICRO * (1 if picos > 0 and micros == 0 else micros)


PRICE = Price()
PRICES = {"sandbox-echo": Price("0.15", "0.15", "0.60")}  # by model slug
COST_RULE = "llm-configs-and-models.md, Prices and cost"


def model(slug, price=PRICE, mapping=None, **members):
    """A model of the bootstrap file; mapped to the mock's model of that name where `mapping` says nothing else."""
    PRICES[slug] = price
    return {
        "slug": slug,
        "display_name": slug,
        **members,
        "mappings": [
            {
                "provider": "mock",
                "provider_model_id": slug,
                "priority": 10,
                "input_usd_per_mtok": price.input,
                "cached_input_usd_per_mtok": price.cached,
                "output_usd_per_mtok": price.output,
                **(mapping or {}),
            }
        ],
    }


def user(external_id, max_usd=None, **members):
    budget = {} if max_usd is None else {"budget": {"max_usd": max_usd, "period": "one_time"}}
    return {"external_id": external_id, **budget, **members}


def platform(slug, users=(), wallet_usd=100, **members):
    return {
        "slug": slug,
        "name": slug.title(),
        "keys": [{"name": "test"}],
        "wallet_usd": wallet_usd,
        "llm_configs": [{"provider": "mock", "api_key": UPSTREAM_KEY}],
        "end_users": list(users),
        **members,
    }


def provider(mock, slug="mock", kind="openai", base="/v1"):
    """The mock as a provider of that kind."""
    url = mock.origin + base
    return {"slug": slug, "kind": kind, "name": slug.title(), "base_url": url, "allow_private_address": True}


def bootstrap(mock, models, platforms, providers=()):
    """providers: slug, kind and base path of what the mock is besides."""
    return {
        "providers": [provider(mock), *(provider(mock, *more) for more in providers)],
        "models": [entry if isinstance(entry, dict) else model(entry) for entry in models],
        "platforms": list(platforms),
    }


def chat_body(model_name, text="Say hello.", **members):
    return {"model": model_name, "messages": [{"role": "user", "content": text}], **members}


# ---------------------------------------------------------------- the mock's models (the name is the behaviour)


@dataclasses.dataclass(frozen=True)
class Answer:
    """A good answer of the mock: the model's name and the usage it reports."""

    name: str
    prompt: int
    completion: int
    cached: int = 0

    @property
    def cost(self):
        return PRICE.cost(self.prompt, self.completion, self.cached)


@dataclasses.dataclass(frozen=True)
class Fault:
    """A failure before the first byte, and what the gateway's client must get for it."""

    name: str
    status: int
    code: str
    retry_after: str = None


PLAIN = Answer("mock-p25-c8", 25, 8)  # costs 8.55 micro-dollars: the rounding shows
CACHED = Answer("mock-p1000-k400-c100", 1000, 100, 400)
SLOW = Answer("mock-p50-c20-n20-g100", 50, 20)
ABORTED = Answer("mock-p30-c60-n60-g20", 30, 60)
NO_USAGE = Answer("mock-s40-fault-nousage", 0, 0)
BILLED = (
    PLAIN,
    CACHED,
    Answer("mock-p7-c3-n5-g5-d20", 7, 3),
    Answer("mock-p1-c1", 1, 1),
    Answer("mock-p999-c50-r10-u", 999, 50),
    Answer("mock-p123456-c4096-n20-w700", 123456, 4096),
    Answer("mock-p70-c30-fault-nodone", 70, 30),
)
FAULTS = (
    Fault("mock-fault-400", 400, "invalid_request"),
    Fault("mock-fault-422", 400, "invalid_request"),
    Fault("mock-fault-context", 400, "context_length_exceeded"),
    Fault("mock-fault-413", 413, "payload_too_large"),
    Fault("mock-fault-401key", 502, "provider_auth_failed"),
    Fault("mock-fault-403", 502, "provider_auth_failed"),
    Fault("mock-fault-402", 502, "provider_auth_failed"),
    Fault("mock-fault-quota", 502, "provider_auth_failed"),
    Fault("mock-fault-404", 502, "provider_error"),
    Fault("mock-fault-409", 502, "provider_error"),
    Fault("mock-fault-429ra7", 503, "provider_rate_limited", "7"),
    Fault("mock-fault-429rams1500", 503, "provider_rate_limited", "2"),
    Fault("mock-fault-500", 502, "provider_error"),
    Fault("mock-fault-502", 502, "provider_error"),
    Fault("mock-fault-503ra3", 503, "provider_error", "3"),
    Fault("mock-fault-529ra4", 503, "provider_error", "4"),
    Fault("mock-fault-408", 504, "provider_timeout"),
    Fault("mock-fault-504", 504, "provider_timeout"),
    Fault("mock-fault-redirect", 502, "provider_error"),
    Fault("mock-fault-html", 502, "provider_error"),
    Fault("mock-fault-empty", 502, "provider_error"),
    Fault("mock-fault-halfjson", 502, "provider_error"),
    Fault("mock-fault-reset", 502, "provider_error"),
    Fault("mock-fault-close", 502, "provider_error"),
)
QUICK_FAULTS = tuple(fault for fault in FAULTS if fault.status >= 500)
BROKEN_STREAMS = tuple(f"mock-n6-g5-fault-{how}" for how in ("cut", "resetmid", "cutclean", "errorframe", "badframe"))
TOOLS = "mock-tools"  # two parallel calls
CALL = "mock-call"  # one call of the function the prompt names with `call:<name> {json}`, text after its result
MODELS = tuple(
    model(name)
    for name in (
        *(answer.name for answer in BILLED),
        SLOW.name,
        ABORTED.name,
        NO_USAGE.name,
        TOOLS,
        CALL,
        *(fault.name for fault in FAULTS),
        *BROKEN_STREAMS,
    )
)


# ---------------------------------------------------------------- databases


@functools.cache
def postgres():
    """The one PostgreSQL server of this process."""
    open_until_exit = contextlib.ExitStack()
    atexit.register(open_until_exit.close)
    return open_until_exit.enter_context(pgcluster.server())


@contextlib.contextmanager
def fresh_database():
    """None for SQLite, or the URL of a new PostgreSQL database, by E2E_DATABASE."""
    kind = os.environ.get("E2E_DATABASE", "sqlite")
    if kind == "sqlite":
        yield None
    elif kind == "postgresql":
        with postgres().database() as url:
            yield url
    else:
        sys.exit(f"E2E_DATABASE must be sqlite or postgresql; it is {kind!r}")


# ---------------------------------------------------------------- shapes and comparisons


def is_uuid(value):
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        return str(uuid.UUID(value)) == value
    return False


def is_time(value):
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value) is not None


def is_number(value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def is_money(value):
    """A JSON number with at most 6 decimals."""
    return is_number(value) and value == Decimal(value).quantize(MICRO)


def optional(check):
    return lambda value: value is None or matches(value, check)


def one_of(*values):
    return lambda value: value in values


def matches(value, check):
    """A type, a function, a dict (exactly these members) or a list of one check (each element)."""
    if isinstance(check, dict):
        return (
            isinstance(value, dict)
            and value.keys() == check.keys()
            and all(matches(value[name], inner) for name, inner in check.items())
        )
    if isinstance(check, list):
        return isinstance(value, list) and all(matches(element, check[0]) for element in value)
    if isinstance(check, type):
        return isinstance(value, check) and (check is bool or not isinstance(value, bool))
    return bool(check(value))


def at_least(shape, *may):
    """Exactly these members, and possibly those."""
    return lambda value: (
        isinstance(value, dict)
        and shape.keys() <= value.keys() <= shape.keys() | set(may)
        and all(matches(value[name], check) for name, check in shape.items())
    )


class Checks:
    """Assertions that name the rule of the contract."""

    def equal(self, came, expected, rule, what="the value"):
        if came != expected:
            raise AssertionError(f"{what}: expected {expected!r} by {rule}; came {came!r}")

    def holds(self, condition, expected, rule, came=None):
        if not condition:
            raise AssertionError(f"expected {expected} by {rule}; came {came!r}")

    def shape(self, value, shape, rule, absent=()):
        """Every member of `shape` is there with a value of its kind, and none of `absent`."""
        wrong = [
            f"{name}: missing" if name not in value else f"{name}: {value[name]!r}"
            for name, check in shape.items()
            if name not in value or not matches(value[name], check)
        ]
        wrong += [f"{name}: must not be shown" for name in absent if name in value]
        if wrong:
            raise AssertionError(f"expected an object as in {rule}; wrong members: {'; '.join(wrong)}; came {value!r}")

    def exact(self, value, shape, rule, may=()):
        """The members of `shape`, each of its kind, and no others but those of `may`."""
        self.holds(isinstance(value, dict), "an object", rule, value)
        self.shape(value, shape, rule, absent=sorted(value.keys() - shape.keys() - set(may)))


KEY = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "end_user_id": optional(is_uuid),
    "type": one_of("platform", "end_user"),
    "key_prefix": str,
    "name": str,
    "scopes": list,
    "is_active": bool,
    "last_used_at": optional(is_time),
    "expires_at": optional(is_time),
    "created_at": is_time,
}
PLATFORM = {
    "id": is_uuid,
    "name": str,
    "slug": str,
    "is_active": bool,
    "settings": dict,
    "created_at": is_time,
    "updated_at": is_time,
}
END_USER = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "external_id": str,
    "display_name": optional(str),
    "metadata": dict,
    "is_active": bool,
    "created_at": is_time,
    "updated_at": is_time,
}
LLM_CONFIG = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "provider_id": is_uuid,
    "provider": str,
    "key_hint": str,
    "is_default": bool,
    "is_active": bool,
    "created_at": is_time,
    "updated_at": is_time,
}
PROVIDER = {"id": is_uuid, "slug": str, "name": str, "kind": str, "is_enabled": bool, "created_at": is_time}
MODEL = {
    "id": is_uuid,
    "slug": str,
    "display_name": str,
    "is_enabled": bool,
    "context_window": optional(int),
    "max_output_tokens": optional(int),
    "capabilities": [str],
    "providers": list,
}
WALLET = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "balance": is_money,
    "currency": one_of("usd"),
    "low_balance_threshold": optional(is_money),
    "is_active": bool,
    "created_at": is_time,
    "updated_at": is_time,
    "recent_transactions": list,
}
WALLET_ROW = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "wallet_id": is_uuid,
    "type": one_of("top_up", "llm_usage", "mcp_usage", "agent_usage", "refund", "adjustment"),
    "amount": is_money,
    "balance_after": is_money,
    "description": str,
    "reference": optional(str),
    "metadata": dict,
    "created_at": is_time,
}
BUDGET = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "end_user_id": is_uuid,
    "max_usd": is_money,
    "used_usd": is_money,
    "remaining_usd": is_money,
    "period": one_of("one_time", "daily", "monthly"),
    "period_start": is_time,
    "auto_replenish": bool,
    "replenish_amount": optional(is_money),
    "low_balance_threshold": optional(is_money),
    "is_active": bool,
    "is_suspended": bool,
    "created_at": is_time,
    "updated_at": is_time,
}
LEDGER_ROW = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "end_user_id": is_uuid,
    "budget_id": is_uuid,
    "type": one_of("opening", "topup", "debit", "adjustment"),
    "source": one_of("api", "console", "inference", "mcp", "system"),
    "amount_usd": is_money,
    "max_usd_after": is_money,
    "used_usd_after": is_money,
    "remaining_usd_after": is_money,
    "reason": optional(str),
    "metadata": dict,
    "idempotency_key": optional(str),
    "created_at": is_time,
}
LOG = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "end_user_id": optional(is_uuid),
    "request_type": one_of("chat.completion", "response", "agent", "mcp_tool"),
    "provider_id": optional(is_uuid),
    "model_id": optional(is_uuid),
    "provider_model_id": optional(str),
    "prompt_tokens": int,
    "completion_tokens": int,
    "total_tokens": int,
    "latency_ms": int,
    "estimated_cost_usd": lambda value: isinstance(value, str) and re.fullmatch(r"\d+\.\d{6}", value),
    "status": one_of("success", "error", "cancelled"),
    "error_message": optional(str),
    "token_count_method": one_of("reported", "estimated", "none"),
    "billing_status": one_of("billed", "not_billable", "failed"),
    "metadata": dict,
    "created_at": is_time,
}
RESPONSE = {
    "id": lambda value: isinstance(value, str) and re.fullmatch(r"resp_[0-9a-f]{32}", value),
    "object": one_of("response"),
    "created_at": int,
    "status": one_of("completed", "incomplete", "failed"),
    "completed_at": optional(int),
    "model": str,
    "output": [dict],
    "error": optional({"code": str, "message": str}),
    "incomplete_details": optional({"reason": one_of("max_output_tokens", "content_filter")}),
    "usage": {
        "input_tokens": int,
        "input_tokens_details": {"cached_tokens": int, "cache_write_tokens": int},
        "output_tokens": int,
        "output_tokens_details": {"reasoning_tokens": int},
        "total_tokens": int,
    },
    "instructions": optional(str),
    "previous_response_id": optional(str),
    "thread_id": optional(str),
    "tools": [dict],
    "tool_choice": lambda value: isinstance(value, (str, dict)),
    "parallel_tool_calls": bool,
    "temperature": optional(is_number),
    "top_p": optional(is_number),
    "max_output_tokens": optional(int),
    "reasoning": {"effort": optional(str), "summary": optional(str)},
    "text": dict,
    "truncation": one_of("auto", "disabled"),
    "metadata": dict,
    "store": bool,
}
RATE_LIMITS = {name: optional(int) for name in ("rpm_limit", "tpm_limit", "rpd_limit")}
EFFECTIVE_LIMITS = {**RATE_LIMITS, "resolution": one_of("explicit", "default", "none")}
EVENTS = ("budget.topped_up", "budget.low_balance", "budget.suspended", "budget.unsuspended", "budget.debited")
INTERNAL = ("hash", "key_hash", "raw_key", "request_fingerprint", "actor_key_id", "api_key", "ciphertext")


def message_of(row, event_type):
    """The payload of the webhook message that tells of a ledger row."""
    told = ("type", "amount_usd", "max_usd_after", "used_usd_after", "remaining_usd_after", "reason", "metadata")
    return {
        "event_type": event_type,
        "event_id": f"{row['id']}:{event_type}",
        "api_version": "2026-04-11",
        "created_at": row["created_at"],
        "data": {
            **{name: row[name] for name in ("platform_id", "end_user_id", "budget_id")},
            "transaction_id": row["id"],
            **{name: row[name] for name in told},
        },
    }


# ---------------------------------------------------------------- the books of a tenant


@dataclasses.dataclass
class Books(Checks):
    """Everything the API says about a tenant's money; read while no call runs."""

    logs: list
    wallet: dict
    wallet_rows: list  # oldest first, like the ledgers
    ledgers: dict  # end user id → (budget, rows)

    @staticmethod
    def read(tenant):
        with tenant.client as client:
            ledgers = {}
            for end_user in client.rows(f"{tenant.path}/end-users"):
                path = f"{tenant.path}/end-users/{end_user['id']}/budget"
                answer = client.get(path)
                if answer.status != 404:
                    ledgers[end_user["id"]] = (
                        answer.expect_json(200, "budgets-and-ledger.md, GET budget"),
                        client.rows(f"{path}/transactions", 200, order="asc"),
                    )
            return Books(
                logs=client.rows(f"{tenant.path}/logs"),
                wallet=client.get(f"{tenant.path}/wallet").expect_json(200, "wallet.md 1, GET wallet"),
                wallet_rows=client.rows(f"{tenant.path}/wallet/transactions", 200)[::-1],
                ledgers=ledgers,
            )

    @property
    def billed(self):
        return [row for row in self.logs if row["billing_status"] == "billed"]

    @property
    def spent(self):
        return sum((Decimal(row["estimated_cost_usd"]) for row in self.logs), Decimal(0))

    def log_of(self, request_id):
        """The one row of that request."""
        rows = [row for row in self.logs if row["metadata"].get("request_id") == request_id]
        self.equal(
            len(rows), 1, "logs.md, one row per upstream model call", f"number of log rows of request {request_id}"
        )
        return rows[0]

    def reconcile(self, upstream_calls=None):
        """All of them tell the same story, to the last micro-dollar."""
        self._check_shapes()
        if upstream_calls is not None:
            self.equal(
                len(self.logs),
                upstream_calls,
                "logs.md, one row per upstream model call",
                "log rows against calls that reached the provider",
            )
        self._check_log_costs()
        self._check_wallet_chain()
        self._check_wallet_against_logs()
        self._check_ledger_chains()
        self._check_ledger_against_logs()
        return self

    def _check_shapes(self):
        for rows, shape, rule in (
            (self.logs, LOG, "logs.md"),
            (self.wallet_rows, WALLET_ROW, "wallet.md 1"),
            (
                [row for _, ledger in self.ledgers.values() for row in ledger],
                LEDGER_ROW,
                "budgets-and-ledger.md, Ledger row",
            ),
        ):
            for row in rows:
                self.shape(row, shape, rule, absent=INTERNAL)

    def _check_log_costs(self):
        for row in self.logs:
            what = f"log row {row['id']} ({row['metadata'].get('model')}, {row['status']})"
            self.equal(
                row["total_tokens"],
                row["prompt_tokens"] + row["completion_tokens"],
                "providers-openai.md",
                f"{what}, total_tokens",
            )
            cost = Decimal(row["estimated_cost_usd"])
            if row["billing_status"] != "billed":
                self.equal(cost, 0, "logs.md, estimated_cost_usd of what is not billed", f"{what}, cost")
                continue
            wanted = PRICES[row["metadata"]["model"]].cost(
                row["prompt_tokens"], row["completion_tokens"], row["metadata"].get("cached_tokens", 0)
            )
            self.equal(cost, wanted, COST_RULE, f"{what}, cost of its tokens")

    def _check_wallet_chain(self):
        balance = Decimal(0)
        for row in self.wallet_rows:
            spends = row["type"] in ("llm_usage", "mcp_usage", "agent_usage")
            balance += -row["amount"] if spends else row["amount"]
            self.equal(
                row["balance_after"],
                balance,
                "wallet.md 1, balance = sum of all transactions",
                f"balance_after of {row['type']} {row['id']}",
            )
        self.equal(self.wallet["balance"], balance, "wallet.md 1, balance = sum of all transactions", "wallet balance")

    def _check_wallet_against_logs(self):
        debits = {row["reference"]: row["amount"] for row in self.wallet_rows if row["type"] == "llm_usage"}
        count = sum(row["type"] == "llm_usage" for row in self.wallet_rows)
        self.equal(
            len(debits), count, "wallet.md 1, reference = log row id", "different log rows named by wallet debits"
        )
        logged = {row["id"]: Decimal(row["estimated_cost_usd"]) for row in self.billed}
        self._same("wallet debits against billed log rows", debits, logged, "inference.md 5, point 3")

    def _check_ledger_chains(self):
        for user_id, (budget, rows) in self.ledgers.items():
            maximum = used = Decimal(0)
            for row in rows:
                what = f"{row['type']} {row['id']} of user {user_id}"
                if row["type"] == "debit":
                    used += row["amount_usd"]
                elif row["type"] == "opening":
                    maximum, used = row["amount_usd"], Decimal(0)
                else:
                    maximum += row["amount_usd"]
                    used = Decimal(0) if row["reason"] == "period_reset" else used
                self.equal(
                    (row["max_usd_after"], row["used_usd_after"], row["remaining_usd_after"]),
                    (maximum, used, maximum - used),
                    "budgets-and-ledger.md, replaying rows in order gives the budget",
                    f"state after {what}",
                )
            self.equal(
                (budget["max_usd"], budget["used_usd"], budget["remaining_usd"]),
                (maximum, used, maximum - used),
                "budgets-and-ledger.md, replaying rows in order gives the budget",
                f"budget of user {user_id}",
            )

    def _check_ledger_against_logs(self):
        for user_id, (_, rows) in self.ledgers.items():
            inference = [row for row in rows if row["source"] == "inference"]
            debits = {row["metadata"].get("log_id"): row["amount_usd"] for row in inference}
            self.equal(
                len(debits),
                len(inference),
                "budgets-and-ledger.md, metadata.log_id",
                "different log rows named by debits",
            )
            logged = {
                row["id"]: Decimal(row["estimated_cost_usd"]) for row in self.billed if row["end_user_id"] == user_id
            }
            self._same(
                f"budget debits against billed log rows of user {user_id}", debits, logged, "inference.md 5, point 3"
            )

    def _same(self, what, came, expected, rule):
        """Two maps from log row id to amount are equal."""
        missing = sorted(expected.keys() - came.keys())
        surplus = sorted(map(str, came.keys() - expected.keys()))
        other = [
            f"{key}: {came[key]} instead of {expected[key]}"
            for key in came.keys() & expected.keys()
            if came[key] != expected[key]
        ]
        self.holds(
            not (missing or surplus or other),
            f"{what}: one row each, of the same amount",
            rule,
            {
                "log rows without": missing[:5],
                "rows without a log row": surplus[:5],
                "other amounts": other[:5],
                "counts": (len(came), len(expected)),
                "sums": (sum(came.values()), sum(expected.values())),
            },
        )


# ---------------------------------------------------------------- test cases


class Case(unittest.TestCase, Checks):
    """A test whose failure shows what its gateways said last."""

    gateways = ()

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            for gateway in self.gateways:
                print(f"\n--- last output of the gateway\n{gateway.output()[-3000:]}---", file=sys.stderr)


class GatewayCase(Case):
    """A mock and a gateway per class; at the end the gateway must stop, verify and have kept every secret."""

    providers = ()
    models = ()
    platforms = ()
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())
        database = cls.enterClassContext(fresh_database())
        cls.gateway = Gateway(cls.document(), database, cls.options)
        cls.gateways = (cls.gateway,)
        cls.addClassCleanup(cls.gateway.remove)
        cls.gateway.start()

    @classmethod
    def document(cls):
        """The bootstrap file."""
        return bootstrap(cls.mock, cls.models, cls.platforms, cls.providers)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.finish()

    def call_id(self, prefix="test"):
        return f"{prefix}-{secrets.token_hex(8)}"


def mode_of(path):
    return oct(stat.S_IMODE(os.stat(path).st_mode))


def main():
    """Runs the calling test file; a PostgreSQL that is not installed skips it (or fails it on CI)."""
    try:
        program("ASSISTIV_GATEWAY"), program("MOCK_PROVIDER")
        if os.environ.get("E2E_DATABASE") == "postgresql":
            pgcluster.tool("postgres")
    except pgcluster.NotInstalled as reason:
        pgcluster.skip_or_fail(str(reason))
    unittest.main(verbosity=2)
