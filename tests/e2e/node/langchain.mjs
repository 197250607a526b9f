// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What must hold for LangChain's ChatOpenAI, on either of the two routes.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { please, refused, sameMeaning, setup, testEachWay } from './suite.mjs';

globalThis.crypto ??= webcrypto; // Node 18 has it as a module only, LangChain's tools take it for granted
const City = z.object({ city: z.string(), temperature: z.number(), sunny: z.boolean() });
const rule = 'conventions.md, OpenAI SDKs';

/// `options` are those of ChatOpenAI that choose the route.
export function langchainTests(options) {
    const chatModel = model =>
        new ChatOpenAI({
            model,
            apiKey: setup.key,
            configuration: { baseURL: `${setup.origin}/v1` },
            maxRetries: 0,
            ...options,
        });

    sameMeaning(
        'invoke',
        rule,
        async ({ cached }) => {
            const answer = await chatModel(cached).invoke([new SystemMessage('Be brief.'), new HumanMessage('Hello.')]);
            return { text: answer.text, usage: totals(answer.usage_metadata) };
        },
        { text: setup.text, usage: setup.usage },
    );

    sameMeaning(
        'stream',
        rule,
        async ({ cached }) => {
            let whole;
            let pieces = 0;
            for await (const chunk of await chatModel(cached).stream('Hello.')) {
                whole = whole ? whole.concat(chunk) : chunk;
                if (chunk.text) ++pieces;
            }
            assert.ok(pieces > 1, `inference.md, Streaming: more than one piece; came ${pieces}`);
            return { text: whole.text, usage: totals(whole.usage_metadata) };
        },
        { text: setup.text, usage: setup.usage },
    );

    for (const streamed of [false, true]) {
        sameMeaning(
            `bindTools and the tool's result, ${streamed ? 'streamed' : 'plain'}`,
            rule,
            async ({ call }) => {
                const weather = tool(({ location }) => `sunny in ${location}`, {
                    name: 'get_weather',
                    description: 'The weather at a place',
                    schema: z.object({ location: z.string() }),
                });
                const model = chatModel(call).bindTools([weather]);
                const messages = [new HumanMessage(please('get_weather', { location: 'Oslo' }))];
                const first = await ask(model, messages, streamed);
                messages.push(first);
                for (const wanted of first.tool_calls) messages.push(await weather.invoke(wanted));
                const results = messages.filter(message => message instanceof ToolMessage);
                const second = await ask(model, messages, streamed);
                return {
                    wanted: first.tool_calls.map(({ name, args }) => [name, args]),
                    results: results.map(message => message.content),
                    text: second.text,
                };
            },
            {
                wanted: [['get_weather', { location: 'Oslo' }]],
                results: ['sunny in Oslo'],
                text: setup.text,
            },
        );
    }

    sameMeaning(
        'withStructuredOutput by schema and by a function that must be called',
        rule,
        async ({ json, call }) => {
            const bySchema = chatModel(json).withStructuredOutput(City, { name: 'city', method: 'jsonSchema' });
            const byCall = chatModel(call).withStructuredOutput(City, { name: 'city', method: 'functionCalling' });
            return {
                bySchema: await bySchema.invoke('Paris?'),
                byCall: await byCall.invoke(please('city', setup.json)),
            };
        },
        { bySchema: setup.json, byCall: setup.json },
    );

    testEachWay('a provider that fails', async ({ failing }) => {
        const error = await refused(Error, rule, () => chatModel(failing).invoke('Hello.'));
        assert.deepEqual([error.status, error.code], [502, 'provider_error'], 'inference.md, Provider failures');
    });
}

function totals({ input_tokens: input, input_token_details: details, output_tokens: output, total_tokens: total }) {
    return [input, details.cache_read, output, total];
}

async function ask(model, messages, streamed) {
    if (!streamed) return model.invoke(messages);
    let whole;
    for await (const chunk of await model.stream(messages)) whole = whole ? whole.concat(chunk) : chunk;
    return whole;
}
