// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/naivemodel.h"

#include "ledger/naiveform.h"

#include <algorithm>
#include <functional>

namespace naive {

namespace {

constexpr qint64 LargestBalance = 999'999'999'999;
/// Not in the contract: where the gateway stops adding up, so that readers that use doubles lose nothing.
constexpr qint64 LargestBudget = 1'000'000'000'000'000;
constexpr qsizetype LargestMetadata = 16 * 1024;

/// docs/contract/end-users-and-keys.md, "DELETE": wallet rows of a deleted user are nobody's. What a call writes that settles
/// after the delete still names the user in its metadata; false once it does not.
constexpr bool LateWalletRowsMayNameTheirUser = true;

const QByteArrayList Periods { "one_time", "daily", "monthly" };
const QByteArrayList LedgerTypes { "opening", "topup", "debit", "adjustment" };
const QByteArrayList LedgerSources { "api", "console", "inference", "mcp", "system" };
const QByteArrayList WalletTypes { "top_up", "llm_usage", "mcp_usage", "agent_usage", "refund", "adjustment" };

Json moment(qint64 ms)
{
    return Json::ofText(isoText(ms));
}

Json momentOrNull(std::optional<qint64> ms)
{
    return ms ? moment(*ms) : Json();
}

Json answerText(const QByteArrayList &texts)
{
    std::vector<Json> items;
    for (const QByteArray &text : texts)
        items.push_back(Json::ofText(text));
    return Json::ofList(items);
}

Answer noSuch(const QByteArray &what)
{
    return refusal(404, what + "_not_found");
}

qint64 startOfPeriod(const QByteArray &period, qint64 now)
{
    return period == "daily" ? startOfDay(now) : period == "monthly" ? startOfMonth(now) : now;
}

void arm(Budget &budget)
{
    budget.isArmed = budget.threshold && budget.remaining() > *budget.threshold;
}

/// Only the program itself has written to it.
bool isUntouchedAutomatic(const Budget &budget)
{
    return std::all_of(budget.rows.begin(), budget.rows.end(),
                       [](const LedgerRow &row) { return row.reason == "auto_budget" || row.reason == "period_reset"; });
}

/// The `metadata` of an adjustment.
Json changes(const Budget &before, const Budget &after)
{
    Json found = Json::object();
    const auto compare = [&](const QByteArray &name, const Json &was, const Json &is) {
        if (was != is)
            found.members[name] = Json::ofList({ was, is });
    };
    compare("max_usd", Json::ofMicros(before.max), Json::ofMicros(after.max));
    compare("used_usd", Json::ofMicros(before.used), Json::ofMicros(after.used));
    compare("period", Json::ofText(before.period), Json::ofText(after.period));
    compare("auto_replenish", Json::ofFlag(before.autoReplenish), Json::ofFlag(after.autoReplenish));
    compare("replenish_amount", Json::ofMicrosOrNull(before.replenish), Json::ofMicrosOrNull(after.replenish));
    compare("low_balance_threshold", Json::ofMicrosOrNull(before.threshold), Json::ofMicrosOrNull(after.threshold));
    compare("is_suspended", Json::ofFlag(before.isSuspended), Json::ofFlag(after.isSuspended));
    compare("is_active", Json::ofFlag(before.isActive), Json::ofFlag(after.isActive));
    return Json::object({ { "changes", found } });
}

bool isSlug(const QByteArray &text)
{
    const auto isEdge = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !text.isEmpty() && text.size() <= 63 && isEdge(text.front()) && isEdge(text.back())
        && std::all_of(text.begin(), text.end(), [&](char c) { return isEdge(c) || c == '-'; });
}

void checkSettings(Form &form)
{
    const auto settings = form.object("settings", LargestMetadata * 4);
    if (!settings)
        return;
    for (const auto &[name, value] : settings->members) {
        if (value.kind == Json::Kind::Null)
            continue;
        const auto amount = value.micros();
        const bool isBudget = amount && *amount > 0 && *amount <= Million;
        const bool isMarkup = amount && *amount >= 0 && *amount <= 1000'000'000 && *amount % 10'000 == 0;
        if ((name == "default_budget_usd" && !isBudget) || (name == "markup_percentage" && !isMarkup)
            || (name == "end_user_wallet" && !value.isObject()))
            form.refuse("settings." + name);
    }
}

bool isHeaderValue(const QByteArray &key)
{
    return !key.isEmpty() && key.size() <= 255
        && std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// Newest first.
template<typename T>
std::vector<T> reversed(std::vector<T> list)
{
    std::reverse(list.begin(), list.end());
    return list;
}

} // namespace

qint64 Platform::markupBasisPoints() const
{
    const auto markup = settings.find("markup_percentage");
    return markup == settings.end() ? 0 : markup->second.micros().value_or(0) / 10'000;
}

qint64 Model::cost(qint64 picos, qint64 markupBasisPoints)
{
    __extension__ typedef __int128 Wide;
    const Wide unit = Wide(1'000'000) * 10'000; // of picos and basis points in one micro-dollar
    const Wide marked = Wide(picos) * (10'000 + markupBasisPoints);
    Wide micros = marked / unit;
    if (marked % unit >= unit / 2)
        ++micros;
    if (picos > 0 && micros == 0)
        micros = 1;
    return qint64(micros);
}

Platform *Model::platformOf(const QByteArray &id)
{
    for (Platform &platform : platforms) {
        if (platform.id == id)
            return &platform;
    }
    return nullptr;
}

User *Model::userOf(Platform &platform, const QByteArray &id)
{
    for (User &user : platform.users) {
        if (user.id == id && !id.isEmpty())
            return &user;
    }
    return nullptr;
}

Key *Model::keyOfRaw(const QByteArray &raw)
{
    for (Key &key : keys) {
        if (names.real(key.raw) == raw && !raw.isEmpty())
            return &key;
    }
    return nullptr;
}

// --- Who is asking ------------------------------------------------------------------------------------------------

const Key *Model::usableKey(const QByteArray &raw) const
{
    for (const Key &key : keys) {
        if (!raw.isEmpty() && names.real(key.raw) == raw)
            return key.isActive && (!key.expiresAt || now < *key.expiresAt) ? &key : nullptr;
    }
    return nullptr;
}

Model::Access Model::authorise(const Request &request) const
{
    const Key *key = usableKey(request.key);
    if (!key)
        return { refusal(401, "unauthorized") };
    for (const Platform &platform : platforms) {
        if (platform.id != key->platform)
            continue;
        if (!platform.isActive)
            return { refusal(403, "platform_inactive") };
        for (const User &user : platform.users) {
            if (user.id == key->user && !user.isActive)
                return { refusal(403, "end_user_inactive") };
        }
    }
    const bool isAdminRoute = request.path.startsWith("/v1/admin/");
    if (key->type != (isAdminRoute ? "admin" : "platform"))
        return { refusal(403, "forbidden") };
    if (!isAdminRoute && request.path.split('/').value(3) != names.real(key->platform))
        return { refusal(403, "forbidden") };
    return { {}, *key };
}

Answer Model::ask(const Request &request)
{
    const Access access = authorise(request);
    return access.refusal ? *access.refusal : perform(request, access.key);
}

Answer Model::perform(const Request &request, const Key &key)
{
    const QByteArrayList parts = request.path.split('/').mid(2); // behind "" and "v1"
    if (parts[0] == "admin")
        return performAdmin(request, parts.mid(1), key);
    if (parts.value(2) == "end-users" && parts.size() > 3)
        return performOnUser(request, parts.mid(3), key);
    return performOnPlatform(request, parts.mid(2), key);
}

// Idempotency-Key (docs/contract/conventions.md): first the form of the request, then what the key was used for, then the
// work; only what succeeds uses the key up.
Answer Model::once(const Request &request, Platform &platform, const QByteArray &user, const std::optional<Answer> &badForm,
                   const Work &work)
{
    std::optional<Answer> bad = badForm;
    if (request.idempotencyKey && !isHeaderValue(*request.idempotencyKey) && (!bad || bad->status == 422)) {
        if (!bad)
            bad = refusal(422, "validation_error");
        bad->params.append("Idempotency-Key");
    }
    if (bad)
        return *bad;
    if (!request.idempotencyKey)
        return work();
    const Json body = Form(request.body).json();
    if (const auto known = platform.remembered.find(*request.idempotencyKey); known != platform.remembered.end()) {
        const Remembered &first = known->second;
        if (first.method != request.method || first.path != request.path || first.body != body)
            return refusal(409, "idempotency_conflict");
        Answer replay = first.answer;
        replay.isReplay = true;
        return replay;
    }
    const QByteArray id = platform.id;
    Answer answer = work();
    if (answer.status < 300) {
        answer.text = std::make_shared<QByteArray>();
        platformOf(id)->remembered[*request.idempotencyKey] = { request.method, request.path, body, answer, user };
    }
    return answer;
}

Answer Model::performAdmin(const Request &request, const QByteArrayList &parts, const Key &key)
{
    // parts: "platforms", id, …
    if (parts.size() == 1 && request.method == "POST")
        return createPlatform(request);
    if (parts.size() == 1) {
        Query query(request.query);
        query.readPage(100);
        if (const auto bad = query.problem())
            return *bad;
        std::vector<Json> rows;
        for (const Platform &platform : reversed(platforms))
            rows.push_back(platformJson(platform));
        return query.page(rows);
    }
    const QByteArray id = names.nameOf(parts[1]);
    Platform *platform = platformOf(id);
    if (parts.value(2) == "wallet") {
        // Nothing is remembered for a platform that is not there.
        Platform nowhere;
        return book(request, platform ? *platform : nowhere, key, true);
    }
    if (parts.value(2) == "api-keys")
        return createKey(request, id, {});
    if (request.method == "PATCH")
        return patchPlatform(request, id, true);
    if (!platform)
        return noSuch("platform");
    return request.method == "DELETE" ? removePlatform(id) : Answer { .body = platformJson(*platform) };
}

Answer Model::performOnPlatform(const Request &request, const QByteArrayList &parts, const Key &key)
{
    Platform *platform = platformOf(key.platform);
    if (!platform) // it went while the request was waiting
        return noSuch("platform");
    if (parts.isEmpty()) {
        if (request.method == "PATCH")
            return patchPlatform(request, platform->id, false);
        return request.method == "DELETE" ? removePlatform(platform->id) : Answer { .body = platformJson(*platform) };
    }
    if (parts[0] == "api-keys") {
        if (request.method == "GET")
            return listKeys(request, platform->id, {});
        if (request.method == "POST")
            return createKey(request, platform->id, {});
        return request.method == "PATCH" ? patchKey(request, platform->id, parts[1]) : revokeKey(platform->id, parts[1], {});
    }
    if (parts[0] == "end-users")
        return request.method == "POST" ? createUser(request, *platform, key) : listUsers(request, *platform);
    if (parts[0] == "logs")
        return listLogs(request, *platform);
    if (parts.size() == 1)
        return { .body = walletJson(*platform) };
    return parts[1] == "topup" ? book(request, *platform, key, false) : listWalletRows(request, *platform);
}

Answer Model::performOnUser(const Request &request, const QByteArrayList &parts, const Key &key)
{
    // parts: user id, …
    Platform *platform = platformOf(key.platform);
    if (!platform)
        return noSuch("platform");
    const QByteArray &user = parts[0];
    const bool isDelete = request.method == "DELETE";
    if (parts.size() == 1) {
        if (request.method == "PATCH")
            return patchUser(request, *platform, user);
        if (isDelete)
            return removeUser(*platform, user);
        const User *found = userOf(*platform, names.nameOf(user));
        return found ? Answer { .body = userJson(*platform, *found) } : noSuch("end_user");
    }
    if (parts[1] == "api-keys") {
        if (request.method == "POST")
            return createKey(request, platform->id, user);
        return isDelete ? revokeKey(platform->id, parts[2], user) : listKeys(request, platform->id, user);
    }
    if (parts.value(2) == "transactions")
        return listRows(request, *platform, user);
    if (parts.size() == 3)
        return moveBudget(request, *platform, user, key, parts[2] == "debit");
    if (request.method == "POST")
        return createBudget(request, *platform, user, key);
    if (request.method == "PATCH")
        return patchBudget(request, *platform, user, key);
    return isDelete ? deactivateBudget(*platform, user, key) : getBudget(*platform, user);
}

// --- Platforms and keys -------------------------------------------------------------------------------------------

Answer Model::createPlatform(const Request &request)
{
    Form form(request.body);
    form.require("name");
    form.require("slug");
    const auto name = form.text("name", 1, 100);
    const auto slug = form.text("slug", 1, 63);
    if (slug && !isSlug(*slug))
        form.refuse("slug");
    checkSettings(form);
    if (const auto bad = form.problem())
        return *bad;
    for (const Platform &other : platforms) {
        if (other.slug == slug)
            return refusal(409, "slug_taken");
    }
    Platform platform;
    platform.id = names.fresh("id");
    platform.name = *name;
    platform.slug = *slug;
    platform.createdAt = platform.updatedAt = now;
    platform.wallet.id = names.fresh("id");
    platform.wallet.createdAt = now;
    platform.wallet.updatedAt = { now };
    if (const auto settings = form.object("settings", LargestMetadata * 4))
        platform.settings = settings->members;
    std::erase_if(platform.settings, [](const auto &setting) { return setting.second.kind == Json::Kind::Null; });
    platforms.push_back(platform);
    Key &key = mint("platform", platform.id, {});
    key.name = "Default key";
    key.scopes = {};
    Json body = platformJson(platform);
    body.members["api_key"] = keyJson(key, true);
    return { .status = 201, .body = body };
}

Answer Model::patchPlatform(const Request &request, const QByteArray &id, bool isAdmin)
{
    Form form(request.body);
    const auto name = form.text("name", 1, 100);
    const auto slug = form.text("slug", 1, 63);
    if (slug && !isSlug(*slug))
        form.refuse("slug");
    checkSettings(form);
    form.refuseNull({ "name", "slug", "settings" });
    std::optional<bool> isActive;
    if (isAdmin) {
        isActive = form.flag("is_active");
        form.refuseNull({ "is_active" });
    }
    if (const auto bad = form.problem())
        return *bad;
    Platform *platform = platformOf(id);
    if (!platform)
        return noSuch("platform");
    for (const Platform &other : platforms) {
        if (slug && other.slug == slug && other.id != id)
            return refusal(409, "slug_taken");
    }
    platform->name = name.value_or(platform->name);
    platform->slug = slug.value_or(platform->slug);
    platform->isActive = isActive.value_or(platform->isActive);
    if (const auto settings = form.object("settings", LargestMetadata * 4)) {
        for (const auto &[setting, value] : settings->members) {
            if (value.kind == Json::Kind::Null)
                platform->settings.erase(setting);
            else
                platform->settings[setting] = value;
        }
    }
    platform->updatedAt = now;
    return { .body = platformJson(*platform) };
}

Answer Model::removePlatform(const QByteArray &id)
{
    std::erase_if(platforms, [&](const Platform &platform) { return platform.id == id; });
    std::erase_if(keys, [&](const Key &key) { return key.platform == id; });
    return { .status = 204 };
}

Key &Model::mint(const QByteArray &type, const QByteArray &platform, const QByteArray &user)
{
    Key key;
    key.id = names.fresh("id");
    key.raw = names.fresh("raw");
    key.prefix = names.fresh("prefix");
    key.type = type;
    key.platform = platform;
    key.user = user;
    key.createdAt = now;
    keys.push_back(key);
    return keys.back();
}

Answer Model::createKey(const Request &request, const QByteArray &platform, const std::optional<QByteArray> &user)
{
    Form form(request.body);
    const auto name = form.text("name", 1, 100);
    const auto scopes = form.texts("scopes", 20, 50);
    const auto expiresAt = form.time("expires_at");
    if (expiresAt && *expiresAt <= now)
        form.refuse("expires_at");
    if (const auto bad = form.problem())
        return *bad;
    Platform *owner = platformOf(platform);
    if (!owner)
        return noSuch("platform");
    const QByteArray userName = user ? names.nameOf(*user) : QByteArray();
    if (user && !userOf(*owner, userName))
        return noSuch("end_user");
    Key &key = mint(user ? "end_user" : "platform", platform, userName);
    key.name = name.value_or(key.name);
    key.scopes = scopes.value_or(key.scopes);
    key.expiresAt = expiresAt;
    return { .status = 201, .body = keyJson(key, true) };
}

Answer Model::patchKey(const Request &request, const QByteArray &platform, const QByteArray &realKey)
{
    Form form(request.body);
    const auto name = form.text("name", 1, 100);
    const auto isActive = form.flag("is_active");
    const auto expiresAt = form.time("expires_at");
    if (expiresAt && *expiresAt <= now)
        form.refuse("expires_at");
    form.refuseNull({ "name", "is_active" });
    if (const auto bad = form.problem())
        return *bad;
    for (Key &key : keys) {
        if (!isReal(realKey, key.id) || key.platform != platform)
            continue;
        key.name = name.value_or(key.name);
        key.isActive = isActive.value_or(key.isActive);
        if (form.has("expires_at"))
            key.expiresAt = expiresAt;
        return { .body = keyJson(key, false) };
    }
    return noSuch("api_key");
}

Answer Model::revokeKey(const QByteArray &platform, const QByteArray &realKey, const std::optional<QByteArray> &user)
{
    if (user && !userOf(*platformOf(platform), names.nameOf(*user)))
        return noSuch("end_user");
    for (Key &key : keys) {
        if (!isReal(realKey, key.id) || key.platform != platform || (user && key.user != names.nameOf(*user)))
            continue;
        key.isActive = false;
        return { .status = 204 };
    }
    return noSuch("api_key");
}

Answer Model::listKeys(const Request &request, const QByteArray &platform, const std::optional<QByteArray> &user)
{
    Query query(request.query);
    query.readPage(100);
    QByteArray type = user ? "end_user" : "platform";
    std::optional<QByteArray> owner = user;
    if (!user) {
        type = query.word("type", { "platform", "end_user" }).value_or(type);
        owner = query.uuid("end_user_id");
        if (owner && type != "end_user")
            query.refuse("end_user_id");
    }
    if (const auto bad = query.problem())
        return *bad;
    if (user && !userOf(*platformOf(platform), names.nameOf(*user)))
        return noSuch("end_user");
    std::vector<Json> rows;
    for (const Key &key : reversed(keys)) {
        if (key.platform == platform && key.type == type && (!owner || isReal(*owner, key.user)))
            rows.push_back(keyJson(key, false));
    }
    return query.page(rows);
}

// --- Wallets ------------------------------------------------------------------------------------------------------

Answer Model::book(const Request &request, Platform &platform, const Key &key, bool isAdmin)
{
    Form form(request.body);
    QByteArray type = "top_up";
    if (isAdmin) {
        form.require("type");
        type = form.word("type", { "top_up", "refund", "adjustment" }).value_or(type);
    }
    form.require("amount");
    const bool isSigned = type == "adjustment";
    const auto amount = form.money("amount", isSigned ? -Million : 1, Million);
    if (amount == 0)
        form.refuse("amount");
    const QByteArray usual = isSigned ? "Adjustment" : type == "refund" ? "Refund" : "Top-up";
    const QByteArray description = form.text("description", 0, 500).value_or(usual);
    return once(request, platform, {}, form.problem(), [&]() -> Answer {
        if (platform.id.isEmpty())
            return noSuch("platform");
        Wallet &wallet = platform.wallet;
        if (qAbs(wallet.balance + *amount) > LargestBalance)
            return refusal(422, "validation_error", { "amount" });
        wallet.balance += *amount;
        wallet.updatedAt = { now };
        WalletRow row;
        row.id = names.fresh("id");
        row.type = type;
        row.amount = *amount;
        row.balanceAfter = wallet.balance;
        row.description = description;
        row.actor = key.id;
        row.createdAt = now;
        wallet.rows.push_back(row);
        return { .body = walletRowJson(platform, row) };
    });
}

Answer Model::listWalletRows(const Request &request, const Platform &platform)
{
    Query query(request.query);
    query.readPage(200);
    const auto type = query.word("type", WalletTypes);
    const auto since = query.time("since");
    const auto until = query.time("until");
    const auto user = query.uuid("end_user_id");
    if (const auto bad = query.problem())
        return *bad;
    std::vector<Json> rows;
    for (const WalletRow &row : reversed(platform.wallet.rows)) {
        if ((!type || row.type == type) && (!since || row.createdAt >= since) && (!until || row.createdAt < until)
            && (!user || (row.user && isReal(*user, *row.user))))
            rows.push_back(walletRowJson(platform, row));
    }
    return query.page(rows);
}

// --- End users ----------------------------------------------------------------------------------------------------

Answer Model::createUser(const Request &request, Platform &platform, const Key &key)
{
    Form form(request.body);
    form.require("external_id");
    const auto externalId = form.text("external_id", 1, 255);
    const auto displayName = form.text("display_name", 1, 100);
    const auto metadata = form.object("metadata", LargestMetadata);
    if (const auto bad = form.problem())
        return *bad;
    bool isNew = true;
    User user;
    for (const User &known : platform.users) {
        if (known.externalId == externalId) {
            isNew = false;
            user = known;
        }
    }
    if (isNew) {
        user.id = names.fresh("id");
        user.externalId = *externalId;
        user.displayName = displayName;
        user.metadata = metadata.value_or(user.metadata);
        user.createdAt = user.updatedAt = now;
        const auto setting = platform.settings.find("default_budget_usd");
        if (setting != platform.settings.end()) {
            Budget budget;
            budget.id = names.fresh("id");
            budget.max = *setting->second.micros();
            budget.period = "monthly";
            budget.periodStart = startOfMonth(now);
            budget.createdAt = budget.updatedAt = now;
            LedgerRow &row = note(budget, "opening", "system", budget.max);
            row.reason = "auto_budget";
            row.actor = key.id;
            user.budget = budget;
        }
        platform.users.push_back(user);
    }
    Key &made = mint("end_user", platform.id, user.id);
    made.name = "Default key";
    Json body = userJson(platform, user);
    Json keyPart = keyJson(made, true);
    for (const QByteArray name : { "platform_id", "end_user_id", "type", "last_used_at" })
        keyPart.members.erase(name);
    body.members["api_key"] = keyPart;
    return { .status = isNew ? 201 : 200, .body = body };
}

Answer Model::patchUser(const Request &request, Platform &platform, const QByteArray &realUser)
{
    Form form(request.body);
    const auto externalId = form.text("external_id", 1, 255);
    const auto displayName = form.text("display_name", 1, 100);
    const auto metadata = form.object("metadata", LargestMetadata);
    const auto isActive = form.flag("is_active");
    form.refuseNull({ "external_id", "metadata", "is_active" });
    if (const auto bad = form.problem())
        return *bad;
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    for (const User &other : platform.users) {
        if (externalId && other.externalId == externalId && other.id != user->id)
            return refusal(409, "external_id_taken");
    }
    user->externalId = externalId.value_or(user->externalId);
    user->metadata = metadata.value_or(user->metadata);
    user->isActive = isActive.value_or(user->isActive);
    if (form.has("display_name"))
        user->displayName = displayName;
    user->updatedAt = now;
    return { .body = userJson(platform, *user) };
}

Answer Model::removeUser(Platform &platform, const QByteArray &realUser)
{
    const QByteArray id = names.nameOf(realUser);
    if (!userOf(platform, id))
        return noSuch("end_user");
    std::erase_if(platform.users, [&](const User &user) { return user.id == id; });
    std::erase_if(keys, [&](const Key &key) { return key.user == id; });
    std::erase_if(platform.remembered, [&](const auto &entry) { return entry.second.user == id; });
    for (LogRow &row : platform.logs) {
        if (row.user == id)
            row.user.reset();
    }
    for (WalletRow &row : platform.wallet.rows) {
        if (row.user == id) {
            row.user.reset();
            row.metadata.members["end_user_id"] = Json();
        }
    }
    return { .status = 204 };
}

Answer Model::listUsers(const Request &request, const Platform &platform)
{
    Query query(request.query);
    query.readPage(100);
    const auto externalId = query.text("external_id");
    const auto isActive = query.word("is_active", { "true", "false" });
    const auto part = query.text("q");
    if (const auto bad = query.problem())
        return *bad;
    std::vector<Json> exact;
    std::vector<Json> others;
    for (const User &user : reversed(platform.users)) {
        const bool hasPart = !part || user.externalId.toLower().contains(part->toLower())
            || (user.displayName && user.displayName->toLower().contains(part->toLower()));
        if (!hasPart || (externalId && user.externalId != externalId) || (isActive && user.isActive != (isActive == "true")))
            continue;
        (user.externalId == part ? exact : others).push_back(userJson(platform, user));
    }
    exact.insert(exact.end(), others.begin(), others.end());
    return query.page(exact);
}

// --- Budgets ------------------------------------------------------------------------------------------------------

LedgerRow &Model::note(Budget &budget, const QByteArray &type, const QByteArray &source, qint64 amount)
{
    LedgerRow row;
    row.id = names.fresh("id");
    row.type = type;
    row.source = source;
    row.amount = amount;
    row.maxAfter = budget.max;
    row.usedAfter = budget.used;
    row.createdAt = now;
    budget.rows.push_back(row);
    return budget.rows.back();
}

bool Model::isDue(const Budget &budget) const
{
    return budget.period != "one_time" && startOfPeriod(budget.period, now) > budget.periodStart;
}

void Model::startPeriodIfDue(Budget &budget)
{
    if (!isDue(budget))
        return;
    ++counts["period_reset"];
    const Budget before = budget;
    budget.periodStart = startOfPeriod(budget.period, now);
    budget.used = 0;
    if (budget.autoReplenish)
        budget.max = *budget.replenish;
    arm(budget);
    budget.updatedAt = now;
    LedgerRow &row = note(budget, "adjustment", "system", budget.max - before.max);
    row.reason = "period_reset";
    row.metadata = changes(before, budget);
}

void Model::startDuePeriods()
{
    for (Platform &platform : platforms) {
        for (User &user : platform.users) {
            if (user.budget && user.budget->isActive)
                startPeriodIfDue(*user.budget);
        }
    }
}

void Model::fire(User &user, const QByteArray &type, const Budget &budget)
{
    ++counts["event " + type];
    user.events.push_back({ names.fresh("msg"), type, budget.rows.back(), budget.id });
}

Answer Model::createBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key)
{
    Form form(request.body);
    form.require("max_usd");
    const auto max = form.money("max_usd", 1, Million);
    const auto period = form.word("period", Periods);
    const auto autoReplenish = form.flag("auto_replenish");
    const auto replenish = form.money("replenish_amount", 1, Million);
    const auto threshold = form.money("low_balance_threshold", 0, Million);
    if (autoReplenish == true && period.value_or("one_time") == "one_time") {
        form.refuse("auto_replenish");
        form.refuse("period");
    }
    if (autoReplenish == true)
        form.require("replenish_amount");
    if (const auto bad = form.problem())
        return *bad;
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");

    std::optional<Budget> existing = user->budget;
    const bool isThere = existing && existing->isActive;
    if (isThere) {
        startPeriodIfDue(*existing);
        const bool isEqual = max == existing->max && (!period || period == existing->period)
            && (!autoReplenish || autoReplenish == existing->autoReplenish)
            && (!form.isGiven("replenish_amount") || replenish == existing->replenish)
            && (!form.isGiven("low_balance_threshold") || threshold == existing->threshold);
        if (isEqual) {
            user->budget = existing;
            return { .body = budgetJson(platform, *user, *existing) };
        }
        if (!isUntouchedAutomatic(*existing))
            return refusal(409, "budget_exists");
    }

    Budget budget;
    if (existing) {
        budget.id = existing->id;
        budget.createdAt = existing->createdAt;
        budget.rows = existing->rows;
    } else {
        budget.id = names.fresh("id");
        budget.createdAt = now;
    }
    budget.max = *max;
    budget.period = period.value_or("one_time");
    budget.periodStart = startOfPeriod(budget.period, now);
    budget.autoReplenish = autoReplenish.value_or(false);
    budget.replenish = replenish;
    budget.threshold = threshold;
    budget.updatedAt = now;
    arm(budget);
    if (isThere) {
        LedgerRow &row = note(budget, "adjustment", "api", budget.max - existing->max);
        row.reason = "config_changed";
        row.metadata = changes(*existing, budget);
        row.actor = key.id;
    } else {
        note(budget, "opening", "api", budget.max).actor = key.id;
    }
    user->budget = budget;
    return { .status = isThere ? 200 : 201, .body = budgetJson(platform, *user, budget) };
}

Answer Model::getBudget(Platform &platform, const QByteArray &realUser)
{
    const User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget || !user->budget->isActive)
        return noSuch("budget");
    // A reader cannot write the reset that is due; it shows all the same, and the next write or the timer leaves the row.
    Budget seen = *user->budget;
    startPeriodIfDue(seen);
    return { .body = budgetJson(platform, *user, seen) };
}

Answer Model::patchBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key)
{
    Form form(request.body);
    const auto max = form.money("max_usd", 1, Million);
    const auto period = form.word("period", Periods);
    const auto autoReplenish = form.flag("auto_replenish");
    const auto replenish = form.money("replenish_amount", 1, Million);
    const auto threshold = form.money("low_balance_threshold", 0, Million);
    const auto isSuspended = form.flag("is_suspended");
    const auto isActive = form.flag("is_active");
    form.refuseNull({ "max_usd", "period", "auto_replenish", "is_suspended", "is_active" });
    const auto bad = form.problem();
    if (!bad && !isUuid(realUser))
        return noSuch("end_user");
    return once(request, platform, names.nameOf(realUser), bad, [&]() -> Answer {
        User *user = userOf(platform, names.nameOf(realUser));
        if (!user)
            return noSuch("end_user");
        // Deactivated is as good as gone, except for the change that brings it back.
        if (!user->budget || (!user->budget->isActive && isActive != true))
            return noSuch("budget");
        Budget before = *user->budget;
        startPeriodIfDue(before);
        Budget budget = before;
        budget.max = max.value_or(budget.max);
        if (period && period != budget.period) {
            budget.period = *period;
            budget.periodStart = startOfPeriod(budget.period, now);
        }
        budget.autoReplenish = autoReplenish.value_or(budget.autoReplenish);
        if (form.has("replenish_amount"))
            budget.replenish = replenish;
        if (form.has("low_balance_threshold"))
            budget.threshold = threshold;
        budget.isSuspended = isSuspended.value_or(budget.isSuspended);
        budget.isActive = isActive.value_or(budget.isActive);
        if (budget.autoReplenish && budget.period == "one_time")
            return refusal(422, "validation_error", { "auto_replenish", "period" });
        if (budget.autoReplenish && !budget.replenish)
            return refusal(422, "validation_error", { "auto_replenish", "replenish_amount" });

        const Json changed = changes(before, budget);
        if (changed.find("changes")->members.empty()) {
            user->budget = before;
            Json body = budgetJson(platform, *user, before);
            body.members["transaction"] = Json();
            return { .body = body };
        }
        if (max || form.has("low_balance_threshold"))
            arm(budget);
        budget.updatedAt = now;
        const bool flips = budget.isSuspended != before.isSuspended;
        LedgerRow &row = note(budget, "adjustment", "api", budget.max - before.max);
        row.reason = flips                             ? (budget.isSuspended ? "suspended" : "unsuspended")
            : before.isActive && !budget.isActive      ? "deactivated"
                                                       : "config_changed";
        row.metadata = changed;
        row.actor = key.id;
        row.idempotencyKey = request.idempotencyKey;
        if (flips)
            fire(*user, budget.isSuspended ? "budget.suspended" : "budget.unsuspended", budget);
        user->budget = budget;
        Json body = budgetJson(platform, *user, budget);
        body.members["transaction"] = rowJson(platform, user->id, budget.id, budget.rows.back());
        return { .body = body };
    });
}

Answer Model::deactivateBudget(Platform &platform, const QByteArray &realUser, const Key &key)
{
    User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget || !user->budget->isActive)
        return noSuch("budget");
    Budget &budget = *user->budget;
    startPeriodIfDue(budget);
    const Budget before = budget;
    budget.isActive = false;
    budget.updatedAt = now;
    LedgerRow &row = note(budget, "adjustment", "api", 0);
    row.reason = "deactivated";
    row.metadata = changes(before, budget);
    row.actor = key.id;
    return { .status = 204 };
}

void Model::charge(User &user, Budget &budget, qint64 amount, const QByteArray &source,
                   const std::function<void(LedgerRow &)> &fill)
{
    budget.used += amount;
    budget.updatedAt = now;
    fill(note(budget, "debit", source, amount));
    if (budget.threshold && budget.isArmed && budget.remaining() <= *budget.threshold) {
        budget.isArmed = false;
        fire(user, "budget.low_balance", budget);
    }
}

Answer Model::moveBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key, bool isDebit)
{
    Form form(request.body);
    form.require("amount_usd");
    const auto amount = form.money("amount_usd", 1, Million);
    const auto reason = form.text("reason", 0, 500);
    const auto metadata = form.object("metadata", LargestMetadata);
    const auto bad = form.problem();
    if (!bad && !isUuid(realUser))
        return noSuch("end_user");
    return once(request, platform, names.nameOf(realUser), bad, [&]() -> Answer {
        User *user = userOf(platform, names.nameOf(realUser));
        if (!user)
            return noSuch("end_user");
        if (!user->budget || !user->budget->isActive)
            return noSuch("budget");
        Budget budget = *user->budget;
        startPeriodIfDue(budget);
        if ((isDebit ? budget.used : budget.max) + *amount > LargestBudget)
            return refusal(422, "validation_error", { "amount_usd" });
        const auto fill = [&](LedgerRow &row) {
            if (reason && !reason->isEmpty()) // no reason is no reason
                row.reason = reason;
            row.metadata = metadata.value_or(row.metadata);
            row.idempotencyKey = request.idempotencyKey;
            row.actor = key.id;
        };
        if (isDebit) {
            charge(*user, budget, *amount, "api", fill);
        } else {
            budget.max += *amount;
            budget.updatedAt = now;
            arm(budget);
            fill(note(budget, "topup", "api", *amount));
            fire(*user, "budget.topped_up", budget);
        }
        user->budget = budget;
        Json body = rowJson(platform, user->id, budget.id, budget.rows.back());
        body.members["budget"] = budgetJson(platform, *user, budget);
        return { .body = body };
    });
}

Answer Model::listRows(const Request &request, Platform &platform, const QByteArray &realUser)
{
    Query query(request.query);
    query.readPage(200);
    const auto since = query.time("since");
    const auto until = query.time("until");
    const auto type = query.word("type", LedgerTypes);
    const auto source = query.word("source", LedgerSources);
    const QByteArray order = query.word("order", { "asc", "desc" }).value_or(since ? "asc" : "desc");
    if (const auto bad = query.problem())
        return *bad;
    const User *user = userOf(platform, names.nameOf(realUser));
    if (!user)
        return noSuch("end_user");
    if (!user->budget)
        return noSuch("budget");
    std::vector<Json> rows;
    for (const LedgerRow &row : user->budget->rows) {
        if ((!type || row.type == type) && (!source || row.source == source) && (!since || row.createdAt >= since)
            && (!until || row.createdAt < until))
            rows.push_back(rowJson(platform, user->id, user->budget->id, row));
    }
    return query.page(order == "asc" ? rows : reversed(rows));
}

// --- Calls --------------------------------------------------------------------------------------------------------

Verdict Model::gate(const QByteArray &rawKey)
{
    const Key *key = usableKey(rawKey);
    if (!key)
        return { "unauthorized" };
    Platform &platform = *platformOf(key->platform);
    if (!platform.isActive)
        return { "platform_inactive" };
    Verdict verdict;
    if (User *user = userOf(platform, key->user)) {
        if (!user->isActive)
            return { "end_user_inactive" };
        verdict.user = user->id;
        if (user->budget && user->budget->isActive) {
            startPeriodIfDue(*user->budget);
            if (user->budget->isSuspended)
                return { "budget_suspended" };
            if (user->budget->remaining() <= 0)
                return { "budget_exhausted" };
            verdict.budget = user->budget->id;
        }
    }
    if (platform.wallet.balance <= 0)
        return { "wallet_insufficient" };
    verdict.platform = platform.id;
    verdict.wallet = platform.wallet.id;
    verdict.key = key->id;
    verdict.markupBasisPoints = platform.markupBasisPoints();
    return verdict;
}

void Model::settle(const QList<Call> &calls)
{
    for (const Call &call : calls) {
        Platform *platform = platformOf(call.platform);
        if (!platform)
            continue; // not billed
        User *user = userOf(*platform, call.user);
        const auto userId = user ? std::optional(user->id) : std::nullopt;
        platform->logs.push_back({ call, userId, now });
        Wallet &wallet = platform->wallet;
        if (!call.isBillable) {
            wallet.updatedAt = { wallet.updatedAt.front(), now };
            continue;
        }

        wallet.balance -= call.cost;
        wallet.updatedAt = { now };
        WalletRow row;
        row.id = names.fresh("id");
        row.type = "llm_usage";
        row.amount = call.cost;
        row.balanceAfter = wallet.balance;
        row.description = "Inference: " + QByteArray::number(call.promptTokens + call.completionTokens) + " tokens ("
            + call.model + ')';
        row.reference = call.log;
        row.user = userId;
        row.actor = call.key;
        row.createdAt = now;
        const bool isLate = !user && !call.user.isEmpty(); // the user went while the call ran
        counts["late call"] += isLate;
        row.metadata = Json::object(
            { { "end_user_id",
                isLate && LateWalletRowsMayNameTheirUser ? Json::choice({ Json(), Json::ofText(call.user) })
                                                         : Json::ofTextOrNull(userId) },
              { "model", Json::ofText(call.model) } });
        wallet.rows.push_back(row);

        if (!user || !user->budget || user->budget->id != call.budget)
            continue;
        startPeriodIfDue(*user->budget);
        charge(*user, *user->budget, call.cost, "inference", [&](LedgerRow &debit) {
            debit.metadata = Json::object({ { "log_id", Json::ofText(call.log) },
                                            { "model", Json::ofText(call.model) },
                                            { "request_type", Json::ofText("chat.completion") } });
            debit.actor = call.key;
        });
    }
}

Answer Model::listLogs(const Request &request, const Platform &platform)
{
    Query query(request.query);
    query.readPage(100);
    const auto model = query.text("model");
    const auto user = query.uuid("end_user_id");
    const auto type = query.word("request_type", { "chat.completion", "response", "agent", "mcp_tool" });
    const auto status = query.word("status", { "success", "error", "cancelled" });
    const auto since = query.time("since");
    const auto until = query.time("until");
    const auto requestId = query.uuid("request_id");
    if (const auto bad = query.problem())
        return *bad;
    std::vector<Json> rows;
    for (const LogRow &row : reversed(platform.logs)) {
        if ((!model || row.call.model == model) && (!user || (row.user && isReal(*user, *row.user)))
            && (!type || type == "chat.completion") && (!status || row.call.status == status)
            && (!since || row.createdAt >= since) && (!until || row.createdAt < until)
            && (!requestId || row.call.request == requestId))
            rows.push_back(logJson(platform, row));
    }
    return query.page(rows);
}

// --- The objects of the API ---------------------------------------------------------------------------------------

Json Model::platformJson(const Platform &platform)
{
    Json settings = Json::object({ { "default_budget_usd", Json() },
                                   { "markup_percentage", Json::ofNumber(0) },
                                   { "end_user_wallet", Json() } });
    for (const auto &[name, value] : platform.settings)
        settings.members[name] = value;
    return Json::object({ { "id", Json::ofText(platform.id) },
                          { "name", Json::ofText(platform.name) },
                          { "slug", Json::ofText(platform.slug) },
                          { "is_active", Json::ofFlag(platform.isActive) },
                          { "settings", settings },
                          { "created_at", moment(platform.createdAt) },
                          { "updated_at", moment(platform.updatedAt) } });
}

Json Model::keyJson(const Key &key, bool withRaw)
{
    Json json = Json::object({ { "id", Json::ofText(key.id) },
                               { "platform_id", Json::ofText(key.platform) },
                               { "end_user_id", key.user.isEmpty() ? Json() : Json::ofText(key.user) },
                               { "type", Json::ofText(key.type) },
                               { "key_prefix", Json::ofText(key.prefix) },
                               { "name", Json::ofText(key.name) },
                               { "scopes", answerText(key.scopes) },
                               { "is_active", Json::ofFlag(key.isActive) },
                               { "last_used_at", Json() }, // nothing writes it here
                               { "expires_at", momentOrNull(key.expiresAt) },
                               { "created_at", moment(key.createdAt) } });
    if (withRaw)
        json.members["raw_key"] = Json::ofText(key.raw);
    return json;
}

Json Model::userJson(const Platform &platform, const User &user)
{
    return Json::object({ { "id", Json::ofText(user.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "external_id", Json::ofText(user.externalId) },
                          { "display_name", Json::ofTextOrNull(user.displayName) },
                          { "metadata", user.metadata },
                          { "is_active", Json::ofFlag(user.isActive) },
                          { "created_at", moment(user.createdAt) },
                          { "updated_at", moment(user.updatedAt) } });
}

Json Model::budgetJson(const Platform &platform, const User &user, const Budget &budget)
{
    return Json::object({ { "id", Json::ofText(budget.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofText(user.id) },
                          { "max_usd", Json::ofMicros(budget.max) },
                          { "used_usd", Json::ofMicros(budget.used) },
                          { "remaining_usd", Json::ofMicros(budget.remaining()) },
                          { "period", Json::ofText(budget.period) },
                          { "period_start", moment(budget.periodStart) },
                          { "auto_replenish", Json::ofFlag(budget.autoReplenish) },
                          { "replenish_amount", Json::ofMicrosOrNull(budget.replenish) },
                          { "low_balance_threshold", Json::ofMicrosOrNull(budget.threshold) },
                          { "is_active", Json::ofFlag(budget.isActive) },
                          { "is_suspended", Json::ofFlag(budget.isSuspended) },
                          { "created_at", moment(budget.createdAt) },
                          { "updated_at", moment(budget.updatedAt) } });
}

Json Model::rowJson(const Platform &platform, const QByteArray &user, const QByteArray &budget, const LedgerRow &row)
{
    return Json::object({ { "id", Json::ofText(row.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofText(user) },
                          { "budget_id", Json::ofText(budget) },
                          { "type", Json::ofText(row.type) },
                          { "source", Json::ofText(row.source) },
                          { "amount_usd", Json::ofMicros(row.amount) },
                          { "max_usd_after", Json::ofMicros(row.maxAfter) },
                          { "used_usd_after", Json::ofMicros(row.usedAfter) },
                          { "remaining_usd_after", Json::ofMicros(row.maxAfter - row.usedAfter) },
                          { "reason", Json::ofTextOrNull(row.reason) },
                          { "metadata", row.metadata },
                          { "idempotency_key", Json::ofTextOrNull(row.idempotencyKey) },
                          { "created_at", moment(row.createdAt) } });
}

Json Model::walletJson(const Platform &platform)
{
    const Wallet &wallet = platform.wallet;
    std::vector<Json> recent;
    for (const WalletRow &row : reversed(wallet.rows)) {
        if (recent.size() == 5)
            break;
        Json json = walletRowJson(platform, row);
        for (const QByteArray name : { "platform_id", "wallet_id", "reference", "metadata" })
            json.members.erase(name);
        recent.push_back(json);
    }
    std::vector<Json> updates;
    for (const qint64 at : wallet.updatedAt)
        updates.push_back(moment(at));
    return Json::object({ { "id", Json::ofText(wallet.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "balance", Json::ofMicros(wallet.balance) },
                          { "currency", Json::ofText("usd") },
                          { "low_balance_threshold", Json() },
                          { "is_active", Json::ofFlag(true) },
                          { "created_at", moment(wallet.createdAt) },
                          { "updated_at", Json::choice(updates) },
                          { "recent_transactions", Json::ofList(recent) } });
}

Json Model::walletRowJson(const Platform &platform, const WalletRow &row)
{
    return Json::object({ { "id", Json::ofText(row.id) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "wallet_id", Json::ofText(platform.wallet.id) },
                          { "type", Json::ofText(row.type) },
                          { "amount", Json::ofMicros(row.amount) },
                          { "balance_after", Json::ofMicros(row.balanceAfter) },
                          { "description", Json::ofText(row.description) },
                          { "reference", Json::ofTextOrNull(row.reference) },
                          { "metadata", row.metadata },
                          { "created_at", moment(row.createdAt) } });
}

Json Model::logJson(const Platform &platform, const LogRow &row)
{
    const Call &call = row.call;
    QByteArray cost = QByteArray::number(call.cost).rightJustified(7, '0');
    cost.insert(cost.size() - 6, '.');
    return Json::object({ { "id", Json::ofText(call.log) },
                          { "platform_id", Json::ofText(platform.id) },
                          { "end_user_id", Json::ofTextOrNull(row.user) },
                          { "request_type", Json::ofText("chat.completion") },
                          { "provider_id", Json::ofText(call.provider) },
                          { "model_id", Json::ofText(call.modelId) },
                          { "provider_model_id", Json::ofText(call.providerModel) },
                          { "prompt_tokens", Json::ofNumber(call.promptTokens) },
                          { "completion_tokens", Json::ofNumber(call.completionTokens) },
                          { "total_tokens", Json::ofNumber(call.promptTokens + call.completionTokens) },
                          { "latency_ms", Json::ofNumber(call.latency) },
                          { "estimated_cost_usd", Json::ofText(cost) },
                          { "status", Json::ofText(call.status) },
                          { "error_message", call.error.isEmpty() ? Json() : Json::ofText(call.error) },
                          { "token_count_method", Json::ofText(call.countMethod) },
                          { "billing_status", Json::ofText(call.isBillable ? "billed" : "not_billable") },
                          { "metadata", *Json::parse(call.metadata) },
                          { "created_at", moment(row.createdAt) } });
}

} // namespace naive
