// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/log.h"
#include "core/result.h"
#include "net/networks.h"
#include "services/rowexport.h"
#include "store/database.h"

#include <QtCore/QStringList>
#include <QtNetwork/QHostAddress>

#include <optional>

namespace assistiv {

enum class KeySource { Keychain, File, Environment, Passphrase };

/// What the program was asked to do, from the command line, the environment and settings.json, in this order
/// (docs/contract/headless-and-admin.md, "Program").
struct Options
{
    enum class Command { Serve, Verify, AdminKey, Backup, Restore, Migrate, Export, ShowText };
    Command command = Command::Serve;
    /// For ShowText: what to print on standard output before leaving with code 0.
    QString text;

    bool headless = false;
    bool demo = false;
    bool testClock = false;
    QString dataDir;
    bool dataDirWasGiven = false;
    QHostAddress host = QHostAddress::LocalHost;
    quint16 port = 8790;
    bool insecureListen = false;
    QString tlsCertFile;
    QString tlsKeyFile;
    QString publicBaseUrl;
    QString mcpBaseUrl;
    QString databaseUrl;
    /// By the command line or the environment, which win over settings.json.
    bool databaseWasGiven = false;
    int workers = 0;
    /// Where webhooks may go beside public addresses, and whether without TLS.
    Networks webhookNetworks;
    bool webhookHttp = false;
    bool fastWebhookRetries = false;
    KeySource keySource = KeySource::File;
    QString bootstrapFile;
    QString bootstrapOutFile;
    QString readyFile;
    LogFormat logFormat = LogFormat::Text;
    LogLevel logLevel = LogLevel::Info;
    bool json = false;
    bool rotate = false;

    /// For Backup and Restore, absolute.
    QString file;
    /// For Migrate: a PostgreSQL database, checked. Holds a password.
    QString toUrl;
    /// For Export: id or slug, and the rest.
    QString platform;
    ExportKind exportKind = ExportKind::Ledger;
    Timestamp since;
    ExportFormat format = ExportFormat::Csv;

    /// Reads everything; a ValidationError names the option and what is wrong with its value.
    static Result<Options> read(const QStringList &arguments);
};

/// Changes one member of settings.json in the data folder, or makes the file; complete or not at all, readable by its
/// owner only.
Result<void> changeSetting(const QString &dataDir, const QString &name, const QString &value);

/// Decided from argv before any application object exists: no GUI module is touched in headless mode.
bool wantsHeadless(const QStringList &arguments);

} // namespace assistiv
