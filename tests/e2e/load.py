# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once, each doing a seeded mixture of calls and noting exactly what it saw."""

import collections
import contextlib
import dataclasses
import itertools
import json
import os
import random
import threading
import time

import harness
from harness import Client, Disconnected, chat_body

CHAT = "/v1/chat/completions"
USERS = tuple(f"user-{number}" for number in range(8))
PLATFORM = harness.platform("acme", [harness.user(name, 1000) for name in USERS], wallet_usd=10000)

# What a call does, and how often of 100.
MIXTURE = {"json": 45, "stream": 30, "abort": 12, "fault": 8, "broken stream": 5}


@dataclasses.dataclass
class Outcome:
    """One call as its client saw it."""

    kind: str
    model: str
    who: str  # external id of the end user, or "platform"
    status: int = 0  # 0: no head arrived
    request_id: str = None
    whole: bool = False  # the whole answer arrived, for a stream with its terminator
    code: str = None  # of an error's envelope, for a stream the last one
    retry_after: str = None
    should_retry: str = None  # of x-should-retry
    problem: str = None


def seed():
    """The seed of this run; E2E_SEED repeats an earlier one."""
    value = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed: {value} (E2E_SEED={value} repeats it)", flush=True)
    return value


def error_code(text):
    """The code of an error in our envelope; None when it is none."""
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        return json.loads(text)["error"]["code"] if '"error"' in text else None


class Load:
    """Threads that call until so many calls are made, or until stop()."""

    def __init__(self, tenant, seed_value, threads=32, calls=None):
        self._tenant = tenant
        self._tickets = itertools.count() if calls is None else iter(range(calls))
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.outcomes = []
        self.failures = []
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed_value}/{number}"),), daemon=True)
            for number in range(threads)
        ]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        self._stopped.set()
        return self.join()

    def join(self, seconds=100):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError(
                f"expected the load to end within {seconds} s; {len(self.outcomes)} calls were answered"
            )
        if self.failures:
            raise self.failures[0]
        return self.outcomes

    def count(self):
        return len(self.outcomes)

    def _run(self, dice):
        try:
            who = dice.choice((*self._tenant.users, "platform"))
            key = self._tenant.key if who == "platform" else self._tenant.users[who]["end_user_key"]
            with Client(self._tenant.gateway.origin, key, timeout=60) as client:
                while not self._stopped.is_set() and self._ticket():
                    outcome = self._call(client, who, dice)
                    self.outcomes.append(outcome)
                    if outcome.problem and not self._stopped.is_set():
                        time.sleep(0.01)  # the gateway is gone, and whoever took it will say stop
        except BaseException as error:  # noqa: BLE001 (a thread has nobody else to tell)
            self.failures.append(error)

    def _ticket(self):
        with self._lock:
            return next(self._tickets, None) is not None

    def _call(self, client, who, dice):
        kind = dice.choices(list(MIXTURE), list(MIXTURE.values()))[0]
        name = {
            "json": lambda: dice.choice(harness.BILLED).name,
            "stream": lambda: dice.choice(harness.BILLED).name,
            "abort": lambda: harness.ABORTED.name,
            "fault": lambda: dice.choice(harness.QUICK_FAULTS).name,
            "broken stream": lambda: dice.choice(harness.BROKEN_STREAMS),
        }[kind]()
        streams = kind in ("stream", "abort", "broken stream") or (kind == "fault" and dice.random() < 0.5)
        options = {"stream": True, "stream_options": {"include_usage": dice.random() < 0.5}} if streams else {}
        body = chat_body(name, "Words: " + "so many " * dice.randrange(20), **options)
        outcome = Outcome(kind, name, who)
        try:
            response = client.request("POST", CHAT, body)
            outcome.status, outcome.request_id = response.status, response.headers.get("x-request-id")
            outcome.retry_after = response.headers.get("retry-after")
            outcome.should_retry = response.headers.get("x-should-retry")
            if kind == "abort" and response.status == 200:
                for _ in itertools.islice(response.data(), dice.randrange(1, 4)):
                    pass
                client.close()
            elif streams and response.status == 200:
                frames = list(response.data())
                outcome.whole = response.complete and frames[-1] == "[DONE]"
                outcome.code = next((code for code in map(error_code, reversed(frames)) if code), None)
            else:
                body = response.read().decode()
                outcome.whole = bool(json.loads(body))
                outcome.code = error_code(body)
        except (Disconnected, OSError) as error:
            outcome.problem = str(error) or type(error).__name__
            client.close()
        return outcome


def summary(outcomes):
    counts = collections.Counter(
        (outcome.kind, outcome.status, "whole" if outcome.whole else "part") for outcome in outcomes
    )
    return ", ".join(f"{count} × {' '.join(map(str, what))}" for what, count in sorted(counts.items(), key=str))
