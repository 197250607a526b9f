// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QHash>

#include <map>
#include <optional>
#include <vector>

namespace naive {

/// A JSON value that compares exactly: a number is kept as its shortest plain decimal ("1e1" and "10.00" are "10"), and the
/// order of members does not count. Shares nothing with the program's own readers and writers of JSON.
struct Json
{
    /// Choice: any of the items will do; only in what is expected.
    enum class Kind { Null, Flag, Number, Text, List, Object, Choice };

    Kind kind = Kind::Null;
    bool flag = false;
    /// Of numbers and texts (UTF-8).
    QByteArray text = {};
    std::vector<Json> items = {};
    std::map<QByteArray, Json> members = {};

    static Json ofFlag(bool flag);
    static Json ofText(const QByteArray &text);
    static Json ofTextOrNull(const std::optional<QByteArray> &text);
    static Json ofNumber(qint64 number);
    /// Micro-dollars as dollars.
    static Json ofMicros(qint64 micros);
    static Json ofMicrosOrNull(std::optional<qint64> micros);
    static Json ofList(std::vector<Json> items);
    static Json choice(std::vector<Json> items);
    static Json object(std::map<QByteArray, Json> members = {});

    /// Empty when the text is anything but one JSON value.
    static std::optional<Json> parse(const QByteArray &text);

    bool isObject() const { return kind == Kind::Object; }
    /// Null when there is no such member.
    const Json *find(const QByteArray &name) const;
    /// Of a number in dollars; empty when it needs more than six decimals or does not fit.
    std::optional<qint64> micros() const;
    /// Without blanks.
    QByteArray toText() const;

    friend bool operator==(const Json &, const Json &) = default;
};

/// Knows what the gateway called the things that it made names for. The model uses names of its own ("$id:17"); the first
/// real name that is found in the place of one is taken over (if it has the right form and was never seen before), and from
/// then on no other will do.
class Names
{
public:
    /// kind: "id" (UUID), "raw" (raw key), "prefix" (its readable part), "msg" (webhook message).
    QByteArray fresh(const char *kind);
    /// The real name; what is no name of the model's is returned as it is.
    QByteArray real(const QByteArray &name) const;
    /// The model's name of something real; empty when it was never seen.
    QByteArray nameOf(const QByteArray &real) const { return m_names.value(real); }
    bool isKnown(const QByteArray &name) const { return m_real.contains(name); }
    bool matches(const QByteArray &name, const QByteArray &found);

private:
    int m_count = 0;
    QHash<QByteArray, QByteArray> m_real;
    QHash<QByteArray, QByteArray> m_names;
};

/// "path: expected …, found …" of the first difference; empty when there is none.
QByteArray difference(const Json &expected, const Json &found, Names &names, const QByteArray &path = "body");

} // namespace naive
