// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/providercodec.h"

namespace assistiv {

/// One request to generateContent (docs/contract/providers-google.md, "Request").
Result<UpstreamCall> encodeGoogle(const middle::Request &request, const UpstreamTarget &target);

} // namespace assistiv
