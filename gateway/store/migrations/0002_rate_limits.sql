-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Null: no limit. A platform without a row has none at all, a user without a row has the platform's default.

CREATE TABLE platform_rate_limits (
    platform_id TEXT PRIMARY KEY REFERENCES platforms(id) ON DELETE CASCADE,
    end_user_rpm BIGINT,
    end_user_tpm BIGINT,
    end_user_rpd BIGINT,
    platform_rpm BIGINT,
    platform_tpm BIGINT,
    platform_rpd BIGINT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE end_user_rate_limits (
    end_user_id TEXT PRIMARY KEY REFERENCES end_users(id) ON DELETE CASCADE,
    rpm_limit BIGINT,
    tpm_limit BIGINT,
    rpd_limit BIGINT,
    updated_at BIGINT NOT NULL
);

-- The requests of one user in the last day are counted when the gateway has started.
DROP INDEX request_logs_of_end_user;
CREATE INDEX request_logs_of_end_user ON request_logs (end_user_id, created_at);
