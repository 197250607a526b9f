// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// The call of the Responses API that asks this.
Result<UpstreamCall> encodeResponses(const middle::Request &request, const UpstreamTarget &target);

} // namespace assistiv
