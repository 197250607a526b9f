// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/journal.h"

#include <QtCore/QDir>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <csignal>
#include <sys/resource.h>

using namespace assistiv;
using namespace Qt::StringLiterals;

class tst_Journal : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsEverything();
    void skipsATornLine();
    void takesBackWhatDidNotFit();
    void keepsOnlyWhatIsNamed();
    void isNotEmptyWhenItCannotBeRead();

private:
    static Settlement settlement();
    QTemporaryDir m_dir;
};

Settlement tst_Journal::settlement()
{
    Settlement s;
    s.id = LogRowId::create();
    s.platform = PlatformId::create();
    s.endUser = EndUserId::create();
    s.budget = BudgetId::create();
    s.requestId = "r";
    s.requestType = "chat.completion";
    s.model = ModelId::create();
    s.modelSlug = "m\"\n\\";
    s.providerModelId = "id";
    s.promptTokens = 5;
    s.completionTokens = 6;
    s.latencyMs = 7;
    s.cost = Money::fromMicros(9'007'199'254'740'993); // more than a double holds
    s.isBillable = true;
    s.status = CallStatus::Cancelled;
    s.countMethod = TokenCountMethod::Estimated;
    s.errorMessage = "gone";
    s.metadata = R"({"a":"ü"})";
    s.createdAt = Timestamp::fromMs(1'700'000'000'123);
    return s;
}

void tst_Journal::keepsEverything()
{
    Journal journal(m_dir.filePath(u"all"_s));
    const Settlement first = settlement();
    const Settlement second = settlement();
    QVERIFY(journal.append(first));
    QVERIFY(journal.append(second));
    const auto found = Journal(m_dir.filePath(u"all"_s)).read();
    QVERIFY(found);
    const QList<Settlement> read = *found;
    QCOMPARE(read.size(), 2);
    QCOMPARE(journalLine(read[0]), journalLine(first));
    QCOMPARE(journalLine(read[1]), journalLine(second));
    QCOMPARE(read[0].cost, first.cost);
    QCOMPARE(read[0].metadata, first.metadata);
    QVERIFY(read[0].key.isNull());
}

void tst_Journal::skipsATornLine()
{
    const QString path = m_dir.filePath(u"torn"_s);
    Journal journal(path);
    const Settlement whole = settlement();
    QVERIFY(journal.append(whole));
    QFile file(path);
    QVERIFY(file.open(QIODevice::Append));
    file.write(journalLine(settlement()).first(40));
    file.close();
    const Settlement later = settlement();
    QVERIFY(journal.append(later));
    const auto found = journal.read();
    QVERIFY(found);
    const QList<Settlement> read = *found;
    QCOMPARE(read.size(), 2);
    QCOMPARE(read[0].id, whole.id);
    QCOMPARE(read[1].id, later.id);
    QVERIFY(QFile::exists(path + u".unreadable"_s));
}

void tst_Journal::takesBackWhatDidNotFit()
{
    const QString path = m_dir.filePath(u"full"_s);
    Journal journal(path);
    QVERIFY(journal.append(settlement()));
    const qint64 before = QFileInfo(path).size();

    // A disk with room for a part of the line.
    struct rlimit limit = {};
    QCOMPARE(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto oldHandler = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = limit;
    small.rlim_cur = rlim_t(before) + 20;
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const bool kept = journal.append(settlement());
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    std::signal(SIGXFSZ, oldHandler);

    QVERIFY(!kept);
    QCOMPARE(QFileInfo(path).size(), before);
    QVERIFY(journal.append(settlement()));
    const auto found = journal.read();
    QVERIFY(found);
    QCOMPARE(found->size(), 2);
    QVERIFY(!QFile::exists(path + u".unreadable"_s));
}

void tst_Journal::keepsOnlyWhatIsNamed()
{
    Journal journal(m_dir.filePath(u"cleared"_s));
    const Settlement stays = settlement();
    QVERIFY(journal.append(settlement()));
    QVERIFY(journal.append(stays));
    QCOMPARE(journal.waiting(), 2);
    journal.keepOnly({ stays });
    QCOMPARE(journal.waiting(), 1);
    const auto left = journal.read();
    QVERIFY(left && left->size() == 1);
    QCOMPARE(journalLine(left->constFirst()), journalLine(stays));
    journal.keepOnly({});
    QCOMPARE(journal.waiting(), 0);
    const auto none = journal.read();
    QVERIFY(none && none->isEmpty());
    QVERIFY(!QFile::exists(m_dir.filePath(u"cleared"_s)));
}

void tst_Journal::isNotEmptyWhenItCannotBeRead()
{
    // A folder in its place: like a file of somebody else it is there and cannot be opened.
    QVERIFY(QDir(m_dir.path()).mkdir(u"folder"_s));
    QVERIFY(!Journal(m_dir.filePath(u"folder"_s)).read());
}

QTEST_APPLESS_MAIN(tst_Journal)
#include "tst_journal.moc"
