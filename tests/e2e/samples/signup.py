# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform's backend does when somebody signs up: the integration guide's example as integrators have it. It
must run unchanged, so only the environment says where the gateway is. Its hosted-MCP steps come with /v1/responses."""

import os
import requests

PLATFORM_KEY = os.environ["ASSISTIV_PLATFORM_KEY"]
PLATFORM_ID = os.environ["ASSISTIV_PLATFORM_ID"]
API_BASE = os.environ["ASSISTIV_API_BASE"]

platform_headers = {
    "Authorization": f"Bearer {PLATFORM_KEY}",
    "Content-Type": "application/json",
}


# Which models can this platform use?
def list_available_models() -> list[str]:
    resp = requests.get(
        f"{API_BASE}/models",
        headers={"Authorization": f"Bearer {PLATFORM_KEY}"},
    )
    resp.raise_for_status()
    return [m["id"] for m in resp.json()["data"]]


# Make the end user; safe to repeat, a repeated call brings a fresh key.
def create_assistiv_user(your_user_id: str, display_name: str) -> dict:
    resp = requests.post(
        f"{API_BASE}/platforms/{PLATFORM_ID}/end-users",
        headers=platform_headers,
        json={"external_id": your_user_id, "display_name": display_name},
    )
    resp.raise_for_status()
    data = resp.json()
    return {
        "assistiv_user_id": data["id"],
        "end_user_key": data["api_key"]["raw_key"],
    }


# Find the end user by the platform's own id.
def find_assistiv_user(your_user_id: str) -> dict | None:
    resp = requests.get(
        f"{API_BASE}/platforms/{PLATFORM_ID}/end-users",
        headers=platform_headers,
        params={"external_id": your_user_id},
    )
    resp.raise_for_status()
    rows = resp.json()["data"]
    return rows[0] if rows else None


# Cap what the user may spend in a month.
def create_user_budget(assistiv_user_id: str, max_usd: float) -> dict:
    resp = requests.post(
        f"{API_BASE}/platforms/{PLATFORM_ID}/end-users/{assistiv_user_id}/budget",
        headers=platform_headers,
        json={
            "max_usd": max_usd,
            "period": "monthly",
            "auto_replenish": True,
            "replenish_amount": max_usd,
        },
    )
    resp.raise_for_status()
    return resp.json()


# Inference with the end user's key.
def chat(end_user_key: str, model: str, user_message: str) -> str:
    resp = requests.post(
        f"{API_BASE}/chat/completions",
        headers={
            "Authorization": f"Bearer {end_user_key}",
            "Content-Type": "application/json",
        },
        json={
            "model": model,
            "messages": [{"role": "user", "content": user_message}],
            "max_tokens": 256,
        },
    )
    resp.raise_for_status()
    return resp.json()["choices"][0]["message"]["content"]


# The whole flow
if __name__ == "__main__":
    available = list_available_models()
    if not available:
        raise RuntimeError("No models enabled — add a provider key in the dashboard")
    model = "gpt-4o-mini" if "gpt-4o-mini" in available else available[0]

    result = create_assistiv_user("user-001", "Alice")
    found = find_assistiv_user("user-001")
    assert found and found["id"] == result["assistiv_user_id"]
    create_user_budget(result["assistiv_user_id"], 10.00)

    reply = chat(result["end_user_key"], model, "Hello!")
    print(reply)
