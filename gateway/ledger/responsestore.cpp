// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/responsestore.h"

#include "core/jsonwriter.h"
#include "ledger/settlement.h"
#include "store/bulkinsert.h"
#include "store/database.h"

#include <QtCore/QSet>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr BulkColumn ResponseColumns[] = {
    { "id"_L1 }, { "platform_id"_L1 }, { "owner_id"_L1 }, { "thread_id"_L1 }, { "previous_id"_L1 }, { "status"_L1 },
    { "model"_L1 }, { "item_bytes"_L1, BulkColumn::Kind::Integer }, { "created_at"_L1, BulkColumn::Kind::Integer },
    { "expires_at"_L1, BulkColumn::Kind::Integer }, { "body"_L1 },
};
constexpr BulkTable ResponseTable { "responses"_L1, ResponseColumns };

constexpr BulkColumn ItemColumns[] = {
    { "response_id"_L1 }, { "place"_L1, BulkColumn::Kind::Integer }, { "owner_id"_L1 }, { "direction"_L1 }, { "item_id"_L1 },
    { "item"_L1 },
};
constexpr BulkTable ItemTable { "response_items"_L1, ItemColumns };

ResponseOwner ownerOf(const Settlement &settlement)
{
    return { settlement.platform, settlement.endUser };
}

qint64 bytesOf(const QList<StoredItem> &items)
{
    qint64 bytes = 0;
    for (const StoredItem &item : items)
        bytes += item.json.size();
    return bytes;
}

/// One response's items, input before output.
class ItemRows
{
public:
    ItemRows(BulkInsert &rows, const Settlement &settlement)
        : m_rows(rows), m_response(settlement.response->id), m_owner(ownerOf(settlement).key())
    {
    }

    Result<void> add(const QList<StoredItem> &items, QByteArrayView direction)
    {
        for (const StoredItem &item : items) {
            m_rows.text(m_response).integer(m_place++).text(m_owner).text(direction);
            m_rows.textOrNull(isReferable(item.id) ? item.id : QByteArray()).text(item.json);
            if (const auto written = m_rows.endRow(); !written)
                return written;
        }
        return {};
    }

private:
    BulkInsert &m_rows;
    QByteArray m_response;
    QByteArray m_owner;
    qint64 m_place = 0;
};

Result<QList<ResponseLink>> linksFrom(Query &query)
{
    if (const auto read = query.exec(); !read)
        return read.error();
    QList<ResponseLink> links;
    while (query.next()) {
        links.append({ query.integer(0), query.text(1).toUtf8(), query.text(2).toUtf8(), query.text(3).toUtf8(),
                       query.integer(4) });
    }
    return links;
}

Result<std::optional<QByteArray>> oneText(Query &query)
{
    if (const auto read = query.exec(); !read)
        return read.error();
    return query.next() ? std::optional(query.text(0).toUtf8()) : std::optional<QByteArray>();
}

} // namespace

Result<void> ResponseStore::append(const QList<const Settlement *> &settlements)
{
    const auto existing = ofThoseWhoExist(settlements);
    if (!existing)
        return existing.error();
    BulkInsert rows(m_db, ResponseTable);
    for (const Settlement *s : *existing) {
        const StoredResponse &response = *s->response;
        const QLatin1StringView status = wordOf(response.status);
        rows.text(response.id).id(s->platform).text(ownerOf(*s).key()).textOrNull(response.threadId);
        rows.textOrNull(response.previousId).text({ status.data(), status.size() }).text(response.model);
        rows.integer(bytesOf(response.input) + bytesOf(response.output)).integer(response.createdAt.ms());
        rows.integer(response.createdAt.plusMs(StoredResponse::LifetimeMs).ms()).text(response.body);
        if (const auto written = rows.endRow(); !written)
            return written;
    }
    // Items refer to their response: on PostgreSQL its row is not there before this.
    if (const auto written = rows.finish(); !written)
        return written;
    return appendItems(*existing);
}

Result<void> ResponseStore::appendItems(const QList<const Settlement *> &settlements)
{
    BulkInsert rows(m_db, ItemTable);
    for (const Settlement *s : settlements) {
        ItemRows items(rows, *s);
        if (const auto written = items.add(s->response->input, "input"); !written)
            return written;
        if (const auto written = items.add(s->response->output, "output"); !written)
            return written;
    }
    return rows.finish();
}

Result<QList<const Settlement *>> ResponseStore::ofThoseWhoExist(const QList<const Settlement *> &settlements)
{
    JsonWriter ids;
    ids.beginArray();
    for (const Settlement *s : settlements) {
        if (!s->endUser.isNull())
            ids.value(s->endUser);
    }
    ids.endArray();

    // On PostgreSQL they are locked, so that nobody deletes them before this transaction has ended.
    Query find = m_db.prepare(m_db.dialect() == Dialect::Sqlite
                                  ? u"SELECT id FROM end_users WHERE id IN (SELECT value FROM json_each(?))"_s
                                  : u"SELECT id FROM end_users WHERE id IN (SELECT json_array_elements_text(CAST(? AS json))) "
                                    "ORDER BY id FOR KEY SHARE"_s);
    if (const auto read = find.bind(ids.json()).exec(); !read)
        return read.error();
    QSet<EndUserId> users;
    while (find.next())
        users.insert(find.id<EndUserId>(0));
    if (const auto ended = find.ended(); !ended)
        return ended.error();

    QList<const Settlement *> existing;
    for (const Settlement *s : settlements) {
        if (s->endUser.isNull() || users.contains(s->endUser))
            existing.append(s);
    }
    return existing;
}

Result<QList<ResponseLink>> ResponseStore::chain(const ResponseOwner &owner, const QByteArray &id, Timestamp now, int most)
{
    Query query = m_db.prepare(
        u"WITH RECURSIVE chain (seq, id, previous_id, thread_id, item_bytes, depth) AS (SELECT seq, id, previous_id, thread_id, "
        "item_bytes, CAST(1 AS BIGINT) FROM responses WHERE id = ? AND owner_id = ? AND expires_at > ? "
        "UNION ALL SELECT r.seq, r.id, r.previous_id, r.thread_id, r.item_bytes, c.depth + 1 FROM chain c "
        "JOIN responses r ON r.id = c.previous_id WHERE r.owner_id = ? AND r.expires_at > ? AND c.depth < ?) "
        "SELECT seq, id, previous_id, thread_id, item_bytes FROM chain ORDER BY depth DESC"_s);
    return linksFrom(query.bind(id, owner.key(), now, owner.key(), now, most));
}

Result<QList<ResponseLink>> ResponseStore::thread(const ResponseOwner &owner, const QByteArray &threadId, qint64 beforeSeq,
                                                  Timestamp now, int most)
{
    Query query = m_db.prepare(
        u"SELECT seq, id, previous_id, thread_id, item_bytes FROM responses WHERE platform_id = ? AND owner_id = ? "
        "AND thread_id = ? AND seq < ? AND status = 'completed' AND expires_at > ? ORDER BY seq LIMIT ?"_s);
    return linksFrom(query.bind(owner.platform, owner.key(), threadId, beforeSeq, now, most));
}

Result<QByteArrayList> ResponseStore::items(const QList<ResponseLink> &links)
{
    JsonWriter ids;
    ids.beginArray();
    for (const ResponseLink &link : links)
        ids.utf8(link.id);
    ids.endArray();

    Query query = m_db.prepare(
        m_db.dialect() == Dialect::Sqlite
            ? u"SELECT i.item FROM json_each(?) w JOIN response_items i ON i.response_id = w.value ORDER BY w.key, i.place"_s
            : u"SELECT i.item FROM json_array_elements_text(CAST(? AS json)) WITH ORDINALITY AS w (id, nth) "
              "JOIN response_items i ON i.response_id = w.id ORDER BY w.nth, i.place"_s);
    if (const auto read = query.bind(ids.json()).exec(); !read)
        return read.error();
    QByteArrayList items;
    while (query.next())
        items.append(query.text(0).toUtf8());
    // Half a conversation must not pass for a whole one.
    if (const auto ended = query.ended(); !ended)
        return ended.error();
    return items;
}

Result<std::optional<QByteArray>> ResponseStore::item(const ResponseOwner &owner, const QByteArray &itemId, Timestamp now)
{
    Query query = m_db.prepare(
        u"SELECT i.item FROM response_items i JOIN responses r ON r.id = i.response_id WHERE i.owner_id = ? AND i.item_id = ? "
        "AND r.expires_at > ? ORDER BY r.seq DESC, i.place DESC LIMIT 1"_s);
    return oneText(query.bind(owner.key(), itemId, now));
}

Result<std::optional<QByteArray>> ResponseStore::body(const ResponseOwner &owner, const QByteArray &id, Timestamp now)
{
    Query query = m_db.prepare(u"SELECT body FROM responses WHERE id = ? AND owner_id = ? AND expires_at > ?"_s);
    return oneText(query.bind(id, owner.key(), now));
}

Result<bool> ResponseStore::remove(const ResponseOwner &owner, const QByteArray &id, Timestamp now)
{
    Query query = m_db.prepare(u"DELETE FROM responses WHERE id = ? AND owner_id = ? AND expires_at > ?"_s);
    if (const auto removed = query.bind(id, owner.key(), now).exec(); !removed)
        return removed.error();
    return query.changedRows() > 0;
}

Result<int> ResponseStore::removeExpired(Timestamp now, int most)
{
    Query query = m_db.prepare(u"DELETE FROM responses WHERE seq IN (SELECT seq FROM responses WHERE expires_at <= ? "
                               "ORDER BY expires_at LIMIT ?)"_s);
    if (const auto removed = query.bind(now, most).exec(); !removed)
        return removed.error();
    return query.changedRows();
}

} // namespace assistiv
