// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "store/migrations.h"
#include "store/schema.h"
#include "store/tablecopy.h"

#include <QtCore/QFile>
#include <QtCore/QScopeGuard>
#include <QtTest/QTest>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// From each kind of database to each kind. The row "dialect" is the source's.
class tst_TableCopy : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data()
    {
        ScratchDatabase::useWholeDatabases();
        ScratchDatabase::addDialects();
    }

    void everyTableStandsBehindThoseItRefersTo();
    void bothKindsDescribeTheSameTables();
    void unknownColumnTypesAreRefused();
    void tablesInACircleAreRefused();
    void everyValueArrives_data() { addTargets(); }
    void everyValueArrives();
    void aTableOfALaterMigrationIsCopied_data() { addTargets(); }
    void aTableOfALaterMigrationIsCopied();
    void oddNamesAreQuoted_data() { addTargets(); }
    void oddNamesAreQuoted();
    void rowsThatWereThereAreReplaced_data() { addTargets(); }
    void rowsThatWereThereAreReplaced();
    void growingKeysGoOnBehindTheCopy_data() { addTargets(); }
    void growingKeysGoOnBehindTheCopy();
    void numbersOfCommitsStayWithTheirDatabase_data() { addTargets(); }
    void numbersOfCommitsStayWithTheirDatabase();
    void aCopyShowsOneMoment();
    void anotherValueIsAnotherChecksum();
    void otherTablesAreRefused();
    void itCanBeEnded();
    void aSourceThatBreaksOffIsNoEnd();
    void knownVersions();

private:
    static void addTargets();
    static Dialect target();
};

namespace {

const QString OddName = u"o'brien \"x\" \\ ? $1 :name ; ü 漢 😀"_s;

std::unique_ptr<Database> reader(const ScratchDatabase &scratch)
{
    return valueOf(Database::open(scratch.url(), Database::Access::ReadOnly));
}

void run(ScratchDatabase &scratch, const QString &sql)
{
    mustSucceed(scratch.db().run(sql));
}

/// As a command does it: one snapshot here, one transaction there.
Result<QList<TableContents>> copy(const ScratchDatabase &from, ScratchDatabase &to, const GoOn &goOn = {})
{
    const auto source = reader(from);
    const Transaction snapshot(*source);
    Transaction whole(to.db());
    auto copied = copyTables(*source, to.db(), goOn);
    if (copied)
        mustSucceed(whole.commit());
    return copied;
}

QList<TableContents> contents(const ScratchDatabase &scratch)
{
    const auto db = reader(scratch);
    const Transaction snapshot(*db);
    return valueOf(contentsOf(*db, {}));
}

void addEntry(Database &db)
{
    mustSucceed(db.run(u"INSERT INTO audit_log (id, actor, action, target, details, created_at) "
                       "VALUES ('a', 'a', 'a', 'a', '{}', 1)"_s));
}

void addCall(Database &db, const PlatformId &platform, int number)
{
    mustSucceed(db.run(
        u"INSERT INTO request_logs (id, platform_id, request_id, request_type, prompt_tokens, completion_tokens, "
        "latency_ms, cost, status, token_count_method, billing_status, metadata, created_at) VALUES ('%1', '%2', 'r', "
        "'chat.completion', %3, 2, 3, 9007199254740993, 'success', 'reported', 'billed', '{}', 1775644200000)"_s
            .arg(LogRowId::create().toString(), platform.toString())
            .arg(number)));
}

/// What a dying disk does: behind its beginning, a file is not what was written.
void breakFile(const QString &path)
{
    for (const QString &name : { path, path + u"-wal"_s }) {
        QFile file(name);
        if (!file.exists())
            continue;
        constexpr qint64 Head = 65'536;
        QVERIFY(file.open(QIODevice::ReadWrite) && file.seek(Head));
        file.write(QByteArray(qMax<qint64>(0, file.size() - Head), '\xff'));
    }
}

/// Every kind of column with its edges: nulls, empty texts, quotes, flags, the largest numbers; more rows than one
/// statement takes.
PlatformId fill(ScratchDatabase &scratch)
{
    const PlatformId platform = scratch.addPlatform(u"acme"_s);
    const EndUserId user = scratch.addEndUser(platform, QString(OddName).replace(u'\'', "''"_L1));
    run(scratch, u"UPDATE platforms SET settings = '{\"a\": \"\\n\"}', is_active = FALSE"_s);
    run(scratch, u"INSERT INTO api_keys (id, platform_id, end_user_id, type, key_hash, key_prefix, name, scopes, "
                 "is_active, created_at) VALUES "
                 "('k1', '%1', '%2', 'end_user', 'h1', 'p', '', '[]', TRUE, -9223372036854775807), "
                 "('k2', NULL, NULL, 'admin', 'h2', 'p', 'line\nbreak\ttab', '[]', FALSE, 9223372036854775807)"_s
                     .arg(platform.toString(), user.toString()));
    run(scratch, u"INSERT INTO responses (id, platform_id, owner_id, status, model, item_bytes, created_at, expires_at, body) "
                 "VALUES ('r', '%1', '%1', 'completed', 'm', 2, 1, 2, '{}')"_s.arg(platform.toString()));
    run(scratch, u"INSERT INTO response_items (response_id, place, owner_id, direction, item_id, item) VALUES "
                 "('r', 0, '%1', 'input', NULL, '{}'), ('r', 1, '%1', 'output', 'msg', '{ }')"_s.arg(platform.toString()));
    for (int i = 0; i < 257; ++i)
        addCall(scratch.db(), platform, i);
    return platform;
}

} // namespace

void tst_TableCopy::addTargets()
{
    QTest::addColumn<Dialect>("target");
    QTest::newRow("to SQLite") << Dialect::Sqlite;
    if (qEnvironmentVariableIsSet("ASSISTIV_TEST_POSTGRES"))
        QTest::newRow("to PostgreSQL") << Dialect::PostgreSql;
}

Dialect tst_TableCopy::target()
{
    QFETCH(Dialect, target);
    return target;
}

void tst_TableCopy::everyTableStandsBehindThoseItRefersTo()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    const auto tables = valueOf(tablesOf(scratch.db()));
    QVERIFY(tables.size() >= 16);
    QStringList before;
    qsizetype references = 0;
    for (const TableShape &table : tables) {
        for (const QString &reference : table.references)
            QVERIFY2(before.contains(reference), qUtf8Printable(table.name + u" → "_s + reference));
        references += table.references.size();
        before.append(table.name);
    }
    QVERIFY(references >= 9);
    QVERIFY(before.contains(u"schema_migrations"_s));
}

void tst_TableCopy::bothKindsDescribeTheSameTables()
{
    ScratchDatabase sqlite(Dialect::Sqlite);
    ScratchDatabase other(ScratchDatabase::currentDialect());
    const auto tables = valueOf(tablesOf(other.db()));
    QVERIFY(tables == valueOf(tablesOf(sqlite.db())));
    const auto log = std::ranges::find(tables, u"request_logs"_s, &TableShape::name);
    QVERIFY(log != tables.end());
    QCOMPARE(log->sequence, u"seq"_s);
    QVERIFY(log->columns.contains(ColumnShape { u"cost"_s, ColumnKind::Integer }));
    QVERIFY(log->columns.contains(ColumnShape { u"metadata"_s, ColumnKind::Text }));
    const auto keys = std::ranges::find(tables, u"api_keys"_s, &TableShape::name);
    QVERIFY(keys->columns.contains(ColumnShape { u"is_active"_s, ColumnKind::Flag }));
    QVERIFY(keys->sequence.isEmpty());
    QCOMPARE(keys->references, QStringList({ u"end_users"_s, u"platforms"_s }));
}

void tst_TableCopy::unknownColumnTypesAreRefused()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    run(scratch, u"CREATE TABLE odd (a DOUBLE PRECISION)"_s);
    const auto tables = tablesOf(scratch.db());
    QVERIFY(!tables);
    QVERIFY2(tables.error().message.contains(u"odd.a"_s), qUtf8Printable(tables.error().message));
}

void tst_TableCopy::tablesInACircleAreRefused()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    run(scratch, u"CREATE TABLE hen (id TEXT PRIMARY KEY, egg TEXT)"_s);
    run(scratch, u"CREATE TABLE egg (id TEXT PRIMARY KEY, hen TEXT REFERENCES hen(id))"_s);
    QVERIFY(tablesOf(scratch.db()));
    if (scratch.db().dialect() == Dialect::PostgreSql) {
        run(scratch, u"ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg(id)"_s);
    } else {
        run(scratch, u"DROP TABLE hen"_s);
        run(scratch, u"CREATE TABLE hen (id TEXT PRIMARY KEY, egg TEXT REFERENCES egg(id))"_s);
    }
    QVERIFY(!tablesOf(scratch.db()));
}

void tst_TableCopy::everyValueArrives()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    const PlatformId platform = fill(from);
    const auto copied = valueOf(copy(from, to));
    QVERIFY(rowsIn(copied) >= 262);
    QVERIFY(copied == contents(from));
    QVERIFY(copied == contents(to));
    // Not by the copier's own means.
    QCOMPARE(to.number(u"SELECT count(*) FROM request_logs"_s), 257);
    QCOMPARE(to.number(u"SELECT max(cost) FROM request_logs"_s), 9'007'199'254'740'993);
    QCOMPARE(to.number(u"SELECT count(*) FROM api_keys WHERE is_active AND name = '' AND last_used_at IS NULL"_s), 1);
    QCOMPARE(to.number(u"SELECT created_at FROM api_keys WHERE NOT is_active AND platform_id IS NULL"_s),
             std::numeric_limits<qint64>::max());
    QCOMPARE(to.number(u"SELECT count(*) FROM platforms WHERE NOT is_active"_s), 1);
    Query query = to.db().prepare(u"SELECT external_id, platform_id FROM end_users"_s);
    QVERIFY(query.exec() && query.next());
    QCOMPARE(query.text(0), OddName);
    QCOMPARE(query.text(1), platform.toString());
}

void tst_TableCopy::aTableOfALaterMigrationIsCopied()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    for (ScratchDatabase *each : { &from, &to }) {
        const QString sequence = each->db().dialect() == Dialect::Sqlite
            ? u"INTEGER PRIMARY KEY"_s
            : u"BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"_s;
        run(*each, u"CREATE TABLE a_later_one (seq %1, platform_id TEXT NOT NULL REFERENCES platforms(id), note TEXT, "
                   "\"limit\" BIGINT, is_on BOOLEAN)"_s.arg(sequence));
        run(*each, u"ALTER TABLE a_later_one ADD COLUMN added TEXT NOT NULL DEFAULT 'x'"_s);
    }
    const PlatformId platform = fill(from);
    const QString row = u"INSERT INTO a_later_one (platform_id, note, \"limit\") VALUES ('%1', NULL, 7)"_s;
    for (int i = 0; i < 5; ++i)
        run(from, row.arg(platform.toString()));
    const auto copied = valueOf(copy(from, to));
    QVERIFY(copied == contents(to));
    QCOMPARE(to.number(u"SELECT sum(\"limit\") + max(seq) FROM a_later_one WHERE is_on IS NULL AND added = 'x'"_s), 40);
}

void tst_TableCopy::oddNamesAreQuoted()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    for (ScratchDatabase *each : { &from, &to })
        run(*each, u"CREATE TABLE \"Select \"\"it\"\"; --\" (\"a b\" TEXT, \"Order\" BIGINT)"_s);
    run(from, u"INSERT INTO \"Select \"\"it\"\"; --\" VALUES ('x', 1), (NULL, 2)"_s);
    const auto copied = valueOf(copy(from, to));
    QVERIFY(copied == contents(to));
    QCOMPARE(to.number(u"SELECT sum(\"Order\") FROM \"Select \"\"it\"\"; --\""_s), 3);
}

void tst_TableCopy::rowsThatWereThereAreReplaced()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    fill(from);
    const PlatformId other = to.addPlatform(u"other"_s);
    to.addEndUser(other);
    addCall(to.db(), other, 1);
    const auto copied = valueOf(copy(from, to));
    QVERIFY(copied == contents(to));
    QCOMPARE(to.number(u"SELECT count(*) FROM platforms WHERE slug = 'other'"_s), 0);
    const auto again = valueOf(copy(from, to)); // its own ones, too
    QVERIFY(again == contents(to));
}

void tst_TableCopy::growingKeysGoOnBehindTheCopy()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    const PlatformId platform = fill(from);
    run(from, u"DELETE FROM request_logs WHERE seq IN (3, 4, 100)"_s);
    (void)valueOf(copy(from, to));
    QCOMPARE(to.number(u"SELECT count(*) FROM request_logs WHERE seq IN (3, 4, 100)"_s), 0);
    QCOMPARE(to.number(u"SELECT max(seq) FROM request_logs"_s), 257);
    QCOMPARE(to.number(u"SELECT prompt_tokens FROM request_logs WHERE seq = 101"_s), 100);
    addCall(to.db(), platform, 1);
    QCOMPARE(to.number(u"SELECT max(seq) FROM request_logs"_s), 258);
    // A table without rows begins at the beginning.
    addEntry(to.db());
    QCOMPARE(to.number(u"SELECT seq FROM audit_log"_s), 1);
}

void tst_TableCopy::numbersOfCommitsStayWithTheirDatabase()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to(target());
    run(from, u"UPDATE node_clock SET n = 5"_s);
    run(to, u"UPDATE node_clock SET n = 9"_s);
    (void)valueOf(copy(from, to));
    QCOMPARE(to.number(u"SELECT n FROM node_clock"_s), 9);
    QVERIFY(contents(from) == contents(to));
}

void tst_TableCopy::aCopyShowsOneMoment()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to;
    const PlatformId platform = fill(from);
    // Each commit adds a row to two tables that are copied one after the other.
    std::atomic<bool> enough = false;
    std::atomic<int> commits = 0;
    std::thread writer([&] {
        const auto db = valueOf(Database::open(from.url(), Database::Access::ReadWrite));
        while (!enough) {
            Transaction both(*db);
            addEntry(*db);
            addCall(*db, platform, 1);
            mustSucceed(both.commit());
            ++commits;
        }
    });
    const auto stop = qScopeGuard([&] {
        enough = true;
        writer.join();
    });
    qint64 last = 0;
    for (int round = 0; round < 5; ++round) {
        const int before = commits;
        (void)valueOf(copy(from, to, [&, asked = 0]() mutable {
            // The writer gets on while the copy is under way.
            if (++asked == 3) {
                const int now = commits;
                while (commits < now + 3)
                    std::this_thread::yield();
            }
            return true;
        }));
        const qint64 entries = to.number(u"SELECT count(*) FROM audit_log"_s);
        QVERIFY(entries >= before && entries >= last);
        last = entries;
        QCOMPARE(to.number(u"SELECT count(*) FROM request_logs"_s), 257 + entries);
        QVERIFY(commits > entries);
    }
}

void tst_TableCopy::anotherValueIsAnotherChecksum()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    fill(scratch);
    const auto before = contents(scratch);
    const auto changedTables = [&](const QString &sql, const QString &back) {
        run(scratch, sql);
        const auto now = contents(scratch);
        QStringList changed;
        for (qsizetype i = 0; i < now.size(); ++i) {
            if (now[i] != before[i])
                changed.append(now[i].table);
        }
        run(scratch, back);
        return changed;
    };
    QCOMPARE(changedTables(u"UPDATE api_keys SET name = 'x' WHERE id = 'k1'"_s,
                           u"UPDATE api_keys SET name = '' WHERE id = 'k1'"_s),
             QStringList { u"api_keys"_s });
    QCOMPARE(changedTables(u"UPDATE api_keys SET is_active = FALSE WHERE id = 'k1'"_s,
                           u"UPDATE api_keys SET is_active = TRUE WHERE id = 'k1'"_s),
             QStringList { u"api_keys"_s });
    // An empty text is not a missing one.
    QCOMPARE(changedTables(u"UPDATE end_users SET display_name = ''"_s, u"UPDATE end_users SET display_name = NULL"_s),
             QStringList { u"end_users"_s });
    // Two values that change places.
    QCOMPARE(changedTables(u"UPDATE request_logs SET completion_tokens = prompt_tokens, prompt_tokens = 2"_s,
                           u"UPDATE request_logs SET prompt_tokens = completion_tokens, completion_tokens = 2"_s),
             QStringList { u"request_logs"_s });
    QVERIFY(contents(scratch) == before);
}

void tst_TableCopy::otherTablesAreRefused()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to;
    run(to, u"ALTER TABLE platforms ADD COLUMN of_tomorrow TEXT"_s);
    to.addPlatform();
    const auto copied = copy(from, to);
    QVERIFY(!copied);
    QCOMPARE(copied.error().code, ErrorCode::Conflict);
    QCOMPARE(to.number(u"SELECT count(*) FROM platforms"_s), 1);
}

void tst_TableCopy::itCanBeEnded()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to;
    fill(from);
    to.addPlatform(u"stays"_s);
    int asked = 0;
    const auto copied = copy(from, to, [&asked] { return ++asked < 12; });
    QVERIFY(!copied);
    QCOMPARE(copied.error().code, ErrorCode::ShuttingDown);
    QCOMPARE(asked, 12);
    QCOMPARE(to.number(u"SELECT count(*) FROM platforms WHERE slug = 'stays'"_s), 1);
}

void tst_TableCopy::aSourceThatBreaksOffIsNoEnd()
{
    ScratchDatabase from(ScratchDatabase::currentDialect());
    ScratchDatabase to;
    fill(from);
    // More than fits into anybody's buffers.
    run(from, u"UPDATE request_logs SET metadata = '{\"pad\":\"%1\"}'"_s.arg(QString(2000, u'x')));
    for (int doubled = 0; doubled < 6; ++doubled) {
        const QString columns = u"id, platform_id, request_id, request_type, prompt_tokens, completion_tokens, "
                                "latency_ms, cost, status, token_count_method, billing_status, metadata, created_at"_s;
        run(from, u"INSERT INTO request_logs (%1) SELECT %1 FROM request_logs"_s.arg(columns));
    }
    const auto source = reader(from);
    const Transaction snapshot(*source);
    Transaction whole(to.db());
    qint64 asked = 0;
    const auto copied = copyTables(*source, to.db(), [&] {
        // In the middle of the one table that is large: the line is cut, or the file is.
        if (++asked == 22) {
            if (from.db().dialect() == Dialect::PostgreSql)
                run(from, u"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                          "AND pid <> pg_backend_pid()"_s);
            else
                breakFile(from.url().name);
        }
        return true;
    });
    QVERIFY(asked >= 22);
    QVERIFY(!copied);
}

void tst_TableCopy::knownVersions()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    QCOMPARE(valueOf(knownSchemaVersion(scratch.db())), newestSchemaVersion());
    run(scratch, u"INSERT INTO schema_migrations (version, applied_at) VALUES (1000000, 0)"_s);
    QCOMPARE(knownSchemaVersion(scratch.db()).error().code, ErrorCode::Conflict);
    run(scratch, u"DROP TABLE schema_migrations"_s);
    QCOMPARE(valueOf(knownSchemaVersion(scratch.db())), 0);
}

QTEST_GUILESS_MAIN(tst_TableCopy)
#include "tst_tablecopy.moc"
