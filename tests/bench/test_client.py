# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator notices every kind of wrong answer. MOCK_PROVIDER and BENCH_CLIENT are the paths of the programs."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest
from decimal import Decimal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from processes import Mock, cost_per_call  # noqa: E402


class Canned:
    """A server that gives the same bytes to every request, then closes."""

    def __init__(self, answer):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(self._answer)

    def close(self):
        # The accept in the other thread does not end by a close alone.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = cls.enterClassContext(Mock(os.environ["MOCK_PROVIDER"]))

    def run_client(self, model, *options, port=None):
        done = subprocess.run([os.environ["BENCH_CLIENT"], "--port", str(port or self.mock.port), "--model", model, "--connections", "4",
                               "--seconds", "0.1", "--patience", "0.3", *options], capture_output=True, text=True, timeout=30, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        result = json.loads(done.stdout)
        first = result[0] if isinstance(result, list) else result
        self.assertEqual(done.returncode, 1 if first["wrong"] else 0)
        return result

    def test_right_answers(self):
        before = self.mock.stats()["completed"]
        asked = 0
        for options in ([], ["--stream"], ["--stream", "--include-usage"], ["--mode", "open", "--rate", "300"],
                        ["--mode", "hold", "--connections", "20", "--rate", "1000"]):
            for model in ("mock-small,mock-p77-s3000-n30,mock-s0", "mock-w100"):
                result = self.run_client(model, *options)
                self.assertEqual((result["wrong"], result["right"]), (0, result["requests"]), result)
                self.assertGreater(result["right"], 0)
                asked += result["requests"]
        self.assertEqual(self.mock.stats()["completed"] - before, asked)

    def test_wrong_answers(self):
        for fault in ("429", "html", "halfjson", "nousage", "reset", "close", "resetmid", "cut", "hang", "hangmid", "dup"):
            self.assertEqual(self.run_client(f"mock-fault-{fault}")["right"], 0, fault)
        for fault in ("500", "cutclean", "nodone", "errorframe", "badframe", "cut", "resetmid", "hangmid", "dup"):
            self.assertEqual(self.run_client(f"mock-fault-{fault}", "--stream")["right"], 0, fault)
        self.assertEqual(self.run_client("mock-fault-nousage", "--stream", "--include-usage")["right"], 0)

    def test_answers_of_somebody_else(self):
        def answer(model, content, usage, finish="stop"):
            body = json.dumps({"model": model, "choices": [{"message": {"content": content}, "finish_reason": finish}],
                               "usage": {"prompt_tokens": usage}}, separators=(",", ":"))
            return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()

        right = ("mock-p30-s5", "Hello", 30)
        for number, parts in enumerate((right, ("mock-p30-s6", *right[1:]), (right[0], "Hallo", 30), (*right[:2], 301), (*right, "length"))):
            server = Canned(answer(*parts))
            self.assertEqual(self.run_client("mock-p30-s5", port=server.port)["right"] > 0, number == 0, parts)
            server.close()

    def test_latency_counts_from_when_a_request_was_due(self):
        result = self.run_client("mock-d50", "--mode", "open", "--rate", "100", "--connections", "1", "--seconds", "1", "--patience", "10")
        self.assertEqual(result["wrong"], 0)
        # One connection answers 20 a second, so the hundredth waits some four seconds.
        self.assertGreater(result["latency_us"]["max"], 3_000_000)

    def test_several_servers_in_turn(self):
        with Mock(os.environ["MOCK_PROVIDER"]) as slow:
            results = self.run_client("mock-small", "--mode", "open", "--rate", "100", port=f"{self.mock.port},{slow.port}")
            self.assertEqual([result["requests"] for result in results], [10, 10])
            self.assertEqual(slow.stats()["completed"], 10)

    def test_cost_of_a_call(self):
        self.assertEqual(cost_per_call("mock-small-xa"), Decimal("0.000008"))  # 20 × 0.15 + 5 × 0.075 + 8 × 0.60 = 8.175
        self.assertEqual(cost_per_call("mock-p120-c10-k64-s40-xd"), Decimal("0.000019"))  # 8.4 + 4.8 + 6 = 19.2
        self.assertEqual(cost_per_call("mock-p1-c0"), Decimal("0.000001"))


if __name__ == "__main__":
    unittest.main()
