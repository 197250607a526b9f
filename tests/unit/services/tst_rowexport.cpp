// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/rowexport.h"
#include "smallinstallation.h"

#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_RowExport : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }

    void walletRowsInFull();
    void ledgerRowsInFull();
    void logRowsInFull();
    void sinceIsInclusive();
    void portionsJoinWithoutGapOrRepeat_data();
    void portionsJoinWithoutGapOrRepeat();
    void onlyThePlatformsOwnRows();
    void whatIsBookedMeanwhileIsLeftOut();
    void theSinkMayHaveEnough();
    void cells_data();
    void cells();
    void platformsHaveTwoNames();

private:
    struct Exported
    {
        qint64 rows = 0;
        QByteArrayList lines;
    };
    static Exported exportAll(SmallInstallation &from, ExportKind kind, ExportFormat format, Timestamp since = {})
    {
        QByteArray text;
        const auto append = [&text](const QByteArray &more) {
            text += more;
            return true;
        };
        const qint64 rows = valueOf(exportRows(from.scratch.db(), kind, from.platform, since, format, append));
        const QByteArray end = format == ExportFormat::Csv ? "\r\n" : "\n";
        if (!text.isEmpty() && !text.endsWith(end))
            qFatal("a line without its end");
        text.chop(end.size());
        QByteArrayList lines;
        for (qsizetype at = 0; !text.isEmpty();) {
            const qsizetype next = text.indexOf(end, at);
            lines.append(text.mid(at, next < 0 ? -1 : next - at));
            if (next < 0)
                break;
            at = next + end.size();
        }
        return { rows, lines };
    }
};

void tst_RowExport::walletRowsInFull()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 1);
    const auto rows = valueOf(from.services.wallets.recent(from.platform));
    const WalletRow &call = rows.at(0);
    const WalletRow &topUp = rows.at(1);
    const auto csv = exportAll(from, ExportKind::Wallet, ExportFormat::Csv);
    QCOMPARE(csv.rows, 2);
    QCOMPARE(csv.lines.size(), 3);
    QCOMPARE(csv.lines[0],
             "id,platform_id,wallet_id,type,amount,balance_after,description,reference,metadata,created_at"_ba);
    QCOMPARE(csv.lines[1], topUp.id.toLatin1() + ',' + from.platform.toLatin1() + ',' + topUp.wallet.toLatin1()
                 + ",top_up,100.000000,100.000000,Invoice,,{},2026-04-08T10:30:00.000Z");
    QCOMPARE(csv.lines[2], call.id.toLatin1() + ',' + from.platform.toLatin1() + ',' + topUp.wallet.toLatin1()
                 + ",llm_usage,0.000001,99.999999,\"Inference: 7 tokens (a-model)\"," + call.reference.toLatin1()
                 + ",\"{\"\"end_user_id\"\":\"\"" + from.user.toLatin1()
                 + "\"\",\"\"model\"\":\"\"a-model\"\"}\",2026-04-08T10:30:00.000Z");
    const auto json = exportAll(from, ExportKind::Wallet, ExportFormat::JsonLines);
    QCOMPARE(json.lines.size(), 2);
    QCOMPARE(json.lines[0], "{\"id\":\"" + topUp.id.toLatin1() + "\",\"platform_id\":\"" + from.platform.toLatin1()
                 + "\",\"wallet_id\":\"" + topUp.wallet.toLatin1()
                 + "\",\"type\":\"top_up\",\"amount\":100.000000,\"balance_after\":100.000000,"
                   "\"description\":\"Invoice\",\"reference\":null,\"metadata\":{},"
                   "\"created_at\":\"2026-04-08T10:30:00.000Z\"}");
}

void tst_RowExport::ledgerRowsInFull()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 1);
    (void)valueOf(from.scratch.attempt([&] {
        return from.services.budgets.topUp(from.platform, from.user, Money::fromMicros(2'500'000),
                                           { .reason = u"Paid, \"twice\""_s }, consoleActor(u"key-1"_s));
    }));
    const auto csv = exportAll(from, ExportKind::Ledger, ExportFormat::Csv);
    QCOMPARE(csv.lines.size(), 4);
    QCOMPARE(csv.lines[0], "id,platform_id,end_user_id,budget_id,type,source,amount_usd,max_usd_after,used_usd_after,"
                           "remaining_usd_after,reason,metadata,idempotency_key,created_at"_ba);
    const QByteArray ids = from.platform.toLatin1() + ',' + from.user.toLatin1() + ',' + from.budget.toLatin1();
    QVERIFY(csv.lines[1].sliced(37).startsWith(ids + ",opening,console,10.000000,10.000000,0.000000,10.000000,"));
    QVERIFY(csv.lines[2].sliced(37).startsWith(ids + ",debit,inference,0.000001,10.000000,0.000001,9.999999,"));
    QCOMPARE(csv.lines[3].sliced(37), ids + ",topup,console,2.500000,12.500000,0.000001,12.499999,"
                                            "\"Paid, \"\"twice\"\"\",{},key-1,2026-04-08T10:30:00.000Z");
    const auto json = exportAll(from, ExportKind::Ledger, ExportFormat::JsonLines);
    const QJsonObject row = QJsonDocument::fromJson(json.lines[2]).object();
    QCOMPARE(row.value(u"reason"_s).toString(), u"Paid, \"twice\""_s);
    QVERIFY(json.lines[2].contains("\"remaining_usd_after\":12.499999,"));
    QVERIFY(QJsonDocument::fromJson(json.lines[1]).object().value(u"metadata"_s).toObject().contains(u"log_id"_s));
}

void tst_RowExport::logRowsInFull()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 2);
    const LogRow log = *valueOf(from.services.callLog.newest(from.platform));
    const auto csv = exportAll(from, ExportKind::Logs, ExportFormat::Csv);
    QCOMPARE(csv.lines.size(), 3);
    QCOMPARE(csv.lines[0], "id,platform_id,end_user_id,request_type,provider_id,model_id,provider_model_id,"
                           "prompt_tokens,completion_tokens,total_tokens,latency_ms,estimated_cost_usd,status,"
                           "error_message,token_count_method,billing_status,metadata,created_at"_ba);
    QCOMPARE(csv.lines[2], log.id.toLatin1() + ',' + from.platform.toLatin1() + ',' + from.user.toLatin1()
                 + ",chat.completion,,,a-model,3,4,7,0,0.000002,success,,reported,billed,"
                   "\"{\"\"model\"\":\"\"a-model\"\"}\",2026-04-08T10:30:00.000Z");
    const auto json = exportAll(from, ExportKind::Logs, ExportFormat::JsonLines);
    QVERIFY(json.lines[1].contains("\"estimated_cost_usd\":\"0.000002\""));
    QVERIFY(json.lines[1].contains("\"provider_id\":null"));
    QVERIFY(json.lines[1].contains("\"total_tokens\":7,"));
}

void tst_RowExport::sinceIsInclusive()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 0);
    const Timestamp start = from.scratch.clock.now();
    from.makeCalls(3, 1);
    for (const ExportKind kind : { ExportKind::Logs, ExportKind::Wallet, ExportKind::Ledger }) {
        QCOMPARE(exportAll(from, kind, ExportFormat::JsonLines, start.plusMs(2)).rows, 2);
        QCOMPARE(exportAll(from, kind, ExportFormat::JsonLines, start.plusMs(4)).rows, 0);
        QCOMPARE(exportAll(from, kind, ExportFormat::JsonLines, start.plusMs(4)).lines.size(), 0);
        QCOMPARE(exportAll(from, kind, ExportFormat::Csv, start.plusMs(4)).lines.size(), 1);
    }
}

void tst_RowExport::portionsJoinWithoutGapOrRepeat_data()
{
    QTest::addColumn<int>("calls");
    QTest::addColumn<int>("stepMs");
    QTest::newRow("one portion exactly") << 500 << 1;
    QTest::newRow("several, all of one moment") << 1201 << 0;
    QTest::newRow("several, each of its own moment") << 1201 << 1;
    QTest::newRow("several, backwards in time") << 1201 << -1;
}

void tst_RowExport::portionsJoinWithoutGapOrRepeat()
{
    QFETCH(int, calls);
    QFETCH(int, stepMs);
    SmallInstallation from(ScratchDatabase::currentDialect(), 0);
    from.makeCalls(calls, stepMs);
    for (const ExportKind kind : { ExportKind::Logs, ExportKind::Wallet, ExportKind::Ledger }) {
        const auto exported = exportAll(from, kind, ExportFormat::JsonLines);
        QSet<QString> ids;
        QList<Timestamp> moments;
        for (const QByteArray &line : exported.lines) {
            const QJsonObject row = QJsonDocument::fromJson(line).object();
            ids.insert(row.value(u"id"_s).toString());
            moments.append(*Timestamp::parse(row.value(u"created_at"_s).toString()));
        }
        const qint64 others = kind == ExportKind::Logs ? 0 : 1; // the top-up, or the opening
        QCOMPARE(exported.rows, calls + others);
        QCOMPARE(ids.size(), calls + others);
        if (kind == ExportKind::Logs || stepMs >= 0)
            QVERIFY(std::ranges::is_sorted(moments));
    }
}

void tst_RowExport::onlyThePlatformsOwnRows()
{
    SmallInstallation from(ScratchDatabase::currentDialect());
    const PlatformId other =
        valueOf(from.scratch.attempt([&] {
            return from.services.platforms.create({ u"Other"_s, u"other"_s });
        })).platform.id;
    (void)valueOf(from.scratch.attempt(
        [&] { return from.services.wallets.topUp(other, Money::fromMicros(1), u"x"_s, consoleActor()); }));
    QCOMPARE(exportAll(from, ExportKind::Wallet, ExportFormat::JsonLines).rows, 21);
    from.platform = other;
    QCOMPARE(exportAll(from, ExportKind::Wallet, ExportFormat::JsonLines).rows, 1);
    QCOMPARE(exportAll(from, ExportKind::Logs, ExportFormat::JsonLines).rows, 0);
    QCOMPARE(exportAll(from, ExportKind::Ledger, ExportFormat::JsonLines).rows, 0);
}

void tst_RowExport::whatIsBookedMeanwhileIsLeftOut()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 600);
    // A gateway under load books faster than anybody exports: it must come to an end all the same.
    int portions = 0;
    const auto bookMore = [&](const QByteArray &) {
        from.makeCalls(600);
        return ++portions < 10;
    };
    const qint64 rows = valueOf(exportRows(from.scratch.db(), ExportKind::Logs, from.platform, {},
                                           ExportFormat::JsonLines, bookMore));
    QCOMPARE(rows, 600);
    QCOMPARE(portions, 2);
}

void tst_RowExport::theSinkMayHaveEnough()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 700);
    for (const int most : { 1, 2 }) {
        int pieces = 0;
        (void)valueOf(exportRows(from.scratch.db(), ExportKind::Logs, from.platform, {}, ExportFormat::Csv,
                                 [&](const QByteArray &) { return ++pieces < most; }));
        QCOMPARE(pieces, most);
    }
}

void tst_RowExport::cells_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QByteArray>("cell");
    QTest::newRow("plain") << u"Invoice-42"_s << "Invoice-42"_ba;
    QTest::newRow("empty") << u""_s << ""_ba;
    QTest::newRow("comma") << u"a,b"_s << "\"a,b\""_ba;
    QTest::newRow("quotes") << u"a \"b\""_s << "\"a \"\"b\"\"\""_ba;
    QTest::newRow("semicolon, the separator of other spreadsheets") << u"a;=1"_s << "\"a;=1\""_ba;
    QTest::newRow("other letters") << u"Zahlung_für_漢😀"_s << u"Zahlung_für_漢😀"_s.toUtf8();
    QTest::newRow("formula") << u"=1+1"_s << "'=1+1"_ba;
    QTest::newRow("formula that must be quoted, too") << u"=HYPERLINK(\"x\")"_s << "\"'=HYPERLINK(\"\"x\"\")\""_ba;
    QTest::newRow("plus") << u"+1"_s << "'+1"_ba;
    QTest::newRow("minus") << u"-1"_s << "'-1"_ba;
    QTest::newRow("at") << u"@SUM"_s << "'@SUM"_ba;
    QTest::newRow("tab") << u"\t=1"_s << "\"'\t=1\""_ba;
    QTest::newRow("an apostrophe of its own") << u"'quoted'"_s << "''quoted'"_ba;
    QTest::newRow("sign inside") << u"a=b"_s << "a=b"_ba;
}

void tst_RowExport::cells()
{
    QFETCH(QString, text);
    QFETCH(QByteArray, cell);
    SmallInstallation from(ScratchDatabase::currentDialect(), 0);
    (void)valueOf(from.scratch.attempt([&] {
        return from.services.wallets.adjust(from.platform, WalletRowType::Adjustment, Money::fromMicros(-3), text,
                                            consoleActor());
    }));
    const auto csv = exportAll(from, ExportKind::Wallet, ExportFormat::Csv);
    // A negative number is a number, and stays one.
    QVERIFY2(csv.lines[2].contains(",adjustment,-0.000003,99.999997," + cell + ",,{},"), csv.lines[2].constData());
    const auto json = exportAll(from, ExportKind::Wallet, ExportFormat::JsonLines);
    QCOMPARE(QJsonDocument::fromJson(json.lines[1]).object().value(u"description"_s).toString(), text);
}

void tst_RowExport::platformsHaveTwoNames()
{
    SmallInstallation from(ScratchDatabase::currentDialect(), 0);
    Database &db = from.scratch.db();
    QVERIFY(valueOf(platformNamed(db, u"acme"_s)) == from.platform);
    QVERIFY(valueOf(platformNamed(db, from.platform.toString())) == from.platform);
    QCOMPARE(platformNamed(db, u"nobody"_s).error().code, ErrorCode::PlatformNotFound);
    QCOMPARE(platformNamed(db, PlatformId::create().toString()).error().code, ErrorCode::PlatformNotFound);
    // A slug may look like an id.
    const QString odd = PlatformId::create().toString();
    const auto other = valueOf(from.scratch.attempt([&] { return from.services.platforms.create({ u"Odd"_s, odd }); }));
    QVERIFY(valueOf(platformNamed(db, odd)) == other.platform.id);
}

QTEST_GUILESS_MAIN(tst_RowExport)
#include "tst_rowexport.moc"
