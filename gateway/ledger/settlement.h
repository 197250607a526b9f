// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/id.h"
#include "core/mailbox.h"
#include "core/money.h"
#include "core/result.h"

#include <QtCore/QByteArray>

#include <functional>
#include <memory>

namespace assistiv {

struct Metrics;
struct StoredResponse;

enum class CallStatus { Success, Error, Cancelled };
enum class TokenCountMethod { Reported, Estimated, None };

/// Everything one finished upstream call writes: a log row always; a wallet row and, with a budget, a ledger row when
/// something was billed. All of it is committed together or not at all (docs/contract/inference.md, "Billing").
struct Settlement
{
    LogRowId id;
    PlatformId platform;
    /// Null for calls with a platform key.
    EndUserId endUser;
    /// The budget the call was admitted on; null when there was none.
    BudgetId budget;
    ApiKeyId key;
    QByteArray requestId;
    /// "chat.completion", "response"
    QByteArray requestType;
    ProviderId provider;
    ModelId model;
    QByteArray modelSlug;
    QByteArray providerModelId;
    qint64 promptTokens = 0;
    qint64 completionTokens = 0;
    qint64 latencyMs = 0;
    /// What is charged, markup included; zero means nothing is billed.
    Money cost;
    bool isBillable = false;
    CallStatus status = CallStatus::Success;
    TokenCountMethod countMethod = TokenCountMethod::None;
    /// UTF-8, at most 500 characters, without secrets.
    QByteArray errorMessage;
    /// JSON object.
    QByteArray metadata;
    Timestamp createdAt;
    /// What is stored with the last call of a request; null for most. The journal does not keep it: whose call is billed
    /// from there got an error, and never saw it.
    std::shared_ptr<const StoredResponse> response;
};

/// Where finished calls are handed in. Thread-safe.
class Settlements
{
public:
    virtual ~Settlements() = default;

    /// done comes on the calling thread, after the commit, and only if the asker still exists (null: nobody waits).
    /// A settlement is never refused; an error means that it could not be committed and waits in the journal.
    virtual void settle(Settlement settlement, QObject *asker, std::function<void(Result<void>)> done) = 0;

    /// A settlement will come at once, or so: waking up takes as long as reading a provider's answer, so both may happen at
    /// the same time. Nothing is lost when none comes.
    virtual void expect() = 0;

    /// True while no new calls should be let in: too much waits for the database already, or it takes no commits.
    virtual bool isFull() const = 0;
};

/// One line of JSON for the journal, and back; nothing is lost on the way.
QByteArray journalLine(const Settlement &settlement);
std::optional<Settlement> settlementFrom(QByteArrayView journalLine);

/// Counts one that was committed.
void noteBilled(Metrics &metrics, const Settlement &settlement);

QByteArrayView wordOf(CallStatus status);
QByteArrayView wordOf(TokenCountMethod method);

} // namespace assistiv
