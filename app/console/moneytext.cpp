// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "moneytext.h"

namespace assistiv::console {

namespace {

constexpr quint64 MicrosPerDollar = 1'000'000;
constexpr int Places = 6;

quint64 magnitude(Money amount)
{
    const qint64 micros = amount.micros();
    return micros < 0 ? quint64(-(micros + 1)) + 1 : quint64(micros);
}

QString grouped(quint64 dollars)
{
    QString text = QString::number(dollars);
    for (qsizetype at = text.size() - 3; at > 0; at -= 3)
        text.insert(at, u',');
    return text;
}

/// Sign, dollars and the first `places` decimals; the rest is cut off.
QString cutMoney(Money amount, int places)
{
    const quint64 micros = magnitude(amount);
    const QString decimals = QString::number(micros % MicrosPerDollar).rightJustified(Places, u'0');
    return (amount.isNegative() ? QStringLiteral("\u2212$") : QStringLiteral("$")) + grouped(micros / MicrosPerDollar)
        + u'.' + decimals.left(places);
}

} // namespace

QString exactMoney(Money amount)
{
    return cutMoney(amount, Places);
}

QString plainMoney(Money amount)
{
    QString text = cutMoney(amount, Places);
    const qsizetype twoPlaces = text.size() - (Places - 2);
    while (text.size() > twoPlaces && text.endsWith(u'0'))
        text.chop(1);
    return text;
}

QString briefMoney(Money amount)
{
    const bool belowOneCent = !amount.isZero() && magnitude(amount) < MicrosPerDollar / 100;
    if (belowOneCent)
        return amount.isNegative() ? QStringLiteral("\u2212<$0.01") : QStringLiteral("<$0.01");
    return cutMoney(amount, 2);
}

MoneyParts moneyParts(Money amount)
{
    const QString text = exactMoney(amount);
    return {text.chopped(Places - 2), text.right(Places - 2)};
}

std::optional<Money> typedMoney(QStringView text)
{
    const QStringView trimmed = text.trimmed();
    if (trimmed.isEmpty() || trimmed == u".")
        return std::nullopt;
    QByteArray digits;
    int points = 0;
    for (const QChar letter : trimmed) {
        const bool isPoint = letter == u'.';
        points += isPoint ? 1 : 0;
        if (points > 1 || (!isPoint && (letter < u'0' || letter > u'9')))
            return std::nullopt;
        digits += char(letter.unicode());
    }
    // People type ".50" and "5."; the parser wants digits on both sides of the point and no zeros in front.
    if (digits.startsWith('.'))
        digits.prepend('0');
    if (digits.endsWith('.'))
        digits.chop(1);
    while (digits.size() > 1 && digits[0] == '0' && digits[1] != '.')
        digits.remove(0, 1);
    return Money::parse(digits);
}

} // namespace assistiv::console
