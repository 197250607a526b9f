# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receiver of webhooks that the other tests stand on, checked without a gateway."""

import base64
import os
import socket
import time
import unittest

import receiver
from harness import Checks, Client, Disconnected, wait_for
from receiver import CLOSE, CUT, ENDLESS, FAIL, OK, RESET, SILENT, Answer, Receiver

RULE = "receiver.py"
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
LEAST_PER_SECOND = 3000


class ReceiverOfWebhooks(unittest.TestCase, Checks):
    def setUp(self):
        self.receiver = self.enterContext(Receiver())
        self.client = self.enterContext(Client(self.receiver.origin))

    def post(self, hook, number=0, secret=SECRET):
        body = receiver.dumps({"event_id": f"e{number}", "text": "Grüße 😀", "n": number})
        headers = receiver.signed(secret, f"msg_{number}", int(time.time()), body)
        return self.client.call("POST", hook.path, body, headers)

    def test_each_manner(self):
        hook = self.receiver.hook("all").first(FAIL, Answer(302, (("location", "/x"),)), OK.later(0.2), Answer(410))
        statuses = []
        for number in range(5):
            statuses.append(self.post(hook, number).status)
        self.equal(statuses, [500, 302, 200, 410, 200], RULE, "statuses")
        self.equal(len({request.connection for request in hook.requests}), 1, RULE, "connections used")
        for manner in (CLOSE, RESET, CUT):
            hook.first(manner)
            with self.assertRaises(Disconnected):
                self.post(hook)
            self.client.close()
        hook.first(SILENT)
        with Client(self.receiver.origin, timeout=0.3) as impatient, self.assertRaises(TimeoutError):
            impatient.call("POST", hook.path, b"{}")
        self.equal(hook.most_open, 1, RULE, "requests at once")
        wait_for("the silent one to be given up", lambda: hook.open == 0)

    def test_turns(self):
        hook = self.receiver.hook("turns").each(FAIL, OK)
        self.equal([self.post(hook, n).status for n in range(4)], [500, 200, 500, 200], RULE, "statuses")

    def test_a_body_without_end(self):
        hook = self.receiver.hook("endless", ENDLESS)
        pieces = self.client.request("POST", hook.path, b"{}").pieces()
        self.holds(sum(len(next(pieces)) for _ in range(50)) > 200_000, "much", RULE)

    def test_what_goes_astray(self):
        self.equal(self.client.post("/elsewhere", {}).status, 404, RULE, "status")
        self.equal([request.line for request in self.receiver.strays.requests], ["POST /elsewhere HTTP/1.1"], RULE)

    def test_duplicates(self):
        hook = self.receiver.hook("twice")
        for number in (1, 2, 1):
            self.post(hook, number)
        self.equal((len(hook.requests), hook.duplicates, hook.ids()), (3, 1, {"msg_1", "msg_2"}), RULE)
        self.equal(len(hook.by_event()["e1"]), 2, RULE, "requests of an event")

    def test_the_recipe(self):
        hook = self.receiver.hook("signed")
        self.post(hook)
        (request,) = hook.requests
        self.holds(request.signed_with(SECRET), "a good signature", RULE, request)
        other = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        self.holds(not request.signed_with(other), "a bad signature with another secret", RULE)
        for name in ("webhook-id", "webhook-timestamp"):
            headers = {**request.headers, name: request.headers[name] + "0"}
            self.holds(not receiver.recipe(SECRET, headers, request.body), f"a bad signature, {name}", RULE)
        self.holds(not receiver.recipe(SECRET, request.headers, request.body + b" "), "a bad signature, body", RULE)

    def test_connections_are_counted_even_if_nothing_is_said(self):
        before = self.receiver.connections
        with socket.create_connection(("127.0.0.1", self.receiver.port)):
            wait_for("the connection", lambda: self.receiver.connections == before + 1)

    def test_it_is_no_bottleneck(self):
        """Pipelined, so that it is the receiver that is measured and not the sender."""
        hook = self.receiver.hook("fast")
        body = receiver.dumps({"event_id": "e", "data": "x" * 500})
        headers = receiver.signed(SECRET, "msg_1", int(time.time()), body)
        head = f"POST {hook.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n"
        request = (head + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + "\r\n").encode() + body
        rounds, batch = 200, 50
        begun = time.process_time()
        with socket.create_connection(("127.0.0.1", self.receiver.port)) as peer:
            answer = len(OK.wire) * batch
            for _ in range(rounds):
                peer.sendall(request * batch)
                left = answer
                while left:
                    left -= len(peer.recv(left))
        per_second = rounds * batch / (time.process_time() - begun)
        print(f"{per_second:.0f} requests per second of processor time", flush=True)
        self.equal(len(hook.requests), rounds * batch, RULE, "requests")
        self.holds(per_second > LEAST_PER_SECOND, f"more than {LEAST_PER_SECOND} requests per second", RULE, per_second)


if __name__ == "__main__":
    unittest.main(verbosity=2)
