// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/errors.h"
#include "ledger/caller.h"
#include "core/words.h"

#include <QtCore/QByteArray>
#include <QtCore/QList>

#include <array>

namespace assistiv {

enum class ResponseStatus { Completed, Incomplete, Failed };

template<>
struct Words<ResponseStatus>
{
    static constexpr std::array table { QLatin1StringView("completed"), QLatin1StringView("incomplete"),
                                        QLatin1StringView("failed") };
};

/// One item of a conversation: a message, a function call, its output, …
struct StoredItem
{
    /// What an item_reference names it by; empty when it has none.
    QByteArray id = {};
    /// JSON object, valid UTF-8.
    QByteArray json = {};
};

/// An answer of POST /v1/responses that clients may refer to later (docs/contract/responses-stored.md). It belongs to the
/// end user of the call or, with a platform key, to the platform.
struct StoredResponse
{
    static constexpr qint64 LifetimeMs = 30LL * 24 * 60 * 60 * 1000;

    /// "resp_…", as newResponseId() makes it.
    QByteArray id;
    /// The request's previous_response_id; empty when there was none.
    QByteArray previousId;
    /// The request's thread_id; empty when there was none. UTF-8 without U+0000, which PostgreSQL cannot store: who reads the
    /// request refuses it.
    QByteArray threadId;
    ResponseStatus status = ResponseStatus::Completed;
    /// The slug that was asked for.
    QByteArray model;
    /// The request's own input, without the conversation that was put before it; item references resolved.
    QList<StoredItem> input;
    QList<StoredItem> output;
    /// The whole response object as the client got it: JSON, valid UTF-8.
    QByteArray body;
    Timestamp createdAt;
};

/// Whose stored responses: an end user's, or those made with the platform's own keys.
struct ResponseOwner
{
    PlatformId platform;
    /// Null: the platform itself.
    EndUserId endUser;

    static ResponseOwner of(const Caller &caller) { return { caller.platform, caller.endUser }; }
    /// What the owner is called in the tables: no two ids are alike.
    QByteArray key() const { return endUser.isNull() ? platform.toLatin1() : endUser.toLatin1(); }
};

/// A fresh public id.
QByteArray newResponseId();
/// Whether something can be found under this id: 1 to 128 visible ASCII characters. Items may come with any other, too.
bool isReferable(QByteArrayView id);

/// What requests on this thread of this owner take turns at (core/turns.h): the turn is asked for before the conversation is
/// read and kept until the settlement is committed.
QByteArray turnKey(const ResponseOwner &owner, QByteArrayView threadId);
/// What a request is told whose turn does not come.
Error threadBusy();

} // namespace assistiv
