// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ledger/naivemodel.h"
#include "store/database.h"

/// Compares what the database holds, row by row and column by column, with the model. The first difference as a text; empty
/// when everything is as it must be.
class BookCheck
{
public:
    BookCheck(assistiv::Database &db, naive::Model &model, bool withEvents)
        : m_db(db), m_model(model), m_withEvents(withEvents)
    {
    }

    QByteArray run();

private:
    using Rows = std::vector<naive::Json>;
    /// By the value of their first column.
    using Groups = std::map<QByteArray, Rows>;

    /// columns: names with the kind of their values behind a colon: text, time, money, flag or json.
    Groups read(const QByteArray &table, const QByteArrayList &columns, const QByteArray &order);
    /// Takes the group out and compares it.
    void compare(const QByteArray &table, Groups &groups, const QByteArray &owner, const Rows &expected);
    void nothingLeft(const QByteArray &table, const Groups &groups);
    void fail(const QByteArray &problem);

    void accounts();
    void ledgers();
    void wallets();
    void logs();
    void remembered();
    void events();

    assistiv::Database &m_db;
    naive::Model &m_model;
    const bool m_withEvents;
    QByteArray m_problem;
};
