// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QString>

namespace assistiv {

enum class Dialect { Sqlite, PostgreSql };

/// Where the data is: a file of ours, or a PostgreSQL server.
struct DatabaseUrl
{
    Dialect dialect = Dialect::Sqlite;
    /// SQLite: path of the file. PostgreSQL: name of the database.
    QString name = {};
    QString host = {};
    int port = 5432;
    QString user = {};
    QString password = {};
    /// Options as libpq takes them, for example "sslmode=require".
    QString options = {};

    /// Reads "sqlite:FILE" (relative to dataDir) or "postgresql://user:password@host:port/name?sslmode=…".
    static Result<DatabaseUrl> parse(const QString &url, const QString &dataDir);
    /// For people and logs: without the password.
    QString display() const;
};

} // namespace assistiv
