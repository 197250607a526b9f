// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mock {

/// An error before a format has put it into its own words.
struct Complaint
{
    int status = 400;
    std::string message;
    std::string code; // the format's own; empty: the usual one of the status
    std::string reason; // Google's, in the details
    std::string retryDelay; // the same: "7s"
};

/// A stream in parts, each a list of frames.
struct StreamScript
{
    struct Content
    {
        std::vector<Builder> frames;
        std::size_t bytes = 0;
    };
    std::vector<Builder> opening;
    std::vector<Content> contents; // what can be seen: pieces of text or of calls
    std::vector<Builder> closing;
    std::string errorFrame;
    std::string brokenFrame;
};

/// The parts of a request that a format looks at before it answers.
struct Inquiry
{
    std::string_view head;
    std::string_view query;
    std::string_view key; // as the format's own header carries it
    const std::vector<json::Member> &members;
    std::string_view model;
    bool isCount = false; // nobody wants an answer, only to know how much it would be
};

/// What one provider's API looks like on the wire. Formats have no state.
class WireFormat
{
public:
    virtual ~WireFormat() = default;

    /// Name of the route in the journal.
    virtual std::string_view route() const = 0;
    /// The header that carries the key; "authorization" means a bearer token.
    virtual std::string_view keyHeader() const = 0;
    /// Lines that the real thing sends with every answer.
    virtual Builder headers() const = 0;
    virtual std::string error(const Complaint &complaint) const = 0;
    /// What a `fault-<status>` says; `quota` and `context` mean other things everywhere.
    virtual Complaint complaint(const Scenario &scenario) const;

    /// What the real thing refuses before it looks at anything else.
    virtual std::optional<Complaint> checkKey(std::string_view head, std::string_view key) const;
    /// The rest of what it refuses.
    virtual std::optional<Complaint> check(const Inquiry &inquiry) const = 0;
    /// The member of the body with the conversation.
    virtual std::string_view conversation() const = 0;
    /// Whether an entry of the conversation holds the results of calls.
    virtual bool hasResults(std::string_view entry) const = 0;
    /// Empty when the request names none.
    virtual std::string_view user(const std::vector<json::Member> &members) const;

    /// The answer to who asks for its models.
    virtual std::string modelList(const std::vector<std::string_view> &names) const;
    virtual Builder whole(const Scenario &scenario, const Question &question) const = 0;
    virtual StreamScript stream(const Scenario &scenario, const Question &question) const = 0;
};

const WireFormat &chatFormat();
const WireFormat &messagesFormat();
const WireFormat &googleFormat();
const WireFormat &responsesFormat();

/// The value of a header, empty when it is not there.
std::string_view headerValue(std::string_view head, std::string_view name);
/// A member of an object that is a string, as inside JSON; empty when there is none.
std::string_view stringIn(const std::vector<json::Member> &members, std::string_view name);
/// The first member that is not one of these; empty when all are.
std::string_view unknownMember(const std::vector<json::Member> &members, const std::vector<std::string_view> &known);
std::optional<long> numberIn(const std::vector<json::Member> &members, std::string_view name);
/// A Builder with this text.
Builder frame(std::string_view text);

} // namespace mock
