// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/naivemodel.h"

namespace naive {

constexpr qint64 Million = 1'000'000'000'000;
constexpr qsizetype LargestMetadata = 16 * 1024;

Answer refusal(int status, const QByteArray &code, const QByteArrayList &params = {});
/// 404 of a user, budget, key or platform.
Answer noSuch(const QByteArray &what);

/// The members of a request body by the rules of the contract, and the names of all that break theirs.
class Form
{
public:
    explicit Form(const QByteArray &body);

    bool has(const QByteArray &name) const { return m_json.find(name) != nullptr; }
    /// There, and not null.
    bool isGiven(const QByteArray &name) const;
    void require(const QByteArray &name);
    void refuseNull(const QByteArrayList &names);
    void refuse(const QByteArray &name) { m_wrong.append(name); }

    std::optional<qint64> money(const QByteArray &name, qint64 least, qint64 most);
    std::optional<QByteArray> text(const QByteArray &name, int least, int most);
    std::optional<QByteArray> word(const QByteArray &name, const QByteArrayList &words);
    std::optional<bool> flag(const QByteArray &name);
    std::optional<qint64> time(const QByteArray &name);
    std::optional<QByteArrayList> texts(const QByteArray &name, qsizetype mostEntries, int mostLength);
    std::optional<Json> object(const QByteArray &name, qsizetype mostBytes);

    /// 400 or 422; empty when every rule is kept.
    std::optional<Answer> problem() const;
    const Json &json() const { return m_json; }

private:
    const Json *given(const QByteArray &name) const;

    Json m_json;
    bool m_isJson = true;
    QByteArrayList m_wrong;
};

/// The parameters behind the question mark, in the same manner.
class Query
{
public:
    explicit Query(const QByteArray &query);

    std::optional<QByteArray> text(const QByteArray &name) const;
    std::optional<QByteArray> word(const QByteArray &name, const QByteArrayList &words);
    std::optional<qint64> time(const QByteArray &name);
    std::optional<QByteArray> uuid(const QByteArray &name);
    void readPage(qint64 mostLimit);
    void refuse(const QByteArray &name) { m_wrong.append(name); }

    std::optional<Answer> problem() const;
    /// The asked page of all that there is.
    Answer page(const std::vector<Json> &all) const;

private:
    std::optional<qint64> positive(const QByteArray &name, qint64 most);

    std::map<QByteArray, QByteArray> m_values;
    QByteArrayList m_wrong;
    qint64 m_page = 1;
    qint64 m_limit = 20;
};

bool isUuid(const QByteArray &text);

/// Newest first.
template<typename T>
std::vector<T> reversed(const std::vector<T> &list)
{
    return { list.rbegin(), list.rend() };
}

} // namespace naive
