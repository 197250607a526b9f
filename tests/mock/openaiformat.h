// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "wireformat.h"

namespace mock {

/// What OpenAI's two APIs have in common: key, headers, errors.
class OpenAiFormat : public WireFormat
{
public:
    std::string_view keyHeader() const override { return "authorization"; }
    Builder headers() const override;
    std::string error(const Complaint &complaint) const override;

protected:
    /// What goes wrong in the middle of a stream.
    static Complaint failure();
};

} // namespace mock
