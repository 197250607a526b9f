// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/naiveform.h"

#include <algorithm>

namespace naive {

namespace {

constexpr qint64 LargestBalance = 999'999'999'999;
const QByteArrayList WalletTypes { "top_up", "llm_usage", "mcp_usage", "agent_usage", "refund", "adjustment" };

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

} // namespace

qint64 Platform::markupBasisPoints() const
{
    const auto markup = settings.find("markup_percentage");
    return markup == settings.end() ? 0 : markup->second.micros().value_or(0) / 10'000;
}

Platform *Model::platformOf(const QByteArray &id)
{
    for (Platform &platform : platforms) {
        if (platform.id == id)
            return &platform;
    }
    return nullptr;
}

/// One without users and money when there is none: a platform may go while a request is waiting.
Platform &Model::platformOrNone(const QByteArray &id)
{
    m_nowhere = {};
    Platform *platform = platformOf(id);
    return platform ? *platform : m_nowhere;
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
    Answer answer = carryOut(request, parts, key);
    static const QByteArrayList Lists { "platforms", "end-users", "api-keys" };
    for (qsizetype i = 1; i < parts.size(); ++i) {
        if (Lists.contains(parts[i - 1]) && !isUuid(parts[i]))
            answer.mayBeNotFound = true;
    }
    return answer;
}

Answer Model::carryOut(const Request &request, const QByteArrayList &parts, const Key &key)
{
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
    if (request.idempotencyKey && !isHeaderValue(*request.idempotencyKey)) {
        if (!bad)
            bad = refusal(422, "validation_error", { "Idempotency-Key" });
        else if (!bad->params.isEmpty())
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
    if (parts.value(2) == "wallet")
        return book(request, platformOrNone(id), key, true);
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
    if (parts.isEmpty()) {
        if (request.method == "PATCH")
            return patchPlatform(request, key.platform, false);
        const Platform *platform = platformOf(key.platform);
        if (!platform)
            return noSuch("platform");
        return request.method == "DELETE" ? removePlatform(platform->id) : Answer { .body = platformJson(*platform) };
    }
    if (parts[0] == "api-keys") {
        if (request.method == "GET")
            return listKeys(request, key.platform, {});
        if (request.method == "POST")
            return createKey(request, key.platform, {});
        return request.method == "PATCH" ? patchKey(request, key.platform, parts[1])
                                         : revokeKey(key.platform, parts[1], {});
    }
    Platform &platform = platformOrNone(key.platform);
    if (parts[0] == "end-users")
        return request.method == "POST" ? createUser(request, platform, key) : listUsers(request, platform);
    if (parts[0] == "logs")
        return listLogs(request, platform);
    if (parts.size() == 1)
        return { .body = walletJson(platform) };
    return parts[1] == "topup" ? book(request, platform, key, false) : listWalletRows(request, platform);
}

Answer Model::performOnUser(const Request &request, const QByteArrayList &parts, const Key &key)
{
    // parts: user id, …
    Platform &platform = platformOrNone(key.platform);
    const QByteArray &user = parts[0];
    const bool isDelete = request.method == "DELETE";
    if (parts.size() == 1) {
        if (request.method == "PATCH")
            return patchUser(request, platform, user);
        if (isDelete)
            return removeUser(platform, user);
        const User *found = userOf(platform, names.nameOf(user));
        return found ? Answer { .body = userJson(platform, *found) } : noSuch("end_user");
    }
    if (parts[1] == "api-keys") {
        if (request.method == "POST")
            return createKey(request, key.platform, user);
        return isDelete ? revokeKey(key.platform, parts[2], user) : listKeys(request, key.platform, user);
    }
    if (parts.value(2) == "transactions")
        return listRows(request, platform, user);
    if (parts.size() == 3)
        return moveBudget(request, platform, user, key, parts[2] == "debit");
    if (request.method == "POST")
        return createBudget(request, platform, user, key);
    if (request.method == "PATCH")
        return patchBudget(request, platform, user, key);
    return isDelete ? deactivateBudget(platform, user, key) : getBudget(platform, user);
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

Answer Model::removePlatform(QByteArray id)
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
    const QByteArray userName = user ? names.nameOf(*user) : QByteArray();
    if (user && !userOf(platformOrNone(platform), userName))
        return noSuch("end_user");
    if (!platformOf(platform))
        return noSuch("platform");
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
    if (user && !userOf(platformOrNone(platform), names.nameOf(*user)))
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
    if (platform.id.isEmpty())
        return noSuch("platform");
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

} // namespace naive
