// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Anthropic's package before its version 1, which sends its key in x-api-key and asks for an older version of the API.
import Anthropic from 'anthropic-sdk-0';
import { betaZodTool } from 'anthropic-sdk-0/helpers/beta/zod';
import { zodOutputFormat } from 'anthropic-sdk-0/helpers/zod';
import { anthropicTests } from './anthropic.mjs';

anthropicTests({ Anthropic, betaZodTool, zodOutputFormat });
