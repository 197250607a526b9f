// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/money.h"

#include <limits>

namespace assistiv {

namespace {

QByteArray decimal(qint64 micros, int minimumPlaces)
{
    const bool negative = micros < 0;
    const quint64 magnitude = negative ? quint64(0) - quint64(micros) : quint64(micros);
    QByteArray fraction = QByteArray::number(magnitude % 1'000'000).rightJustified(6, '0');
    while (fraction.size() > minimumPlaces && fraction.endsWith('0'))
        fraction.chop(1);
    return (negative ? "-" : "") + QByteArray::number(magnitude / 1'000'000) + '.' + fraction;
}

} // namespace

std::optional<Money> Money::parse(QByteArrayView text)
{
    qsizetype at = 0;
    const auto more = [&] { return at < text.size(); };
    const bool negative = more() && text[at] == '-';
    if (negative)
        ++at;

    Int128 digits = 0;
    int places = 0;
    bool seenDigit = false;
    bool seenPoint = false;
    for (; more(); ++at) {
        const char c = text[at];
        if (c == '.' && !seenPoint && seenDigit) {
            seenPoint = true;
        } else if (c >= '0' && c <= '9') {
            seenDigit = true;
            if (digits > Int128(1'000'000'000'000'000'000) * 1'000'000)
                return {};
            digits = digits * 10 + (c - '0');
            places += seenPoint;
        } else {
            break;
        }
    }
    if (!seenDigit || (seenPoint && places == 0))
        return {};

    int exponent = 0;
    if (more() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        const bool down = more() && text[at] == '-';
        if (more() && (text[at] == '-' || text[at] == '+'))
            ++at;
        if (!more())
            return {};
        for (; more() && text[at] >= '0' && text[at] <= '9'; ++at) {
            exponent = exponent * 10 + (text[at] - '0');
            if (exponent > 40)
                return {};
        }
        if (down)
            exponent = -exponent;
    }
    if (more())
        return {};

    int shift = 6 + exponent - places;
    for (; shift > 0 && digits != 0; --shift) {
        if (digits > Int128(1'000'000'000'000'000'000) * 1'000'000)
            return {};
        digits *= 10;
    }
    for (; shift < 0 && digits != 0; ++shift) {
        if (digits % 10 != 0)
            return {}; // more precise than a micro-dollar
        digits /= 10;
    }
    if (digits > std::numeric_limits<qint64>::max())
        return {};
    return Money(negative ? -qint64(digits) : qint64(digits));
}

QByteArray Money::toDecimal() const
{
    return decimal(m_micros, 2);
}

QByteArray Money::toFixed() const
{
    return decimal(m_micros, 6);
}

} // namespace assistiv
