-- SPDX-FileCopyrightText: Assistiv Gateway contributors
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- One row: the number of the newest commit that changed accounts or the catalogue. Several gateways on one PostgreSQL
-- take their numbers here; on SQLite the one process counts in memory and the row stays as it is.

CREATE TABLE node_clock (
    n BIGINT NOT NULL
);
INSERT INTO node_clock (n) VALUES (1);
