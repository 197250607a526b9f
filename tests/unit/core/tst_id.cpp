// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/id.h"

#include <QtCore/QSet>
#include <QtTest/QtTest>

#include <type_traits>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

static_assert(!std::is_convertible_v<PlatformId, EndUserId> && !std::is_constructible_v<PlatformId, EndUserId>,
              "ids of different things do not mix");

} // namespace

class tst_Id : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void createsRandomLowerCaseIds();
    void parses_data();
    void parses();
    void refuses_data();
    void refuses();
    void readsWhatIsStored();
};

void tst_Id::createsRandomLowerCaseIds()
{
    const QRegularExpression version4(u"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"_s);
    QSet<PlatformId> seen;
    for (int i = 0; i < 1000; ++i) {
        const PlatformId id = PlatformId::create();
        QVERIFY(!id.isNull());
        QVERIFY2(version4.match(id.toString()).hasMatch(), qPrintable(id.toString()));
        QCOMPARE(id.toLatin1(), id.toString().toLatin1());
        seen.insert(id);
    }
    QCOMPARE(seen.size(), 1000);
}

void tst_Id::parses_data()
{
    QTest::addColumn<QString>("text");
    QTest::newRow("lower case") << u"f47ac10b-58cc-4372-a567-0e02b2c3d479"_s;
    QTest::newRow("upper case is the same id") << u"F47AC10B-58CC-4372-A567-0E02B2C3D479"_s;
}

void tst_Id::parses()
{
    QFETCH(QString, text);
    const auto id = EndUserId::parse(text);
    QVERIFY(id);
    QCOMPARE(id->toString(), u"f47ac10b-58cc-4372-a567-0e02b2c3d479"_s);
}

void tst_Id::refuses_data()
{
    QTest::addColumn<QString>("text");
    QTest::newRow("nothing") << QString();
    QTest::newRow("a word") << u"acme"_s;
    QTest::newRow("braces") << u"{f47ac10b-58cc-4372-a567-0e02b2c3d479}"_s;
    QTest::newRow("no hyphens") << u"f47ac10b58cc4372a5670e02b2c3d479"_s;
    QTest::newRow("one letter short") << u"f47ac10b-58cc-4372-a567-0e02b2c3d47"_s;
    QTest::newRow("a letter that is no digit") << u"g47ac10b-58cc-4372-a567-0e02b2c3d479"_s;
    QTest::newRow("hyphens in wrong places") << u"f47ac10-b58cc-4372-a567-0e02b2c3d4790"_s;
    QTest::newRow("the null id") << u"00000000-0000-0000-0000-000000000000"_s;
    QTest::newRow("36 other characters") << QString(36, u'x');
    QTest::newRow("braces inside 36 characters") << u"{f47ac10b-58cc-4372-a567-0e02b2c3d4}"_s;
}

void tst_Id::refuses()
{
    QFETCH(QString, text);
    QVERIFY(!EndUserId::parse(text));
}

void tst_Id::readsWhatIsStored()
{
    const ModelId id = ModelId::create();
    QCOMPARE(ModelId::fromStored(id.toString()), id);
    QVERIFY(ModelId::fromStored(QString()).isNull());
    QVERIFY(ModelId().isNull());
    QVERIFY(ModelId() == ModelId::fromStored(QString()));
    QVERIFY(!(id == ModelId::create()));
}

QTEST_APPLESS_MAIN(tst_Id)
#include "tst_id.moc"
