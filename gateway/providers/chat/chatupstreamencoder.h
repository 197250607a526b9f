// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// The chat completion that asks this, as this kind of provider wants it.
Result<UpstreamCall> encodeChatUpstream(const middle::Request &request, const UpstreamTarget &target,
                                        ProviderKind kind);

} // namespace assistiv
