// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/consolequestions.h"

#include "core/jsonwriter.h"
#include "inference/routing.h"
#include "services/services.h"

#include <QtCore/QHash>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qint64 HourMs = 3'600'000;
constexpr int MostErrors = 6;
constexpr int MostLowBudgets = 6;
constexpr int MostSubjects = 3;
/// The route that a console booking stands for, so that its key means the same as over the API.
constexpr auto TopUpRoute = "/console/wallet/topup";

console::PlatformSummary summaryOf(const Platform &platform)
{
    return { platform.id, platform.name, platform.slug, platform.isActive };
}

/// What the console wrote, for the audit log.
Result<void> note(Services &services, QLatin1StringView action, const QString &target)
{
    return services.audit.note(u"console"_s, action, target);
}

bool hasKeyFor(const ProviderKeysState &platform, const Provider &provider)
{
    return std::any_of(platform.keys->begin(), platform.keys->end(),
                       [&](const ProviderKey &key) { return key.provider == provider.id; });
}

/// A model that a first request can name: the cheapest that a user with a budget can call.
Result<QString> firstModel(Services &services, const PlatformId &platform)
{
    const auto snapshot = services.catalog.snapshot();
    if (!snapshot)
        return snapshot.error();
    const auto keys = services.llmConfigs.keysOf(platform);
    if (!keys)
        return keys.error();
    QString best;
    Picos bestPrice = 0;
    for (const CatalogModel &model : (*snapshot)->models()) {
        QList<RouteLeg> legs = routeOf(ClientApi::Chat, model, *keys->keys);
        legs.removeIf([](const RouteLeg &leg) { return !hasPrice(*leg.mapping); });
        if (legs.isEmpty())
            continue;
        const Picos price = legs.constFirst().mapping->pricing.at(services.context.clock.now()).base.output;
        if (best.isEmpty() || price < bestPrice) {
            best = model.slug;
            bestPrice = price;
        }
    }
    return best;
}

console::AddedProviderKey echoKey(const LlmConfig &config)
{
    return { config.id, config.keyHint, u"sandbox-echo"_s };
}

struct Span
{
    qint64 lengthMs;
    int slices;
};

Span spanOf(console::OverviewRange range)
{
    switch (range) {
    case console::OverviewRange::Hour: return { HourMs, 60 };
    case console::OverviewRange::Day: return { 24 * HourMs, 24 };
    case console::OverviewRange::Week: return { 7 * 24 * HourMs, 28 };
    case console::OverviewRange::Month: return { 30 * 24 * HourMs, 30 };
    }
    return { HourMs, 60 };
}

struct CallOutcome
{
    int status;
    QString word;
};

/// What a settled call's row stands for.
CallOutcome outcomeOf(const LogRow &row)
{
    if (row.status == "success"_L1)
        return { 200, {} };
    // The client left: nobody's failure, and no word for it among those of errors.
    if (row.status == "cancelled"_L1)
        return { 499, row.status };
    return { 502, u"provider_error"_s };
}

BudgetPeriod periodOf(console::BudgetPeriod period)
{
    switch (period) {
    case console::BudgetPeriod::OneTime: return BudgetPeriod::OneTime;
    case console::BudgetPeriod::Daily: return BudgetPeriod::Daily;
    case console::BudgetPeriod::Monthly: return BudgetPeriod::Monthly;
    }
    return BudgetPeriod::OneTime;
}

console::RequestRow rowOf(const Refusal &refusal)
{
    console::RequestRow row;
    row.atMs = refusal.at.ms();
    row.status = errorRow(refusal.error.code).status;
    row.errorCode = errorRow(refusal.error.code).word;
    row.errorMessage = refusal.error.message;
    row.requestId = refusal.requestId;
    row.model = refusal.model;
    return row;
}

console::RequestRow rowOf(const LogRow &call)
{
    const CallOutcome outcome = outcomeOf(call);
    console::RequestRow row;
    row.atMs = call.createdAt.ms();
    row.status = outcome.status;
    row.errorCode = outcome.word;
    row.errorMessage = call.errorMessage;
    row.requestId = call.requestId;
    row.model = call.modelSlug;
    row.inputTokens = call.promptTokens;
    row.outputTokens = call.completionTokens;
    row.durationMs = call.latencyMs;
    row.cost = call.cost;
    return row;
}

/// Empty without a user or a budget.
std::optional<Money> budgetLeft(Services &services, const PlatformId &platform, const EndUserId &user)
{
    if (user.isNull())
        return {};
    const auto budget = services.budgets.get(platform, user);
    return budget ? std::optional(budget->remaining()) : std::nullopt;
}

/// Names what refusals met: the model that is not there, otherwise the user who may not go on.
class RefusalSubjects
{
public:
    explicit RefusalSubjects(Services &services) : m_services(services) {}

    /// Empty when there is nothing to name.
    QString of(const Refusal &refusal)
    {
        if (refusal.error.code == ErrorCode::ModelNotFound || refusal.endUser.isNull())
            return refusal.model;
        const auto known = m_externalIds.constFind(refusal.endUser);
        if (known != m_externalIds.constEnd())
            return *known;
        const auto user = m_services.endUsers.get(refusal.platform, refusal.endUser);
        return *m_externalIds.insert(refusal.endUser, user ? user->externalId : QString());
    }

private:
    Services &m_services;
    /// One user may have been refused thousands of times.
    QHash<EndUserId, QString> m_externalIds;
};

/// Refused calls are user-facing calls that failed; the log has no rows of them.
void countRefusals(Services &services, const QList<Refusal> &refusals, qint64 widthMs, console::OverviewFigures &figures)
{
    RefusalSubjects subjects(services);
    // The newest first: their subjects are shown.
    for (auto refusal = refusals.crbegin(); refusal != refusals.crend(); ++refusal) {
        const qint64 index = (refusal->at.ms() - figures.fromMs) / widthMs;
        if (index < 0 || index >= figures.points.size())
            continue;
        for (qint64 *count : { &figures.points[index].requests, &figures.points[index].failed, &figures.requests, &figures.failed })
            ++*count;
        const auto &row = errorRow(refusal->error.code);
        auto group = std::find_if(figures.errors.begin(), figures.errors.end(),
                                  [&](const console::ErrorGroup &each) { return each.status == row.status && each.code == row.word; });
        if (group == figures.errors.end()) {
            figures.errors.append({ row.status, row.word, {}, 0, 0 });
            group = figures.errors.end() - 1;
        }
        ++group->count;
        group->lastAtMs = std::max(group->lastAtMs, refusal->at.ms());
        if (group->subjects.size() >= MostSubjects)
            continue;
        if (const QString subject = subjects.of(*refusal); !subject.isEmpty() && !group->subjects.contains(subject))
            group->subjects.append(subject);
    }
    std::stable_sort(figures.errors.begin(), figures.errors.end(), [](const auto &a, const auto &b) { return a.count > b.count; });
    figures.errors.resize(std::min<qsizetype>(figures.errors.size(), MostErrors));
}

} // namespace

Result<QList<console::PlatformSummary>> ConsoleQuestions::platforms(Services &services)
{
    const auto found = services.platforms.list(0, AllRows);
    if (!found)
        return found.error();
    QList<console::PlatformSummary> summaries;
    for (const Platform &platform : found->rows)
        summaries.append(summaryOf(platform));
    std::sort(summaries.begin(), summaries.end(), [](const auto &a, const auto &b) { return a.name.localeAwareCompare(b.name) < 0; });
    return summaries;
}

Result<console::CreatedPlatform> ConsoleQuestions::createPlatform(Services &services, const console::NewPlatform &wanted)
{
    const auto created = services.platforms.create({ .name = wanted.name, .slug = wanted.slug });
    if (!created)
        return created.error();
    if (const auto noted = note(services, "platform.create"_L1, created->platform.id.toString()); !noted)
        return noted.error();
    return console::CreatedPlatform { summaryOf(created->platform), created->key.rawKey };
}

Result<console::SetUpProgress> ConsoleQuestions::setUp(Services &services, PlatformId platform)
{
    console::SetUpProgress progress;
    const auto keys = services.llmConfigs.keysOf(platform);
    const auto providers = services.catalog.providers();
    const auto model = firstModel(services, platform);
    const auto wallet = services.wallets.get(platform);
    const auto topUps = services.wallets.rows(platform, { .type = WalletRowType::TopUp }, 0, 1);
    if (!keys || !providers)
        return !keys ? keys.error() : providers.error();
    if (!model || !wallet || !topUps)
        return !model ? model.error() : !wallet ? wallet.error() : topUps.error();
    progress.hasProvider = std::any_of(providers->rows.begin(), providers->rows.end(), [&](const Provider &provider) {
        return provider.isEnabled && hasKeyFor(*keys, provider);
    });
    progress.model = *model;
    progress.walletBalance = wallet->balance;
    progress.walletFunded = topUps->total > 0;

    const auto oldest = services.budgets.oldest(platform);
    if (!oldest)
        return oldest.error();
    if (*oldest) {
        progress.endUser = (*oldest)->endUser;
        progress.endUserExternalId = (*oldest)->externalId;
        progress.endUserBudget = (*oldest)->max;
    }
    const auto answered = services.callLog.rows(platform, { .status = u"success"_s }, 0, 1);
    if (!answered)
        return answered.error();
    progress.requestSeen = answered->total > 0;
    return progress;
}

Result<QList<console::ProviderSummary>> ConsoleQuestions::providers(Services &services, PlatformId platform)
{
    const auto found = services.catalog.providers();
    const auto keys = services.llmConfigs.keysOf(platform);
    if (!found || !keys)
        return !found ? found.error() : keys.error();
    QList<console::ProviderSummary> summaries;
    for (const Provider &provider : found->rows) {
        if (provider.kind == ProviderKind::Sandbox || !provider.isEnabled)
            continue;
        summaries.append({ provider.id, provider.slug, provider.name, hasKeyFor(*keys, provider) });
    }
    return summaries;
}

Result<console::AddedProviderKey> ConsoleQuestions::addProviderKey(Services &services, const console::NewProviderKey &key)
{
    if (const auto platform = services.platforms.get(key.platform); !platform)
        return platform.error();
    const auto config = services.llmConfigs.create(key.platform, { key.provider.toString(), key.apiKey, true });
    if (!config)
        return config.error();
    if (const auto noted = note(services, "llm_config.create"_L1, config->id.toString()); !noted)
        return noted.error();
    for (const console::ModelSwitch &change : key.switches) {
        if (const auto changed = services.catalog.updateModel(change.id, { .isEnabled = change.enabled }); !changed)
            return changed.error();
        if (const auto noted = note(services, "model.update"_L1, change.id.toString()); !noted)
            return noted.error();
    }
    const auto model = firstModel(services, key.platform);
    if (!model)
        return model.error();
    return console::AddedProviderKey { config->id, config->keyHint, *model };
}

Result<console::AddedProviderKey> ConsoleQuestions::useEchoModel(Services &services, PlatformId platform)
{
    if (const auto known = services.platforms.get(platform); !known)
        return known.error();
    const QString sandbox = u"sandbox"_s;
    const QString anyKey = u"sandbox-needs-none"_s;
    const auto existing = services.llmConfigs.find(platform, sandbox, anyKey);
    if (!existing)
        return existing.error();
    if (*existing && (*existing)->isActive)
        return echoKey(**existing);
    const auto config = *existing ? services.llmConfigs.update(platform, (*existing)->id, { .isActive = true })
                                  : services.llmConfigs.create(platform, { sandbox, anyKey, true });
    if (!config)
        return config.error();
    const auto action = *existing ? "llm_config.update"_L1 : "llm_config.create"_L1;
    if (const auto noted = note(services, action, config->id.toString()); !noted)
        return noted.error();
    return echoKey(*config);
}

Result<QList<console::OfferedModel>> ConsoleQuestions::offeredModels(Services &services, ProviderId provider,
                                                                     const QStringList &foundIds)
{
    const auto models = services.catalog.models();
    if (!models)
        return models.error();
    QList<console::OfferedModel> offered;
    for (const Model &model : models->rows) {
        for (const Mapping &mapping : model.mappings) {
            if (mapping.provider != provider || !foundIds.contains(mapping.providerModelId))
                continue;
            const Price &price = mapping.pricing.at(services.context.clock.now()).base;
            offered.append({ model.id, model.slug, Money::fromMicros(price.input), Money::fromMicros(price.output), model.isEnabled });
        }
    }
    return offered;
}

Result<console::WalletState> ConsoleQuestions::wallet(Services &services, PlatformId platform)
{
    const auto wallet = services.wallets.get(platform);
    if (!wallet)
        return wallet.error();
    console::WalletState state { wallet->balance, wallet->lowBalanceThreshold, wallet->isActive };
    const Timestamp now = services.context.clock.now();
    const auto rate = services.callLog.spendSince(platform, now.plusMs(-24 * HourMs));
    if (!rate)
        return rate.error();
    if (rate->firstAt && rate->spent > Money()) {
        // Younger than an hour: what was spent is the best guess for an hour.
        const qint64 sinceMs = std::clamp(now.ms() - rate->firstAt->ms(), HourMs, 24 * HourMs);
        state.spendPerHour = Money::fromMicros(qint64(Int128(rate->spent.micros()) * HourMs / sinceMs));
    }
    return state;
}

Result<std::optional<console::WalletBooking>> ConsoleQuestions::findTopUp(Services &services, PlatformId platform,
                                                                          const QString &idempotencyKey)
{
    const auto known = services.idempotency.find(platform, idempotencyKey);
    if (!known)
        return known.error();
    const QJsonObject stored = *known ? QJsonDocument::fromJson((*known)->body).object() : QJsonObject();
    // What a key stands for that a client sent over the API was not booked here.
    if (!stored.contains("amount_micros"_L1))
        return std::optional<console::WalletBooking>();
    const auto micros = [&](QLatin1StringView name) { return Money::fromMicros(stored.value(name).toString().toLongLong()); };
    return std::optional(console::WalletBooking { micros("amount_micros"_L1), micros("balance_micros"_L1),
                                                  stored.value("at_ms"_L1).toString().toLongLong(), true });
}

Result<console::WalletBooking> ConsoleQuestions::topUp(Services &services, const console::WalletTopUp &topUp)
{
    JsonWriter request;
    request.beginObject().member("amount", topUp.amount).member("description", topUp.description).endObject();
    const QString fingerprint = Idempotency::requestFingerprint("POST", TopUpRoute, request.json());
    const auto known = services.idempotency.find(topUp.platform, topUp.idempotencyKey);
    if (!known)
        return known.error();
    if (*known) {
        if ((*known)->fingerprint != fingerprint)
            return Error { ErrorCode::IdempotencyConflict, u"This booking was sent before with other content."_s };
        const auto booked = findTopUp(services, topUp.platform, topUp.idempotencyKey);
        if (!booked)
            return booked.error();
        return **booked;
    }
    const auto row = services.wallets.topUp(topUp.platform, topUp.amount, topUp.description, consoleActor(topUp.idempotencyKey));
    if (!row)
        return row.error();
    JsonWriter answer;
    answer.beginObject().key("amount_micros").utf8(QByteArray::number(row->amount.micros()));
    answer.key("balance_micros").utf8(QByteArray::number(row->balanceAfter.micros()));
    answer.key("at_ms").utf8(QByteArray::number(row->createdAt.ms())).endObject();
    const auto stored = services.idempotency.store(topUp.platform, topUp.idempotencyKey, {}, { fingerprint, 200, answer.json() });
    if (!stored)
        return stored.error();
    if (const auto noted = note(services, "wallet.top_up"_L1, row->id.toString()); !noted)
        return noted.error();
    return console::WalletBooking { row->amount, row->balanceAfter, row->createdAt.ms(), false };
}

Result<console::CreatedEndUser> ConsoleQuestions::createEndUser(Services &services, const console::NewEndUser &wanted)
{
    const auto created = services.endUsers.create(wanted.platform, { .externalId = wanted.externalId, .displayName = wanted.displayName });
    if (!created)
        return created.error();
    // A repeated dialog finds an equal budget and leaves it alone.
    const auto opened = services.budgets.create(wanted.platform, created->user.id, { .max = wanted.budget, .period = periodOf(wanted.period) },
                                                consoleActor());
    if (!opened)
        return opened.error();
    if (const auto noted = note(services, "end_user.create"_L1, created->user.id.toString()); !noted)
        return noted.error();
    return console::CreatedEndUser { created->user.id, created->user.externalId, opened->budget.max, created->key.rawKey };
}

Result<console::CreatedEndUser> ConsoleQuestions::createEndUserKey(Services &services, PlatformId platform, EndUserId endUser)
{
    const auto user = services.endUsers.get(platform, endUser);
    if (!user)
        return user.error();
    const auto key = services.endUsers.createKey(platform, endUser, {});
    if (!key)
        return key.error();
    if (const auto noted = note(services, "end_user.create_key"_L1, key->key.id.toString()); !noted)
        return noted.error();
    const auto budget = services.budgets.get(platform, endUser);
    return console::CreatedEndUser { endUser, user->externalId, budget ? budget->max : Money(), key->rawKey };
}

Result<console::OverviewFigures> ConsoleQuestions::overview(Services &services, const Refusals &refusals, PlatformId platform,
                                                            console::OverviewRange range)
{
    const auto [lengthMs, slices] = spanOf(range);
    const qint64 widthMs = lengthMs / slices;
    // The last slice is the running one: slices begin at round times, and the range ends with the slice that contains now.
    const Timestamp until = Timestamp::fromMs((services.context.clock.now().ms() / widthMs + 1) * widthMs);
    const Timestamp since = until.plusMs(-lengthMs);
    const auto calls = services.callLog.figures(platform, since, until, slices, MostErrors);
    const auto before = services.callLog.spend(platform, since.plusMs(-lengthMs), since);
    const auto low = services.budgets.runningLow(platform, MostLowBudgets);
    const auto newest = services.callLog.newest(platform);
    if (!calls || !before || !low || !newest)
        return Error { ErrorCode::DatabaseUnavailable, u"The figures could not be read."_s };

    console::OverviewFigures figures;
    figures.fromMs = since.ms();
    figures.toMs = until.ms();
    for (const CallFigures &slice : calls->slices)
        figures.points.append({ slice.from.ms(), slice.spend, slice.requests, slice.failed, slice.p50Ms, slice.p95Ms });
    figures.spend = calls->whole.spend;
    figures.requests = calls->whole.requests;
    figures.failed = calls->whole.failed;
    figures.p50Ms = calls->whole.p50Ms;
    figures.p95Ms = calls->whole.p95Ms;
    figures.spendBefore = *before;
    for (const FailureGroup &group : calls->failures)
        figures.errors.append({ 502, u"provider_error"_s, { group.message }, group.count, group.lastAt.ms() });
    countRefusals(services, refusals.since(platform, since), widthMs, figures);
    for (const BudgetOfUser &budget : *low)
        figures.lowBudgets.append({ budget.endUser, budget.externalId, budget.remaining(), budget.max });
    figures.anyRequest = newest->has_value() || figures.requests > 0;
    return figures;
}

Result<std::optional<console::RequestRow>> ConsoleQuestions::latestRequest(Services &services, const Refusals &refusals,
                                                                           PlatformId platform, qint64 sinceMs)
{
    const QList<Refusal> refused = refusals.since(platform, Timestamp::fromMs(sinceMs + 1));
    const auto newest = services.callLog.newest(platform, Timestamp::fromMs(sinceMs));
    if (!newest)
        return newest.error();
    const bool isRefused = !refused.isEmpty() && (!*newest || (*newest)->createdAt < refused.constLast().at);
    if (!isRefused && !*newest)
        return std::optional<console::RequestRow>();
    console::RequestRow row = isRefused ? rowOf(refused.constLast()) : rowOf(**newest);
    row.budgetLeft = budgetLeft(services, platform, isRefused ? refused.constLast().endUser : (*newest)->endUser);
    return std::optional(row);
}

} // namespace assistiv
