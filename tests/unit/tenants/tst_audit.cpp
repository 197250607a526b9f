// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "tenants/audit.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Audit : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void listsNewestFirst();
};

void tst_Audit::listsNewestFirst()
{
    ScratchDatabase scratch(ScratchDatabase::currentDialect());
    Audit audit(scratch.context());
    QCOMPARE(audit.list(0, 20)->total, 0);
    QVERIFY(audit.note(u"key"_s, "platform.create"_L1, u"p1"_s, "{\"slug\":\"acme\"}"));
    QVERIFY(audit.note(u"console"_s, "backup"_L1, {}));
    const auto found = audit.list(0, 1);
    QCOMPARE(found->total, 2);
    QCOMPARE(found->rows.size(), 1);
    QCOMPARE(found->rows.constFirst().actor, u"console"_s);
    QVERIFY(found->rows.constFirst().target.isEmpty());
    const AuditEntry oldest = audit.list(1, 1)->rows.constFirst();
    QCOMPARE(oldest.action, u"platform.create"_s);
    QCOMPARE(oldest.target, u"p1"_s);
    QCOMPARE(oldest.details, QByteArray("{\"slug\":\"acme\"}"));
    QCOMPARE(oldest.createdAt, scratch.clock.now());
}

QTEST_GUILESS_MAIN(tst_Audit)
#include "tst_audit.moc"
