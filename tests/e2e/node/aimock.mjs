// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// node aimock.mjs '{"text":…, "json":…, "usage":…}': a provider that others wrote, taught to answer the models of
// clientcase.py. Its first line of output is its address.
import { createRequire } from 'node:module';

// Its CommonJS form, because the other one asks Node 18 for what only Node 20 has.
const { LLMock } = createRequire(import.meta.url)('@copilotkit/aimock');
const { text, json, usage } = JSON.parse(process.argv[2]);
const [prompt, , completion, total] = usage;
const reported = {
    usage: {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total,
        input_tokens: prompt,
        output_tokens: completion,
        promptTokenCount: prompt,
        candidatesTokenCount: completion,
        totalTokenCount: total,
    },
};
const bothCalls = [
    { name: 'get_weather', arguments: '{"location":"Paris"}' },
    { name: 'get_time', arguments: '{"timezone":"Europe/Paris"}' },
];

/// The call that a prompt `call:<name> {json}` asks for.
function wantedCall({ messages }) {
    const said = messages.filter(message => message.role === 'user').at(-1).content;
    const [, name, given] = /call:(\w+) (\{.*\})/.exec(
        typeof said === 'string' ? said : said.map(p => p.text).join(''),
    );
    return { toolCalls: [{ name, arguments: given }], ...reported };
}

const mock = new LLMock({ port: 0, logLevel: 'silent' });
mock.on({ model: 'mock-fault-500' }, { error: { message: 'Out of order.', type: 'server_error' }, status: 500 });
mock.on({ model: /^mock-call/, hasToolResult: false }, wantedCall);
mock.on({ model: 'mock-tools', hasToolResult: false }, { toolCalls: bothCalls, ...reported });
mock.on({ model: 'mock-json' }, { content: JSON.stringify(json), ...reported });
mock.on({ model: 'mock-length' }, { content: text.slice(0, 9), finishReason: 'length', ...reported });
mock.on({}, { content: text, ...reported });
console.log(await mock.start());
