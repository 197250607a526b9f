// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/naiveform.h"

#include <algorithm>

namespace naive {

namespace {

constexpr qint64 DayMs = 86'400'000;

bool isLeap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int daysIn(int year, int month)
{
    static constexpr int Days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    return month == 2 && isLeap(year) ? 29 : Days[month - 1];
}

struct Date
{
    int year = 1970;
    int month = 1;
    qint64 day = 1;
};

Date dateOf(qint64 ms)
{
    Date date;
    qint64 days = ms / DayMs;
    for (; days >= (isLeap(date.year) ? 366 : 365); ++date.year)
        days -= isLeap(date.year) ? 366 : 365;
    for (; days >= daysIn(date.year, date.month); ++date.month)
        days -= daysIn(date.year, date.month);
    date.day = days + 1;
    return date;
}

QByteArray padded(qint64 number, int width)
{
    return QByteArray::number(number).rightJustified(width, '0');
}

/// Only what the tests write: a whole number of milliseconds, Z or an offset.
std::optional<qint64> timeFrom(const QByteArray &text)
{
    bool ok = true;
    const auto number = [&](qsizetype from, qsizetype size) {
        bool isNumber = false;
        const qint64 found = text.mid(from, size).toLongLong(&isNumber);
        ok = ok && isNumber;
        return found;
    };
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return {};
    const int year = int(number(0, 4));
    const int month = int(number(5, 2));
    qint64 days = number(8, 2) - 1;
    if (!ok || year < 1970 || month < 1 || month > 12 || days < 0 || days >= daysIn(year, month))
        return {};
    for (int y = 1970; y < year; ++y)
        days += isLeap(y) ? 366 : 365;
    for (int m = 1; m < month; ++m)
        days += daysIn(year, m);
    qint64 ms = ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60'000 + number(17, 2) * 1000;
    qsizetype at = 19;
    if (text[at] == '.') {
        ms += number(20, 3);
        at = 23;
    }
    const QByteArray zone = text.mid(at);
    if (zone.size() == 6 && (zone[0] == '+' || zone[0] == '-')) {
        const qint64 offset = (number(at + 1, 2) * 60 + number(at + 4, 2)) * 60'000;
        ms -= zone[0] == '+' ? offset : -offset;
    } else if (zone != "Z") {
        return {};
    }
    return ok ? std::optional(ms) : std::nullopt;
}

int characters(const QByteArray &utf8)
{
    return int(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

QByteArray errorType(int status)
{
    switch (status) {
    case 400: return "invalid_request";
    case 401: return "unauthorized";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 409: return "conflict";
    default: return "validation_error";
    }
}

} // namespace

QByteArray isoText(qint64 ms)
{
    const Date date = dateOf(ms);
    const qint64 inDay = ms % DayMs;
    return padded(date.year, 4) + '-' + padded(date.month, 2) + '-' + padded(date.day, 2) + 'T' + padded(inDay / 3'600'000, 2)
        + ':' + padded(inDay / 60'000 % 60, 2) + ':' + padded(inDay / 1000 % 60, 2) + '.' + padded(inDay % 1000, 3) + 'Z';
}

qint64 startOfDay(qint64 ms)
{
    return ms - ms % DayMs;
}

qint64 startOfMonth(qint64 ms)
{
    return startOfDay(ms) - (dateOf(ms).day - 1) * DayMs;
}

bool isUuid(const QByteArray &text)
{
    if (text.size() != 36)
        return false;
    for (qsizetype at = 0; at < text.size(); ++at) {
        const bool isDash = at == 8 || at == 13 || at == 18 || at == 23;
        const char c = text[at];
        const bool isHex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (isDash ? c != '-' : !isHex)
            return false;
    }
    return true;
}

Answer refusal(int status, const QByteArray &code, const QByteArrayList &params)
{
    Answer answer { .status = status, .code = code, .params = params };
    answer.body = Json::object({ { "type", Json::ofText(errorType(status)) }, { "code", Json::ofText(code) } });
    return answer;
}

Answer noSuch(const QByteArray &what)
{
    return refusal(404, what + "_not_found");
}

Form::Form(const QByteArray &body)
{
    const auto json = body.trimmed().isEmpty() ? Json::object() : Json::parse(body);
    m_isJson = json.has_value();
    m_json = json.value_or(Json());
}

const Json *Form::given(const QByteArray &name) const
{
    const Json *member = m_json.find(name);
    return member && member->kind != Json::Kind::Null ? member : nullptr;
}

bool Form::isGiven(const QByteArray &name) const
{
    return given(name) != nullptr;
}

void Form::require(const QByteArray &name)
{
    if (!isGiven(name))
        refuse(name);
}

void Form::refuseNull(const QByteArrayList &names)
{
    for (const QByteArray &name : names) {
        if (has(name) && !isGiven(name))
            refuse(name);
    }
}

std::optional<qint64> Form::money(const QByteArray &name, qint64 least, qint64 most)
{
    const Json *member = given(name);
    if (!member)
        return {};
    const auto found = member->micros();
    if (found && *found >= least && *found <= most)
        return found;
    refuse(name);
    return {};
}

std::optional<QByteArray> Form::text(const QByteArray &name, int least, int most)
{
    const Json *member = given(name);
    if (!member)
        return {};
    if (member->kind == Json::Kind::Text && characters(member->text) >= least && characters(member->text) <= most)
        return member->text;
    refuse(name);
    return {};
}

std::optional<QByteArray> Form::word(const QByteArray &name, const QByteArrayList &words)
{
    const Json *member = given(name);
    if (!member)
        return {};
    if (member->kind == Json::Kind::Text && words.contains(member->text))
        return member->text;
    refuse(name);
    return {};
}

std::optional<bool> Form::flag(const QByteArray &name)
{
    const Json *member = given(name);
    if (!member)
        return {};
    if (member->kind == Json::Kind::Flag)
        return member->flag;
    refuse(name);
    return {};
}

std::optional<qint64> Form::time(const QByteArray &name)
{
    const Json *member = given(name);
    if (!member)
        return {};
    const auto found = member->kind == Json::Kind::Text ? timeFrom(member->text) : std::nullopt;
    if (!found)
        refuse(name);
    return found;
}

std::optional<QByteArrayList> Form::texts(const QByteArray &name, qsizetype mostEntries, int mostLength)
{
    const Json *member = given(name);
    if (!member)
        return {};
    QByteArrayList found;
    for (const Json &item : member->items) {
        if (item.kind == Json::Kind::Text && !item.text.isEmpty() && characters(item.text) <= mostLength)
            found.append(item.text);
    }
    if (member->kind == Json::Kind::List && found.size() == qsizetype(member->items.size()) && found.size() <= mostEntries)
        return found;
    refuse(name);
    return {};
}

std::optional<Json> Form::object(const QByteArray &name, qsizetype mostBytes)
{
    const Json *member = given(name);
    if (!member)
        return {};
    if (member->isObject() && member->toText().size() <= mostBytes)
        return *member;
    refuse(name);
    return {};
}

std::optional<Answer> Form::problem() const
{
    if (!m_isJson)
        return refusal(400, "invalid_json");
    if (!m_json.isObject())
        return refusal(422, "validation_error");
    if (!m_wrong.isEmpty())
        return refusal(422, "validation_error", m_wrong);
    return {};
}

Query::Query(const QByteArray &query)
{
    for (const QByteArray &pair : query.split('&')) {
        const qsizetype equals = pair.indexOf('=');
        if (equals > 0)
            m_values[pair.first(equals)] = QByteArray::fromPercentEncoding(pair.mid(equals + 1));
    }
}

std::optional<QByteArray> Query::text(const QByteArray &name) const
{
    const auto found = m_values.find(name);
    return found == m_values.end() ? std::nullopt : std::optional(found->second);
}

std::optional<QByteArray> Query::word(const QByteArray &name, const QByteArrayList &words)
{
    const auto value = text(name);
    if (value && !words.contains(*value))
        refuse(name);
    return value;
}

std::optional<qint64> Query::time(const QByteArray &name)
{
    const auto value = text(name);
    if (!value)
        return {};
    const auto found = timeFrom(*value);
    if (!found)
        refuse(name);
    return found;
}

std::optional<QByteArray> Query::uuid(const QByteArray &name)
{
    const auto value = text(name);
    if (value && !isUuid(*value))
        refuse(name);
    return value;
}

std::optional<qint64> Query::positive(const QByteArray &name, qint64 most)
{
    const auto value = text(name);
    if (!value)
        return {};
    bool isNumber = false;
    const qint64 found = value->toLongLong(&isNumber);
    if (isNumber && found >= 1 && found <= most)
        return found;
    refuse(name);
    return {};
}

void Query::readPage(qint64 mostLimit)
{
    m_page = positive("page", Million).value_or(1);
    m_limit = positive("limit", mostLimit).value_or(20);
}

std::optional<Answer> Query::problem() const
{
    return m_wrong.isEmpty() ? std::nullopt : std::optional(refusal(422, "validation_error", m_wrong));
}

Answer Query::page(const std::vector<Json> &all) const
{
    std::vector<Json> shown;
    const qint64 total = qint64(all.size());
    for (qint64 at = (m_page - 1) * m_limit; at < m_page * m_limit && at < total; ++at)
        shown.push_back(all[size_t(at)]);
    return { .body = Json::object({ { "data", Json::ofList(shown) },
                                    { "total", Json::ofNumber(total) },
                                    { "page", Json::ofNumber(m_page) },
                                    { "limit", Json::ofNumber(m_limit) } }) };
}

} // namespace naive
