// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The unmodified `openai` package on /v1/responses, whatever the provider behind the gateway speaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { please, refused, sameMeaning, setup, testEachWay } from './suite.mjs';

const openai = new OpenAI({ baseURL: `${setup.origin}/v1`, apiKey: setup.key, maxRetries: 0, timeout: 20_000 });
const City = z.object({ city: z.string(), temperature: z.number(), sunny: z.boolean() });
const weather = zodResponsesFunction({ name: 'get_weather', parameters: z.object({ location: z.string() }) });
const wish = please('get_weather', { location: 'Oslo' });
const [anyModels] = Object.values(setup.ways);

/// Not what a model keeps for itself, which other providers than the mock may have.
function isSaid(item) {
    return item.type !== 'reasoning';
}

function callsOf(response) {
    return response.output.filter(item => item.type === 'function_call');
}

function resultsFor(response, output) {
    return callsOf(response).map(call => ({ type: 'function_call_output', call_id: call.call_id, output }));
}

/// A stored response without what the package computes from it.
function storedForm(response) {
    const { output_text: _, _request_id: __, output_parsed: ___, ...rest } = response;
    return rest;
}

sameMeaning(
    'a text',
    'inference.md, Responses',
    async ({ cached }) => {
        const answer = await openai.responses.create({ model: cached, instructions: 'Be brief.', input: 'Hello.' });
        assert.equal(answer.model, cached, 'inference.md: the slug that was asked for');
        assert.match(answer.id, /^resp_/, 'inference.md, Responses: id');
        return {
            status: answer.status,
            text: answer.output_text,
            kinds: answer.output.filter(isSaid).map(item => item.type),
            usage: [
                answer.usage.input_tokens,
                answer.usage.input_tokens_details.cached_tokens,
                answer.usage.output_tokens,
                answer.usage.total_tokens,
            ],
        };
    },
    { status: 'completed', text: setup.text, kinds: ['message'], usage: setup.usage },
);

for (const stream of [false, true]) {
    sameMeaning(
        `a tool call, its result and a structured answer, ${stream ? 'streamed' : 'plain'}`,
        'inference.md, Responses',
        async models => {
            const ask = body => (stream ? openai.responses.stream(body).finalResponse() : openai.responses.parse(body));
            const first = await ask({ model: models.call, input: wish, tools: [weather] });
            const second = await ask({
                model: models.call,
                previous_response_id: first.id,
                input: resultsFor(first, '21 degrees'),
                tools: [weather],
            });
            const third = await ask({
                model: models.json,
                previous_response_id: second.id,
                input: 'And as an object?',
                text: { format: zodTextFormat(City, 'city') },
            });
            assert.deepEqual(
                [second.previous_response_id, third.previous_response_id],
                [first.id, second.id],
                'inference.md, Conversation state',
            );
            return {
                wanted: callsOf(first).map(call => [call.name, call.parsed_arguments]),
                text: second.output_text,
                parsed: third.output_parsed,
                states: [first, second, third].map(answer => answer.status),
            };
        },
        {
            wanted: [['get_weather', { location: 'Oslo' }]],
            text: setup.text,
            parsed: setup.json,
            states: ['completed', 'completed', 'completed'],
        },
    );
}

sameMeaning(
    'two calls at once and both results, the history sent by the client',
    'inference.md, Responses',
    async models => {
        const clock = zodResponsesFunction({ name: 'get_time', parameters: z.object({ timezone: z.string() }) });
        const tools = [weather, clock];
        const input = [{ role: 'user', content: 'Weather and time?' }];
        const first = await openai.responses.create({ model: models.tools, input, tools, store: false });
        input.push(...first.output, ...resultsFor(first, 'known'));
        const second = await openai.responses.create({ model: models.tools, input, tools, store: false });
        return {
            calls: callsOf(first).map(call => [call.name, JSON.parse(call.arguments)]),
            text: second.output_text,
        };
    },
    {
        calls: [
            ['get_weather', { location: 'Paris' }],
            ['get_time', { timezone: 'Europe/Paris' }],
        ],
        text: setup.text,
    },
);

sameMeaning(
    'what a model thought goes back with its call, kept by the gateway or by the client',
    'inference.md, Conversation state',
    async ({ thinking }) => {
        const kept = { model: thinking, tools: [weather] };
        const first = await openai.responses.create({ ...kept, input: wish });
        const results = resultsFor(first, 'sunny');
        const second = await openai.responses.create({ ...kept, input: results, previous_response_id: first.id });

        const own = { ...kept, store: false, include: ['reasoning.encrypted_content'] };
        const input = [{ role: 'user', content: wish }];
        const third = await openai.responses.create({ ...own, input });
        input.push(...third.output, ...resultsFor(third, 'sunny'));
        const fourth = await openai.responses.create({ ...own, input });
        return { byGateway: second.output_text, byClient: fourth.output_text };
    },
    { byGateway: setup.text, byClient: setup.text },
);

testEachWay('the events of a stream', async ({ plain }) => {
    const events = [];
    let text = '';
    for await (const event of await openai.responses.create({ model: plain, input: 'Hello.', stream: true })) {
        events.push(event);
        if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.deepEqual(
        events.map(event => event.sequence_number),
        events.map((_, number) => number),
        'inference.md, Streaming events: numbers from 0 without gaps',
    );
    assert.deepEqual(
        [...new Set(events.filter(event => !event.item || isSaid(event.item)).map(event => event.type))],
        [
            'response.created',
            'response.in_progress',
            'response.output_item.added',
            'response.content_part.added',
            'response.output_text.delta',
            'response.output_text.done',
            'response.content_part.done',
            'response.output_item.done',
            'response.completed',
        ],
        'inference.md, Streaming events: their order',
    );
    assert.equal(text, setup.text, 'inference.md, Streaming events: the text');
    const { response } = events.at(-1);
    assert.deepEqual(
        storedForm(await openai.responses.retrieve(response.id)),
        response,
        'inference.md: what GET returns is what the last event said',
    );
});

testEachWay('an answer that was cut off', async ({ length }) => {
    const answer = await openai.responses.create({ model: length, input: 'Hello.' });
    assert.deepEqual(
        [answer.status, answer.incomplete_details],
        ['incomplete', { reason: 'max_output_tokens' }],
        'inference.md, Responses: status',
    );
});

test('a stored response is retrieved, deleted, and then unknown', async () => {
    const made = await openai.responses.create({ model: anyModels.plain, input: 'Hello.', metadata: { kept: 'yes' } });
    assert.deepEqual(
        storedForm(await openai.responses.retrieve(made.id)),
        storedForm(made),
        'inference.md, GET /v1/responses/{id}',
    );
    assert.deepEqual(made.metadata, { kept: 'yes' }, 'inference.md, metadata');
    await openai.responses.delete(made.id);
    const calls = [
        () => openai.responses.retrieve(made.id),
        () => openai.responses.delete(made.id),
        () => openai.responses.create({ model: anyModels.plain, input: 'And?', previous_response_id: made.id }),
    ];
    for (const call of calls) {
        const error = await refused(OpenAI.NotFoundError, 'inference.md, Conversation state', call);
        assert.equal(error.code, 'response_not_found', 'inference.md, Conversation state');
    }
});

test('what is not to be stored is not', async () => {
    const made = await openai.responses.create({ model: anyModels.plain, input: 'Hello.', store: false });
    const error = await refused(OpenAI.NotFoundError, 'inference.md, store', () => openai.responses.retrieve(made.id));
    assert.equal(error.code, 'response_not_found', 'inference.md, store');
});

testEachWay('a thread remembers', async ({ call }, way) => {
    const body = { model: call, thread_id: `thread-${way}`, tools: [weather] };
    const first = await openai.responses.create({ ...body, input: wish });
    // A result whose call is nowhere is refused: only the thread knows of it.
    const second = await openai.responses.create({ ...body, input: resultsFor(first, 'sunny') });
    assert.deepEqual(
        [first.thread_id, second.thread_id, second.output_text],
        [body.thread_id, body.thread_id, setup.text],
        'inference.md, Conversation state: the call of the thread comes before its result',
    );
});

test('refusals are the error classes of the package', async t => {
    const ask = (more, key = setup.key) =>
        openai.withOptions({ apiKey: key }).responses.create({ model: anyModels.plain, input: 'Hello.', ...more });
    const cases = [
        [OpenAI.AuthenticationError, 401, 'unauthorized', () => ask({}, `sk-eu_${'0'.repeat(64)}`)],
        [OpenAI.NotFoundError, 404, 'model_not_found', () => ask({ model: 'nobody' })],
        [OpenAI.NotFoundError, 404, 'model_not_found', () => ask({ model: 'nobody', stream: true })],
        [OpenAI.UnprocessableEntityError, 422, 'integer_below_min_value', () => ask({ max_output_tokens: 15 })],
        [OpenAI.UnprocessableEntityError, 422, 'unsupported_tool_type', () => ask({ tools: [{ type: 'web_search' }] })],
        [OpenAI.InternalServerError, 502, 'provider_error', () => ask({ model: anyModels.failing })],
    ];
    for (const [kind, status, code, call] of cases) {
        await t.test(`${status} ${code}`, async () => {
            const error = await refused(kind, 'inference.md, Responses', call);
            assert.deepEqual([error.status, error.code], [status, code], 'inference.md, Responses');
            assert.ok(error.headers.get('x-request-id'), 'conventions.md: x-request-id on every answer');
        });
    }
});
