// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/exactjson.h"

#include <QtCore/QList>

#include <functional>
#include <memory>

namespace naive {

// Amounts are micro-dollars, moments are milliseconds since 1970. Ids are names of the model's own (see Names).

/// A management request as a client sends it.
struct Request
{
    QByteArray method;
    QByteArray path;
    QByteArray query = {};
    /// Raw API key.
    QByteArray key = {};
    std::optional<QByteArray> idempotencyKey = {};
    QByteArray body = {};
};

/// What the contract says a request must be answered with.
struct Answer
{
    int status = 200;
    Json body = {};
    /// Of errors.
    QByteArray code = {};
    /// Which `param` is right; empty: the contract does not say.
    QByteArrayList params = {};
    bool isReplay = false;
    /// Two faults at once, one of them an id in the path that is none: 404 will do as well. Which of both is said first is
    /// left open, since such an id is wrong by its form.
    bool mayBeNotFound = false;
    /// The text that was sent the first time, for answers that may have to be repeated byte for byte.
    std::shared_ptr<QByteArray> text = {};
};

/// One finished upstream call.
struct Call
{
    // Made by the test, so real: log row, request, provider, model.
    QByteArray log;
    QByteArray request;
    QByteArray provider;
    QByteArray modelId;
    QByteArray model;
    QByteArray providerModel;
    QByteArray platform;
    /// Empty: called with a platform key.
    QByteArray user;
    /// Empty: the user had no active budget when the call began.
    QByteArray budget;
    QByteArray key;
    qint64 promptTokens = 0;
    qint64 completionTokens = 0;
    qint64 latency = 0;
    /// The provider's price in pico-dollars, the platform's markup when the call began, and what both come to.
    qint64 picos = 0;
    qint64 markupBasisPoints = 0;
    qint64 cost = 0;
    bool isBillable = false;
    QByteArray status = "success";
    QByteArray countMethod = "reported";
    QByteArray error = {};
    QByteArray metadata = "{}";
};

struct LedgerRow
{
    QByteArray id;
    QByteArray type;
    QByteArray source;
    qint64 amount = 0;
    qint64 maxAfter = 0;
    qint64 usedAfter = 0;
    std::optional<QByteArray> reason;
    Json metadata = Json::object();
    std::optional<QByteArray> idempotencyKey;
    /// Null for what the program does by itself.
    std::optional<QByteArray> actor;
    qint64 createdAt = 0;
};

struct Budget
{
    QByteArray id;
    qint64 max = 0;
    qint64 used = 0;
    QByteArray period = "one_time";
    qint64 periodStart = 0;
    bool autoReplenish = false;
    std::optional<qint64> replenish;
    std::optional<qint64> threshold;
    bool isActive = true;
    bool isSuspended = false;
    bool isArmed = false;
    qint64 createdAt = 0;
    qint64 updatedAt = 0;
    std::vector<LedgerRow> rows;

    qint64 remaining() const { return max - used; }
};

/// A message for webhook receivers.
struct Event
{
    QByteArray id;
    QByteArray type;
    LedgerRow row;
    QByteArray budget;
};

struct User
{
    QByteArray id;
    QByteArray externalId;
    std::optional<QByteArray> displayName;
    Json metadata = Json::object();
    bool isActive = true;
    qint64 createdAt = 0;
    qint64 updatedAt = 0;
    std::optional<Budget> budget;
    std::vector<Event> events;
};

struct WalletRow
{
    QByteArray id;
    QByteArray type;
    qint64 amount = 0;
    qint64 balanceAfter = 0;
    QByteArray description;
    std::optional<QByteArray> reference;
    Json metadata = Json::object();
    /// Null: nobody's, or the user was deleted.
    std::optional<QByteArray> user;
    QByteArray actor;
    qint64 createdAt = 0;
};

struct Wallet
{
    QByteArray id;
    qint64 balance = 0;
    qint64 createdAt = 0;
    /// Any of these will do: whether a call that was not billed counts as an update is left open.
    QList<qint64> updatedAt;
    std::vector<WalletRow> rows;
};

struct LogRow
{
    Call call;
    std::optional<QByteArray> user;
    qint64 createdAt = 0;
};

/// What an Idempotency-Key was used for.
struct Remembered
{
    QByteArray method;
    QByteArray path;
    Json body;
    Answer answer;
    /// Empty: nobody's.
    QByteArray user;
};

struct Platform
{
    QByteArray id;
    QByteArray name;
    QByteArray slug;
    bool isActive = true;
    std::map<QByteArray, Json> settings;
    qint64 createdAt = 0;
    qint64 updatedAt = 0;
    Wallet wallet;
    std::vector<User> users;
    std::vector<LogRow> logs;
    std::map<QByteArray, Remembered> remembered;

    qint64 markupBasisPoints() const;
};

struct Key
{
    QByteArray id;
    QByteArray raw;
    QByteArray prefix;
    /// "platform", "end_user", "admin"
    QByteArray type;
    QByteArray platform;
    QByteArray user;
    QByteArray name = "API key";
    QByteArrayList scopes = { "inference" };
    bool isActive = true;
    std::optional<qint64> expiresAt;
    qint64 createdAt = 0;
};

/// The gates' verdict on a call.
struct Verdict
{
    /// Empty: admitted.
    QByteArray code;
    QByteArray platform = {};
    QByteArray user = {};
    QByteArray wallet = {};
    /// Empty: without a budget.
    QByteArray budget = {};
    QByteArray key = {};
    qint64 markupBasisPoints = 0;
};

/// What the gateway's books must look like, written down from the contract (docs/contract/) with no thought of speed: every
/// look-up is a walk through a list.
class Model
{
public:
    /// Who is asking, as the front door sees it.
    struct Access
    {
        std::optional<Answer> refusal = {};
        Key key = {};
    };

    qint64 now = 0;
    Names names;
    std::vector<Platform> platforms;
    std::vector<Key> keys;
    /// How often something happened; for whoever wants to know what a run was worth.
    std::map<QByteArray, int> counts;

    /// Key, type of key and tenant: what is checked before a request waits for the database.
    Access authorise(const Request &request) const;
    /// The rest of it.
    Answer perform(const Request &request, const Key &key);
    Answer ask(const Request &request);

    /// Gates 1 and 4 to 7 for a call with that raw key.
    Verdict gate(const QByteArray &rawKey);
    /// Calls that ended together, in this order.
    void settle(const QList<Call> &calls);
    /// The timer: whatever period is over starts anew.
    void startDuePeriods();

    static qint64 cost(qint64 picos, qint64 markupBasisPoints);
    bool isDue(const Budget &budget) const;

    Platform *platformOf(const QByteArray &id);
    static User *userOf(Platform &platform, const QByteArray &id);
    Key *keyOfRaw(const QByteArray &raw);

    /// An entry of the list of a budget's ledger rows.
    static Json rowJson(const Platform &platform, const QByteArray &user, const QByteArray &budget, const LedgerRow &row);

private:
    using Work = std::function<Answer()>;

    Platform &platformOrNone(const QByteArray &id);
    const Key *usableKey(const QByteArray &raw) const;
    bool isReal(const QByteArray &real, const QByteArray &name) const { return !name.isEmpty() && names.nameOf(real) == name; }
    Answer once(const Request &request, Platform &platform, const QByteArray &user, const std::optional<Answer> &badForm,
                const Work &work);
    Answer carryOut(const Request &request, const QByteArrayList &parts, const Key &key);
    Answer performAdmin(const Request &request, const QByteArrayList &parts, const Key &key);
    Answer performOnPlatform(const Request &request, const QByteArrayList &parts, const Key &key);
    Answer performOnUser(const Request &request, const QByteArrayList &parts, const Key &key);

    Answer createPlatform(const Request &request);
    Answer patchPlatform(const Request &request, const QByteArray &id, bool isAdmin);
    Answer removePlatform(QByteArray id);
    Key &mint(const QByteArray &type, const QByteArray &platform, const QByteArray &user);
    Answer createKey(const Request &request, const QByteArray &platform, const std::optional<QByteArray> &user);
    Answer patchKey(const Request &request, const QByteArray &platform, const QByteArray &realKey);
    Answer revokeKey(const QByteArray &platform, const QByteArray &realKey, const std::optional<QByteArray> &user);
    Answer listKeys(const Request &request, const QByteArray &platform, const std::optional<QByteArray> &user);

    Answer book(const Request &request, Platform &platform, const Key &key, bool isAdmin);
    Answer listWalletRows(const Request &request, const Platform &platform);

    Answer createUser(const Request &request, Platform &platform, const Key &key);
    Answer patchUser(const Request &request, Platform &platform, const QByteArray &realUser);
    Answer removeUser(Platform &platform, const QByteArray &realUser);
    Answer listUsers(const Request &request, const Platform &platform);

    LedgerRow &note(Budget &budget, const QByteArray &type, const QByteArray &source, qint64 amount);
    void startPeriodIfDue(Budget &budget);
    void charge(User &user, Budget &budget, qint64 amount, const QByteArray &source,
                const std::function<void(LedgerRow &)> &fill);
    void fire(User &user, const QByteArray &type, const Budget &budget);
    Answer createBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key);
    Answer getBudget(Platform &platform, const QByteArray &realUser);
    Answer patchBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key);
    Answer deactivateBudget(Platform &platform, const QByteArray &realUser, const Key &key);
    Answer moveBudget(const Request &request, Platform &platform, const QByteArray &realUser, const Key &key, bool isDebit);
    Answer listRows(const Request &request, Platform &platform, const QByteArray &realUser);
    Answer listLogs(const Request &request, const Platform &platform);

    static Json platformJson(const Platform &platform);
    static Json keyJson(const Key &key, bool withRaw);
    static Json userJson(const Platform &platform, const User &user);
    static Json budgetJson(const Platform &platform, const User &user, const Budget &budget);
    static Json walletJson(const Platform &platform);
    static Json walletRowJson(const Platform &platform, const WalletRow &row);
    static Json logJson(const Platform &platform, const LogRow &row);

    Platform m_nowhere;
};

/// "2026-04-08T10:30:00.412Z"
QByteArray isoText(qint64 ms);
qint64 startOfDay(qint64 ms);
qint64 startOfMonth(qint64 ms);

} // namespace naive
