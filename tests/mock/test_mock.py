# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mock provider does what its README says. MOCK_PROVIDER is the path of the program."""

import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

CHAT = "/v1/chat/completions"


class Answer:
    def __init__(self, status, headers, body, whole):
        self.status, self.headers, self.body, self.whole = status, headers, body, whole

    def json(self):
        return json.loads(self.body)

    def frames(self):
        """The data of each frame, parsed, "[DONE]" as it is."""
        parts = [part for part in self.body.decode().split("\n\n") if part]
        data = [part.removeprefix("data: ") for part in parts]
        return [frame if frame == "[DONE]" else json.loads(frame) for frame in data]

    def deltas(self):
        return [frame["choices"][0]["delta"] for frame in self.frames() if frame != "[DONE]" and frame.get("choices")]

    def text(self):
        return "".join(delta.get("content") or "" for delta in self.deltas())


class Wire:
    """One connection, byte by byte."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, method, path, body=b"", headers=(), key="Authorization: Bearer sk-upstream-1234"):
        lines = [f"{method} {path} HTTP/1.1", "Host: mock", *([key] if key else []), *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def head(self):
        status = int(self.line().split()[1])
        headers = {}
        while line := self.line():
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self):
        status, headers = self.head()
        body = b""
        try:
            if headers.get("transfer-encoding") == "chunked":
                while size := int(self.line(), 16):
                    body += self.take(size)
                    self.take(2)
                self.take(2)
            else:
                length = int(headers["content-length"])
                while len(self.buffer) < length:
                    self.more()
                body = self.take(length)
        except EOFError:
            return Answer(status, headers, body + self.buffer, False)
        return Answer(status, headers, body, True)

    def silent(self, seconds=0.1):
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            return not self.socket.recv(1)
        return True


class Api:
    """How one of the other APIs is asked, and where its answers have what all have."""

    version = ()

    def __init__(self, path, key, body):
        self.path, self.key, self.body = path, key, body

    def url(self, model, stream):
        return self.path

    def request(self, model, stream, **members):
        return {"model": model, **({"stream": True} if stream else {}), **self.body, **members}

    def events(self, answer):
        """Each event's data; names must fit them."""
        found = []
        for part in answer.body.decode().replace("\r\n", "\n").strip("\n").split("\n\n"):
            lines = dict(line.split(": ", 1) for line in part.split("\n"))
            found.append(json.loads(lines["data"]))
            assert lines.get("event", found[-1].get("type")) == found[-1].get("type"), part
        return found


class Messages(Api):
    version = ("anthropic-version: 2023-06-01",)

    def __init__(self):
        super().__init__("/v1/messages", "x-api-key", {"max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]})

    def text(self, body):
        return "".join(block.get("text", "") for block in body["content"])

    def calls(self, body):
        return [(block["name"], block["input"]) for block in body["content"] if block["type"] == "tool_use"]

    def usage(self, body):
        usage = body["usage"]
        return (usage["input_tokens"] + usage["cache_read_input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"],
                usage["output_tokens_details"]["thinking_tokens"])

    def end(self, body):
        return body["stop_reason"]

    def collected(self, events):
        body = {**events[0]["message"]}
        blocks = {}
        for event in events[1:]:
            if event["type"] == "content_block_start":
                blocks[event["index"]] = {**event["content_block"], "input": ""} if event["content_block"]["type"] == "tool_use" \
                    else dict(event["content_block"])
            elif event["type"] == "content_block_delta":
                delta = dict(event["delta"])
                delta.pop("type")
                for name, piece in delta.items():
                    name = "input" if name == "partial_json" else name
                    blocks[event["index"]][name] += piece
            elif event["type"] == "content_block_stop" and blocks[event["index"]]["type"] == "tool_use":
                blocks[event["index"]]["input"] = json.loads(blocks[event["index"]]["input"])
            elif event["type"] == "message_delta":
                body |= event["delta"]
                body["usage"] = {**body.get("usage", {}), **event.get("usage", {})}
        assert events[-1]["type"] == "message_stop"
        return body | {"content": [blocks[index] for index in sorted(blocks)]}

    def with_results(self, body):
        results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
                   for block in body["content"] if block["type"] == "tool_use"]
        return {"messages": [*self.body["messages"], {"role": "assistant", "content": body["content"]}, {"role": "user", "content": results}]}

    def asking(self, text):
        return {"messages": [{"role": "user", "content": text}]}


class Google(Api):
    def __init__(self):
        super().__init__("/v1beta/models/", "x-goog-api-key", {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]})

    def url(self, model, stream):
        return self.path + model + (":streamGenerateContent?alt=sse" if stream else ":generateContent")

    def request(self, model, stream, **members):
        return {**self.body, **members}

    def parts(self, body):
        return body["candidates"][0]["content"]["parts"]

    def text(self, body):
        return "".join(part.get("text", "") for part in self.parts(body))

    def calls(self, body):
        return [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in self.parts(body) if "functionCall" in part]

    def usage(self, body):
        usage = body["usageMetadata"]
        thoughts = usage.get("thoughtsTokenCount", 0)
        completion = usage["candidatesTokenCount"] + thoughts
        assert usage["totalTokenCount"] == usage["promptTokenCount"] + completion
        return usage["promptTokenCount"], usage.get("cachedContentTokenCount", 0), completion, thoughts

    def end(self, body):
        return body["candidates"][0]["finishReason"]

    def collected(self, events):
        parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
        candidate = events[-1]["candidates"][0] | {"content": {"role": "model", "parts": [part for part in parts if part != {"text": ""}]}}
        return events[-1] | {"candidates": [candidate]}

    def with_results(self, body):
        results = [{"functionResponse": {"id": part["functionCall"]["id"], "name": part["functionCall"]["name"], "response": {}}}
                   for part in self.parts(body)]
        return {"contents": [*self.body["contents"], body["candidates"][0]["content"], {"role": "user", "parts": results}]}

    def asking(self, text):
        return {"contents": [{"role": "user", "parts": [{"text": text}]}]}


class Responses(Api):
    def __init__(self):
        super().__init__("/v1/responses", "Authorization", {"input": "Hi"})

    def text(self, body):
        return "".join(part.get("text", "") for item in body["output"] for part in item.get("content", ()))

    def calls(self, body):
        return [(item["name"], json.loads(item["arguments"])) for item in body["output"] if item["type"] == "function_call"]

    def usage(self, body):
        usage = body["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        return (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"],
                usage["output_tokens_details"]["reasoning_tokens"])

    def end(self, body):
        return (body["incomplete_details"] or {"reason": body["status"]})["reason"]

    def collected(self, events):
        """The last event's answer; the pieces before it must give the same."""
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
        body = events[-1]["response"]
        assert events[-1]["type"] == "response." + body["status"]
        assert body["output"] == [event["item"] for event in events if event["type"] == "response.output_item.done"]
        pieces = {}
        for event in events:
            if event["type"].endswith(".delta"):
                pieces[event["output_index"]] = pieces.get(event["output_index"], "") + event["delta"]
        for index, piece in pieces.items():
            item = body["output"][index]
            part = item["content"][0] if "content" in item else {}
            assert piece == item.get("arguments", part.get("text", part.get("refusal")))
        return body

    def with_results(self, body):
        results = [{"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
                   for item in body["output"] if item["type"] == "function_call"]
        return {"input": [{"role": "user", "content": "Hi"}, *body["output"], *results]}

    def asking(self, text):
        return {"input": text}


OTHERS = (Messages(), Google(), Responses())


class MockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = subprocess.Popen([os.environ["MOCK_PROVIDER"]], stdout=subprocess.PIPE, text=True)
        cls.port = int(cls.process.stdout.readline().rsplit(":", 1)[1])

    @classmethod
    def tearDownClass(cls):
        cls.process.send_signal(signal.SIGTERM)
        code = cls.process.wait(5)
        cls.process.stdout.close()
        assert code == 0, code

    def setUp(self):
        self.wires = []
        self.ask("POST", "/__reset")

    def tearDown(self):
        for wire in self.wires:
            wire.close()

    def wire(self):
        self.wires.append(Wire(self.port))
        return self.wires[-1]

    def ask(self, method, path, **options):
        wire = Wire(self.port)
        wire.send(method, path, **options)
        answer = wire.answer()
        wire.close()
        return answer

    def chat(self, model, wire=None, **members):
        wire = wire or self.wire()
        members.setdefault("messages", [{"role": "user", "content": "Hi"}])
        wire.send("POST", CHAT, json.dumps({"model": model, **members}).encode())
        return wire

    def other(self, api, model, stream=False, wire=None, headers=None, key="sk-upstream-1234", **members):
        wire = wire or self.wire()
        named = f"{api.key}: {'Bearer ' if api.key == 'Authorization' else ''}{key}" if key else None
        wire.send("POST", api.url(model, stream), json.dumps(api.request(model, stream, **members)).encode(),
                  api.version if headers is None else headers, named)
        return wire

    def stats(self):
        return self.ask("GET", "/__stats").json()

    def calls(self, since=1):
        return self.ask("GET", f"/__calls?since={since}").json()["calls"]

    def last_call(self):
        return self.calls()[-1]

    def wait_for(self, condition, seconds=2):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not happen")
            time.sleep(0.005)

    # ------------------------------------------------------------ good answers

    def test_json_answer_has_the_shape_of_the_real_one(self):
        answer = self.chat("mock-small").answer()
        body = answer.json()
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/json"))
        self.assertEqual(set(body), {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"})
        self.assertRegex(body["id"], r"^chatcmpl-[A-Za-z0-9]{29}$")
        self.assertLess(abs(body["created"] - time.time()), 5)
        self.assertEqual(body["choices"], [{"index": 0, "logprobs": None, "finish_reason": "stop", "message": {
            "role": "assistant", "content": "Hello! How can I assist you today?", "refusal": None, "annotations": []}}])
        self.assertEqual(body["usage"], {
            "prompt_tokens": 25, "completion_tokens": 8, "total_tokens": 33,
            "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                          "rejected_prediction_tokens": 0}})

    def test_numbers_in_the_name_set_usage_and_size(self):
        for model, usage in (("mock-p100-c50-k20-r5", (100, 50, 20, 5)), ("mock-p7", (7, 8, 0, 0)), ("gpt-4o", (25, 8, 5, 0)),
                             ("mock-xalpha-c1000000-s3", (25, 1000000, 5, 0))):
            body = self.chat(model).answer().json()
            got = body["usage"]
            self.assertEqual((got["prompt_tokens"], got["completion_tokens"], got["prompt_tokens_details"]["cached_tokens"],
                              got["completion_tokens_details"]["reasoning_tokens"]), usage, model)
            self.assertEqual(body["model"], model)
        for size in (0, 1, 33, 100_000):
            for extra in ("", "-u"):
                content = self.chat(f"mock-s{size}{extra}").answer().json()["choices"][0]["message"]["content"]
                self.assertEqual(len(content.encode()), size)

    def test_stream_is_role_content_finish_usage_done(self):
        answer = self.chat("mock-n10-s57-u", stream=True, stream_options={"include_usage": True}).answer()
        self.assertEqual(answer.headers["content-type"], "text/event-stream; charset=utf-8")
        frames = answer.frames()
        self.assertEqual((len(frames), frames[-1]), (1 + 10 + 1 + 1 + 1, "[DONE]"))
        self.assertEqual(frames[0]["choices"][0]["delta"], {"role": "assistant", "content": "", "refusal": None})
        self.assertEqual(len(answer.text().encode()), 57)
        self.assertEqual((frames[-3]["choices"][0]["delta"], frames[-3]["choices"][0]["finish_reason"]), ({}, "stop"))
        self.assertEqual((frames[-2]["choices"], frames[-2]["usage"]["total_tokens"]), ([], 33))
        self.assertEqual({frame["usage"] for frame in frames[:-2]}, {None})
        self.assertEqual(len({(frame["id"], frame["object"], frame["created"], frame["model"]) for frame in frames[:-1]}), 1)

    def test_stream_without_include_usage_says_nothing_about_usage(self):
        frames = self.chat("mock-small", stream=True).answer().frames()
        self.assertTrue(all("usage" not in frame for frame in frames[:-1]))
        self.assertFalse(self.last_call()["usage_sent"])

    def test_tools_are_two_calls_in_json_and_stream(self):
        message = self.chat("mock-tools").answer().json()["choices"][0]["message"]
        self.assertIsNone(message["content"])
        whole = [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
        self.assertEqual([json.loads(call[2]) for call in whole], [{"location": "Paris"}, {"timezone": "Europe/Paris"}])
        built = {}
        answer = self.chat("mock-tools", stream=True).answer()
        for delta in answer.deltas():
            for part in delta.get("tool_calls", []):
                call = built.setdefault(part["index"], {"id": part.get("id"), "name": part["function"].get("name"), "arguments": ""})
                call["arguments"] += part["function"]["arguments"]
        self.assertEqual([tuple(call.values()) for call in built.values()], whole)
        self.assertEqual(answer.frames()[-2]["choices"][0]["finish_reason"], "tool_calls")
        after = [{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": whole[0][0], "content": "rain"}]
        self.assertEqual(self.chat("mock-tools", messages=after).answer().json()["choices"][0]["finish_reason"], "stop")

    def test_call_does_what_the_message_says(self):
        messages = [{"role": "user", "content": 'please call:find_issue {"q": "say \\"hi\\" ü", "n": [1]}'}]
        for ending in (messages, [{"role": "system", "content": "x"}, *messages]):
            choice = self.chat("mock-call", messages=ending).answer().json()["choices"][0]
            call = choice["message"]["tool_calls"][0]["function"]
            self.assertEqual((call["name"], json.loads(call["arguments"])), ("find_issue", {"q": 'say "hi" ü', "n": [1]}))
        self.assertEqual(self.chat("mock-call").answer().json()["choices"][0]["finish_reason"], "stop")

    def test_other_ends(self):
        self.assertEqual(self.chat("mock-length").answer().json()["choices"][0]["finish_reason"], "length")
        self.assertEqual(self.chat("mock-content_filter").answer().json()["choices"][0]["finish_reason"], "content_filter")
        message = self.chat("mock-refusal").answer().json()["choices"][0]["message"]
        self.assertEqual((message["content"], bool(message["refusal"])), (None, True))
        deltas = self.chat("mock-refusal", stream=True).answer().deltas()
        self.assertTrue("".join(delta.get("refusal", "") for delta in deltas))

    def test_delay_and_gaps(self):
        begin = time.monotonic()
        self.chat("mock-d80").answer()
        self.assertGreaterEqual(time.monotonic() - begin, 0.08)
        begin = time.monotonic()
        wire = self.chat("mock-n4-g100", stream=True)
        wire.head()
        wire.line()
        self.assertLess(time.monotonic() - begin, 0.09, "the first chunk waits for nothing")
        wire.buffer = b"200 x\r\n\r\n"  # the rest, without its head
        while b"[DONE]" not in wire.buffer:
            wire.more()
        self.assertGreaterEqual(time.monotonic() - begin, 0.5)

    def test_small_writes_give_the_same_bytes(self):
        answer = self.chat("mock-w50-u-s40-n3", stream=True).answer()
        self.assertEqual(len(answer.text().encode()), 40)
        self.assertEqual(len(self.chat("mock-w50-u-s40").answer().json()["choices"][0]["message"]["content"].encode()), 40)

    def test_embeddings_and_models(self):
        for text, count in (("one", 1), (["a", "b", "c"], 3), ([1, 2, 3], 1)):
            body = self.ask("POST", "/v1/embeddings", body=json.dumps({"model": "mock-small", "input": text}).encode()).json()
            self.assertEqual((len(body["data"]), body["usage"]), (count, {"prompt_tokens": 25, "total_tokens": 25}))
        self.assertEqual(self.last_call()["route"], "embeddings")
        self.assertEqual(self.ask("GET", "/nowhere").status, 404)

    def test_lists_of_models(self):
        def ask(path, headers):
            wire = self.wire()
            wire.socket.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
            return wire.answer()

        bearer, anthropic, google = "Authorization: Bearer ", "anthropic-version: 2023-06-01\r\nx-api-key: ", "x-goog-api-key: "
        for path, header, member, name, bad in (
            ("/v1/models", bearer, "data", ("id", "mock-small"), 401),
            ("/v1/models?limit=1000", anthropic, "data", ("id", "mock-small"), 401),
            ("/v1beta/models?pageSize=1000", google, "models", ("name", "models/mock-small"), 400),
        ):
            listed = ask(path, f"{header}some-key\r\n")
            self.assertEqual((listed.status, listed.json()[member][0][name[0]]), (200, name[1]), path)
            self.assertEqual(ask(path, f"{header}bad-key-1\r\n").status, bad)
            for key, status in (("mock-fault-429ra7", 429), ("mock-fault-500", 500), ("mock-fault-html", 200)):
                self.assertEqual(ask(path, f"{header}{key}\r\n").status, status, (path, key))
        self.assertEqual(ask("/v1/models", "").status, 401)
        self.assertEqual(ask("/v1/models", "x-api-key: some-key\r\n").status, 400)
        self.assertEqual(ask("/v1beta/models", "").status, 403)

    # ------------------------------------------------------------ requests

    def test_requests_that_are_not_strict_json_are_refused(self):
        for body in (b"", b"{", b'{"model":"mock-small"} x', b'{"model":"mock-small","model":"mock-small"}', b'{"model":"mock-small",}',
                     b"[]", b'{"a":01,"model":"mock-small"}', b'{"a":"\n","model":"mock-small"}', b'{"model":5}', b"{}"):
            self.assertEqual(self.ask("POST", CHAT, body=body).status, 400, body)
        good = b' { "x" : [ 1.5e-3 , {"a":[]} , "\\u00e4\\n" , null ] , "model" : "mock-small" } '
        self.assertEqual(self.ask("POST", CHAT, body=good).status, 200)
        self.assertEqual(self.chat("mock-nonsense").answer().json()["error"]["code"], "unknown_option")
        self.assertEqual(self.chat("mock-fault-nonsense").answer().json()["error"]["code"], "unknown_option")

    def test_pipelined_chunked_and_slow_requests(self):
        wire = self.wire()
        for n in range(50):
            self.chat(f"mock-p{n}", wire)
        self.assertEqual([wire.answer().json()["usage"]["prompt_tokens"] for _ in range(50)], list(range(50)))
        body = json.dumps({"model": "mock-p77", "messages": []}).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nAuthorization: Bearer k\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        raw = head + b"%x\r\n%s\r\n" % (9, body[:9]) + b"%X;ext=1\r\n%s\r\n0\r\n\r\n" % (len(body) - 9, body[9:])
        for byte in raw:
            wire.socket.sendall(bytes([byte]))
        self.assertEqual(wire.answer().json()["usage"]["prompt_tokens"], 77)
        self.assertEqual(base64.b64decode(self.ask("GET", "/__last").json()["body_base64"]), body)
        self.chat("mock-small", wire)
        self.assertEqual(wire.answer().status, 200)

    def test_large_bodies_in_both_directions(self):
        text = "x" * 3_000_000
        answer = self.chat("mock-s3000000", messages=[{"role": "user", "content": text}]).answer()
        self.assertEqual(len(answer.json()["choices"][0]["message"]["content"]), 3_000_000)
        wire = self.wire()
        wire.socket.sendall(f"POST {CHAT} HTTP/1.1\r\nAuthorization: Bearer k\r\nExpect: 100-continue\r\nContent-Length: 22\r\n\r\n".encode())
        self.assertEqual(wire.line(), b"HTTP/1.1 100 Continue")
        wire.line()
        wire.socket.sendall(b'{"model":"mock-small"}')
        self.assertEqual(wire.answer().status, 200)

    # ------------------------------------------------------------ faults

    def test_status_faults(self):
        for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 418):
            answer = self.chat(f"mock-fault-{status}", stream=True).answer()
            self.assertEqual(answer.status, status)
            self.assertEqual(set(answer.json()["error"]), {"message", "type", "param", "code"})
        self.assertEqual(self.chat("mock-fault-429ra7").answer().headers["retry-after"], "7")
        self.assertEqual(self.chat("mock-fault-503rams1500nr").answer().headers["retry-after-ms"], "1500")
        self.assertEqual(self.chat("mock-fault-503rams1500nr").answer().headers["x-should-retry"], "false")
        self.assertRegex(self.chat("mock-fault-429rad30").answer().headers["retry-after"], r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")
        message = self.chat("mock-fault-401key").answer().json()["error"]["message"]
        self.assertIn("sk-upstream-1234", message)
        self.assertRegex(message, "sk-proj-[a7]{40}")
        self.assertEqual(self.chat("mock-fault-quota").answer().json()["error"]["code"], "insufficient_quota")
        self.assertEqual(self.chat("mock-fault-context").answer().json()["error"]["code"], "context_length_exceeded")
        self.assertTrue(self.chat("mock-fault-redirect").answer().headers["location"].endswith(CHAT))

    def test_faults_by_count(self):
        self.assertEqual([self.chat("mock-fault-503-first2").answer().status for _ in range(4)], [503, 503, 200, 200])
        self.assertEqual([self.chat("mock-every3-fault-500").answer().status for _ in range(6)], [200, 200, 500, 200, 200, 500])
        self.assertEqual([call["fault"] for call in self.calls()][:4], ["503", "503", "", ""])

    def test_bodies_that_are_wrong(self):
        self.assertEqual(self.chat("mock-fault-html").answer().headers["content-type"], "text/html")
        self.assertEqual(self.chat("mock-fault-empty").answer().body, b"")
        for stream in (False, True):
            answer = self.chat("mock-fault-halfjson", stream=stream).answer()
            self.assertTrue(answer.whole)
            self.assertRaises(ValueError, answer.json)
        self.assertNotIn("usage", self.chat("mock-fault-nousage").answer().json())
        frames = self.chat("mock-fault-nousage", stream=True, stream_options={"include_usage": True}).answer().frames()
        self.assertEqual((frames[-1], frames[-2]["choices"][0]["finish_reason"]), ("[DONE]", "stop"))

    def test_connections_that_break(self):
        self.assertRaises(ConnectionResetError, self.chat("mock-fault-reset").answer)
        self.assertRaises(EOFError, self.chat("mock-fault-close").answer)
        self.assertRaises(ConnectionResetError, self.chat("mock-fault-resetmid").answer)
        for stream in (False, True):
            answer = self.chat("mock-fault-cut-g2", stream=stream).answer()
            self.assertEqual((answer.status, answer.whole), (200, False))
        wire = self.chat("mock-n6-fault-resetmid", stream=True)
        wire.head()
        with self.assertRaises(ConnectionResetError):
            while True:
                wire.more()
        self.assertEqual(wire.buffer.count(b'"content":"'), 1 + 3)
        self.assertNotIn(b'"finish_reason":"', wire.buffer)
        self.assertEqual({call["outcome"] for call in self.calls()}, {"broken"})

    def test_streams_that_end_too_early(self):
        for fault, last in (("cutclean", dict), ("errorframe", dict), ("nodone", dict)):
            answer = self.chat(f"mock-n4-fault-{fault}", stream=True).answer()
            self.assertTrue(answer.whole)
            self.assertIsInstance(answer.frames()[-1], last)
        self.assertEqual(self.chat("mock-fault-errorframe", stream=True).answer().frames()[-1]["error"]["type"], "server_error")
        self.assertEqual(self.chat("mock-fault-errorframe").answer().status, 500)
        broken = self.chat("mock-fault-badframe", stream=True).answer()
        self.assertRaises(ValueError, broken.frames)
        self.assertTrue(broken.body.endswith(b"data: [DONE]\n\n"))

    def test_silence(self):
        wire = self.chat("mock-fault-hang")
        self.assertTrue(wire.silent())
        mid = self.chat("mock-n4-fault-hangmid", stream=True)
        mid.head()
        self.wait_for(lambda: self.last_call()["chunks"] == 2)
        self.assertEqual([call["outcome"] for call in self.calls()], ["running", "running"])
        wire.close()
        mid.close()
        self.wait_for(lambda: self.stats()["aborted"] == 2)

    def test_answers_and_then_some(self):
        wire = self.chat("mock-fault-closeidle")
        self.assertEqual(wire.answer().status, 200)
        self.assertRaises(EOFError, wire.more)
        for stream in (False, True):
            wire = self.chat("mock-fault-dup", stream=stream)
            self.assertEqual((wire.answer().status, wire.answer().status), (200, 200))

    # ------------------------------------------------------------ other APIs

    def test_other_apis_answer_in_one_piece_and_in_streams(self):
        for api in OTHERS:
            for stream in (False, True):
                with self.subTest(api=api.path, stream=stream):
                    answers = {}
                    for model in ("mock-small", "mock-p100-c50-k20-r5", "mock-u-s40-n3-w50", "mock-json", "mock-tools", "mock-length",
                                  "mock-content_filter"):
                        answer = self.other(api, model, stream).answer()
                        self.assertEqual(answer.status, 200, answer.body)
                        answers[model] = api.collected(api.events(answer)) if stream else answer.json()
                    self.assertEqual(api.text(answers["mock-small"]), "Hello! How can I assist you today?")
                    self.assertEqual(api.usage(answers["mock-small"]), (25, 5, 8, 0))
                    self.assertEqual(api.usage(answers["mock-p100-c50-k20-r5"]), (100, 20, 50, 5))
                    self.assertEqual(len(api.text(answers["mock-u-s40-n3-w50"]).encode()), 40)
                    self.assertEqual(json.loads(api.text(answers["mock-json"]))["city"], "Paris")
                    self.assertEqual(api.calls(answers["mock-tools"]),
                                     [("get_weather", {"location": "Paris"}), ("get_time", {"timezone": "Europe/Paris"})])
                    self.assertIn(api.end(answers["mock-small"]), ("end_turn", "STOP", "completed"))
                    self.assertIn(api.end(answers["mock-tools"]), ("tool_use", "STOP", "completed"))
                    self.assertIn(api.end(answers["mock-length"]), ("max_tokens", "MAX_TOKENS", "max_output_tokens"))
                    self.assertIn(api.end(answers["mock-content_filter"]), ("refusal", "SAFETY", "content_filter"))
                    call = self.last_call()
                    self.assertIn(call["route"], ("messages", "generateContent", "responses"))
                    self.assertEqual((call["stream"], call["usage_sent"], call["key"]), (stream, True, "…1234"))

    def test_other_apis_take_results_and_end_the_loop(self):
        for api in OTHERS:
            for stream in (False, True):
                for model in ("mock-tools", "mock-tools-r5", "mock-call"):
                    with self.subTest(api=api.path, stream=stream, model=model):
                        question = api.asking('call:look {"at":"d\\u00f6or","n":[1]}')
                        answer = self.other(api, model, stream, **question).answer()
                        body = api.collected(api.events(answer)) if stream else answer.json()
                        if model == "mock-call":
                            self.assertEqual(api.calls(body), [("look", {"at": "döor", "n": [1]})])
                        further = self.other(api, model, stream, **api.with_results(body)).answer()
                        self.assertEqual(further.status, 200, further.body)
                        end = api.collected(api.events(further)) if stream else further.json()
                        self.assertEqual((api.calls(end), bool(api.text(end))), ([], True))

    def test_other_apis_refuse_to_answer(self):
        messages, google, responses = OTHERS
        said = self.other(messages, "mock-refusal").answer().json()
        self.assertEqual((said["content"], said["stop_reason"], bool(said["stop_details"]["explanation"])), ([], "refusal", True))
        blocked = self.other(google, "mock-refusal", True).answer()
        self.assertEqual([set(event) for event in google.events(blocked)], [{"promptFeedback", "usageMetadata", "modelVersion", "responseId"}])
        body = responses.collected(responses.events(self.other(responses, "mock-refusal", True).answer()))
        self.assertEqual(body["output"][0]["content"][0]["type"], "refusal")

    def test_other_apis_check_keys(self):
        for api, without, bad in zip(OTHERS, (401, 403, 401), (401, 400, 401)):
            self.assertEqual(self.other(api, "mock-small", key=None).answer().status, without)
            self.assertEqual(self.other(api, "mock-small", key="bad-key-1").answer().status, bad)
            wrong = "x-api-key: k" if api.key == "Authorization" else "Authorization: Bearer k"
            self.assertEqual(self.other(api, "mock-small", key=None, headers=[*api.version, wrong]).answer().status, without)
        self.assertEqual(self.other(OTHERS[1], "mock-small", key="bad-key-1").answer().json()["error"]["details"][0]["reason"],
                         "API_KEY_INVALID")

    def test_other_apis_are_strict(self):
        def text(role, *texts):
            return {"role": role, "content": [{"type": "text", "text": each} for each in texts]}
        use = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}
        done = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}
        thought = {"type": "thinking", "thinking": "", "signature": "x"}
        hello = text("user", "Hi")
        messages, google, responses = OTHERS
        for members in ({"max_tokens": None}, {"max_tokens": 0}, {"messages": []}, {"messages": [text("user", " \n")]},
                        {"messages": [text("system", "Hi")]}, {"messages": [text("user")]}, {"seed": 1}, {"temperature": 1, "top_p": 1},
                        {"messages": [hello, use]}, {"messages": [hello, use, hello]}, {"messages": [hello, done]},
                        {"messages": [hello, use, done, done]}, {"messages": [hello, {"role": "assistant", "content": [thought]}]},
                        {"tools": [{"name": "f", "input_schema": {}}]}, {"tools": [{"input_schema": {"type": "object"}}]},
                        {"messages": [hello, {"role": "assistant", "content": [use["content"][0] | {"id": "a.b"}]}]}):
            answer = self.other(messages, "mock-small", **members).answer()
            self.assertEqual((answer.status, answer.json()["error"]["type"]), (400, "invalid_request_error"), members)
        self.assertEqual(self.other(messages, "mock-small", messages=[hello, use, done], temperature=1).answer().status, 200)
        self.assertEqual(self.other(messages, "mock-small", headers=[]).answer().status, 400)
        self.assertEqual(self.other(messages, "mock-small", headers=["anthropic-version: 1"]).answer().status, 400)

        def content(role, *parts):
            return {"role": role, "parts": list(parts)}
        call = {"functionCall": {"name": "f", "args": {}}}
        signed = call | {"thoughtSignature": "skip_thought_signature_validator"}
        result = {"functionResponse": {"name": "f", "response": {}}}
        hello = content("user", {"text": "Hi"})
        for members in ({"contents": []}, {"contents": [content("user")]}, {"contents": [content("assistant", {"text": "a"})]}, {"model_": 1},
                        {"contents": [content("user", {"text": "a", "inlineData": {}})]}, {"contents": [content("user", {"thought": True})]},
                        {"contents": [hello, content("model", call), content("user", result)]},
                        {"contents": [hello, content("model", call | {"thoughtSignature": "x"}), content("user", result)]},
                        {"contents": [hello, content("model", signed)]}, {"contents": [hello, content("model", signed, call), content("user", result)]},
                        {"contents": [hello, content("user", result)]}, {"tools": [{"functionDeclarations": [{"name": "1f"}]}]},
                        {"tools": [{"functionDeclarations": [{"name": "f", "strict": True}]}]},
                        *({"generationConfig": config} for config in (
                            {"seed": 4294967296}, {"maxOutputTokens": 65537}, {"stopSequences": ["a"] * 6}, {"max_tokens": 1},
                            {"responseJsonSchema": {}}, {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}))):
            answer = self.other(google, "mock-small", **members).answer()
            self.assertEqual((answer.status, answer.json()["error"]["status"]), (400, "INVALID_ARGUMENT"), members)
        self.assertEqual(self.other(google, "mock-small", contents=[hello, content("model", signed, call), content("user", result, result)])
                         .answer().status, 200)
        for query in ("", "?alt=json", "?alt=sse&key=k"):
            wire = self.wire()
            wire.send("POST", "/v1beta/models/mock-small:streamGenerateContent" + query, json.dumps(google.body).encode(), key="x-goog-api-key: k")
            self.assertEqual(wire.answer().status, 400, query)

        call = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "a", "output": "x"}
        for members in ({"input": []}, {"input": None}, {"stop": ["a"]}, {"max_output_tokens": 15}, {"input": [call]}, {"input": [result]},
                        {"input": [{"role": "tool", "content": "a"}]}, {"input": [{"role": "user", "content": [{"type": "output_text", "text": "a"}]}]},
                        {"input": [{"type": "reasoning", "encrypted_content": "x"}]}, {"tools": [{"type": "function", "function": {"name": "f"}}]},
                        {"tools": [{"type": "function", "name": "f", "parameters": {}}]}, {"input": [{"type": "web_search_call"}]}):
            answer = self.other(responses, "mock-small", **members).answer()
            self.assertEqual((answer.status, answer.json()["error"]["type"]), (400, "invalid_request_error"), members)
        self.assertEqual(self.other(responses, "mock-small", input=[call, result], max_output_tokens=16).answer().status, 200)
        for api in OTHERS:
            self.assertEqual(self.other(api, "mock-nonsense").answer().status, 400)

    def test_other_apis_fail_in_their_own_words(self):
        for api in OTHERS:
            for status in (400, 401, 403, 404, 408, 413, 429, 500, 503, 529):
                for stream in (False, True):
                    answer = self.other(api, f"mock-fault-{status}", stream).answer()
                    self.assertEqual((answer.status, bool(answer.json()["error"]["message"])), (status, True))
        messages, google, responses = OTHERS
        self.assertEqual(self.other(messages, "mock-fault-529").answer().json()["error"]["type"], "overloaded_error")
        self.assertEqual(self.other(google, "mock-fault-503").answer().json()["error"]["status"], "UNAVAILABLE")
        self.assertEqual(self.other(messages, "mock-fault-429ra7").answer().headers["retry-after"], "7")
        self.assertNotIn("retry-after", self.other(messages, "mock-fault-429").answer().headers)
        for fault, delay in (("429ra7", "7s"), ("429rams1500", "1.500s")):
            answer = self.other(google, f"mock-fault-{fault}").answer()
            self.assertEqual((answer.json()["error"]["details"][0]["retryDelay"], "retry-after" in answer.headers), (delay, False))
        self.assertNotIn("details", self.other(google, "mock-fault-429").answer().json()["error"])
        self.assertEqual([self.other(api, "mock-fault-quota").answer().status for api in OTHERS], [402, 429, 429])
        self.assertEqual([self.other(api, "mock-fault-context").answer().status for api in OTHERS], [400, 400, 400])
        for number, api in enumerate(OTHERS):
            self.assertIn("sk-upstream-1234", self.other(api, "mock-fault-401key").answer().json()["error"]["message"])
            self.assertEqual([self.other(api, f"mock-x{number}-fault-503-first1").answer().status for _ in range(2)], [503, 200])

    def test_other_apis_break(self):
        for api in OTHERS:
            for stream in (False, True):
                with self.subTest(api=api.path, stream=stream):
                    self.assertEqual(self.other(api, "mock-fault-html", stream).answer().headers["content-type"], "text/html")
                    self.assertRaises(ValueError, self.other(api, "mock-fault-halfjson", stream).answer().json)
                    self.assertRaises(ConnectionResetError, self.other(api, "mock-fault-reset", stream).answer)
                    self.assertRaises(ConnectionResetError, self.other(api, "mock-fault-resetmid", stream).answer)
                    self.assertFalse(self.other(api, "mock-fault-cut", stream).answer().whole)
                    self.assertTrue(self.other(api, "mock-fault-hang", stream).silent())
                    answer = self.other(api, "mock-fault-nousage", stream).answer()
                    self.assertEqual(answer.status, 200)
                    for counter in (b'"input_tokens"', b'"output_tokens"', b"TokenCount"):
                        self.assertNotIn(counter, answer.body)
                    self.assertFalse(self.last_call()["usage_sent"])
            cut = api.events(self.other(api, "mock-n4-fault-cutclean", True).answer())
            self.assertLess(len(cut), len(api.events(self.other(api, "mock-n4", True).answer())))
            with self.assertRaises((AssertionError, KeyError), msg="it has no end"):
                api.end(api.collected(cut))
            failed = api.events(self.other(api, "mock-fault-errorframe", True).answer())[-1]
            self.assertIn("error", failed if api is OTHERS[1] else failed["type"])
            self.assertRaises(ValueError, api.events, self.other(api, "mock-fault-badframe", True).answer())
            whole = api.events(self.other(api, "mock-fault-nodone", True).answer())
            self.assertEqual(len(whole), len(api.events(self.other(api, "mock-small", True).answer())) - (api is not OTHERS[1]))
        self.assertEqual({call["outcome"] for call in self.calls() if call["fault"] == "cut"}, {"broken"})

    # ------------------------------------------------------------ what can be asked

    def test_counters_and_calls(self):
        wire = self.wire()
        for model in ("mock-small", "mock-small", "mock-p100-c50-k20-r5"):
            self.chat(model, wire, user="alice", stream=model != "mock-small", stream_options={"include_usage": True}).answer()
        stats = self.stats()
        self.assertEqual((stats["requests"], stats["streams"], stats["completed"], stats["running"], stats["open_connections"]),
                         (3, 1, 3, 0, 1))
        self.assertEqual(stats["by_model"]["mock-small"], {"requests": 2, "streams": 0, "completed": 2, "aborted": 0, "broken": 0,
                                                           "prompt": 50, "cached": 10, "completion": 16, "reasoning": 0})
        calls = self.calls()
        self.assertEqual([call["n"] for call in calls], [1, 2, 3])
        third = calls[2]
        self.assertEqual({name: third[name] for name in ("model", "user", "route", "stream", "status", "outcome", "usage_sent", "prompt",
                                                         "completion", "cached", "reasoning", "content_bytes", "chunks", "key")},
                         {"model": "mock-p100-c50-k20-r5", "user": "alice", "route": "chat", "stream": True, "status": 200,
                          "outcome": "completed", "usage_sent": True, "prompt": 100, "completion": 50, "cached": 20, "reasoning": 5,
                          "content_bytes": 34, "chunks": 8, "key": "…1234"})
        self.assertEqual(len({call["connection"] for call in calls}), 1)
        self.assertEqual([call["n"] for call in self.calls(3)], [3])
        self.ask("POST", "/__reset")
        self.assertEqual((self.calls(), self.stats()["requests"]), ([], 0))

    def test_a_client_that_leaves_is_noticed_at_once(self):
        for model in ("mock-d5000", "mock-n1000-g20"):
            wire = self.chat(model, stream=True)
            self.wait_for(lambda: self.stats()["running"] == 1)
            if model != "mock-d5000":
                self.wait_for(lambda: self.last_call()["chunks"] >= 3)
            left_ms = time.time() * 1000
            wire.close()
            self.wait_for(lambda: self.stats()["running"] == 0)
            call = self.last_call()
            self.assertEqual((call["outcome"], call["aborted"], call["usage_sent"]), ("aborted", True, False))
            self.assertLess(abs(call["ended_ms"] - left_ms), 100)
            self.assertEqual(call["ms_open"], call["ended_ms"] - call["started_ms"])
        self.assertGreaterEqual(call["content_bytes"], 15)

    def test_a_client_that_does_not_read_and_leaves(self):
        wire = self.chat("mock-s60000000")
        self.wait_for(lambda: self.stats()["running"] == 1)
        wire.close()
        self.wait_for(lambda: self.stats()["aborted"] == 1)

    def test_last_request_is_kept_byte_for_byte(self):
        body = b'{ "model" :"mock-small",  "x":"\xc3\xa4\\u00e4" }'
        wire = self.wire()
        wire.send("POST", CHAT + "?a=b", body, ["X-Odd-CASE:  two  words ", "X-Quote: \"\\"])
        wire.answer()
        self.chat("mock-p9").answer()
        last = self.ask("GET", "/__last?model=mock-small").json()
        self.assertEqual((last["n"], last["method"], last["path"], base64.b64decode(last["body_base64"])), (1, "POST", CHAT + "?a=b", body))
        self.assertIn(["X-Odd-CASE", "two  words "], last["headers"])
        self.assertIn(["X-Quote", '"\\'], last["headers"])
        self.assertEqual(self.ask("GET", "/__last").json()["n"], 2)
        self.assertEqual(self.ask("GET", "/__last?model=mock-other").status, 404)

    def test_many_streams_at_once(self):
        wires = [self.chat("mock-n10-g10", stream=True) for _ in range(200)]
        self.assertEqual({wire.answer().text() for wire in wires}, {("Hello! How can I assist you today? " * 2)[:50]})
        self.assertEqual(self.stats()["completed"], 200)

    def test_command_line(self):
        program = os.environ["MOCK_PROVIDER"]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "port"
            with subprocess.Popen([program, "--port", "0", "--port-file", file, "--threads", "2"], stdout=subprocess.PIPE, text=True) as other:
                port = int(other.stdout.readline().rsplit(":", 1)[1])
                self.wait_for(file.exists)
                self.assertEqual(int(file.read_text()), port)
                wires = [Wire(port) for _ in range(20)]
                for wire in wires:
                    self.assertEqual(self.chat("mock-small", wire).answer().status, 200)
                wires[0].send("GET", "/__stats")
                self.assertEqual(wires[0].answer().json()["requests"], 20)
                for wire in wires:
                    wire.close()
                other.terminate()
                self.assertEqual(other.wait(5), 0)
        for bad in (["--port", "x"], ["--port"], ["--nonsense", "1"], ["--threads", "0"]):
            self.assertEqual(subprocess.run([program, *bad], stderr=subprocess.DEVNULL, check=False).returncode, 2)


if __name__ == "__main__":
    if not os.access(os.environ.get("MOCK_PROVIDER", ""), os.X_OK):
        sys.exit("MOCK_PROVIDER must be the path of the built program")
    unittest.main()
