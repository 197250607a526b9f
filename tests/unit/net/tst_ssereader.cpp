// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ssereader.h"

#include <QtTest/QTest>

using namespace assistiv;

namespace {

struct Seen
{
    QByteArray name;
    QByteArray data;
    QByteArray raw;
    friend bool operator==(const Seen &, const Seen &) = default;
};

/// Feeds the stream in pieces of the given size and collects what comes out.
QList<Seen> readInPieces(const QByteArray &stream, qsizetype pieceBytes)
{
    SseReader reader;
    QList<Seen> seen;
    for (qsizetype at = 0; at < stream.size(); at += pieceBytes) {
        reader.feed(stream.mid(at, pieceBytes));
        while (const auto event = reader.next())
            seen.append({event->name.toByteArray(), event->data.toByteArray(), event->raw.toByteArray()});
    }
    return seen;
}

} // namespace

class tst_SseReader : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void events_data();
    void events();
    void givesTheSameHoweverItIsCut();
    void passesFramesThroughUnchanged();
    void doesNotWaitForTheLineFeedBehindACarriageReturn();
    void keepsWhatWasCutOff();
    void swallowsKeepAlivesForever();
    void frameLimit_data();
    void frameLimit();
    void readsNothingMoreAfterAFailure();
};

void tst_SseReader::events_data()
{
    QTest::addColumn<QByteArray>("stream");
    QTest::addColumn<QList<QByteArray>>("expected"); // name, data, name, data, …
    using List = QList<QByteArray>;
    QTest::newRow("one line of data is one event") << QByteArray("data: a\n\n") << List{"", "a"};
    QTest::newRow("the blank behind the colon may be missing") << QByteArray("data:a\n\n") << List{"", "a"};
    QTest::newRow("only one blank is taken away") << QByteArray("data:  a\n\n") << List{"", " a"};
    QTest::newRow("the name comes along") << QByteArray("event: ping\ndata: {}\n\n") << List{"ping", "{}"};
    QTest::newRow("the name may follow the data") << QByteArray("data: {}\nevent:ping\n\n") << List{"ping", "{}"};
    QTest::newRow("the last name counts") << QByteArray("event: a\nevent: b\ndata: c\n\n") << List{"b", "c"};
    QTest::newRow("a name does not outlive its event")
        << QByteArray("event: a\ndata: 1\n\ndata: 2\n\n") << List{"a", "1", "", "2"};
    QTest::newRow("a name without data does not leak into the next event")
        << QByteArray("event: a\n\ndata: 2\n\n") << List{"", "2"};
    QTest::newRow("lines of data are joined by line feeds")
        << QByteArray("data: a\ndata: b\ndata:\ndata: c\n\n") << List{"", "a\nb\n\nc"};
    QTest::newRow("a data field without colon is an empty line") << QByteArray("data\ndata\n\n") << List{"", "\n"};
    QTest::newRow("empty data is an event") << QByteArray("data:\n\n") << List{"", ""};
    QTest::newRow("carriage return and line feed end a line")
        << QByteArray("event: x\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n") << List{"x", "a\nb", "", "c"};
    QTest::newRow("carriage return alone ends a line")
        << QByteArray("data: a\rdata: b\r\rdata: c\r\r") << List{"", "a\nb", "", "c"};
    QTest::newRow("line ends may be mixed")
        << QByteArray("data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\r") << List{"", "a\nb\nc", "", "d"};
    QTest::newRow("comments are skipped") << QByteArray(": hello\ndata: a\n:\n\n: bye\n\n") << List{"", "a"};
    QTest::newRow("unknown fields are skipped")
        << QByteArray("id: 7\nretry: 10\ndatax: no\n data: no\ndata: a\n\n") << List{"", "a"};
    QTest::newRow("empty lines make no events") << QByteArray("\n\n\ndata: a\n\n\n\n") << List{"", "a"};
    QTest::newRow("a byte order mark in front is skipped") << QByteArray("\xEF\xBB\xBF"
                                                                         "data: a\n\n")
                                                           << List{"", "a"};
    QTest::newRow("a byte order mark before an empty line is skipped") << QByteArray("\xEF\xBB\xBF\n"
                                                                                     "data: a\n\n")
                                                                       << List{"", "a"};
    QTest::newRow("a second byte order mark is part of its field") << QByteArray("\xEF\xBB\xBF\xEF\xBB\xBF"
                                                                                 "data: a\n\ndata: b\n\n")
                                                                   << List{"", "b"};
    QTest::newRow("an unfinished event does not come out") << QByteArray("data: a\n\ndata: b\n") << List{"", "a"};
    QTest::newRow("UTF-8 stays whole") << QByteArray("data: gr\xC3\xBC\xC3\x9F\n\n") << List{"", "gr\xC3\xBC\xC3\x9F"};
    QTest::newRow("zero bytes pass") << QByteArray("data: a\0b\n\n", 11) << List{"", QByteArray("a\0b", 3)};
}

void tst_SseReader::events()
{
    QFETCH(QByteArray, stream);
    QFETCH(QList<QByteArray>, expected);
    for (qsizetype pieceBytes = 1; pieceBytes <= stream.size(); ++pieceBytes) {
        QList<QByteArray> got;
        for (const Seen &seen : readInPieces(stream, pieceBytes))
            got << seen.name << seen.data;
        QCOMPARE(got, expected);
    }
}

void tst_SseReader::givesTheSameHoweverItIsCut()
{
    const QByteArray stream(
        "\xEF\xBB\xBF: c\n\nevent: a\ndata: one\ndata: two\n\n: keep\n\ndata: three\nid: 4\n\nevent:b\ndata:5\n\n");
    const QList<Seen> whole = readInPieces(stream, stream.size());
    QCOMPARE(whole.size(), 3);
    for (qsizetype first = 1; first < stream.size(); ++first) {
        for (qsizetype second = first; second < stream.size(); ++second) {
            SseReader reader;
            QList<Seen> seen;
            for (const QByteArray &piece :
                 {stream.first(first), stream.mid(first, second - first), stream.sliced(second)}) {
                reader.feed(piece);
                while (const auto event = reader.next())
                    seen.append({event->name.toByteArray(), event->data.toByteArray(), event->raw.toByteArray()});
            }
            QVERIFY(seen == whole);
        }
    }
}

void tst_SseReader::passesFramesThroughUnchanged()
{
    const QByteArray first("event: a\r\n: note\r\nid: 1\r\ndata: x\r\n\r\n");
    const QByteArray second("data:y\ndata: z\n\n");
    const QList<Seen> seen = readInPieces(first + ": alone\n\n" + second, 1000);
    QCOMPARE(seen.size(), 2);
    QCOMPARE(seen[0].raw, first);
    QCOMPARE(seen[1].raw, second);
}

void tst_SseReader::doesNotWaitForTheLineFeedBehindACarriageReturn()
{
    SseReader reader;
    reader.feed("data: a\r\n\r");
    const auto event = reader.next();
    QVERIFY(event);
    QCOMPARE(event->data, "a");
    reader.feed("\ndata: b\n\n");
    const auto next = reader.next();
    QVERIFY(next);
    QCOMPARE(next->data, "b");
    QCOMPARE(next->raw, "data: b\n\n");
    QVERIFY(reader.rest().isEmpty());
}

void tst_SseReader::keepsWhatWasCutOff()
{
    SseReader reader;
    reader.feed("data: a\n\ndata: b\n");
    QVERIFY(reader.next());
    QVERIFY(!reader.next());
    QCOMPARE(reader.rest(), "data: b\n");
}

void tst_SseReader::swallowsKeepAlivesForever()
{
    SseReader reader;
    const QByteArray keepAlives = QByteArray(": still here\n\n").repeated(100'000);
    for (int i = 0; i < 10; ++i) {
        reader.feed(keepAlives);
        QVERIFY(!reader.next());
    }
    QVERIFY(!reader.hasFailed());
    QVERIFY(reader.rest().isEmpty());
}

void tst_SseReader::frameLimit_data()
{
    QTest::addColumn<qsizetype>("frameBytes");
    QTest::addColumn<qsizetype>("pieceBytes");
    QTest::addColumn<bool>("accepted");
    const qsizetype limit = SseReader::MaximumFrameBytes;
    QTest::newRow("a frame of exactly the limit is read") << limit << limit << true;
    QTest::newRow("a frame of exactly the limit is read in pieces") << limit << qsizetype(16384) << true;
    QTest::newRow("one byte more is refused") << limit + 1 << limit + 1 << false;
    QTest::newRow("one byte more is refused in pieces") << limit + 1 << qsizetype(16384) << false;
}

void tst_SseReader::frameLimit()
{
    QFETCH(qsizetype, frameBytes);
    QFETCH(qsizetype, pieceBytes);
    QFETCH(bool, accepted);
    const QByteArray frame = "data:" + QByteArray(frameBytes - 7, 'x') + "\n\n";
    SseReader reader;
    bool came = false;
    for (qsizetype at = 0; at < frame.size(); at += pieceBytes) {
        reader.feed(frame.mid(at, pieceBytes));
        came = reader.next() || came;
    }
    QCOMPARE(came, accepted);
    QCOMPARE(reader.hasFailed(), !accepted);
}

void tst_SseReader::readsNothingMoreAfterAFailure()
{
    SseReader reader;
    reader.feed(QByteArray(SseReader::MaximumFrameBytes + 1, 'x'));
    QVERIFY(!reader.next());
    QVERIFY(reader.hasFailed());
    reader.feed("\n\ndata: a\n\n");
    QVERIFY(!reader.next());
    QVERIFY(reader.hasFailed());
    QVERIFY(reader.rest().isEmpty());
}

QTEST_APPLESS_MAIN(tst_SseReader)
#include "tst_ssereader.moc"
