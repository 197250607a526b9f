// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/options.h"
#include "core/testclock.h"
#include "core/vault.h"
#include "engine/engine.h"

#include <QtCore/QJsonObject>
#include <QtCore/QObject>

#include <memory>

class QTemporaryDir;

namespace assistiv {

class InstanceLock;

/// Brings an engine up from the options, and down again: data folder, instance lock, database, master key, bootstrap,
/// listening, self-check. Lives on the thread that should own the engine; everything is asynchronous, signals tell how it
/// goes. After stopped() or failed() it can be started again.
class EngineHost final : public QObject
{
    Q_OBJECT

public:
    explicit EngineHost(Options options, QObject *parent = nullptr);
    ~EngineHost() override;

    /// Everything from the data folder to the self-check.
    void start();
    /// Serves again after stopServing() or cannotListen(); port 0 means the configured one.
    void serve(quint16 port = 0);
    /// Orderly: calls get their grace period, unless now. The data stays open.
    void stopServing(bool now = false);
    /// stopServing() and then everything else; stopped() follows.
    void stop();
    /// Set from opened() to stopped(). Its Doors and status() may be used from any thread.
    Engine *engine() const { return m_engine.get(); }
    const Options &options() const { return m_options; }
    /// What the engine takes for the time. Thread-safe.
    const Clock &clock() const { return m_options.testClock ? m_testClock : Clock::system(); }

    /// How a failed start should leave the program.
    enum class Failure { Start = 1, Input = 2 };

Q_SIGNALS:
    /// The data is there; nothing is served yet.
    void opened(assistiv::Engine *engine);
    /// The engine answered its own /health over the bound socket.
    void running();
    void failed(assistiv::EngineHost::Failure failure, const QString &message);
    /// The address cannot be had, or the self-check got no answer.
    void cannotListen(const QString &message);
    void servingStopped();
    void stopped();

private:
    void openDatabase();
    void onMasterKey(const Result<QByteArray> &key);
    Result<void> setUp(Services &services, bool &isBootstrapError);
    void onHealthy(bool healthy);
    bool writeOutcome();
    void onServingStopped();
    void fail(Failure failure, const QString &message);
    Result<QJsonObject> readBootstrap() const;

    Options m_options;
    TestClock m_testClock;
    std::unique_ptr<InstanceLock> m_lock;
    std::unique_ptr<QTemporaryDir> m_scratch;
    DatabaseUrl m_database;
    bool m_isEnding = false;
    std::unique_ptr<Engine> m_engine;
    QJsonObject m_bootstrap;
    /// ids and fresh keys, to be written once the origin is known.
    struct Outcome;
    std::unique_ptr<Outcome> m_outcome;
};

} // namespace assistiv
