// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/endpoints/backup.h"

#include "core/jsonwriter.h"
#include "http/errorbody.h"
#include "services/services.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

QByteArray backupJson(const QString &name, const Backup &backup)
{
    JsonWriter json;
    json.beginObject().member("file", name).member("bytes", backup.bytes).member("rows", backup.rows);
    return json.member("created_at", backup.createdAt).endObject().take();
}

// The program chooses the name and the folder: an admin key must not be able to write anywhere else.
void makeBackup(const DirectCall &call)
{
    WorkerParts &worker = call.worker;
    const QString name = worker.backups.nameOf(worker.inference.clock.now());
    // Noted first: a copy of everything must not exist without a trace. It holds its own entry.
    worker.doors.write(
        &call.exchange,
        [actor = call.caller.key.toString(), name](Services &services) {
            return services.audit.note(actor, "backup.create"_L1, name);
        },
        [exchange = QPointer(&call.exchange), &backups = worker.backups, name](const Result<void> &noted) {
            if (!noted)
                return replyError(*exchange, noted.error());
            backups.make(name, exchange, [exchange, name](const Result<Backup> &backup) {
                backup ? exchange->reply(200, backupJson(name, *backup)) : replyError(*exchange, backup.error());
            });
        });
}

} // namespace

QList<RouteTable::Entry> backupRoutes()
{
    return { { HttpMethod::Post, "/v1/admin/backup", RequiredKey::Admin, makeBackup } };
}

} // namespace assistiv
