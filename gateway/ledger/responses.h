// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/responsestore.h"
#include "store/accountstate.h"

#include <QtCore/QByteArrayList>

namespace assistiv {

/// What a request refers to; anything may be empty.
struct ConversationWish
{
    QByteArray previousId = {};
    QByteArray threadId = {};
    /// The ids of its item_reference items.
    QByteArrayList itemIds = {};
};

/// What was said before, as the JSON of items.
struct Conversation
{
    /// What comes before the request's input, oldest first.
    QByteArrayList before;
    /// One for each of the wish's itemIds, in their order.
    QByteArrayList referenced;
};

/// Decides what may be seen of stored responses, and for how long (docs/contract/responses-stored.md). Reads suit a
/// reader: Doors::read(this, [=](Services &services) { return services.responses.conversation(owner, wish); }, …).
class Responses
{
public:
    /// Of one request, together; more is ContextLengthExceeded.
    static constexpr qint64 MostBytes = 32 * 1024 * 1024;
    /// Responses before one request; more is ContextLengthExceeded.
    static constexpr int MostResponses = 10'000;
    /// Different references in one request; more is a ValidationError.
    static constexpr int MostReferences = 1000;

    explicit Responses(const ServiceContext &context) : m_context(context), m_store(context.db) {}

    /// ResponseNotFound for whatever is not this owner's, is not there (any more), or goes back to what is not there any more;
    /// ValidationError when the previous response is not of that thread.
    Result<Conversation> conversation(const ResponseOwner &owner, const ConversationWish &wish);

    /// The stored response object, byte for byte; ResponseNotFound.
    Result<QByteArray> body(const ResponseOwner &owner, const QByteArray &id);
    /// ResponseNotFound.
    Result<void> remove(const ResponseOwner &owner, const QByteArray &id);
    /// At most so many whose time is over, the oldest first; how many there were.
    Result<int> removeExpired(int most);

private:
    Result<QList<ResponseLink>> linksBefore(const ResponseOwner &owner, const ConversationWish &wish);
    Result<QByteArrayList> itemsNamed(const ResponseOwner &owner, const QByteArrayList &ids, qint64 room);

    ServiceContext m_context;
    ResponseStore m_store;
};

} // namespace assistiv
