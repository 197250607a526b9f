// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Vercel's `ai` on /v1/chat/completions, with both of its packages that speak it.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { aiTests } from './ai.mjs';
import { setup } from './suite.mjs';

const access = { baseURL: `${setup.origin}/v1`, apiKey: setup.key };
const openai = createOpenAI(access);
const compatible = createOpenAICompatible({
    ...access,
    name: 'gateway',
    includeUsage: true,
    supportsStructuredOutputs: true,
});

aiTests('@ai-sdk/openai', slug => openai.chat(slug));
aiTests('@ai-sdk/openai-compatible', slug => compatible(slug));
