# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receiver of webhooks in a thread: many hooks on one port, each behaves as its test says; all that came is kept."""

import asyncio
import base64
import collections
import dataclasses
import functools
import hashlib
import hmac
import itertools
import json
import re
import socket
import struct
import threading
import time

from harness import parse_json, wait_for

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CLOSING = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
REASONS = {
    200: "OK",
    204: "No Content",
    302: "Found",
    410: "Gone",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
PIECE = b"%x\r\n%b\r\n" % (16384, b"x" * 16384)


def recipe(secret, headers, body):
    """The verification that the integration guide prints for Python, on headers that are a dict."""
    msg_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signature_header = headers.get("webhook-signature", "")

    secret_bytes = base64.b64decode(secret.split("_")[1])
    to_sign = f"{msg_id}.{timestamp}.{body.decode()}".encode()
    expected = base64.b64encode(hmac.new(secret_bytes, to_sign, hashlib.sha256).digest()).decode()

    signatures = signature_header.split(" ")
    return any(hmac.compare_digest(expected, sig.split(",")[1]) for sig in signatures if "," in sig)


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a request is answered. `manner`: whole; silent (never); close or reset (before the first byte); cut (in the
    middle of the body); endless (a body without end)."""

    status: int = 200
    headers: tuple = ()
    body: bytes = b"ok"
    after: float = 0  # seconds
    manner: str = "whole"

    @functools.cached_property
    def wire(self):
        fields = [("content-length", str(len(self.body))), *self.headers]
        if self.manner == "endless":
            fields[0] = ("transfer-encoding", "chunked")
        head = f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Whatever')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        return head.encode() + b"\r\n" + self.body if self.manner != "endless" else head.encode() + b"\r\n"

    def later(self, seconds):
        return dataclasses.replace(self, after=seconds)


OK = Answer()
FAIL = Answer(500, body=b"broken")
GONE = Answer(410)
TOO_MANY = Answer(429)
SILENT = Answer(manner="silent")
CLOSE = Answer(manner="close")
RESET = Answer(manner="reset")
CUT = Answer(body=b"y" * 1000, manner="cut")
ENDLESS = Answer(manner="endless")
NOWHERE = Answer(404)


class Request:
    """One request as it came; what is in it is looked at later."""

    __slots__ = ("at", "body", "connection", "head", "__dict__")

    def __init__(self, at, head, body, connection):
        self.at = at  # time.time()
        self.head = head
        self.body = body
        self.connection = connection

    @property
    def line(self):
        return self.head.split(b"\r\n", 1)[0].decode()

    @functools.cached_property
    def fields(self):
        """(lower-case name, value) of each header, as often as it came."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    @functools.cached_property
    def headers(self):
        return dict(self.fields)

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def timestamp(self):
        return int(self.headers["webhook-timestamp"])

    @property
    def tokens(self):
        return self.headers["webhook-signature"].split(" ")

    @functools.cached_property
    def event(self):
        return parse_json(self.body)

    @property
    def event_id(self):
        return self.event["event_id"]

    def signed_with(self, secret):
        return recipe(secret, self.headers, self.body)

    def __repr__(self):
        return f"<{self.line} {self.headers} {self.body[:300]!r}>"


class Hook:
    """One URL of the receiver."""

    def __init__(self, origin, path, name):
        self.url = origin + path
        self.path = path
        self.name = name
        self.requests = []  # grows in the receiver's thread
        self.open = 0  # requests that wait for their answer
        self.most_open = 0
        self._standing = OK
        self._next = collections.deque()
        self._every = None

    def first(self, *answers):
        """What the next requests get, one each, before they get what is usual here."""
        self._next.extend(answers)
        return self

    def always(self, answer):
        self._standing = answer
        return self

    def each(self, *answers):
        """These in turn, over and over."""
        self._every = itertools.cycle(answers)
        return self

    def take(self, request):
        """The answer; the receiver's thread asks."""
        self.requests.append(request)
        if self._next:
            return self._next.popleft()
        return next(self._every) if self._every else self._standing

    # -------- what came

    def wait(self, count, seconds=10, what="requests"):
        """The first so many requests."""
        wait_for(f"{count} {what} at {self.name}", lambda: len(self.requests) >= count, seconds)
        return self.requests[:count]

    def by_event(self):
        """event_id → its requests."""
        found = collections.defaultdict(list)
        for request in list(self.requests):
            found[request.event_id].append(request)
        return found

    def wait_for_events(self, count, seconds=10):
        wait_for(f"{count} events at {self.name}", lambda: len(self.ids()) >= count, seconds)
        return self.by_event()

    def ids(self):
        """Different webhook-ids that came; the others are duplicates."""
        return {request.id for request in list(self.requests)}

    @property
    def duplicates(self):
        return len(self.requests) - len(self.ids())

    def forget(self):
        self.requests.clear()
        self.most_open = 0


class Connection(asyncio.Protocol):
    """One connection to the receiver: HTTP/1.1 with keep-alive, one request at a time."""

    def __init__(self, receiver):
        self._receiver = receiver
        self._buffer = b""
        self._transport = None
        self._hook = None  # of the request that waits for its answer
        self._number = 0

    def connection_made(self, transport):
        self._transport = transport
        self._number = self._receiver.note_connection(self)

    def connection_lost(self, _):
        self._receiver.connected.discard(self)
        self._release()

    def data_received(self, data):
        self._buffer += data
        self._take()

    def _take(self):
        while self._hook is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            found = LENGTH.search(self._buffer, 0, end + 2)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            request = Request(time.time(), self._buffer[:end], self._buffer[end + 4 : whole], self._number)
            self._buffer = self._buffer[whole:]
            path = request.head.split(b" ", 2)[1].decode("latin-1")
            self._hook = hook = self._receiver.hook_at(path)
            hook.open += 1
            hook.most_open = max(hook.most_open, hook.open)
            answer = hook.take(request)
            if answer.after:
                asyncio.get_running_loop().call_later(answer.after, self._answer, answer, request)
                return
            self._answer(answer, request)

    def _answer(self, answer, request):
        if self._transport.is_closing() or answer.manner == "silent":
            return
        if answer.manner == "endless":
            self._transport.write(answer.wire)
            self._pour()
            return
        self._release()
        if answer.manner == "close":
            self._transport.close()
        elif answer.manner == "reset":
            self._linger_not()
            self._transport.abort()
        elif answer.manner == "cut":
            self._transport.write(answer.wire[: -len(answer.body) // 2])
            self._transport.close()
        else:
            self._transport.write(answer.wire)
            if CLOSING.search(request.head + b"\r\n"):
                self._transport.close()
            elif answer.after:
                self._take()

    def _pour(self):
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() < len(PIECE) * 4:
            self._transport.write(PIECE)
        asyncio.get_running_loop().call_later(0.005, self._pour)

    def _linger_not(self):
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )

    def _release(self):
        if self._hook:
            self._hook.open -= 1
            self._hook = None

    def close(self):
        self._transport.abort()


class Receiver:
    """The server; `hook()` makes a URL of it. What comes to no hook is a stray and gets 404."""

    def __init__(self, host="127.0.0.1", tls=None, port=0):
        self._host = host
        self._tls = tls
        self._port = port
        self._hooks = {}
        self._loop = asyncio.new_event_loop()
        self._server = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.strays = Hook("", "", "no hook").always(NOWHERE)
        self.connections = 0  # ever made
        self.connected = set()
        self.origin = None
        self.port = None

    def __enter__(self):
        started = self._loop.create_server(
            lambda: Connection(self), self._host, self._port, ssl=self._tls, backlog=1024, reuse_address=True
        )
        self._server = self._loop.run_until_complete(started)
        self.port = self._server.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.origin = f"{'https' if self._tls else 'http'}://{host}:{self.port}"
        self._thread.start()
        return self

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self):
        self._server.close()
        for connection in list(self.connected):
            connection.close()
        await asyncio.sleep(0)

    def note_connection(self, connection):
        self.connected.add(connection)
        self.connections += 1
        return self.connections

    def drop_connections(self):
        """Closes them all, as a receiver does that is restarted."""
        self._loop.call_soon_threadsafe(lambda: [connection.close() for connection in list(self.connected)])

    def hook(self, name, answer=OK):
        path = f"/hooks/{len(self._hooks)}/{name.replace(' ', '-')}"
        self._hooks[path] = Hook(self.origin, path, name).always(answer)
        return self._hooks[path]

    def hook_at(self, path):
        return self._hooks.get(path.partition("?")[0], self.strays)

    @property
    def hooks(self):
        return list(self._hooks.values())


def dumps(event):
    """JSON as compact as a sender writes it."""
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def signed(secret, msg_id, timestamp, body):
    """The headers that a sender puts on such a message."""
    key = base64.b64decode(secret.split("_")[1])
    digest = hmac.new(key, f"{msg_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": msg_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
