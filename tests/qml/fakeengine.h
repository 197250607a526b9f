// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "models/consoleengine.h"

#include <QtCore/QHash>
#include <QtCore/QPointer>
#include <QtCore/QStringList>
#include <QtCore/QTimer>

namespace assistiv::console {

/// An engine for tests: answers from its own values at once, later in any order, with an error, or never.
class FakeEngine : public ConsoleEngine
{
    Q_OBJECT

public:
    enum class Manner { Prompt, Held, Silent };

    explicit FakeEngine(QObject *parent = nullptr);

    // What it answers.
    ServerStatus server;
    QList<PlatformSummary> platforms;
    CreatedPlatform createdPlatform;
    SetUpProgress progress;
    QList<ProviderSummary> providers;
    KeyTest keyTest;
    AddedProviderKey addedKey;
    WalletState wallet;
    WalletBooking booking;
    std::optional<WalletBooking> foundTopUp;
    CreatedEndUser createdEndUser;
    OverviewFigures figures;
    std::optional<RequestRow> latest;
    SettableClock time{Timestamp::fromMs(1'779'299'100'000)};

    // How it answers, by the name of the question ("readWallet").
    QHash<QString, Manner> manners;
    QHash<QString, Error> errors;
    Manner usualManner = Manner::Prompt;

    // What it was asked.
    QStringList asked;
    QList<WalletTopUp> topUps;
    QList<NewPlatform> newPlatforms;
    QList<NewProviderKey> newKeys;
    QList<NewEndUser> newEndUsers;
    QList<OverviewRange> ranges;
    QList<quint16> startPorts;
    int countOf(const QString &question) const { return int(asked.count(question)); }

    int heldCount() const { return int(m_held.size()); }
    /// Gives one of the answers that are held back.
    void release(int index = 0);

    const Clock &clock() const override { return time; }
    void readServer(QObject *asker, Done<ServerStatus> done) override;
    void startServer(QObject *asker, quint16 port, Done<void> done) override;
    void stopServer(QObject *asker, bool now, Done<void> done) override;
    void restartServer(QObject *asker, Done<void> done) override;
    void listPlatforms(QObject *asker, Done<QList<PlatformSummary>> done) override;
    void createPlatform(QObject *asker, const NewPlatform &platform, Done<CreatedPlatform> done) override;
    void readSetUp(QObject *asker, PlatformId platform, Done<SetUpProgress> done) override;
    void listProviders(QObject *asker, PlatformId platform, Done<QList<ProviderSummary>> done) override;
    void testProviderKey(QObject *asker, ProviderId provider, const QString &apiKey, Done<KeyTest> done) override;
    void addProviderKey(QObject *asker, const NewProviderKey &key, Done<AddedProviderKey> done) override;
    void useEchoModel(QObject *asker, PlatformId platform, Done<AddedProviderKey> done) override;
    void readWallet(QObject *asker, PlatformId platform, Done<WalletState> done) override;
    void topUpWallet(QObject *asker, const WalletTopUp &topUp, Done<WalletBooking> done) override;
    void findTopUp(QObject *asker, PlatformId platform, const QString &idempotencyKey,
                   Done<std::optional<WalletBooking>> done) override;
    void createEndUser(QObject *asker, const NewEndUser &endUser, Done<CreatedEndUser> done) override;
    void createEndUserKey(QObject *asker, PlatformId platform, EndUserId endUser, Done<CreatedEndUser> done) override;
    void readOverview(QObject *asker, PlatformId platform, OverviewRange range, Done<OverviewFigures> done) override;
    void latestRequest(QObject *asker, PlatformId platform, qint64 sinceMs,
                       Done<std::optional<RequestRow>> done) override;

private:
    template <typename T> Result<T> outcome(const QString &question, const T &value) const
    {
        const auto error = errors.constFind(question);
        return error == errors.constEnd() ? Result<T>(value) : Result<T>(*error);
    }
    Result<void> outcome(const QString &question) const
    {
        const auto error = errors.constFind(question);
        return error == errors.constEnd() ? Result<void>() : Result<void>(*error);
    }

    template <typename T> void answer(const QString &question, QObject *asker, Done<T> done, Result<T> result)
    {
        asked += question;
        const auto give = [asker = QPointer<QObject>(asker), done = std::move(done), result = std::move(result)] {
            if (asker)
                done(result);
        };
        switch (manners.value(question, usualManner)) {
        case Manner::Prompt:
            QTimer::singleShot(0, this, give);
            break;
        case Manner::Held:
            m_held += give;
            break;
        case Manner::Silent:
            break;
        }
    }

    QList<std::function<void()>> m_held;
};

} // namespace assistiv::console
