-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What receivers of webhooks are to be told, one row per event, written in the transaction of the event itself. No foreign
-- keys, like the other tables that grow with every call: who deletes a user or a platform names it, too.

CREATE TABLE webhook_messages (
    seq {{SEQUENCE}},
    id TEXT NOT NULL,
    platform_id TEXT NOT NULL,
    end_user_id TEXT,
    event_type TEXT NOT NULL,
    event_id TEXT NOT NULL UNIQUE,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_messages_of_end_user ON webhook_messages (end_user_id);
CREATE INDEX webhook_messages_in_order ON webhook_messages (platform_id, seq);
