// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commands.h"

#include "app/commandparts.h"
#include "app/instancelock.h"
#include "core/vault.h"
#include "ledger/accountbook.h"
#include "ledger/commitorder.h"
#include "services/services.h"
#include "services/verify.h"
#include "store/migrations.h"

#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

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
        const char *atLeast = report->broken.size() < Findings::Most ? "" : "at least ";
        std::printf("BROKEN: %s\n  %s row %s: %s\n  %s%lld findings in all; --json shows them.\n", qUtf8Printable(first.rule),
                    qUtf8Printable(first.table), qUtf8Printable(first.row), qUtf8Printable(first.detail), atLeast,
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
