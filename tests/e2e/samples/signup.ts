// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a platform's backend does when somebody signs up: the integration guide's example as integrators have it. It
// must run unchanged, so only the environment says where the gateway is. Its hosted-MCP steps come with /v1/responses.

const PLATFORM_KEY = process.env.ASSISTIV_PLATFORM_KEY!; // sk-plat_*
const PLATFORM_ID = process.env.ASSISTIV_PLATFORM_ID!;
const API_BASE = process.env.ASSISTIV_API_BASE!;

// ── Step 0: which models can this platform use?
async function listAvailableModels(): Promise<string[]> {
  const res = await fetch(`${API_BASE}/models`, {
    headers: { Authorization: `Bearer ${PLATFORM_KEY}` },
  });
  if (!res.ok) throw new Error("Failed to list models");
  const body = await res.json();
  return body.data.map((m: { id: string }) => m.id);
}

// ── Step 1: make the end user; safe to repeat, a repeated call brings a fresh key
async function createAssistivUser(yourUserId: string, displayName: string) {
  const res = await fetch(`${API_BASE}/platforms/${PLATFORM_ID}/end-users`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${PLATFORM_KEY}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      external_id: yourUserId,
      display_name: displayName,
    }),
  });
  const data = await res.json();
  if (!res.ok) throw new Error(data.error?.message ?? "Failed to create end user");
  return { assistivUserId: data.id, endUserKey: data.api_key.raw_key };
}

// ── Step 1b: find the end user by the platform's own id
async function findAssistivUser(yourUserId: string) {
  const res = await fetch(
    `${API_BASE}/platforms/${PLATFORM_ID}/end-users?external_id=${encodeURIComponent(yourUserId)}`,
    { headers: { Authorization: `Bearer ${PLATFORM_KEY}` } },
  );
  const data = await res.json();
  if (!res.ok) throw new Error(data.error?.message ?? "Lookup failed");
  return data.data[0] ?? null;
}

// ── Step 2: cap what the user may spend in a month
async function createUserBudget(assistivUserId: string, maxUsd: number) {
  const res = await fetch(
    `${API_BASE}/platforms/${PLATFORM_ID}/end-users/${assistivUserId}/budget`,
    {
      method: "POST",
      headers: {
        Authorization: `Bearer ${PLATFORM_KEY}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({
        max_usd: maxUsd,
        period: "monthly",
        auto_replenish: true,
        replenish_amount: maxUsd,
      }),
    }
  );
  if (!res.ok) throw new Error("Failed to create budget");
  return res.json();
}

// ── Step 3: raise the limits of a premium user
async function raiseRateLimitsForPremium(assistivUserId: string) {
  const res = await fetch(
    `${API_BASE}/platforms/${PLATFORM_ID}/end-users/${assistivUserId}/rate-limits`,
    {
      method: "POST",
      headers: {
        Authorization: `Bearer ${PLATFORM_KEY}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({
        rpm_limit: 300,
        tpm_limit: 500000,
        rpd_limit: 50000,
      }),
    }
  );
  if (!res.ok) throw new Error("Failed to set rate limits");
  return res.json();
}

// ── Step 4: inference with the end user's key
async function chat(endUserKey: string, model: string, userMessage: string) {
  const res = await fetch(`${API_BASE}/chat/completions`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${endUserKey}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: userMessage }],
      max_tokens: 256,
    }),
  });
  const data = await res.json();
  if (!res.ok) throw new Error(data.error?.message ?? "Inference failed");
  return data.choices[0].message.content;
}

// ── The whole flow
async function onYourUserSignup(yourUserId: string, name: string) {
  const available = await listAvailableModels();
  const model = available.includes("gpt-4o-mini") ? "gpt-4o-mini" : available[0];
  if (!model) throw new Error("No models enabled on this platform — add a provider key");

  const { assistivUserId, endUserKey } = await createAssistivUser(yourUserId, name);
  const found = await findAssistivUser(yourUserId);
  if (found?.id !== assistivUserId) throw new Error("The user just made is not found");
  await createUserBudget(assistivUserId, 10.00);
  await raiseRateLimitsForPremium(assistivUserId);

  const reply = await chat(endUserKey, model, "Hello!");
  console.log(reply);
}

await onYourUserSignup("user-001", "Alice");
