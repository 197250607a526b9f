// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtCore/QByteArrayList>
#include <QtCore/QJsonValue>

#include <random>

namespace assistiv::fuzz {

/// Makes bad input of good input; the same seed makes the same.
class Mutator
{
public:
    explicit Mutator(quint64 seed) : m_random(seed) {}

    /// From 0 to below, evenly.
    qsizetype below(qsizetype end);
    bool oneIn(qsizetype n) { return below(n) == 0; }

    /// A JSON text with some of its values changed, or its bytes.
    QByteArray json(const QByteArray &text);
    /// An event stream with events dropped, repeated, exchanged or changed inside; other is one to take events from.
    QByteArray stream(const QByteArray &text, const QByteArray &other);
    /// Any bytes with some of them changed.
    QByteArray bytes(QByteArray text);
    /// The same bytes in pieces.
    QByteArrayList pieces(const QByteArray &text);

private:
    QJsonValue changed(const QJsonValue &value, int depth);
    QJsonValue anyValue();
    QByteArray anyToken();

    std::mt19937_64 m_random;
};

} // namespace assistiv::fuzz
