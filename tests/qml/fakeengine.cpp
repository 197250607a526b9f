// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fakeengine.h"

namespace assistiv::console {

FakeEngine::FakeEngine(QObject *parent) : ConsoleEngine(parent) { }

void FakeEngine::release(int index)
{
    m_held.takeAt(index)();
}

void FakeEngine::readServer(QObject *asker, Done<ServerStatus> done)
{
    const QString question = QStringLiteral("readServer");
    answer(question, asker, std::move(done), outcome(question, server));
}

void FakeEngine::startServer(QObject *asker, quint16 port, Done<void> done)
{
    startPorts += port;
    const QString question = QStringLiteral("startServer");
    answer(question, asker, std::move(done), outcome(question));
}

void FakeEngine::stopServer(QObject *asker, bool now, Done<void> done)
{
    const QString question = now ? QStringLiteral("stopServerNow") : QStringLiteral("stopServer");
    answer(question, asker, std::move(done), outcome(question));
}

void FakeEngine::restartServer(QObject *asker, Done<void> done)
{
    const QString question = QStringLiteral("restartServer");
    answer(question, asker, std::move(done), outcome(question));
}

void FakeEngine::listPlatforms(QObject *asker, Done<QList<PlatformSummary>> done)
{
    const QString question = QStringLiteral("listPlatforms");
    answer(question, asker, std::move(done), outcome(question, platforms));
}

void FakeEngine::createPlatform(QObject *asker, const NewPlatform &platform, Done<CreatedPlatform> done)
{
    newPlatforms += platform;
    const QString question = QStringLiteral("createPlatform");
    answer(question, asker, std::move(done), outcome(question, createdPlatform));
}

void FakeEngine::readSetUp(QObject *asker, PlatformId, Done<SetUpProgress> done)
{
    const QString question = QStringLiteral("readSetUp");
    answer(question, asker, std::move(done), outcome(question, progress));
}

void FakeEngine::listProviders(QObject *asker, PlatformId, Done<QList<ProviderSummary>> done)
{
    const QString question = QStringLiteral("listProviders");
    answer(question, asker, std::move(done), outcome(question, providers));
}

void FakeEngine::testProviderKey(QObject *asker, ProviderId, const QString &, Done<KeyTest> done)
{
    const QString question = QStringLiteral("testProviderKey");
    answer(question, asker, std::move(done), outcome(question, keyTest));
}

void FakeEngine::addProviderKey(QObject *asker, const NewProviderKey &key, Done<AddedProviderKey> done)
{
    newKeys += key;
    const QString question = QStringLiteral("addProviderKey");
    answer(question, asker, std::move(done), outcome(question, addedKey));
}

void FakeEngine::useEchoModel(QObject *asker, PlatformId, Done<AddedProviderKey> done)
{
    const QString question = QStringLiteral("useEchoModel");
    answer(question, asker, std::move(done), outcome(question, addedKey));
}

void FakeEngine::readWallet(QObject *asker, PlatformId, Done<WalletState> done)
{
    const QString question = QStringLiteral("readWallet");
    answer(question, asker, std::move(done), outcome(question, wallet));
}

void FakeEngine::topUpWallet(QObject *asker, const WalletTopUp &topUp, Done<WalletBooking> done)
{
    topUps += topUp;
    const QString question = QStringLiteral("topUpWallet");
    answer(question, asker, std::move(done), outcome(question, booking));
}

void FakeEngine::findTopUp(QObject *asker, PlatformId, const QString &, Done<std::optional<WalletBooking>> done)
{
    const QString question = QStringLiteral("findTopUp");
    answer(question, asker, std::move(done), outcome(question, foundTopUp));
}

void FakeEngine::createEndUser(QObject *asker, const NewEndUser &endUser, Done<CreatedEndUser> done)
{
    newEndUsers += endUser;
    const QString question = QStringLiteral("createEndUser");
    answer(question, asker, std::move(done), outcome(question, createdEndUser));
}

void FakeEngine::createEndUserKey(QObject *asker, PlatformId, EndUserId, Done<CreatedEndUser> done)
{
    const QString question = QStringLiteral("createEndUserKey");
    answer(question, asker, std::move(done), outcome(question, createdEndUser));
}

void FakeEngine::readOverview(QObject *asker, PlatformId, OverviewRange range, Done<OverviewFigures> done)
{
    ranges += range;
    const QString question = QStringLiteral("readOverview");
    answer(question, asker, std::move(done), outcome(question, figures));
}

void FakeEngine::latestRequest(QObject *asker, PlatformId, qint64, Done<std::optional<RequestRow>> done)
{
    const QString question = QStringLiteral("latestRequest");
    answer(question, asker, std::move(done), outcome(question, latest));
}

} // namespace assistiv::console
