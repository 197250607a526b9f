// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo.h"

#include "core/hashing.h"
#include "inference/routing.h"
#include "ledger/accountbook.h"
#include "services/services.h"
#include "tenants/accountloader.h"

#include <QtCore/QJsonArray>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

const QString DemoSlug = u"demo"_s;
const QString DemoModel = u"sandbox-echo"_s;

// Names and money are given once: later they are the operator's.
QJsonObject demoBootstrap(bool isNew)
{
    QJsonObject user { { u"external_id"_s, u"demo"_s },
                       { u"budget"_s, QJsonObject { { u"max_usd"_s, 5 }, { u"period"_s, u"monthly"_s } } } };
    QJsonObject platform { { u"slug"_s, DemoSlug },
                           { u"llm_configs"_s,
                             QJsonArray { QJsonObject { { u"provider"_s, u"sandbox"_s },
                                                        { u"api_key"_s, u"sandbox-needs-none"_s } } } } };
    if (isNew) {
        user.insert(u"display_name"_s, u"Demo user"_s);
        platform.insert(u"name"_s, u"Demo platform"_s);
        platform.insert(u"keys"_s, QJsonArray { QJsonObject { { u"name"_s, u"demo"_s } } });
        platform.insert(u"wallet_usd"_s, 100);
    }
    platform.insert(u"end_users"_s, QJsonArray { user });
    return { { u"platforms"_s, QJsonArray { platform } } };
}

Result<QString> freshKey(Services &services, const PlatformId &platform, const BootstrapOutcome::User &user)
{
    if (!user.rawKey.isEmpty()) {
        // A new user has one key already: it only wants its name.
        const auto keys = services.endUsers.keys(platform, user.id, 0, 1);
        if (!keys)
            return keys.error();
        const auto named = services.apiKeys.patch(platform, keys->rows.constFirst().id, { .name = Demo::KeyName });
        return named ? Result<QString>(user.rawKey) : Result<QString>(named.error());
    }
    if (const auto revoked = services.apiKeys.revokeNamed(platform, user.id, Demo::KeyName); !revoked)
        return revoked.error();
    const auto minted = services.endUsers.createKey(platform, user.id, { .name = Demo::KeyName });
    return minted ? Result<QString>(minted->rawKey) : Result<QString>(minted.error());
}

// Asks the gates of a call before anybody calls, on a book of its own: that of the engine holds only what is committed.
Result<QString> refusalOf(Services &services, const EndUserId &user, const QString &userKey)
{
    if (const auto reset = services.budgets.resetIfDue(user); !reset)
        return reset.error();
    const QByteArray hash = sha256(userKey.toLatin1());
    const auto accounts = loadAccounts(services.context, hash);
    if (!accounts)
        return accounts.error();
    const auto catalogue = services.catalog.snapshot();
    if (!catalogue)
        return catalogue.error();

    const auto book = std::make_unique<AccountBook>();
    book->publishLoaded(*accounts, 1);
    const Timestamp now = services.context.clock.now();
    const auto caller = book->authenticate(hash, now);
    if (const auto *refused = std::get_if<Error>(&caller))
        return refused->message;
    const auto payers = book->admit(std::get<Caller>(caller), now);
    if (const auto *refused = std::get_if<Error>(&payers))
        return refused->message;
    const CatalogModel *model = (*catalogue)->find(DemoModel.toLatin1());
    if (!model || routeOf(ClientApi::Chat, *model, *std::get<Admission>(payers).providerKeys).isEmpty())
        return u"The model \"%1\" is not available on this platform."_s.arg(DemoModel);
    return QString();
}

QString curlLine(const QString &origin, const QString &userKey)
{
    return u"curl -s %1/v1/chat/completions -H 'Authorization: Bearer %2' -H 'Content-Type: application/json' "
           "-d '{\"model\":\"%3\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\"}]}'"_s
        .arg(origin, userKey, DemoModel);
}

} // namespace

Result<Demo> setUpDemo(Services &services)
{
    const auto platform = services.platforms.findBySlug(DemoSlug);
    if (!platform)
        return platform.error();
    auto applied = applyBootstrap(services, demoBootstrap(!*platform));
    if (!applied) {
        // The catalogue has no sandbox provider any more, for one. That is no reason not to serve.
        if (applied.error().code == ErrorCode::ValidationError)
            return Demo { .made = {}, .userKey = {}, .trouble = applied.error().message };
        return applied.error();
    }

    Demo demo { .made = std::move(*applied), .userKey = {}, .trouble = {} };
    BootstrapOutcome::Tenant &tenant = demo.made.platforms.first();
    BootstrapOutcome::User &user = tenant.users.first();
    const auto key = freshKey(services, tenant.id, user);
    if (!key)
        return key.error();
    demo.userKey = user.rawKey = *key;
    const auto refusal = refusalOf(services, user.id, *key);
    if (!refusal)
        return refusal.error();
    demo.trouble = *refusal;
    return demo;
}

QString demoText(const Demo &demo, const QString &origin)
{
    if (demo.userKey.isEmpty())
        return u"The gateway runs on %1, but there is no demo. %2\n\n"_s.arg(origin, demo.trouble);
    const QString line = curlLine(origin, demo.userKey);
    if (demo.trouble.isEmpty())
        return u"The demo gateway runs on %1. Try it:\n\n%2\n\n"_s.arg(origin, line);
    return u"The demo gateway runs on %1, but a call of the demo's user would be refused. %2\n"
           "--demo leaves what it finds as it is, and gives money only to a demo that it makes. Put that right in the "
           "console or through the API, or start with another --data-dir. Then this works:\n\n%3\n\n"_s
        .arg(origin, demo.trouble, line);
}

} // namespace assistiv
