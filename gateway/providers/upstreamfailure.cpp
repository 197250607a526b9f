// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/upstreamfailure.h"

#include "core/log.h"
#include "net/retryafter.h"

#include <QtCore/QDateTime>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

#include <algorithm>
#include <array>
#include <cmath>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype LongestMessage = 2000;
/// Of a key, in a message; shorter ones are chance.
constexpr qsizetype LongestKeyPart = 6;

struct Reported
{
    QString message;
    QString code;
    QString param;
    /// Google's: why, in a word, and seconds to wait; 0 when it does not say.
    QString reason;
    int wait = 0;
};

// Details with types of their own (google.rpc): ErrorInfo has a reason, RetryInfo a time ("37s", "0.5s").
void readDetails(const QJsonArray &details, Reported &reported)
{
    for (const QJsonValue &detail : details) {
        const QJsonObject object = detail.toObject();
        if (reported.reason.isEmpty())
            reported.reason = object.value("reason"_L1).toString();
        const QString delay = object.value("retryDelay"_L1).toString();
        if (delay.endsWith(u's'))
            reported.wait = retryAfterSeconds(delay.chopped(1).toLatin1(), {});
    }
}

// The shapes of docs/contract/providers-openai.md and providers-google.md, "Error bodies" and "Errors"; anything else
// leaves the message empty.
Reported reportedBy(QByteArrayView body)
{
    QJsonDocument document = QJsonDocument::fromJson(body.toByteArray());
    if (document.isArray())
        document.setObject(document.array().first().toObject());
    const QJsonObject root = document.object();
    const QJsonValue error = root.value("error"_L1);
    Reported reported;
    if (error.isObject()) {
        const QJsonObject object = error.toObject();
        reported.message = object.value("message"_L1).toString();
        reported.code = object.value("code"_L1).toString();
        if (reported.code.isEmpty())
            reported.code = object.value("type"_L1).toString();
        if (reported.code.isEmpty())
            reported.code = object.value("status"_L1).toString();
        readDetails(object.value("details"_L1).toArray(), reported);
        reported.param = object.value("param"_L1).toString();
    } else {
        reported.message = error.isString() ? error.toString() : root.value("message"_L1).toString();
        reported.code = root.value("code"_L1).toString();
    }
    return reported;
}

bool means(const Reported &reported, std::initializer_list<QLatin1StringView> words)
{
    return std::any_of(words.begin(), words.end(), [&](QLatin1StringView word) {
        return reported.message.contains(word, Qt::CaseInsensitive) || reported.code.contains(word, Qt::CaseInsensitive)
            || reported.reason.contains(word, Qt::CaseInsensitive);
    });
}

bool meansTooLong(const Reported &reported)
{
    return means(reported, { "context_length_exceeded"_L1, "string_above_max_length"_L1, "maximum context length"_L1,
                             "context window"_L1, "maximum prompt length"_L1, "exceeds the available context"_L1,
                             "prompt is too long"_L1, "exceed context limit"_L1 })
        || (means(reported, { "input token count"_L1 }) && means(reported, { "exceed"_L1 }));
}

// docs/contract/providers-middle-form.md, "State that is refused"
bool meansState(const Reported &reported)
{
    return means(reported, { "signature"_L1, "thinking"_L1, "prefix"_L1, "encrypted content"_L1, "encrypted_content"_L1 });
}

bool meansNoCredit(const Reported &reported)
{
    return means(reported, { "insufficient_quota"_L1, "billing_hard_limit_reached"_L1, "billing_error"_L1, "spend limit"_L1 });
}

// Every stretch that is also in the key and longer than it may be becomes one ellipsis.
QString withoutPartsOf(const QString &key, const QString &message)
{
    // For each place in the key: how many characters up to it are those up to the current one of the message.
    QList<qsizetype> common(key.size() + 1);
    QList<bool> isSecret(message.size());
    for (qsizetype at = 0; at < message.size(); ++at) {
        qsizetype longest = 0;
        for (qsizetype end = key.size(); end > 0; --end) {
            common[end] = message[at] == key[end - 1] ? common[end - 1] + 1 : 0;
            longest = std::max(longest, common[end]);
        }
        if (longest > LongestKeyPart)
            std::fill_n(isSecret.begin() + at + 1 - longest, longest, true);
    }
    QString kept;
    for (qsizetype at = 0; at < message.size(); ++at) {
        if (!isSecret[at])
            kept += message[at];
        else if (at == 0 || !isSecret[at - 1])
            kept += u'…';
    }
    return kept;
}

// Without keys, without any longer part of the key that was used, and not longer than anybody will read.
QString cleaned(const QString &message, QByteArrayView ownKey)
{
    const QString key = QString::fromUtf8(ownKey);
    // Cut before the search, whose time is the product of both lengths; a key at the cut is still whole or behind the end.
    const QString redactedMessage = redacted(message.left(LongestMessage + key.size()));
    // How keys of this kind begin is known to everybody.
    const qsizetype secretBegin = std::max(redacted(key).indexOf(u'…'), qsizetype(0));
    return withoutPartsOf(key.sliced(secretBegin), redactedMessage).left(LongestMessage);
}

UpstreamFailure failure(ErrorCode code, const QString &message, bool mayTryNext, int retryAfter = 0)
{
    return { .error = { .code = code, .message = message, .retryAfterSeconds = retryAfter }, .mayTryNext = mayTryNext };
}

} // namespace

int retryAfterSeconds(QByteArrayView retryAfter, QByteArrayView retryAfterMs)
{
    // Numbers that are none ("nan", "-inf") fall on the lower end.
    const auto bounded = [](double seconds) { return seconds > 1 ? int(std::ceil(std::min(seconds, 3600.0))) : 1; };
    bool isNumber = false;
    if (const double ms = retryAfterMs.toByteArray().toDouble(&isNumber); isNumber)
        return bounded(ms / 1000);
    const auto wait = retryAfterOf(retryAfter);
    return wait ? bounded(double(*wait) / 1000) : 0;
}

UpstreamFailure failureFromStatus(int status, QByteArrayView body, int wait, QByteArrayView ownKey)
{
    const Reported reported = reportedBy(body);
    if (wait == 0)
        wait = reported.wait;
    const QString message
        = cleaned(reported.message.isEmpty() ? u"The provider answered with status %1."_s.arg(status) : reported.message, ownKey);

    if ((status == 400 || status == 413 || status == 422) && meansTooLong(reported))
        return failure(ErrorCode::ContextLengthExceeded, message, false);
    if (status == 402 || meansNoCredit(reported))
        return failure(ErrorCode::ProviderAuthFailed, u"The provider account has no credit."_s, true);
    switch (status) {
    case 400:
    case 422: {
        if (means(reported, { "API_KEY_INVALID"_L1, "FAILED_PRECONDITION"_L1, "incorrect api key"_L1 }))
            return failure(ErrorCode::ProviderAuthFailed, u"The provider refused this platform's key."_s, false);
        UpstreamFailure refused = failure(ErrorCode::InvalidRequest, message, false);
        refused.error.param = reported.param;
        return refused;
    }
    case 401:
    case 403:
        if (status == 403 && means(reported, { "policy"_L1, "unsupported_country"_L1, "moderation"_L1 }))
            return failure(ErrorCode::InvalidRequest, message, false);
        return failure(ErrorCode::ProviderAuthFailed, u"The provider refused this platform's key."_s, false);
    case 408:
    case 504:
        return failure(ErrorCode::ProviderTimeout, u"The provider did not answer in time."_s, true);
    case 404:
        return failure(ErrorCode::ProviderError, u"The provider does not know this model."_s, false);
    case 413:
        return failure(ErrorCode::PayloadTooLarge, message, false);
    case 429:
        return failure(ErrorCode::ProviderRateLimited, u"The provider's rate limit is reached."_s, true, qMax(1, wait));
    case 503:
    case 529:
        return failure(ErrorCode::ProviderOverloaded, u"The provider is overloaded."_s, true, qMax(1, wait));
    case 409:
    case 500:
    case 502:
        return failure(ErrorCode::ProviderError, u"The provider failed with status %1."_s.arg(status), true);
    default:
        return failure(ErrorCode::ProviderError, u"The provider answered with status %1."_s.arg(status), false);
    }
}

UpstreamFailure failureFromReply(const FailedReply &reply)
{
    const int wait = retryAfterSeconds(reply.retryAfter, reply.retryAfterMs);
    UpstreamFailure failed = failureFromStatus(reply.status, reply.body, wait, reply.ownKey);
    failed.mayTrySameProvider = reply.shouldRetry.compare("false", Qt::CaseInsensitive) != 0;
    return failed;
}

bool refusesState(const FailedReply &reply)
{
    return reply.status == 400 && meansState(reportedBy(reply.body));
}

UpstreamFailure failureFromNetwork(NetError error)
{
    switch (error) {
    case NetError::Timeout:
        return failure(ErrorCode::ProviderTimeout, u"The provider did not answer in time."_s, true);
    case NetError::AddressRefused:
        return failure(ErrorCode::ProviderError, u"The provider's address is not allowed."_s, false);
    case NetError::TooLarge:
        return failure(ErrorCode::ProviderError, u"The provider's answer is too large."_s, false);
    case NetError::Connect:
    case NetError::Tls:
        return failure(ErrorCode::ProviderError, u"The provider cannot be reached."_s, true);
    case NetError::Broken:
    case NetError::None:
        break;
    }
    return failure(ErrorCode::ProviderError, u"The connection to the provider broke."_s, true);
}

UpstreamFailure failureFromStream(QByteArrayView data)
{
    const Reported reported = reportedBy(data);
    const QString message = cleaned(reported.message.isEmpty() ? u"The provider reported an error."_s : reported.message, {});
    if (means(reported, { "rate_limit"_L1 }))
        return failure(ErrorCode::ProviderRateLimited, message, true, 1);
    if (meansTooLong(reported))
        return failure(ErrorCode::ContextLengthExceeded, message, false);
    return failure(ErrorCode::ProviderError, message, true);
}

UpstreamFailure unreadableAnswer()
{
    return failure(ErrorCode::ProviderError, u"The provider sent a piece of its answer that cannot be read."_s, true);
}

UpstreamFailure truncatedAnswer()
{
    return failure(ErrorCode::ProviderError, u"The provider closed the stream early."_s, true);
}

} // namespace assistiv
