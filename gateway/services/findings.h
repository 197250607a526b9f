// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QList>
#include <QtCore/QString>

namespace assistiv {

/// A broken rule of the books, with the row that shows it.
struct BrokenRule
{
    QString rule;
    QString table;
    QString row;
    /// A sentence for the operator.
    QString detail;
};

/// What verify found, at most as many as anybody reads: the books are broken either way.
class Findings
{
public:
    static constexpr qsizetype Most = 100;

    void add(const QString &rule, const QString &table, const QString &row, const QString &detail)
    {
        if (!isFull())
            m_broken.append({ rule, table, row, detail });
    }
    bool isFull() const { return m_broken.size() >= Most; }
    const QList<BrokenRule> &broken() const { return m_broken; }

private:
    QList<BrokenRule> m_broken;
};

} // namespace assistiv
