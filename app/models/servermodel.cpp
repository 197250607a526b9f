// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "servermodel.h"

#include "wording.h"

#include <QtCore/QUrl>
#include <QtCore/QVariantMap>

namespace assistiv::console {

namespace {

/// The engine announces what changes; uptime and calls in flight just grow, and nobody announces them.
constexpr int RefreshMs = 2000;

QVariantMap fact(const QString &label, const QString &value)
{
    return {{QStringLiteral("label"), label}, {QStringLiteral("value"), value}};
}

} // namespace

ServerModel::ServerModel(QObject *parent)
    : PageModel(parent)
    , m_command(ConsoleAction::Kind::Look, tr("The server did not follow"), this)
{
    m_refresh.setInterval(RefreshMs);
    connect(&m_refresh, &QTimer::timeout, this, [this] {
        if (!isBusy())
            reload();
    });
    connect(this, &PageModel::engineChanged, this, [this] { engine() ? m_refresh.start() : m_refresh.stop(); });
    // What was true before an error is not shown as if it were true now.
    connect(this, &PageModel::problemChanged, this, &PageModel::changed);
}

void ServerModel::ask()
{
    engine()->readServer(this, answer<ServerStatus>([this](const ServerStatus &status) {
                             m_status = status;
                             m_known = true;
                         }));
}

QString ServerModel::failureTitle() const
{
    return tr("The state of the server could not be read");
}

QString ServerModel::serverState() const
{
    if (!isKnown())
        return QStringLiteral("unknown");
    switch (m_status.state) {
    case ServerState::Stopped:
        return QStringLiteral("stopped");
    case ServerState::Starting:
        return QStringLiteral("starting");
    case ServerState::Running:
        return QStringLiteral("running");
    case ServerState::Degraded:
        return QStringLiteral("degraded");
    case ServerState::Stopping:
        return QStringLiteral("stopping");
    case ServerState::CannotStart:
        return QStringLiteral("cannotStart");
    }
    return {};
}

QString ServerModel::stateText() const
{
    if (!isKnown())
        return problem().isPresent() ? tr("State not known") : tr("Asking…");
    switch (m_status.state) {
    case ServerState::Stopped:
        return tr("Gateway stopped");
    case ServerState::Starting:
        return tr("Starting…");
    case ServerState::Running:
        return tr("Gateway running");
    case ServerState::Degraded:
        return tr("Running, degraded");
    case ServerState::Stopping:
        return m_status.callsInFlight > 0 ? tr("Stopping, %n call(s) left", nullptr, m_status.callsInFlight)
                                          : tr("Stopping…");
    case ServerState::CannotStart:
        return tr("Cannot start");
    }
    return {};
}

QString ServerModel::sentence() const
{
    if (!isKnown())
        return stateText();
    switch (m_status.state) {
    case ServerState::Stopped:
        return tr("Gateway is stopped");
    case ServerState::Starting:
        return tr("Gateway is starting");
    case ServerState::Running:
        return tr("Gateway is running");
    case ServerState::Degraded:
        return tr("Gateway is running, degraded");
    case ServerState::Stopping:
        return tr("Gateway is stopping");
    case ServerState::CannotStart:
        return tr("Gateway cannot start");
    }
    return {};
}

QString ServerModel::tone() const
{
    if (!isKnown())
        return QStringLiteral("neutral");
    switch (m_status.state) {
    case ServerState::Running:
        return QStringLiteral("success");
    case ServerState::Degraded:
    case ServerState::Starting:
    case ServerState::Stopping:
        return QStringLiteral("warning");
    case ServerState::CannotStart:
        return QStringLiteral("danger");
    case ServerState::Stopped:
        return QStringLiteral("neutral");
    }
    return {};
}

QString ServerModel::reason() const
{
    return isKnown() ? m_status.reason : problem().detail;
}

bool ServerModel::isServing() const
{
    return isKnown() && (m_status.state == ServerState::Running || m_status.state == ServerState::Degraded);
}

QString ServerModel::baseUrl() const
{
    return m_status.origin.isEmpty() ? QString() : m_status.origin + QStringLiteral("/v1");
}

QString ServerModel::address() const
{
    return QUrl(m_status.origin).authority();
}

QString ServerModel::bindText() const
{
    if (!m_known)
        return {};
    if (m_status.loopbackOnly)
        return tr("loopback only");
    return m_status.tls ? tr("network, TLS") : tr("network, no TLS");
}

QString ServerModel::bindTone() const
{
    return m_status.loopbackOnly || m_status.tls ? QStringLiteral("info") : QStringLiteral("warning");
}

QString ServerModel::curl() const
{
    return QStringLiteral("curl %1/models \\\n  -H \"Authorization: Bearer $ASSISTIV_KEY\"").arg(baseUrl());
}

QVariantList ServerModel::facts() const
{
    QVariantList facts;
    if (!isKnown())
        return facts;
    if (isServing() && m_status.startedAtMs > 0)
        facts += fact(tr("Uptime"), uptimeText(qMax<qint64>(0, nowMs() - m_status.startedAtMs)));
    if (isServing() || m_status.state == ServerState::Stopping) {
        facts += fact(tr("In flight"),
                      m_status.callsAllowed > 0 ? tr("%L1 / %L2").arg(m_status.callsInFlight).arg(m_status.callsAllowed)
                                                : countText(m_status.callsInFlight));
    }
    if (isServing() && m_status.workers > 0)
        facts += fact(tr("Workers"), tr("%n thread(s)", nullptr, m_status.workers));
    if (!m_status.database.isEmpty()) {
        facts += fact(tr("Database"),
                      m_status.databaseBytes ? tr("%1 · %2").arg(m_status.database, sizeText(*m_status.databaseBytes))
                                             : m_status.database);
    }
    if (m_status.webhooksPending)
        facts += fact(tr("Webhooks pending"), countText(*m_status.webhooksPending));
    return facts;
}

QString ServerModel::keySafety() const
{
    switch (m_status.keySource) {
    case KeySource::Keychain:
        return tr("It is encrypted with AES-256-GCM; the master key lives in your system keychain.");
    case KeySource::File:
        return tr("It is encrypted with AES-256-GCM; the master key lies in a file that only you can read.");
    case KeySource::Environment:
        return tr("It is encrypted with AES-256-GCM; the master key comes from the environment.");
    case KeySource::Passphrase:
        return tr("It is encrypted with AES-256-GCM; the master key is made from your passphrase.");
    }
    return {};
}

Done<void> ServerModel::commandDone()
{
    return m_command.begin<void>([this] { reloadSoon(); });
}

void ServerModel::start(int port)
{
    if (engine() && !m_command.isRunning())
        engine()->startServer(this, quint16(port), commandDone());
}

void ServerModel::stop(bool now)
{
    if (engine() && (now || !m_command.isRunning()))
        engine()->stopServer(this, now, commandDone());
}

void ServerModel::restart()
{
    if (engine() && !m_command.isRunning())
        engine()->restartServer(this, commandDone());
}

} // namespace assistiv::console
