// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/idempotency.h"

#include "core/hashing.h"
#include "core/jsonwriter.h"
#include "store/database.h"

#include <simdjson.h>

#include <map>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// A number by value: digits without zeros at either end, and the power of ten behind them ("5", "5.0" and "50e-1" are 5e0).
QByteArray canonicalNumber(QByteArrayView token)
{
    const bool negative = token.startsWith('-');
    QByteArray digits;
    qint64 exponent = 0;
    bool behindPoint = false;
    for (qsizetype at = negative ? 1 : 0; at < token.size(); ++at) {
        const char c = token[at];
        if (c == '.') {
            behindPoint = true;
        } else if (c == 'e' || c == 'E') {
            bool ok = false;
            const qint64 written = token.sliced(at + 1).toByteArray().toLongLong(&ok);
            if (!ok || qAbs(written) > 1'000'000'000)
                return token.toByteArray(); // no such number is meant; the same text is the same request
            exponent += written;
            break;
        } else {
            digits += c;
            exponent -= behindPoint;
        }
    }
    while (digits.endsWith('0')) {
        digits.chop(1);
        ++exponent;
    }
    qsizetype zeros = 0;
    while (zeros < digits.size() && digits[zeros] == '0')
        ++zeros;
    digits.remove(0, zeros);
    if (digits.isEmpty())
        return "0";
    return (negative ? "-" : "") + digits + 'e' + QByteArray::number(exponent);
}

QByteArrayView viewOf(std::string_view text)
{
    return { text.data(), qsizetype(text.size()) };
}

bool appendCanonical(QByteArray &out, simdjson::ondemand::value value);

bool appendObject(QByteArray &out, simdjson::ondemand::value value)
{
    simdjson::ondemand::object object;
    if (value.get_object().get(object))
        return false;
    std::map<QByteArray, QByteArray> members; // of repeated names the last one counts, as everywhere
    for (auto entry : object) {
        simdjson::ondemand::field field;
        std::string_view name;
        if (std::move(entry).get(field) || field.unescaped_key().get(name))
            return false;
        const QByteArray key = viewOf(name).toByteArray();
        QByteArray canonical;
        if (!appendCanonical(canonical, field.value()))
            return false;
        members.insert_or_assign(key, std::move(canonical));
    }
    out += '{';
    for (const auto &[name, canonical] : members) {
        appendJsonString(out, name);
        out += ':' + canonical + ',';
    }
    out += '}';
    return true;
}

bool appendArray(QByteArray &out, simdjson::ondemand::value value)
{
    simdjson::ondemand::array array;
    if (value.get_array().get(array))
        return false;
    out += '[';
    for (auto entry : array) {
        simdjson::ondemand::value element;
        if (std::move(entry).get(element) || !appendCanonical(out, element))
            return false;
        out += ',';
    }
    out += ']';
    return true;
}

bool appendCanonical(QByteArray &out, simdjson::ondemand::value value)
{
    simdjson::ondemand::json_type type;
    if (value.type().get(type))
        return false;
    switch (type) {
    case simdjson::ondemand::json_type::object:
        return appendObject(out, value);
    case simdjson::ondemand::json_type::array:
        return appendArray(out, value);
    case simdjson::ondemand::json_type::string: {
        std::string_view text;
        if (value.get_string().get(text))
            return false;
        appendJsonString(out, viewOf(text));
        return true;
    }
    case simdjson::ondemand::json_type::number:
        out += canonicalNumber(viewOf(value.raw_json_token()).trimmed());
        return true;
    case simdjson::ondemand::json_type::boolean:
    case simdjson::ondemand::json_type::null:
        out += viewOf(value.raw_json_token()).trimmed();
        return true;
    }
    return false;
}

/// The body by value; as it is when it is no JSON object.
QByteArray canonicalBody(const QByteArray &body)
{
    if (body.trimmed().isEmpty())
        return "{}";
    simdjson::ondemand::parser parser;
    const simdjson::padded_string padded(body.data(), size_t(body.size()));
    simdjson::ondemand::document document;
    simdjson::ondemand::value value;
    QByteArray canonical;
    if (parser.iterate(padded).get(document) || document.get_value().get(value) || !appendCanonical(canonical, value))
        return body;
    return canonical;
}

} // namespace

Result<std::optional<StoredAnswer>> Idempotency::find(const PlatformId &platform, const QString &key)
{
    Query query = m_context.db.prepare(u"SELECT request_fingerprint, status, body FROM idempotency_records "
                                       "WHERE platform_id = ? AND idempotency_key = ?"_s);
    if (const auto read = query.bind(platform, key).exec(); !read)
        return read.error();
    if (!query.next())
        return std::optional<StoredAnswer>();
    return std::optional(StoredAnswer { query.text(0), int(query.integer(1)), query.text(2).toUtf8() });
}

Result<void> Idempotency::store(const PlatformId &platform, const QString &key, const EndUserId &endUser,
                                const StoredAnswer &answer)
{
    Query query = m_context.db.prepare(
        u"INSERT INTO idempotency_records (platform_id, idempotency_key, end_user_id, request_fingerprint, status, body, "
        "created_at) VALUES (?, ?, ?, ?, ?, ?, ?)"_s);
    query.bind(platform, key, endUser, answer.fingerprint, answer.status,
               answer.body.isNull() ? QByteArray("") : answer.body, m_context.clock.now());
    return query.exec();
}

QString Idempotency::requestFingerprint(const QByteArray &method, const QByteArray &path, const QByteArray &body)
{
    return QString::fromLatin1(sha256(method + ' ' + path + '\n' + canonicalBody(body)).toHex());
}

} // namespace assistiv
