// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "inference/inferenceparts.h"
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
    bool databaseHealthy = true;
    bool isShuttingDown = false;
    std::optional<Timestamp> lastVerifiedAt = {};
    std::optional<bool> lastVerifyOk = {};
    /// This process among the gateways on its database, and the others that are alive.
    QString nodeId = {};
    QList<NodeSeen> otherNodes = {};
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
