-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Moments are milliseconds since 1970 (UTC), amounts are micro-dollars, prices are micro-dollars per million tokens,
-- ids are UUID text, JSON is text. {{SEQUENCE}} is the dialect's own growing key: it keeps the order of insertion.

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE providers (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    base_url TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    options TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE models (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    context_window BIGINT,
    max_output_tokens BIGINT,
    capabilities TEXT NOT NULL,
    status TEXT NOT NULL,
    retires_on TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE model_mappings (
    id TEXT PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    provider_id TEXT NOT NULL REFERENCES providers(id) ON DELETE CASCADE,
    provider_model_id TEXT NOT NULL,
    upstream_api TEXT NOT NULL,
    priority BIGINT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    quirks TEXT NOT NULL,
    pricing TEXT NOT NULL,
    price_version BIGINT NOT NULL,
    is_edited BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (model_id, provider_id)
);

CREATE TABLE platforms (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE end_users (
    id TEXT PRIMARY KEY,
    platform_id TEXT NOT NULL REFERENCES platforms(id) ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    display_name TEXT,
    metadata TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (platform_id, external_id)
);
CREATE INDEX end_users_by_age ON end_users (platform_id, created_at);

-- platform_id is null for admin keys, end_user_id for all but end-user keys.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    platform_id TEXT REFERENCES platforms(id) ON DELETE CASCADE,
    end_user_id TEXT REFERENCES end_users(id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    key_prefix TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_keys_of_platform ON api_keys (platform_id, type, created_at);
CREATE INDEX api_keys_of_end_user ON api_keys (end_user_id);

CREATE TABLE llm_configs (
    id TEXT PRIMARY KEY,
    platform_id TEXT NOT NULL REFERENCES platforms(id) ON DELETE CASCADE,
    provider_id TEXT NOT NULL REFERENCES providers(id) ON DELETE CASCADE,
    sealed_key TEXT NOT NULL,
    key_fingerprint TEXT NOT NULL,
    key_hint TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (platform_id, provider_id, key_fingerprint)
);

CREATE TABLE wallets (
    id TEXT PRIMARY KEY,
    platform_id TEXT NOT NULL UNIQUE REFERENCES platforms(id) ON DELETE CASCADE,
    balance BIGINT NOT NULL,
    low_balance_threshold BIGINT,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The three tables below grow with every call. They have no foreign keys: a settlement writes them in bulk, and the
-- services that delete a platform or a user name them themselves.
CREATE TABLE wallet_transactions (
    seq {{SEQUENCE}},
    id TEXT NOT NULL,
    wallet_id TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    end_user_id TEXT,
    type TEXT NOT NULL,
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    description TEXT NOT NULL,
    reference TEXT,
    metadata TEXT NOT NULL,
    actor_key_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX wallet_transactions_in_order ON wallet_transactions (platform_id, seq);

CREATE TABLE budgets (
    id TEXT PRIMARY KEY,
    platform_id TEXT NOT NULL REFERENCES platforms(id) ON DELETE CASCADE,
    end_user_id TEXT NOT NULL UNIQUE REFERENCES end_users(id) ON DELETE CASCADE,
    max_usd BIGINT NOT NULL,
    used_usd BIGINT NOT NULL,
    period TEXT NOT NULL,
    period_start BIGINT NOT NULL,
    period_end BIGINT NOT NULL,
    auto_replenish BOOLEAN NOT NULL,
    replenish_amount BIGINT,
    low_balance_threshold BIGINT,
    is_active BOOLEAN NOT NULL,
    is_suspended BOOLEAN NOT NULL,
    is_armed BOOLEAN NOT NULL,
    is_automatic BOOLEAN NOT NULL,
    max_display BIGINT,
    used_display BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE budget_transactions (
    seq {{SEQUENCE}},
    id TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    end_user_id TEXT NOT NULL,
    budget_id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    amount BIGINT NOT NULL,
    max_after BIGINT NOT NULL,
    used_after BIGINT NOT NULL,
    reason TEXT,
    metadata TEXT NOT NULL,
    idempotency_key TEXT,
    actor_key_id TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX budget_transactions_in_order ON budget_transactions (budget_id, seq);

CREATE TABLE request_logs (
    seq {{SEQUENCE}},
    id TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    end_user_id TEXT,
    request_id TEXT NOT NULL,
    request_type TEXT NOT NULL,
    provider_id TEXT,
    model_id TEXT,
    model TEXT,
    provider_model_id TEXT,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    latency_ms BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_message TEXT,
    token_count_method TEXT NOT NULL,
    billing_status TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX request_logs_by_time ON request_logs (platform_id, created_at);
CREATE INDEX request_logs_of_end_user ON request_logs (end_user_id, seq);

-- One answer per key, kept as long as its money row: what a repeated request gets again, byte for byte.
CREATE TABLE idempotency_records (
    platform_id TEXT NOT NULL REFERENCES platforms(id) ON DELETE CASCADE,
    idempotency_key TEXT NOT NULL,
    end_user_id TEXT REFERENCES end_users(id) ON DELETE CASCADE,
    request_fingerprint TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (platform_id, idempotency_key)
);

CREATE TABLE audit_log (
    seq {{SEQUENCE}},
    id TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    details TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
