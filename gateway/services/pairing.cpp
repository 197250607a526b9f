// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/pairing.h"

#include "core/jsonscan.h"
#include "core/money.h"
#include "store/database.h"

#include <QtCore/QHash>
#include <QtCore/QRandomGenerator>

#include <algorithm>
#include <vector>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

/// What is remembered of a row: hashes. They can only raise a suspicion; the rows themselves decide.
struct Trace
{
    quint64 key;
    /// Of amount and owner.
    quint64 content;
    friend bool operator<(const Trace &a, const Trace &b) { return a.key < b.key; }
};
using Traces = std::vector<Trace>;

struct PairRow
{
    QString id;
    Money amount;
    QString owner;
};

/// The rows of a suspicious key. Two of a kind are enough to tell what is wrong.
struct Couple
{
    QString key;
    QList<PairRow> left;
    QList<PairRow> right;
};

QString keyOf(const Query &rows, const PairSide &side)
{
    const QString column = rows.text(1);
    if (side.keyMember.isEmpty())
        return column;
    const QByteArray json = column.toUtf8();
    const QList<JsonMember> members = scanObject(json);
    const JsonMember *member = findMember(members, side.keyMember);
    return member && member->value.size() >= 2 ? QString::fromUtf8(member->value.sliced(1).chopped(1)) : QString();
}

class PairCheck
{
public:
    PairCheck(Database &db, const Pairing &pairing, Findings &findings)
        : m_db(db), m_pairing(pairing), m_findings(findings), m_seed(QRandomGenerator::system()->generate64())
    {
    }

    Result<qint64> run(qint64 perRound)
    {
        const auto leftRows = mostRows(m_pairing.left);
        const auto rightRows = mostRows(m_pairing.right);
        if (!leftRows || !rightRows)
            return leftRows ? rightRows.error() : leftRows.error();
        const quint64 rounds = 1 + quint64(qMax(*leftRows, *rightRows) / perRound);
        qint64 count = 0;
        for (quint64 round = 0; round < rounds; ++round) {
            const auto left = remember(m_pairing.left, round, rounds);
            if (!left)
                return left.error();
            const auto right = remember(m_pairing.right, round, rounds);
            if (!right)
                return right.error();
            count += qint64(left->size());
            suspect(*left, *right);
        }
        if (!m_suspects.empty()) {
            if (const auto examined = examine(); !examined)
                return examined.error();
        }
        return count;
    }

private:
    /// At least as many rows as there are; quickly.
    Result<qint64> mostRows(const PairSide &side)
    {
        Query newest = m_db.prepare(u"SELECT max(seq) FROM "_s + side.table);
        if (const auto read = newest.exec(); !read)
            return read.error();
        return newest.next() ? newest.integer(0) : 0;
    }

    quint64 hashOf(const QString &key) const { return qHash(key, m_seed); }

    Result<Traces> remember(const PairSide &side, quint64 round, quint64 rounds)
    {
        Query rows = m_db.prepare(side.statement);
        if (const auto read = rows.exec(); !read)
            return read.error();
        Traces traces;
        while (rows.next()) {
            const quint64 key = hashOf(keyOf(rows, side));
            if (key % rounds == round)
                traces.push_back({ key, qHash(rows.text(3), qHash(rows.integer(2), m_seed)) });
        }
        std::sort(traces.begin(), traces.end());
        return traces;
    }

    void suspect(const Traces &left, const Traces &right)
    {
        auto l = left.begin();
        auto r = right.begin();
        while (l != left.end() || r != right.end()) {
            const quint64 key = l == left.end() ? r->key : r == right.end() ? l->key : qMin(l->key, r->key);
            const auto isOther = [key](const Trace &trace) { return trace.key != key; };
            const auto lEnd = std::find_if(l, left.end(), isOther);
            const auto rEnd = std::find_if(r, right.end(), isOther);
            const auto lefts = lEnd - l;
            const auto rights = rEnd - r;
            const bool isFine = lefts == 1
                && (rights == 1 ? l->content == r->content : rights == 0 && !m_pairing.everyLeftHasRight);
            // Whoever has more faults than anybody reads sees some of them.
            if (!isFine && m_suspects.size() < size_t(Findings::Most))
                m_suspects.push_back(key);
            l = lEnd;
            r = rEnd;
        }
    }

    Result<void> examine()
    {
        std::sort(m_suspects.begin(), m_suspects.end());
        for (const auto side : { &Couple::left, &Couple::right }) {
            if (const auto gathered = gather(side == &Couple::left ? m_pairing.left : m_pairing.right, side); !gathered)
                return gathered;
        }
        for (const Couple &couple : m_couples)
            judge(couple);
        return {};
    }

    Result<void> gather(const PairSide &side, QList<PairRow> Couple::*of)
    {
        Query rows = m_db.prepare(side.statement);
        if (const auto read = rows.exec(); !read)
            return read.error();
        while (rows.next()) {
            const QString key = keyOf(rows, side);
            if (!std::binary_search(m_suspects.begin(), m_suspects.end(), hashOf(key)))
                continue;
            auto couple
                = std::find_if(m_couples.begin(), m_couples.end(), [&key](const Couple &c) { return c.key == key; });
            if (couple == m_couples.end())
                couple = m_couples.insert(couple, { key, {}, {} });
            QList<PairRow> &found = (*couple).*of;
            if (found.size() < 2)
                found.append({ rows.text(0), rows.money(2), rows.text(3) });
        }
        return {};
    }

    void judge(const Couple &couple)
    {
        const PairSide &left = m_pairing.left;
        const PairSide &right = m_pairing.right;
        if (couple.left.size() > 1) {
            broken(left, couple.left[1], u"This %1 is there twice."_s.arg(left.name));
        } else if (couple.left.isEmpty()) {
            for (const PairRow &row : couple.right)
                broken(right, row, u"There is no %1 %2 for this %3."_s.arg(left.name, couple.key, right.name));
        } else if (couple.right.isEmpty()) {
            if (m_pairing.everyLeftHasRight)
                broken(left, couple.left[0], u"There is no %1 for this %2."_s.arg(right.name, left.name));
        } else if (couple.right.size() > 1) {
            broken(right, couple.right[1], u"%1 %2 has this %3 and another one, %4."_s
                       .arg(left.name, couple.key, right.name, couple.right[0].id));
        } else {
            compare(couple.left[0], couple.right[0]);
        }
    }

    void compare(const PairRow &left, const PairRow &right)
    {
        if (left.amount != right.amount) {
            broken(m_pairing.left, left, u"This %1 says %2, but its %3 %4 says %5."_s
                       .arg(m_pairing.left.name, QString::fromLatin1(left.amount.toFixed()), m_pairing.right.name,
                            right.id, QString::fromLatin1(right.amount.toFixed())));
        } else if (left.owner != right.owner) {
            broken(m_pairing.left, left, u"This %1 and its %2 %3 name different platforms or end users."_s
                       .arg(m_pairing.left.name, m_pairing.right.name, right.id));
        }
    }

    void broken(const PairSide &side, const PairRow &row, const QString &detail)
    {
        m_findings.add(m_pairing.rule, side.table, row.id, detail);
    }

    Database &m_db;
    const Pairing &m_pairing;
    Findings &m_findings;
    /// Not the same in every run: nobody can prepare keys that collide.
    const size_t m_seed;
    std::vector<quint64> m_suspects;
    /// In the order of the rows.
    QList<Couple> m_couples;
};

} // namespace

Result<qint64> checkPairs(Database &db, const Pairing &pairing, Findings &findings, qint64 perRound)
{
    return PairCheck(db, pairing, findings).run(perRound);
}

} // namespace assistiv
