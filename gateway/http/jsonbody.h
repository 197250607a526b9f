// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/jsonfields.h"
#include "core/clock.h"
#include "core/jsonscan.h"
#include "core/money.h"
#include "core/result.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QStringList>

#include <optional>

namespace assistiv {

/// Reads the members of a JSON request body and remembers the first one that breaks its rule: ask for everything, then
/// check error() once. In POST bodies null counts as not given; PATCH bodies tell the two apart with has() and isNull().
class JsonBody
{
public:
    /// An empty body counts as {}. InvalidJson when it does not parse, ValidationError when it is no object.
    explicit JsonBody(const QByteArray &text);

    bool has(QLatin1StringView name) const;
    bool isNull(QLatin1StringView name) const;

    QString requiredText(QLatin1StringView name, int least, int most);
    /// Empty optional: not given or null.
    std::optional<QString> text(QLatin1StringView name, int least, int most);
    std::optional<bool> flag(QLatin1StringView name);
    std::optional<qint64> integer(QLatin1StringView name, qint64 least, qint64 most);
    /// Exact: more than six decimals are an error.
    std::optional<Money> money(QLatin1StringView name, Money least, Money most);
    Money requiredMoney(QLatin1StringView name, Money least, Money most);
    std::optional<Timestamp> time(QLatin1StringView name);
    /// Seconds with at most three decimals, from 0 on; as milliseconds.
    std::optional<qint64> secondsInMs(QLatin1StringView name, qint64 mostSeconds);
    std::optional<QStringList> texts(QLatin1StringView name, int mostEntries, int mostLength);
    /// An object as compact JSON, at most so many bytes.
    std::optional<QByteArray> object(QLatin1StringView name, int mostBytes);
    std::optional<QString> oneOf(QLatin1StringView name, const QStringList &words);
    /// The original text of a member, for what needs it exactly.
    QByteArrayView raw(QLatin1StringView name) const;

    /// The first broken rule; also settable by the caller for rules between fields.
    void refuse(QLatin1StringView name, const QString &message, ErrorCode code = ErrorCode::ValidationError);
    Result<void> check() const { return m_error ? Result<void>(*m_error) : Result<void>(); }

private:
    std::optional<QJsonValue> given(QLatin1StringView name) const;

    QByteArray m_text;
    QJsonObject m_object;
    QList<JsonMember> m_members;
    std::optional<Error> m_error;
};

/// The body as a reader of JsonFields understands it; JsonBody says what is wrong with its form.
template<typename T>
Result<T> readBody(const QByteArray &body, T (*read)(JsonFields &))
{
    if (const auto good = JsonBody(body).check(); !good)
        return good.error();
    JsonProblem problem;
    JsonFields fields(QJsonDocument::fromJson(body).object(), {}, &problem);
    T value = read(fields);
    return problem.first ? Result<T>(*problem.first) : Result<T>(std::move(value));
}

/// page and limit of a list (docs/contract/conventions.md, "Pagination").
struct Page
{
    qint64 number = 1;
    qint64 limit = 20;
    qint64 offset() const { return (number - 1) * limit; }
};

/// The list envelope around rows that are JSON already.
QByteArray listJson(const QByteArrayList &rows, qint64 total, const Page &page);

/// Reads query parameters with the same "first broken rule" manner as JsonBody.
class QueryReader
{
public:
    explicit QueryReader(const class QUrlQuery &query) : m_query(query) {}
    Page page(qint64 largestLimit = 100);
    std::optional<QString> text(QLatin1StringView name);
    std::optional<bool> flag(QLatin1StringView name);
    std::optional<Timestamp> time(QLatin1StringView name);
    std::optional<QString> oneOf(QLatin1StringView name, const QStringList &words);
    /// A UUID in its text form; anything else is an error.
    std::optional<QString> uuid(QLatin1StringView name);
    Result<void> check() const { return m_error ? Result<void>(*m_error) : Result<void>(); }

private:
    void refuse(QLatin1StringView name, const QString &message);
    const class QUrlQuery &m_query;
    std::optional<Error> m_error;
};

} // namespace assistiv
