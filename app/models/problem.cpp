// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "problem.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QStringList>

#include <algorithm>
#include <array>

namespace assistiv::console {

namespace {

/// What the console says about an error word, and the step that mends it.
struct Row
{
    const char *code;
    const char *sentence;
    const char *fixText;
    const char *fixAction;
    const char *field;
};

constexpr std::array rows{
    Row{"wallet_insufficient", QT_TRANSLATE_NOOP("Problem", "The platform's wallet is empty, so no call may run."),
        QT_TRANSLATE_NOOP("Problem", "Top up"), "topUpWallet", ""},
    Row{"budget_exhausted", QT_TRANSLATE_NOOP("Problem", "The end user's budget is used up."), "", "", ""},
    Row{"budget_suspended", QT_TRANSLATE_NOOP("Problem", "The end user's budget is suspended."), "", "", ""},
    Row{"unauthorized", QT_TRANSLATE_NOOP("Problem", "The key was missing, wrong, revoked or expired."),
        QT_TRANSLATE_NOOP("Problem", "New key"), "newEndUserKey", ""},
    Row{"end_user_inactive", QT_TRANSLATE_NOOP("Problem", "The end user is not active."), "", "", ""},
    Row{"platform_inactive", QT_TRANSLATE_NOOP("Problem", "The platform is not active."), "", "", ""},
    Row{"forbidden", QT_TRANSLATE_NOOP("Problem", "This key may not do that."), "", "", ""},
    Row{"model_not_found", QT_TRANSLATE_NOOP("Problem", "No enabled model of that name has a provider key here."),
        QT_TRANSLATE_NOOP("Problem", "Add provider key"), "openProviders", ""},
    Row{"provider_auth_failed", QT_TRANSLATE_NOOP("Problem", "The provider refused the key."),
        QT_TRANSLATE_NOOP("Problem", "Replace key"), "openProviders", "apiKey"},
    Row{"provider_rate_limited", QT_TRANSLATE_NOOP("Problem", "The provider asks to slow down."), "", "", ""},
    Row{"provider_timeout", QT_TRANSLATE_NOOP("Problem", "The provider did not answer in time."), "", "", ""},
    Row{"provider_error", QT_TRANSLATE_NOOP("Problem", "The provider answered with an error."), "", "", ""},
    Row{"provider_not_found", QT_TRANSLATE_NOOP("Problem", "This provider is not in the catalogue."), "", "", ""},
    Row{"rate_limit_exceeded", QT_TRANSLATE_NOOP("Problem", "A rate limit was reached."), "", "", ""},
    Row{"slug_taken", QT_TRANSLATE_NOOP("Problem", "Another platform has this short name. Choose a different one."), "",
        "", "slug"},
    Row{"llm_config_exists", QT_TRANSLATE_NOOP("Problem", "This key is already stored for this provider."), "", "",
        "apiKey"},
    Row{"external_id_taken", QT_TRANSLATE_NOOP("Problem", "Another end user has this id."), "", "", "externalId"},
    Row{"budget_exists", QT_TRANSLATE_NOOP("Problem", "This end user already has a budget. Choose another id."), "", "",
        "externalId"},
    Row{"idempotency_conflict",
        QT_TRANSLATE_NOOP("Problem", "The same key was used for a different booking. Nothing was booked now."), "", "",
        ""},
    Row{"context_length_exceeded", QT_TRANSLATE_NOOP("Problem", "The request is longer than the model can read."), "",
        "", ""},
    Row{"invalid_json", QT_TRANSLATE_NOOP("Problem", "The body of the request is not valid JSON."), "", "", ""},
    Row{"cancelled", QT_TRANSLATE_NOOP("Problem", "The client ended the connection before the answer was complete."), "",
        "", ""},
    Row{"database_unavailable", QT_TRANSLATE_NOOP("Problem", "The database does not answer."), "", "", ""},
    Row{"shutting_down", QT_TRANSLATE_NOOP("Problem", "The gateway is stopping."), "", "", ""},
    Row{"internal_error", QT_TRANSLATE_NOOP("Problem", "The gateway made a mistake; its log says more."), "", "", ""},
};

const Row *find(const QString &code)
{
    const auto row =
        std::find_if(rows.begin(), rows.end(), [&](const Row &r) { return code == QLatin1StringView(r.code); });
    return row == rows.end() ? nullptr : &*row;
}

QString translated(const char *text)
{
    return *text ? QCoreApplication::translate("Problem", text) : QString();
}

} // namespace

Problem Problem::fromError(const QString &title, const Error &error)
{
    const ErrorRow &known = errorRow(error.code);
    Problem problem;
    problem.title = title;
    problem.code = known.word;
    problem.field = error.param;
    // A refused key stays refused; what is overloaded or away may be there in a moment.
    problem.retryable = error.code != ErrorCode::ProviderAuthFailed
        && (known.status >= 500 || known.status == 429 || known.status == 408);
    // Our own sentence is translated and says the next step; the engine's is more exact where the word is general.
    const QString sentence = explain(problem.code);
    const bool general = sentence.isEmpty() || error.code == ErrorCode::Internal;
    problem.detail = general && !error.message.isEmpty() ? error.message : sentence;
    const Fix fix = fixFor(problem.code);
    problem.fixText = fix.text;
    problem.fixAction = fix.action;
    if (const Row *row = find(problem.code); row && problem.field.isEmpty())
        problem.field = QLatin1StringView(row->field);
    return problem;
}

Problem Problem::silence(const QString &title, int seconds)
{
    Problem problem;
    problem.title = title;
    problem.detail =
        QCoreApplication::translate("Problem", "The gateway has not answered for %n second(s).", nullptr, seconds);
    problem.code = QStringLiteral("no_answer");
    problem.retryable = true;
    return problem;
}

QString Problem::report() const
{
    QStringList lines{title, detail};
    if (!code.isEmpty())
        lines += QStringLiteral("code: %1").arg(code);
    lines.removeAll(QString());
    return lines.join(u'\n');
}

Fix fixFor(const QString &code)
{
    const Row *row = find(code);
    return row ? Fix{translated(row->fixText), QLatin1StringView(row->fixAction)} : Fix();
}

QString explain(const QString &code)
{
    const Row *row = find(code);
    return row ? translated(row->sentence) : QString();
}

} // namespace assistiv::console
