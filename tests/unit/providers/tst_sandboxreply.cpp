// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/sandbox/sandboxreply.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QSignalSpy>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_SandboxReply : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void echoes();
    void honoursTheLimit();
    void callsATool();
    void streamsWordByWord();
    void stopsWhilePaused();
};

static constexpr Timestamp Now = Timestamp::fromMs(1'775'644'200'000);

static QByteArray whole(const QByteArray &request)
{
    QObject owner;
    auto *reply = new SandboxReply(request, Now, &owner);
    QSignalSpy finished(reply, &HttpReply::finished);
    if (!finished.wait())
        return {};
    return reply->takeBytes();
}

static QJsonObject answerTo(const QByteArray &request)
{
    return QJsonDocument::fromJson(whole(request)).object();
}

void tst_SandboxReply::echoes()
{
    const QJsonObject answer = answerTo(R"({"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"one two"}]})");
    const QJsonObject choice = answer.value("choices"_L1).toArray().at(0).toObject();
    QCOMPARE(choice.value("message"_L1).toObject().value("content"_L1).toString(), u"The sandbox heard: one two"_s);
    QCOMPARE(choice.value("finish_reason"_L1).toString(), u"stop"_s);
    QCOMPARE(answer.value("created"_L1).toInteger(), Now.ms() / 1000);
    const QJsonObject usage = answer.value("usage"_L1).toObject();
    QCOMPARE(usage.value("prompt_tokens"_L1).toInt(), 4);
    QCOMPARE(usage.value("completion_tokens"_L1).toInt(), 5);
}

void tst_SandboxReply::honoursTheLimit()
{
    const QJsonObject choice = answerTo(R"({"max_tokens":2,"messages":[{"role":"user","content":"one two"}]})")
                                   .value("choices"_L1).toArray().at(0).toObject();
    QCOMPARE(choice.value("message"_L1).toObject().value("content"_L1).toString(), u"The sandbox"_s);
    QCOMPARE(choice.value("finish_reason"_L1).toString(), u"length"_s);
}

void tst_SandboxReply::callsATool()
{
    const QJsonObject choice = answerTo(R"({"tools":[{"type":"function","function":{"name":"weather"}}],)"
                                        R"("messages":[{"role":"user","content":"call:weather {\"city\":\"Rome\"}"}]})")
                                   .value("choices"_L1).toArray().at(0).toObject();
    const QJsonObject call = choice.value("message"_L1).toObject().value("tool_calls"_L1).toArray().at(0).toObject();
    QCOMPARE(call.value("function"_L1).toObject().value("name"_L1).toString(), u"weather"_s);
    QCOMPARE(call.value("function"_L1).toObject().value("arguments"_L1).toString(), u"{\"city\":\"Rome\"}"_s);
    QCOMPARE(choice.value("finish_reason"_L1).toString(), u"tool_calls"_s);
}

void tst_SandboxReply::streamsWordByWord()
{
    const QByteArray stream = whole(R"({"stream":true,"messages":[{"role":"user","content":"one two"}]})");
    QCOMPARE(stream.count("\"delta\":{\"content\":"), 5);
    QVERIFY(stream.contains("\"usage\":{\"prompt_tokens\":2"));
    QVERIFY(stream.endsWith("data: [DONE]\n\n"));
}

void tst_SandboxReply::stopsWhilePaused()
{
    QObject owner;
    auto *reply = new SandboxReply(R"({"stream":true,"messages":[{"role":"user","content":"a"}]})", Now, &owner);
    QSignalSpy bytes(reply, &HttpReply::bytesArrived);
    QSignalSpy finished(reply, &HttpReply::finished);
    QVERIFY(bytes.wait());
    reply->pause();
    const auto count = bytes.count();
    QCoreApplication::processEvents();
    QCOMPARE(bytes.count(), count);
    reply->resume();
    QVERIFY(finished.wait());
}

QTEST_GUILESS_MAIN(tst_SandboxReply)
#include "tst_sandboxreply.moc"
