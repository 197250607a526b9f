// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/log.h"

#include <QtCore/QFile>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QLoggingCategory>
#include <QtCore/QTemporaryFile>
#include <QtTest/QtTest>

#include <cstdio>
#include <functional>
#include <unistd.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

/// What run puts on standard error while it runs.
QByteArray standardErrorOf(const std::function<void()> &run)
{
    QTemporaryFile file;
    if (!file.open())
        return "no temporary file";
    std::fflush(stderr);
    const int kept = dup(2);
    dup2(file.handle(), 2);
    run();
    std::fflush(stderr);
    dup2(kept, 2);
    close(kept);
    QFile written(file.fileName());
    return written.open(QIODevice::ReadOnly) ? written.readAll() : "unreadable";
}

} // namespace

class tst_Log : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void redacts_data();
    void redacts();
    void leavesAlone_data();
    void leavesAlone();
    void writesLines();
    void writesJson();
    void keepsOneMessageOnOneJsonLine();
    void leavesOutWhatIsBelowTheLevel();
    void catchesQtsOwnMessages();
    void cleanup();
};

void tst_Log::redacts_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("clean");
    const QString key(64, u'a');
    QTest::newRow("platform key") << u"key sk-plat_"_s + key + u" is bad"_s << u"key sk-plat_… is bad"_s;
    QTest::newRow("end-user key") << u"sk-eu_"_s + key << u"sk-eu_…"_s;
    QTest::newRow("admin key") << u"(sk-admin_"_s + key + u")"_s << u"(sk-admin_…)"_s;
    QTest::newRow("provider keys") << u"sk-ant-api03-abc_DEF-123456 sk-proj-abcdef123456 xai-abcdef123456 AIzaSyAbcdef123456"_s
                                   << u"sk-ant-… sk-proj-… xai-… AIza…"_s;
    QTest::newRow("a plain OpenAI key") << u"sk-abcdefghijklmnop"_s << u"sk-…"_s;
    QTest::newRow("bearer header") << u"authorization: Bearer abc.def-ghi"_s << u"authorization: Bearer …"_s;
    QTest::newRow("bearer in lower case") << u"authorization: bearer abc.def-ghi"_s << u"authorization: bearer …"_s;
    QTest::newRow("bearer with a key of ours") << u"Bearer sk-eu_"_s + key << u"Bearer …"_s;
    QTest::newRow("webhook secret") << u"whsec_MfKQ9r8GKYqrTwjU+/=="_s << u"whsec_…"_s;
    QTest::newRow("GitHub tokens") << u"gho_abcdefgh ghp_abcdefgh"_s << u"gho_… ghp_…"_s;
    QTest::newRow("Slack token") << u"xoxb-1234-abcdef"_s << u"xoxb-…"_s;
    QTest::newRow("password in a URL") << u"postgresql://gateway:hunter2@db.example:5432/x"_s
                                       << u"postgresql://gateway:…@db.example:5432/x"_s;
    QTest::newRow("password with an at sign") << u"postgresql://gateway:hun@ter2@db.example/x"_s
                                              << u"postgresql://gateway:…@db.example/x"_s;
    QTest::newRow("several in one text") << u"sk-eu_abcdefgh sk-eu_ijklmnop"_s << u"sk-eu_… sk-eu_…"_s;
}

void tst_Log::redacts()
{
    QFETCH(QString, text);
    QTEST(redacted(text), "clean");
}

void tst_Log::leavesAlone_data()
{
    QTest::addColumn<QString>("text");
    QTest::newRow("nothing") << QString();
    QTest::newRow("a sentence") << u"The wallet of platform acme is low: 0.25 USD."_s;
    QTest::newRow("an id") << u"f47ac10b-58cc-4372-a567-0e02b2c3d479"_s;
    QTest::newRow("a key prefix") << u"sk-plat_fc0a"_s;
    QTest::newRow("a URL with a port") << u"http://127.0.0.1:8790/v1/models"_s;
    QTest::newRow("a URL with a user only") << u"postgresql://gateway@db.example/x"_s;
    QTest::newRow("a word that begins alike") << u"the task-scheduler and risk-assessment"_s;
}

void tst_Log::leavesAlone()
{
    QFETCH(QString, text);
    QCOMPARE(redacted(text), text);
}

void tst_Log::writesLines()
{
    Log::install(LogLevel::Info, LogFormat::Text);
    const QByteArray out = standardErrorOf([] {
        Log::info("engine", u"first\nsecond"_s);
        Log::error("store", u"key sk-eu_abcdefghijkl"_s);
    });
    const QRegularExpression lines(u"^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z info    engine: first\n    second\n"
                                   "\\S+Z error   store: key sk-eu_…\n$"_s);
    QVERIFY2(lines.match(QString::fromUtf8(out)).hasMatch(), out.constData());
}

void tst_Log::writesJson()
{
    Log::install(LogLevel::Info, LogFormat::Json);
    const QByteArray out = standardErrorOf([] { Log::warning("engine", u"say \"sk-eu_abcdefghijkl\""_s); });
    const QJsonObject line = QJsonDocument::fromJson(out).object();
    QCOMPARE(line["level"_L1].toString(), u"warning"_s);
    QCOMPARE(line["area"_L1].toString(), u"engine"_s);
    QCOMPARE(line["message"_L1].toString(), u"say \"sk-eu_…\""_s);
    QVERIFY(QDateTime::fromString(line["time"_L1].toString(), Qt::ISODateWithMs).isValid());
}

void tst_Log::keepsOneMessageOnOneJsonLine()
{
    Log::install(LogLevel::Info, LogFormat::Json);
    const QByteArray out = standardErrorOf([] { Log::info("engine", u"a\nb"_s); });
    QCOMPARE(out.count('\n'), 1);
    QVERIFY(out.endsWith('\n'));
}

void tst_Log::leavesOutWhatIsBelowTheLevel()
{
    Log::install(LogLevel::Warning, LogFormat::Text);
    const QByteArray out = standardErrorOf([] {
        Log::write(LogLevel::Debug, "engine", u"debug"_s);
        Log::info("engine", u"info"_s);
        Log::warning("engine", u"warning"_s);
    });
    QCOMPARE(out.count('\n'), 1);
    QVERIFY(out.contains("engine: warning"));
}

void tst_Log::catchesQtsOwnMessages()
{
    Log::install(LogLevel::Info, LogFormat::Text);
    const QByteArray out = standardErrorOf([] {
        qWarning("token Bearer abcdefghijkl");
        qWarning(QLoggingCategory("qt.network"), "categorised");
        qWarning("The TCP server with listener QTcpServer is not listening.");
    });
    QVERIFY2(out.contains("warning qt: token Bearer \xe2\x80\xa6\n"), out.constData());
    QVERIFY2(out.contains("warning qt.network: categorised\n"), out.constData());
    QVERIFY2(!out.contains("is not listening"), out.constData());
}

void tst_Log::cleanup()
{
    qInstallMessageHandler(nullptr);
}

QTEST_APPLESS_MAIN(tst_Log)
#include "tst_log.moc"
