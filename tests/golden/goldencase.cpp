// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "golden/goldencase.h"

#include "catalog/catalogwords.h"
#include "core/jsonwriter.h"
#include "providers/messages/verbatimmessages.h"

#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>

#include <algorithm>

namespace assistiv::golden {

using namespace Qt::StringLiterals;

namespace {

QByteArray contents(const QDir &folder, const QString &name)
{
    QFile file(folder.filePath(name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QJsonObject objectIn(const QDir &folder, const QString &name)
{
    QJsonParseError error;
    const QJsonDocument document = QJsonDocument::fromJson(contents(folder, name), &error);
    if (!document.isObject())
        qFatal("%s: %s", qPrintable(folder.filePath(name)), qPrintable(error.errorString()));
    return document.object();
}

// What a case says about its model overrides what its provider's folder says.
void readTarget(Case &golden, QJsonObject target)
{
    const QJsonObject own = golden.facts.value("target"_L1).toObject();
    for (auto member = own.begin(); member != own.end(); ++member)
        target.insert(member.key(), member.value());
    golden.kind = providerKindFrom(target.value("kind"_L1).toString()).value_or(ProviderKind::OpenAi);
    golden.api = upstreamApiFrom(target.value("upstream_api"_L1).toString()).value_or(UpstreamApi::Chat);
    const QString client = target.value("client"_L1).toString();
    golden.client = client == "responses"_L1 ? ClientApi::Responses
        : client == "messages"_L1            ? ClientApi::Messages
                                             : ClientApi::Chat;
    const QJsonArray marks = target.value("end_marks"_L1).toArray();
    for (const QJsonValue &mark : marks)
        golden.endMarks.append(mark.toString().toUtf8());
    golden.target.provider = target.value("provider"_L1).toString().toUtf8();
    golden.target.model = target.value("model"_L1).toString().toUtf8();
    if (const QJsonValue limit = target.value("max_output_tokens"_L1); limit.isDouble())
        golden.target.maxOutputTokens = limit.toInteger();
    JsonProblem problem { .isStrict = true };
    JsonFields quirks(target.value("quirks"_L1).toObject(), u"quirks"_s, &problem);
    golden.target.quirks = readQuirks(quirks);
    JsonFields options(target.value("options"_L1).toObject(), u"options"_s, &problem);
    golden.target.options = readProviderOptions(options);
    options.finish();
    if (problem.first)
        qFatal("%s: %s", qPrintable(golden.name), qPrintable(problem.first->message));
}

AnswerIdentity identityFor(const Case &golden, const QByteArray &model)
{
    const bool isChat = golden.client == ClientApi::Chat;
    const QByteArray id = isChat ? "chatcmpl-golden" : golden.client == ClientApi::Messages ? "msg_golden" : "resp_golden";
    return { id, model, Timestamp::fromMs(1'775'644'200'000) };
}

ChatTarget chatTargetFor(const UpstreamTarget &target)
{
    ChatTarget chat;
    chat.providerModelId = target.model;
    chat.maxTokensField = target.options.maxTokensField;
    chat.dropFields = target.options.dropFields + target.quirks.rejects;
    chat.takesSampling = target.quirks.sampling != Sampling::Never;
    return chat;
}

Result<std::unique_ptr<Dialogue>> verbatimMessagesOf(const Case &golden, const QByteArray &clientBytes)
{
    const auto request = parseMessagesRequest(clientBytes);
    if (!request)
        return request.error();
    return verbatimMessages(*request, {}, golden.target, identityFor(golden, request->model));
}

} // namespace

QList<Case> allCases(const QString &root)
{
    QList<Case> cases;
    const auto providers = QDir(root).entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name);
    for (const QFileInfo &provider : providers) {
        const QDir providerFolder(provider.filePath());
        const QJsonObject target = objectIn(providerFolder, u"target.json"_s);
        const auto folders = providerFolder.entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot, QDir::Name);
        for (const QFileInfo &entry : folders) {
            const QDir folder(entry.filePath());
            Case golden;
            golden.name = provider.fileName() + u'/' + entry.fileName();
            golden.facts = objectIn(folder, u"case.json"_s);
            readTarget(golden, target);
            golden.clientJson = contents(folder, u"client.json"_s);
            golden.upstreamJson = contents(folder, u"upstream.json"_s);
            golden.replySse = contents(folder, u"reply.sse"_s);
            golden.replyJson = contents(folder, u"reply.json"_s);
            golden.answerSse = contents(folder, u"answer.sse"_s);
            golden.answerJson = contents(folder, u"answer.json"_s);
            cases.append(std::move(golden));
        }
    }
    return cases;
}

bool isTranslated(const Case &golden)
{
    return passage(golden.client, golden.kind, golden.api) == Passage::Translated;
}

bool mayBeComplete(const Case &golden, const QByteArray &stream)
{
    return std::any_of(golden.endMarks.begin(), golden.endMarks.end(),
                       [&](const QByteArray &mark) { return stream.contains(mark); });
}

Result<std::unique_ptr<Dialogue>> dialogueFor(const Case &golden, const QByteArray &clientBytes,
                                              std::optional<bool> stream)
{
    if (passage(golden.client, golden.kind, golden.api) == Passage::Verbatim) {
        if (golden.client == ClientApi::Messages)
            return verbatimMessagesOf(golden, clientBytes);
        const auto request = parseChatRequest(clientBytes);
        if (!request)
            return request.error();
        return verbatimChat(*request, chatTargetFor(golden.target), identityFor(golden, request->model));
    }
    const ClientProtocol &protocol = clientProtocol(golden.client);
    auto request = protocol.decode(clientBytes);
    if (!request)
        return request.error();
    request->stream = stream.value_or(request->stream);
    const ProviderCodec *codec = providerCodec(golden.kind, golden.api);
    if (!codec)
        qFatal("%s: no codec", qPrintable(golden.name));
    return translated(protocol, *codec, *request, golden.target, identityFor(golden, request->model));
}

Outcome replay(Dialogue &dialogue, const QByteArrayList &pieces)
{
    Outcome outcome;
    const auto take = [&outcome](const Dialogue::Step &step) {
        outcome.forClient += step.forClient;
        outcome.isComplete = outcome.isComplete || step.isComplete;
        if (step.failure)
            outcome.failure = step.failure;
    };
    for (const QByteArray &piece : pieces)
        take(dialogue.feed(piece));
    if (!outcome.isComplete && !outcome.failure)
        take(dialogue.bodyEnded());
    outcome.consumption = dialogue.consumption();
    const Ending ending { outcome.consumption.usage, Timestamp::fromMs(1'775'644'205'000) };
    if (outcome.isComplete)
        outcome.forClient += dialogue.end(ending);
    else if (outcome.failure)
        outcome.forClient += dialogue.streamFailure(outcome.failure->error, envelope(outcome.failure->error), ending);
    return outcome;
}

QByteArray envelope(const Error &error)
{
    JsonWriter json;
    json.beginObject().key("error").beginObject().member("code", QString(errorRow(error.code).word));
    json.member("message", error.message).endObject().endObject();
    return json.take();
}

} // namespace assistiv::golden
