# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other tests stand on, checked without a gateway: the HTTP client, the mock provider, the price formula."""

import unittest
from decimal import Decimal

import harness
from harness import ABORTED, PRICE, SLOW, Checks, Client, Disconnected, Mock, chat_body, wait_for

CHAT = "/v1/chat/completions"
RULE = "tests/mock/README.md"


class Harness(unittest.TestCase, Checks):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock())

    def setUp(self):
        self.mock.reset()
        self.client = self.enterContext(Client(self.mock.origin, harness.UPSTREAM_KEY))

    def test_each_good_answer_reports_its_usage(self):
        for answer in (*harness.BILLED, ABORTED):
            for stream in (False, True):
                with self.subTest(answer=answer.name, stream=stream):
                    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
                    response = self.client.request("POST", CHAT, chat_body(answer.name, **options))
                    self.equal(response.status, 200, RULE, response.describe())
                    if stream:
                        chunks = [harness.parse_json(frame) for frame in response.data() if frame != "[DONE]"]
                        response.read()
                        usage = [chunk["usage"] for chunk in chunks if chunk.get("usage")][-1]
                    else:
                        usage = response.json()["usage"]
                    came = (
                        usage["prompt_tokens"],
                        usage["completion_tokens"],
                        usage["prompt_tokens_details"]["cached_tokens"],
                    )
                    self.equal(came, (answer.prompt, answer.completion, answer.cached), RULE, "usage")
        stats = self.mock.stats()
        self.equal(
            (stats["completed"], stats["running"]),
            (2 * (len(harness.BILLED) + 1), 0),
            RULE,
            "completed and running calls",
        )

    def test_every_fault_is_one(self):
        for fault in harness.FAULTS:
            with self.subTest(fault=fault.name):
                try:
                    response = self.client.call("POST", CHAT, chat_body(fault.name))
                    response.json()
                    self.holds(response.status != 200, "no good answer", RULE, response.describe())
                except (Disconnected, AssertionError) as broken:
                    self.holds("expected no good answer" not in str(broken), "no good answer", RULE, broken)
        self.equal(self.mock.count(), len(harness.FAULTS), RULE, "calls counted, faults among them")

    def test_a_broken_stream_starts_well(self):
        for name in harness.BROKEN_STREAMS:
            with self.subTest(model=name):
                frames = []
                try:
                    for frame in self.client.request("POST", CHAT, chat_body(name, stream=True)).data():
                        frames.append(frame)
                except (Disconnected, ValueError):
                    frames.append("broken")
                self.holds(len(frames) > 2 and '"content"' in frames[1], "content before the break", RULE, frames)

    def test_an_abort_in_mid_stream_is_seen_and_counted(self):
        response = self.client.request("POST", CHAT, chat_body(SLOW.name, stream=True, user="leaver"))
        next(response.data())
        self.equal(self.mock.running(), 1, RULE, "running calls")
        self.client.close()
        wait_for("the end of the call", lambda: not self.mock.running(), 1)
        (call,) = [call for call in self.mock.calls() if call["user"] == "leaver"]
        self.equal(call["outcome"], "aborted", RULE, "outcome")

    def test_connections_are_kept_and_renewed(self):
        for _ in range(3):
            self.client.post(CHAT, chat_body(harness.PLAIN.name)).json()
        self.client.post(CHAT, chat_body("mock-fault-closeidle")).json()
        wait_for("the mock to close", lambda: not self.client._connection.reusable, 2)
        self.client.post(CHAT, chat_body(harness.PLAIN.name)).json()
        connections = [call["connection"] for call in self.mock.calls()]
        self.equal(
            [len(set(connections)), connections[0], connections[-1] != connections[0]],
            [2, connections[3], True],
            "rawhttp.py, keep-alive",
            "connections used",
        )

    def test_the_last_request_is_kept_byte_for_byte(self):
        body = '{"model": "mock-small",  "messages":[{"role":"user","content":"\\u00e9 😀"}] , "x": 1.50}'
        self.client.post(CHAT, body.encode()).json()
        self.equal(self.mock.last_body(), body, RULE, "the last body")
        self.equal(
            self.mock.last_headers()["authorization"], f"Bearer {harness.UPSTREAM_KEY}", RULE, "its authorization"
        )

    def test_the_price_formula(self):
        for arguments, cost in (
            ((25, 8), "0.000009"),
            ((1, 0), "0.000001"),
            ((0, 0), "0"),
            ((1000, 100, 400), "0.00018"),
            ((123456, 4096), "0.020976"),
        ):
            self.equal(PRICE.cost(*arguments), Decimal(cost), harness.COST_RULE, f"cost of {arguments}")
        self.equal(
            PRICE.cost(25, 8, markup=80), Decimal("0.000015"), "platforms.md, markup_percentage: one rounding", "cost"
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
