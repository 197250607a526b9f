// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/bootstrap.h"

#include "core/log.h"
#include "services/services.h"
#include "webhooks/targets.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QRegularExpression>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int MostEntries = 10'000;
constexpr int MostUsers = 100'000;
constexpr int MostMetadataBytes = 16 * 1024;
constexpr int MostEventName = 64;

// The file as values. Each part knows its place in the file, for what only the services can refuse.

template<typename Draft>
struct Declared
{
    QString path;
    Draft draft;
};

struct DeclaredUser
{
    QString path;
    EndUserDraft draft;
    bool hasMetadata = false;
    std::optional<BudgetDraft> budget = {};
};

struct DeclaredKey
{
    QString path;
    QString provider;
    QString apiKey;
    std::optional<bool> isDefault = {};
};

struct DeclaredEndpoint
{
    QString path;
    QString url;
    WebhookEndpointChange rest;
};

struct DeclaredPlatform
{
    QString path;
    QString slug;
    std::optional<QString> name = {};
    std::optional<QJsonObject> settings = {};
    QStringList keyNames;
    QList<DeclaredKey> providerKeys;
    std::optional<Money> wallet = {};
    RateLimit endUserLimit = {};
    RateLimit platformLimit = {};
    QList<DeclaredEndpoint> endpoints;
    QList<DeclaredUser> users;
};

struct BootstrapPlan
{
    QList<Declared<ProviderDraft>> providers;
    QList<Declared<ModelDraft>> models;
    QList<DeclaredPlatform> platforms;
};

// Reading

QByteArray compactJson(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

bool isHollow(const QJsonValue &value)
{
    const auto allHollow = [](const auto &container) {
        return std::all_of(container.begin(), container.end(), [](const QJsonValue &inner) { return isHollow(inner); });
    };
    if (value.isObject())
        return allHollow(value.toObject());
    return value.isArray() ? allHollow(value.toArray()) : value.isNull() || value.isUndefined();
}

void refuseUnlessEmpty(JsonFields &fields, QLatin1StringView name)
{
    if (!isHollow(fields.value(name)))
        fields.refuse(name, u"This version of the program does not have %1 yet; take the section out."_s.arg(name));
}

// A second entry with the same name would silently win over the first one.
void refuseTwin(QStringList &seen, const QString &word, JsonFields &fields, QLatin1StringView name)
{
    if (seen.contains(word))
        fields.refuse(name, u"%1 is in the file twice."_s.arg(word));
    seen.append(word);
}

BudgetDraft readBudget(JsonFields &fields)
{
    const Money least = Money::fromMicros(1);
    BudgetDraft draft;
    if (!fields.has("max_usd"_L1))
        fields.refuse("max_usd"_L1, u"max_usd is required."_s);
    draft.max = fields.money("max_usd"_L1, least, LargestAmount).value_or(least);
    if (const auto period = fields.oneOf("period"_L1, allWords<BudgetPeriod>()))
        draft.period = fromWord<BudgetPeriod>(*period);
    draft.autoReplenish = fields.flag("auto_replenish"_L1);
    draft.replenishAmount = fields.money("replenish_amount"_L1, least, LargestAmount);
    draft.lowBalanceThreshold = fields.money("low_balance_threshold"_L1, Money(), LargestAmount);
    fields.finish();
    return draft;
}

DeclaredUser readUser(JsonFields &fields, QStringList &seen)
{
    DeclaredUser user { .path = fields.path(), .draft = { fields.requiredText("external_id"_L1, 1, 255) } };
    refuseTwin(seen, user.draft.externalId, fields, "external_id"_L1);
    user.draft.displayName = fields.text("display_name"_L1, 1, 100).value_or(QString());
    if (const auto metadata = fields.object("metadata"_L1)) {
        user.hasMetadata = true;
        user.draft.metadata = compactJson(metadata->json());
        if (user.draft.metadata.size() > MostMetadataBytes)
            fields.refuse("metadata"_L1, u"metadata must have at most 16 KiB."_s);
    }
    if (auto budget = fields.object("budget"_L1))
        user.budget = readBudget(*budget);
    refuseUnlessEmpty(fields, "connections"_L1);
    fields.finish();
    return user;
}

DeclaredKey readProviderKey(JsonFields &fields)
{
    DeclaredKey key { .path = fields.path(),
                      .provider = fields.requiredText("provider"_L1, 1, 63),
                      .apiKey = fields.requiredText("api_key"_L1, 1, 4096),
                      .isDefault = fields.flag("is_default"_L1) };
    if (const auto good = LlmConfigs::checkKey(key.apiKey); !good)
        fields.refuse("api_key"_L1, good.error().message);
    fields.finish();
    return key;
}

void readLimits(JsonFields &fields, DeclaredPlatform &platform)
{
    if (auto each = fields.object("end_user_default"_L1)) {
        platform.endUserLimit = readRateLimit(*each);
        each->finish();
    }
    if (auto all = fields.object("platform"_L1)) {
        platform.platformLimit = readRateLimit(*all);
        all->finish();
    }
    fields.finish();
}

DeclaredEndpoint readEndpoint(JsonFields &fields, QStringList &seen)
{
    DeclaredEndpoint endpoint { .path = fields.path(),
                                .url = fields.requiredText("url"_L1, 1, WebhookTargets::LongestUrl),
                                .rest = {} };
    refuseTwin(seen, endpoint.url, fields, "url"_L1);
    if (const auto names = fields.texts("event_types"_L1, MostEntries, MostEventName)) {
        const auto events = WebhookEndpoints::eventsOf(*names);
        if (events)
            endpoint.rest.events = *events;
        else
            fields.refuse("event_types"_L1, events.error().message);
    }
    endpoint.rest.description = fields.text("description"_L1, 0, WebhookEndpoints::LongestDescription);
    endpoint.rest.isActive = fields.flag("is_active"_L1);
    endpoint.rest.allowPrivate = fields.flag("allow_private"_L1);
    fields.finish();
    return endpoint;
}

DeclaredPlatform readPlatform(JsonFields &fields, QStringList &seen)
{
    static const QRegularExpression slugPattern(u"\\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\z"_s);
    DeclaredPlatform platform { .path = fields.path(),
                                .slug = fields.requiredText("slug"_L1, 1, 63),
                                .keyNames = {},
                                .providerKeys = {},
                                .endpoints = {},
                                .users = {} };
    if (!slugPattern.match(platform.slug).hasMatch())
        fields.refuse("slug"_L1, u"slug must be 1 to 63 lower-case letters, digits and inner hyphens."_s);
    refuseTwin(seen, platform.slug, fields, "slug"_L1);
    platform.name = fields.text("name"_L1, 1, 100);
    if (const auto settings = fields.object("settings"_L1))
        platform.settings = settings->json();
    auto keys = fields.objects("keys"_L1, MostEntries).value_or(QList<JsonFields>());
    for (JsonFields &key : keys) {
        const QString name = key.requiredText("name"_L1, 1, 100);
        refuseTwin(platform.keyNames, name, key, "name"_L1);
        key.finish();
    }
    auto providerKeys = fields.objects("llm_configs"_L1, MostEntries).value_or(QList<JsonFields>());
    for (JsonFields &key : providerKeys)
        platform.providerKeys.append(readProviderKey(key));
    platform.wallet = fields.money("wallet_usd"_L1, Money(), LargestBalance);
    if (auto limits = fields.object("rate_limits"_L1))
        readLimits(*limits, platform);
    QStringList users;
    auto declaredUsers = fields.objects("end_users"_L1, MostUsers).value_or(QList<JsonFields>());
    for (JsonFields &user : declaredUsers)
        platform.users.append(readUser(user, users));
    QStringList urls;
    auto endpoints =
        fields.objects("webhook_endpoints"_L1, WebhookEndpoints::MostPerPlatform).value_or(QList<JsonFields>());
    for (JsonFields &endpoint : endpoints)
        platform.endpoints.append(readEndpoint(endpoint, urls));
    refuseUnlessEmpty(fields, "mcp_apps"_L1);
    fields.finish();
    return platform;
}

// Providers and models are known by their slug here: another word for them would make them two.
template<typename Draft>
QList<Declared<Draft>> readNamed(JsonFields &root, QLatin1StringView section, Draft (*read)(JsonFields &))
{
    QList<Declared<Draft>> list;
    QStringList seen;
    auto entries = root.objects(section, MostEntries).value_or(QList<JsonFields>());
    for (JsonFields &entry : entries) {
        refuseTwin(seen, entry.requiredText("slug"_L1, 1, 128), entry, "slug"_L1);
        list.append({ entry.path(), read(entry) });
    }
    return list;
}

Result<BootstrapPlan> readBootstrap(const QJsonObject &file)
{
    JsonProblem problem { .isStrict = true };
    JsonFields root(file, {}, &problem);
    BootstrapPlan plan;
    plan.providers = readNamed(root, "providers"_L1, readProviderDraft);
    plan.models = readNamed(root, "models"_L1, readModelDraft);
    QStringList slugs;
    auto platforms = root.objects("platforms"_L1, MostEntries).value_or(QList<JsonFields>());
    for (JsonFields &platform : platforms)
        plan.platforms.append(readPlatform(platform, slugs));
    refuseUnlessEmpty(root, "mcp_apps"_L1);
    root.finish();
    return problem.first ? Result<BootstrapPlan>(*problem.first) : Result<BootstrapPlan>(std::move(plan));
}

// Applying

// What a service refuses is a fault of the file at that place; what the database could not do is not.
Error faultAt(const QString &path, Error error)
{
    if (error.code == ErrorCode::Internal || error.code == ErrorCode::DatabaseUnavailable)
        return error;
    error.code = ErrorCode::ValidationError;
    error.param = error.param.isEmpty() ? path : path + u'.' + error.param;
    return error;
}

Result<void> applyProvider(Services &services, const ProviderDraft &draft)
{
    const auto found = services.catalog.provider(*draft.slug);
    if (!found && found.error().code != ErrorCode::ProviderNotFound)
        return found.error();
    const auto done =
        found ? services.catalog.updateProvider(found->id, draft) : services.catalog.createProvider(draft);
    return done ? Result<void>() : Result<void>(done.error());
}

Result<void> applyModel(Services &services, ModelDraft draft)
{
    // Who names a model wants to use it, even if it is one that a new installation has switched off.
    draft.isEnabled = draft.isEnabled.value_or(true);
    const auto found = services.catalog.model(*draft.slug);
    if (!found && found.error().code != ErrorCode::ModelNotFound)
        return found.error();
    if (!found) {
        const auto made = services.catalog.createModel(draft);
        return made ? Result<void>() : Result<void>(made.error());
    }
    const QList<MappingDraft> mappings = draft.mappings.value_or(QList<MappingDraft>());
    draft.mappings.reset(); // ways to the model that the file does not name stay
    if (const auto changed = services.catalog.updateModel(found->id, draft); !changed)
        return changed.error();
    for (qsizetype index = 0; index < mappings.size(); ++index) {
        if (const auto put = services.catalog.putMapping(found->id, mappings[index]); !put)
            return faultAt(u"mappings[%1]"_s.arg(index), put.error());
    }
    return {};
}

// Whether the file says anything new: a patch without need would move updated_at.
bool wouldChange(const Platform &platform, const DeclaredPlatform &declared)
{
    if (declared.name && *declared.name != platform.name)
        return true;
    const QJsonObject given = declared.settings.value_or(QJsonObject());
    const QJsonObject stored = QJsonDocument::fromJson(platform.settings).object();
    for (auto member = given.constBegin(); member != given.constEnd(); ++member) {
        const bool isSame = member->isNull() ? !stored.contains(member.key()) : stored.value(member.key()) == *member;
        if (!isSame)
            return true;
    }
    return false;
}

Result<PlatformId> applyPlatform(Services &services, const DeclaredPlatform &declared,
                                 QList<BootstrapOutcome::Key> &keys)
{
    const auto found = services.platforms.findBySlug(declared.slug);
    if (!found)
        return found.error();
    const QByteArray settings = compactJson(declared.settings.value_or(QJsonObject()));
    if (!*found) {
        const auto made = services.platforms.create({ declared.name.value_or(declared.slug), declared.slug, settings });
        if (!made)
            return made.error();
        QString name = made->key.key.name;
        if (!declared.keyNames.isEmpty() && declared.keyNames.constFirst() != name) {
            name = declared.keyNames.constFirst();
            if (const auto renamed = services.apiKeys.patch(made->platform.id, made->key.key.id, { .name = name });
                !renamed)
                return renamed.error();
        }
        keys.append({ name, made->key.rawKey });
        return made->platform.id;
    }
    if (wouldChange(**found, declared)) {
        const auto changed = services.platforms.patch((*found)->id, { .name = declared.name, .settings = settings });
        if (!changed)
            return changed.error();
    }
    return (*found)->id;
}

Result<void> applyKeys(Services &services, const PlatformId &platform, const QStringList &names,
                       QList<BootstrapOutcome::Key> &keys)
{
    const auto existing = services.apiKeys.list(platform, { .type = KeyType::Platform }, 0, MostEntries);
    if (!existing)
        return existing.error();
    for (const QString &name : names) {
        const bool isMade =
            std::any_of(keys.begin(), keys.end(), [&name](const auto &key) { return key.name == name; });
        const bool exists = std::any_of(existing->rows.begin(), existing->rows.end(),
                                        [&name](const ApiKey &key) { return key.name == name; });
        if (isMade)
            continue;
        if (exists) {
            keys.append({ name, {} });
            continue;
        }
        const auto minted = services.apiKeys.createForPlatform(platform, { .name = name });
        if (!minted)
            return minted.error();
        keys.append({ name, minted->rawKey });
    }
    return {};
}

// The file calls it "provider", the API "provider_id".
Error faultAtKey(const QString &path, Error error)
{
    if (error.code == ErrorCode::ProviderNotFound)
        error.param = u"provider"_s;
    return faultAt(path, error);
}

Result<void> applyProviderKeys(Services &services, const PlatformId &platform, const QList<DeclaredKey> &keys)
{
    for (const DeclaredKey &key : keys) {
        const auto found = services.llmConfigs.find(platform, key.provider, key.apiKey);
        if (!found)
            return faultAtKey(key.path, found.error());
        if (*found) {
            if (key.isDefault.value_or(false) && (*found)->isActive && !(*found)->isDefault) {
                const auto changed = services.llmConfigs.update(platform, (*found)->id, { .isDefault = true });
                if (!changed)
                    return faultAtKey(key.path, changed.error());
            }
            continue;
        }
        // A new key that is the only one in the file takes the place of the one that was in the file before.
        const bool isOnly = std::count_if(keys.begin(), keys.end(),
                                          [&key](const DeclaredKey &other) { return other.provider == key.provider; })
            == 1;
        const auto made =
            services.llmConfigs.create(platform, { key.provider, key.apiKey, key.isDefault.value_or(isOnly) });
        if (!made)
            return faultAtKey(key.path, made.error());
    }
    return {};
}

Result<void> applyWallet(Services &services, const PlatformId &platform, Money target)
{
    const auto wallet = services.wallets.get(platform);
    if (!wallet)
        return wallet.error();
    if (wallet->balance >= target)
        return {};
    const auto row = services.wallets.topUp(platform, target - wallet->balance, u"Bootstrap"_s, systemActor());
    return row ? Result<void>() : Result<void>(row.error());
}

// Limits that the file does not name stay as they are.
RateLimit mergedLimit(RateLimit limit, const RateLimit &declared)
{
    const auto take = [](std::optional<qint64> &number, const std::optional<qint64> &given) {
        if (given)
            number = given;
    };
    take(limit.requestsPerMinute, declared.requestsPerMinute);
    take(limit.tokensPerMinute, declared.tokensPerMinute);
    take(limit.requestsPerDay, declared.requestsPerDay);
    return limit;
}

Result<void> applyLimits(Services &services, const PlatformId &platform, const DeclaredPlatform &declared)
{
    const auto stored = services.rateLimits.ofPlatform(platform);
    if (!stored)
        return stored.error();
    PlatformLimitsState limits = *stored;
    limits.endUserDefault = mergedLimit(limits.endUserDefault, declared.endUserLimit);
    limits.wholePlatform = mergedLimit(limits.wholePlatform, declared.platformLimit);
    return limits == *stored ? Result<void>() : services.rateLimits.setForPlatform(limits);
}

Result<WebhookEndpoint> makeEndpoint(Services &services, const PlatformId &platform, const DeclaredEndpoint &declared)
{
    const WebhookEndpointChange &rest = declared.rest;
    const auto made = services.webhookEndpoints.create(platform,
                                                       { .url = declared.url,
                                                         .description = rest.description.value_or(QString()),
                                                         .events = rest.events.value_or(QList<WebhookEvent>()),
                                                         .isActive = rest.isActive.value_or(true),
                                                         .allowPrivate = rest.allowPrivate.value_or(false) });
    return made ? Result<WebhookEndpoint>(made->endpoint) : Result<WebhookEndpoint>(made.error());
}

bool wouldChange(const WebhookEndpoint &endpoint, const WebhookEndpointChange &rest)
{
    return rest.description.value_or(endpoint.description) != endpoint.description
        || rest.events.value_or(endpoint.events) != endpoint.events
        || rest.isActive.value_or(endpoint.isActive) != endpoint.isActive
        || rest.allowPrivate.value_or(endpoint.allowPrivate) != endpoint.allowPrivate;
}

// Of several endpoints with this URL the oldest one is meant.
Result<WebhookEndpoint> applyEndpoint(Services &services, const PlatformId &platform, const DeclaredEndpoint &declared)
{
    const auto known = services.webhookEndpoints.list(platform);
    if (!known)
        return known.error();
    const auto found = std::find_if(known->rows.rbegin(), known->rows.rend(),
                                    [&](const WebhookEndpoint &endpoint) { return endpoint.url == declared.url; });
    if (found == known->rows.rend())
        return makeEndpoint(services, platform, declared);
    return wouldChange(*found, declared.rest) ? services.webhookEndpoints.update(platform, found->id, declared.rest)
                                              : Result<WebhookEndpoint>(*found);
}

Result<void> applyEndpoints(Services &services, const QList<DeclaredEndpoint> &endpoints,
                            BootstrapOutcome::Tenant &tenant)
{
    for (const DeclaredEndpoint &declared : endpoints) {
        const auto endpoint = applyEndpoint(services, tenant.id, declared);
        if (!endpoint && endpoint.error().code == ErrorCode::EndpointLimitReached) {
            // The platform has made so many by itself; that must not keep the gateway from starting.
            Log::warning("bootstrap", declared.path + u": left out, "_s + endpoint.error().message);
            continue;
        }
        if (!endpoint)
            return faultAt(declared.path, endpoint.error());
        const auto secret = services.webhookEndpoints.secret(tenant.id, endpoint->id);
        if (!secret)
            return secret.error();
        tenant.endpoints.append({ endpoint->url, endpoint->id, *secret });
    }
    return {};
}

// A budget that somebody made or changed since is left alone: it may have been topped up, or switched off on purpose.
Result<void> applyBudget(Services &services, const PlatformId &platform, const EndUserId &user,
                         const BudgetDraft &draft)
{
    const auto budget = services.budgets.get(platform, user);
    if (!budget && budget.error().code != ErrorCode::BudgetNotFound)
        return budget.error();
    if (budget && !budget->isAutomatic)
        return {};
    if (!budget) {
        const auto rows = services.budgets.rows(platform, user, {}, 0, 1);
        if (rows)
            return {};
        if (rows.error().code != ErrorCode::BudgetNotFound)
            return rows.error();
    }
    const auto made = services.budgets.create(platform, user, draft, systemActor());
    return made || made.error().code == ErrorCode::BudgetExists ? Result<void>() : Result<void>(made.error());
}

Result<BootstrapOutcome::User> applyUser(Services &services, const PlatformId &platform, const DeclaredUser &declared)
{
    const auto found = services.endUsers.findByExternalId(platform, declared.draft.externalId);
    if (!found)
        return found.error();
    BootstrapOutcome::User user { declared.draft.externalId, {}, {} };
    if (*found) {
        const EndUser &known = **found;
        user.id = known.id;
        EndUserChange change;
        if (!declared.draft.displayName.isEmpty() && declared.draft.displayName != known.displayName)
            change.displayName = declared.draft.displayName;
        if (declared.hasMetadata
            && QJsonDocument::fromJson(declared.draft.metadata) != QJsonDocument::fromJson(known.metadata))
            change.metadata = declared.draft.metadata;
        if (change.displayName || change.metadata) {
            if (const auto changed = services.endUsers.patch(platform, known.id, change); !changed)
                return changed.error();
        }
    } else {
        const auto made = services.endUsers.create(platform, declared.draft);
        if (!made)
            return made.error();
        user.id = made->user.id;
        user.rawKey = made->key.rawKey;
    }
    if (declared.budget) {
        if (const auto done = applyBudget(services, platform, user.id, *declared.budget); !done)
            return faultAt(u"budget"_s, done.error());
    }
    return user;
}

Result<BootstrapOutcome::Tenant> applyTenant(Services &services, const DeclaredPlatform &declared)
{
    BootstrapOutcome::Tenant tenant { .slug = declared.slug, .id = {}, .keys = {}, .endpoints = {}, .users = {} };
    const auto id = applyPlatform(services, declared, tenant.keys);
    if (!id)
        return faultAt(declared.path, id.error());
    tenant.id = *id;
    if (const auto done = applyKeys(services, *id, declared.keyNames, tenant.keys); !done)
        return faultAt(declared.path + u".keys"_s, done.error());
    if (const auto done = applyProviderKeys(services, *id, declared.providerKeys); !done)
        return done.error();
    if (declared.wallet) {
        if (const auto done = applyWallet(services, *id, *declared.wallet); !done)
            return faultAt(declared.path + u".wallet_usd"_s, { done.error().code, done.error().message });
    }
    if (const auto done = applyLimits(services, *id, declared); !done)
        return faultAt(declared.path + u".rate_limits"_s, done.error());
    if (const auto done = applyEndpoints(services, declared.endpoints, tenant); !done)
        return done.error();
    for (const DeclaredUser &declaredUser : declared.users) {
        const auto user = applyUser(services, *id, declaredUser);
        if (!user)
            return faultAt(declaredUser.path, user.error());
        tenant.users.append(*user);
    }
    return tenant;
}

Result<BootstrapOutcome> applyPlan(Services &services, const BootstrapPlan &plan)
{
    for (const auto &provider : plan.providers) {
        if (const auto done = applyProvider(services, provider.draft); !done)
            return faultAt(provider.path, done.error());
    }
    for (const auto &model : plan.models) {
        if (const auto done = applyModel(services, model.draft); !done)
            return faultAt(model.path, done.error());
    }
    BootstrapOutcome outcome;
    for (const DeclaredPlatform &platform : plan.platforms) {
        const auto tenant = applyTenant(services, platform);
        if (!tenant)
            return tenant.error();
        outcome.platforms.append(*tenant);
    }
    const auto adminKeys = ApiKeyStore(services.context.db).activeAdminKeys();
    if (!adminKeys)
        return adminKeys.error();
    if (adminKeys->isEmpty()) {
        const auto minted = services.apiKeys.createAdminKey();
        if (!minted)
            return minted.error();
        outcome.adminKey = minted->rawKey;
    }
    return outcome;
}

QJsonValue rawKeyJson(const QString &rawKey)
{
    return rawKey.isEmpty() ? QJsonValue(QJsonValue::Null) : QJsonValue(rawKey);
}

} // namespace

QJsonObject BootstrapOutcome::toJson(const QString &origin) const
{
    QJsonArray tenants;
    for (const Tenant &tenant : platforms) {
        QJsonArray endUsers;
        for (const User &user : tenant.users) {
            endUsers.append(QJsonObject { { u"external_id"_s, user.externalId },
                                          { u"id"_s, user.id.toString() },
                                          { u"end_user_key"_s, rawKeyJson(user.rawKey) } });
        }
        QJsonArray namedKeys;
        for (const Key &key : tenant.keys)
            namedKeys.append(QJsonObject { { u"name"_s, key.name }, { u"platform_key"_s, rawKeyJson(key.rawKey) } });
        QJsonArray endpoints;
        for (const Endpoint &endpoint : tenant.endpoints) {
            endpoints.append(QJsonObject { { u"url"_s, endpoint.url },
                                           { u"id"_s, endpoint.id.toString() },
                                           { u"secret"_s, QString::fromLatin1(endpoint.secret) } });
        }
        tenants.append(QJsonObject {
            { u"slug"_s, tenant.slug },
            { u"id"_s, tenant.id.toString() },
            { u"platform_key"_s, rawKeyJson(tenant.keys.isEmpty() ? QString() : tenant.keys.constFirst().rawKey) },
            { u"keys"_s, namedKeys },
            { u"end_users"_s, endUsers },
            { u"webhook_endpoints"_s, endpoints } });
    }
    QJsonObject object { { u"origin"_s, origin }, { u"platforms"_s, tenants } };
    if (!adminKey.isEmpty())
        object.insert(u"admin_key"_s, adminKey);
    return object;
}

Result<BootstrapOutcome> applyBootstrap(Services &services, const QJsonObject &file)
{
    const auto plan = readBootstrap(file);
    if (!plan)
        return plan.error();
    // Undone as a whole if any part fails, whatever the caller does then.
    Savepoint savepoint(services.context.db);
    const AccountChanges before = services.context.changes;
    auto outcome = savepoint.isOpen() ? applyPlan(services, *plan) : Result<BootstrapOutcome>(databaseUnavailable());
    if (outcome) {
        if (const auto kept = savepoint.keep(); !kept)
            outcome = kept.error();
    }
    if (!outcome)
        services.context.changes = before;
    return outcome;
}

} // namespace assistiv
