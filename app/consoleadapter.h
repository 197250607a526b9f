// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/enginehost.h"
#include "app/models/consoleengine.h"

#include <QtCore/QThread>
#include <QtCore/QTimer>

namespace assistiv {

/// The console's engine: runs the gateway on a thread of its own and passes the models' questions through its doors. Lives on the
/// GUI thread and never waits there, except at the very end for the gateway to close its books.
class ConsoleAdapter final : public console::ConsoleEngine
{
    Q_OBJECT

public:
    explicit ConsoleAdapter(const Options &options);
    ~ConsoleAdapter() override;

    const Clock &clock() const override { return m_host->clock(); }
    void readServer(QObject *asker, console::Done<console::ServerStatus> done) override;
    void startServer(QObject *asker, quint16 port, console::Done<void> done) override;
    void stopServer(QObject *asker, bool now, console::Done<void> done) override;
    void restartServer(QObject *asker, console::Done<void> done) override;

    void listPlatforms(QObject *asker, console::Done<QList<console::PlatformSummary>> done) override;
    void createPlatform(QObject *asker, const console::NewPlatform &platform,
                        console::Done<console::CreatedPlatform> done) override;
    void readSetUp(QObject *asker, PlatformId platform, console::Done<console::SetUpProgress> done) override;

    void listProviders(QObject *asker, PlatformId platform, console::Done<QList<console::ProviderSummary>> done) override;
    void testProviderKey(QObject *asker, ProviderId provider, const QString &apiKey,
                         console::Done<console::KeyTest> done) override;
    void addProviderKey(QObject *asker, const console::NewProviderKey &key,
                        console::Done<console::AddedProviderKey> done) override;
    void useEchoModel(QObject *asker, PlatformId platform, console::Done<console::AddedProviderKey> done) override;

    void readWallet(QObject *asker, PlatformId platform, console::Done<console::WalletState> done) override;
    void topUpWallet(QObject *asker, const console::WalletTopUp &topUp, console::Done<console::WalletBooking> done) override;
    void findTopUp(QObject *asker, PlatformId platform, const QString &idempotencyKey,
                   console::Done<std::optional<console::WalletBooking>> done) override;

    void createEndUser(QObject *asker, const console::NewEndUser &endUser,
                       console::Done<console::CreatedEndUser> done) override;
    void createEndUserKey(QObject *asker, PlatformId platform, EndUserId endUser,
                          console::Done<console::CreatedEndUser> done) override;

    void readOverview(QObject *asker, PlatformId platform, console::OverviewRange range,
                      console::Done<console::OverviewFigures> done) override;
    void latestRequest(QObject *asker, PlatformId platform, qint64 sinceMs,
                       console::Done<std::optional<console::RequestRow>> done) override;

private:
    template<typename T, typename Fn>
    void read(QObject *asker, console::Done<T> done, Fn fn);
    template<typename T, typename Fn>
    void write(QObject *asker, console::Done<T> done, Fn fn);
    template<typename T>
    void answerLater(QObject *asker, console::Done<T> done, const Result<T> &answer);
    /// Runs on the engine's thread.
    template<typename Fn>
    void onHost(Fn fn);
    void setState(console::ServerState state, const QString &reason = {});
    void whenOpen(QObject *asker, std::function<void()> ask, std::function<void(const Error &)> refuse);
    void announce();

    struct Waiting
    {
        QPointer<QObject> asker;
        std::function<void()> ask;
        std::function<void(const Error &)> refuse;
    };

    const Options m_options;
    QThread m_thread;
    EngineHost *m_host; // on m_thread
    Engine *m_engine = nullptr; // from opened() until the end
    QList<Waiting> m_waiting;   // questions from before the data was open
    console::ServerState m_state = console::ServerState::Starting;
    QString m_reason;
    quint16 m_freePort = 0;
    bool m_restarts = false;
    bool m_dataFailed = false;
    QTimer m_announcements;
    quint64 m_announcedNews = 0;
    int m_announcedCalls = 0;
};

} // namespace assistiv
