// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QString>
#include <QtCore/QStringList>

#include <optional>

namespace assistiv {

/// The words that an enumeration has in the database and in the contract: specialised with a constexpr array `table`, in the
/// order of the enumeration's values.
template<typename Enum>
struct Words;

template<typename Enum>
concept HasWords = requires { Words<Enum>::table; };

template<HasWords Enum>
constexpr QLatin1StringView wordOf(Enum value)
{
    return Words<Enum>::table[size_t(value)];
}

template<HasWords Enum>
std::optional<Enum> fromWord(QStringView word)
{
    for (size_t i = 0; i < std::size(Words<Enum>::table); ++i) {
        if (word == Words<Enum>::table[i])
            return Enum(i);
    }
    return {};
}

/// For columns that hold nothing else.
template<HasWords Enum>
Enum fromStoredWord(QStringView word)
{
    const auto value = fromWord<Enum>(word);
    Q_ASSERT(value);
    return value.value_or(Enum());
}

template<HasWords Enum>
QStringList allWords()
{
    QStringList words;
    for (const QLatin1StringView word : Words<Enum>::table)
        words.append(word);
    return words;
}

} // namespace assistiv
