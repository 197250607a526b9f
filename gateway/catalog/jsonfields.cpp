// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/jsonfields.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

// The decimal as it was written: a JSON number of up to 15 digits comes back from Qt's shortest form unchanged.
QByteArray decimalText(const QJsonValue &value)
{
    return value.isString() ? value.toString().toUtf8() : value.toVariant().toByteArray();
}

bool isWhole(const QJsonValue &value)
{
    return value.isDouble() && value.toInteger(0) == value.toInteger(1);
}

} // namespace

JsonFields::JsonFields(QJsonObject object, QString path, JsonProblem *problem)
    : m_object(std::move(object))
    , m_path(std::move(path))
    , m_problem(problem)
{
}

QString JsonFields::pathOf(QLatin1StringView name) const
{
    return m_path.isEmpty() ? QString(name) : m_path + u'.' + name;
}

void JsonFields::refuse(QLatin1StringView name, const QString &message)
{
    if (!m_problem->first)
        m_problem->first = Error { .code = ErrorCode::ValidationError, .message = message, .param = pathOf(name) };
}

bool JsonFields::has(QLatin1StringView name)
{
    m_asked.insert(name);
    return m_object.contains(name);
}

bool JsonFields::isNull(QLatin1StringView name)
{
    return has(name) && m_object.value(name).isNull();
}

QJsonValue JsonFields::value(QLatin1StringView name)
{
    m_asked.insert(name);
    return m_object.value(name);
}

std::optional<QJsonValue> JsonFields::given(QLatin1StringView name)
{
    const QJsonValue found = value(name);
    return found.isUndefined() || found.isNull() ? std::nullopt : std::optional(found);
}

std::optional<QString> JsonFields::text(QLatin1StringView name, int least, int most)
{
    const auto found = given(name);
    if (!found)
        return {};
    const QString text = found->toString();
    if (!found->isString() || text.size() < least || text.size() > most) {
        refuse(name, u"%1 must be text of %2 to %3 characters."_s.arg(name).arg(least).arg(most));
        return {};
    }
    return text;
}

QString JsonFields::requiredText(QLatin1StringView name, int least, int most)
{
    if (!given(name))
        refuse(name, u"%1 is required."_s.arg(name));
    return text(name, least, most).value_or(QString());
}

std::optional<bool> JsonFields::flag(QLatin1StringView name)
{
    const auto found = given(name);
    if (found && !found->isBool())
        refuse(name, u"%1 must be true or false."_s.arg(name));
    return found && found->isBool() ? std::optional(found->toBool()) : std::nullopt;
}

std::optional<qint64> JsonFields::integer(QLatin1StringView name, qint64 least, qint64 most)
{
    const auto found = given(name);
    if (!found)
        return {};
    const qint64 number = found->toInteger();
    if (!isWhole(*found) || number < least || number > most) {
        refuse(name, u"%1 must be a whole number from %2 to %3."_s.arg(name).arg(least).arg(most));
        return {};
    }
    return number;
}

std::optional<Money> JsonFields::money(QLatin1StringView name, Money least, Money most)
{
    const auto found = given(name);
    if (!found)
        return {};
    const auto amount = found->isDouble() || found->isString() ? Money::parse(decimalText(*found)) : std::nullopt;
    if (!amount || *amount < least || *amount > most) {
        refuse(name,
               u"%1 must be a number from %2 to %3 with at most 6 decimals."_s.arg(
                   name, QLatin1StringView(least.toDecimal()), QLatin1StringView(most.toDecimal())));
        return {};
    }
    return amount;
}

std::optional<Timestamp> JsonFields::date(QLatin1StringView name)
{
    const auto found = given(name);
    if (!found)
        return {};
    const QString text = found->toString();
    const auto moment = Timestamp::parse(text.size() == 10 ? text + "T00:00:00Z"_L1 : text);
    if (!moment)
        refuse(name, u"%1 must be a day (2026-12-31) or a moment in ISO 8601."_s.arg(name));
    return moment;
}

std::optional<QStringList> JsonFields::texts(QLatin1StringView name, int mostEntries, int mostLength)
{
    const auto found = given(name);
    if (!found)
        return {};
    QStringList texts;
    const QJsonArray array = found->toArray();
    bool good = found->isArray() && array.size() <= mostEntries;
    for (const QJsonValue &entry : array) {
        good = good && entry.isString() && !entry.toString().isEmpty() && entry.toString().size() <= mostLength;
        texts.append(entry.toString());
    }
    if (!good) {
        refuse(name,
               u"%1 must be a list of at most %2 texts of 1 to %3 characters."_s.arg(name)
                   .arg(mostEntries)
                   .arg(mostLength));
        return {};
    }
    return texts;
}

std::optional<QString> JsonFields::oneOf(QLatin1StringView name, const QStringList &words)
{
    const auto found = given(name);
    if (!found)
        return {};
    if (!found->isString() || !words.contains(found->toString())) {
        refuse(name, u"%1 must be one of %2."_s.arg(name, words.join(u", "_s)));
        return {};
    }
    return found->toString();
}

std::optional<JsonFields> JsonFields::object(QLatin1StringView name)
{
    const auto found = given(name);
    if (!found)
        return {};
    if (!found->isObject()) {
        refuse(name, u"%1 must be an object."_s.arg(name));
        return {};
    }
    return JsonFields(found->toObject(), pathOf(name), m_problem);
}

std::optional<QList<JsonFields>> JsonFields::objects(QLatin1StringView name, int mostEntries)
{
    const auto found = given(name);
    if (!found)
        return {};
    const QJsonArray array = found->toArray();
    if (!found->isArray() || array.size() > mostEntries) {
        refuse(name, u"%1 must be a list of at most %2 objects."_s.arg(name).arg(mostEntries));
        return {};
    }
    QList<JsonFields> readers;
    for (qsizetype i = 0; i < array.size(); ++i) {
        const JsonFields reader(array.at(i).toObject(), u"%1[%2]"_s.arg(pathOf(name)).arg(i), m_problem);
        if (!array.at(i).isObject() && !m_problem->first)
            m_problem->first = Error { .code = ErrorCode::ValidationError,
                                       .message = u"must be an object."_s,
                                       .param = reader.path() };
        readers.append(reader);
    }
    return readers;
}

void JsonFields::finish()
{
    if (!m_problem->isStrict)
        return;
    for (auto member = m_object.constBegin(); member != m_object.constEnd(); ++member) {
        if (!m_asked.contains(member.key()) && !m_problem->first) {
            m_problem->first = Error { .code = ErrorCode::ValidationError,
                                       .message = u"Unknown member."_s,
                                       .param = m_path.isEmpty() ? member.key() : m_path + u'.' + member.key() };
        }
    }
}

} // namespace assistiv
