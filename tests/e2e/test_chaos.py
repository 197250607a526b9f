# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at random moments of everything: starts, load, period resets, journal replay, orderly stops. What was
acknowledged is there, what a client has seen whole is billed once, and nothing is there by half."""

import collections
import datetime
import json
import os
import random
import signal
import statistics
import time
import uuid

import harness
import load
from clerks import KILLED, Office
from harness import Books, Case, Gateway, Mock

KILLS = int(os.environ.get("CHAOS_KILLS", 20))
KILLS_PER_LIFE = 20  # then a new installation: its books are read as a whole in the end
MONTHLY = ("monthly-0", "monthly-1")
USERS = tuple(f"user-{number}" for number in range(6))
PLATFORM = harness.platform(
    "acme",
    [
        *(harness.user(name, 1000) for name in USERS),
        *(
            harness.user(
                name,
                budget={"max_usd": 500, "period": "monthly", "auto_replenish": True, "replenish_amount": 800},
            )
            for name in MONTHLY
        ),
    ],
    wallet_usd=10000,
    settings={"default_budget_usd": 1000},
)
BILLED = "architecture.md, What a client has seen whole is billed, exactly once"
JOURNAL = "architecture.md, Writer: the journal is replayed at the next start"

# What is going on when the kill comes: some first starts, then these, by weight.
FIRST = "first start"
LATER = {"journal": 3, "reset": 3, "stop": 2, "load": 10}


def plan(kills, dice):
    """The moments of one life; each kind at least once if there is room."""
    firsts = min(dice.randrange(1, 4), max(1, kills - len(LATER)))
    later = [*LATER, *dice.choices(list(LATER), list(LATER.values()), k=KILLS_PER_LIFE)][: kills - firsts]
    dice.shuffle(later)
    return [FIRST] * firsts + later


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Life:
    """One installation from its first start through many kills to its last."""

    def __init__(self, case, gateway, seed, moments):
        self.case = case
        self.gateway = gateway
        self.seed = seed
        self.dice = random.Random(seed)
        self.moments = moments
        self.tenant = None
        self.office = None
        self.since = 0  # when the newest whole start was done
        self.unread = []  # calls since then
        self.whole = {}  # request id → its log rows, of all calls a client has seen whole
        self.journal_line = None
        self.in_journal = set()  # log row ids
        self.found_wallet_rows = set()
        self.resets = 0
        self.start_seconds = []

    def live(self):
        for number, moment in enumerate(self.moments):
            begun = time.monotonic()
            getattr(self, moment.replace(" ", "_"))(number)
            self.gateway.kill()
            print(f"  {number + 1:2} {moment}: {time.monotonic() - begun:.2f} s", flush=True)
            if self.tenant:
                self.gateway.verify()  # of what the kill left, before anything is started on it
        self.start()
        self.read_everything()
        self.gateway.finish()

    # -------- the moments

    def first_start(self, _):
        """Migrations on an empty database, the starter catalogue, the bootstrap file."""
        self.gateway.launch(self.gateway.document)
        time.sleep(self.dice.uniform(0, 0.15))

    def load(self, number, seconds=(0.1, 1.0)):
        self.start()
        running = load.Load(self.tenant, f"{self.seed}/{number}", threads=8).start()
        self.office.open()
        time.sleep(self.dice.uniform(*seconds))
        self.kill_and_collect(running)

    def reset(self, number):
        """Every monthly budget is long overdue when the first calls come."""
        self.ensure_first_start()
        self.gateway.sql(
            "UPDATE budgets SET period_start = period_start - 8640000000, period_end = period_end - 8640000000 "
            "WHERE period = 'monthly' AND auto_replenish"
        )
        self.resets += 1
        self.load(number, (0.02, 0.3))

    def journal(self, _):
        """A start that finds calls in the journal, one of them in the database already."""
        self.ensure_first_start()
        with open(self.gateway.data_dir / "settlements.journal", "a", encoding="utf-8") as journal:
            journal.write(json.dumps(self.journal_line) + "\n")
            for _ in range(self.dice.randrange(20, 200)):
                line = {**self.journal_line, "id": str(uuid.uuid4()), "created_ms": str(int(time.time() * 1000))}
                self.in_journal.add(line["id"])
                journal.write(json.dumps(line) + "\n")
        self.gateway.launch()
        time.sleep(self.dice.uniform(0, 1.1) * statistics.median(self.start_seconds))

    def stop(self, number):
        """An orderly stop that is not given the time it asks for."""
        self.start()
        running = load.Load(self.tenant, f"{self.seed}/{number}", threads=8).start()
        self.office.open()
        time.sleep(self.dice.uniform(0.1, 0.4))
        self.gateway.process.send_signal(signal.SIGTERM)
        time.sleep(self.dice.uniform(0, 0.15))
        self.kill_and_collect(running)

    def kill_and_collect(self, running):
        self.gateway.kill()
        self.unread = [*running.stop(), *self.office.close()]

    # -------- between them

    def ensure_first_start(self):
        if not self.tenant:
            self.start()
            self.gateway.kill()

    def start(self):
        """A whole start, and a look at what the round before left."""
        self.gateway.start()
        self.start_seconds.append(self.gateway.start_seconds)
        if self.tenant:
            self.look_back()
        else:
            self.set_up()
        self.since = time.time() - 1

    def set_up(self):
        """However often the first start was cut short, the bootstrap file was applied once."""
        self.gateway.recover_keys()
        self.tenant = self.gateway.tenant("acme")
        self.office = Office(self.tenant, self.seed)
        books = Books.read(self.tenant).reconcile(0)
        rule = "headless-and-admin.md 2, one transaction, may be applied at every start"
        self.case.equal([row["amount"] for row in books.wallet_rows], [10000], rule, "wallet transactions")
        for user, (_, rows) in books.ledgers.items():  # the automatic budget, and what the file says
            self.case.equal([row["type"] for row in rows], ["opening", "adjustment"], rule, f"ledger of user {user}")
        request_id = self.call(USERS[0])
        self.journal_line = self.line_of(Books.read(self.tenant).log_of(request_id))

    def call(self, user):
        with self.tenant.user_client(user) as client:
            answer = client.post(load.CHAT, harness.chat_body(harness.PLAIN.name)).expect(200, "inference.md")
        return answer.headers["x-request-id"]

    def line_of(self, log):
        """The line that would have billed this call from the journal (gateway/ledger/settlement.cpp)."""
        with self.tenant.client as client:
            budget = client.get(f"{self.tenant.user_path(USERS[0])}/budget").expect_json(200, "budgets-and-ledger.md")
        created = datetime.datetime.fromisoformat(log["created_at"])
        return {
            "id": log["id"],
            "platform": self.tenant.id,
            "end_user": log["end_user_id"],
            "budget": budget["id"],
            "key": None,
            "request_id": log["metadata"]["request_id"],
            "request_type": log["request_type"],
            "provider": log["provider_id"],
            "model": log["model_id"],
            "model_slug": log["metadata"]["model"],
            "provider_model_id": log["provider_model_id"],
            "prompt": log["prompt_tokens"],
            "completion": log["completion_tokens"],
            "latency_ms": log["latency_ms"],
            "cost_micros": str(int(harness.PLAIN.cost / harness.MICRO)),
            "billable": True,
            "status": 0,
            "count_method": 0,
            "error": "",
            "metadata": json.dumps({"request_id": log["metadata"]["request_id"], "model": log["metadata"]["model"]}),
            "created_ms": str(round(created.timestamp() * 1000)),
        }

    def look_back(self):
        self.office.look_after()
        since = stamp(self.since)
        with self.tenant.client as client:
            logs = client.rows(f"{self.tenant.path}/logs", since=since)
            wallet_rows = client.rows(f"{self.tenant.path}/wallet/transactions", 200, since=since)
        self.check_calls(logs)
        self.check_journal(logs)
        self.check_wallet_rows(wallet_rows)
        self.check_resets()

    def check_calls(self, logs):
        rows = collections.defaultdict(list)
        for row in logs:
            rows[row["metadata"]["request_id"]].append((row["status"], row["billing_status"]))
        wrong = []
        for outcome in self.unread:
            came = rows[outcome.request_id]
            if outcome.whole:
                self.whole[outcome.request_id] = self.wanted_rows(outcome)
            if came != self.whole[outcome.request_id] if outcome.whole else len(came) > 1:
                wrong.append((outcome, came))
        self.case.equal(wrong[:5], [], BILLED, f"{len(wrong)} of {len(self.unread)} calls whose log rows do not fit")
        self.unread = []

    @staticmethod
    def wanted_rows(outcome):
        if outcome.status == 200:
            return [("success", "billed")]
        if outcome.code in ("shutting_down", "budget_suspended"):
            return []  # refused at a gate
        return [("error", "not_billable")]

    def check_journal(self, logs):
        found = collections.Counter(row["id"] for row in logs)
        wrong = {id: found[id] for id in self.in_journal if found[id] != 1}
        self.case.equal(wrong, {}, JOURNAL, f"log rows of {len(self.in_journal)} calls that were in the journal")
        self.in_journal.clear()
        left = self.gateway.data_dir / "settlements.journal"
        self.case.holds(not left.exists(), "no journal once it was replayed", JOURNAL, left)

    def check_wallet_rows(self, wallet_rows):
        found = {row["id"]: row for row in wallet_rows}
        acknowledged = self.office.wallet_rows
        lost = [
            row for id, row in acknowledged.items() if id not in self.found_wallet_rows and found.get(id) != row
        ]
        self.case.equal(lost, [], KILLED, "acknowledged wallet top-ups that are not there as they were")
        self.found_wallet_rows = set(acknowledged)

    def check_resets(self):
        """One reset for each time the budgets were overdue, whether the kill hit it or not."""
        for user in MONTHLY:
            self.call(user)
            with self.tenant.client as client:
                rows = client.rows(f"{self.tenant.user_path(user)}/budget/transactions", 200, type="adjustment")
            resets = [row for row in rows if row["reason"] == "period_reset"]
            self.case.equal(len(resets), self.resets, "budgets-and-ledger.md, Period resets", f"resets of {user}")

    def read_everything(self):
        books = Books.read(self.tenant).reconcile()
        rows = collections.defaultdict(list)
        for row in books.logs:
            rows[row["metadata"]["request_id"]].append((row["status"], row["billing_status"]))
        lost = [id for id, wanted in self.whole.items() if rows[id] != wanted]
        self.case.equal(lost[:5], [], KILLED, f"{len(lost)} calls whose log rows are not as they were after their kill")
        wallet_rows = {row["id"] for row in books.wallet_rows}
        self.case.holds(self.found_wallet_rows <= wallet_rows, "every wallet top-up", KILLED)


class Chaos(Case):
    """A new installation for every so many kills."""

    def test_whatever_the_moment_of_the_kill(self):
        seed = load.seed()
        dice = random.Random(seed)
        start_seconds, calls, kills = [], 0, collections.Counter()
        begun = time.monotonic()
        while (done := kills.total()) < KILLS:
            moments = plan(min(KILLS_PER_LIFE, KILLS - done), dice)
            print(f"life {done // KILLS_PER_LIFE + 1}", flush=True)
            with Mock() as mock, harness.fresh_database() as database:
                gateway = Gateway(harness.bootstrap(mock, harness.MODELS, [PLATFORM]), database)
                self.gateways = (gateway,)
                try:
                    life = Life(self, gateway, f"{seed}/{done}", moments)
                    life.live()
                finally:
                    gateway.remove()
            kills.update(moments)
            calls += len(life.whole)
            start_seconds += life.start_seconds
        print(
            f"{kills.total()} kills ({', '.join(f'{count} × {kind}' for kind, count in kills.items())}) in "
            f"{time.monotonic() - begun:.0f} s; {calls} calls seen whole; {len(start_seconds)} starts, median "
            f"{statistics.median(start_seconds):.2f} s, longest {max(start_seconds):.2f} s",
            flush=True,
        )
        self.holds(statistics.median(start_seconds) < 2, "a start in less than 2 s", KILLED, sorted(start_seconds))


if __name__ == "__main__":
    harness.main()
