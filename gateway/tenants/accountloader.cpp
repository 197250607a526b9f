// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/accountloader.h"

#include "catalog/llmconfigs.h"
#include "ledger/calllog.h"
#include "store/database.h"
#include "tenants/ratelimitstore.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

#include <cmath>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

KeyType keyTypeOf(const QString &word)
{
    return word == "admin"_L1 ? KeyType::Admin : word == "end_user"_L1 ? KeyType::EndUser : KeyType::Platform;
}

Result<KeyState> readKey(Database &db, const QByteArray &hash)
{
    Query query = db.prepare(u"SELECT id, type, platform_id, end_user_id, is_active, expires_at FROM api_keys "
                             "WHERE key_hash = ?"_s);
    if (const auto read = query.bind(hash.toHex()).exec(); !read)
        return read.error();
    if (!query.next())
        return Error { ErrorCode::Unauthorized, u"The API key is missing or not valid."_s };
    return KeyState { hash, query.id<ApiKeyId>(0), keyTypeOf(query.text(1)), query.id<PlatformId>(2), query.id<EndUserId>(3),
                      query.flag(4), query.optionalTime(5) };
}

Result<void> readPlatform(Database &db, const PlatformId &id, AccountChanges &into)
{
    Query platform = db.prepare(u"SELECT is_active, settings FROM platforms WHERE id = ?"_s);
    if (const auto read = platform.bind(id).exec(); !read)
        return read.error();
    if (!platform.next()) {
        into.add(PlatformState { .id = id, .exists = false });
        return {};
    }
    into.add(PlatformState { id, true, platform.flag(0), markupBasisPoints(platform.text(1)) });

    Query wallet = db.prepare(u"SELECT id, balance, is_active FROM wallets WHERE platform_id = ?"_s);
    if (const auto read = wallet.bind(id).exec(); !read)
        return read.error();
    if (wallet.next())
        into.add(WalletState { id, wallet.id<WalletId>(0), wallet.money(1), wallet.flag(2) });

    const auto limits = RateLimitStore(db).ofPlatform(id);
    if (!limits)
        return limits.error();
    into.add(*limits);
    return {};
}

Result<void> readEndUser(Database &db, const PlatformId &platform, const EndUserId &id, AccountChanges &into)
{
    Query user = db.prepare(u"SELECT is_active FROM end_users WHERE id = ?"_s);
    if (const auto read = user.bind(id).exec(); !read)
        return read.error();
    const bool exists = user.next();
    into.add(EndUserState { platform, id, exists, exists && user.flag(0) });

    Query budget = db.prepare(u"SELECT id, is_active, max_usd, used_usd, is_suspended, period_end FROM budgets "
                              "WHERE end_user_id = ?"_s);
    if (const auto read = budget.bind(id).exec(); !read)
        return read.error();
    if (budget.next()) {
        into.add(BudgetState { platform, id, budget.id<BudgetId>(0), budget.flag(1), budget.money(2), budget.money(3),
                               budget.flag(4), budget.time(5) });
    } else {
        into.add(BudgetState { .platform = platform, .endUser = id });
    }

    const auto own = RateLimitStore(db).ofEndUser(id);
    if (!own)
        return own.error();
    into.add(EndUserLimitsState { platform, id, *own });
    return {};
}

Result<void> tellCallsBefore(const ServiceContext &context, const PlatformId &platform, const EndUserId &endUser,
                             RateLimiter &limiter)
{
    if (limiter.hasWholeDay(platform, endUser))
        return {};
    const Timestamp until = limiter.startedAt();
    const auto calls = CallLog(context).requestsByMinute(platform, endUser, until.plusMs(-RateLimiter::DayMs), until);
    if (!calls)
        return calls.error();
    limiter.setCallsBefore(platform, endUser, *calls);
    return {};
}

} // namespace

Result<AccountChanges> loadAccounts(const ServiceContext &context, const QByteArray &keyHash)
{
    AccountChanges states;
    const auto key = readKey(context.db, keyHash);
    if (!key)
        return key.error();
    states.add(*key);
    if (key->type == KeyType::Admin)
        return states;
    if (const auto read = readPlatform(context.db, key->platform, states); !read)
        return read.error();
    auto providerKeys = LlmConfigs(context).keysOf(key->platform);
    if (!providerKeys)
        return providerKeys.error();
    states.add(std::move(*providerKeys));
    if (key->type == KeyType::EndUser) {
        if (const auto read = readEndUser(context.db, key->platform, key->endUser, states); !read)
            return read.error();
    }
    return states;
}

Result<void> loadCallsBefore(const ServiceContext &context, const AccountChanges &accounts, RateLimiter &limiter)
{
    for (const PlatformLimitsState &limits : accounts.platformLimits) {
        if (limits.wholePlatform.requestsPerDay) {
            if (const auto told = tellCallsBefore(context, limits.platform, {}, limiter); !told)
                return told.error();
        }
        for (const EndUserLimitsState &user : accounts.endUserLimits) {
            if (!user.own.value_or(limits.endUserDefault).requestsPerDay)
                continue;
            if (const auto told = tellCallsBefore(context, user.platform, user.endUser, limiter); !told)
                return told.error();
        }
    }
    return {};
}

int markupBasisPoints(const QString &settingsJson)
{
    const QJsonObject settings = QJsonDocument::fromJson(settingsJson.toUtf8()).object();
    return int(std::lround(settings.value("markup_percentage"_L1).toDouble() * 100));
}

} // namespace assistiv
