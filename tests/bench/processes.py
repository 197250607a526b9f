# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of one benchmark: mock provider, nginx, gateway, and what they cost."""

import contextlib
import getpass
import grp
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from decimal import Decimal

START_SECONDS = 60
STOP_SECONDS = 45
TICKS = os.sysconf("SC_CLK_TCK")
# USD per million tokens, of every model of the benchmark.
PRICE = {"input": "0.15", "cached": "0.075", "output": "0.60"}
WALLET_USD = 999_999


class Failed(Exception):
    """The benchmark cannot go on."""


def with_parent(command):
    """The command, ended by the kernel when this process dies in whatever way."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", *map(str, command)] if setpriv else [str(part) for part in command]


def get(url, key=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read(), parse_float=Decimal)


def wait_for(what, condition, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)
    return value


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A running program with its children."""

    name = "?"

    def __init__(self):
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop(quietly=True)
            raise
        return self

    def __exit__(self, kind, *_):
        self.stop(quietly=kind is not None)

    def start(self):
        raise NotImplementedError

    def stop(self, quietly=False):
        if not self.process or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            if not quietly:
                raise Failed(f"{self.name} did not stop within {STOP_SECONDS} s of SIGTERM") from None

    def pids(self):
        """This process and all below it."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    waiting += [int(child) for child in task.read_text().split()]
        return found

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_mib(self):
        """Resident memory; pages shared by its processes are counted once where the kernel tells."""
        total = 0
        for pid in self.pids():
            for file, field in (("smaps_rollup", "Pss"), ("status", "VmRSS")):
                with contextlib.suppress(OSError, AttributeError):
                    text = pathlib.Path(f"/proc/{pid}/{file}").read_text()
                    total += int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1))
                    break
        return total / 1024


class Mock(Program):
    """The upstream provider, asked directly."""

    name = "direct"
    key = "sk-bench-direct"

    def __init__(self, program):
        super().__init__()
        self._program = program
        self.port = None

    def start(self):
        self.process = subprocess.Popen(with_parent([self._program]), stdout=subprocess.PIPE, text=True)
        with self.process.stdout as output:
            self.port = int(output.readline().rsplit(":", 1)[1])

    def port_for(self, stream):  # noqa: ARG002
        return self.port

    def stats(self):
        return get(f"http://127.0.0.1:{self.port}/__stats")


class Nginx(Program):
    """A reverse proxy with nothing but the forwarding."""

    name = "nginx"
    key = "sk-bench-nginx"

    def __init__(self, mock, folder, program="nginx", name="nginx"):
        super().__init__()
        self.name = name
        self._mock = mock
        self._program = program
        self._folder = pathlib.Path(folder) / name
        self._ports = {}

    def start(self):
        self._folder.mkdir()
        self._ports = {False: free_port(), True: free_port()}
        temporary = "\n    ".join(f"{kind}_temp_path {self._folder}/{kind};"
                                 for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # Answers are buffered as nginx does by default; streams must not be.
        servers = "\n".join(f"""
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering {"off" if stream else "on"};
        }}
    }}""" for stream, port in self._ports.items())
        user = f"user {getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name};" if os.geteuid() == 0 else ""
        config = f"""
{user}
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid {self._folder}/pid;
error_log {self._folder}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    {temporary}
    client_max_body_size 64m;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;
    upstream mock {{
        server 127.0.0.1:{self._mock.port};
        keepalive 256;
        keepalive_requests 1000000000;
    }}{servers}
}}
"""
        file = self._folder / "nginx.conf"
        file.write_text(config, encoding="utf-8")
        self.process = subprocess.Popen(with_parent([self._program, "-p", self._folder, "-e", self._folder / "error.log", "-c", file]),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for(f"{self.name} to listen", self._listens)

    def _listens(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended: {self.process.stderr.read()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._ports[True]), 1):
            return True
        return False

    def port_for(self, stream):
        return self._ports[stream]

    def stop(self, quietly=False):
        super().stop(quietly)
        if self.process:
            self.process.stderr.close()


class Gateway(Program):
    """The program under test, with one platform, one end user, and money enough."""

    name = "gateway"

    def __init__(self, program, mock, models, folder, options=()):
        super().__init__()
        self._program = program
        self._mock = mock
        self._models = models
        self._folder = pathlib.Path(folder) / "gateway"
        self._data = self._folder / "data"
        self._options = list(options)
        self.origin = None
        self.key = None
        self._platform_key = None
        self._paths = {}

    def start(self):
        self._folder.mkdir()
        bootstrap, result, ready = (self._folder / name for name in ("bootstrap.json", "result.json", "ready.json"))
        bootstrap.write_text(json.dumps(self._bootstrap()), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTIV_")}
        command = [self._program, "--headless", "--data-dir", self._data, "--listen", "127.0.0.1:0", "--bootstrap", bootstrap,
                   "--bootstrap-out", result, "--ready-file", ready, *self._options]
        with open(self._folder / "output.txt", "wb") as output:
            self.process = subprocess.Popen(with_parent(command), env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

        def is_ready():
            if self.process.poll() is not None:
                raise Failed(f"the gateway ended with code {self.process.returncode}:\n{self.output()}")
            with contextlib.suppress(OSError, ValueError):
                return json.loads(ready.read_text(encoding="utf-8"))
            return None

        self.origin = wait_for("the gateway's ready file", is_ready)["origin"]
        platform = json.loads(result.read_text(encoding="utf-8"))["platforms"][0]
        user = platform["end_users"][0]
        self.key, self._platform_key = user["end_user_key"], platform["platform_key"]
        base = f"{self.origin}/v1/platforms/{platform['id']}"
        budget = f"{base}/end-users/{user['id']}/budget"
        self._paths = {"logs": f"{base}/logs", "wallet": f"{base}/wallet", "wallet_rows": f"{base}/wallet/transactions",
                       "budget": budget, "ledger": f"{budget}/transactions"}

    def _bootstrap(self):
        return {
            "providers": [{"slug": "mock", "kind": "openai", "name": "Mock", "base_url": f"http://127.0.0.1:{self._mock.port}/v1",
                           "allow_private_address": True}],
            "models": [{"slug": slug, "display_name": slug, "mappings": [{
                "provider": "mock", "provider_model_id": slug, "priority": 10, "input_usd_per_mtok": PRICE["input"],
                "cached_input_usd_per_mtok": PRICE["cached"], "output_usd_per_mtok": PRICE["output"]}]} for slug in self._models],
            "platforms": [{"slug": "bench", "name": "Bench", "keys": [{"name": "bench"}], "wallet_usd": WALLET_USD,
                           "llm_configs": [{"provider": "mock", "api_key": "sk-upstream-" + secrets.token_hex(16)}],
                           "end_users": [{"external_id": "bench", "budget": {"max_usd": WALLET_USD, "period": "one_time"}}]}]}

    def port_for(self, stream):  # noqa: ARG002
        return int(self.origin.rsplit(":", 1)[1])

    def output(self):
        with contextlib.suppress(OSError):
            return (self._folder / "output.txt").read_text(encoding="utf-8", errors="replace")[-4000:]
        return ""

    def books(self):
        """What the gateway has written down about all calls."""
        def ask(name, query=""):
            return get(self._paths[name] + query, self._platform_key)

        wallet, budget = ask("wallet"), ask("budget")
        return {"log rows": ask("logs", "?limit=1")["total"],
                "log rows of success": ask("logs", "?limit=1&status=success")["total"],
                "wallet debits": ask("wallet_rows", "?limit=1&type=llm_usage")["total"],
                "ledger debits": ask("ledger", "?limit=1&type=debit&source=inference")["total"],
                "USD from the wallet": Decimal(WALLET_USD) - Decimal(wallet["balance"]),
                "USD from the budget": Decimal(budget["used_usd"])}

    def verify(self):
        """The program's own check of every balance; the gateway has been stopped."""
        database = [option for option in self._options if option.startswith("--database=")]
        check = subprocess.run([self._program, "verify", "--data-dir", self._data, *database], capture_output=True, text=True,
                               timeout=300, check=False)
        return "" if check.returncode == 0 else f"`verify` exits {check.returncode}: {check.stdout}{check.stderr}"


def cost_per_call(model):
    """USD for one answered call, by the usage in the model's name and PRICE."""
    def number(letter, default):
        found = re.search(rf"-{letter}(\d+)(?=-|$)", model)
        return int(found.group(1)) if found else default

    prompt, completion = number("p", 25), number("c", 8)
    cached = number("k", 0 if re.search(r"-p\d+(?=-|$)", model) else 5)

    def per_token(price):
        return int(Decimal(PRICE[price]).scaleb(6))

    picos = (prompt - cached) * per_token("input") + cached * per_token("cached") + completion * per_token("output")
    return max((picos + 500_000) // 1_000_000, 1 if picos else 0) * Decimal("0.000001")
