// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/providertest.h"

#include "providers/upstreamfailure.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

#include <memory>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr int TimeoutMs = 15'000;

HttpCall httpCallOf(const ModelListCall &call)
{
    HttpCall http;
    http.method = HttpMethod::Get;
    http.firstByteTimeoutMs = TimeoutMs;
    http.idleTimeoutMs = TimeoutMs;
    http.allowPrivateAddress = call.allowPrivateAddress;
    http.headers = { { "Accept", "application/json" }, { "User-Agent", "Assistiv-Gateway" } };
    switch (call.kind) {
    case ProviderKind::Anthropic:
        http.url = call.baseUrl + "/v1/models?limit=1000";
        http.headers.emplaceBack("x-api-key", call.apiKey);
        http.headers.emplaceBack("anthropic-version", "2023-06-01");
        break;
    case ProviderKind::Google:
        http.url = call.baseUrl + "/models?pageSize=1000";
        http.headers.emplaceBack("x-goog-api-key", call.apiKey);
        break;
    case ProviderKind::OpenAi:
    case ProviderKind::Xai:
    case ProviderKind::Sandbox:
        http.url = call.baseUrl + "/models";
        http.headers.emplaceBack("Authorization", "Bearer " + call.apiKey);
        break;
    }
    return http;
}

Result<QStringList> idsIn(const QByteArray &body)
{
    const QJsonObject answer = QJsonDocument::fromJson(body).object();
    const QJsonArray models = answer.value(answer.contains("data"_L1) ? "data"_L1 : "models"_L1).toArray();
    if (!answer.contains("data"_L1) && !answer.contains("models"_L1))
        return Error { ErrorCode::ProviderError, u"The provider sent something that is not a list of models."_s };
    QStringList ids;
    for (const QJsonValue &model : models) {
        const QJsonObject object = model.toObject();
        const QString id = object.contains("id"_L1) ? object.value("id"_L1).toString() : object.value("name"_L1).toString();
        ids.append(id.startsWith("models/"_L1) ? id.mid(7) : id);
    }
    return ids;
}

} // namespace

void listProviderModels(HttpClient &network, const ModelListCall &call, QObject *context,
                        std::function<void(Result<QStringList>)> done)
{
    HttpReply *reply = network.send(httpCallOf(call), context);
    const auto body = std::make_shared<QByteArray>();
    QObject::connect(reply, &HttpReply::bytesArrived, context, [reply, body] { *body += reply->takeBytes(); });
    QObject::connect(reply, &HttpReply::finished, context, [reply, body, key = call.apiKey, done = std::move(done)] {
        *body += reply->takeBytes();
        reply->deleteLater();
        if (reply->error() != NetError::None)
            return done(failureFromNetwork(reply->error()).error);
        if (reply->status() != 200)
            return done(failureFromStatus(reply->status(), *body, 0, key).error);
        done(idsIn(*body));
    });
}

} // namespace assistiv
