// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/vault.h"
#include "store/accountstate.h"
#include "store/migrations.h"

#include <QtCore/QFile>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

namespace assistiv {

/// A new database in a folder of its own, with what services work on it.
class ScratchDatabase
{
public:
    ScratchDatabase()
    {
        auto opened = Database::open({.dialect = Dialect::Sqlite,
                                      .name = m_folder.filePath(QStringLiteral("gateway.db")),
                                      .host = {},
                                      .port = 0,
                                      .user = {},
                                      .password = {},
                                      .options = {}},
                                     Database::Access::ReadWrite);
        if (!opened)
            qFatal("cannot open the scratch database");
        m_db = std::move(*opened);
        if (!migrate(*m_db))
            qFatal("cannot make the tables");
    }

    ServiceContext context() { return {*m_db, clock, vault, changes}; }
    Database &db() { return *m_db; }

    /// All bytes that the database has on disk.
    QByteArray bytes() const
    {
        QByteArray all;
        for (const QString &end : {QStringLiteral(""), QStringLiteral("-wal")}) {
            QFile file(m_folder.filePath(QStringLiteral("gateway.db")) + end);
            if (file.open(QIODevice::ReadOnly))
                all += file.readAll();
        }
        return all;
    }

    PlatformId addPlatform(const QString &slug)
    {
        const PlatformId id = PlatformId::create();
        Query query = m_db->prepare(
            QStringLiteral("INSERT INTO platforms (id, slug, name, is_active, settings, created_at, updated_at) "
                           "VALUES (?, ?, 'x', TRUE, '{}', 0, 0)"));
        if (!query.bind(id, slug).exec())
            qFatal("cannot add a platform");
        return id;
    }

    SettableClock clock{*Timestamp::parse(u"2026-11-21T12:00:00Z")};
    Vault vault{QByteArray(Vault::KeyBytes, 'k')};
    AccountChanges changes;

private:
    QTemporaryDir m_folder;
    std::unique_ptr<Database> m_db;
};

/// The value of a result that must be good; fails the test with the error's text otherwise.
template <typename T> T valueOf(Result<T> result)
{
    if (!result)
        qFatal("unexpected error: %s (%s)", qPrintable(result.error().message), qPrintable(result.error().param));
    return *std::move(result);
}

} // namespace assistiv
