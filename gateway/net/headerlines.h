// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "net/httpreply.h"

#include <curl/curl.h>

#include <vector>

namespace assistiv {

/// The headers of a call in the form libcurl wants them, in one block of text instead of two allocations per header.
class HeaderLines
{
public:
    /// False when a name or value would break out of its line. What frames the body is libcurl's business and left out.
    bool set(const HttpHeaders &headers);
    /// Valid until the next set() and for as long as this object.
    curl_slist *list() { return m_nodes.empty() ? nullptr : m_nodes.data(); }

private:
    QByteArray m_text;
    std::vector<curl_slist> m_nodes;
};

} // namespace assistiv
