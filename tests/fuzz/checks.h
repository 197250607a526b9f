// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fuzz/mutator.h"
#include "golden/goldencase.h"

#include <QtCore/QString>

namespace assistiv::fuzz {

/// What must be true of every input, however bad. Each check makes one of a golden case and says what was wrong.
class Checks
{
public:
    explicit Checks(QList<golden::Case> cases);

    /// One check of one input.
    QString run(Mutator &mutator);
    /// The input of the last check.
    const QByteArray &input() const { return m_input; }

private:
    QString clientRequest(Mutator &mutator);
    QString streamedAnswer(Mutator &mutator);
    QString cutStream(Mutator &mutator);
    QString wholeAnswer(Mutator &mutator);
    QString failedAnswer(Mutator &mutator);
    QString furtherRound(Mutator &mutator);
    QString eventStream(Mutator &mutator);
    QString embeddings(Mutator &mutator);
    QString modelList(Mutator &mutator);

    const golden::Case &anyCase(Mutator &mutator, QByteArray golden::Case::*mustHave) const;
    QString verify(const golden::Outcome &outcome, const golden::Case &golden, bool isStream) const;

    const QList<golden::Case> m_cases;
    QByteArray m_input;
};

} // namespace assistiv::fuzz
