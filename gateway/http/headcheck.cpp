// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/headcheck.h"

#include <algorithm>
#include <array>
#include <optional>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr bool isAlphanumeric(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// One bit per byte value: those of text, and letters and digits.
constexpr std::array<bool, 256> alphanumericAnd(const char *text)
{
    std::array<bool, 256> table = {};
    for (int c = 0; c < 256; ++c)
        table[size_t(c)] = isAlphanumeric(static_cast<unsigned char>(c));
    for (; *text; ++text)
        table[static_cast<unsigned char>(*text)] = true;
    return table;
}

constexpr auto TokenBytes = alphanumericAnd("!#$%&'*+-.^_`|~");
constexpr auto HostBytes = alphanumericAnd("-._~%:[]");

bool consistsOf(QByteArrayView text, const std::array<bool, 256> &allowed)
{
    return !text.isEmpty()
        && std::all_of(text.begin(), text.end(), [&allowed](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

constexpr bool isControl(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

bool isSame(QByteArrayView a, QByteArrayView b)
{
    return a.size() == b.size() && a.compare(b, Qt::CaseInsensitive) == 0;
}

/// Whether a comma-separated list of tokens names this one.
bool lists(QByteArrayView list, QByteArrayView token)
{
    while (!list.isEmpty()) {
        const qsizetype comma = list.indexOf(',');
        const QByteArrayView item = comma < 0 ? list : list.first(comma);
        if (isSame(item.trimmed(), token))
            return true;
        list = comma < 0 ? QByteArrayView() : list.sliced(comma + 1);
    }
    return false;
}

int hexValue(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = char(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

HttpMethod methodOf(QByteArrayView word)
{
    static constexpr std::pair<const char *, HttpMethod> Methods[] = {
        {"GET", HttpMethod::Get},         {"HEAD", HttpMethod::Head},   {"POST", HttpMethod::Post},
        {"PUT", HttpMethod::Put},         {"PATCH", HttpMethod::Patch}, {"DELETE", HttpMethod::Delete},
        {"OPTIONS", HttpMethod::Options},
    };
    for (const auto &[name, method] : Methods) {
        if (word == name)
            return method;
    }
    return HttpMethod::Other;
}

Error malformed(const QString &why)
{
    return {ErrorCode::MalformedRequest, why};
}

/// The path and query of "http://host/path?query"; empty when it is no such target.
std::optional<QByteArray> withoutAuthority(QByteArrayView target)
{
    const qsizetype colon = target.indexOf("://");
    if (colon < 0 || !(isSame(target.first(colon), "http") || isSame(target.first(colon), "https")))
        return {};
    const QByteArrayView rest = target.sliced(colon + 3);
    const auto end = std::find_if(rest.begin(), rest.end(), [](char c) { return c == '/' || c == '?'; });
    const qsizetype length = end - rest.begin();
    if (!consistsOf(rest.first(length), HostBytes))
        return {};
    const QByteArrayView origin = rest.sliced(length);
    return origin.startsWith('/') ? origin.toByteArray() : "/" + origin.toByteArray();
}

} // namespace

HeadCheck::State HeadCheck::take(const QByteArray &bytes)
{
    if (m_text.isEmpty())
        m_text = bytes;
    else
        m_text += bytes;

    for (;;) {
        const qsizetype newline = m_text.indexOf('\n', m_searched);
        const qsizetype seen = newline < 0 ? m_text.size() : newline + 1;
        if (!m_hasRequestLine && seen - m_lineBegin > m_limits.requestLineBytes)
            return refuse({ErrorCode::UriTooLong, u"The request line is too long."_s});
        if (seen > m_limits.headBytes)
            return refuse({ErrorCode::HeadTooLarge, u"The request's headers are too large."_s});
        m_searched = seen;
        if (newline < 0)
            return State::Reading;

        QByteArrayView line = QByteArrayView(m_text).sliced(m_lineBegin, newline - m_lineBegin);
        m_lineBegin = seen;
        if (!line.endsWith('\r'))
            return refuse(malformed(u"Lines must end with CR LF."_s));
        line.chop(1);

        if (line.isEmpty() && m_hasRequestLine) {
            const auto concluded = conclude();
            return concluded ? State::Complete : refuse(concluded.error());
        }
        if (line.isEmpty())
            continue; // left behind by clients that end a body with a line break (RFC 9112, 2.2)
        const auto read = m_hasRequestLine ? readField(line) : readRequestLine(line);
        if (!read)
            return refuse(read.error());
        m_hasRequestLine = true;
    }
}

RequestHead HeadCheck::takeHead()
{
    RequestHead head = std::move(m_head);
    *this = HeadCheck(m_limits);
    return head;
}

Result<void> HeadCheck::readRequestLine(QByteArrayView line)
{
    const qsizetype first = line.indexOf(' ');
    const qsizetype second = first < 0 ? -1 : line.indexOf(' ', first + 1);
    if (second < 0 || line.indexOf(' ', second + 1) >= 0)
        return malformed(u"The request line must be: method, target, version."_s);

    const QByteArrayView method = line.first(first);
    if (!consistsOf(method, TokenBytes))
        return malformed(u"The method is malformed."_s);
    m_head.request.method = methodOf(method);

    const QByteArrayView version = line.sliced(second + 1);
    if (version == "HTTP/1.0") {
        m_head.isHttp10 = true;
        m_head.wantsClose = true;
    } else if (version != "HTTP/1.1") {
        const bool isVersion = version.size() == 8 && version.startsWith("HTTP/") && version[6] == '.';
        return isVersion ? Error{ErrorCode::HttpVersion, u"Only HTTP/1.1 and HTTP/1.0 are spoken here."_s}
                         : malformed(u"The protocol version is malformed."_s);
    }
    return readTarget(line.sliced(first + 1, second - first - 1));
}

Result<void> HeadCheck::readTarget(QByteArrayView target)
{
    bool inPath = true;
    for (qsizetype i = 0; i < target.size(); ++i) {
        const auto c = static_cast<unsigned char>(target[i]);
        if (isControl(c) || c > 0x7e || c == '#')
            return malformed(u"The target has a character that must be percent-encoded."_s);
        if (c == '?')
            inPath = false;
        if (c != '%')
            continue;
        const int high = i + 2 < target.size() ? hexValue(target[i + 1]) : -1;
        const int low = i + 2 < target.size() ? hexValue(target[i + 2]) : -1;
        if (high < 0 || low < 0)
            return malformed(u"The target has a broken percent-encoding."_s);
        const auto decoded = static_cast<unsigned char>(high * 16 + low);
        // Text in a query may have line breaks; nothing of ours has a use for NUL, and no id has a control character.
        if (decoded == 0 || (inPath && isControl(decoded)))
            return malformed(u"The target has an encoded control character."_s);
    }

    QByteArray origin = target.toByteArray();
    if (!origin.startsWith('/') && !(origin == "*" && m_head.request.method == HttpMethod::Options)) {
        auto stripped = withoutAuthority(target);
        if (!stripped)
            return malformed(u"The target must be a path or an http URL."_s);
        origin = *std::move(stripped);
    }
    const qsizetype mark = origin.indexOf('?');
    m_head.request.path = mark < 0 ? origin : origin.first(mark);
    if (mark >= 0)
        m_head.request.query = origin.sliced(mark + 1);
    return {};
}

Result<void> HeadCheck::readField(QByteArrayView line)
{
    if (m_head.request.headers.size() >= m_limits.fields)
        return Error{ErrorCode::HeadTooLarge, u"The request has too many headers."_s};

    // A name that is no token also stands for: a folded line, a blank before the colon, no name at all.
    const qsizetype colon = line.indexOf(':');
    if (colon < 0 || !consistsOf(line.first(colon), TokenBytes))
        return malformed(u"A header line is malformed."_s);
    const QByteArrayView name = line.first(colon);
    const QByteArrayView value = line.sliced(colon + 1).trimmed();
    const bool isClean = std::none_of(line.begin(), line.end(),
                                      [](char c) { return c != '\t' && isControl(static_cast<unsigned char>(c)); });
    if (!isClean)
        return malformed(u"A header has a control character."_s);

    if (isSame(name, "host")) {
        if (++m_hosts > 1 || !consistsOf(value, HostBytes))
            return malformed(u"The Host header is malformed or repeated."_s);
    } else if (isSame(name, "content-length")) {
        if (const auto length = readLength(value); !length)
            return length.error();
    } else if (isSame(name, "transfer-encoding")) {
        ++m_codings;
        m_isChunked = isSame(value, "chunked");
    } else if (isSame(name, "connection")) {
        m_head.wantsClose = m_head.wantsClose || lists(value, "close");
    } else if (isSame(name, "expect")) {
        if (!isSame(value, "100-continue"))
            return Error{ErrorCode::ExpectationFailed, u"Only 100-continue can be expected."_s};
        m_head.expectsContinue = true;
    }
    if (m_head.request.headers.isEmpty())
        m_head.request.headers.reserve(24);
    m_head.request.headers.emplace_back(name.toByteArray(), value.toByteArray());
    return {};
}

Result<void> HeadCheck::readLength(QByteArrayView value)
{
    const bool isNumber =
        !value.isEmpty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    // Even equal repetitions are refused: no client of ours sends them, and proxies differ in what they make of them.
    if (++m_lengths > 1 || !isNumber)
        return malformed(u"The Content-Length header is malformed or repeated."_s);
    bool fits = false;
    m_head.bodyBytes = value.toLongLong(&fits);
    if (!fits || m_head.bodyBytes > m_limits.bodyBytes)
        return Error{ErrorCode::PayloadTooLarge, u"The request body is too large."_s};
    return {};
}

/// What only the whole head can tell.
Result<void> HeadCheck::conclude()
{
    if (m_hosts == 0 && !m_head.isHttp10)
        return malformed(u"The Host header is missing."_s);
    if (m_codings > 0) {
        if (m_codings > 1 || !m_isChunked || m_lengths > 0 || m_head.isHttp10)
            return malformed(u"The length of the body is ambiguous."_s);
        return Error{ErrorCode::LengthRequired, u"A request body needs a Content-Length; chunked is not accepted."_s};
    }
    // A client of HTTP/1.0 does not know the interim answer (RFC 9110, 10.1.1).
    m_head.expectsContinue = m_head.expectsContinue && !m_head.isHttp10;
    return {};
}

HeadCheck::State HeadCheck::refuse(const Error &error)
{
    m_refusal = error;
    return State::Refused;
}

} // namespace assistiv
