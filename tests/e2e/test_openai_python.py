# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PyPI's `openai`, unmodified, waiting and asynchronous, over every wire format; and the books afterwards."""

import asyncio
import contextlib
import inspect
import json

import harness
import pypackages
from clientcase import JSON, TEXT, USAGE, WAYS, ClientCase, slug

pypackages.use()

import openai  # noqa: E402 (it is there only now)
import pydantic  # noqa: E402

RESPONSES = "/v1/responses"
WISH = 'call:get_weather {"location": "Oslo"}'
RULE = "conventions.md, OpenAI SDKs"


class City(pydantic.BaseModel):
    city: str
    temperature: float
    sunny: bool


class Weather(pydantic.BaseModel):
    location: str


async def got(value):
    """The result of a call of either client."""
    return await value if inspect.isawaitable(value) else value


async def each(stream):
    """The elements of either client's stream."""
    if hasattr(stream, "__aiter__"):
        async for element in stream:
            yield element
    else:
        for element in stream:
            yield element


@contextlib.asynccontextmanager
async def opened(manager):
    """Either client's context."""
    if hasattr(manager, "__aenter__"):
        async with manager as entered:
            yield entered
    else:
        with manager as entered:
            yield entered


class OpenAiPackage(ClientCase):
    suites = ("waiting", "asynchronous", "waiting-responses", "asynchronous-responses", "guide")

    def run_with(self, kind, name, scenario, route=None):
        """Runs it with this kind of client, once for each wire format; then the books must be right."""
        self.play(name)
        if route:
            self.needs_route(route)

        async def run():
            async with opened(self.client(kind)) as client:
                for way in WAYS:
                    with self.subTest(way=way):
                        await scenario(client, way)

        asyncio.run(run())
        self.reconcile()

    def client(self, kind, **options):
        return kind(base_url=self.gateway.origin + "/v1", api_key=self.key, max_retries=0, timeout=20, **options)

    async def refused(self, kind, status, code, call):
        try:
            await got(call())
        except kind as error:
            self.equal((error.status_code, error.code), (status, code), RULE, "the refusal")
            self.holds(error.request_id, "x-request-id on every answer", "conventions.md", error.request_id)
            return error
        self.fail(f"expected {kind.__name__} by {RULE}; the call was answered")

    # ---------------------------------------------------------------- chat completions

    def test_chat_completions(self):
        self.run_with(openai.OpenAI, "waiting", self.chat)

    def test_chat_completions_asynchronously(self):
        self.run_with(openai.AsyncOpenAI, "asynchronous", self.chat)

    async def chat(self, client, way):
        await self.chat_text(client.chat.completions, slug(way, "mock-p1000-k400-c100"))
        await self.chat_conversation(client.chat.completions, way)
        await self.chat_refusals(client, way)

    async def chat_text(self, chat, model):
        body = {"model": model, "messages": [{"role": "user", "content": "Hello."}]}
        answer = await got(chat.create(**body))
        prompt, cached, completion, total = USAGE
        self.equal(answer.choices[0].message.content, TEXT, RULE)
        self.equal(answer.usage.prompt_tokens_details.cached_tokens, cached, RULE, "cached tokens")
        told = (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
        self.equal(told, (prompt, completion, total), RULE, "usage")

        stream = await got(chat.create(**body, stream=True, stream_options={"include_usage": True}))
        chunks = [chunk async for chunk in each(stream)]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.equal((text, chunks[-1].usage.total_tokens), (TEXT, total), RULE, "text and tokens of the stream")

    async def chat_conversation(self, chat, way):
        tools = [openai.pydantic_function_tool(Weather, name="get_weather")]
        messages = [{"role": "user", "content": WISH}]
        async with opened(chat.stream(model=slug(way, "mock-call"), messages=messages, tools=tools)) as stream:
            first = (await got(stream.get_final_completion())).choices[0]
        (call,) = first.message.tool_calls
        self.equal(
            (first.finish_reason, call.function.parsed_arguments), ("tool_calls", Weather(location="Oslo")), RULE
        )
        messages += [
            first.message.to_dict(),
            {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
        ]
        second = await got(chat.parse(model=slug(way, "mock-json"), messages=messages, response_format=City))
        self.equal(second.choices[0].message.parsed, City(**JSON), RULE, "the structured answer")

    async def chat_refusals(self, client, way):
        def ask(model=slug(way, "mock-p25-c8"), key=self.key, **more):
            chat = client.with_options(api_key=key).chat.completions
            return chat.create(model=model, messages=[{"role": "user", "content": "Hello."}], **more)

        stranger = "sk-eu_" + "0" * 64
        failing = slug(way, "mock-fault-500")
        await self.refused(openai.AuthenticationError, 401, "unauthorized", lambda: ask(key=stranger))
        await self.refused(openai.NotFoundError, 404, "model_not_found", lambda: ask("nobody"))
        await self.refused(openai.NotFoundError, 404, "model_not_found", lambda: ask("nobody", stream=True))
        await self.refused(openai.UnprocessableEntityError, 422, "validation_error", lambda: ask(temperature=3))
        await self.refused(openai.InternalServerError, 502, "provider_error", lambda: ask(failing))
        try:
            await got(
                client.chat.completions.parse(
                    model=slug(way, "mock-length"),
                    messages=[{"role": "user", "content": "Paris?"}],
                    response_format=City,
                )
            )
        except openai.LengthFinishReasonError:
            return
        self.fail(f"expected LengthFinishReasonError by {RULE} of an answer that was cut off")

    # ---------------------------------------------------------------- responses

    def test_responses(self):
        self.run_with(openai.OpenAI, "waiting-responses", self.responses, RESPONSES)

    def test_responses_asynchronously(self):
        self.run_with(openai.AsyncOpenAI, "asynchronous-responses", self.responses, RESPONSES)

    async def responses(self, client, way):
        await self.responses_text(client.responses, slug(way, "mock-p1000-k400-c100"))
        await self.responses_conversation(client.responses, way)
        await self.responses_kept(client.responses, slug(way, "mock-p25-c8"))
        await self.responses_refusals(client, way)

    async def responses_text(self, responses, model):
        answer = await got(responses.create(model=model, input="Hello."))
        usage = answer.usage
        told = (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens, usage.total_tokens)
        self.equal((answer.status, answer.output_text, told), ("completed", TEXT, USAGE), "inference.md, Responses")

        async with opened(responses.stream(model=model, input="Hello.")) as stream:
            events = [event async for event in each(stream)]
            final = await got(stream.get_final_response())
        numbers = [event.sequence_number for event in events]
        self.equal(numbers, list(range(len(events))), "inference.md, Streaming events", "sequence numbers")
        self.equal((events[-1].type, final.output_text), ("response.completed", TEXT), "inference.md, Streaming events")

    async def responses_conversation(self, responses, way):
        tools = [openai.pydantic_function_tool(Weather, name="get_weather")["function"] | {"type": "function"}]
        async with opened(responses.stream(model=slug(way, "mock-call"), input=WISH, tools=tools)) as stream:
            first = await got(stream.get_final_response())
        (call,) = (item for item in first.output if item.type == "function_call")
        self.equal(json.loads(call.arguments), {"location": "Oslo"}, "inference.md, Responses", "arguments")
        second = await got(
            responses.parse(
                model=slug(way, "mock-json"),
                previous_response_id=first.id,
                input=[{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}],
                text_format=City,
            )
        )
        self.equal(second.output_parsed, City(**JSON), "inference.md, Structured output")
        self.equal(second.previous_response_id, first.id, "inference.md, Conversation state")

    async def responses_kept(self, responses, model):
        made = await got(responses.create(model=model, input="Hello.", metadata={"kept": "yes"}))
        kept = await got(responses.retrieve(made.id))
        self.equal(kept.to_dict(), made.to_dict(), "inference.md, GET /v1/responses/{id}")
        await got(responses.delete(made.id))
        await self.refused(openai.NotFoundError, 404, "response_not_found", lambda: responses.retrieve(made.id))
        await self.refused(openai.NotFoundError, 404, "response_not_found", lambda: responses.delete(made.id))
        await self.refused(
            openai.NotFoundError,
            404,
            "response_not_found",
            lambda: responses.create(model=model, input="And?", previous_response_id=made.id),
        )

    async def responses_refusals(self, client, way):
        def ask(model=slug(way, "mock-p25-c8"), key=self.key, **more):
            return client.with_options(api_key=key).responses.create(model=model, input="Hello.", **more)

        low = {"max_output_tokens": 15}
        search = {"tools": [{"type": "web_search"}]}
        failing = slug(way, "mock-fault-500")
        await self.refused(openai.AuthenticationError, 401, "unauthorized", lambda: ask(key="sk-eu_" + "0" * 64))
        await self.refused(openai.NotFoundError, 404, "model_not_found", lambda: ask("nobody"))
        await self.refused(openai.UnprocessableEntityError, 422, "integer_below_min_value", lambda: ask(**low))
        await self.refused(openai.UnprocessableEntityError, 422, "unsupported_tool_type", lambda: ask(**search))
        await self.refused(openai.InternalServerError, 502, "provider_error", lambda: ask(failing))

    # ---------------------------------------------------------------- the integration guide

    def test_the_guides_way_to_use_this_package(self):
        """Models are discovered, not hard-coded; the rest of the guide's program is S1 of test_scenarios.py."""
        self.play("guide")
        self.needs_route(RESPONSES)
        with self.client(openai.OpenAI) as client:
            models = [m.id for m in client.models.list().data]
            preferred = slug("compatible", "mock-p25-c8")
            model = preferred if preferred in models else models[0]
            response = client.responses.create(model=model, input="Hello!")
            self.holds(response.output_text, "some text", RULE, response)
        self.reconcile()


if __name__ == "__main__":
    harness.main()
