// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The unmodified `openai` package against a gateway and a mock provider that test_openai_node.py has started.
// What it is given is in E2E: { origin, mock, platform, keys, paths, models }.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import OpenAI from 'openai';

const setup = JSON.parse(process.env.E2E);
const { models } = setup;
const hello = [{ role: 'user', content: 'Say hello.' }];

function clientWith(apiKey) {
    return new OpenAI({ baseURL: `${setup.origin}/v1`, apiKey, maxRetries: 0, timeout: 20_000 });
}

const openai = clientWith(setup.keys.alice);
const clock = {
    type: 'function',
    function: {
        name: 'get_time',
        description: 'The time in a zone',
        parameters: { type: 'object', properties: { timezone: { type: 'string' } } },
    },
};

async function manage(method, path, body) {
    const response = await fetch(setup.origin + path, {
        method,
        body: body && JSON.stringify(body),
        headers: { authorization: `Bearer ${setup.keys.platform}`, 'content-type': 'application/json' },
    });
    return { status: response.status, body: response.status === 204 ? null : await response.json() };
}

async function logOf(requestId) {
    const { body } = await manage('GET', `${setup.platform}/logs?limit=100&request_id=${requestId}`);
    return body.data;
}

/// The provider's record of the call that named this user.
async function upstreamCall(user) {
    const { calls } = await (await fetch(`${setup.mock}/__calls`)).json();
    return calls.find(call => call.user === user);
}

/// The value of probe() as soon as it is true, or the last one after `ms`.
async function within(ms, probe) {
    for (const end = performance.now() + ms; ;) {
        const value = await probe();
        if (value || performance.now() > end) return value;
        await sleep(5);
    }
}

async function refusal(kind, status, code, rule, call) {
    let error;
    try {
        await call();
    } catch (caught) {
        error = caught;
    }
    assert.ok(
        error instanceof kind,
        `expected ${kind.name} by ${rule}; came ${error?.constructor.name}: ${error?.message}`,
    );
    assert.deepEqual({ status: error.status, code: error.code }, { status, code }, `the refusal of ${rule}`);
    assert.ok(error.headers.get('x-request-id'), 'x-request-id on every answer, by conventions.md');
    return error;
}

function chat(client, model, more = {}) {
    return client.chat.completions.create({ model, messages: hello, ...more });
}

test('models are listed and retrieved', async () => {
    const listed = [];
    for await (const model of openai.models.list()) listed.push(model.id);
    assert.ok(
        listed.includes(models.plain),
        `expected ${models.plain} in the list by llm-configs-and-models.md; came ${listed}`,
    );
    const one = await openai.models.retrieve(models.plain);
    assert.deepEqual(
        [one.id, one.object, one.owned_by],
        [models.plain, 'model', 'mock'],
        'llm-configs-and-models.md, GET /v1/models/{model}',
    );
});

test('a chat completion', async () => {
    const answer = await chat(openai, models.plain);
    assert.equal(answer.object, 'chat.completion', 'inference.md 2');
    assert.equal(answer.model, models.plain, 'inference.md 2: model echoes the requested slug');
    assert.ok(answer.choices[0].message.content, 'inference.md 2: some content');
    assert.equal(
        answer.usage.total_tokens,
        answer.usage.prompt_tokens + answer.usage.completion_tokens,
        'inference.md 2, usage',
    );
    assert.ok(answer._request_id, 'conventions.md: x-request-id');
});

test('a stream with usage at its end', async () => {
    const stream = await chat(openai, models.plain, { stream: true, stream_options: { include_usage: true } });
    let text = '';
    let usage;
    let finish;
    for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage ?? usage;
    }
    assert.ok(text, 'inference.md 2, Streaming: some content');
    assert.equal(finish, 'stop', 'inference.md 2, Streaming: finish_reason');
    assert.equal(usage?.total_tokens, models.plainTotal, 'inference.md 2, Streaming 4: usage with include_usage');
});

test('tool calls in raw chunks', async () => {
    const stream = await chat(openai, models.tools, { stream: true, tools: [weather(), clock] });
    const calls = [];
    let finish;
    for await (const chunk of stream) {
        for (const part of chunk.choices[0]?.delta.tool_calls ?? []) {
            const call = (calls[part.index] ??= { arguments: '' });
            call.id ??= part.id;
            call.name ??= part.function?.name;
            call.arguments += part.function?.arguments ?? '';
        }
        finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assert.equal(finish, 'tool_calls', 'inference.md 2: finish_reason of an answer with tool calls');
    assert.ok(
        calls.every(call => call.id),
        'inference.md 2: every call has an id',
    );
    assert.deepEqual(
        calls.map(call => [call.name, JSON.parse(call.arguments)]),
        [
            ['get_weather', { location: 'Paris' }],
            ['get_time', { timezone: 'Europe/Paris' }],
        ],
        'inference.md 2, tool calls',
    );
});

test('the helper that collects a stream sees the same tool calls', async () => {
    const stream = openai.chat.completions.stream({ model: models.tools, messages: hello, tools: [weather(), clock] });
    const { message, finish_reason: finish } = (await stream.finalChatCompletion()).choices[0];
    assert.equal(finish, 'tool_calls', 'inference.md 2: finish_reason of an answer with tool calls');
    assert.deepEqual(
        message.tool_calls.map(call => [call.function.name, typeof call.function.arguments]),
        [
            ['get_weather', 'string'],
            ['get_time', 'string'],
        ],
        'inference.md 2: arguments is always a string',
    );
});

for (const stream of [false, true]) {
    test(`the helper that runs tools goes round and ends with text, ${stream ? 'streamed' : 'plain'}`, async () => {
        const ran = [];
        const runner = openai.chat.completions.runTools(
            {
                model: models.call,
                stream,
                messages: [{ role: 'user', content: 'call:get_weather {"location":"Oslo"}' }],
                tools: [
                    weather({
                        parse: JSON.parse,
                        function: given => {
                            ran.push(given);
                            return 'sunny';
                        },
                    }),
                ],
            },
            { maxChatCompletions: 3 },
        );
        const text = await runner.finalContent();
        assert.deepEqual(
            ran,
            [{ location: 'Oslo' }],
            'inference.md 2: the client ran the tool once, the gateway never does',
        );
        assert.ok(text, 'inference.md 2: text after the tool message');
    });
}

/// What must hold after the client has left its stream: the provider sees it go, the books have it once.
async function leftInMidStream(user, leftAt, response) {
    const call = await within(2000, async () => {
        const seen = await upstreamCall(user);
        return seen?.outcome !== 'running' && seen;
    });
    assert.equal(call?.outcome, 'aborted', 'inference.md 5, client disconnects: the upstream call is aborted');
    const delay = call.ended_ms - leftAt;
    assert.ok(
        delay <= 250,
        `inference.md 5: aborted at once; the provider saw the end ${delay} ms after the client left, 250 are allowed`,
    );
    const rows = await within(2000, async () => {
        const found = await logOf(response.headers.get('x-request-id'));
        return found.length > 0 && found;
    });
    assert.equal(rows.length, 1, 'logs.md: one row of the cancelled call within 2 s');
    assert.deepEqual(
        [rows[0].status, rows[0].billing_status],
        ['cancelled', 'billed'],
        'inference.md 5, client disconnects',
    );
    assert.ok(
        Number(rows[0].estimated_cost_usd) > 0,
        'inference.md 5, client disconnects: billed for what was received',
    );
}

test('leaving a stream ends the upstream call within 250 ms and is billed once', async () => {
    const { data: stream, response } = await chat(openai, models.slow, { stream: true, user: 'leaves' }).withResponse();
    let leftAt;
    for await (const chunk of stream) {
        leftAt = Date.now();
        if (chunk.choices[0]?.delta.content) break; // the package aborts the request
    }
    await leftInMidStream('leaves', leftAt, response);
});

test('aborting with a signal does the same', async () => {
    const controller = new AbortController();
    const { data: stream, response } = await openai.chat.completions
        .create({ model: models.slow, messages: hello, stream: true, user: 'aborts' }, { signal: controller.signal })
        .withResponse();
    let leftAt;
    for await (const chunk of stream) {
        if (!leftAt && chunk.choices[0]?.delta.content) {
            leftAt = Date.now();
            controller.abort();
        }
    }
    await leftInMidStream('aborts', leftAt, response);
});

test('refusals are the error classes of the package', async t => {
    await t.test('401', () =>
        refusal(OpenAI.AuthenticationError, 401, 'unauthorized', 'conventions.md', () =>
            chat(clientWith('sk-eu_' + '0'.repeat(64)), models.plain),
        ),
    );
    await t.test('404', () =>
        refusal(OpenAI.NotFoundError, 404, 'model_not_found', 'inference.md 1, gate 8', () => chat(openai, 'nobody')),
    );
    await t.test('404 of models.retrieve', () =>
        refusal(OpenAI.NotFoundError, 404, 'model_not_found', 'llm-configs-and-models.md', () =>
            openai.models.retrieve('nobody'),
        ),
    );
    await t.test('422', async () => {
        const error = await refusal(
            OpenAI.UnprocessableEntityError,
            422,
            'validation_error',
            'inference.md 2, temperature 0 to 2',
            () => chat(openai, models.plain, { temperature: 3 }),
        );
        assert.equal(error.param, 'temperature', 'conventions.md, param');
    });
    await t.test('502', () =>
        refusal(OpenAI.InternalServerError, 502, 'provider_error', 'inference.md 6', () =>
            chat(openai, models.failing),
        ),
    );
    await t.test('a refused stream is a plain error too', () =>
        refusal(OpenAI.NotFoundError, 404, 'model_not_found', 'inference.md 1', () =>
            chat(openai, 'nobody', { stream: true }),
        ),
    );
});

test('the three codes of 402', async t => {
    const budget = setup.paths.bob;
    const bob = clientWith(setup.keys.bob);
    await t.test('budget_suspended', async () => {
        const suspended = await manage('PATCH', budget, { is_suspended: true });
        assert.equal(suspended.status, 200, 'budgets-and-ledger.md, PATCH budget');
        const error = await refusal(OpenAI.APIError, 402, 'budget_suspended', 'inference.md 1, gate 4', () =>
            chat(bob, models.plain),
        );
        assert.equal(error.type, 'payment_required', 'conventions.md: type filled from the envelope');
        assert.equal(
            (await manage('PATCH', budget, { is_suspended: false })).status,
            200,
            'budgets-and-ledger.md, PATCH budget',
        );
    });
    await t.test('budget_exhausted', async () => {
        assert.equal(
            (await manage('POST', `${budget}/debit`, { amount_usd: 1 })).status,
            200,
            'budgets-and-ledger.md, POST debit',
        );
        await refusal(OpenAI.APIError, 402, 'budget_exhausted', 'inference.md 1, gate 5', () =>
            chat(bob, models.plain),
        );
    });
    await t.test('wallet_insufficient', () =>
        refusal(OpenAI.APIError, 402, 'wallet_insufficient', 'inference.md 1, gate 7', () =>
            chat(clientWith(setup.keys.poor), models.plain),
        ),
    );
});

function weather(run = {}) {
    return {
        type: 'function',
        function: {
            name: 'get_weather',
            description: 'The weather at a place',
            ...run,
            parameters: { type: 'object', properties: { location: { type: 'string' } } },
        },
    };
}
