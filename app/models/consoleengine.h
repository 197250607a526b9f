// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consolevalues.h"
#include "core/clock.h"
#include "core/result.h"

#include <QtCore/QObject>
#include <QtQml/qqmlregistration.h>

#include <functional>

namespace assistiv::console {

/// Called with the answer of a question to the engine.
template <typename T> using Done = std::function<void(const Result<T> &)>;

/// All that the console wants from the engine; the only thing its models know. Lives on the GUI thread and never blocks
/// it.
///
/// For every question: `done` runs on the GUI thread, once, after the call has returned, and not at all when `asker` is
/// gone; a page asks nothing twice before that. Errors are named by core/errors.h. A write of which it is not known
/// whether it was committed answers DatabaseUnavailable, RequestTimeout or ShuttingDown: the models then say so and send
/// the same key again.
class ConsoleEngine : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("The program hands its engine to the window.")

public:
    using QObject::QObject;

    /// Where the console asks for the time of day ("4 min ago").
    virtual const Clock &clock() const { return Clock::system(); }

    // This machine's server. The three actions answer when the command was taken up; `changed(Server)` and readServer()
    // tell how it goes on.
    virtual void readServer(QObject *asker, Done<ServerStatus> done) = 0;
    /// port 0: the configured one; another one is kept in the settings.
    virtual void startServer(QObject *asker, quint16 port, Done<void> done) = 0;
    /// Refuses new calls and lets running ones end (30 s); `now` cuts them off.
    virtual void stopServer(QObject *asker, bool now, Done<void> done) = 0;
    virtual void restartServer(QObject *asker, Done<void> done) = 0;

    // Platforms, by name.
    virtual void listPlatforms(QObject *asker, Done<QList<PlatformSummary>> done) = 0;
    virtual void createPlatform(QObject *asker, const NewPlatform &platform, Done<CreatedPlatform> done) = 0;
    virtual void readSetUp(QObject *asker, PlatformId platform, Done<SetUpProgress> done) = 0;

    // Providers and keys.
    virtual void listProviders(QObject *asker, PlatformId platform, Done<QList<ProviderSummary>> done) = 0;
    /// One list-models call; nothing is stored and nothing is billed.
    virtual void testProviderKey(QObject *asker, ProviderId provider, const QString &apiKey, Done<KeyTest> done) = 0;
    virtual void addProviderKey(QObject *asker, const NewProviderKey &key, Done<AddedProviderKey> done) = 0;
    /// Switches the built-in provider without key and network on for the platform; repeating it changes nothing.
    virtual void useEchoModel(QObject *asker, PlatformId platform, Done<AddedProviderKey> done) = 0;

    // Wallet.
    virtual void readWallet(QObject *asker, PlatformId platform, Done<WalletState> done) = 0;
    virtual void topUpWallet(QObject *asker, const WalletTopUp &topUp, Done<WalletBooking> done) = 0;
    /// What became of an idempotency key: the booking, or empty when nothing was booked with it.
    virtual void findTopUp(QObject *asker, PlatformId platform, const QString &idempotencyKey,
                           Done<std::optional<WalletBooking>> done) = 0;

    // End users.
    /// A repeated external id is the same user with one more key; a repeated idempotency key books no second budget.
    virtual void createEndUser(QObject *asker, const NewEndUser &endUser, Done<CreatedEndUser> done) = 0;
    /// One more key for a user whose first key is no longer readable.
    virtual void createEndUserKey(QObject *asker, PlatformId platform, EndUserId endUser,
                                  Done<CreatedEndUser> done) = 0;

    // Overview.
    virtual void readOverview(QObject *asker, PlatformId platform, OverviewRange range, Done<OverviewFigures> done) = 0;
    /// The newest call that ended after `sinceMs`; empty when there is none.
    virtual void latestRequest(QObject *asker, PlatformId platform, qint64 sinceMs,
                               Done<std::optional<RequestRow>> done) = 0;

    enum class Topic { Server, Platforms, Providers, Wallet, EndUsers, Requests };
    Q_ENUM(Topic)

Q_SIGNALS:
    /// Something of this kind is different now; at most four times a second. Who shows it asks again.
    void changed(assistiv::console::ConsoleEngine::Topic topic);
};

} // namespace assistiv::console
