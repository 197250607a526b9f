// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/consoleadapter.h"

#include "app/consolequestions.h"
#include "inference/keytest.h"
#include "net/curlclient.h"
#include "services/services.h"

#include <QtNetwork/QTcpServer>

namespace assistiv {

using namespace Qt::StringLiterals;
using console::ConsoleEngine;
using console::Done;
using console::ServerState;

namespace {

constexpr int AnnounceMs = 250;

/// A port nearby that nobody uses; 0 when there is none.
quint16 freePortAfter(const QHostAddress &host, quint16 port)
{
    for (int candidate = port + 1; candidate < port + 20 && candidate <= 65535; ++candidate) {
        QTcpServer probe;
        if (probe.listen(host, quint16(candidate)))
            return quint16(candidate);
    }
    return 0;
}

console::KeySource keySourceOf(KeySource source)
{
    switch (source) {
    case KeySource::Keychain: return console::KeySource::Keychain;
    case KeySource::File: return console::KeySource::File;
    case KeySource::Environment: return console::KeySource::Environment;
    case KeySource::Passphrase: return console::KeySource::Passphrase;
    }
    return console::KeySource::File;
}

/// "anthropic, openai": whose ways fail again and again, each once, in alphabetical order. A single call that a provider puts
/// off is no trouble of the gateway's.
QString failingProviders(const QList<Cooldowns::Cooling> &ways)
{
    QStringList names;
    for (const Cooldowns::Cooling &way : ways) {
        if (way.failures >= Cooldowns::Patience)
            names.append(way.provider);
    }
    names.sort();
    names.removeDuplicates();
    return names.join(u", "_s);
}

} // namespace

ConsoleAdapter::ConsoleAdapter(const Options &options)
    : m_options(options), m_host(new EngineHost(options))
{
    connect(m_host, &EngineHost::opened, this, [this](Engine *engine) {
        m_engine = engine;
        for (const Waiting &waiting : std::exchange(m_waiting, {})) {
            if (waiting.asker)
                waiting.ask();
        }
    });
    connect(m_host, &EngineHost::running, this, [this] { setState(ServerState::Running); });
    connect(m_host, &EngineHost::failed, this, [this](EngineHost::Failure, const QString &message) {
        m_engine = nullptr;
        m_dataFailed = true;
        for (const Waiting &waiting : std::exchange(m_waiting, {})) {
            if (waiting.asker)
                waiting.refuse(databaseUnavailable());
        }
        setState(ServerState::CannotStart, message);
    });
    connect(m_host, &EngineHost::cannotListen, this, [this](const QString &message) {
        m_freePort = freePortAfter(m_options.host, m_options.port);
        setState(ServerState::CannotStart, message);
    });
    connect(m_host, &EngineHost::servingStopped, this, [this] {
        setState(ServerState::Stopped);
        if (std::exchange(m_restarts, false))
            startServer(this, 0, [](const Result<void> &) {});
    });
    m_host->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_host, &QObject::deleteLater);
    m_thread.setObjectName(u"engine"_s);
    m_thread.start();
    onHost([](EngineHost &host) { host.start(); });

    m_announcements.setInterval(AnnounceMs);
    connect(&m_announcements, &QTimer::timeout, this, &ConsoleAdapter::announce);
    m_announcements.start();
}

ConsoleAdapter::~ConsoleAdapter()
{
    // The window is gone already; what is left is to let calls end and close the books.
    connect(m_host, &EngineHost::stopped, &m_thread, &QThread::quit, Qt::DirectConnection);
    onHost([](EngineHost &host) { host.stop(); });
    m_thread.wait();
}

template<typename Fn>
void ConsoleAdapter::onHost(Fn fn)
{
    QMetaObject::invokeMethod(m_host, [host = m_host, fn = std::move(fn)] { fn(*host); }, Qt::QueuedConnection);
}

template<typename T>
void ConsoleAdapter::answerLater(QObject *asker, Done<T> done, const Result<T> &answer)
{
    QMetaObject::invokeMethod(asker, [done = std::move(done), answer] { done(answer); }, Qt::QueuedConnection);
}

void ConsoleAdapter::whenOpen(QObject *asker, std::function<void()> ask, std::function<void(const Error &)> refuse)
{
    if (m_engine)
        return ask();
    if (!m_dataFailed) {
        m_waiting.append({ asker, std::move(ask), std::move(refuse) });
        return;
    }
    QMetaObject::invokeMethod(asker, [refuse = std::move(refuse)] { refuse(databaseUnavailable()); }, Qt::QueuedConnection);
}

template<typename T, typename Fn>
void ConsoleAdapter::read(QObject *asker, Done<T> done, Fn fn)
{
    whenOpen(asker, [this, asker, done, fn = std::move(fn)] { m_engine->read(asker, fn, done); },
             [done](const Error &error) { done(error); });
}

template<typename T, typename Fn>
void ConsoleAdapter::write(QObject *asker, Done<T> done, Fn fn)
{
    whenOpen(asker, [this, asker, done, fn = std::move(fn)] { m_engine->write(asker, fn, done); },
             [done](const Error &error) { done(error); });
}

void ConsoleAdapter::setState(ServerState state, const QString &reason)
{
    m_state = state;
    m_reason = reason;
    Q_EMIT changed(Topic::Server);
}

void ConsoleAdapter::announce()
{
    if (!m_engine)
        return;
    const int calls = m_engine->status().callsInFlight;
    if (std::exchange(m_announcedCalls, calls) != calls)
        Q_EMIT changed(Topic::Server);
    const quint64 news = m_engine->committed() + m_engine->refusals().count();
    if (std::exchange(m_announcedNews, news) == news)
        return;
    for (const Topic topic : { Topic::Platforms, Topic::Providers, Topic::Wallet, Topic::EndUsers, Topic::Requests })
        Q_EMIT changed(topic);
}

void ConsoleAdapter::readServer(QObject *asker, Done<console::ServerStatus> done)
{
    console::ServerStatus shown;
    shown.state = m_state;
    shown.reason = m_reason;
    shown.freePort = m_freePort;
    shown.loopbackOnly = m_options.host.isLoopback();
    shown.tls = !m_options.tlsCertFile.isEmpty();
    shown.keySource = keySourceOf(m_options.keySource);
    shown.origin = Engine::originOf(shown.tls, m_options.host, m_options.port);
    if (m_engine) {
        const EngineStatus status = m_engine->status();
        if (status.isServing)
            shown.origin = status.origin;
        if (m_state == ServerState::Running && !status.databaseHealthy) {
            shown.state = ServerState::Degraded;
            shown.reason = tr("The database does not take commits.");
        } else if (const QString failing = failingProviders(status.cooling);
                   m_state == ServerState::Running && !failing.isEmpty()) {
            shown.state = ServerState::Degraded;
            shown.reason = tr("%1 failed several times in a row. Its calls take another way where there is one.").arg(failing);
        }
        if (status.isServing)
            shown.startedAtMs = clock().now().ms() - status.uptimeMs;
        shown.callsInFlight = status.callsInFlight;
        shown.workers = status.workers;
        shown.database = status.databaseKind == u"sqlite"_s ? u"SQLite"_s : u"PostgreSQL"_s;
        shown.databaseBytes = status.databaseBytes;
        shown.webhooksPending = status.webhookBacklog;
    }
    answerLater<console::ServerStatus>(asker, std::move(done), shown);
}

void ConsoleAdapter::startServer(QObject *asker, quint16 port, Done<void> done)
{
    m_freePort = 0;
    m_dataFailed = false;
    setState(ServerState::Starting);
    onHost([port](EngineHost &host) { host.serve(port); });
    answerLater<void>(asker, std::move(done), {});
}

void ConsoleAdapter::stopServer(QObject *asker, bool now, Done<void> done)
{
    setState(ServerState::Stopping);
    onHost([now](EngineHost &host) { host.stopServing(now); });
    answerLater<void>(asker, std::move(done), {});
}

void ConsoleAdapter::restartServer(QObject *asker, Done<void> done)
{
    m_restarts = true;
    stopServer(asker, false, std::move(done));
}

void ConsoleAdapter::listPlatforms(QObject *asker, Done<QList<console::PlatformSummary>> done)
{
    read(asker, std::move(done), [](Services &s) { return ConsoleQuestions::platforms(s); });
}

void ConsoleAdapter::createPlatform(QObject *asker, const console::NewPlatform &platform, Done<console::CreatedPlatform> done)
{
    write(asker, std::move(done), [platform](Services &s) { return ConsoleQuestions::createPlatform(s, platform); });
}

void ConsoleAdapter::readSetUp(QObject *asker, PlatformId platform, Done<console::SetUpProgress> done)
{
    read(asker, std::move(done), [platform](Services &s) { return ConsoleQuestions::setUp(s, platform); });
}

void ConsoleAdapter::listProviders(QObject *asker, PlatformId platform, Done<QList<console::ProviderSummary>> done)
{
    read(asker, std::move(done), [platform](Services &s) { return ConsoleQuestions::providers(s, platform); });
}

void ConsoleAdapter::testProviderKey(QObject *asker, ProviderId provider, const QString &apiKey, Done<console::KeyTest> done)
{
    // Look the provider up, try the key on the engine's thread, look its models up; each step ends if the asker is gone.
    const QPointer<QObject> stillThere(asker);
    const auto mailbox = Mailbox::ofThisThread();
    const auto tried = [this, asker, provider, done](const KeyTest::Outcome &outcome) {
        if (outcome.error)
            return done(*outcome.error);
        read<QList<console::OfferedModel>>(
            asker,
            [outcome, done](const Result<QList<console::OfferedModel>> &offered) {
                offered ? done(console::KeyTest { int(outcome.models.size()), outcome.latencyMs, *offered }) : done(offered.error());
            },
            [provider, ids = outcome.models](Services &s) { return ConsoleQuestions::offeredModels(s, provider, ids); });
    };
    const auto tryOut = [this, mailbox, stillThere, tried](const ProviderAccess &access) {
        onHost([mailbox, stillThere, tried, access](EngineHost &host) {
            auto *network = new CurlClient(&host);
            auto *test = new KeyTest(*network, host.clock(), access, network);
            test->start([mailbox, stillThere, tried, network](const KeyTest::Outcome &outcome) {
                network->deleteLater();
                mailbox->post(stillThere, [tried, outcome] { tried(outcome); });
            });
        });
    };
    read<ProviderAccess>(
        asker, [tryOut, done](const Result<ProviderAccess> &access) { access ? tryOut(*access) : done(access.error()); },
        [provider, apiKey](Services &s) { return s.llmConfigs.access(provider.toString(), apiKey); });
}

void ConsoleAdapter::addProviderKey(QObject *asker, const console::NewProviderKey &key, Done<console::AddedProviderKey> done)
{
    write(asker, std::move(done), [key](Services &s) { return ConsoleQuestions::addProviderKey(s, key); });
}

void ConsoleAdapter::useEchoModel(QObject *asker, PlatformId platform, Done<console::AddedProviderKey> done)
{
    write(asker, std::move(done), [platform](Services &s) { return ConsoleQuestions::useEchoModel(s, platform); });
}

void ConsoleAdapter::readWallet(QObject *asker, PlatformId platform, Done<console::WalletState> done)
{
    read(asker, std::move(done), [platform](Services &s) { return ConsoleQuestions::wallet(s, platform); });
}

void ConsoleAdapter::topUpWallet(QObject *asker, const console::WalletTopUp &topUp, Done<console::WalletBooking> done)
{
    write(asker, std::move(done), [topUp](Services &s) { return ConsoleQuestions::topUp(s, topUp); });
}

void ConsoleAdapter::findTopUp(QObject *asker, PlatformId platform, const QString &idempotencyKey,
                               Done<std::optional<console::WalletBooking>> done)
{
    // Behind the booking, which may still be on its way through the writer: a reader would say that there is none.
    write(asker, std::move(done),
          [platform, idempotencyKey](Services &s) { return ConsoleQuestions::findTopUp(s, platform, idempotencyKey); });
}

void ConsoleAdapter::createEndUser(QObject *asker, const console::NewEndUser &endUser, Done<console::CreatedEndUser> done)
{
    write(asker, std::move(done), [endUser](Services &s) { return ConsoleQuestions::createEndUser(s, endUser); });
}

void ConsoleAdapter::createEndUserKey(QObject *asker, PlatformId platform, EndUserId endUser, Done<console::CreatedEndUser> done)
{
    write(asker, std::move(done),
          [platform, endUser](Services &s) { return ConsoleQuestions::createEndUserKey(s, platform, endUser); });
}

void ConsoleAdapter::readOverview(QObject *asker, PlatformId platform, console::OverviewRange range,
                                  Done<console::OverviewFigures> done)
{
    read(asker, std::move(done), [platform, range, this](Services &s) {
        return ConsoleQuestions::overview(s, m_engine->refusals(), platform, range);
    });
}

void ConsoleAdapter::latestRequest(QObject *asker, PlatformId platform, qint64 sinceMs,
                                   Done<std::optional<console::RequestRow>> done)
{
    read(asker, std::move(done),
         [platform, sinceMs, this](Services &s) {
             return ConsoleQuestions::latestRequest(s, m_engine->refusals(), platform, sinceMs);
         });
}

} // namespace assistiv
