// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commands.h"

#include "app/instancelock.h"
#include "core/vault.h"
#include "ledger/accountbook.h"
#include "ledger/commitorder.h"
#include "services/services.h"
#include "services/verify.h"
#include "store/migrations.h"

#include <QtCore/QFile>

#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

int complain(const QString &message)
{
    std::fprintf(stderr, "assistiv-gateway: %s\n", qUtf8Printable(redacted(message)));
    return 1;
}

/// The installation's database; a command never makes one where there is none.
Result<std::unique_ptr<Database>> openExisting(const Options &options, Database::Access access)
{
    const auto url = DatabaseUrl::parse(options.databaseUrl, options.dataDir);
    if (!url)
        return url.error();
    if (url->dialect == Dialect::Sqlite && !QFile::exists(url->name))
        return Error { ErrorCode::Internal, u"there is no database at %1"_s.arg(url->name) };
    return Database::open(*url, access);
}

} // namespace

int runVerify(const Options &options)
{
    const auto db = openExisting(options, Database::Access::ReadOnly);
    if (!db)
        return complain(db.error().message);
    // One snapshot: a gateway may be serving on it meanwhile.
    if (const auto begun = (*db)->run((*db)->dialect() == Dialect::Sqlite ? u"BEGIN"_s : u"BEGIN ISOLATION LEVEL REPEATABLE READ"_s);
        !begun)
        return complain(begun.error().message);
    const auto report = verifyBooks(**db);
    if (!report)
        return complain(report.error().message);
    if (options.json) {
        std::printf("%s\n", report->toJson().constData());
    } else if (report->ok()) {
        std::printf("The books balance: %lld wallets, %lld budgets, %lld rows.\n", static_cast<long long>(report->wallets),
                    static_cast<long long>(report->budgets), static_cast<long long>(report->rows));
    } else {
        const BrokenRule &first = report->broken.constFirst();
        std::printf("BROKEN: %s\n  %s row %s: %s\n  %lld findings in all; --json shows them.\n", qUtf8Printable(first.rule),
                    qUtf8Printable(first.table), qUtf8Printable(first.row), qUtf8Printable(first.detail),
                    static_cast<long long>(report->broken.size()));
    }
    return report->ok() ? 0 : 1;
}

int runAdminKey(const Options &options)
{
    const auto db = openExisting(options, Database::Access::ReadWrite);
    if (!db)
        return complain(db.error().message);
    if (const auto migrated = migrate(**db); !migrated)
        return complain(migrated.error().message);
    // A gateway that runs has the old keys in memory: it would go on accepting them.
    InstanceLock lock(options.dataDir);
    if (options.rotate) {
        if (const auto taken = lock.take(); !taken)
            return complain(taken.error().message + u" Stop it before rotating admin keys."_s);
    }
    const Vault noSecrets(QByteArray(Vault::KeyBytes, '\0')); // keys are hashed, not sealed
    AccountChanges changes;
    Services services(ServiceContext { **db, Clock::system(), noSecrets, changes });
    Transaction transaction(**db);
    if (const auto alone = NodeStore(**db).lockOthersOut(NodeStore::StartPatienceMs); !alone)
        return complain(alone.error().message);
    if (options.rotate) {
        if (const auto revoked = services.apiKeys.revokeAdminKeys(); !revoked)
            return complain(revoked.error().message);
    }
    const auto key = services.apiKeys.createAdminKey();
    if (!key)
        return complain(key.error().message);
    // Gateways on other machines hear of it when they share the database.
    const AccountBook empty;
    if (const auto sealed = CommitOrder(**db, empty).seal(changes, "admin-key"); !sealed)
        return complain(sealed.error().message);
    if (const auto committed = transaction.commit(); !committed)
        return complain(committed.error().message);
    std::printf("%s\n", qUtf8Printable(key->rawKey));
    return 0;
}

} // namespace assistiv
