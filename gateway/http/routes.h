// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "http/endpoint.h"
#include "http/direct.h"

#include <QtCore/QHash>
#include <QtCore/QList>

#include <variant>

namespace assistiv {

/// The table that says for every method and path which key opens it and which function answers. Built once, immutable.
class RouteTable
{
public:
    /// All routes of the program.
    static const RouteTable &all();
    /// Those and the two that move the clock: for a gateway that was started with --test-clock.
    static const RouteTable &withTestClock();

    struct Entry
    {
        HttpMethod method;
        QByteArray path;
        RequiredKey key;
        std::variant<EndpointFunction, DirectFunction> function;
        bool idempotent = false;
        QByteArrayList segments = {};
        /// Index of {platformId} among the path's values; -1 when there is none.
        int platformValue = -1;
        /// Index of {endUserId}; -1 when there is none.
        int endUserValue = -1;
        RouteGroup group = RouteGroup::None;
    };
    struct Match
    {
        const Entry *entry = nullptr;
        QByteArrayList values = {};
        /// The path is known, the method is not: what would be allowed.
        QByteArray allow = {};
    };

    /// HEAD finds what GET would. path is as sent, without query.
    Match find(HttpMethod method, const QByteArray &path) const;
    const QList<Entry> &entries() const { return m_entries; }

    explicit RouteTable(QList<Entry> entries);

private:
    QList<Entry> m_entries;
    QHash<QByteArray, QList<qsizetype>> m_static;
    QList<qsizetype> m_patterns;
};

QByteArray methodName(HttpMethod method);

} // namespace assistiv
