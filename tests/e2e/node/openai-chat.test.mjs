// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// The unmodified `openai` package: chat completions mean the same whatever the provider speaks.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { LengthFinishReasonError } from 'openai/error';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { please, refused, sameMeaning, setup, testEachWay } from './suite.mjs';

const openai = new OpenAI({ baseURL: `${setup.origin}/v1`, apiKey: setup.key, maxRetries: 0, timeout: 20_000 });
const City = z.object({ city: z.string(), temperature: z.number(), sunny: z.boolean() });
const system = { role: 'system', content: 'You know the weather.' };
const wish = { role: 'user', content: please('get_weather', { location: 'Oslo' }) };
const weather = zodFunction({ name: 'get_weather', parameters: z.object({ location: z.string() }) });
const clock = zodFunction({ name: 'get_time', parameters: z.object({ timezone: z.string() }) });

function meaningOf(completion) {
    const { message, finish_reason: finish } = completion.choices[0];
    return {
        model: completion.model,
        finish,
        content: message.content,
        calls: (message.tool_calls ?? []).map(call => [call.function.name, JSON.parse(call.function.arguments)]),
        usage: [
            completion.usage.prompt_tokens,
            completion.usage.prompt_tokens_details?.cached_tokens ?? 0, // optional, by the package's types
            completion.usage.completion_tokens,
            completion.usage.total_tokens,
        ],
    };
}

sameMeaning(
    'a text, plain and streamed',
    'inference.md, Chat completions',
    async ({ cached }, way) => {
        const body = { model: cached, messages: [system, { role: 'user', content: 'Hello.' }] };
        const plain = meaningOf(await openai.chat.completions.create(body));
        const stream = openai.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
        let pieces = '';
        stream.on('content', piece => (pieces += piece));
        assert.deepEqual(meaningOf(await stream.finalChatCompletion()), plain, `the same when streamed, by ${way}`);
        assert.equal(pieces, plain.content, `the pieces of the stream, by ${way}`);
        assert.equal(plain.model, cached, 'inference.md: the slug that was asked for');
        return { ...plain, model: undefined };
    },
    { model: undefined, finish: 'stop', content: setup.text, calls: [], usage: setup.usage },
);

for (const stream of [false, true]) {
    sameMeaning(
        `a tool call, its result and a structured answer, ${stream ? 'streamed' : 'plain'}`,
        'inference.md, Chat completions',
        async models => {
            const ask = async body =>
                stream
                    ? openai.chat.completions
                          .stream({ ...body, stream_options: { include_usage: true } })
                          .finalChatCompletion()
                    : openai.chat.completions.parse(body);
            const messages = [system, wish];
            const first = await ask({ model: models.call, messages, tools: [weather, clock] });
            const [call] = first.choices[0].message.tool_calls;
            messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' });
            const second = await ask({ model: models.call, messages, tools: [weather, clock] });
            messages.push(second.choices[0].message, { role: 'user', content: 'And as an object?' });
            const third = await ask({
                model: models.json,
                messages,
                response_format: zodResponseFormat(City, 'city'),
            });
            return {
                wanted: call.function.parsed_arguments,
                finishes: [first, second, third].map(answer => answer.choices[0].finish_reason),
                text: second.choices[0].message.content,
                parsed: third.choices[0].message.parsed,
            };
        },
        {
            wanted: { location: 'Oslo' },
            finishes: ['tool_calls', 'stop', 'stop'],
            text: setup.text,
            parsed: setup.json,
        },
    );

    sameMeaning(
        `the helper that runs tools, ${stream ? 'streamed' : 'plain'}`,
        'inference.md, Chat completions',
        async models => {
            const ran = [];
            const runner = openai.chat.completions.runTools(
                {
                    model: models.call,
                    stream,
                    messages: [system, wish],
                    tools: [
                        zodFunction({
                            name: 'get_weather',
                            parameters: z.object({ location: z.string() }),
                            function: given => ran.push(given) && 'sunny',
                        }),
                    ],
                },
                { maxChatCompletions: 3 },
            );
            return { text: await runner.finalContent(), ran };
        },
        { text: setup.text, ran: [{ location: 'Oslo' }] },
    );
}

sameMeaning(
    'two calls at once and both results',
    'inference.md, Chat completions',
    async models => {
        const messages = [{ role: 'user', content: 'Weather and time?' }];
        const tools = [weather, clock];
        const first = await openai.chat.completions.create({ model: models.tools, messages, tools });
        const { message } = first.choices[0];
        messages.push(
            message,
            ...message.tool_calls.map(call => ({ role: 'tool', tool_call_id: call.id, content: 'known' })),
        );
        const second = await openai.chat.completions.create({ model: models.tools, messages, tools });
        return {
            calls: meaningOf(first).calls,
            different: new Set(message.tool_calls.map(call => call.id)).size,
            text: second.choices[0].message.content,
        };
    },
    {
        calls: [
            ['get_weather', { location: 'Paris' }],
            ['get_time', { timezone: 'Europe/Paris' }],
        ],
        different: 2,
        text: setup.text,
    },
);

testEachWay('an answer that was cut off is told as the package tells it', async ({ length }) => {
    await refused(LengthFinishReasonError, 'inference.md, finish_reason', () =>
        openai.chat.completions.parse({
            model: length,
            messages: [wish],
            response_format: zodResponseFormat(City, 'city'),
        }),
    );
});

testEachWay('a provider that fails', async ({ failing }) => {
    const error = await refused(OpenAI.InternalServerError, 'inference.md, Provider failures', () =>
        openai.chat.completions.create({ model: failing, messages: [wish] }),
    );
    assert.deepEqual([error.status, error.code], [502, 'provider_error'], 'inference.md, Provider failures');
});
