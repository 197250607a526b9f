// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// One request to the Messages API (docs/contract/providers-anthropic.md, "Request").
/// Of the API, as that provider wants to be asked.
QByteArray anthropicVersion(const ProviderOptions &options);
Result<UpstreamCall> encodeAnthropic(const middle::Request &request, const UpstreamTarget &target);

} // namespace assistiv
