-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Who is told of events, and how the telling went. Deliveries and attempts grow with the events and have no foreign keys: the
-- services that delete an endpoint, a user or a platform name them themselves.

-- event_types is a JSON array of names. failing_since is the first failure since the last success, exhausted_count how many
-- deliveries have used up their attempts since then.
CREATE TABLE webhook_endpoints (
    id TEXT PRIMARY KEY,
    platform_id TEXT NOT NULL REFERENCES platforms(id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    disabled_reason TEXT,
    allow_private BOOLEAN NOT NULL,
    failing_since BIGINT,
    exhausted_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_of_platform ON webhook_endpoints (platform_id, created_at);

-- The newest secret has no expires_at; the others sign until then, too.
CREATE TABLE webhook_secrets (
    seq {{SEQUENCE}},
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints(id) ON DELETE CASCADE,
    sealed_secret TEXT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX webhook_secrets_of_endpoint ON webhook_secrets (endpoint_id, seq);

-- One message on its way to one endpoint. next_attempt_at is what the schedule says; due_at is when the next attempt may be
-- taken up: null when none is wanted, far away while the endpoint is switched off, and while an attempt runs the end of its
-- claim. A replay sets it whatever the status is; next_trigger says why the attempt is made. schedule_step counts the
-- attempts of the schedule that were made since begun_at.
CREATE TABLE webhook_deliveries (
    seq {{SEQUENCE}},
    id TEXT NOT NULL UNIQUE,
    endpoint_id TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    end_user_id TEXT,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    status TEXT NOT NULL,
    attempt_count BIGINT NOT NULL,
    schedule_step BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    next_attempt_at BIGINT,
    due_at BIGINT,
    next_trigger TEXT NOT NULL,
    last_response_status BIGINT,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lost ON webhook_deliveries (endpoint_id, created_at) WHERE status IN ('failed', 'canceled');
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, seq);
CREATE INDEX webhook_deliveries_of_end_user ON webhook_deliveries (end_user_id);

-- Endpoints that were deleted: what is left of them goes bit by bit.
CREATE TABLE webhook_leftovers (
    endpoint_id TEXT PRIMARY KEY
);

CREATE TABLE webhook_attempts (
    seq {{SEQUENCE}},
    delivery_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    trigger_type TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    request_headers TEXT NOT NULL,
    response_status BIGINT,
    response_headers TEXT,
    response_body TEXT,
    error TEXT
);
CREATE INDEX webhook_attempts_of_delivery ON webhook_attempts (delivery_id);
CREATE INDEX webhook_attempts_of_endpoint ON webhook_attempts (endpoint_id, started_at);
