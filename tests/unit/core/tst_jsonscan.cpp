// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jsonscan.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QRandomGenerator>
#include <QtTest/QtTest>

#include <memory>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_JsonScan : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void findsMembers_data();
    void findsMembers();
    void aMemberKnowsWhereItIs();
    void ofRepeatedNamesTheLastCounts();
    void giveUpOnWhatIsNoObject_data();
    void giveUpOnWhatIsNoObject();
    void everyPrefixIsSafe();
    void agreesWithAParser();
    void splices_data();
    void splices();
};

void tst_JsonScan::findsMembers_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArrayList>("expected"); // name, value, name, value, …
    QTest::newRow("an empty object") << QByteArray("{}") << QByteArrayList();
    QTest::newRow("blanks around an empty one") << QByteArray(" \n{ \t} ") << QByteArrayList();
    QTest::newRow("scalars") << QByteArray(R"({"a":1,"b":"x","c":true,"d":null,"e":-1.5e3})")
                             << QByteArrayList { "a", "1", "b", "\"x\"", "c", "true", "d", "null", "e", "-1.5e3" };
    QTest::newRow("blanks are not part of a value") << QByteArray("{ \"a\" :\n 1 ,\r\n\t\"b\" : \"x\" }")
                                                    << QByteArrayList { "a", "1", "b", "\"x\"" };
    QTest::newRow("nested values stay whole") << QByteArray(R"({"a":{"b":[1,{"c":2}]},"d":[[],{}]})")
                                              << QByteArrayList { "a", R"({"b":[1,{"c":2}]})", "d", "[[],{}]" };
    QTest::newRow("brackets in strings mean nothing") << QByteArray(R"({"a":"}]{[,\"","b":["]",":"]})")
                                                      << QByteArrayList { "a", R"("}]{[,\"")", "b", R"(["]",":"])" };
    QTest::newRow("a backslash before the closing quote") << QByteArray(R"({"a":"\\","b":2})")
                                                          << QByteArrayList { "a", R"("\\")", "b", "2" };
    QTest::newRow("names are not unescaped") << QByteArray(R"({"a\"b":1})") << QByteArrayList { R"(a\"b)", "1" };
    QTest::newRow("an empty name") << QByteArray(R"({"":1})") << QByteArrayList { "", "1" };
    QTest::newRow("what follows the object does not matter") << QByteArray(R"({"a":1} {"b":2})") << QByteArrayList { "a", "1" };
}

void tst_JsonScan::findsMembers()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArrayList, expected);
    QByteArrayList found;
    for (const JsonMember &member : scanObject(text))
        found << member.name.toByteArray() << member.value.toByteArray();
    QCOMPARE(found, expected);
}

void tst_JsonScan::aMemberKnowsWhereItIs()
{
    const QByteArray text = R"( {"a" : 1, "b" : [2] })";
    const auto members = scanObject(text);
    QCOMPARE(members.size(), 2);
    QCOMPARE(text.sliced(members[0].begin, members[0].end - members[0].begin), QByteArray(R"("a" : 1)"));
    QCOMPARE(text.sliced(members[1].begin, members[1].end - members[1].begin), QByteArray(R"("b" : [2])"));
}

void tst_JsonScan::ofRepeatedNamesTheLastCounts()
{
    const QByteArray text = R"({"model":"a","stream":true,"model":"b"})";
    const auto members = scanObject(text);
    const JsonMember *model = findMember(members, "model");
    QVERIFY(model);
    QCOMPARE(model->value.toByteArray(), QByteArray("\"b\""));
    QVERIFY(!findMember(members, "Model"));
    QVERIFY(!findMember({}, "model"));
}

void tst_JsonScan::giveUpOnWhatIsNoObject_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("blanks") << QByteArray("  ");
    QTest::newRow("an array") << QByteArray("[1]");
    QTest::newRow("a number") << QByteArray("1");
    QTest::newRow("a name without quotes") << QByteArray("{a:1}");
    QTest::newRow("no colon") << QByteArray(R"({"a" 1})");
    QTest::newRow("no value") << QByteArray(R"({"a":)");
}

void tst_JsonScan::giveUpOnWhatIsNoObject()
{
    QFETCH(QByteArray, text);
    QVERIFY(scanObject(text).isEmpty());
}

void tst_JsonScan::everyPrefixIsSafe()
{
    // Copies of exact size, so that the address sanitizer sees a read behind the end.
    const QByteArray text = R"({"a":"x\"y\\","b":{"c":[1,"]\\\""]},"d" : tru)";
    for (qsizetype size = 0; size <= text.size(); ++size) {
        const std::unique_ptr<char[]> exact(new char[size_t(size)]);
        std::copy_n(text.constData(), size, exact.get());
        for (const JsonMember &member : scanObject(QByteArrayView(exact.get(), size)))
            QVERIFY(member.begin >= 0 && member.end <= size && member.begin < member.end);
    }
}

void tst_JsonScan::agreesWithAParser()
{
    const quint32 seed = qEnvironmentVariableIsSet("ASSISTIV_TEST_SEED") ? quint32(qEnvironmentVariableIntValue("ASSISTIV_TEST_SEED"))
                                                                         : QRandomGenerator::global()->generate();
    qInfo("seed: ASSISTIV_TEST_SEED=%u", seed);
    QRandomGenerator random(seed);
    const QString letters = u"ab\"\\{}[]:, \n\u00e9"_s;
    const auto word = [&] {
        QString text;
        for (int n = random.bounded(6); n > 0; --n)
            text += letters[random.bounded(int(letters.size()))];
        return text;
    };
    const auto value = [&](const auto &self, int depth) -> QJsonValue {
        switch (random.bounded(depth > 3 ? 3 : 5)) {
        case 0: return word();
        case 1: return random.bounded(-1000, 1000);
        case 2: return random.bounded(2) == 0;
        case 3: {
            QJsonArray array;
            for (int n = random.bounded(4); n > 0; --n)
                array.append(self(self, depth + 1));
            return array;
        }
        default: {
            QJsonObject object;
            for (int n = random.bounded(4); n > 0; --n)
                object.insert(word(), self(self, depth + 1));
            return object;
        }
        }
    };
    for (int i = 0; i < 2000; ++i) {
        QJsonObject object;
        for (int n = random.bounded(6); n > 0; --n)
            object.insert(word(), value(value, 0));
        const QByteArray text = QJsonDocument(object).toJson(i % 2 ? QJsonDocument::Compact : QJsonDocument::Indented);
        const auto members = scanObject(text);
        QCOMPARE(members.size(), object.size());
        for (const JsonMember &member : members) {
            const QByteArray alone = "{\"" + member.name.toByteArray() + "\":" + member.value.toByteArray() + "}";
            const QJsonObject one = QJsonDocument::fromJson(alone).object();
            QVERIFY2(one.size() == 1, alone.constData());
            QCOMPARE(one.begin().value(), object.value(one.begin().key()));
        }
    }
}

void tst_JsonScan::splices_data()
{
    QTest::addColumn<QList<Splice>>("changes");
    QTest::addColumn<QByteArray>("expected");
    QTest::newRow("nothing changes") << QList<Splice>() << QByteArray("abcdef");
    QTest::newRow("replace") << QList<Splice> { { 1, 3, "XYZ" } } << QByteArray("aXYZdef");
    QTest::newRow("insert") << QList<Splice> { { 2, 2, "-" } } << QByteArray("ab-cdef");
    QTest::newRow("remove") << QList<Splice> { { 0, 5, "" } } << QByteArray("f");
    QTest::newRow("several, touching each other") << QList<Splice> { { 0, 2, "1" }, { 2, 4, "2" }, { 6, 6, "3" } }
                                                  << QByteArray("12ef3");
    QTest::newRow("everything") << QList<Splice> { { 0, 6, "new" } } << QByteArray("new");
}

void tst_JsonScan::splices()
{
    QFETCH(QList<Splice>, changes);
    QTEST(spliced("abcdef", changes), "expected");
}

QTEST_APPLESS_MAIN(tst_JsonScan)
#include "tst_jsonscan.moc"
