// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "core/result.h"
#include "net/httpexchange.h"
#include "net/ssereader.h"
#include "providers/middle/event.h"
#include "providers/middle/request.h"

#include <memory>

namespace assistiv {

/// The model that is to be called, as far as codecs need to know it.
struct UpstreamTarget
{
    /// Slug of the provider.
    QByteArray provider;
    /// The provider's own id of the model.
    QByteArray model;
    std::optional<qint64> maxOutputTokens = {};
    ModelQuirks quirks = {};
    ProviderOptions options = {};

    /// Whether it is the one that can read this state.
    bool owns(const middle::Opaque &opaque) const { return opaque.provider == provider && opaque.model == model; }
    /// Its name under the calls that it has signed.
    QByteArray signer() const { return provider + '/' + model; }
};

UpstreamTarget upstreamTarget(const CatalogModel &model, const CatalogMapping &mapping);

/// The part of an upstream call that a codec decides. The rest (base URL, key, content-type, accept, our user-agent) is
/// the same for all.
struct UpstreamCall
{
    /// Goes behind the provider's base URL.
    QByteArray path;
    HttpMethod method = HttpMethod::Post;
    /// Those that only this wire format has; no secrets.
    HttpHeaders headers = {};
    QByteArray body = {};
    /// Whether a stream is asked for; codecs always do.
    bool streams = true;
    /// The client's names of what this target does not get.
    QByteArrayList dropped = {};
};

/// Reads one streamed answer of a provider. Used through UpstreamStream, which sees to the rules that hold for all.
class StreamDecoder
{
public:
    virtual ~StreamDecoder() = default;

    /// Appends what the event says. After a Finish or Fail it is not called again.
    virtual void onEvent(const SseEvent &event, middle::Events &out) = 0;
    /// The body has ended. Appends what was held back; adding no Finish means that the answer was cut off.
    virtual void onEnd(middle::Events &out) = 0;
};

/// Translates between the middle form and one provider's wire format; bytes in, values out, no clock and no network.
/// Codecs have no state: one object serves all threads.
class ProviderCodec
{
public:
    virtual ~ProviderCodec() = default;

    /// The call that asks this, always for a stream: one way to read answers, and the usage of those that break off.
    /// ValidationError or UnsupportedParameter (with param) when this provider cannot be asked that.
    virtual Result<UpstreamCall> encode(const middle::Request &request, const UpstreamTarget &target) const = 0;
    /// The headers that carry the platform's key.
    virtual HttpHeaders authorization(const QByteArray &secret) const = 0;
    virtual std::unique_ptr<StreamDecoder> decoder(const middle::Request &request,
                                                   const UpstreamTarget &target) const = 0;
    /// The same answer when it came in one piece. Ends with Finish or Fail.
    virtual middle::Events decodeAnswer(const QByteArray &body, const middle::Request &request,
                                        const UpstreamTarget &target) const = 0;
    virtual UpstreamFailure decodeFailure(const FailedReply &reply) const;

    /// The call that asks which models a key opens; its answer is for modelIdsIn().
    virtual UpstreamCall modelList(const ProviderOptions &options) const;
};

} // namespace assistiv
