// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fuzz/checks.h"

#include <QtCore/QCommandLineParser>
#include <QtCore/QCoreApplication>
#include <QtCore/QElapsedTimer>

#include <cstdio>

using namespace assistiv;
using namespace Qt::StringLiterals;

// Changes the golden cases (tests/golden/README.md) at random and checks what must be true of any input. The same seed does
// the same; build it with the preset "asan" to find more.
int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCommandLineParser options;
    options.addHelpOption();
    options.addOption({ u"seconds"_s, u"How long to go on."_s, u"n"_s, u"5"_s });
    options.addOption({ u"seed"_s, u"Where to begin (default: ASSISTIV_TEST_SEED, else a random number)."_s, u"n"_s });
    options.addOption({ u"rounds"_s, u"Stop after so many rounds."_s, u"n"_s, u"-1"_s });
    options.process(app);

    const bool isGiven = options.isSet(u"seed"_s);
    const QString chosen = isGiven ? options.value(u"seed"_s) : qEnvironmentVariable("ASSISTIV_TEST_SEED");
    const quint64 first = chosen.isEmpty() ? std::random_device()() : chosen.toULongLong();
    const qint64 limitMs = options.value(u"seconds"_s).toLongLong() * 1000;
    const qint64 mostRounds = options.value(u"rounds"_s).toLongLong();
    // Known even when the round never ends.
    std::printf("seed %llu\n", static_cast<unsigned long long>(first));
    std::fflush(stdout);

    fuzz::Checks checks(golden::allCases(QStringLiteral(GOLDEN_FOLDER)));
    QElapsedTimer timer;
    timer.start();
    qint64 slowestMs = 0;
    qint64 round = 0;
    for (; timer.elapsed() < limitMs && round != mostRounds; ++round) {
        // Each round has its own, so that one alone can be repeated: --seed <its number> --rounds 1.
        const quint64 seed = first + quint64(round);
        fuzz::Mutator mutator(seed);
        const qint64 startedMs = timer.elapsed();
        if (const QString wrong = checks.run(mutator); !wrong.isEmpty()) {
            std::printf("seed %llu: %s\n%s\n", static_cast<unsigned long long>(seed), qPrintable(wrong),
                        checks.input().left(4000).constData());
            return 1;
        }
        slowestMs = qMax(slowestMs, timer.elapsed() - startedMs);
    }
    std::printf("%lld rounds, the slowest took %lld ms\n", static_cast<long long>(round),
                static_cast<long long>(slowestMs));
    return round > 0 ? 0 : 1;
}
