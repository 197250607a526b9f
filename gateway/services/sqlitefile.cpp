// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/sqlitefile.h"

#include "store/migrations.h"

#include <QtCore/QFile>

namespace assistiv {

using namespace Qt::StringLiterals;

NewSqliteFile::~NewSqliteFile()
{
    if (m_isOurs)
        removeLeftover();
}

void NewSqliteFile::removeLeftover() const
{
    for (const QString &name : companions(m_path))
        QFile::remove(name);
    QFile::remove(m_path);
}

QStringList NewSqliteFile::companions(const QString &path)
{
    return { path + u"-wal"_s, path + u"-shm"_s, path + u"-journal"_s };
}

Result<std::unique_ptr<Database>> NewSqliteFile::create(int schemaVersion)
{
    QFile file(m_path);
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly, QFile::ReadOwner | QFile::WriteOwner))
        return Error { ErrorCode::Internal, u"%1 cannot be made: %2"_s.arg(m_path, file.errorString()) };
    m_isOurs = true;
    file.close();
    auto db = Database::open({ .name = m_path }, Database::Access::ReadWrite);
    if (!db)
        return db.error();
    for (const QString &pragma : { u"PRAGMA journal_mode=OFF"_s, u"PRAGMA synchronous=OFF"_s }) {
        if (const auto set = (*db)->run(pragma); !set)
            return set.error();
    }
    if (const auto made = makeSchema(**db, schemaVersion); !made)
        return made.error();
    return db;
}

} // namespace assistiv
