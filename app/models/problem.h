// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/errors.h"

#include <QtCore/QMetaType>
#include <QtCore/QString>
#include <QtQml/qqmlregistration.h>

namespace assistiv::console {

/// What went wrong, in words for the user: what failed, why, and the next step. Empty when nothing did.
class Problem
{
    Q_GADGET
    QML_VALUE_TYPE(problem)
    Q_PROPERTY(bool present READ isPresent)
    Q_PROPERTY(QString code MEMBER code)
    Q_PROPERTY(QString title MEMBER title)
    Q_PROPERTY(QString detail MEMBER detail)
    Q_PROPERTY(QString field MEMBER field)
    Q_PROPERTY(bool retryable MEMBER retryable)
    Q_PROPERTY(QString fixText MEMBER fixText)
    Q_PROPERTY(QString fixAction MEMBER fixAction)
    /// Everything in a few lines, for "Copy details".
    Q_PROPERTY(QString report READ report)

public:
    /// title says what failed: "The wallet could not be read".
    static Problem fromError(const QString &title, const Error &error);
    /// The engine has said nothing for so long that the user should know.
    static Problem silence(const QString &title, int seconds);

    bool isPresent() const { return !title.isEmpty(); }
    QString report() const;

    friend bool operator==(const Problem &, const Problem &) = default;

    /// The word of the contract ("slug_taken").
    QString code;
    QString title;
    QString detail;
    /// The form field it belongs to; empty when it belongs to none.
    QString field;
    bool retryable = false;
    /// A button that mends it, and what the page then does; empty when there is none.
    QString fixText;
    QString fixAction;
};

/// The next step for an error word of the contract: what the button says and does. Empty texts when the console has no
/// place yet where it can be mended.
struct Fix
{
    QString text;
    QString action;
};
Fix fixFor(const QString &code);

/// One plain sentence for an error word of the contract; empty when the word is not known.
QString explain(const QString &code);

} // namespace assistiv::console
