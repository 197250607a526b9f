// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Anthropic's package as it is now, which sends its key as a bearer token.
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { anthropicTests } from './anthropic.mjs';

// Its helper that runs tools leaves the conversation with Anthropic (`thread`) and sends only what is new.
anthropicTests({ Anthropic, betaZodTool, zodOutputFormat, runsTools: false });
