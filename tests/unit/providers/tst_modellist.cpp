// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/modellist.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

/// Lists of models as providers write them, and what is none.
class tst_ModelList : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void readsLists_data();
    void readsLists();
    void refusesTheRest_data();
    void refusesTheRest();
};

void tst_ModelList::readsLists_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QStringList>("ids");
    QTest::newRow("OpenAI's") << R"({"object":"list","data":[{"id":"gpt-x","object":"model"},{"id":"o9"}]})"_ba
                              << QStringList { u"gpt-x"_s, u"o9"_s };
    QTest::newRow("Anthropic's") << R"({"data":[{"type":"model","id":"claude-x","display_name":"X"}],"has_more":false})"_ba
                                 << QStringList { u"claude-x"_s };
    QTest::newRow("Google's") << R"({"models":[{"name":"models/gemini-x"},{"name":"tuned"}],"nextPageToken":"t"})"_ba
                              << QStringList { u"gemini-x"_s, u"tuned"_s };
    QTest::newRow("both members") << R"({"data":[{"id":"a"}],"models":[{"name":"models/b"}]})"_ba << QStringList { u"a"_s };
    QTest::newRow("an empty one") << R"({"data":[]})"_ba << QStringList();
    QTest::newRow("a name of a byte-order mark") << "{\"data\":[{\"id\":\"\xef\xbb\xbf\"},{\"id\":\"a\"}]}"_ba << QStringList { u"a"_s };
    QTest::newRow("entries that are none") << R"({"data":[7,null,{},{"id":7},{"id":""},{"id":"a"}]})"_ba << QStringList { u"a"_s };
}

void tst_ModelList::readsLists()
{
    QFETCH(QByteArray, body);
    const auto ids = modelIdsIn(body);
    QVERIFY(ids);
    QTEST(*ids, "ids");
}

void tst_ModelList::refusesTheRest_data()
{
    QTest::addColumn<QByteArray>("body");
    for (const char *body : { "", "<html>", "[]", "7", "{}", R"({"data":null})", R"({"data":{}})", R"({"models":"a"})", R"({"data":[)" })
        QTest::newRow(body) << QByteArray(body);
}

void tst_ModelList::refusesTheRest()
{
    QFETCH(QByteArray, body);
    QVERIFY(!modelIdsIn(body));
}

QTEST_GUILESS_MAIN(tst_ModelList)
#include "tst_modellist.moc"
