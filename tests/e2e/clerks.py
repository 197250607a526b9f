# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""People at a platform's own desk: management writes from several at once, each noting what was acknowledged, and what
they must find again after the gateway was killed."""

import dataclasses
import json
import random
import threading
import uuid

import harness
from harness import Checks, Client, Disconnected, chat_body
from load import CHAT, Outcome

# What a clerk does, and how often of 100.
DUTIES = {
    "top up": 20,
    "debit": 15,
    "limit": 10,
    "suspend": 10,
    "rename": 10,
    "call": 15,
    "wallet": 8,
    "dismiss": 4,
    "again": 8,
}
KILLED = "architecture.md, Kill -9: every acknowledged change is there, nothing is there by half"
ONCE = "conventions.md, Idempotency-Key"


@dataclasses.dataclass
class Write:
    """One management write as its clerk saw it."""

    duty: str
    method: str
    path: str
    body: dict
    key: str = None  # its Idempotency-Key
    answer: bytes = None  # once it was acknowledged

    def send(self, client):
        headers = {"idempotency-key": self.key} if self.key else {}
        return client.call(self.method, self.path, self.body, headers)


@dataclasses.dataclass
class Charge:
    """The end user a clerk looks after at the moment, as the acknowledged writes left it."""

    external_id: str
    id: str = None
    key: str = None
    name: str = None
    is_suspended: bool = False
    rows: dict = dataclasses.field(default_factory=dict)  # ledger row id → row
    keyed: list = dataclasses.field(default_factory=list)


class Clerk(Checks):
    """One of them; has an end user of its own, whom nobody else touches."""

    def __init__(self, tenant, name, dice):
        self._tenant = tenant
        self._dice = dice
        self._name = name
        self._hired = 0
        self._charge = None
        self._dismissed = []
        self._doubt = None  # the write whose answer was lost
        self.wallet_rows = {}  # wallet row id → row, of acknowledged top-ups
        self.outcomes = []

    # -------- at work

    def work(self, stopped):
        """One duty after the other, until the gateway is gone."""
        with self._tenant.client as client:
            while not stopped.is_set() and not self._doubt:
                if not self._perform(client):
                    return

    def _perform(self, client):
        """False once the gateway says that it is stopping, or the connection breaks."""
        if not self._charge:
            return self._hire(client)
        duty = self._dice.choices(list(DUTIES), list(DUTIES.values()))[0]
        if duty == "call":
            return self._call()
        if duty == "again":
            return self._repeat(client)
        write = self._write(duty)
        answer = self._send(client, write)
        if answer is None:
            return False
        self._note(write, answer)
        return True

    def _write(self, duty):
        user = f"{self._tenant.path}/end-users/{self._charge.id}"
        key = uuid.uuid4().hex if self._dice.random() < 0.7 else None
        cents = self._dice.randrange(1, 200)
        if duty == "top up":
            return Write(duty, "POST", f"{user}/budget/topup", {"amount_usd": cents, "reason": "invoice"}, key)
        if duty == "debit":
            return Write(duty, "POST", f"{user}/budget/debit", {"amount_usd": cents / 10000}, key)
        if duty == "limit":
            return Write(duty, "PATCH", f"{user}/budget", {"max_usd": 1000 + cents / 100}, key)
        if duty == "suspend":
            return Write(duty, "PATCH", f"{user}/budget", {"is_suspended": not self._charge.is_suspended}, key)
        if duty == "rename":
            return Write(duty, "PATCH", user, {"display_name": f"Name {uuid.uuid4().hex}"})
        if duty == "wallet":
            return Write(duty, "POST", f"{self._tenant.path}/wallet/topup", {"amount": cents / 1000}, uuid.uuid4().hex)
        return Write(duty, "DELETE", user, None)

    def _send(self, client, write):
        """The answer; None when there was none, which leaves a doubt, or the gateway is stopping, which leaves none."""
        try:
            response = write.send(client)
        except (Disconnected, OSError):
            client.close()
            self._doubt = write
            return None
        if response.status == 503:
            response.expect_error(503, "shutting_down", "errors.md")
            return None
        response.expect({"hire": 201, "dismiss": 204}.get(write.duty, 200), f"a clerk's {write.duty}")
        write.answer = response.read()
        return write.answer

    def _note(self, write, answer):
        charge, value = self._charge, harness.parse_json(answer or b"null")
        if write.duty in ("top up", "debit"):
            del value["budget"]
            charge.rows[value["id"]] = value
        elif write.duty in ("limit", "suspend"):
            if row := value["transaction"]:
                charge.rows[row["id"]] = row
            charge.is_suspended = value["is_suspended"]
        elif write.duty == "rename":
            charge.name = value["display_name"]
        elif write.duty == "wallet":
            self.wallet_rows[value["id"]] = value
        elif write.duty == "dismiss":
            self._dismissed.append(charge.id)
            self._charge = None
        if write.key and write.duty != "wallet" and self._charge:
            charge.keyed.append(write)

    def _hire(self, client):
        self._hired += 1
        external_id = f"{self._name}-{self._hired}"
        self._charge = Charge(external_id)
        write = Write("hire", "POST", f"{self._tenant.path}/end-users", {"external_id": external_id})
        answer = self._send(client, write)
        if answer is None:
            if not self._doubt:
                self._charge = None
            return False
        self._welcome(harness.parse_json(answer))
        return True

    def _welcome(self, user):
        self._charge.id = user["id"]
        self._charge.key = self._tenant.gateway.remember(user["api_key"])
        self._charge.name = user["display_name"]

    def _call(self):
        """A chat call of the charge; a suspended one is refused."""
        outcome = Outcome("json", harness.PLAIN.name, self._charge.external_id)
        with Client(self._tenant.gateway.origin, self._charge.key) as client:
            try:
                response = client.request("POST", CHAT, chat_body(harness.PLAIN.name))
                outcome.status, outcome.request_id = response.status, response.headers.get("x-request-id")
                outcome.code = json.loads(response.read()).get("error", {}).get("code")
                outcome.whole = True
            except (Disconnected, OSError):
                return False
            finally:
                self.outcomes.append(outcome)
        if outcome.code == "shutting_down":
            return False
        wanted = (402, "budget_suspended") if self._charge.is_suspended else (200, None)
        self.equal((outcome.status, outcome.code), wanted, "budgets-and-ledger.md, is_suspended", "answer to a call")
        return True

    def _repeat(self, client):
        """Sends an acknowledged write with a key once more: the same answer, and nothing else."""
        if not self._charge.keyed:
            return True
        write = self._dice.choice(self._charge.keyed)
        try:
            response = write.send(client)
        except (Disconnected, OSError):
            client.close()
            return False
        if response.status == 503:
            return False
        self.equal((response.status, response.read()), (200, write.answer), ONCE, f"answer to a repeated {write.duty}")
        self.equal(response.headers.get("idempotent-replayed"), "true", ONCE, "header idempotent-replayed")
        return True

    # -------- after the gateway was killed

    def look_after(self, client):
        """Everything acknowledged is there, the write in doubt is there wholly or not at all; it is sent again."""
        doubt, self._doubt = self._doubt, None
        if doubt and doubt.duty == "hire":
            answer = doubt.send(client)
            self.holds(answer.status in (200, 201), "200 or 201 for a repeated creation", KILLED, answer.describe())
            self._welcome(answer.json())
            doubt = None
        for gone in self._dismissed:
            client.get(f"{self._tenant.path}/end-users/{gone}").expect_error(404, "end_user_not_found", KILLED)
        if doubt and doubt.duty == "dismiss":
            if client.get(doubt.path).status == 404:
                self._note(doubt, b"")
                return
            self._check_charge(client, None)
            self._note(doubt, doubt.send(client).expect(204, KILLED).read())
            return
        if doubt and doubt.key:  # the client's way out of a doubt
            answer = doubt.send(client).expect(200, ONCE)
            doubt.answer = answer.read()
            self._note(doubt, doubt.answer)
            doubt = None
        if self._charge:
            self._check_charge(client, doubt)
            self._repeat(client)

    def _check_charge(self, client, doubt):
        path, charge = f"{self._tenant.path}/end-users/{self._charge.id}", self._charge
        user = client.get(path).expect_json(200, KILLED)
        names = {charge.name} | ({doubt.body["display_name"]} if doubt and doubt.duty == "rename" else set())
        self.holds(user["display_name"] in names, f"one of the names {names}", KILLED, user)
        charge.name = user["display_name"]

        rows = {row["id"]: row for row in client.rows(f"{path}/budget/transactions", 200, order="asc")}
        lost = [row for row in charge.rows.values() if rows.get(row["id"]) != row]
        self.equal(lost, [], KILLED, f"acknowledged ledger rows of user {charge.id} that are not there as they were")
        new = [
            row
            for row in rows.values()
            if row["id"] not in charge.rows and row["source"] == "api" and row["type"] != "opening"
        ]
        self.holds(len(new) <= (doubt is not None), "at most the row of the write in doubt", KILLED, new)
        for row in new:
            kind = {"top up": "topup", "debit": "debit"}.get(doubt.duty, "adjustment")
            self.equal(row["type"], kind, KILLED, f"type of the row that the lost {doubt.duty} left")
            charge.rows[row["id"]] = row
        keys = [row["idempotency_key"] for row in rows.values() if row["idempotency_key"]]
        self.equal(len(keys), len(set(keys)), ONCE, "different keys among the rows that have one")

        budget = client.get(f"{path}/budget").expect_json(200, KILLED)
        flipped = bool(new) and doubt.duty == "suspend"
        self.equal(budget["is_suspended"], charge.is_suspended != flipped, KILLED, "is_suspended")
        charge.is_suspended = budget["is_suspended"]


class Office:
    """Some clerks, and the threads they work in."""

    def __init__(self, tenant, seed_value, clerks=4):
        self._tenant = tenant
        self._clerks = [
            Clerk(tenant, f"clerk-{number}", random.Random(f"{seed_value}/{number}")) for number in range(clerks)
        ]
        self._stopped = threading.Event()
        self._threads = []
        self._failures = []

    def open(self):
        self._stopped.clear()
        self._threads = [threading.Thread(target=self._run, args=(clerk,), daemon=True) for clerk in self._clerks]
        for thread in self._threads:
            thread.start()

    def _run(self, clerk):
        try:
            clerk.work(self._stopped)
        except BaseException as error:  # noqa: BLE001 (a thread has nobody else to tell)
            self._failures.append(error)

    def close(self, seconds=60):
        """Their calls since the last time."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(seconds)
            if thread.is_alive():
                raise AssertionError(f"expected every clerk to be answered within {seconds} s")
        if self._failures:
            raise self._failures[0]
        outcomes = []
        for clerk in self._clerks:
            outcomes += clerk.outcomes
            clerk.outcomes = []
        return outcomes

    def look_after(self):
        with self._tenant.client as client:
            for clerk in self._clerks:
                clerk.look_after(client)

    @property
    def wallet_rows(self):
        return {id: row for clerk in self._clerks for id, row in clerk.wallet_rows.items()}
