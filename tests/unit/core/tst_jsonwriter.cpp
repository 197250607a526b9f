// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jsonwriter.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtTest/QtTest>

#include <optional>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_JsonWriter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void writesAnObjectInTheOrderOfCalls();
    void nestsWithoutStrayCommas();
    void escapes_data();
    void escapes();
    void everyByteBelow128SurvivesAParser();
    void writesEmptyThingsAsNull();
    void startsAfreshAfterTake();
};

void tst_JsonWriter::writesAnObjectInTheOrderOfCalls()
{
    const auto id = PlatformId::parse(u"f47ac10b-58cc-4372-a567-0e02b2c3d479");
    JsonWriter json;
    json.beginObject()
        .member("z", u"text"_s)
        .member("a", true)
        .member("number", qint64(-9'007'199'254'740'993))
        .member("small", 7)
        .member("money", Money::fromMicros(1))
        .member("at", Timestamp::fromMs(0))
        .member("id", *id)
        .key("raw").raw("[1,2]")
        .endObject();
    QCOMPARE(json.json(), QByteArray(R"({"z":"text","a":true,"number":-9007199254740993,"small":7,"money":0.000001,)"
                                     R"("at":"1970-01-01T00:00:00.000Z","id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","raw":[1,2]})"));
}

void tst_JsonWriter::nestsWithoutStrayCommas()
{
    JsonWriter json;
    json.beginArray();
    json.beginObject().endObject();
    json.beginArray().endArray();
    json.beginObject().key("a").beginArray().value(1).value(2).beginObject().endObject().endArray().key("b").null().endObject();
    json.value(false);
    json.endArray();
    QCOMPARE(json.json(), QByteArray(R"([{},[],{"a":[1,2,{}],"b":null},false])"));
}

void tst_JsonWriter::escapes_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("nothing") << QString() << QByteArray(R"("")");
    QTest::newRow("plain") << u"plain"_s << QByteArray(R"("plain")");
    QTest::newRow("quotes") << u"say \"hi\""_s << QByteArray(R"("say \"hi\"")");
    QTest::newRow("backslash") << u"a\\b"_s << QByteArray(R"("a\\b")");
    QTest::newRow("line ends and tab") << u"a\r\n\tb"_s << QByteArray(R"("a\r\n\tb")");
    QTest::newRow("control characters") << QString(QChar(1)) + QChar(0x1f) << QByteArray(R"("\u0001\u001f")");
    QTest::newRow("a zero in the text") << QString(QChar(0)) << QByteArray(R"("\u0000")");
    QTest::newRow("umlauts stay UTF-8") << u"Zoë"_s << QByteArray("\"Zo\xc3\xab\"");
    QTest::newRow("beyond the basic plane") << QString::fromUtf8("\xf0\x9f\x98\x80") << QByteArray("\"\xf0\x9f\x98\x80\"");
    QTest::newRow("a closing tag is text") << u"</script>"_s << QByteArray(R"("</script>")");
    QTest::newRow("an escape at both ends") << u"\"x\""_s << QByteArray(R"("\"x\"")");
}

void tst_JsonWriter::escapes()
{
    QFETCH(QString, text);
    QFETCH(QByteArray, json);
    JsonWriter writer;
    writer.value(text);
    QCOMPARE(writer.json(), json);
    QByteArray appended = "x";
    appendJsonString(appended, text.toUtf8());
    QCOMPARE(appended, "x" + json);
}

void tst_JsonWriter::everyByteBelow128SurvivesAParser()
{
    QString all;
    for (char16_t c = 0; c < 128; ++c)
        all += QChar(c);
    JsonWriter json;
    json.beginArray().value(all).endArray();
    QCOMPARE(QJsonDocument::fromJson(json.json()).array().at(0).toString(), all);
}

void tst_JsonWriter::writesEmptyThingsAsNull()
{
    JsonWriter json;
    json.beginObject()
        .member("none", std::optional<Money>())
        .member("some", std::optional(Money::fromMicros(1'000'000)))
        .member("no moment", std::optional<Timestamp>())
        .member("no id", EndUserId())
        .textOrNull("no text", QString())
        .textOrNull("text", u"x"_s)
        .endObject();
    QCOMPARE(json.json(),
             QByteArray(R"({"none":null,"some":1.00,"no moment":null,"no id":null,"no text":null,"text":"x"})"));
}

void tst_JsonWriter::startsAfreshAfterTake()
{
    JsonWriter json;
    json.beginArray().value(1).endArray();
    QCOMPARE(json.take(), QByteArray("[1]"));
    json.beginArray().value(2).endArray();
    QCOMPARE(json.take(), QByteArray("[2]"));
    QVERIFY(json.json().isEmpty());
}

QTEST_APPLESS_MAIN(tst_JsonWriter)
#include "tst_jsonwriter.moc"
