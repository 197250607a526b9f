// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/rowexport.h"

#include "core/jsonwriter.h"
#include "store/database.h"
#include "tenants/platformstore.h"

#include <algorithm>
#include <span>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int RowsPerPortion = 500;

enum class CellKind {
    Text,
    Number,
    Amount, ///< a number in JSON
    AmountText, ///< text in JSON, as the API has it in log rows
    Moment,
    Json
};

struct ExportColumn
{
    QByteArrayView name;
    CellKind kind;
};

// Columns in the order of the statement, then created_at and seq: where the next portion goes on.
struct ExportTable
{
    std::span<const ExportColumn> columns;
    QString newest;
    QString rows;
    /// Goes on by time and then by seq, as the table's index does; by seq alone otherwise.
    bool byTime;
};

constexpr ExportColumn LedgerColumns[] = {
    { "id", CellKind::Text },
    { "platform_id", CellKind::Text },
    { "end_user_id", CellKind::Text },
    { "budget_id", CellKind::Text },
    { "type", CellKind::Text },
    { "source", CellKind::Text },
    { "amount_usd", CellKind::Amount },
    { "max_usd_after", CellKind::Amount },
    { "used_usd_after", CellKind::Amount },
    { "remaining_usd_after", CellKind::Amount },
    { "reason", CellKind::Text },
    { "metadata", CellKind::Json },
    { "idempotency_key", CellKind::Text },
    { "created_at", CellKind::Moment },
};

constexpr ExportColumn LogColumns[] = {
    { "id", CellKind::Text },
    { "platform_id", CellKind::Text },
    { "end_user_id", CellKind::Text },
    { "request_type", CellKind::Text },
    { "provider_id", CellKind::Text },
    { "model_id", CellKind::Text },
    { "provider_model_id", CellKind::Text },
    { "prompt_tokens", CellKind::Number },
    { "completion_tokens", CellKind::Number },
    { "total_tokens", CellKind::Number },
    { "latency_ms", CellKind::Number },
    { "estimated_cost_usd", CellKind::AmountText },
    { "status", CellKind::Text },
    { "error_message", CellKind::Text },
    { "token_count_method", CellKind::Text },
    { "billing_status", CellKind::Text },
    { "metadata", CellKind::Json },
    { "created_at", CellKind::Moment },
};

constexpr ExportColumn WalletColumns[] = {
    { "id", CellKind::Text },
    { "platform_id", CellKind::Text },
    { "wallet_id", CellKind::Text },
    { "type", CellKind::Text },
    { "amount", CellKind::Amount },
    { "balance_after", CellKind::Amount },
    { "description", CellKind::Text },
    { "reference", CellKind::Text },
    { "metadata", CellKind::Json },
    { "created_at", CellKind::Moment },
};

ExportTable tableOf(ExportKind kind)
{
    switch (kind) {
    case ExportKind::Ledger:
        return { LedgerColumns, u"SELECT COALESCE(max(seq), 0) FROM budget_transactions"_s,
                 u"SELECT id, platform_id, end_user_id, budget_id, type, source, amount, max_after, used_after, "
                 "max_after - used_after, reason, metadata, idempotency_key, created_at, seq FROM budget_transactions "
                 "WHERE platform_id = ? AND created_at >= ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"_s, false };
    case ExportKind::Logs:
        return { LogColumns, u"SELECT COALESCE(max(seq), 0) FROM request_logs"_s,
                 u"SELECT id, platform_id, end_user_id, request_type, provider_id, model_id, provider_model_id, "
                 "prompt_tokens, completion_tokens, prompt_tokens + completion_tokens, latency_ms, cost, status, "
                 "error_message, token_count_method, billing_status, metadata, created_at, seq FROM request_logs "
                 "WHERE platform_id = ? AND (created_at, seq) > (?, ?) AND seq <= ? ORDER BY created_at, seq LIMIT ?"_s,
                 true };
    case ExportKind::Wallet:
        break;
    }
    return { WalletColumns, u"SELECT COALESCE(max(seq), 0) FROM wallet_transactions"_s,
             u"SELECT id, platform_id, wallet_id, type, amount, balance_after, description, reference, metadata, "
             "created_at, seq FROM wallet_transactions WHERE platform_id = ? AND created_at >= ? AND seq > ? "
             "AND seq <= ? ORDER BY seq LIMIT ?"_s, false };
}

QByteArray jsonRow(const Query &row, std::span<const ExportColumn> columns)
{
    JsonWriter json;
    json.beginObject();
    for (int i = 0; i < int(columns.size()); ++i) {
        json.key(columns[size_t(i)].name);
        if (row.isNull(i)) {
            json.null();
            continue;
        }
        switch (columns[size_t(i)].kind) {
        case CellKind::Text: json.value(row.text(i)); break;
        case CellKind::Number: json.value(row.integer(i)); break;
        case CellKind::Amount: json.raw(row.money(i).toFixed()); break;
        case CellKind::AmountText: json.utf8(row.money(i).toFixed()); break;
        case CellKind::Moment: json.value(row.time(i)); break;
        case CellKind::Json: json.raw(row.text(i).toUtf8()); break;
        }
    }
    return json.endObject().take() + '\n';
}

/// Spreadsheets take a text that begins like this for a formula, and the text may be anybody's. An apostrophe before it
/// keeps it a text; one that begins with an apostrophe gets another, so that taking one away gives what was there.
bool looksLikeFormula(const QByteArray &text)
{
    return !text.isEmpty() && QByteArrayView("=+-@\t\r'").contains(text.front());
}

QByteArray csvText(QByteArray text)
{
    if (looksLikeFormula(text))
        text.prepend('\'');
    const bool isPlain = std::ranges::none_of(text, [](char c) { return QByteArrayView("\",;\r\n\t ").contains(c); });
    return isPlain ? text : '"' + text.replace("\"", "\"\"") + '"';
}

QByteArray csvCell(const Query &row, int column, CellKind kind)
{
    if (row.isNull(column))
        return {};
    switch (kind) {
    case CellKind::Number: return QByteArray::number(row.integer(column));
    case CellKind::Amount:
    case CellKind::AmountText: return row.money(column).toFixed();
    case CellKind::Moment: return row.time(column).toIso();
    case CellKind::Text:
    case CellKind::Json: break;
    }
    return csvText(row.text(column).toUtf8());
}

QByteArray csvRow(const Query &row, std::span<const ExportColumn> columns)
{
    QByteArrayList cells;
    for (int i = 0; i < int(columns.size()); ++i)
        cells.append(csvCell(row, i, columns[size_t(i)].kind));
    return cells.join(',') + "\r\n";
}

QByteArray csvHeader(std::span<const ExportColumn> columns)
{
    QByteArrayList names;
    for (const ExportColumn &column : columns)
        names.append(column.name.toByteArray());
    return names.join(',') + "\r\n";
}

} // namespace

Result<qint64> exportRows(Database &db, ExportKind kind, const PlatformId &platform, Timestamp since,
                          ExportFormat format, const ExportSink &sink)
{
    const ExportTable table = tableOf(kind);
    qint64 last = 0;
    {
        Query newest = db.prepare(table.newest);
        if (const auto read = newest.exec(); !read)
            return read.error();
        last = newest.next() ? newest.integer(0) : 0;
    }
    if (format == ExportFormat::Csv && !sink(csvHeader(table.columns)))
        return 0;
    const auto atColumn = int(table.columns.size()) - 1; // created_at is the last of the shown ones
    Timestamp from = since;
    qint64 seq = 0;
    for (qint64 given = 0;;) {
        QByteArray text;
        int rows = 0;
        {
            Query portion = db.prepare(table.rows);
            if (const auto read = portion.bind(platform, from, seq, last, RowsPerPortion).exec(); !read)
                return read.error();
            for (; portion.next(); ++rows) {
                text += format == ExportFormat::Csv ? csvRow(portion, table.columns) : jsonRow(portion, table.columns);
                seq = portion.integer(atColumn + 1);
                if (table.byTime)
                    from = portion.time(atColumn);
            }
            if (const auto ended = portion.ended(); !ended)
                return ended.error();
        }
        given += rows;
        if ((rows > 0 && !sink(text)) || rows < RowsPerPortion)
            return given;
    }
}

Result<PlatformId> platformNamed(Database &db, const QString &name)
{
    PlatformStore store(db);
    if (const auto id = PlatformId::parse(name)) {
        const auto platform = store.find(*id);
        if (!platform)
            return platform.error();
        if (*platform)
            return *id;
    }
    const auto platform = store.findBySlug(name);
    if (!platform)
        return platform.error();
    if (*platform)
        return (*platform)->id;
    return Error { ErrorCode::PlatformNotFound, u"There is no platform %1."_s.arg(name) };
}

} // namespace assistiv
