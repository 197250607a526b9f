// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commandparts.h"
#include "app/commands.h"
#include "app/instancelock.h"
#include "app/masterkey.h"
#include "core/os.h"
#include "core/vault.h"
#include "engine/journal.h"
#include "services/backup.h"
#include "services/restore.h"
#include "services/transfer.h"

#include <QtCore/QCoreApplication>
#include <QtCore/QDir>
#include <QtCore/QFileInfo>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

void say(const QString &line)
{
    std::printf("%s\n", qUtf8Printable(line));
}

/// Until the process is asked to end; what was begun is then taken back.
GoOn untilTermination()
{
    return [&asked = os::terminationFlag()] { return !asked; };
}

/// A link leads to where the file is: that is what gets a second name and is replaced.
DatabaseUrl resolved(DatabaseUrl url)
{
    const QString real = url.dialect == Dialect::Sqlite ? QFileInfo(url.name).canonicalFilePath() : QString();
    if (!real.isEmpty())
        url.name = real;
    return url;
}

/// Where the master key is by --key-source; empty when it is in no file.
QString masterKeyFile(const Options &options)
{
    switch (options.keySource) {
    case KeySource::File: return u"master.key"_s;
    case KeySource::Passphrase: return u"master.key.sealed"_s;
    case KeySource::Keychain:
    case KeySource::Environment: break;
    }
    return {};
}

/// Id of the installation's master key; empty when there is none yet, or when asking needs an event loop (keychain).
Result<QString> presentMasterKeyId(const Options &options)
{
    const QString file = masterKeyFile(options);
    if (options.keySource == KeySource::Keychain || (!file.isEmpty() && !QDir(options.dataDir).exists(file)))
        return QString();
    Result<QString> id = QString();
    // With an id that is known, no key is made.
    MasterKey::obtain(options.keySource, options.dataDir, u"known"_s, QCoreApplication::instance(),
                      [&id](const Result<QByteArray> &key) {
                          id = key ? Result<QString>(QString::fromLatin1(Vault(*key).keyId())) : key.error();
                      });
    return id;
}

/// A database that its own installation cannot open is better refused now than at the next start.
Result<void> checkMasterKey(const Options &options, const QString &wanted)
{
    if (wanted.isEmpty())
        return {};
    const auto present = presentMasterKeyId(options);
    if (!present)
        return present.error();
    if (present->isEmpty()) {
        say(u"The backup needs the master key with the id %1; put it in place before the next start."_s.arg(wanted));
        return {};
    }
    if (*present == wanted)
        return {};
    return Error { ErrorCode::Conflict, u"The backup belongs to the master key with the id %1, but the one of this "
                                        "installation is %2. Put the backup's master key in place first; nothing was "
                                        "changed."_s.arg(wanted, *present) };
}

/// Calls that the replaced database did not take are part of what is kept, not of what was restored.
void keepJournal(const Options &options, const QString &suffix)
{
    const QString journal = Journal::pathIn(options.dataDir);
    if (!QFileInfo::exists(journal))
        return;
    if (os::moveToNewName(journal, journal + suffix))
        say(u"Its unbilled calls are kept as %1."_s.arg(journal + suffix));
    else
        complain(u"%1 could not be renamed; the next start bills its calls in the restored books."_s.arg(journal));
}

} // namespace

int runBackup(const Options &options)
{
    const auto url = databaseOf(options);
    if (!url)
        return complain(url.error().message);
    const auto backup = writeBackup(*url, options.file, Clock::system(), untilTermination());
    if (!backup)
        return complain(backup.error().message);
    say(u"%1: %2 rows, %3 bytes."_s.arg(backup->file).arg(backup->rows).arg(backup->bytes));
    say(u"It holds provider keys sealed with the master key, but not the master key itself: keep that elsewhere."_s);
    say(u"settings.json is not in it either."_s);
    if (const QString journal = Journal::pathIn(options.dataDir); QFileInfo::exists(journal))
        say(u"Nor is %1, with calls that are not billed yet."_s.arg(journal));
    return 0;
}

int runRestore(const Options &options)
{
    if (!os::makePrivateFolder(options.dataDir))
        return complain(u"The data folder %1 cannot be made."_s.arg(options.dataDir));
    InstanceLock lock(options.dataDir);
    if (const auto taken = lock.take(); !taken)
        return complain(taken.error().message + u" Stop it before restoring."_s);
    const auto given = DatabaseUrl::parse(options.databaseUrl, options.dataDir);
    if (!given)
        return complain(given.error().message);
    const DatabaseUrl url = resolved(*given);
    const bool isSqlite = url.dialect == Dialect::Sqlite;

    // Beside the database, so that it can take its name in one step.
    const QString base = isSqlite ? url.name : QDir(options.dataDir).filePath(u"postgresql.db"_s);
    if (base == options.file)
        return complain(u"%1 is the database itself."_s.arg(base));
    NewSqliteFile candidate(base + u".restoring"_s);
    candidate.removeLeftover();
    const GoOn goOn = untilTermination();
    const auto ready = prepareRestore(options.file, candidate, goOn);
    if (!ready)
        return complain(ready.error().message);
    if (const auto fits = checkMasterKey(options, ready->masterKeyId); !fits)
        return complain(fits.error().message);

    const QString suffix = u".before-restore-"_s + fileStamp(Clock::system().now());
    const auto replaced = isSqlite ? replaceSqliteDatabase(candidate, url.name, base + suffix)
                                   : replacePostgresContents(candidate, url, base + suffix, Clock::system(), goOn);
    if (!replaced)
        return complain(replaced.error().message);
    say(u"Restored %1 rows; the books balance."_s.arg(ready->rows));
    if (*replaced)
        say(u"What was there before is kept as %1."_s.arg(base + suffix));
    keepJournal(options, suffix);
    return 0;
}

int runMigrate(const Options &options)
{
    const auto target = DatabaseUrl::parse(options.toUrl, options.dataDir);
    if (!target)
        return complain(target.error().message);
    InstanceLock lock(options.dataDir);
    if (const auto taken = lock.take(); !taken)
        return complain(taken.error().message + u" Stop it before moving its data."_s);
    const auto source = databaseOf(options);
    if (!source)
        return complain(source.error().message);
    if (source->dialect != Dialect::Sqlite)
        return complain(u"The data is in PostgreSQL already: %1."_s.arg(source->display()));
    // Looked at first: a place that cannot be used must leave everything as it was.
    const auto to = Database::open(*target, Database::Access::ReadWrite);
    if (!to)
        return complain(to.error().message);
    const auto from = Database::open(*source, Database::Access::ReadWrite);
    if (!from)
        return complain(from.error().message);
    const auto rows = moveInto(**from, **to, untilTermination());
    if (!rows)
        return complain(u"The data was not moved: "_s + rows.error().message);
    if (const auto switched = changeSetting(options.dataDir, u"database"_s, options.toUrl); !switched)
        return complain(switched.error().message);
    say(u"%1 rows are in %2 now; the books balance there."_s.arg(*rows).arg(target->display()));
    say(u"The next start uses it. %1 is left as it was and is no longer used."_s.arg(source->name));
    if (options.databaseWasGiven)
        say(u"Start it without --database and ASSISTIV_DATABASE: they win over settings.json."_s);
    return 0;
}

int runExport(const Options &options)
{
    const auto db = openExisting(options, Database::Access::ReadOnly);
    if (!db)
        return complain(db.error().message);
    const auto platform = platformNamed(**db, options.platform);
    if (!platform)
        return complain(platform.error().message);
    int problem = 0;
    const auto given = exportRows(**db, options.exportKind, *platform, options.since, options.format,
                                  [&problem](const QByteArray &text) {
                                      const auto written = os::writeToOutput(text);
                                      if (written == os::Output::Failed)
                                          problem = errno;
                                      return written == os::Output::Written;
                                  });
    if (!given)
        return complain(given.error().message);
    if (problem)
        return complain(u"The rows cannot be written: %1"_s.arg(QString::fromLocal8Bit(std::strerror(problem))));
    return 0;
}

} // namespace assistiv
