// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace bench {

/// One kind of request, and what a right answer to it says. Everything follows from the model's name in the language
/// of tests/mock/README.md, so a mixed-up answer cannot look right.
class Expectation
{
public:
    struct Options
    {
        std::string host;
        std::string path;
        std::string key;
        bool stream = false;
        bool includeUsage = false;
        std::size_t promptBytes = 400;
    };
    Expectation(std::string model, const Options &options);

    const std::string &request() const { return m_request; }

    /// Empty when the whole body is what it must be, otherwise what is wrong with it.
    std::string problem(std::string_view body) const;

private:
    std::string streamProblem(std::string_view body) const;
    bool hasUsage(std::string_view text) const;

    std::string m_model;
    std::string m_modelMember;
    std::string m_content;
    std::string m_contentMember;
    std::string m_usageMember;
    std::string m_request;
    bool m_stream;
    bool m_includeUsage;
};

} // namespace bench
