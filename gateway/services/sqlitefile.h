// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "store/database.h"

namespace assistiv {

/// A SQLite file in the making, readable by its owner only. Gone again, with what SQLite keeps beside it, unless it was
/// given its name.
class NewSqliteFile
{
public:
    explicit NewSqliteFile(QString path) : m_path(std::move(path)) {}
    ~NewSqliteFile();
    NewSqliteFile(const NewSqliteFile &) = delete;
    NewSqliteFile &operator=(const NewSqliteFile &) = delete;

    /// Clears away what a process left there that was ended. Only where nobody else can be writing it.
    void removeLeftover() const;
    /// Makes the file, which must not exist, with the tables of one version. Nobody else sees it before it is whole,
    /// so it is written without a journal; close the connection before it gets its name.
    Result<std::unique_ptr<Database>> create(int schemaVersion);
    const QString &path() const { return m_path; }

    /// What SQLite may keep beside a database.
    static QStringList companions(const QString &path);

    /// The file has left this place under another name.
    void release() { m_isOurs = false; }

private:
    QString m_path;
    bool m_isOurs = false;
};

} // namespace assistiv
