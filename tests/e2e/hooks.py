# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webhook endpoints of a tenant with the hooks they point to, and what must be true of all that arrives there."""

import copy
import datetime
import re
import time

import harness
from harness import Checks, GatewayCase, at_once, chat_body, is_time, is_uuid, message_of, one_of, optional, wait_for
from receiver import OK, Receiver, recipe

CHAT = "/v1/chat/completions"
OPEN = ("--webhook-networks", "127.0.0.0/8", "--webhook-http")
FAST = (*OPEN, "--fast-webhook-retries")
FAST_DELAYS = (0.2, 0.4, 0.8, 1, 1, 1, 1)  # after the first attempt
DELAYS = (5, 300, 1800, 7200, 18000, 36000, 36000)
JITTER = 0.2
LEASE_SECONDS = 30
DEFAULT_EVENTS = ["budget.topped_up", "budget.low_balance", "budget.suspended", "budget.unsuspended"]
ALL_EVENTS = [*DEFAULT_EVENTS, "budget.debited"]
WIRE = "webhooks.md, Request to the receiver"
LOG = "webhooks.md, GET delivery"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{32}")
MESSAGE_ID = re.compile(r"msg_[0-9A-Za-z]{27}")
SIGNATURES = re.compile(r"v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*")
PAYLOAD_MEMBERS = {"event_type", "event_id", "api_version", "created_at", "data"}
DATA_MEMBERS = {
    "platform_id", "end_user_id", "budget_id", "transaction_id", "type", "amount_usd", "max_usd_after",
    "used_usd_after", "remaining_usd_after", "reason", "metadata",
}  # fmt: skip

ENDPOINT = {
    "id": is_uuid,
    "platform_id": is_uuid,
    "url": str,
    "description": optional(str),
    "event_types": [one_of(*ALL_EVENTS)],
    "is_active": bool,
    "disabled_reason": optional(str),
    "created_at": is_time,
    "updated_at": is_time,
}
NEW_ENDPOINT = {**ENDPOINT, "secret": SECRET.fullmatch}
DELIVERY = {
    "id": is_uuid,
    "endpoint_id": is_uuid,
    "message_id": MESSAGE_ID.fullmatch,
    "event_id": str,
    "event_type": one_of(*ALL_EVENTS, "endpoint.test"),
    "status": one_of("pending", "delivered", "failed", "canceled"),
    "attempt_count": int,
    "next_attempt_at": optional(is_time),
    "last_response_status": optional(int),
    "created_at": is_time,
    "delivered_at": optional(is_time),
}
ATTEMPT = {
    "attempt": int,
    "trigger": one_of("schedule", "replay", "test"),
    "started_at": is_time,
    "duration_ms": int,
    "request_headers": dict,
    "response_status": optional(int),
    "response_headers": optional(dict),
    "response_body": optional(str),
    "error": optional(str),
}
WHOLE_DELIVERY = {**DELIVERY, "payload": dict, "attempts": [ATTEMPT]}
STATS = {
    "endpoint_id": is_uuid,
    "since": is_time,
    "until": is_time,
    **dict.fromkeys(("pending", "delivered", "failed", "canceled", "attempts", "failed_attempts"), int),
    "success_rate": optional(harness.is_number),
    "latency_ms_p50": optional(harness.is_number),
    "latency_ms_p95": optional(harness.is_number),
    "last_failure_at": optional(is_time),
}


def seconds(text):
    """A moment of the API as seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


def iso(moment):
    when = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def headers_of(shown):
    """Headers in the delivery log, by lower-case name."""
    return {name.lower(): value for name, value in shown.items()}


def end_of(attempt):
    """When it was over, in seconds."""
    return seconds(attempt["started_at"]) + attempt["duration_ms"] / 1000


def within_jitter(gap, delay, slack=0.25):
    """The gap between two attempts is that of the schedule; `slack` is what a busy machine adds."""
    return delay * (1 - JITTER) - 0.02 <= gap <= delay * (1 + JITTER) + slack


def check_request(checks, request, secrets, clock=True):
    """The wire format to the letter; `secrets` are all that sign at the time, newest first."""
    headers = request.headers
    names = [name for name, _ in request.fields]
    checks.equal(sorted(set(names)), sorted(names), WIRE, "headers that come once")
    checks.equal(request.line.split(" ")[0], "POST", WIRE, "method")
    checks.equal(headers.get("content-type"), "application/json", WIRE, "content-type")
    checks.holds(
        re.fullmatch(r"Assistiv-Gateway/\d+\.\d+\.\d+\S*", headers.get("user-agent", "")), "our name", WIRE, headers
    )
    checks.holds(MESSAGE_ID.fullmatch(headers.get("webhook-id", "")), "msg_ and 27 base62 characters", WIRE, headers)
    checks.holds(re.fullmatch(r"\d+", headers.get("webhook-timestamp", "")), "Unix seconds", WIRE, headers)
    if clock:
        late = request.at - request.timestamp
        checks.holds(-1 <= late <= 5, "webhook-timestamp to be that of this attempt", WIRE, late)
    checks.holds(SIGNATURES.fullmatch(headers.get("webhook-signature", "")), "v1 tokens, one blank", WIRE, headers)
    foreign = [name for name in names if name.startswith("svix-") or name in ("cookie", "authorization")]
    checks.equal(foreign, [], WIRE, "headers that must not be there")
    checks.equal(len(request.tokens), len(secrets), WIRE, "signatures, one for each living secret")
    for number, secret in enumerate(secrets):
        checks.holds(request.signed_with(secret), f"a signature with secret {number}", WIRE, headers)
        alone = {**headers, "webhook-signature": request.tokens[number]}
        checks.holds(recipe(secret, alone, request.body), f"secret {number} to sign in place {number}", WIRE, headers)
    checks.equal(set(request.event), PAYLOAD_MEMBERS, "webhooks.md, Payload", "members of the body")


class Endpoint(Checks):
    """An endpoint that a test made, with the hook behind it."""

    def __init__(self, client, tenant, made, hook):
        self.tenant = tenant
        self.hook = hook
        self.made = made
        self.id = made["id"]
        self.path = f"{tenant.path}/webhook-endpoints/{self.id}"
        self.secrets = [made["secret"]]  # newest first
        self.remember(made["secret"])
        self.client = client

    def remember(self, secret):
        self.tenant.gateway.secrets |= {secret, secret.split("_")[1]}

    def get(self):
        return self.client.get(self.path).expect_json(200, "webhooks.md, GET endpoint")

    def patch(self, **body):
        return self.client.patch(self.path, body).expect_json(200, "webhooks.md, PATCH endpoint")

    def delete(self):
        self.client.delete(self.path).expect(204, "webhooks.md, DELETE endpoint")

    def rotate(self):
        rule = "webhooks.md, POST rotate-secret"
        answer = self.client.post(self.path + "/rotate-secret").expect_json(200, rule)
        self.exact(answer, {"secret": SECRET.fullmatch, "previous_secret_expires_at": is_time}, rule)
        self.holds(answer["secret"] not in self.secrets, "a new secret", rule)
        self.remember(answer["secret"])
        self.secrets.insert(0, answer["secret"])
        return answer

    def test(self):
        """The delivery id of a test event."""
        rule = "webhooks.md, POST test"
        answer = self.client.post(self.path + "/test").expect_json(202, rule)
        self.exact(answer, {"delivery_id": is_uuid}, rule)
        return answer["delivery_id"]

    def deliveries(self, **query):
        """Newest first."""
        return self.client.rows(self.path + "/deliveries", **query)

    def delivery(self, id):
        return self.client.get(f"{self.path}/deliveries/{id}").expect_json(200, LOG)

    def replay(self, id):
        rule = "webhooks.md, POST replay"
        row = self.client.post(f"{self.path}/deliveries/{id}/replay").expect_json(202, rule)
        self.exact(row, DELIVERY, rule)
        return row

    def recover(self, since, until=None, dry_run=None, status=202):
        given = {"since": since, "until": until, "dry_run": dry_run}
        body = {name: value for name, value in given.items() if value is not None}
        answer = self.client.post(self.path + "/recover", body).expect_json(status, "webhooks.md, POST recover")
        self.exact(answer, {"count": int}, "webhooks.md, POST recover")
        return answer["count"]

    def stats(self, **query):
        rule = "webhooks.md, GET stats"
        answer = self.client.get(self.path + "/stats", **query).expect_json(200, rule)
        self.exact(answer, STATS, rule)
        return answer

    # -------- waiting

    def settled(self, count, seconds=10):
        """Its deliveries, once there are so many and none is pending."""

        def rows():
            found = self.deliveries()
            return found if len(found) >= count and all(row["status"] != "pending" for row in found) else None

        return wait_for(f"{count} deliveries to {self.hook.name}, none pending", rows, seconds, 0.05)

    def attempted(self, id, count, seconds=10):
        """The whole delivery, once so many attempts are in its log."""

        def whole():
            found = self.delivery(id)
            return found if len(found["attempts"]) >= count else None

        return wait_for(f"{count} attempts of a delivery to {self.hook.name}", whole, seconds, 0.05)

    def check_arrivals(self, clock=True):
        """Everything that came is in the wire format, and each message has one id, one event and one body."""
        seen = {}
        for request in list(self.hook.requests):
            check_request(self, request, self.secrets, clock)
            first = seen.setdefault(request.id, request)
            self.equal(request.body, first.body, "webhooks.md: every attempt sends the same bytes", request.id)
        events = [request.event_id for request in seen.values()]
        self.equal(len(set(events)), len(events), "webhooks.md, webhook-id: one per event", "events of the messages")
        return self


class Desk(Checks):
    """The budget of one user, and what is done to it; every write is a ledger row."""

    def __init__(self, tenant, client, external_id):
        self.tenant = tenant
        self.user_id = tenant.users[external_id]["id"]
        self.external_id = external_id
        self.path = tenant.user_path(external_id)
        self.budget = self.path + "/budget"
        self.client = client

    def _row(self, answer):
        row = answer.expect_json(200, "budgets-and-ledger.md")
        row.pop("budget", None)
        return row

    def top_up(self, amount=1, **body):
        return self._row(self.client.post(self.budget + "/topup", {"amount_usd": amount, **body}))

    def debit(self, amount=1, **body):
        return self._row(self.client.post(self.budget + "/debit", {"amount_usd": amount, **body}))

    def patch(self, **body):
        """The ledger row that the change wrote, or None."""
        answer = self.client.patch(self.budget, body).expect_json(200, "budgets-and-ledger.md, PATCH budget")
        return answer["transaction"]

    def chat(self, model=harness.PLAIN.name):
        """The ledger row of a call."""
        with self.tenant.user_client(self.external_id) as client:
            client.post(CHAT, chat_body(model)).expect(200, "inference.md")
        return self.ledger()[-1]

    def ledger(self):
        return self.client.rows(self.budget + "/transactions", 200, order="asc")


def told(desk, *pairs):
    """The messages that these (row, event type) pairs must bring."""
    return {f"{row['id']}:{kind}": message_of(row, kind) for row, kind in pairs}


class HookCase(GatewayCase):
    """A gateway that may call the receiver beside it. Each test has a platform of its own, named by `play`."""

    models = (harness.PLAIN.name,)
    options = FAST
    slugs = ()

    @classmethod
    def document(cls):
        cls.platforms = [harness.platform(slug, [harness.user("u", 100), harness.user("v", 100)]) for slug in cls.slugs]
        return super().document()

    @classmethod
    def setUpClass(cls):
        cls.receiver = cls.new_receiver()
        super().setUpClass()

    @classmethod
    def new_receiver(cls):
        return cls.enterClassContext(Receiver())

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if cls.receiver.strays.requests:
            raise AssertionError(f"expected no request beside the hooks; came {cls.receiver.strays.requests}")

    def play(self, slug, external_id="u"):
        self.tenant = self.gateway.tenant(slug)
        self.server = self.enterContext(self.tenant.client)
        self.base = self.tenant.path + "/webhook-endpoints"
        self.desk = Desk(self.tenant, self.server, external_id)

    def play_scenes(self):
        """What is named scene_…, all at once: most of it waits. Each has a platform of its own."""
        scenes = [getattr(copy.copy(self), name) for name in dir(self) if name.startswith("scene_")]
        at_once(len(scenes), lambda number: scenes[number]())

    def hook(self, name="hook", answer=OK):
        return self.receiver.hook(f"{self.tenant.id[:8]}-{name}", answer)

    def endpoint(self, hook=None, client=None, url=None, **body):
        """A new endpoint of the platform that is being played; `event_types` and others as given."""
        rule = "webhooks.md, POST webhook-endpoints"
        hook = hook or self.hook()
        client = client or self.server
        made = client.post(self.base, {"url": url or hook.url, **body}).expect_json(201, rule)
        self.exact(made, NEW_ENDPOINT, rule)
        return Endpoint(client, self.tenant, made, hook)

    def check_messages(self, endpoint, expected, seconds=10):
        """Exactly these messages (event id → payload) were written for the endpoint, and each arrived."""
        rule = "webhooks.md, Events"
        rows = endpoint.settled(len(expected), seconds)
        self.equal(sorted(row["event_id"] for row in rows), sorted(expected), rule, "events of the deliveries")
        self.equal({row["status"] for row in rows} - {"delivered"}, set(), rule, "statuses")
        came = endpoint.check_arrivals().hook.by_event()
        self.equal(sorted(came), sorted(expected), rule, f"events that arrived at {endpoint.hook.name}")
        for event_id, payload in expected.items():
            for request in came[event_id]:
                self.equal(request.event, payload, "webhooks.md, Payload: that row's public fields", "payload")
        ids = {row["message_id"]: row["event_id"] for row in rows}
        arrived = {request.id: request.event_id for request in endpoint.hook.requests}
        self.equal(arrived, ids, rule, "webhook-ids of the events")

    def nothing_more(self, hook, count, pause=1.5):
        """No further request comes; longer than any wait of the fast schedule."""
        time.sleep(pause)
        self.equal(len(hook.requests), count, "webhooks.md, Delivery", f"requests at {hook.name}")


def quantile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))]
