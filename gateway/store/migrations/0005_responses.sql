-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- Answers of POST /v1/responses that clients may refer to (docs/contract/responses-stored.md). No foreign keys to their owners,
-- like the other tables that grow with every call: who deletes a user or a platform names them, too.

-- owner_id is the end user, or the platform itself for calls with its own keys. body comes last: it is long, and seldom read.
CREATE TABLE responses (
    seq {{SEQUENCE}},
    id TEXT NOT NULL UNIQUE,
    platform_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    thread_id TEXT,
    previous_id TEXT,
    status TEXT NOT NULL,
    model TEXT NOT NULL,
    item_bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX responses_in_order ON responses (platform_id, owner_id, thread_id, seq);
CREATE INDEX responses_by_expiry ON responses (expires_at);

-- What was said, input before output. item_id is null where nobody can refer to the item.
CREATE TABLE response_items (
    response_id TEXT NOT NULL REFERENCES responses(id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    owner_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    item_id TEXT,
    item TEXT NOT NULL,
    PRIMARY KEY (response_id, place)
);
CREATE INDEX response_items_by_id ON response_items (owner_id, item_id) WHERE item_id IS NOT NULL;
