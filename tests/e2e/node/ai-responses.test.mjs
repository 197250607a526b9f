// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Vercel's `ai` on /v1/responses: it refers to stored items by their ids, or sends all of them when nothing is stored.
import { createOpenAI } from '@ai-sdk/openai';
import { defaultSettingsMiddleware, wrapLanguageModel } from 'ai';
import { aiTests } from './ai.mjs';
import { setup } from './suite.mjs';

const openai = createOpenAI({ baseURL: `${setup.origin}/v1`, apiKey: setup.key });
const unstored = defaultSettingsMiddleware({ settings: { providerOptions: { openai: { store: false } } } });

aiTests('@ai-sdk/openai', slug => openai.responses(slug));
aiTests('@ai-sdk/openai, nothing stored', slug =>
    wrapLanguageModel({ model: openai.responses(slug), middleware: unstored }),
);
