// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/jsonwriter.h"
#include "engine/journal.h"
#include "engine/writer.h"
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "services/services.h"
#include "services/verify.h"

#include <QtCore/QCommandLineParser>
#include <QtCore/QCoreApplication>
#include <QtCore/QElapsedTimer>

#include <cstdio>

// How many settlements a second the writer commits: its thread and its group commit, the database as it is installed
// (SQLite with synchronous=FULL; PostgreSQL with the settings of its server), nothing else of the gateway. See README.md.

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

struct Options
{
    int settlements = 0;
    int inFlight = 0;
    int platforms = 0;
    int usersPerPlatform = 0;
};

/// Who pays for a call.
struct Payer
{
    PlatformId platform;
    EndUserId user;
    BudgetId budget;
    ApiKeyId key;
};

Settlement callOf(const Payer &payer, int number)
{
    Settlement s;
    s.id = LogRowId::create();
    s.platform = payer.platform;
    s.endUser = payer.user;
    s.budget = payer.budget;
    s.key = payer.key;
    s.requestId = RequestId::create().toLatin1();
    s.requestType = "chat.completion";
    s.provider = ProviderId::create();
    s.model = ModelId::create();
    s.modelSlug = "gpt-4o-mini";
    s.providerModelId = "gpt-4o-mini-2024-07-18";
    s.promptTokens = 25 + number % 100;
    s.completionTokens = 8 + number % 50;
    s.latencyMs = 400 + number % 1000;
    s.cost = Money::fromMicros(1 + number % 200);
    s.isBillable = true;
    s.countMethod = TokenCountMethod::Reported;
    // As long as the exchange of a chat completion writes it.
    JsonWriter metadata;
    metadata.beginObject().key("request_id").utf8(s.requestId).key("model").utf8(s.modelSlug).member("stream", true);
    metadata.member("first_token_ms", 180).member("attempt", 1).key("pricing").beginObject().member("version", 3);
    metadata.member("in_fresh", s.promptTokens).member("in_cached", 0).member("in_write", 0).member("in_write_long", 0);
    metadata.member("out_text", s.completionTokens).member("out_reasoning", 0).endObject().endObject();
    s.metadata = metadata.take();
    s.createdAt = Clock::system().now();
    return s;
}

/// Keeps so many calls waiting for their commit until enough were settled.
class Load final : public QObject
{
public:
    Load(Writer &writer, QList<Payer> payers, int total)
        : m_writer(writer), m_payers(std::move(payers)), m_total(total)
    {
    }

    void run(int inFlight)
    {
        for (int i = 0; i < qMin(inFlight, m_total); ++i)
            sendNext();
        QCoreApplication::exec();
    }
    int failures() const { return m_failures; }

private:
    void sendNext()
    {
        // A stride without a common divisor: neighbours in time are different users of different platforms.
        const int payer = int(qint64(m_sent) * 7919 % m_payers.size());
        m_writer.settle(callOf(m_payers[payer], m_sent++), this, [this](const Result<void> &done) { onSettled(done.ok()); });
    }

    void onSettled(bool isGood)
    {
        m_failures += !isGood;
        if (m_sent < m_total)
            sendNext();
        if (++m_settled == m_total)
            QCoreApplication::quit();
    }

    Writer &m_writer;
    const QList<Payer> m_payers;
    const int m_total;
    int m_sent = 0;
    int m_settled = 0;
    int m_failures = 0;
};

Result<QList<Payer>> makePayers(Services &services, const Options &options)
{
    QList<Payer> payers;
    for (int p = 0; p < options.platforms; ++p) {
        const auto platform = valueOf(services.platforms.create({ .name = u"Bench"_s, .slug = u"bench-%1"_s.arg(p) }));
        const PlatformId id = platform.platform.id;
        (void)valueOf(services.wallets.topUp(id, Money::fromMicros(900'000'000'000), {}, {}));
        for (int u = 0; u < options.usersPerPlatform; ++u) {
            const auto user = valueOf(services.endUsers.create(id, { .externalId = u"user-%1"_s.arg(u) }, {}));
            const BudgetDraft draft { .max = LargestAmount, .period = BudgetPeriod::Monthly, .lowBalanceThreshold = Money() };
            const auto opened = valueOf(services.budgets.create(id, user.user.id, draft, {}));
            payers.append({ id, user.user.id, opened.budget.id, user.key.key.id });
        }
    }
    return payers;
}

/// One line of result; false when the books are not right afterwards.
bool measure(Dialect dialect, const Options &options)
{
    ScratchDatabase scratch(dialect);
    Services services(scratch.context());
    const QList<Payer> payers = valueOf(scratch.attempt([&] { return makePayers(services, options); }));

    QTemporaryDir folder;
    AccountBook book;
    Journal journal(folder.filePath(u"journal"_s));
    Metrics metrics;
    Writer writer({ scratch.url(), Clock::system(), scratch.vault, book, journal, metrics, [](Services &) { } });
    mustSucceed(writer.start());
    Load load(writer, payers, options.settlements);
    const quint64 commitsBefore = book.committed();
    QElapsedTimer timer;
    timer.start();
    load.run(options.inFlight);
    const double seconds = double(timer.nsecsElapsed()) / 1e9;
    const auto batches = double(book.committed() - commitsBefore);
    writer.stop();

    std::printf("%s: %d settlements in %.2f s, %.0f per second, %.1f in a batch\n",
                dialect == Dialect::Sqlite ? "SQLite" : "PostgreSQL", options.settlements, seconds,
                options.settlements / seconds, options.settlements / batches);
    const auto report = valueOf(verifyBooks(scratch.db()));
    const qint64 logged = scratch.number(u"SELECT count(*) FROM request_logs"_s);
    if (report.ok() && logged == options.settlements && load.failures() == 0)
        return true;
    std::printf("the books are wrong: %lld calls logged, %d failed, %s\n", logged, load.failures(),
                report.toJson().constData());
    return false;
}

} // namespace

int main(int argc, char **argv)
{
    const QCoreApplication program(argc, argv);
    QCommandLineParser parser;
    parser.setApplicationDescription(u"Settlements per second through the writer alone. PostgreSQL is measured when "
                                     "ASSISTIV_TEST_POSTGRES names a server by its URL."_s);
    parser.addHelpOption();
    const QCommandLineOption settlements(u"settlements"_s, u"How many."_s, u"N"_s, u"100000"_s);
    const QCommandLineOption inFlight(u"in-flight"_s, u"So many wait for their commit at any time."_s, u"N"_s, u"512"_s);
    const QCommandLineOption platforms(u"platforms"_s, u"Platforms, each with its wallet."_s, u"N"_s, u"8"_s);
    const QCommandLineOption users(u"users"_s, u"Users of each platform, each with a budget."_s, u"N"_s, u"250"_s);
    const QCommandLineOption directory(u"directory"_s, u"Where the SQLite file is made: the disk decides what a commit costs."_s,
                                       u"DIR"_s, u"."_s);
    parser.addOptions({ settlements, inFlight, platforms, users, directory });
    parser.process(program);
    const auto count = [&](const QCommandLineOption &option) { return qMax(1, parser.value(option).toInt()); };
    const Options options { count(settlements), count(inFlight), count(platforms), count(users) };
    qputenv("TMPDIR", parser.value(directory).toLocal8Bit());

    bool isGood = measure(Dialect::Sqlite, options);
    if (qEnvironmentVariableIsSet("ASSISTIV_TEST_POSTGRES"))
        isGood = measure(Dialect::PostgreSql, options) && isGood;
    return isGood ? 0 : 1;
}
