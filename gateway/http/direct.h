// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/testclock.h"
#include "inference/inferenceparts.h"
#include "services/backup.h"
#include "services/doors.h"

namespace assistiv {

/// Another gateway on the same database.
struct NodeSeen
{
    QString id;
    Timestamp lastHeardAt;
};

/// What the engine tells about itself; every number is read when it is asked for.
struct EngineStatus
{
    QString version;
    QString origin;
    QString databaseKind;
    QString databaseName;
    qint64 databaseBytes = 0;
    qint64 uptimeMs = 0;
    bool isServing = false;
    int workers = 0;
    int callsInFlight = 0;
    int connections = 0;
    qint64 writerQueue = 0;
    qint64 journalEntries = 0;
    qint64 webhookBacklog = 0;
    bool databaseHealthy = true;
    bool isShuttingDown = false;
    QList<Cooldowns::Cooling> cooling = {};
    std::optional<Timestamp> lastVerifiedAt = {};
    std::optional<bool> lastVerifyOk = {};
    /// This process among the gateways on its database, and the others that are alive.
    QString nodeId = {};
    QList<NodeSeen> otherNodes = {};
};

/// Makes backups of the running gateway's database. Thread-safe.
class Backups
{
public:
    virtual ~Backups() = default;

    /// The name of a backup that is begun at this moment, in the folder that holds them.
    virtual QString nameOf(Timestamp moment) const = 0;
    /// done comes on the calling thread, and only if the asker still exists; the backup is made all the same. Conflict
    /// while another one is being made.
    virtual void make(const QString &name, QObject *asker, std::function<void(Result<Backup>)> done) = 0;
};

/// The parts of a worker that the endpoints use which answer without going through one of the doors first.
struct WorkerParts
{
    InferenceParts &inference;
    Doors &doors;
    /// Owner of the exchanges that are started.
    QObject &worker;
    /// Thread-safe.
    std::function<EngineStatus()> status;
    std::function<void(bool ok)> noteVerify;
    const Metrics &metrics;
    /// Null unless the gateway was started with --test-clock.
    TestClock *testClock = nullptr;
    /// Does at once what is due by now. Thread-safe.
    std::function<void()> keepHouse;
    Backups &backups;
};

struct DirectCall
{
    HttpExchange &exchange;
    Caller caller;
    QByteArray keyHash;
    QByteArrayList pathValues;
    WorkerParts &worker;
};

/// An endpoint that answers from memory, or in its own time.
using DirectFunction = void (*)(const DirectCall &call);

} // namespace assistiv
