// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/responses.h"

#include "store/database.h"

#include <QtCore/QHash>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// One sentence for all cases: nobody learns which ids exist.
Error responseNotFound(const QString &param = {})
{
    return { .code = ErrorCode::ResponseNotFound,
             .message = u"There is no such stored response: it was never stored, has expired or was deleted, or continues one "
                        "that was."_s,
             .param = param };
}

Error conversationTooLong()
{
    return { .code = ErrorCode::ContextLengthExceeded,
             .message = u"The stored conversation that this request continues is too long."_s };
}

Error notInThread()
{
    return { .code = ErrorCode::ValidationError,
             .message = u"previous_response_id must name a response of the thread in thread_id."_s,
             .param = u"previous_response_id"_s };
}

} // namespace

Result<Conversation> Responses::conversation(const ResponseOwner &owner, const ConversationWish &wish)
{
    const auto links = linksBefore(owner, wish);
    if (!links)
        return links.error();
    qint64 room = MostBytes;
    for (const ResponseLink &link : *links)
        room -= link.bytes;
    if (room < 0 || links->size() > MostResponses)
        return conversationTooLong();

    Conversation found;
    if (!links->isEmpty()) {
        auto items = m_store.items(*links);
        if (!items)
            return items.error();
        found.before = *std::move(items);
    }
    auto referenced = itemsNamed(owner, wish.itemIds, room);
    if (!referenced)
        return referenced.error();
    found.referenced = *std::move(referenced);
    return found;
}

Result<QList<ResponseLink>> Responses::linksBefore(const ResponseOwner &owner, const ConversationWish &wish)
{
    constexpr int OneTooMany = MostResponses + 1;
    const Timestamp now = m_context.clock.now();
    if (wish.previousId.isEmpty()) {
        if (wish.threadId.isEmpty())
            return QList<ResponseLink>();
        return m_store.thread(owner, wish.threadId, ResponseStore::BehindTheLast, now, OneTooMany);
    }

    const auto chain = isReferable(wish.previousId) ? m_store.chain(owner, wish.previousId, now, OneTooMany)
                                                    : Result<QList<ResponseLink>>(QList<ResponseLink>());
    if (!chain)
        return chain;
    if (chain->isEmpty())
        return responseNotFound(u"previous_response_id"_s);
    if (!wish.threadId.isEmpty() && chain->constLast().threadId != wish.threadId)
        return notInThread();
    if (chain->size() > MostResponses)
        return chain;
    const ResponseLink &oldest = chain->constFirst();
    if (!oldest.previousId.isEmpty())
        return responseNotFound(u"previous_response_id"_s);
    if (oldest.threadId.isEmpty())
        return chain;
    // It was answered with all of its thread before it.
    const auto earlier = m_store.thread(owner, oldest.threadId, oldest.seq, now, OneTooMany);
    return earlier ? Result<QList<ResponseLink>>(*earlier + *chain) : earlier;
}

Result<QByteArrayList> Responses::itemsNamed(const ResponseOwner &owner, const QByteArrayList &ids, qint64 room)
{
    const Timestamp now = m_context.clock.now();
    QHash<QByteArray, QByteArray> known;
    QByteArrayList items;
    for (const QByteArray &id : ids) {
        if (!known.contains(id)) {
            if (known.size() == MostReferences) {
                return Error { .code = ErrorCode::ValidationError,
                               .message = u"input refers to more than %1 different items."_s.arg(MostReferences),
                               .param = u"input"_s };
            }
            const auto item = isReferable(id) ? m_store.item(owner, id, now) : Result<std::optional<QByteArray>>(std::nullopt);
            if (!item)
                return item.error();
            if (!*item)
                return responseNotFound(u"input"_s);
            known.insert(id, **item);
        }
        const QByteArray &item = known[id];
        room -= item.size();
        if (room < 0)
            return conversationTooLong();
        items.append(item);
    }
    return items;
}

Result<QByteArray> Responses::body(const ResponseOwner &owner, const QByteArray &id)
{
    if (!isReferable(id))
        return responseNotFound();
    const auto body = m_store.body(owner, id, m_context.clock.now());
    if (!body)
        return body.error();
    return *body ? Result<QByteArray>(**body) : responseNotFound();
}

Result<void> Responses::remove(const ResponseOwner &owner, const QByteArray &id)
{
    if (!isReferable(id))
        return responseNotFound();
    const auto removed = m_store.remove(owner, id, m_context.clock.now());
    if (!removed)
        return removed.error();
    return *removed ? Result<void>() : responseNotFound();
}

Result<int> Responses::removeExpired(int most)
{
    return m_store.removeExpired(m_context.clock.now(), most);
}

} // namespace assistiv
