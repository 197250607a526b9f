// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// LangChain's ChatOpenAI on /v1/responses.
import { langchainTests } from './langchain.mjs';

langchainTests({ useResponsesApi: true });
