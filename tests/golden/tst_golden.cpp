// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "golden/goldencase.h"
#include "golden/messagestream.h"
#include "golden/responsestream.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;
using golden::Case;
using golden::Outcome;

/// Replays the cases below tests/golden: what is sent to the provider, what the client gets, what is billed.
class tst_Golden : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void sends_data() { cases(&Case::clientJson); }
    void sends();
    void answersWithAStream_data() { cases(&Case::answerSse); }
    void answersWithAStream();
    void answersInOnePiece_data() { cases(&Case::answerJson); }
    void answersInOnePiece();
    void understandsFailures_data();
    void understandsFailures();
    void doesNotCareHowBytesArrive_data() { cases(&Case::replySse); }
    void doesNotCareHowBytesArrive();
    void neverFinishesWhatWasCutOff_data() { cases(&Case::replySse); }
    void neverFinishesWhatWasCutOff();

private:
    static const QList<Case> &all()
    {
        static const QList<Case> loaded = golden::allCases(QStringLiteral(GOLDEN_FOLDER));
        return loaded;
    }
    // Those that have this file.
    static void cases(QByteArray Case::*file)
    {
        QTest::addColumn<int>("number");
        for (int i = 0; i < all().size(); ++i) {
            if (!(all()[i].*file).isNull())
                QTest::newRow(qPrintable(all()[i].name)) << i;
        }
    }
    static const Case &current()
    {
        QFETCH(int, number);
        return all()[number];
    }
};

static QByteArray pretty(const QJsonValue &value)
{
    return value.isArray() ? QJsonDocument(value.toArray()).toJson() : QJsonDocument(value.toObject()).toJson();
}

static QJsonObject object(const QByteArray &json)
{
    return QJsonDocument::fromJson(json).object();
}

// The frames of a stream, each as JSON where it is JSON, so that the order of members does not matter.
static QStringList frames(const QByteArray &stream)
{
    QStringList found;
    const QList<QByteArray> parts = QByteArray(stream).replace("\n\n", "\x01").split('\x01');
    for (const QByteArray &frame : parts) {
        // Perhaps behind the event's name.
        const qsizetype line = frame.startsWith("data: ") ? 0 : frame.indexOf("\ndata: ") + 1;
        const qsizetype begin = line == 0 && !frame.startsWith("data: ") ? frame.size() : line + 6;
        const QJsonDocument json = QJsonDocument::fromJson(frame.sliced(begin));
        const QByteArray compact = json.isNull() ? frame : frame.first(begin) + json.toJson(QJsonDocument::Compact);
        found.append(QString::fromUtf8(compact));
    }
    return found;
}

static QStringList words(const QJsonValue &list)
{
    QStringList found;
    const QJsonArray array = list.toArray();
    for (const QJsonValue &entry : array)
        found.append(entry.toString());
    return found;
}

static QJsonObject usageJson(const Usage &usage)
{
    return { { u"in_fresh"_s, usage.inFresh },   { u"in_cached"_s, usage.inCached },
             { u"in_write"_s, usage.inWrite },   { u"in_write_long"_s, usage.inWriteLong },
             { u"out_text"_s, usage.outText },   { u"out_reasoning"_s, usage.outReasoning } };
}

static void verifyError(const Error &error, const QJsonObject &expected)
{
    QCOMPARE(QString(errorRow(error.code).word), expected.value("code"_L1).toString());
    QCOMPARE(error.param, expected.value("param"_L1).toString());
    if (const QJsonValue message = expected.value("message"_L1); message.isString())
        QCOMPARE(error.message, message.toString());
    if (const QJsonValue wait = expected.value("retry_after"_L1); !wait.isUndefined())
        QCOMPARE(error.retryAfterSeconds, wait.toInt());
}

static void verifyFailure(const UpstreamFailure &failure, const QJsonObject &expected)
{
    verifyError(failure.error, expected);
    if (QTest::currentTestFailed())
        return;
    QCOMPARE(failure.mayTryNext, expected.value("may_try_next"_L1).toBool());
    QCOMPARE(failure.mayTrySameProvider, expected.value("may_try_same_provider"_L1).toBool(true));
}

static void verifyOutcome(const Outcome &outcome, const Case &golden)
{
    const QJsonObject failure = golden.facts.value("failure"_L1).toObject();
    QCOMPARE(outcome.isComplete, failure.isEmpty());
    QCOMPARE(outcome.failure.has_value(), !failure.isEmpty());
    if (outcome.failure)
        verifyFailure(*outcome.failure, failure);
    if (const QJsonObject usage = golden.facts.value("usage"_L1).toObject(); !usage.isEmpty()) {
        QCOMPARE(pretty(usageJson(outcome.consumption.usage)), pretty(usage));
        QCOMPARE(outcome.consumption.isReported, !golden.facts.value("estimated"_L1).toBool());
    }
}

static std::unique_ptr<Dialogue> opened(const Case &golden, std::optional<bool> stream)
{
    auto dialogue = golden::dialogueFor(golden, golden.clientJson, stream);
    if (!dialogue)
        qFatal("%s: %s", qPrintable(golden.name), qPrintable(dialogue.error().message));
    return std::move(*dialogue);
}

static Outcome outcomeOf(const Case &golden, std::optional<bool> stream, const QByteArrayList &pieces)
{
    return golden::replay(*opened(golden, stream), pieces);
}

void tst_Golden::sends()
{
    const Case &golden = current();
    const QJsonObject refused = golden.facts.value("refused"_L1).toObject();
    auto dialogue = golden::dialogueFor(golden, golden.clientJson, {});
    const Result<UpstreamCall> call = dialogue ? (*dialogue)->call() : Result<UpstreamCall>(dialogue.error());
    if (!refused.isEmpty()) {
        QVERIFY(!call);
        return verifyError(call.error(), refused);
    }
    QVERIFY2(call, call ? "" : qPrintable(call.error().message));
    QCOMPARE(QStringList(QString::fromUtf8(call->dropped.join('\n')).split(u'\n', Qt::SkipEmptyParts)),
             words(golden.facts.value("dropped"_L1)));

    QVERIFY2(!golden.upstreamJson.isEmpty(), "upstream.json is missing");
    const QJsonObject expected = object(golden.upstreamJson);
    QCOMPARE(QString::fromUtf8(call->path), expected.value("path"_L1).toString());
    QJsonObject headers;
    for (const auto &[name, value] : std::as_const(call->headers))
        headers.insert(QString::fromUtf8(name), QString::fromUtf8(value));
    QCOMPARE(pretty(headers), pretty(expected.value("headers"_L1)));
    QJsonParseError problem;
    const QJsonDocument body = QJsonDocument::fromJson(call->body, &problem);
    QVERIFY2(body.isObject(), qPrintable(problem.errorString()));
    QCOMPARE(pretty(body.object()), pretty(expected.value("body"_L1)));
}

void tst_Golden::answersWithAStream()
{
    const Case &golden = current();
    const Outcome outcome = outcomeOf(golden, true, { golden.replySse.isNull() ? golden.replyJson : golden.replySse });
    verifyOutcome(outcome, golden);
    if (!QTest::currentTestFailed())
        QCOMPARE(frames(outcome.forClient), frames(golden.answerSse));
    if (golden.client == ClientApi::Responses)
        QCOMPARE(golden::problemOfResponseStream(outcome.forClient), QString());
    if (golden.client == ClientApi::Messages)
        QCOMPARE(golden::problemOfMessageStream(outcome.forClient, golden::isTranslated(golden)), QString());
}

void tst_Golden::answersInOnePiece()
{
    const Case &golden = current();
    const Outcome outcome = outcomeOf(golden, false, { golden.replySse.isNull() ? golden.replyJson : golden.replySse });
    verifyOutcome(outcome, golden);
    if (!QTest::currentTestFailed())
        QCOMPARE(pretty(object(outcome.forClient)), pretty(object(golden.answerJson)));
}

void tst_Golden::understandsFailures_data()
{
    QTest::addColumn<int>("number");
    for (int i = 0; i < all().size(); ++i) {
        if (all()[i].facts.contains("status"_L1))
            QTest::newRow(qPrintable(all()[i].name)) << i;
    }
}

void tst_Golden::understandsFailures()
{
    const Case &golden = current();
    const int status = golden.facts.value("status"_L1).toInt();
    const QJsonObject headers = golden.facts.value("headers"_L1).toObject();
    const auto header = [&headers](QLatin1StringView name) { return headers.value(name).toString().toUtf8(); };
    const QByteArray retryAfter = header("retry-after"_L1);
    const QByteArray retryAfterMs = header("retry-after-ms"_L1);
    const QByteArray shouldRetry = header("x-should-retry"_L1);
    const QByteArray key = "sk-ant-golden-0123456789";
    const UpstreamFailure failure = opened(golden, {})->failure({ .status = status,
                                                                  .retryAfter = retryAfter,
                                                                  .retryAfterMs = retryAfterMs,
                                                                  .shouldRetry = shouldRetry,
                                                                  .body = golden.replyJson,
                                                                  .ownKey = key });
    verifyFailure(failure, golden.facts.value("failure"_L1).toObject());
}

// The same bytes, cut in two at every place, and one by one.
void tst_Golden::doesNotCareHowBytesArrive()
{
    const Case &golden = current();
    const QByteArray &bytes = golden.replySse;
    for (const bool stream : { true, false }) {
        const Outcome whole = outcomeOf(golden, stream, { bytes });
        const auto verify = [&](const Outcome &outcome, qsizetype at) {
            const bool isSame = outcome.forClient == whole.forClient && outcome.isComplete == whole.isComplete
                && outcome.consumption.usage == whole.consumption.usage
                && outcome.consumption.outputBytes == whole.consumption.outputBytes;
            QVERIFY2(isSame, qPrintable(u"cut at byte %1: %2"_s.arg(at).arg(QString::fromUtf8(outcome.forClient))));
        };
        for (qsizetype at = 1; at < bytes.size() && !QTest::currentTestFailed(); ++at)
            verify(outcomeOf(golden, stream, { bytes.first(at), bytes.sliced(at) }), at);
        QByteArrayList single;
        for (qsizetype at = 0; at < bytes.size(); ++at)
            single.append(bytes.sliced(at, 1));
        if (!QTest::currentTestFailed())
            verify(outcomeOf(golden, stream, single), -1);
    }
}

void tst_Golden::neverFinishesWhatWasCutOff()
{
    const Case &golden = current();
    QVERIFY(!golden.endMarks.isEmpty());
    for (qsizetype size = 0; size < golden.replySse.size(); ++size) {
        const QByteArray cut = golden.replySse.first(size);
        const Outcome outcome = outcomeOf(golden, {}, { cut });
        QVERIFY(outcome.isComplete != outcome.failure.has_value());
        // What is behind the end of an answer may be missing.
        QVERIFY2(!outcome.isComplete || golden::mayBeComplete(golden, cut), qPrintable(u"cut at byte %1"_s.arg(size)));
    }
}

QTEST_GUILESS_MAIN(tst_Golden)
#include "tst_golden.moc"
