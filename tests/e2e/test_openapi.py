# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of the API: is it valid, and is it true of what the gateway really answers?"""

import json
import re
import unittest.mock

import harness
import pypackages
from harness import PLAIN, Checks, Client, GatewayCase, chat_body, platform, user

DOCUMENT = "/openapi.json"
RULE = "headless-and-admin.md 7, the description of the API"
FRONT_DOOR = {400, 408, 411, 413, 414, 417, 431, 500, 503, 505}  # the response `default`


class Description(Checks):
    """The document, and a verdict on a request and its answer."""

    def __init__(self, document):
        self.document = document
        self.operations = {
            (method.upper(), path): operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        self.patterns = [
            (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in document["paths"]
        ]
        self.used = set()  # (operation, status) that was seen

    def resolved(self, schema):
        while "$ref" in schema:
            place = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                place = place[step]
            schema = place
        return schema

    def closed(self, schema, is_part=False):
        """The schema with all references in place, that takes no members but the ones it names."""
        schema = dict(self.resolved(schema))
        for name in ("properties", "patternProperties"):
            if name in schema:
                schema[name] = {key: self.closed(value) for key, value in schema[name].items()}
        if "items" in schema:
            schema["items"] = self.closed(schema["items"])
        if isinstance(schema.get("additionalProperties"), dict):
            schema["additionalProperties"] = self.closed(schema["additionalProperties"])
        if "allOf" in schema:
            schema["allOf"] = [self.closed(part, is_part=True) for part in schema["allOf"]]
        for name in ("anyOf", "oneOf"):
            if name in schema:
                schema[name] = [self.closed(part, is_part) for part in schema[name]]
        if not is_part and ("properties" in schema or "allOf" in schema) and "additionalProperties" not in schema:
            schema["unevaluatedProperties"] = False
        return schema

    def open(self, schema):
        return {**schema, "components": self.document["components"]}

    def complaints(self, schema, value):
        # Without Decimals, which no validator knows.
        plain = json.loads(json.dumps(value, default=float))
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(plain)]

    def place(self, method, path):
        """The operation of a request; fixed paths win over those with placeholders."""
        bare = path.split("?")[0]
        fits = [template for pattern, template in self.patterns if pattern.fullmatch(bare)]
        fits.sort(key=lambda template: template.count("{"))
        for template in fits:
            if ("GET" if method == "HEAD" else method, template) in self.operations:
                return ("GET" if method == "HEAD" else method, template)
        return None

    def judge(self, method, path, body, response):
        if method == "OPTIONS":
            return  # the browser's question, not an operation
        place = self.place(method, path)
        if place is None:
            expected = f"no such operation as {method} {path}"
            self.holds(response.status in (404, 405), expected, RULE, response.describe())
            return
        operation = self.operations[place]
        answer = operation["responses"].get(str(response.status))
        if answer is None:
            self.holds(response.status in FRONT_DOOR, f"{response.status} in {place}", RULE, response.describe())
            answer = self.resolved(operation["responses"]["default"])
        self.used.add((*place, response.status))
        for name, header in answer["headers"].items():
            if name == "x-request-id":
                found = self.complaints(self.resolved(header)["schema"], response.headers.get(name))
                self.equal(found, [], RULE, f"{name} of {place}")
        if method == "HEAD" or "content" not in answer:
            self.equal(response.read(), b"", RULE, f"body of {method} {place}")
            return
        kind = response.headers["content-type"].split(";")[0]
        self.holds(kind in answer["content"], f"content of {place}: {sorted(answer['content'])}", RULE, kind)
        if kind != "application/json":
            return
        schema = answer["content"][kind]["schema"]
        whole = self.closed(schema) if response.status < 400 else self.open(schema)
        self.equal(self.complaints(whole, response.json()), [], RULE, f"what is wrong in {response.describe()}")
        if response.status < 300 and isinstance(body, dict) and "requestBody" in operation:
            taken = self.open(operation["requestBody"]["content"]["application/json"]["schema"])
            self.equal(self.complaints(taken, body), [], RULE, f"a body that was accepted by {place}, {body}")


class Document(GatewayCase):
    models = (PLAIN.name,)
    platforms = (platform("acme", [user("alice", 10)]),)

    def setUp(self):
        self.nobody = self.enterContext(self.gateway.client())
        self.answer = self.nobody.get(DOCUMENT)
        self.document = self.answer.expect_json(200, RULE)

    def test_it_is_valid(self):
        errors = [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in openapi_spec_validator.OpenAPIV31SpecValidator(self.document).iter_errors()
        ]
        self.equal(errors, [], "OpenAPI 3.1", "errors of the document")
        with self.gateway.client() as client:
            version = client.get("/health").json()["version"]
        self.equal(self.document["info"]["version"], version, RULE, "version")

    def test_its_examples_are_valid(self):
        book = Description(self.document)
        count = 0
        schemas = [
            operation["requestBody"]["content"]["application/json"]["schema"]
            for operation in book.operations.values()
            if "requestBody" in operation
        ]
        for schema in schemas:
            for example in book.resolved(schema)["examples"]:
                self.equal(book.complaints(book.open(schema), example), [], RULE, f"what is wrong with {example}")
                count += 1
        self.holds(count > 15, "many examples", RULE, count)

    def test_it_is_cheap_to_ask_again(self):
        tag = self.answer.headers["etag"]
        self.equal(self.answer.headers["cache-control"], "no-cache", RULE, "cache-control")
        for sent in (tag, f'W/"other", {tag}'):
            again = self.nobody.call("GET", DOCUMENT, headers={"if-none-match": sent}).expect(304, RULE)
            self.equal((again.read(), again.headers["etag"]), (b"", tag), RULE, "body and tag of the 304")
        self.nobody.call("GET", DOCUMENT, headers={"if-none-match": '"another"'}).expect(200, RULE)

    def test_any_key_or_none_will_do(self):
        tenant = self.gateway.tenant("acme")
        for key in (tenant.key, tenant.users["alice"]["end_user_key"], self.gateway.admin_key, "sk-plat_nonsense"):
            with self.gateway.client(key) as client:
                client.get(DOCUMENT).expect(200, RULE)

    def stored(self, key):
        """The id of a response that this key sees."""
        with self.gateway.client(key) as client:
            made = client.post("/v1/responses", {"model": PLAIN.name, "input": "Say hello."})
        return made.expect_json(200, "setup")["id"]

    def test_head_is_get_without_a_body_on_every_route(self):
        rule = "conventions.md 3, HEAD on a GET route"
        tenant = self.gateway.tenant("acme")
        with tenant.client as client:
            config = client.rows(f"{tenant.path}/llm-configs")[0]["id"]
            hooks = f"{tenant.path}/webhook-endpoints"
            endpoint = client.post(hooks, {"url": "https://receiver.invalid/"}).expect_json(201, "setup")["id"]
            delivery = client.post(f"{hooks}/{endpoint}/test").expect_json(202, "setup")["delivery_id"]
        with self.gateway.admin as admin:
            found = {name: admin.rows(f"/v1/admin/{name}")[0]["id"] for name in ("providers", "models")}
        keys = {
            "platformKey": tenant.key,
            "endUserKey": tenant.users["alice"]["end_user_key"],
            "adminKey": self.gateway.admin_key,
        }
        checked = 0
        for path, methods in self.document["paths"].items():
            if "get" not in methods:
                continue
            choices = methods["get"]["security"]
            security = [name for choice in choices for name in choice]
            real = path.format(
                platformId=tenant.id,
                endUserId=tenant.users["alice"]["id"],
                configId=config,
                endpointId=endpoint,
                deliveryId=delivery,
                model=PLAIN.name,
                responseId=self.stored(keys[security[0]]) if "{responseId}" in path else None,
                id=found.get(path.split("/")[3]) if path.count("/") > 3 else None,
            )
            with self.subTest(path=path), self.gateway.client(keys[security[0]] if security else None) as client:
                get = client.get(real).expect(200, rule)
                head = client.call("HEAD", real).expect(200, rule)
                changing = {"date", "x-request-id", *(["content-length"] if is_of_the_moment(path) else [])}
                self.equal(
                    {name: value for name, value in head.headers.items() if name not in changing},
                    {name: value for name, value in get.headers.items() if name not in changing},
                    rule,
                    "headers",
                )
                self.holds(int(head.headers["content-length"]) > 0, "the length of the body of GET", rule, head.headers)
                # Had a body been sent, the connection would be out of step now.
                client.get(real).expect(200, rule)
                if security and {} not in choices:
                    refused = self.nobody.call("HEAD", real).expect(401, rule)
                    self.equal(refused.read(), b"", rule, "body of a refused HEAD")
                checked += 1
        self.holds(checked > 15, "many routes", rule, checked)


def is_of_the_moment(path):
    """Answers whose length may differ from one moment to the next."""
    return path in ("/health", "/metrics", "/v1/admin/status") or path.endswith(("/stats", "/deliveries", "/{deliveryId}"))


def described(suite):
    """The tests of another file once more, with each answer compared with the document."""

    class Described(suite):
        @classmethod
        def setUpClass(cls):
            super().setUpClass()
            with cls.gateway.client() as client:
                cls.book = book = Description(client.get(DOCUMENT).json())
            call = Client.call

            def judged(client, method, path, body=None, *more, **named):
                response = call(client, method, path, body, *more, **named)
                if client.origin == cls.gateway.origin:
                    book.judge(method, path, body, response)
                return response

            cls.enterClassContext(unittest.mock.patch.object(Client, "call", judged))

    Described.__name__ = Described.__qualname__ = "Described" + suite.__name__
    return Described


if __name__ == "__main__":
    pypackages.use()
    import jsonschema
    import openapi_spec_validator
    import test_checklist
    import test_first_call

    DescribedChecklist = described(test_checklist.Endpoints)
    DescribedCalls = described(test_first_call.FirstCall)
    harness.main()
