// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "snippets.h"

namespace assistiv::console {

namespace {

constexpr char Curl[] = R"(curl %1/chat/completions \
  -H "Authorization: Bearer %2" \
  -H "Content-Type: application/json" \
  -d '{"model":"%3",
       "messages":[{"role":"user","content":"Hello!"}]}'
)";

constexpr char Python[] = R"(from openai import OpenAI

client = OpenAI(base_url="%1", api_key="%2")
answer = client.chat.completions.create(
    model="%3",
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)
)";

constexpr char TypeScript[] = R"(import OpenAI from "openai";

const client = new OpenAI({ baseURL: "%1", apiKey: "%2" });
const answer = await client.chat.completions.create({
  model: "%3",
  messages: [{ role: "user", content: "Hello!" }],
});
console.log(answer.choices[0].message.content);
)";

constexpr char Qt[] = R"CPP(QNetworkRequest request(QUrl("%1/chat/completions"));
request.setHeader(QNetworkRequest::ContentTypeHeader, "application/json");
request.setRawHeader("Authorization", "Bearer %2");
QNetworkReply *reply = network.post(request,
    R"({"model":"%3","messages":[{"role":"user","content":"Hello!"}]})");
QObject::connect(reply, &QNetworkReply::finished, reply,
    [reply] { qInfo().noquote() << reply->readAll(); });
)CPP";

} // namespace

QString firstRequestSnippet(SnippetLanguage language, const QString &baseUrl, const QString &key, const QString &model)
{
    const char *pattern = Curl;
    switch (language) {
    case SnippetLanguage::Curl:
        pattern = Curl;
        break;
    case SnippetLanguage::Python:
        pattern = Python;
        break;
    case SnippetLanguage::TypeScript:
        pattern = TypeScript;
        break;
    case SnippetLanguage::Qt:
        pattern = Qt;
        break;
    }
    return QString::fromUtf8(pattern).arg(baseUrl, key, model).trimmed();
}

} // namespace assistiv::console
