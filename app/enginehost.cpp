// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/enginehost.h"

#include "app/demo.h"
#include "app/healthprobe.h"
#include "app/instancelock.h"
#include "app/masterkey.h"
#include "core/log.h"
#include "core/os.h"
#include "services/installation.h"
#include "store/migrations.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QFile>
#include <QtCore/QJsonDocument>
#include <QtCore/QTemporaryDir>
#include <QtNetwork/QSslCertificate>
#include <QtNetwork/QSslKey>

#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

Result<std::optional<QSslConfiguration>> tlsOf(const Options &options)
{
    if (options.tlsCertFile.isEmpty())
        return std::optional<QSslConfiguration>();
    QFile keyFile(options.tlsKeyFile);
    const QList<QSslCertificate> chain = QSslCertificate::fromPath(options.tlsCertFile);
    if (chain.isEmpty())
        return Error { ErrorCode::Internal, u"--tls-cert: no certificate in %1"_s.arg(options.tlsCertFile) };
    if (!keyFile.open(QIODevice::ReadOnly))
        return Error { ErrorCode::Internal, u"--tls-key: %1 cannot be read"_s.arg(options.tlsKeyFile) };
    const QByteArray pem = keyFile.readAll();
    for (const auto algorithm : { QSsl::Rsa, QSsl::Ec }) {
        const QSslKey key(pem, algorithm);
        if (key.isNull())
            continue;
        QSslConfiguration configuration = QSslConfiguration::defaultConfiguration();
        configuration.setLocalCertificateChain(chain);
        configuration.setPrivateKey(key);
        configuration.setPeerVerifyMode(QSslSocket::VerifyNone);
        configuration.setProtocol(QSsl::TlsV1_2OrLater);
        return std::optional(configuration);
    }
    return Error { ErrorCode::Internal, u"--tls-key: no RSA or EC key in %1"_s.arg(options.tlsKeyFile) };
}

WebhookSettings webhookSettings(const Options &options)
{
    if (!options.webhookNetworks.isEmpty())
        Log::warning("gateway",
                     u"--webhook-networks: webhooks of all platforms may reach addresses that are not public"_s);
    if (options.webhookHttp)
        Log::warning("gateway", u"--webhook-http: webhooks may travel without TLS, readable on their way"_s);
    if (options.fastWebhookRetries)
        Log::warning("gateway",
                     u"--fast-webhook-retries: failed webhooks are given up within seconds, so it is for tests only"_s);
    return {.targets = {.open = options.webhookNetworks, .allowHttp = options.webhookHttp},
            .fastRetries = options.fastWebhookRetries};
}

} // namespace

struct EngineHost::Outcome
{
    /// By the bootstrap file and by --demo.
    BootstrapOutcome made;
    std::optional<Demo> demo;
};

EngineHost::EngineHost(Options options, QObject *parent)
    : QObject(parent), m_options(std::move(options)), m_outcome(std::make_unique<Outcome>())
{
}

EngineHost::~EngineHost() = default;

void EngineHost::fail(Failure failure, const QString &message)
{
    m_engine.reset();
    m_lock.reset();
    Q_EMIT failed(failure, message);
}

void EngineHost::start()
{
    if (m_options.demo && !m_options.dataDirWasGiven && !m_scratch) {
        m_scratch = std::make_unique<QTemporaryDir>();
        m_options.dataDir = m_scratch->path();
    }
    const auto bootstrap = readBootstrap();
    if (!bootstrap)
        return fail(Failure::Input, bootstrap.error().message);
    m_bootstrap = *bootstrap;
    const auto database = DatabaseUrl::parse(m_options.databaseUrl, m_options.dataDir);
    if (!database)
        return fail(Failure::Input, database.error().message);
    m_database = *database;
    if (!os::makePrivateFolder(m_options.dataDir))
        return fail(Failure::Start, u"The data folder %1 cannot be made."_s.arg(m_options.dataDir));
    m_lock = std::make_unique<InstanceLock>(m_options.dataDir);
    if (const auto taken = m_lock->take(); !taken)
        return fail(Failure::Start, taken.error().message);
    openDatabase();
}

Result<QJsonObject> EngineHost::readBootstrap() const
{
    if (m_options.bootstrapFile.isEmpty())
        return QJsonObject();
    QFile file(m_options.bootstrapFile);
    if (!file.open(QIODevice::ReadOnly))
        return Error { ErrorCode::ValidationError, u"--bootstrap: %1: %2"_s.arg(m_options.bootstrapFile, file.errorString()) };
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(file.readAll(), &problem);
    if (!document.isObject()) {
        return Error { ErrorCode::ValidationError, u"--bootstrap: %1 is no JSON object (%2 at byte %3)"_s
                           .arg(m_options.bootstrapFile, problem.errorString()).arg(problem.offset) };
    }
    return document.object();
}

void EngineHost::openDatabase()
{
    QString keyId;
    {
        auto db = Database::open(m_database, Database::Access::ReadWrite);
        if (!db)
            return fail(Failure::Start, db.error().message);
        if (const auto migrated = migrate(**db); !migrated)
            return fail(Failure::Start, migrated.error().message);
        const auto known = Installation::masterKeyId(**db);
        if (!known)
            return fail(Failure::Start, known.error().message);
        keyId = *known;
    }
    MasterKey::obtain(m_options.keySource, m_options.dataDir, keyId, this,
                      [this](const Result<QByteArray> &key) { onMasterKey(key); });
}

void EngineHost::onMasterKey(const Result<QByteArray> &key)
{
    if (!key)
        return fail(Failure::Start, key.error().message);
    const auto tls = tlsOf(m_options);
    if (!tls)
        return fail(Failure::Start, tls.error().message);
    EngineSettings settings;
    settings.version = QCoreApplication::applicationVersion();
    settings.dataDir = m_options.dataDir;
    settings.database = m_database;
    settings.host = m_options.host;
    settings.port = m_options.port;
    settings.tls = *tls;
    settings.publicBaseUrl = m_options.publicBaseUrl;
    settings.workers = m_options.workers;
    settings.webhooks = webhookSettings(m_options);
    if (m_options.testClock) {
        settings.testClock = &m_testClock;
        Log::warning("gateway", u"--test-clock: admin keys can move this gateway's time. Budgets, keys and prices follow it, so it is "
                                "for tests only"_s);
    }
    m_engine = std::make_unique<Engine>(std::move(settings), std::make_shared<const Vault>(*key));

    bool isBootstrapError = false;
    const auto prepared = m_engine->open([&](Services &services) { return setUp(services, isBootstrapError); });
    if (!prepared) {
        const Error &error = prepared.error();
        return isBootstrapError
            ? fail(Failure::Input, u"bootstrap: %1: %2"_s.arg(error.param.isEmpty() ? u"$"_s : error.param, error.message))
            : fail(Failure::Start, error.message);
    }
    connect(m_engine.get(), &Engine::stopped, this, &EngineHost::onServingStopped, Qt::QueuedConnection);
    Q_EMIT opened(m_engine.get());
    serve();
}

// May run more than once: the database can ask for a repeat.
Result<void> EngineHost::setUp(Services &services, bool &isBootstrapError)
{
    *m_outcome = {};
    if (!m_bootstrap.isEmpty()) {
        auto applied = applyBootstrap(services, m_bootstrap);
        isBootstrapError = !applied && applied.error().code == ErrorCode::ValidationError;
        if (!applied)
            return applied.error();
        m_outcome->made = std::move(*applied);
    }
    if (m_options.demo) {
        auto demo = setUpDemo(services);
        if (!demo)
            return demo.error();
        m_outcome->made.platforms += demo->made.platforms;
        if (!demo->made.adminKey.isEmpty())
            m_outcome->made.adminKey = demo->made.adminKey;
        m_outcome->demo = std::move(*demo);
    }
    return {};
}

void EngineHost::serve(quint16 port)
{
    if (!m_engine)
        return start();
    if (const auto listening = m_engine->listen(port); !listening) {
        Q_EMIT cannotListen(listening.error().message);
        return;
    }
    probeHealth(m_engine->origin(), this, [this](bool healthy) { onHealthy(healthy); });
}

void EngineHost::onHealthy(bool healthy)
{
    if (!m_engine || m_isEnding)
        return;
    if (!healthy) {
        Q_EMIT cannotListen(u"The gateway listens on %1 but does not answer there."_s.arg(m_engine->origin()));
        return;
    }
    if (!writeOutcome())
        return;
    Log::info("gateway", u"serving on %1 (%2)"_s.arg(m_engine->origin(), m_database.display()));
    Q_EMIT running();
}

bool EngineHost::writeOutcome()
{
    const QString origin = m_engine->origin();
    const bool isAnythingMade = !m_bootstrap.isEmpty() || m_options.demo;
    const QJsonObject made = isAnythingMade ? m_outcome->made.toJson(m_engine->publicOrigin()) : QJsonObject();
    if (!m_options.bootstrapOutFile.isEmpty()
        && !os::replacePrivateFile(m_options.bootstrapOutFile, QJsonDocument(made).toJson())) {
        Q_EMIT cannotListen(u"--bootstrap-out: %1 cannot be written."_s.arg(m_options.bootstrapOutFile));
        return false;
    }
    const QJsonObject ready { { u"pid"_s, QCoreApplication::applicationPid() },
                              { u"origin"_s, origin },
                              { u"version"_s, QCoreApplication::applicationVersion() } };
    if (!m_options.readyFile.isEmpty()
        && !os::replacePrivateFile(m_options.readyFile, QJsonDocument(ready).toJson(QJsonDocument::Compact) + '\n')) {
        Q_EMIT cannotListen(u"--ready-file: %1 cannot be written."_s.arg(m_options.readyFile));
        return false;
    }
    if (m_outcome->demo) {
        std::fputs(qUtf8Printable(demoText(*m_outcome->demo, origin)), stdout);
        std::fflush(stdout);
    }
    return true;
}

void EngineHost::stopServing(bool now)
{
    if (m_engine)
        m_engine->stop(now);
}

void EngineHost::stop()
{
    m_isEnding = true;
    if (m_engine)
        m_engine->stop();
    else
        Q_EMIT stopped();
}

void EngineHost::onServingStopped()
{
    if (!m_options.readyFile.isEmpty())
        QFile::remove(m_options.readyFile);
    if (!m_isEnding) {
        Q_EMIT servingStopped();
        return;
    }
    m_engine.reset();
    m_lock.reset();
    Q_EMIT stopped();
}

} // namespace assistiv
