// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What must hold for Anthropic's package on /v1/messages, whatever the provider behind the gateway speaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { please, refused, sameMeaning, setup, testEachWay } from './suite.mjs';

const options = { baseURL: setup.origin, maxRetries: 0, timeout: 20_000 };
const rule = 'inference.md, Messages';
const City = z.object({ city: z.string(), temperature: z.number(), sunny: z.boolean() });
const hello = [{ role: 'user', content: 'Hello.' }];
const wish = { role: 'user', content: please('get_weather', { location: 'Oslo' }) };
const [anyModels] = Object.values(setup.ways);
const [prompt, cached, completion] = setup.usage;

function toolNamed(name, member) {
    const properties = { [member]: { type: 'string' } };
    return { name, input_schema: { type: 'object', properties, required: [member] } };
}
const tools = [toolNamed('get_weather', 'location'), toolNamed('get_time', 'timezone')];

function textOf(message) {
    return message.content.map(block => (block.type === 'text' ? block.text : '')).join('');
}

function callsOf(message) {
    return message.content.filter(block => block.type === 'tool_use');
}

function answering(message, content) {
    return {
        role: 'user',
        content: callsOf(message).map(call => ({ type: 'tool_result', tool_use_id: call.id, content })),
    };
}

/// The package, and its helpers for schemas.
export function anthropicTests({ Anthropic, betaZodTool, zodOutputFormat, runsTools = true }) {
    const anthropic = new Anthropic({ ...options, apiKey: setup.key });

    for (const streamed of [false, true]) {
        const how = streamed ? 'streamed' : 'plain';
        const ask = body => {
            const whole = { max_tokens: 300, ...body };
            return streamed ? anthropic.messages.stream(whole).finalMessage() : anthropic.messages.create(whole);
        };

        sameMeaning(
            `a text, ${how}`,
            rule,
            async models => {
                const answer = await ask({ model: models.cached, system: 'Be brief.', messages: hello });
                assert.equal(answer.model, models.cached, `${rule}: the slug that was asked for`);
                assert.deepEqual([answer.type, answer.role], ['message', 'assistant'], rule);
                return {
                    text: textOf(answer),
                    stop: answer.stop_reason,
                    usage: [
                        answer.usage.input_tokens,
                        answer.usage.cache_read_input_tokens ?? 0, // what passes through may leave it out
                        answer.usage.output_tokens,
                    ],
                };
            },
            { text: setup.text, stop: 'end_turn', usage: [prompt - cached, cached, completion] },
        );

        sameMeaning(
            `two calls at once and both results, ${how}`,
            rule,
            async models => {
                const first = await ask({ model: models.tools, messages: hello, tools });
                const messages = [...hello, { role: 'assistant', content: first.content }, answering(first, 'known')];
                const second = await ask({ model: models.tools, messages, tools });
                return {
                    calls: callsOf(first).map(call => [call.name, call.input]),
                    stops: [first.stop_reason, second.stop_reason],
                    text: textOf(second),
                };
            },
            {
                calls: [
                    ['get_weather', { location: 'Paris' }],
                    ['get_time', { timezone: 'Europe/Paris' }],
                ],
                stops: ['tool_use', 'end_turn'],
                text: setup.text,
            },
        );

        if (!runsTools) continue;
        sameMeaning(
            `the helper that runs tools, with thoughts, ${how}`,
            rule,
            async models => {
                const ran = [];
                const weather = betaZodTool({
                    name: 'get_weather',
                    description: 'The weather at a place',
                    inputSchema: z.object({ location: z.string() }),
                    run: given => {
                        ran.push(given);
                        return 'sunny';
                    },
                });
                const runner = anthropic.beta.messages.toolRunner({
                    model: models.thinking,
                    max_tokens: 300,
                    max_iterations: 3,
                    messages: [wish],
                    tools: [weather],
                    stream: streamed,
                });
                return { text: textOf(await runner.runUntilDone()), ran };
            },
            { text: setup.text, ran: [{ location: 'Oslo' }] },
        );
    }

    sameMeaning(
        'a call, its result and a structured answer',
        rule,
        async models => {
            const first = await anthropic.messages.create({
                model: models.call,
                max_tokens: 300,
                messages: [wish],
                tools,
            });
            const messages = [wish, { role: 'assistant', content: first.content }, answering(first, '21 degrees')];
            const second = await anthropic.messages.parse({
                model: models.json,
                max_tokens: 300,
                messages,
                tools,
                output_config: { format: zodOutputFormat(City) },
            });
            return { wanted: callsOf(first).map(call => call.input), parsed: second.parsed_output };
        },
        { wanted: [{ location: 'Oslo' }], parsed: setup.json },
    );

    testEachWay('the events of a stream', async ({ plain }) => {
        const kinds = [];
        let text = '';
        let isThought = false;
        const body = { model: plain, max_tokens: 300, messages: hello, stream: true };
        for await (const event of await anthropic.messages.create(body)) {
            if (event.type === 'content_block_delta') text += event.delta.text ?? '';
            // Thoughts may come first, with nothing in them but what goes back to the model.
            const begun = event.content_block?.type;
            if (begun) isThought = begun !== 'text';
            if (event.type.startsWith('content_block') && isThought) continue;
            if (event.type !== kinds.at(-1)) kinds.push(event.type);
        }
        assert.deepEqual(
            kinds.filter(kind => kind !== 'ping'),
            [
                'message_start',
                'content_block_start',
                'content_block_delta',
                'content_block_stop',
                'message_delta',
                'message_stop',
            ],
            `${rule}: the order of the events`,
        );
        assert.equal(text, setup.text, `${rule}: the text of the pieces`);
    });

    testEachWay('an answer that was cut off', async ({ length }) => {
        const answer = await anthropic.messages.create({ model: length, max_tokens: 300, messages: hello });
        assert.equal(answer.stop_reason, 'max_tokens', `${rule}: stop_reason`);
    });

    const counted = setup.countsTokens ? testEachWay : () => {};
    counted('tokens are counted beforehand, which costs nothing', async ({ plain }) => {
        const short = await anthropic.messages.countTokens({ model: plain, messages: hello });
        const long = await anthropic.messages.countTokens({
            model: plain,
            messages: [{ role: 'user', content: 'Hello. '.repeat(100) }],
        });
        assert.ok(short.input_tokens > 0, `${rule}: input_tokens above 0; came ${JSON.stringify(short)}`);
        // The mock has a count of its own, whatever it gets.
        assert.ok(long.input_tokens >= short.input_tokens, `${rule}: more text is not fewer tokens`);
    });

    test('a bearer token opens it, too', async () => {
        const bearer = new Anthropic({ ...options, apiKey: null, authToken: setup.key });
        const answer = await bearer.messages.create({ model: anyModels.plain, max_tokens: 300, messages: hello });
        assert.equal(textOf(answer), setup.text, rule);
    });

    test('refusals are the error classes of the package', async t => {
        const stranger = new Anthropic({ ...options, apiKey: `sk-eu_${'0'.repeat(64)}` });
        const ask = (more, client = anthropic) =>
            client.messages.create({ model: anyModels.plain, max_tokens: 300, messages: hello, ...more });
        const cases = [
            [Anthropic.AuthenticationError, 401, 'authentication_error', () => ask({}, stranger)],
            [Anthropic.NotFoundError, 404, 'not_found_error', () => ask({ model: 'nobody' })],
            [Anthropic.NotFoundError, 404, 'not_found_error', () => ask({ model: 'nobody', stream: true })],
            [Anthropic.UnprocessableEntityError, 422, 'invalid_request_error', () => ask({ max_tokens: 0 })],
            [Anthropic.UnprocessableEntityError, 422, 'invalid_request_error', () => ask({ messages: [] })],
            [Anthropic.InternalServerError, 502, 'api_error', () => ask({ model: anyModels.failing })],
        ];
        for (const [kind, status, type, call] of cases) {
            await t.test(`${status} ${type}`, async () => {
                const error = await refused(kind, rule, call);
                assert.equal(error.status, status, rule);
                assert.deepEqual(
                    [error.error?.type, error.error?.error?.type],
                    ['error', type],
                    `${rule}: the shape of Anthropic's errors`,
                );
                assert.ok(error.requestID, `${rule}: request-id on every answer`);
            });
        }
    });
}
