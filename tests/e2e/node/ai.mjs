// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What must hold for Vercel's `ai` package, with whichever of its providers it talks to the gateway.
import assert from 'node:assert/strict';
import { APICallError, generateObject, generateText, Output, stepCountIs, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';
import { please, refused, sameMeaning, setup, testEachWay } from './suite.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;
const City = z.object({ city: z.string(), temperature: z.number(), sunny: z.boolean() });
const rule = 'conventions.md, OpenAI SDKs';

function totals({ inputTokens, cachedInputTokens, outputTokens, totalTokens }) {
    return [inputTokens, cachedInputTokens, outputTokens, totalTokens];
}

function weather(ran) {
    return {
        get_weather: tool({
            description: 'The weather at a place',
            inputSchema: z.object({ location: z.string() }),
            execute: given => ran.push(given) && 'sunny',
        }),
    };
}

/// `provider` is its name for the tests; `modelOf(slug)` makes a model of it.
export function aiTests(provider, modelOf) {
    const base = { maxRetries: 0 };

    sameMeaning(
        `${provider}: generateText`,
        rule,
        async ({ cached }) => {
            const answer = await generateText({
                ...base,
                model: modelOf(cached),
                system: 'Be brief.',
                prompt: 'Hello.',
            });
            return { text: answer.text, finish: answer.finishReason, usage: totals(answer.usage) };
        },
        { text: setup.text, finish: 'stop', usage: setup.usage },
    );

    sameMeaning(
        `${provider}: streamText`,
        rule,
        async ({ cached }) => {
            const answer = streamText({ ...base, model: modelOf(cached), prompt: 'Hello.', onError() {} });
            let text = '';
            let pieces = 0;
            for await (const piece of answer.textStream) {
                text += piece;
                ++pieces;
            }
            assert.ok(pieces > 1, `inference.md, Streaming: more than one piece; came ${pieces}`);
            return { text, finish: await answer.finishReason, usage: totals(await answer.usage) };
        },
        { text: setup.text, finish: 'stop', usage: setup.usage },
    );

    sameMeaning(
        `${provider}: generateText goes round with tools and thoughts`,
        rule,
        async ({ thinking }) => {
            const ran = [];
            const answer = await generateText({
                ...base,
                model: modelOf(thinking),
                prompt: please('get_weather', { location: 'Oslo' }),
                tools: weather(ran),
                stopWhen: stepCountIs(3),
            });
            return { ran, steps: answer.steps.map(step => step.finishReason), text: answer.text };
        },
        { ran: [{ location: 'Oslo' }], steps: ['tool-calls', 'stop'], text: setup.text },
    );

    sameMeaning(
        `${provider}: streamText goes round with tools`,
        rule,
        async ({ call }) => {
            const ran = [];
            const answer = streamText({
                ...base,
                model: modelOf(call),
                prompt: please('get_weather', { location: 'Oslo' }),
                tools: weather(ran),
                stopWhen: stepCountIs(3),
                onError() {},
            });
            const steps = (await answer.steps).map(step => step.finishReason);
            return { ran, steps, text: await answer.text };
        },
        { ran: [{ location: 'Oslo' }], steps: ['tool-calls', 'stop'], text: setup.text },
    );

    sameMeaning(
        `${provider}: generateObject, streamObject and generateText with an output`,
        rule,
        async ({ json }) => {
            const asked = { ...base, model: modelOf(json), prompt: 'Paris?' };
            const streamed = streamObject({ ...asked, schema: City, onError() {} });
            for await (const part of streamed.partialObjectStream) assert.equal(typeof part, 'object', rule);
            return {
                generated: (await generateObject({ ...asked, schema: City })).object,
                streamed: await streamed.object,
                output: (await generateText({ ...asked, output: Output.object({ schema: City }) })).output,
            };
        },
        { generated: setup.json, streamed: setup.json, output: setup.json },
    );

    testEachWay(`${provider}: a provider that fails`, async ({ failing }) => {
        const error = await refused(APICallError, rule, () =>
            generateText({ ...base, model: modelOf(failing), prompt: 'Hello.' }),
        );
        assert.deepEqual([error.statusCode, error.isRetryable], [502, true], 'inference.md, Provider failures');
        assert.equal(JSON.parse(error.responseBody).error.code, 'provider_error', 'inference.md, Provider failures');
    });

    testEachWay(`${provider}: a model that is not there`, async (_, way) => {
        const error = await refused(APICallError, rule, () =>
            generateText({ ...base, model: modelOf(`${way}:nobody`), prompt: 'Hello.' }),
        );
        assert.deepEqual([error.statusCode, error.isRetryable], [404, false], 'inference.md, Gate order');
    });
}
