// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/money.h"

#include <QtCore/QString>

#include <optional>

// Money as people read and type it. Point and comma are the same in every language: amounts get pasted into code.
namespace assistiv::console {

/// Exactly six places, for tables and screen readers: "−$2.140000".
QString exactMoney(Money amount);

/// As many places as needed, two at least: "$25.00", "$0.000063".
QString plainMoney(Money amount);

/// Cut to the cent towards zero, so that nobody is shown more than there is; "<$0.01" for what is smaller.
QString briefMoney(Money amount);

/// Whole cents with sign and dollar, and the four places after them, so that a figure can be set in two sizes.
struct MoneyParts
{
    QString cents;
    QString rest;
};
MoneyParts moneyParts(Money amount);

/// What a person typed: digits with at most one point and six places, spaces around them allowed. Empty otherwise.
std::optional<Money> typedMoney(QStringView text);

} // namespace assistiv::console
