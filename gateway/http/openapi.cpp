// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/openapi.h"

#include "core/errors.h"
#include "core/log.h"
#include "http/clientdialect.h"

#include <QtCore/QDir>
#include <QtCore/QHash>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QMap>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr auto CommonFile = "common.json"_L1;
constexpr int UsualRowLimit = 100;

QJsonObject describedIn(const QString &fileName)
{
    QFile file(u":/openapi/"_s + fileName);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    return QJsonDocument::fromJson(file.readAll()).object();
}

QJsonObject reference(QLatin1StringView kind, const QString &name)
{
    return { { u"$ref"_s, u"#/components/%1/%2"_s.arg(kind, name) } };
}

QJsonObject jsonContent(const QJsonObject &schema)
{
    return { { u"application/json"_s, QJsonObject { { u"schema"_s, schema } } } };
}

/// An empty name stands for no key at all.
QStringList securitySchemesOf(RequiredKey key)
{
    switch (key) {
    case RequiredKey::None: return {};
    case RequiredKey::AdminOrLocal: return { QString(), u"adminKey"_s };
    case RequiredKey::Platform: return { u"platformKey"_s };
    case RequiredKey::EndUser: return { u"endUserKey"_s };
    case RequiredKey::PlatformOrEndUser: return { u"endUserKey"_s, u"platformKey"_s };
    case RequiredKey::Admin: return { u"adminKey"_s };
    case RequiredKey::AdminOrPlatform: return { u"adminKey"_s, u"platformKey"_s };
    }
    return {};
}

/// What a wrong key is answered with (docs/contract/errors.md, "Sets used on the other pages").
QStringList keyErrors(RequiredKey key)
{
    if (key == RequiredKey::None)
        return {};
    QStringList errors { u"unauthorized"_s, u"forbidden"_s };
    if (key != RequiredKey::Admin && key != RequiredKey::AdminOrLocal)
        errors.append(u"platform_inactive"_s);
    if (key == RequiredKey::EndUser || key == RequiredKey::PlatformOrEndUser)
        errors.append(u"end_user_inactive"_s);
    return errors;
}

/// One route with what its group's file says about it, put together to an OpenAPI operation.
class Operation
{
public:
    Operation(const RouteTable::Entry &entry, const QJsonObject &described, const QString &tag,
              const QJsonObject &schemas)
        : m_entry(entry), m_described(described), m_tag(tag), m_schemas(schemas)
    {
    }

    QJsonObject json() const
    {
        QJsonObject out { { u"operationId"_s, m_described.value("id"_L1) },
                          { u"summary"_s, m_described.value("summary"_L1) },
                          { u"tags"_s, QJsonArray { m_tag } },
                          { u"security"_s, security() },
                          { u"responses"_s, responses() } };
        if (m_described.contains("description"_L1))
            out.insert("description"_L1, m_described.value("description"_L1));
        if (const QJsonArray all = parameters(); !all.isEmpty())
            out.insert("parameters"_L1, all);
        if (m_described.contains("body"_L1))
            out.insert("requestBody"_L1, requestBody());
        return out;
    }

private:
    QJsonArray security() const
    {
        QJsonArray all;
        for (const QString &scheme : securitySchemesOf(m_entry.key))
            all.append(scheme.isEmpty() ? QJsonObject() : QJsonObject { { scheme, QJsonArray() } });
        return all;
    }

    QJsonArray parameters() const
    {
        QJsonArray all;
        for (const QByteArray &segment : m_entry.segments) {
            if (segment.startsWith('{'))
                all.append(reference("parameters"_L1, QString::fromLatin1(segment.sliced(1, segment.size() - 2))));
        }
        const QJsonObject query = m_described.value("query"_L1).toObject();
        for (auto parameter = query.begin(); parameter != query.end(); ++parameter) {
            all.append(QJsonObject { { u"name"_s, parameter.key() },
                                     { u"in"_s, u"query"_s },
                                     { u"schema"_s, parameter.value() } });
        }
        if (isList()) {
            const int most = rows().value("most"_L1).toInt(UsualRowLimit);
            all.append(reference("parameters"_L1, u"page"_s));
            all.append(reference("parameters"_L1, u"limit%1"_s.arg(most)));
        }
        if (m_entry.idempotent)
            all.append(reference("parameters"_L1, u"IdempotencyKey"_s));
        return all;
    }

    QJsonObject requestBody() const
    {
        const QJsonObject schema = m_described.value("body"_L1).toObject();
        const QString named = schema.value("$ref"_L1).toString().section(u'/', -1);
        const QJsonObject resolved = named.isEmpty() ? schema : m_schemas.value(named).toObject();
        return { { u"content"_s, jsonContent(schema) }, { u"required"_s, resolved.contains("required"_L1) } };
    }

    QJsonObject responses() const
    {
        QJsonObject all;
        if (isList())
            all.insert("200"_L1, answer({ { u"description"_s, u"A page of the list"_s }, { u"schema"_s, page() } }));
        const QJsonObject answers = m_described.value("answers"_L1).toObject();
        for (auto each = answers.begin(); each != answers.end(); ++each)
            all.insert(each.key(), answer(each.value().toObject()));

        const auto refusals = refusalsByStatus();
        for (auto each = refusals.begin(); each != refusals.end(); ++each) {
            if (!all.contains(QString::number(each.key())))
                all.insert(QString::number(each.key()), refusal(each.key(), each.value()));
        }
        all.insert("default"_L1, reference("responses"_L1, isAnthropic() ? u"MessagesFailure"_s : u"Failure"_s));
        return all;
    }

    QJsonObject answer(const QJsonObject &described) const
    {
        QJsonObject headers { { u"x-request-id"_s, reference("headers"_L1, u"RequestId"_s) } };
        if (m_entry.idempotent)
            headers.insert("idempotent-replayed"_L1, reference("headers"_L1, u"Replayed"_s));
        QJsonObject out { { u"description"_s, described.value("description"_L1) }, { u"headers"_s, headers } };
        if (described.contains("content"_L1))
            out.insert("content"_L1, described.value("content"_L1));
        else if (described.contains("schema"_L1))
            out.insert("content"_L1, jsonContent(described.value("schema"_L1).toObject()));
        return out;
    }

    QMap<int, QStringList> refusalsByStatus() const
    {
        QStringList codes = keyErrors(m_entry.key);
        if (m_described.contains("body"_L1))
            codes += { u"invalid_json"_s, u"payload_too_large"_s, u"validation_error"_s };
        if (m_described.contains("query"_L1) || isList() || m_entry.idempotent)
            codes.append(u"validation_error"_s);
        if (m_entry.idempotent)
            codes.append(u"idempotency_conflict"_s);
        for (const QJsonValue &code : m_described.value("errors"_L1).toArray())
            codes.append(code.toString());
        codes.removeDuplicates();

        QMap<int, QStringList> byStatus;
        for (const ErrorRow &row : errorRows()) {
            QStringList &there = byStatus[row.status];
            if (codes.contains(row.word) && !there.contains(row.word))
                there.append(row.word);
        }
        byStatus.removeIf([](const auto &status) { return status.value().isEmpty(); });
        return byStatus;
    }

    bool isAnthropic() const { return dialectOf(m_entry.path) == ClientDialect::Anthropic; }

    QJsonObject refusal(int status, const QStringList &codes) const
    {
        const QJsonObject code { { u"enum"_s, QJsonArray::fromStringList(codes) } };
        const QJsonObject error { { u"properties"_s, QJsonObject { { u"code"_s, code } } } };
        const QJsonObject form = reference("schemas"_L1, isAnthropic() ? u"MessagesError"_s : u"Error"_s);
        const QJsonObject narrowed { { u"properties"_s, QJsonObject { { u"error"_s, error } } } };
        const QJsonObject schema { { u"allOf"_s, QJsonArray { form, narrowed } } };
        QJsonObject headers { { u"x-request-id"_s, reference("headers"_L1, u"RequestId"_s) } };
        if (status == 429 || status == 503)
            headers.insert("retry-after"_L1, reference("headers"_L1, u"RetryAfter"_s));
        return { { u"description"_s, u'`' + codes.join("`, `"_L1) + u'`' },
                 { u"headers"_s, headers },
                 { u"content"_s, jsonContent(schema) } };
    }

    bool isList() const { return m_described.contains("rows"_L1); }
    QJsonObject rows() const { return m_described.value("rows"_L1).toObject(); }

    QJsonObject page() const
    {
        const QJsonObject data { { u"type"_s, u"array"_s }, { u"items"_s, rows().value("schema"_L1) } };
        const QJsonObject withRows { { u"type"_s, u"object"_s },
                                     { u"required"_s, QJsonArray { u"data"_s } },
                                     { u"properties"_s, QJsonObject { { u"data"_s, data } } } };
        return { { u"allOf"_s, QJsonArray { reference("schemas"_L1, u"Page"_s), withRows } } };
    }

    const RouteTable::Entry &m_entry;
    const QJsonObject m_described;
    const QString m_tag;
    const QJsonObject &m_schemas;
};

QJsonObject parametersOf(const QJsonObject &common)
{
    QJsonObject all = common.value("parameters"_L1).toObject();
    const QJsonObject inPath = common.value("pathParameters"_L1).toObject();
    for (auto each = inPath.begin(); each != inPath.end(); ++each) {
        QJsonObject parameter = each.value().toObject();
        parameter.insert("name"_L1, each.key());
        parameter.insert("in"_L1, u"path"_s);
        parameter.insert("required"_L1, true);
        all.insert(each.key(), parameter);
    }
    return all;
}

} // namespace

QList<QJsonObject> openApiGroups()
{
    QList<QJsonObject> groups;
    for (const QString &name : QDir(u":/openapi"_s).entryList(QDir::Files, QDir::Name)) {
        if (name != CommonFile)
            groups.append(describedIn(name));
    }
    return groups;
}

QJsonObject openApiDocument(const RouteTable &table, const QString &version)
{
    const QJsonObject common = describedIn(CommonFile);
    QHash<QString, const RouteTable::Entry *> undescribed;
    for (const RouteTable::Entry &entry : table.entries())
        undescribed.insert(QString::fromLatin1(methodName(entry.method) + ' ' + entry.path), &entry);

    QJsonObject paths;
    QJsonObject schemas = common.value("schemas"_L1).toObject();
    QStringList usedTags;
    for (const QJsonObject &group : openApiGroups()) {
        const QJsonObject more = group.value("schemas"_L1).toObject();
        const QString tag = group.value("tag"_L1).toString();
        bool isServed = false;
        const QJsonObject operations = group.value("operations"_L1).toObject();
        for (auto each = operations.begin(); each != operations.end(); ++each) {
            const RouteTable::Entry *entry = undescribed.take(each.key());
            if (!entry)
                continue; // a route that only some gateways have
            const QString path = QString::fromLatin1(entry->path);
            QJsonObject methods = paths.value(path).toObject();
            methods.insert(QString::fromLatin1(methodName(entry->method).toLower()),
                           Operation(*entry, each.value().toObject(), tag, more).json());
            paths.insert(path, methods);
            isServed = true;
        }
        if (!isServed)
            continue;
        usedTags.append(tag);
        for (auto each = more.begin(); each != more.end(); ++each)
            schemas.insert(each.key(), each.value());
    }
    for (auto route = undescribed.cbegin(); route != undescribed.cend(); ++route)
        Log::error("http", u"resources/openapi says nothing about %1"_s.arg(route.key()));

    QJsonArray tags;
    for (const QJsonValue &tag : common.value("tags"_L1).toArray()) {
        if (usedTags.contains(tag.toObject().value("name"_L1).toString()))
            tags.append(tag);
    }
    QJsonObject document = common.value("document"_L1).toObject();
    QJsonObject info = document.value("info"_L1).toObject();
    info.insert("version"_L1, version);
    document.insert("info"_L1, info);
    document.insert("tags"_L1, tags);
    document.insert("paths"_L1, paths);
    document.insert("components"_L1, QJsonObject { { u"schemas"_s, schemas },
                                                   { u"parameters"_s, parametersOf(common) },
                                                   { u"headers"_s, common.value("headers"_L1) },
                                                   { u"responses"_s, common.value("responses"_L1) },
                                                   { u"securitySchemes"_s, common.value("securitySchemes"_L1) } });
    return document;
}

} // namespace assistiv
