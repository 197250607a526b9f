// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "webhooks/outbox.h"

#include <QtCore/QRegularExpression>
#include <QtCore/QSet>
#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Outbox : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void idsAreKsuids();
    void tellsAnEventOnce();
};

void tst_Outbox::idsAreKsuids()
{
    static const QRegularExpression form(u"^msg_[0-9A-Za-z]{27}$"_s);
    QSet<QByteArray> seen;
    for (int i = 0; i < 1000; ++i) {
        const QByteArray id = Outbox::newMessageId(Timestamp::fromMs(1'775'644'200'000));
        QVERIFY(form.match(QString::fromLatin1(id)).hasMatch());
        seen.insert(id);
    }
    QCOMPARE(seen.size(), 1000);
    // The known largest and smallest: all bits of 20 bytes, and none, are 27 characters of base 62.
    QVERIFY(Outbox::newMessageId(Timestamp::fromMs(1'400'000'000'000)).startsWith("msg_00000"));
    QVERIFY2(Outbox::newMessageId(Timestamp::fromMs(1'775'644'200'000)) < Outbox::newMessageId(Timestamp::fromMs(1'775'644'201'000)),
             "later ones sort behind");
}

void tst_Outbox::tellsAnEventOnce()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Outbox outbox(scratch.context());
    const WebhookMessage message { PlatformId::create(), {}, "budget.topped_up", "row:budget.topped_up", "{\"a\":\"ü'\"}",
                                   scratch.clock.now() };
    QVERIFY(scratch.attempt([&] { return outbox.append({ message }); }));
    const auto again = scratch.attempt([&] { return outbox.append({ message }); });
    QVERIFY(!again);
    QCOMPARE(again.error().code, ErrorCode::Conflict);
    QCOMPARE(scratch.number(u"SELECT count(*) FROM webhook_messages WHERE payload = '{\"a\":\"ü''\"}' AND end_user_id IS NULL"_s), 1);
}

QTEST_GUILESS_MAIN(tst_Outbox)
#include "tst_outbox.moc"
