// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/inference.h"

#include "core/jsonwriter.h"
#include "http/errorbody.h"
#include "inference/exchange.h"
#include "inference/routing.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

template<ClientApi Api>
void infer(const DirectCall &call)
{
    auto *exchange = new InferenceExchange(call.worker.inference, call.caller, call.keyHash, &call.exchange, &call.worker.worker);
    exchange->start(Api);
}

void writeModel(JsonWriter &json, const CatalogModel &model, const RouteLeg &best)
{
    json.beginObject().member("id", model.slug).key("object").utf8("model").member("created", model.createdAt.ms() / 1000);
    json.member("owned_by", best.mapping->providerSlug).endObject();
}

void listModels(const DirectCall &call)
{
    const auto catalogue = call.worker.inference.book.catalogue();
    const auto keys = call.worker.inference.book.providerKeys(call.caller.platform);
    JsonWriter json;
    json.beginObject().key("object").utf8("list").key("data").beginArray();
    if (catalogue && keys) {
        for (const CatalogModel &model : catalogue->models()) {
            if (const QList<RouteLeg> legs = routeOf(ClientApi::Chat, model, *keys); !legs.isEmpty())
                writeModel(json, model, legs.constFirst());
        }
    }
    json.endArray().endObject();
    call.exchange.reply(200, json.json());
}

void oneModel(const DirectCall &call)
{
    const auto catalogue = call.worker.inference.book.catalogue();
    const auto keys = call.worker.inference.book.providerKeys(call.caller.platform);
    const CatalogModel *model = catalogue ? catalogue->find(call.pathValues.constFirst()) : nullptr;
    const QList<RouteLeg> legs = model && keys ? routeOf(ClientApi::Chat, *model, *keys) : QList<RouteLeg>();
    if (legs.isEmpty())
        return replyError(call.exchange, { ErrorCode::ModelNotFound, u"This model is not available on this platform."_s });
    JsonWriter json;
    writeModel(json, *model, legs.constFirst());
    call.exchange.reply(200, json.json());
}

} // namespace

QList<RouteTable::Entry> inferenceRoutes()
{
    return {
        { HttpMethod::Post, "/v1/chat/completions", RequiredKey::PlatformOrEndUser, infer<ClientApi::Chat> },
        { HttpMethod::Post, "/v1/responses", RequiredKey::PlatformOrEndUser, infer<ClientApi::Responses> },
        { HttpMethod::Post, "/v1/messages", RequiredKey::PlatformOrEndUser, infer<ClientApi::Messages> },
        { HttpMethod::Post, "/v1/messages/count_tokens", RequiredKey::PlatformOrEndUser, infer<ClientApi::TokenCount> },
        { HttpMethod::Post, "/v1/embeddings", RequiredKey::PlatformOrEndUser, infer<ClientApi::Embeddings> },
        { HttpMethod::Get, "/v1/models", RequiredKey::PlatformOrEndUser, listModels },
        { HttpMethod::Get, "/v1/models/{model}", RequiredKey::PlatformOrEndUser, oneModel },
    };
}

} // namespace assistiv
