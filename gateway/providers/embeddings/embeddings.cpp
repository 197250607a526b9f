// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/embeddings/embeddings.h"

#include "core/jsonscan.h"
#include "core/jsonwriter.h"
#include "providers/clientread.h"
#include "providers/openaiusage.h"

#include <algorithm>
#include <array>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

using json::dom::element;

constexpr qsizetype LongestEmbeddingsModel = 200;
constexpr qsizetype MostInputs = 2048;

class EmbeddingsChecker
{
public:
    explicit EmbeddingsChecker(EmbeddingsRequest &request) : m_request(request) {}

    Result<void> check(json::dom::object object)
    {
        for (const auto &[name, value] : client::members(object)) {
            if (name == "model")
                model(value);
            else if (name == "input")
                input(value);
            else if (name == "encoding_format")
                encoding(value);
            else if (name == "dimensions")
                dimensions(value);
            else if (name == "user")
                user(value);
            if (m_error)
                return *m_error;
        }
        if (m_request.model.isEmpty())
            refuse("model", u"model is required"_s);
        if (!m_hasInput)
            refuse("input", u"input is required"_s);
        return m_error ? Result<void>(*m_error) : Result<void>();
    }

private:
    void refuse(const QByteArray &param, const QString &message, ErrorCode code = ErrorCode::ValidationError)
    {
        if (!m_error)
            m_error = Error { .code = code, .message = message, .param = QString::fromUtf8(param) };
    }

    void model(element value)
    {
        const QByteArrayView text = json::string(value);
        if (text.isEmpty() || text.size() > LongestEmbeddingsModel)
            return refuse("model", u"model must be a non-empty string"_s);
        m_request.model = text.toByteArray();
    }

    void encoding(element value)
    {
        const QByteArrayView word = json::string(value);
        if (word != "float" && word != "base64")
            refuse("encoding_format", u"encoding_format must be float or base64"_s);
    }

    void dimensions(element value)
    {
        int64_t number = 0;
        if (value.get(number) || number < 1)
            refuse("dimensions", u"dimensions must be an integer of at least 1"_s);
    }

    void user(element value)
    {
        if (!value.is_string())
            refuse("user", u"user must be a string"_s);
    }

    // A text, several, one as tokens, or several as tokens.
    void input(element value)
    {
        m_hasInput = true;
        const QList<element> list = json::elements(value);
        if (!value.is_array() ? text(value) : !list.isEmpty() && isToken(list.first()) && tokens(value))
            return;
        if (list.isEmpty() || list.size() > MostInputs || isToken(list.first()))
            return refuse("input", u"input must be a text or tokens, or at most %1 of them"_s.arg(MostInputs));
        for (qsizetype i = 0; i < list.size(); ++i) {
            if (!text(list[i]) && !tokens(list[i]))
                return refuse("input[" + QByteArray::number(i) + ']', u"each input must be a text or tokens"_s);
        }
    }

    static bool isToken(element value)
    {
        int64_t number = 0;
        return !value.get(number) && number >= 0;
    }

    bool text(element value)
    {
        const QByteArrayView given = json::string(value);
        m_request.estimatedPromptTokens += (given.size() + 3) / 4;
        return !given.isEmpty();
    }

    bool tokens(element value)
    {
        const QList<element> given = json::elements(value);
        m_request.estimatedPromptTokens += given.size();
        return !given.isEmpty() && std::all_of(given.begin(), given.end(), isToken);
    }

    EmbeddingsRequest &m_request;
    std::optional<Error> m_error;
    bool m_hasInput = false;
};

UpstreamFailure noEmbeddings()
{
    return { .error = { ErrorCode::ProviderError, u"The provider sent an answer that holds no embeddings."_s },
             .mayTryNext = true };
}

class VerbatimEmbeddings final : public Dialogue
{
public:
    VerbatimEmbeddings(const EmbeddingsRequest &request, const UpstreamTarget &target, const AnswerIdentity &identity)
        : m_request(request), m_target(target), m_identity(identity)
    {
    }

    Result<UpstreamCall> call() const override
    {
        UpstreamCall call;
        call.path = "/embeddings";
        call.streams = false;
        JsonWriter json;
        json.beginObject();
        for (const BodyMember &member : m_request.members) {
            if (!counts(m_request.members, member))
                continue;
            if (member.name == "model")
                json.key("model").utf8(m_target.model);
            else if (m_target.options.dropFields.contains(member.name))
                call.dropped.append(member.name);
            else
                json.raw(member.in(m_request.body));
        }
        json.endObject();
        call.body = json.take();
        return call;
    }

    Step feed(const QByteArray &bytes) override
    {
        m_body += bytes;
        return {};
    }

    Step bodyEnded() override
    {
        const auto root = json::parse(m_body);
        if (root && json::member(*root, "error"))
            return { .failure = failureFromStream(m_body) };
        if (!root || json::elements(json::member(*root, "data")).isEmpty())
            return { .failure = noEmbeddings() };
        if (const auto reported = json::member(*root, "usage"))
            m_usage = openai::chatUsage(*reported, false);
        return { .isComplete = true };
    }

    QByteArray end(const Ending &ending) override
    {
        JsonWriter json;
        json.beginObject();
        for (const JsonMember &member : scanObject(m_body)) {
            if (member.name == "model")
                json.key("model").utf8(m_identity.model);
            else if (member.name != "usage")
                json.raw(QByteArrayView(m_body).sliced(member.begin, member.end - member.begin));
        }
        json.key("usage").beginObject().member("prompt_tokens", ending.usage.prompt());
        json.member("total_tokens", ending.usage.total()).endObject().endObject();
        return json.take();
    }

    QByteArray streamFailure(const Error &, const QByteArray &envelope, const Ending &) override { return envelope; }

    Consumption consumption() const override
    {
        const Usage estimate { .inFresh = m_request.estimatedPromptTokens };
        // Nothing is written, so there is nothing to pay for but the input.
        const Usage reported { .inFresh = m_usage ? m_usage->inFresh : 0, .inCached = m_usage ? m_usage->inCached : 0 };
        return { m_usage ? reported : estimate, m_usage.has_value(), 0 };
    }

private:
    const EmbeddingsRequest m_request;
    const UpstreamTarget m_target;
    const AnswerIdentity m_identity;
    QByteArray m_body;
    std::optional<Usage> m_usage;
};

} // namespace

Result<EmbeddingsRequest> parseEmbeddingsRequest(const QByteArray &body)
{
    const auto root = json::parse(body.isEmpty() ? QByteArrayView("{}") : QByteArrayView(body));
    if (!root)
        return Error { ErrorCode::InvalidJson, u"The request body is not valid JSON."_s };
    json::dom::object object;
    if (root->get(object))
        return Error { ErrorCode::ValidationError, u"The request body must be a JSON object."_s };
    EmbeddingsRequest request;
    request.body = body;
    if (const auto checked = EmbeddingsChecker(request).check(object); !checked)
        return checked.error();
    auto members = bodyMembers(body, object);
    if (!members)
        return members.error();
    request.members = std::move(*members);
    return request;
}

std::unique_ptr<Dialogue> verbatimEmbeddings(const EmbeddingsRequest &request, const UpstreamTarget &target,
                                             const AnswerIdentity &identity)
{
    return std::make_unique<VerbatimEmbeddings>(request, target, identity);
}

} // namespace assistiv
