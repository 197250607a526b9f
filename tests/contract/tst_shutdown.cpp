// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/engine.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "services/bootstrap.h"
#include "services/services.h"
#include "unit/net/scriptedserver.h"

#include <QtCore/QDir>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtNetwork/QNetworkAccessManager>
#include <QtNetwork/QNetworkReply>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// A gateway that is stopped while calls run, and others wait for them (docs/architecture.md, "Shutdown").
class tst_Shutdown : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void initTestCase() { ScratchDatabase::useWholeDatabases(); }
    void callsThatWaitForTheirTurnEndToo_data();
    void callsThatWaitForTheirTurnEndToo();
    void turnsPassOnWhileCallsMayStillEnd();

private:
    void start(ScriptedServer &provider, int graceMs);
    QNetworkReply *ask(const QByteArray &text);
    void finish();
    static QString codeOf(QNetworkReply &reply);
    static int statusOf(const QNetworkReply &reply);

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<QTemporaryDir> m_dir;
    std::unique_ptr<Engine> m_engine;
    std::unique_ptr<QNetworkAccessManager> m_network;
    QByteArray m_key;
};

void tst_Shutdown::start(ScriptedServer &provider, int graceMs)
{
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_scratch->disconnect();
    m_dir = std::make_unique<QTemporaryDir>();
    m_network = std::make_unique<QNetworkAccessManager>();
    EngineSettings settings;
    settings.version = u"test"_s;
    settings.dataDir = m_dir->path();
    settings.database = m_scratch->url();
    settings.port = 0;
    settings.workers = 1;
    settings.graceMs = graceMs;
    m_engine = std::make_unique<Engine>(std::move(settings), std::make_shared<const Vault>(QByteArray(Vault::KeyBytes, 'k')));
    const QByteArray file = R"({"providers":[{"slug":"local","kind":"openai","base_url":")" + provider.url("/v1")
        + R"(","allow_private_address":true}],)"
          R"("models":[{"slug":"m","mappings":[{"provider":"local","input_usd_per_mtok":1,"output_usd_per_mtok":1}]}],)"
          R"("platforms":[{"slug":"acme","name":"Acme","wallet_usd":10,"llm_configs":[{"provider":"local","api_key":"none"}],)"
          R"("end_users":[{"external_id":"alice","budget":{"max_usd":10}}]}]})";
    mustSucceed(m_engine->open([&](Services &services) -> Result<void> {
        const auto made = applyBootstrap(services, QJsonDocument::fromJson(file).object());
        if (!made)
            return made.error();
        m_key = made->platforms.constFirst().users.constFirst().rawKey.toLatin1();
        return {};
    }));
    mustSucceed(m_engine->listen());
}

/// All of them on one thread.
QNetworkReply *tst_Shutdown::ask(const QByteArray &text)
{
    QNetworkRequest request { QUrl(m_engine->origin() + u"/v1/responses"_s) };
    request.setRawHeader("Authorization", "Bearer " + m_key);
    request.setRawHeader("Content-Type", "application/json");
    return m_network->post(request, R"({"model":"m","thread_id":"t","input":")" + text + R"("})");
}

void tst_Shutdown::finish()
{
    m_network.reset();
    m_engine.reset();
    m_scratch->connect();
}

int tst_Shutdown::statusOf(const QNetworkReply &reply)
{
    return reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
}

QString tst_Shutdown::codeOf(QNetworkReply &reply)
{
    return QJsonDocument::fromJson(reply.readAll()).object().value("error"_L1).toObject().value("code"_L1).toString();
}

void tst_Shutdown::callsThatWaitForTheirTurnEndToo_data()
{
    QTest::addColumn<bool>("now");
    QTest::newRow("after the time that calls have to end") << false;
    QTest::newRow("at once") << true;
}

void tst_Shutdown::callsThatWaitForTheirTurnEndToo()
{
    QFETCH(bool, now);
    ScriptedServer provider([](QTcpSocket &, const ScriptedServer::Request &) {}); // says nothing
    start(provider, now ? 60'000 : 300);
    QNetworkReply *running = ask("first");
    QTRY_COMPARE(provider.requests.size(), 1);
    const QList<QNetworkReply *> waiting { ask("second"), ask("third") };
    QTRY_COMPARE(m_engine->status().callsInFlight, 3);

    QSignalSpy stopped(m_engine.get(), &Engine::stopped);
    m_engine->stop(now);
    QTRY_COMPARE_WITH_TIMEOUT(stopped.size(), 1, 10'000);
    for (QNetworkReply *reply : QList { running } + waiting) {
        QTRY_VERIFY(reply->isFinished());
        QCOMPARE(statusOf(*reply), 503);
        QCOMPARE(codeOf(*reply), u"shutting_down"_s);
    }
    // Who waited has asked nobody and owes nothing.
    QCOMPARE(provider.requests.size(), 1);
    finish();
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM request_logs"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM request_logs WHERE status = 'cancelled'"_s), 1);
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM responses"_s), 0);
}

void tst_Shutdown::turnsPassOnWhileCallsMayStillEnd()
{
    QList<QPointer<QTcpSocket>> asked;
    ScriptedServer provider([&](QTcpSocket &socket, const ScriptedServer::Request &) { asked.append(&socket); });
    start(provider, 20'000);
    const QList<QNetworkReply *> replies { ask("first"), ask("second") };
    QTRY_COMPARE(asked.size(), 1);
    QTRY_COMPARE(m_engine->status().callsInFlight, 2);

    QSignalSpy stopped(m_engine.get(), &Engine::stopped);
    m_engine->stop();
    const QByteArray answer = ScriptedServer::ok(
        R"({"choices":[{"message":{"content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})");
    asked[0]->write(answer);
    QTRY_COMPARE(asked.size(), 2);
    QCOMPARE(stopped.size(), 0);
    asked[1]->write(answer);
    QTRY_COMPARE_WITH_TIMEOUT(stopped.size(), 1, 10'000);
    for (QNetworkReply *reply : replies) {
        QTRY_VERIFY(reply->isFinished());
        QCOMPARE(statusOf(*reply), 200);
    }
    finish();
    QCOMPARE(m_scratch->number(u"SELECT count(*) FROM responses"_s), 2);
}

QTEST_GUILESS_MAIN(tst_Shutdown)
#include "tst_shutdown.moc"
