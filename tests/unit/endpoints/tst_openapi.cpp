// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogwords.h"
#include "fixtures/scratchdatabase.h"
#include "http/openapi.h"
#include "core/words.h"
#include "providers/chatrequest.h"
#include "providers/embeddings/embeddings.h"
#include "providers/messages/messagesrequest.h"
#include "providers/responses/responsesrequest.h"
#include "services/services.h"

#include <QtCore/QDir>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QRegularExpression>
#include <QtCore/QSet>
#include <QtTest/QTest>

#include <variant>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

/// One step down into a JSON text: the name of a member or the place in a list.
using Step = std::variant<QString, int>;
using Path = QList<Step>;

/// What no reader of any member takes.
const QJsonArray Nonsense { QJsonArray() };

QString nameOf(const RouteTable::Entry &entry)
{
    return QString::fromLatin1(methodName(entry.method) + ' ' + entry.path);
}

QString paramOf(const Path &path)
{
    QString text;
    for (const Step &step : path) {
        if (const int *index = std::get_if<int>(&step))
            text += u"[%1]"_s.arg(*index);
        else
            text += (text.isEmpty() ? QString() : u"."_s) + std::get<QString>(step);
    }
    return text;
}

QJsonValue at(const QJsonValue &root, const Path &path)
{
    QJsonValue found = root;
    for (const Step &step : path) {
        if (const int *index = std::get_if<int>(&step))
            found = found.toArray().at(*index);
        else
            found = found.toObject().value(std::get<QString>(step));
    }
    return found;
}

/// The same with another value there; undefined takes the member out.
QJsonValue with(const QJsonValue &root, const Path &path, const QJsonValue &value)
{
    if (path.isEmpty())
        return value;
    if (const int *index = std::get_if<int>(&path.first())) {
        QJsonArray list = root.toArray();
        list.replace(*index, with(list.at(*index), path.sliced(1), value));
        return list;
    }
    const QString name = std::get<QString>(path.first());
    QJsonObject object = root.toObject();
    const QJsonValue changed = with(object.value(name), path.sliced(1), value);
    if (changed.isUndefined())
        object.remove(name);
    else
        object.insert(name, changed);
    return object;
}

QStringList typesOf(const QJsonObject &schema)
{
    const QJsonValue type = schema.value("type"_L1);
    return type.isArray() ? type.toVariant().toStringList() : QStringList { type.toString() };
}

} // namespace

/// The description of the routes against the routes themselves. The files in resources/openapi say what an endpoint
/// takes; here each of these rules is tried out on the endpoint.
class tst_OpenApi : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void everyRouteIsDescribedAndNothingElse();
    void aGatewayDescribesTheRoutesItHas();
    void keysAreTheTablesOwn();
    void describesWithKnownWords();
    void everyReferenceLeadsSomewhere();
    void wordsAreTheProgramsOwn();
    void bodies_data();
    void bodies();
    void queries_data();
    void queries();

private:
    QJsonObject operation(const RouteTable::Entry &entry) const;
    QJsonObject resolved(const QJsonValue &schema) const;
    /// With the members of all parts of an allOf.
    QJsonObject flat(const QJsonObject &schema) const;

    enum class Until { Form, Services };
    /// Why the route refuses what the request says; empty when it does not. Services also know what does not go
    /// together.
    std::optional<Error> refusal(Until until, const QByteArray &body, const QString &query = {});
    std::optional<Error> refusal(Until until, const QJsonValue &body);
    /// The example with another value there; with little else when it has no such member.
    QJsonValue exampleWith(const Path &path, const QJsonValue &value) const;
    void refuses(const Path &path, const QJsonValue &value, const char *why);
    void accepts(const Path &path, const QJsonValue &value, const char *why);

    void checkMember(const Path &path, const QJsonObject &schema, bool isRequired);
    void checkMembers(const Path &path, const QJsonObject &schema);
    void checkNumber(const Path &path, const QJsonObject &schema);
    void checkText(const Path &path, const QJsonObject &schema);
    void checkList(const Path &path, const QJsonObject &schema);

    QJsonObject m_document;
    QStringList m_names; // everything that anybody might read from a body or a query
    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Services> m_services;
    Caller m_caller;
    QByteArray m_user;
    // The request that is being tried out.
    const RouteTable::Entry *m_entry = nullptr;
    QJsonValue m_example;
    QJsonObject m_least; // only what must be there
};

void tst_OpenApi::initTestCase()
{
    m_document = openApiDocument(RouteTable::withTestClock(), u"1.2.3"_s);
    m_scratch = std::make_unique<ScratchDatabase>();
    m_services = std::make_unique<Services>(m_scratch->context());
    (void)m_scratch->attempt([&] { return m_services->catalog.importStarter(); });
    const PlatformDraft acme { .name = u"Acme"_s, .slug = u"acme"_s };
    const auto made = m_scratch->attempt([&] { return m_services->platforms.create(acme); });
    m_caller = { made->key.key.id, KeyType::Platform, made->platform.id, {} };
    const EndUserDraft alice { .externalId = u"user-1"_s };
    const auto user = m_scratch->attempt([&] { return m_services->endUsers.create(m_caller.platform, alice); });
    m_user = user->user.id.toLatin1();

    // Whatever is read by name in the endpoints and in what they read their bodies with.
    static const QRegularExpression literal(uR"re("([a-z][a-z0-9_]*)"_L1)re"_s);
    for (const char *folder : { "/gateway/http/endpoints", "/gateway/catalog", "/gateway/tenants" }) {
        QDir sources(QStringLiteral(PROJECT_FOLDER) + QLatin1StringView(folder));
        for (const QString &name : sources.entryList({ u"*.cpp"_s })) {
            QFile file(sources.filePath(name));
            QVERIFY(file.open(QIODevice::ReadOnly));
            for (auto found = literal.globalMatch(QString::fromUtf8(file.readAll())); found.hasNext();)
                m_names.append(found.next().captured(1));
        }
    }
    m_names.removeDuplicates();
    QVERIFY2(m_names.contains(u"external_id"_s) && m_names.contains(u"base_url"_s), "the sources are where they were");
}

QJsonObject tst_OpenApi::operation(const RouteTable::Entry &entry) const
{
    const QString method = QString::fromLatin1(methodName(entry.method).toLower());
    const QJsonObject methods = m_document.value("paths"_L1).toObject().value(QString::fromLatin1(entry.path)).toObject();
    return methods.value(method).toObject();
}

QJsonObject tst_OpenApi::resolved(const QJsonValue &schema) const
{
    QJsonObject found = schema.toObject();
    while (found.contains("$ref"_L1)) {
        QJsonValue target = m_document;
        for (const QString &step : found.value("$ref"_L1).toString().split(u'/').sliced(1))
            target = target.toObject().value(step);
        found = target.toObject();
    }
    // Of alternatives the first one is the one with the rules.
    for (const auto name : { "anyOf"_L1, "oneOf"_L1 }) {
        if (found.contains(name)) {
            const QJsonArray alternatives = found.value(name).toArray();
            QJsonObject first = resolved(alternatives.at(0));
            if (resolved(alternatives.at(1)).value("type"_L1) == u"null"_s)
                first.insert("x-or-null"_L1, true);
            return first;
        }
    }
    return found;
}

QJsonObject tst_OpenApi::flat(const QJsonObject &schema) const
{
    QJsonObject whole = resolved(schema);
    QJsonObject members = whole.value("properties"_L1).toObject();
    QJsonArray required = whole.value("required"_L1).toArray();
    for (const QJsonValue &part : whole.value("allOf"_L1).toArray()) {
        const QJsonObject one = flat(part.toObject());
        const QJsonObject more = one.value("properties"_L1).toObject();
        for (auto each = more.begin(); each != more.end(); ++each)
            members.insert(each.key(), each.value());
        for (const QJsonValue &name : one.value("required"_L1).toArray())
            required.append(name);
    }
    whole.insert("properties"_L1, members);
    whole.insert("required"_L1, required);
    return whole;
}

void tst_OpenApi::everyRouteIsDescribedAndNothingElse()
{
    QSet<QString> described;
    for (const QJsonObject &group : openApiGroups()) {
        const QStringList names = group.value("operations"_L1).toObject().keys();
        QVERIFY(!names.isEmpty());
        for (const QString &name : names) {
            QVERIFY2(!described.contains(name), qPrintable(name + u" is described twice"_s));
            described.insert(name);
        }
    }
    QSet<QString> served;
    for (const RouteTable::Entry &entry : RouteTable::withTestClock().entries()) {
        served.insert(nameOf(entry));
        QVERIFY2(!operation(entry).isEmpty(), qPrintable(nameOf(entry) + u" is not in the document"_s));
    }
    const QStringList missing = (served - described).values();
    QVERIFY2(missing.isEmpty(), qPrintable(u"not described: "_s + missing.join(u", "_s)));
    const QStringList unknown = (described - served).values();
    QVERIFY2(unknown.isEmpty(), qPrintable(u"described, but there is no such route: "_s + unknown.join(u", "_s)));
}

void tst_OpenApi::aGatewayDescribesTheRoutesItHas()
{
    const QJsonObject usual = openApiDocument(RouteTable::all(), u"1.2.3"_s);
    QVERIFY(!usual.value("paths"_L1).toObject().contains(u"/v1/admin/test-clock"_s));
    QVERIFY(!usual.value("components"_L1).toObject().value("schemas"_L1).toObject().contains(u"TestClock"_s));
    for (const QJsonValue &tag : usual.value("tags"_L1).toArray())
        QVERIFY(tag.toObject().value("name"_L1) != u"Test clock"_s);
    QVERIFY(m_document.value("paths"_L1).toObject().contains(u"/v1/admin/test-clock"_s));
    QCOMPARE(usual.value("info"_L1).toObject().value("version"_L1).toString(), u"1.2.3"_s);
    QCOMPARE(usual.value("openapi"_L1).toString(), u"3.1.0"_s);
}

void tst_OpenApi::keysAreTheTablesOwn()
{
    const QHash<RequiredKey, QStringList> wanted {
        { RequiredKey::None, {} },
        { RequiredKey::Platform, { u"platformKey"_s } },
        { RequiredKey::EndUser, { u"endUserKey"_s } },
        { RequiredKey::PlatformOrEndUser, { u"endUserKey"_s, u"platformKey"_s } },
        { RequiredKey::Admin, { u"adminKey"_s } },
        { RequiredKey::AdminOrPlatform, { u"adminKey"_s, u"platformKey"_s } },
        { RequiredKey::AdminOrLocal, { u"adminKey"_s, u"none"_s } },
    };
    const QJsonObject components = m_document.value("components"_L1).toObject();
    const QStringList schemes = components.value("securitySchemes"_L1).toObject().keys();
    for (const RouteTable::Entry &entry : RouteTable::withTestClock().entries()) {
        const QJsonObject described = operation(entry);
        QVERIFY2(described.value("security"_L1).isArray(), qPrintable(nameOf(entry)));
        QStringList found;
        for (const QJsonValue &one : described.value("security"_L1).toArray())
            found += one.toObject().isEmpty() ? QStringList { u"none"_s } : one.toObject().keys();
        found.sort();
        QVERIFY2(found == wanted.value(entry.key), qPrintable(nameOf(entry) + u": "_s + found.join(u", "_s)));
        for (const QString &scheme : found)
            QVERIFY(schemes.contains(scheme) || scheme == u"none"_s);
        const QJsonObject answers = described.value("responses"_L1).toObject();
        QCOMPARE(answers.contains("401"_L1), entry.key != RequiredKey::None);
        QCOMPARE(answers.contains("403"_L1), entry.key != RequiredKey::None);
        const QString conflicts = answers.value("409"_L1).toObject().value("description"_L1).toString();
        QVERIFY(conflicts.contains("idempotency_conflict"_L1) == entry.idempotent);
    }
}

void tst_OpenApi::describesWithKnownWords()
{
    const QStringList known { u"id"_s,    u"summary"_s, u"description"_s, u"query"_s,
                              u"rows"_s,  u"body"_s,    u"answers"_s,     u"errors"_s };
    QStringList codes;
    for (const ErrorRow &row : errorRows())
        codes.append(row.word);
    QStringList tags;
    for (const QJsonValue &tag : m_document.value("tags"_L1).toArray())
        tags.append(tag.toObject().value("name"_L1).toString());

    QSet<QString> ids;
    for (const QJsonObject &group : openApiGroups()) {
        QVERIFY2(tags.contains(group.value("tag"_L1).toString()), qPrintable(group.value("tag"_L1).toString()));
        const QJsonObject operations = group.value("operations"_L1).toObject();
        for (auto each = operations.begin(); each != operations.end(); ++each) {
            const QByteArray name = each.key().toUtf8();
            const QJsonObject described = each.value().toObject();
            for (const QString &member : described.keys())
                QVERIFY2(known.contains(member), (name + ": " + member.toUtf8()).constData());
            const QString id = described.value("id"_L1).toString();
            QVERIFY2(!id.isEmpty() && !ids.contains(id), name.constData());
            ids.insert(id);
            QVERIFY2(!described.value("summary"_L1).toString().isEmpty(), name.constData());
            QVERIFY2(described.contains("rows"_L1) || described.contains("answers"_L1), name.constData());
            for (const QJsonValue &code : described.value("errors"_L1).toArray())
                QVERIFY2(codes.contains(code.toString()), (name + ": " + code.toString().toUtf8()).constData());
        }
    }
}

void tst_OpenApi::everyReferenceLeadsSomewhere()
{
    const QByteArray text = QJsonDocument(m_document).toJson(QJsonDocument::Compact);
    static const QRegularExpression reference(uR"re("\$ref":"([^"]*)")re"_s);
    int count = 0;
    for (auto found = reference.globalMatch(QString::fromUtf8(text)); found.hasNext(); ++count) {
        const QString target = found.next().captured(1);
        QVERIFY2(target.startsWith("#/components/"_L1), qPrintable(target));
        QVERIFY2(!resolved(QJsonObject { { u"$ref"_s, target } }).isEmpty(), qPrintable(target));
    }
    QVERIFY(count > 200);
}

void tst_OpenApi::wordsAreTheProgramsOwn()
{
    const auto wordsOf = [this](const QString &schema) {
        const QJsonObject reference { { u"$ref"_s, u"#/components/schemas/"_s + schema } };
        return resolved(reference).value("enum"_L1).toVariant().toStringList();
    };
    QCOMPARE(wordsOf(u"BudgetPeriod"_s), allWords<BudgetPeriod>());
    QCOMPARE(wordsOf(u"LedgerType"_s), allWords<LedgerType>());
    QCOMPARE(wordsOf(u"LedgerSource"_s), allWords<LedgerSource>());
    QCOMPARE(wordsOf(u"WalletTransactionType"_s), allWords<WalletRowType>());
    QCOMPARE(wordsOf(u"ProviderKind"_s), providerKindWords());
    QCOMPARE(wordsOf(u"UpstreamApi"_s), upstreamApiWords());
}

// ------------------------------------------------------------------------------------------------ trying the rules out

std::optional<Error> tst_OpenApi::refusal(Until until, const QByteArray &body, const QString &query)
{
    const RouteTable::Entry &entry = *m_entry;
    const auto failure = [&]() -> Result<void> {
        // These are read elsewhere.
        const auto verdict = [](const auto &parsed) { return parsed ? Result<void>() : Result<void>(parsed.error()); };
        if (entry.path == "/v1/chat/completions")
            return verdict(parseChatRequest(body));
        if (entry.path == "/v1/responses")
            return verdict(parseResponsesRequest(body));
        if (entry.path == "/v1/messages")
            return verdict(parseMessagesRequest(body));
        if (entry.path == "/v1/messages/count_tokens")
            return verdict(parseMessagesRequest(body, MessagesPurpose::Count));
        if (entry.path == "/v1/embeddings")
            return verdict(parseEmbeddingsRequest(body));
        HttpRequest request;
        request.method = entry.method;
        request.path = entry.path;
        request.body = body;
        QByteArrayList values;
        for (const QByteArray &segment : entry.segments) {
            if (segment == "{platformId}")
                values.append(m_caller.platform.toLatin1());
            else if (segment == "{endUserId}")
                values.append(m_user);
            else if (segment.startsWith('{'))
                values.append("00000000-0000-4000-8000-000000000000");
        }
        const QUrlQuery parameters(query);
        const auto work = std::get<EndpointFunction>(entry.function)({ request, m_caller, values, parameters });
        if (!work || until == Until::Form)
            return work ? Result<void>() : work.error();
        Transaction undone(m_scratch->db());
        const auto answer = (*work)(*m_services);
        return answer ? Result<void>() : answer.error();
    }();
    if (failure)
        return {};
    // What is wrong with the state of things is no matter of the form.
    const int status = errorRow(failure.error().code).status;
    return status == 400 || status == 422 ? std::optional(failure.error()) : std::nullopt;
}

std::optional<Error> tst_OpenApi::refusal(Until until, const QJsonValue &body)
{
    return refusal(until, QJsonDocument(body.toObject()).toJson(QJsonDocument::Compact));
}

QJsonValue tst_OpenApi::exampleWith(const Path &path, const QJsonValue &value) const
{
    const bool isNew = path.size() == 1 && at(m_example, path).isUndefined();
    return with(isNew ? QJsonValue(m_least) : m_example, path, value);
}

void tst_OpenApi::refuses(const Path &path, const QJsonValue &value, const char *why)
{
    const auto refused = refusal(Until::Services, exampleWith(path, value));
    const QString param = paramOf(path);
    const QByteArray what = param.toUtf8() + ": " + why + ", came "
        + (refused ? refused->param.toUtf8() + ": " + refused->message.toUtf8() : QByteArray("no refusal"));
    QVERIFY2(refused && refused->param.startsWith(param), what.constData());
}

void tst_OpenApi::accepts(const Path &path, const QJsonValue &value, const char *why)
{
    const auto refused = refusal(Until::Form, exampleWith(path, value));
    const QByteArray what
        = paramOf(path).toUtf8() + ": " + why + ", came " + (refused ? refused->message.toUtf8() : QByteArray());
    // Another member may object to the company it is in.
    QVERIFY2(!refused || !refused->param.startsWith(paramOf(path)), what.constData());
}

void tst_OpenApi::checkNumber(const Path &path, const QJsonObject &schema)
{
    const double step = typesOf(schema).contains(u"integer"_s) ? 1 : 0.000001;
    if (schema.contains("minimum"_L1)) {
        const double least = schema.value("minimum"_L1).toDouble();
        accepts(path, least, "the least is enough");
        refuses(path, least - step, "less than the least");
    }
    if (schema.contains("exclusiveMinimum"_L1)) {
        const double bound = schema.value("exclusiveMinimum"_L1).toDouble();
        accepts(path, bound + step, "a little more than the bound");
        refuses(path, bound, "not above its bound");
    }
    if (schema.contains("maximum"_L1)) {
        const double most = schema.value("maximum"_L1).toDouble();
        accepts(path, most, "the most");
        refuses(path, most + step, "more than the most");
    }
    if (step == 1)
        refuses(path, 20.5, "no integer");
}

void tst_OpenApi::checkText(const Path &path, const QJsonObject &schema)
{
    const bool isFree = !schema.contains("format"_L1);
    if (const int least = schema.value("minLength"_L1).toInt(); least > 0) {
        refuses(path, QString(least - 1, u'a'), "too short");
        if (isFree)
            accepts(path, QString(least, u'a'), "just long enough");
    }
    if (const int most = schema.value("maxLength"_L1).toInt(); most > 0) {
        refuses(path, QString(most + 1, u'a'), "too long");
        if (isFree)
            accepts(path, QString(most, u'a'), "as long as may be");
    }
    if (schema.contains("pattern"_L1))
        refuses(path, u"two words \u00e4\u00f6"_s, "not of the pattern");
    if (schema.value("format"_L1) == u"date-time"_s)
        refuses(path, u"tomorrow"_s, "no time");
    if (schema.value("format"_L1) == u"uri"_s)
        refuses(path, u"nowhere"_s, "no URL");
}

void tst_OpenApi::checkList(const Path &path, const QJsonObject &schema)
{
    const QJsonArray example = at(m_example, path).toArray();
    const QJsonObject items = flat(resolved(schema.value("items"_L1)));
    const auto listOf = [&](int size) {
        QJsonArray list;
        for (int i = 0; i < size; ++i)
            list.append(example.at(0));
        return list;
    };
    if (const int least = schema.value("minItems"_L1).toInt(); least > 0)
        refuses(path, QJsonArray(), "too few");
    if (const int most = schema.value("maxItems"_L1).toInt(); most > 0 && !example.isEmpty()) {
        refuses(path, listOf(most + 1), "too many");
        if (typesOf(items).contains(u"string"_s))
            accepts(path, listOf(most), "as many as may be");
    }
    if (const int most = items.value("maxLength"_L1).toInt(); most > 0) {
        refuses(path, QJsonArray { QString() }, "an empty text in it");
        refuses(path, QJsonArray { QString(most + 1, u'a') }, "a text in it too long");
        accepts(path, QJsonArray { QString(most, u'a') }, "a text in it as long as may be");
    }
    // A chat's messages have rules that depend on who speaks: tst_chatrequest has them.
    if (!example.isEmpty() && !items.value("properties"_L1).toObject().isEmpty() && path != Path { u"messages"_s })
        checkMembers(path + Path { 0 }, items);
}

void tst_OpenApi::checkMember(const Path &path, const QJsonObject &schema, bool isRequired)
{
    refuses(path, Nonsense, "of a type that fits nothing");
    const QStringList types = typesOf(schema);
    const QJsonArray words = schema.value("enum"_L1).toArray();
    const bool mayBeNull
        = types.contains(u"null"_s) || schema.contains("x-or-null"_L1) || words.contains(QJsonValue::Null);
    if (isRequired)
        refuses(path, QJsonValue::Undefined, "required");
    if (mayBeNull && !isRequired)
        accepts(path, QJsonValue::Null, "may be null");
    else if (!mayBeNull)
        refuses(path, QJsonValue::Null, "may not be null");

    for (const QJsonValue &word : words)
        accepts(path, word, "one of its words");
    if (!words.isEmpty())
        refuses(path, u"no-such-word"_s, "none of its words");
    if (types.contains(u"number"_s) || types.contains(u"integer"_s))
        checkNumber(path, schema);
    if (types.contains(u"string"_s))
        checkText(path, schema);
    if (types.contains(u"array"_s))
        checkList(path, schema);
    if (types.contains(u"object"_s) || schema.contains("allOf"_L1)) {
        refuses(path, u"text"_s, "no object");
        if (at(m_example, path).isObject())
            checkMembers(path, schema);
    }
}

void tst_OpenApi::checkMembers(const Path &path, const QJsonObject &schema)
{
    const QJsonObject whole = flat(schema);
    const QJsonObject members = whole.value("properties"_L1).toObject();
    const QJsonArray required = whole.value("required"_L1).toArray();
    for (auto member = members.begin(); member != members.end(); ++member)
        checkMember(path + Path { member.key() }, resolved(member.value()), required.contains(member.key()));
}

void tst_OpenApi::bodies_data()
{
    QTest::addColumn<const RouteTable::Entry *>("entry");
    for (const RouteTable::Entry &entry : RouteTable::all().entries()) {
        if (entry.method != HttpMethod::Get && entry.method != HttpMethod::Delete)
            QTest::newRow(qPrintable(nameOf(entry))) << &entry;
    }
}

void tst_OpenApi::bodies()
{
    QFETCH(const RouteTable::Entry *, entry);
    const QJsonValue body = operation(*entry).value("requestBody"_L1).toObject().value("content"_L1).toObject()
                                .value("application/json"_L1).toObject().value("schema"_L1);
    if (entry->path == "/v1/admin/verify" || entry->path == "/v1/admin/backup"
        || entry->path.endsWith("/llm-configs/{configId}/test")) {
        QVERIFY2(body.isUndefined(), "it takes none");
        return;
    }
    QVERIFY2(body.isObject(), "a route that takes a body says so");
    const QJsonObject schema = flat(body.toObject());
    const QJsonArray examples = schema.value("examples"_L1).toArray();
    QVERIFY2(!examples.isEmpty(), "an example is what people copy");
    m_entry = entry;
    m_caller.type = entry->key == RequiredKey::Admin ? KeyType::Admin : KeyType::Platform;
    m_least = {};
    for (const QJsonValue &name : schema.value("required"_L1).toArray())
        m_least.insert(name.toString(), examples.at(0).toObject().value(name.toString()));
    if (schema.contains("minProperties"_L1))
        m_least = examples.at(0).toObject();
    for (const QJsonValue &example : examples) {
        m_example = example;
        const auto refused = refusal(Until::Services, example);
        QVERIFY2(!refused, refused ? qPrintable(refused->param + u": "_s + refused->message) : "");
        checkMembers({}, schema);
    }

    if (entry->path == "/v1/chat/completions" || entry->path == "/v1/responses")
        return; // which takes whatever a provider may understand
    const QJsonObject members = schema.value("properties"_L1).toObject();
    QStringList silent;
    for (const QString &name : std::as_const(m_names)) {
        if (!members.contains(name) && refusal(Until::Services, with(m_least, { name }, Nonsense)))
            silent.append(name);
    }
    QVERIFY2(silent.isEmpty(), qPrintable(u"read, but not described: "_s + silent.join(u", "_s)));
}

void tst_OpenApi::queries_data()
{
    QTest::addColumn<const RouteTable::Entry *>("entry");
    for (const RouteTable::Entry &entry : RouteTable::all().entries()) {
        if (std::holds_alternative<EndpointFunction>(entry.function) && entry.method == HttpMethod::Get)
            QTest::newRow(qPrintable(nameOf(entry))) << &entry;
    }
}

void tst_OpenApi::queries()
{
    QFETCH(const RouteTable::Entry *, entry);
    QHash<QString, QJsonObject> described;
    for (const QJsonValue &parameter : operation(*entry).value("parameters"_L1).toArray()) {
        const QJsonObject one = resolved(parameter);
        if (one.value("in"_L1) == u"query"_s)
            described.insert(one.value("name"_L1).toString(), resolved(one.value("schema"_L1)));
    }
    m_entry = entry;
    const auto refused = [&](const QString &name, const QString &value) {
        const auto failure = refusal(Until::Form, QByteArray(), name + u'=' + value);
        return failure && failure->param == name;
    };
    for (auto parameter = described.cbegin(); parameter != described.cend(); ++parameter) {
        const QString &name = parameter.key();
        const QJsonObject &schema = parameter.value();
        const QByteArray what = name.toUtf8();
        QVERIFY2(refused(name, u"%00"_s), (what + " is described and not read").constData());
        const QString type = schema.value("type"_L1).toString();
        const bool isFreeText = type == "string"_L1 && !schema.contains("format"_L1);
        QVERIFY2(refused(name, u"no-such-word"_s) != isFreeText, what.constData());
        for (const QJsonValue &word : schema.value("enum"_L1).toArray())
            QVERIFY2(!refused(name, word.toString()), (what + '=' + word.toString().toUtf8()).constData());
        if (type == "integer"_L1) {
            for (const auto bound : { "minimum"_L1, "maximum"_L1 }) {
                const qint64 value = schema.value(bound).toInteger();
                const qint64 beyond = bound == "minimum"_L1 ? value - 1 : value + 1;
                QVERIFY2(!refused(name, QString::number(value)), (what + " at its bound").constData());
                QVERIFY2(refused(name, QString::number(beyond)), (what + " beyond its bound").constData());
            }
        }
        if (type == "boolean"_L1)
            QVERIFY2(!refused(name, u"true"_s) && !refused(name, u"false"_s) && refused(name, u"1"_s), what.constData());
    }
    for (const QString &name : std::as_const(m_names)) {
        if (!described.contains(name))
            QVERIFY2(!refused(name, u"%00"_s), qPrintable(name + u" is read, but not described"_s));
    }
}

QTEST_GUILESS_MAIN(tst_OpenApi)
#include "tst_openapi.moc"
