// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/jsonbody.h"

#include "core/jsonwriter.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QRegularExpression>
#include <QtCore/QUrlQuery>

#include <simdjson.h>

#include <cmath>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

qsizetype characters(const QString &text)
{
    return std::count_if(text.begin(), text.end(), [](QChar c) { return !c.isLowSurrogate(); });
}

/// Member names as parsers read them: a name that is written with escapes is the same name, so the raw text of a member is
/// found whatever way the client wrote it.
QByteArray withPlainNames(const QByteArray &text)
{
    QList<Splice> changes;
    for (const JsonMember &member : scanObject(text)) {
        if (!member.name.contains('\\'))
            continue;
        const QByteArray quoted = '"' + member.name.toByteArray() + '"';
        Splice change { member.begin, member.begin + quoted.size(), {} };
        appendJsonString(change.replacement, QJsonDocument::fromJson('[' + quoted + ']').array().at(0).toString().toUtf8());
        changes.append(change);
    }
    return changes.isEmpty() ? text : spliced(text, changes);
}

/// Without blanks between the tokens; everything else stays as it was written.
QByteArray compact(QByteArrayView json)
{
    QByteArray out(json.size() + simdjson::SIMDJSON_PADDING, Qt::Uninitialized);
    size_t size = 0;
    if (simdjson::minify(json.data(), size_t(json.size()), out.data(), size))
        return json.toByteArray();
    out.truncate(qsizetype(size));
    return out;
}

/// Every number is written as RFC 8259 has it, however large.
bool hasOnlyJsonNumbers(const QByteArray &text)
{
    static const QRegularExpression strings(u"\"(?:[^\"\\\\]|\\\\.)*\""_s);
    static const QRegularExpression wrong(u"(?<![\\w.+-])(?!-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\\w.+-]))[-+.0-9]"_s);
    return !QString::fromUtf8(text).remove(strings).contains(wrong);
}

/// By the letter of RFC 8259; Qt's reader lets raw control characters, unknown escapes and ".5" through.
bool isStrictJson(const QByteArray &text)
{
    simdjson::dom::parser parser;
    const simdjson::error_code problem = parser.parse(text.constData(), size_t(text.size())).error();
    // simdjson has no place for numbers beyond 64 bits; Qt has, and what is too large is for the endpoint to say.
    return problem == simdjson::SUCCESS || (problem == simdjson::NUMBER_ERROR && hasOnlyJsonNumbers(text));
}

QString limits(int least, int most)
{
    return least > 0 ? u"must have %1 to %2 characters"_s.arg(least).arg(most) : u"must have at most %1 characters"_s.arg(most);
}

QString amount(Money money)
{
    QByteArray text = money.toDecimal();
    if (text.endsWith(".00"))
        text.chop(3);
    return QString::fromLatin1(text);
}

} // namespace

JsonBody::JsonBody(const QByteArray &text)
    : m_text(text.trimmed().isEmpty() ? QByteArray("{}") : withPlainNames(text))
{
    if (!isStrictJson(m_text)) {
        m_error = Error { ErrorCode::InvalidJson, u"The body is not valid JSON."_s };
        return;
    }
    const QJsonDocument document = QJsonDocument::fromJson(m_text);
    if (!document.isObject()) {
        m_error = Error { ErrorCode::ValidationError, u"The body must be a JSON object."_s };
        return;
    }
    m_object = document.object();
    m_members = scanObject(m_text);
}

bool JsonBody::has(QLatin1StringView name) const
{
    return m_object.contains(name);
}

bool JsonBody::isNull(QLatin1StringView name) const
{
    return m_object.value(name).isNull();
}

std::optional<QJsonValue> JsonBody::given(QLatin1StringView name) const
{
    const QJsonValue value = m_object.value(name);
    return value.isUndefined() || value.isNull() ? std::nullopt : std::optional(value);
}

void JsonBody::refuse(QLatin1StringView name, const QString &message, ErrorCode code)
{
    if (!m_error)
        m_error = Error { .code = code, .message = u"%1 %2."_s.arg(name, message), .param = name };
}

QString JsonBody::requiredText(QLatin1StringView name, int least, int most)
{
    if (!given(name))
        refuse(name, u"is required"_s);
    return text(name, least, most).value_or(QString());
}

std::optional<QString> JsonBody::text(QLatin1StringView name, int least, int most)
{
    const auto value = given(name);
    if (!value)
        return {};
    const QString found = value->toString();
    if (!value->isString())
        refuse(name, u"must be a string"_s);
    else if (characters(found) < least || characters(found) > most)
        refuse(name, limits(least, most));
    else if (found.contains(QChar(u'\0')))
        refuse(name, u"must not contain the character U+0000"_s); // PostgreSQL cannot store it
    else
        return found.isNull() ? u""_s : found;
    return {};
}

std::optional<bool> JsonBody::flag(QLatin1StringView name)
{
    const auto value = given(name);
    if (!value)
        return {};
    if (!value->isBool()) {
        refuse(name, u"must be true or false"_s);
        return {};
    }
    return value->toBool();
}

std::optional<qint64> JsonBody::integer(QLatin1StringView name, qint64 least, qint64 most)
{
    const auto value = given(name);
    if (!value)
        return {};
    const double number = value->toDouble();
    if (!value->isDouble() || std::floor(number) != number) {
        refuse(name, u"must be an integer"_s);
        return {};
    }
    if (number < double(least) || number > double(most)) {
        refuse(name, u"must be between %1 and %2"_s.arg(least).arg(most));
        return {};
    }
    return value->toInteger();
}

std::optional<Money> JsonBody::money(QLatin1StringView name, Money least, Money most)
{
    const auto value = given(name);
    if (!value)
        return {};
    if (!value->isDouble()) {
        refuse(name, u"must be a number"_s);
        return {};
    }
    // From the client's own digits: a double does not hold every micro-dollar.
    const auto found = Money::parse(raw(name));
    if (!found || *found < least || *found > most) {
        refuse(name, u"must be between %1 and %2, with at most 6 decimals"_s.arg(amount(least), amount(most)));
        return {};
    }
    return found;
}

Money JsonBody::requiredMoney(QLatin1StringView name, Money least, Money most)
{
    if (!given(name))
        refuse(name, u"is required"_s);
    return money(name, least, most).value_or(Money());
}

std::optional<Timestamp> JsonBody::time(QLatin1StringView name)
{
    const auto value = given(name);
    if (!value)
        return {};
    const auto found = value->isString() ? Timestamp::parse(value->toString()) : std::nullopt;
    if (!found)
        refuse(name, u"must be a time as in 2026-01-31T12:00:00Z"_s);
    return found;
}

std::optional<qint64> JsonBody::secondsInMs(QLatin1StringView name, qint64 mostSeconds)
{
    const auto value = given(name);
    if (!value)
        return {};
    // Money is the exact reader of decimals; a millionth of a second is nothing we can count.
    const auto found = value->isDouble() ? Money::parse(raw(name)) : std::nullopt;
    if (!found || found->isNegative() || found->micros() > mostSeconds * 1'000'000 || found->micros() % 1000 != 0) {
        refuse(name, u"must be a number between 0 and %1, with at most 3 decimals"_s.arg(mostSeconds));
        return {};
    }
    return found->micros() / 1000;
}

std::optional<QStringList> JsonBody::texts(QLatin1StringView name, int mostEntries, int mostLength)
{
    const auto value = given(name);
    if (!value)
        return {};
    QStringList found;
    const QJsonArray entries = value->toArray();
    for (const QJsonValue &entry : entries) {
        const QString one = entry.toString();
        if (!one.isEmpty() && characters(one) <= mostLength && !one.contains(QChar(u'\0')))
            found.append(one);
    }
    if (!value->isArray() || entries.size() > mostEntries || found.size() != entries.size()) {
        refuse(name, u"must be a list of at most %1 strings of 1 to %2 characters"_s.arg(mostEntries).arg(mostLength));
        return {};
    }
    return found;
}

std::optional<QByteArray> JsonBody::object(QLatin1StringView name, int mostBytes)
{
    const auto value = given(name);
    if (!value)
        return {};
    if (!value->isObject()) {
        refuse(name, u"must be an object"_s);
        return {};
    }
    const QByteArray json = compact(raw(name));
    if (json.size() > mostBytes) {
        refuse(name, u"must have at most %1 bytes"_s.arg(mostBytes));
        return {};
    }
    return json;
}

std::optional<QString> JsonBody::oneOf(QLatin1StringView name, const QStringList &words)
{
    const auto value = given(name);
    if (!value)
        return {};
    if (!value->isString() || !words.contains(value->toString())) {
        refuse(name, u"must be one of: %1"_s.arg(words.join(u", ")));
        return {};
    }
    return value->toString();
}

QByteArrayView JsonBody::raw(QLatin1StringView name) const
{
    const JsonMember *member = findMember(m_members, QByteArrayView(name.data(), name.size()));
    return member ? member->value : QByteArrayView();
}

QByteArray listJson(const QByteArrayList &rows, qint64 total, const Page &page)
{
    JsonWriter json;
    json.beginObject().key("data").beginArray();
    for (const QByteArray &row : rows)
        json.raw(row);
    json.endArray().member("total", total).member("page", page.number).member("limit", page.limit).endObject();
    return json.take();
}

void QueryReader::refuse(QLatin1StringView name, const QString &message)
{
    if (!m_error)
        m_error = Error { .code = ErrorCode::ValidationError, .message = u"%1 %2."_s.arg(name, message), .param = name };
}

std::optional<QString> QueryReader::text(QLatin1StringView name)
{
    if (!m_query.hasQueryItem(name))
        return {};
    // Forms write a blank as a plus sign, and a plus sign as %2B.
    QString value = m_query.queryItemValue(name, QUrl::FullyEncoded);
    value.replace(u'+', u' ');
    value = QUrl::fromPercentEncoding(value.toUtf8());
    if (value.contains(QChar(u'\0'))) {
        refuse(name, u"must not contain the character U+0000"_s);
        return {};
    }
    return value.isNull() ? u""_s : value;
}

Page QueryReader::page(qint64 largestLimit)
{
    const auto number = [this](QLatin1StringView name, qint64 most, qint64 otherwise) {
        const auto value = text(name);
        if (!value)
            return otherwise;
        bool ok = false;
        const qint64 found = value->toLongLong(&ok);
        const bool isPlain = std::all_of(value->begin(), value->end(), [](QChar c) { return c >= u'0' && c <= u'9'; });
        if (ok && isPlain && found >= 1 && found <= most)
            return found;
        refuse(name, u"must be an integer between 1 and %1"_s.arg(most));
        return otherwise;
    };
    // So far that no offset overflows.
    constexpr qint64 LastPage = 1'000'000'000'000;
    Page page;
    page.number = number("page"_L1, LastPage, page.number);
    page.limit = number("limit"_L1, largestLimit, page.limit);
    return page;
}

std::optional<bool> QueryReader::flag(QLatin1StringView name)
{
    const auto value = text(name);
    if (!value)
        return {};
    if (*value != "true"_L1 && *value != "false"_L1) {
        refuse(name, u"must be true or false"_s);
        return {};
    }
    return *value == "true"_L1;
}

std::optional<Timestamp> QueryReader::time(QLatin1StringView name)
{
    if (!m_query.hasQueryItem(name))
        return {};
    // A plus sign belongs to the offset here: nobody writes a blank into a time.
    const auto found = Timestamp::parse(m_query.queryItemValue(name, QUrl::FullyDecoded));
    if (!found)
        refuse(name, u"must be a time as in 2026-01-31T12:00:00Z"_s);
    return found;
}

std::optional<QString> QueryReader::oneOf(QLatin1StringView name, const QStringList &words)
{
    const auto value = text(name);
    if (value && !words.contains(*value)) {
        refuse(name, u"must be one of: %1"_s.arg(words.join(u", ")));
        return {};
    }
    return value;
}

std::optional<QString> QueryReader::uuid(QLatin1StringView name)
{
    const auto value = text(name);
    if (!value)
        return {};
    const auto id = Id<void>::parse(*value);
    if (!id) {
        refuse(name, u"must be a UUID"_s);
        return {};
    }
    return id->toString();
}

} // namespace assistiv
