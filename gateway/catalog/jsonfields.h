// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "core/money.h"
#include "core/result.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonObject>
#include <QtCore/QSet>
#include <QtCore/QStringList>

#include <optional>

namespace assistiv {

/// The first rule that a JSON text breaks, shared by all readers of its parts.
struct JsonProblem
{
    /// Members that nobody asked for are refused, not ignored.
    bool isStrict = false;
    std::optional<Error> first = {};

    Result<void> check() const { return first ? Result<void>(*first) : Result<void>(); }
};

/// Reads the members of one object inside a larger JSON text: ask for everything, call finish(), then look at the
/// problem. null counts as not given. Errors carry the path of the member ("platforms[0].end_users[1].budget.max_usd").
class JsonFields
{
public:
    /// Null problem is not allowed; it must outlive the reader.
    JsonFields(QJsonObject object, QString path, JsonProblem *problem);

    bool has(QLatin1StringView name);
    bool isNull(QLatin1StringView name);
    QJsonValue value(QLatin1StringView name);

    std::optional<QString> text(QLatin1StringView name, int least, int most);
    QString requiredText(QLatin1StringView name, int least, int most);
    std::optional<bool> flag(QLatin1StringView name);
    std::optional<qint64> integer(QLatin1StringView name, qint64 least, qint64 most);
    /// A decimal as number or text, exactly: never more than six places.
    std::optional<Money> money(QLatin1StringView name, Money least, Money most);
    /// A day ("2026-12-01", begins at midnight UTC) or a moment.
    std::optional<Timestamp> date(QLatin1StringView name);
    std::optional<QStringList> texts(QLatin1StringView name, int mostEntries, int mostLength);
    std::optional<QString> oneOf(QLatin1StringView name, const QStringList &words);
    std::optional<JsonFields> object(QLatin1StringView name);
    /// Readers for the objects of a list; empty when it is not given.
    std::optional<QList<JsonFields>> objects(QLatin1StringView name, int mostEntries);

    /// Refuses the members that nobody asked for, if the text is read strictly.
    void finish();

    void refuse(QLatin1StringView name, const QString &message);
    QString pathOf(QLatin1StringView name) const;
    const QString &path() const { return m_path; }
    const QJsonObject &json() const { return m_object; }

private:
    std::optional<QJsonValue> given(QLatin1StringView name);

    QJsonObject m_object;
    QString m_path;
    JsonProblem *m_problem;
    QSet<QString> m_asked;
};

} // namespace assistiv
