// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QtGlobal>

#include <compare>
#include <optional>

namespace assistiv {

/// Wide enough that no product of a token count, a price and a markup overflows.
__extension__ using Int128 = __int128;

/// Pico-dollars: tokens times a list price, before the one rounding to micro-dollars.
using Picos = qint64;
inline constexpr Picos PicosPerMicro = 1'000'000;

/// An amount of US dollars, counted in whole micro-dollars.
class Money
{
public:
    constexpr Money() = default;
    static constexpr Money fromMicros(qint64 micros) { return Money(micros); }

    /// Rounds once, half up; what was used is never free.
    static constexpr Money fromPicos(Picos picos) { return fromPicos(picos, 0); }

    /// The same after a markup in hundredths of a percent (1250 = 12.5 %), still with one rounding.
    static constexpr Money fromPicos(Picos picos, int markupBasisPoints)
    {
        Q_ASSERT(picos >= 0 && markupBasisPoints >= 0);
        const Int128 marked = Int128(picos) * (10'000 + markupBasisPoints);
        const Int128 unit = Int128(PicosPerMicro) * 10'000;
        const qint64 micros = qint64((marked + unit / 2) / unit);
        return Money(picos > 0 && micros == 0 ? 1 : micros);
    }

    /// Exact decimal text, as JSON writes numbers ("10", "0.000175", "1e1"); empty when it is no number, has more than
    /// six decimals or does not fit.
    static std::optional<Money> parse(QByteArrayView text);

    constexpr qint64 micros() const { return m_micros; }
    constexpr bool isNegative() const { return m_micros < 0; }
    constexpr bool isZero() const { return m_micros == 0; }

    /// Plain decimal with as many places as needed, two at least: "10.00", "0.000175", "-2.14".
    QByteArray toDecimal() const;
    /// Plain decimal with exactly six places, as log rows and tables show it.
    QByteArray toFixed() const;

    friend constexpr auto operator<=>(Money, Money) = default;
    friend constexpr Money operator+(Money a, Money b) { return Money(a.m_micros + b.m_micros); }
    friend constexpr Money operator-(Money a, Money b) { return Money(a.m_micros - b.m_micros); }
    constexpr Money operator-() const { return Money(-m_micros); }
    constexpr Money &operator+=(Money other) { m_micros += other.m_micros; return *this; }
    constexpr Money &operator-=(Money other) { m_micros -= other.m_micros; return *this; }

private:
    explicit constexpr Money(qint64 micros) : m_micros(micros) {}
    qint64 m_micros = 0;
};

/// Largest single amount and largest budget (docs/contract/conventions.md, "Money").
inline constexpr Money LargestAmount = Money::fromMicros(1'000'000'000'000);

} // namespace assistiv
