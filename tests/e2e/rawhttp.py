# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP/1.1 as it is on the wire: keep-alive, answers read while they arrive, and a clear word when they break off."""

import json
import select
import socket
import urllib.parse
import uuid
from decimal import Decimal

TYPE_OF_STATUS = {
    400: "invalid_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "invalid_request",
    413: "payload_too_large",
    422: "validation_error",
    429: "rate_limit_exceeded",
    500: "internal_error",
    502: "upstream_error",
    503: "service_unavailable",
    504: "upstream_timeout",
}


# The same on the routes of Anthropic's clients.
MESSAGES_TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    411: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class Disconnected(Exception):
    """The peer closed before the answer was whole."""


def parse_json(text):
    """JSON with every fraction as an exact Decimal: money never passes through a double."""
    return json.loads(text, parse_float=Decimal)


class Response:
    """One answer; the body is read on demand."""

    def __init__(self, connection, request, status, headers):
        self.request = request  # "POST /v1/…", for messages
        self.status = status
        self.headers = headers  # lower-case name → value, repeated ones joined with ", "
        self.complete = False  # the whole body has arrived
        self._connection = connection
        self._body = bytearray()
        self._arriving = self._pieces()

    def pieces(self):
        """The body as it arrives; asked again, it goes on where it was. Raises Disconnected when it breaks off."""
        return self._arriving

    def _pieces(self):
        connection = self._connection
        if self.request.startswith("HEAD ") or self.status in (204, 304) or self.status < 200:
            pass
        elif "chunked" in self.headers.get("transfer-encoding", "").lower():
            while size := int(connection.line().split(b";")[0], 16):
                yield from self._take(size)
                connection.line()
            while connection.line():
                pass
        elif "content-length" in self.headers:
            yield from self._take(int(self.headers["content-length"]))
        else:
            while piece := connection.some(eof_is_fine=True):
                self._body += piece
                yield piece
            connection.close()
        self.complete = True
        if self.headers.get("connection", "").lower() == "close":
            connection.close()

    def _take(self, size):
        while size:
            piece = self._connection.some(size)
            size -= len(piece)
            self._body += piece
            yield piece

    def read(self):
        if not self.complete:
            for _ in self.pieces():
                pass
        return bytes(self._body)

    def json(self):
        try:
            return parse_json(self.read())
        except ValueError as error:
            raise AssertionError(f"{self.describe()}: expected JSON ({error})") from error

    def data(self):
        """The payloads of the `data:` lines of an event stream, as they arrive."""
        for _, payload in self.events():
            yield payload

    def events(self):
        """(event name or None, data) of each frame; comments are left out."""
        rest = b""
        for piece in self.pieces():
            rest += piece
            while b"\n\n" in rest:
                frame, rest = rest.split(b"\n\n", 1)
                name, lines = None, []
                for line in frame.decode().split("\n"):
                    field, _, value = line.partition(":")
                    if field == "event":
                        name = value.strip()
                    elif field == "data":
                        lines.append(value.removeprefix(" "))
                if lines:
                    yield name, "\n".join(lines)
        if rest.strip():
            raise AssertionError(
                f"{self.describe()}: expected every frame to end with a blank line (inference.md 2, "
                f"Streaming); came {rest[-200:]!r} at the end"
            )

    def describe(self):
        body = bytes(self._body[:600])
        return f"{self.request} answered {self.status} {body.decode(errors='replace')!r}"

    def expect(self, status, rule):
        """This answer, if it has that status and what every answer must have."""
        if self.status != status:
            self.read()
            raise AssertionError(f"expected status {status} by {rule}; came: {self.describe()}")
        request_id = self.headers.get("x-request-id", "")
        try:
            uuid.UUID(request_id)
        except ValueError:
            raise AssertionError(
                f"{self.request}: expected a UUID in x-request-id on every answer by "
                f"conventions.md; came {request_id!r}"
            ) from None
        return self

    def expect_json(self, status, rule):
        """The body of an answer with that status."""
        self.expect(status, rule)
        wanted, came = "application/json; charset=utf-8", self.headers.get("content-type", "")
        if came.replace(" ", "").lower() != wanted.replace(" ", ""):
            raise AssertionError(
                f"{self.request}: expected content-type {wanted!r} by conventions.md; " f"came {came!r}"
            )
        return self.json()

    def expect_error(self, status, code, rule, **members):
        """The `error` object of a refusal; `members` are further members it must have with these values."""
        body = self.expect_json(status, f"{rule} ({code})")
        error = body.get("error")
        is_messages = self.request.split()[1].startswith("/v1/messages")
        if is_messages and (body.get("type"), body.get("request_id")) != ("error", self.headers["x-request-id"]):
            raise AssertionError(f"expected Anthropic's envelope by messages.md, Errors; came: {self.describe()}")
        types = MESSAGES_TYPE_OF_STATUS if is_messages else TYPE_OF_STATUS
        wanted = {"type": types[status], "code": code, **members}
        came = {name: error.get(name) for name in wanted} if isinstance(error, dict) else None
        if came != wanted:
            raise AssertionError(f"expected error {wanted} by {rule}; came: {self.describe()}")
        if not (isinstance(error.get("message"), str) and error["message"] and "param" in error):
            raise AssertionError(
                "expected a message for people and `param` (or null) in the envelope by "
                f"conventions.md; came: {self.describe()}"
            )
        if status == 401 and self.headers.get("www-authenticate") != "Bearer":
            raise AssertionError(
                "expected `WWW-Authenticate: Bearer` on 401 by conventions.md; came "
                f"{self.headers.get('www-authenticate')!r} on {self.request}"
            )
        return error


class Connection:
    """One TCP connection to `http://host:port`, one request at a time."""

    def __init__(self, origin, timeout=30):
        url = urllib.parse.urlsplit(origin)
        self.authority = url.netloc
        self._buffer = bytearray()
        self._last = None
        self._socket = socket.create_connection((url.hostname, url.port), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def reusable(self):
        """Open, nothing left over of an earlier answer, not closed by the peer meanwhile."""
        if self._socket is None or self._buffer or not (self._last is None or self._last.complete):
            return False
        return not select.select([self._socket], [], [], 0)[0]

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, method, target, headers=None, body=None):
        """Sends a request and reads the head of its answer."""
        fields = {"host": self.authority, **(headers or {})}
        if body is not None:
            fields["content-length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return self.send_raw(head.encode() + b"\r\n" + (body or b""), f"{method} {target}")

    def send_raw(self, data, request):
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer may be there all the same
        status = 100
        while status == 100:
            status_line = self.line()
            try:
                status = int(status_line.split()[1])
            except (ValueError, IndexError):
                raise AssertionError(f"{request}: expected an HTTP status line; came {status_line!r}") from None
            headers = {}
            while line := self.line().decode("latin-1"):
                name, _, value = line.partition(":")
                name, value = name.lower(), value.strip()
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
        self._last = Response(self, request, status, headers)
        return self._last

    def line(self):
        while b"\r\n" not in self._buffer:
            self._fill()
        line, _, rest = self._buffer.partition(b"\r\n")
        self._buffer = bytearray(rest)
        return bytes(line)

    def some(self, limit=65536, eof_is_fine=False):
        """What is there, at least one byte; empty only at the end and if that is fine."""
        if not self._buffer:
            try:
                self._fill()
            except Disconnected:
                if eof_is_fine:
                    return b""
                raise
        piece = bytes(self._buffer[:limit])
        del self._buffer[:limit]
        return piece

    def _fill(self):
        if self._socket is None:
            raise Disconnected("closed on this side")
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("the peer closed the connection")
        self._buffer += data


class Client:
    """Requests with one key over a connection that is kept; not for use by several threads."""

    def __init__(self, origin, key=None, timeout=30):
        self.origin = origin
        self.key = key
        self._timeout = timeout
        self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._connection:
            self._connection.close()

    def request(self, method, path, body=None, headers=None, query=None):
        """`body`: bytes as they are, anything else as JSON. The answer's body is not read yet."""
        fields = {"authorization": f"Bearer {self.key}"} if self.key else {}
        if body is not None:
            fields["content-type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        elif method in ("POST", "PATCH", "PUT"):
            body = b""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        if self._connection is None or not self._connection.reusable:
            self.close()
            self._connection = Connection(self.origin, self._timeout)
        return self._connection.send(method, path, {**fields, **(headers or {})}, body)

    def call(self, *args, **kwargs):
        """`request`, with the whole answer read."""
        response = self.request(*args, **kwargs)
        response.read()
        return response

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def post(self, path, body=None, **headers):
        return self.call("POST", path, body, headers={name.replace("_", "-"): v for name, v in headers.items()})

    def patch(self, path, body=None, **headers):
        return self.call("PATCH", path, body, headers={name.replace("_", "-"): v for name, v in headers.items()})

    def delete(self, path):
        return self.call("DELETE", path)

    def rows(self, path, limit=100, **query):
        """All rows of a paged list, from its first page to its last."""
        rows, page, total = [], 1, None
        while total is None or len(rows) < total:
            answer = self.get(path, page=page, limit=limit, **query)
            listed = answer.expect_json(200, "conventions.md, a page of a list")
            total = listed["total"]
            if (listed["page"], listed["limit"]) != (page, limit) or (not listed["data"] and len(rows) < total):
                raise AssertionError(
                    f"expected page {page} of limit {limit} with its rows by conventions.md; came "
                    f"page {listed['page']}, limit {listed['limit']}, {len(listed['data'])} rows, "
                    f"total {total}, after {len(rows)} rows of {path}"
                )
            rows += listed["data"]
            page += 1
        ids = {row["id"] for row in rows}
        if len(ids) != len(rows) or len(rows) != total:
            raise AssertionError(
                f"expected {total} different rows by conventions.md; came {len(rows)} rows with "
                f"{len(ids)} ids from {path}"
            )
        return rows
