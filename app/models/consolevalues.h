// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/id.h"
#include "core/money.h"

#include <QtCore/QList>
#include <QtCore/QString>
#include <QtCore/QStringList>

#include <optional>

// What the console and the engine tell each other: plain values, nothing to call. Times are milliseconds since 1970,
// UTC. A namespace of their own keeps these names apart from the engine's.
namespace assistiv::console {

enum class ServerState { Stopped, Starting, Running, Degraded, Stopping, CannotStart };

/// Where the master key that seals provider keys is kept; the wizard tells the user.
enum class KeySource { Keychain, File, Environment, Passphrase };

/// The server as the engine sees it. Running is said only after the engine read its own /health over the bound socket.
struct ServerStatus
{
    ServerState state = ServerState::Stopped;
    /// Scheme, host and port that clients use: "http://127.0.0.1:8790". Set whenever an address is configured.
    QString origin = {};
    /// Why it is degraded or cannot start: one short sentence, ready to show, without paths.
    QString reason = {};
    /// A free port, when the configured one is taken; 0 when there is nothing to propose.
    quint16 freePort = 0;
    bool loopbackOnly = true;
    bool tls = false;
    /// When this run of the server began; 0 when it does not run.
    qint64 startedAtMs = 0;
    int callsInFlight = 0;
    /// The most that may run at once; 0 when there is no such limit.
    int callsAllowed = 0;
    int workers = 0;
    /// "SQLite" or "PostgreSQL".
    QString database = {};
    std::optional<qint64> databaseBytes = {};
    std::optional<qint64> webhooksPending = {};
    KeySource keySource = KeySource::Keychain;
};

struct PlatformSummary
{
    PlatformId id = {};
    QString name = {};
    QString slug = {};
    bool active = true;
};

struct NewPlatform
{
    QString name = {};
    QString slug = {};
};

struct CreatedPlatform
{
    PlatformSummary platform = {};
    /// The first sk-plat_ key. Shown once; the engine keeps a hash only.
    QString rawKey = {};
};

/// How far a platform is through the five steps of the first-run wizard; read from the database, never remembered.
struct SetUpProgress
{
    /// At least one active key of an enabled provider; the echo model counts.
    bool hasProvider = false;
    /// A model slug that a first request can name; empty without a provider.
    QString model = {};
    /// A top-up was booked at some time.
    bool walletFunded = false;
    Money walletBalance = {};
    /// The oldest active end user with a budget, if there is one.
    std::optional<EndUserId> endUser = {};
    QString endUserExternalId = {};
    Money endUserBudget = {};
    /// Some call of this platform was answered with success.
    bool requestSeen = false;
};

struct ProviderSummary
{
    ProviderId id = {};
    /// "openai", "anthropic", "google", "xai"; the built-in echo provider ("sandbox") is not listed.
    QString slug = {};
    QString name = {};
    /// The platform has an active key for it.
    bool hasKey = false;
};

/// A catalogue model of one provider. Prices are per million tokens.
struct OfferedModel
{
    ModelId id = {};
    QString slug = {};
    Money inputPrice = {};
    Money outputPrice = {};
    bool enabled = false;
};

/// What one list-models call with a key brought to light.
struct KeyTest
{
    int modelsFound = 0;
    qint64 elapsedMs = 0;
    /// Those of the found models that the catalogue has a price for.
    QList<OfferedModel> models = {};
};

struct ModelSwitch
{
    ModelId id = {};
    bool enabled = false;
};

struct NewProviderKey
{
    PlatformId platform = {};
    ProviderId provider = {};
    QString apiKey = {};
    /// Only the models whose tick was changed.
    QList<ModelSwitch> switches = {};
};

struct AddedProviderKey
{
    LlmConfigId id = {};
    /// "…a9f2": the last four characters.
    QString hint = {};
    /// A model slug that a first request can name.
    QString model = {};
};

struct WalletState
{
    Money balance = {};
    std::optional<Money> lowThreshold = {};
    bool active = true;
    /// Mean spend of the last 24 hours, or of the time since the first debit when that is shorter; empty without
    /// debits.
    std::optional<Money> spendPerHour = {};
};

struct WalletTopUp
{
    PlatformId platform = {};
    Money amount = {};
    QString description = {};
    /// Made when the dialog opens; the same key books once, however often it is sent.
    QString idempotencyKey = {};
};

struct WalletBooking
{
    Money amount = {};
    Money balanceAfter = {};
    qint64 bookedAtMs = 0;
    /// The key had been booked before; this is that booking, nothing was added.
    bool replayed = false;
};

enum class BudgetPeriod { OneTime, Daily, Monthly };

struct NewEndUser
{
    PlatformId platform = {};
    QString externalId = {};
    QString displayName = {};
    Money budget = {};
    BudgetPeriod period = BudgetPeriod::Monthly;
    QString idempotencyKey = {};
};

struct CreatedEndUser
{
    EndUserId id = {};
    QString externalId = {};
    Money budget = {};
    /// A fresh sk-eu_ key. Shown once; the engine keeps a hash only.
    QString rawKey = {};
};

/// The newest row of a platform's call log, or a call that was refused before it reached a provider.
struct RequestRow
{
    qint64 atMs = 0;
    int status = 0;
    /// The word of the contract ("budget_exhausted"); empty on success.
    QString errorCode = {};
    QString errorMessage = {};
    QString requestId = {};
    QString model = {};
    qint64 inputTokens = 0;
    qint64 outputTokens = 0;
    qint64 durationMs = 0;
    Money cost = {};
    /// Of the end user who called, after this call; empty for platform keys and users without a budget.
    std::optional<Money> budgetLeft = {};
};

/// Hour: 60 points of a minute. Day: 24 of an hour. Week: 28 of six hours. Month: 30 of a day.
enum class OverviewRange { Hour, Day, Week, Month };

struct OverviewPoint
{
    qint64 fromMs = 0;
    Money spend = {};
    /// User-facing calls, the failed ones included.
    qint64 requests = 0;
    qint64 failed = 0;
    /// Empty when no call ended in this slice.
    std::optional<qint64> p50Ms = {};
    std::optional<qint64> p95Ms = {};
};

struct ErrorGroup
{
    int status = 0;
    QString code = {};
    /// Who or what it met, newest first, at most three: external ids or model slugs; of a provider's failure what it said.
    QStringList subjects = {};
    qint64 count = 0;
    qint64 lastAtMs = 0;
};

struct LowBudget
{
    EndUserId endUser = {};
    QString externalId = {};
    Money remaining = {};
    Money limit = {};
};

struct OverviewFigures
{
    qint64 fromMs = 0;
    qint64 toMs = 0;
    /// Oldest first, without gaps, the last one still growing.
    QList<OverviewPoint> points = {};
    /// Sums over the range; they equal the sums of the rows behind them.
    Money spend = {};
    qint64 requests = 0;
    qint64 failed = 0;
    /// Of the range of the same length before this one; empty when the records do not reach that far.
    std::optional<Money> spendBefore = {};
    std::optional<qint64> p50Ms = {};
    std::optional<qint64> p95Ms = {};
    /// Time spent in the gateway itself, median; empty when it is not measured.
    std::optional<qint64> overheadMs = {};
    /// Most frequent first, at most six.
    QList<ErrorGroup> errors = {};
    /// Least remaining share first, at most six.
    QList<LowBudget> lowBudgets = {};
    /// Some call was ever made on this platform, in this range or before.
    bool anyRequest = false;
};

} // namespace assistiv::console
