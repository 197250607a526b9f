// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/options.h"

#include "core/os.h"

#include <QtCore/QCommandLineParser>
#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QStandardPaths>
#include <QtCore/QUrl>

#include <algorithm>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

struct CommandWord
{
    QString word;
    Options::Command command;
    /// What must follow the word; empty: nothing.
    QString argument;
    QString meaning;
};

const QList<CommandWord> Commands = {
    { u"verify"_s, Options::Command::Verify, {}, u"recompute the books"_s },
    { u"admin-key"_s, Options::Command::AdminKey, {}, u"make an admin key"_s },
    { u"backup"_s, Options::Command::Backup, u"FILE"_s, u"copy everything into a new file, also beside a gateway"_s },
    { u"restore"_s, Options::Command::Restore, u"FILE"_s, u"put a backup in the place of the data"_s },
    { u"migrate"_s, Options::Command::Migrate, {}, u"move from SQLite to the PostgreSQL database of --to"_s },
    { u"export"_s, Options::Command::Export, u"ledger|logs|wallet"_s, u"write a platform's rows to standard output"_s },
};

QString commandHelp()
{
    QStringList lines;
    for (const CommandWord &known : Commands)
        lines.append((known.word + u' ' + known.argument).trimmed() + u" ("_s + known.meaning + u')');
    return lines.join("; "_L1) + u"; none: serve."_s;
}

QList<QCommandLineOption> knownOptions()
{
    return {
        { u"headless"_s, u"Run the gateway without a window."_s },
        { u"data-dir"_s, u"Folder of database, settings and key file."_s, u"DIR"_s },
        { u"listen"_s, u"Address to serve on (default 127.0.0.1:8790; port 0 picks a free one)."_s, u"HOST:PORT"_s },
        { u"insecure-listen"_s, u"Allow a non-loopback address without TLS."_s },
        { u"tls-cert"_s, u"Certificate chain in PEM, for HTTPS."_s, u"FILE"_s },
        { u"tls-key"_s, u"Private key in PEM, for HTTPS."_s, u"FILE"_s },
        { u"public-base-url"_s, u"Origin written into URLs that are handed out."_s, u"URL"_s },
        { u"mcp-base-url"_s, u"Origin of the MCP part, when it differs."_s, u"URL"_s },
        { u"database"_s, u"sqlite:FILE or postgresql://user:password@host:port/name (default sqlite:gateway.db)."_s, u"URL"_s },
        { u"workers"_s, u"HTTP worker threads (default: one per core)."_s, u"N"_s },
        { u"key-source"_s, u"Where the master key is kept: keychain, file, env or passphrase."_s, u"SOURCE"_s },
        { u"bootstrap"_s, u"Apply this bootstrap file at start."_s, u"FILE"_s },
        { u"bootstrap-out"_s, u"Write ids and new keys of the bootstrap here."_s, u"FILE"_s },
        { u"ready-file"_s, u"Write pid, origin and version here once the gateway answers."_s, u"FILE"_s },
        { u"demo"_s, u"Scratch data with the sandbox provider; prints a curl line."_s },
        { u"webhook-networks"_s, u"Networks that webhooks may reach beside public addresses."_s, u"CIDR[,CIDR…]"_s },
        { u"webhook-http"_s, u"Allow webhooks to plain http."_s },
        { u"fast-webhook-retries"_s, u"For tests: failed webhooks are tried again within seconds."_s },
        { u"test-clock"_s, u"For tests: admin keys may move the gateway's clock ahead."_s },
        { u"log-format"_s, u"text or json."_s, u"FORMAT"_s },
        { u"log-level"_s, u"debug, info, warning or error."_s, u"LEVEL"_s },
        { u"json"_s, u"With verify: print the report as JSON."_s },
        { u"rotate"_s, u"With admin-key: revoke the admin keys that exist."_s },
        { u"to"_s, u"With migrate: postgresql://user:password@host:port/name; better as ASSISTIV_TO."_s, u"URL"_s },
        { u"platform"_s, u"With export: slug or id of the platform."_s, u"PLATFORM"_s },
        { u"since"_s, u"With export: the oldest moment, such as 2026-04-01T00:00:00Z."_s, u"TIME"_s },
        { u"format"_s, u"With export: csv or jsonl (default csv)."_s, u"FORMAT"_s },
    };
}

Error badValue(const QString &name, const QString &what)
{
    return { .code = ErrorCode::ValidationError, .message = u"--%1: %2"_s.arg(name, what), .param = name };
}

/// One value by the order of precedence.
class Sources
{
public:
    explicit Sources(const QCommandLineParser &line) : m_line(line) {}

    void setFile(const QJsonObject &file) { m_file = file; }

    /// From the command line or the environment.
    std::optional<QString> given(const QString &name) const
    {
        if (m_line.isSet(name))
            return m_line.value(name);
        const QByteArray variable = "ASSISTIV_" + name.toUpper().replace(u'-', u'_').toLatin1();
        if (qEnvironmentVariableIsSet(variable.constData()))
            return qEnvironmentVariable(variable.constData());
        return {};
    }

    std::optional<QString> value(const QString &name) const
    {
        if (const auto first = given(name))
            return first;
        const QJsonValue kept = m_file.value(QString(name).replace(u'-', u'_'));
        if (kept.isString())
            return kept.toString();
        if (kept.isDouble())
            return QString::number(kept.toInteger());
        if (kept.isBool())
            return kept.toBool() ? u"1"_s : u"0"_s;
        return {};
    }

    bool flag(const QString &name) const
    {
        if (m_line.isSet(name))
            return true;
        const auto given = value(name);
        return given && !given->isEmpty() && *given != "0"_L1 && *given != "false"_L1;
    }

private:
    const QCommandLineParser &m_line;
    QJsonObject m_file;
};

Result<void> readListen(const Sources &sources, Options &options)
{
    const auto given = sources.value(u"listen"_s);
    if (!given)
        return {};
    const qsizetype colon = given->lastIndexOf(u':');
    bool isNumber = false;
    const uint port = colon < 0 ? 0 : given->mid(colon + 1).toUInt(&isNumber);
    QString host = colon < 0 ? QString() : given->left(colon);
    if (host.startsWith(u'[') && host.endsWith(u']'))
        host = host.mid(1, host.size() - 2);
    if (host == "localhost"_L1)
        host = u"127.0.0.1"_s;
    if (!isNumber || port > 65535 || !options.host.setAddress(host))
        return badValue(u"listen"_s, u"expected HOST:PORT with a numeric address, found \"%1\""_s.arg(*given));
    options.port = quint16(port);
    return {};
}

/// Scheme, host and perhaps a port, nothing behind it.
bool isOrigin(const QString &text)
{
    const QUrl url(text, QUrl::StrictMode);
    return url.isValid() && (url.scheme() == "https"_L1 || url.scheme() == "http"_L1) && !url.host().isEmpty()
        && url.path().isEmpty() && !url.hasQuery() && !url.hasFragment() && url.userInfo().isEmpty();
}

QString settingsFile(const QString &dataDir)
{
    return QDir(dataDir).filePath(u"settings.json"_s);
}

Result<QJsonObject> readSettingsFile(const QString &dataDir)
{
    QFile file(settingsFile(dataDir));
    if (!file.exists())
        return QJsonObject();
    if (!file.open(QIODevice::ReadOnly))
        return Error { ErrorCode::ValidationError, u"settings.json cannot be read: %1"_s.arg(file.errorString()) };
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(file.readAll(), &problem);
    if (!document.isObject())
        return Error { ErrorCode::ValidationError, u"settings.json is no JSON object: %1"_s.arg(problem.errorString()) };
    return document.object();
}

template<typename T>
Result<T> oneOf(const Sources &sources, const QString &name, T otherwise, const QList<std::pair<QString, T>> &words)
{
    const auto given = sources.value(name);
    if (!given)
        return otherwise;
    QStringList known;
    for (const auto &[word, meaning] : words) {
        if (*given == word)
            return meaning;
        known.append(word);
    }
    return badValue(name, u"expected one of %1, found \"%2\""_s.arg(known.join(u", "_s), *given));
}

Result<void> readCommand(const QStringList &words, Options &options)
{
    if (words.isEmpty())
        return {};
    const auto known = std::ranges::find(Commands, words.constFirst(), &CommandWord::word);
    if (known == Commands.end())
        return Error { ErrorCode::ValidationError, u"unknown command: %1"_s.arg(words.join(u' ')) };
    options.command = known->command;
    if (words.size() != (known->argument.isEmpty() ? 1 : 2)) {
        return Error { ErrorCode::ValidationError, u"%1: expected %2 behind it"_s
                           .arg(known->word, known->argument.isEmpty() ? u"nothing"_s : known->argument) };
    }
    if (options.command == Options::Command::Backup || options.command == Options::Command::Restore)
        options.file = QDir::cleanPath(QDir().absoluteFilePath(words.at(1)));
    if (options.command == Options::Command::Export) {
        const auto kind = fromWord<ExportKind>(words.at(1));
        if (!kind) {
            return Error { ErrorCode::ValidationError, u"export: expected %1, found \"%2\""_s
                               .arg(known->argument, words.at(1)) };
        }
        options.exportKind = *kind;
    }
    return {};
}

/// What the commands need beside their word.
Result<void> readCommandOptions(const Sources &sources, Options &options)
{
    if (options.command == Options::Command::Migrate) {
        options.toUrl = sources.value(u"to"_s).value_or(QString());
        // The value is not shown: it holds a password.
        const auto url = DatabaseUrl::parse(options.toUrl, options.dataDir);
        if (!url || url->dialect != Dialect::PostgreSql)
            return badValue(u"to"_s, u"expected postgresql://user:password@host:port/name"_s);
    }
    if (options.command != Options::Command::Export)
        return {};
    options.platform = sources.value(u"platform"_s).value_or(QString());
    if (options.platform.isEmpty())
        return badValue(u"platform"_s, u"expected the slug or the id of a platform"_s);
    const QString since = sources.value(u"since"_s).value_or(QString());
    const auto moment = Timestamp::parse(since);
    if (!moment)
        return badValue(u"since"_s, u"expected a moment such as 2026-04-01T00:00:00Z, found \"%1\""_s.arg(since));
    options.since = *moment;
    const auto format = oneOf<ExportFormat>(sources, u"format"_s, ExportFormat::Csv,
                                            { { u"csv"_s, ExportFormat::Csv },
                                              { u"jsonl"_s, ExportFormat::JsonLines } });
    if (!format)
        return format.error();
    options.format = *format;
    return {};
}

} // namespace

Result<Options> Options::read(const QStringList &arguments)
{
    QCommandLineParser line;
    line.setApplicationDescription(u"Multi-tenant AI gateway with an admin console."_s);
    line.addOptions(knownOptions());
    const QCommandLineOption help({ u"h"_s, u"help"_s }, u"Show this text."_s);
    const QCommandLineOption version({ u"v"_s, u"version"_s }, u"Show the version."_s);
    line.addOptions({ help, version });
    line.addPositionalArgument(u"command"_s, commandHelp());
    if (!line.parse(arguments))
        return Error { ErrorCode::ValidationError, line.errorText() };

    Options options;
    if (line.isSet(help) || line.isSet(version)) {
        options.command = Command::ShowText;
        options.text = line.isSet(help) ? line.helpText() : QStringLiteral("assistiv-gateway " ASSISTIV_VERSION "\n");
        return options;
    }
    if (const auto command = readCommand(line.positionalArguments(), options); !command)
        return command.error();

    Sources sources(line);
    options.dataDirWasGiven = sources.value(u"data-dir"_s).has_value();
    options.dataDir = QDir::cleanPath(QDir().absoluteFilePath(sources.value(u"data-dir"_s).value_or(
        QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + u"/assistiv-gateway"_s)));
    const auto file = readSettingsFile(options.dataDir);
    if (!file)
        return file.error();
    sources.setFile(*file);

    options.headless = sources.flag(u"headless"_s);
    options.demo = sources.flag(u"demo"_s);
    options.testClock = sources.flag(u"test-clock"_s);
    options.insecureListen = sources.flag(u"insecure-listen"_s);
    options.webhookHttp = sources.flag(u"webhook-http"_s);
    options.fastWebhookRetries = sources.flag(u"fast-webhook-retries"_s);
    options.json = line.isSet(u"json"_s);
    options.rotate = line.isSet(u"rotate"_s);
    options.tlsCertFile = sources.value(u"tls-cert"_s).value_or(QString());
    options.tlsKeyFile = sources.value(u"tls-key"_s).value_or(QString());
    options.publicBaseUrl = sources.value(u"public-base-url"_s).value_or(QString());
    options.mcpBaseUrl = sources.value(u"mcp-base-url"_s).value_or(QString());
    options.databaseUrl = sources.value(u"database"_s).value_or(u"sqlite:gateway.db"_s);
    options.databaseWasGiven = sources.given(u"database"_s).has_value();
    options.bootstrapFile = sources.value(u"bootstrap"_s).value_or(QString());
    options.bootstrapOutFile = sources.value(u"bootstrap-out"_s).value_or(QString());
    options.readyFile = sources.value(u"ready-file"_s).value_or(QString());

    for (const QString &name : { u"public-base-url"_s, u"mcp-base-url"_s }) {
        if (const auto origin = sources.value(name); origin && !isOrigin(*origin))
            return badValue(name, u"expected an origin such as https://gateway.example, found \"%1\""_s.arg(*origin));
    }
    if (const auto listen = readListen(sources, options); !listen)
        return listen.error();
    if (options.tlsCertFile.isEmpty() != options.tlsKeyFile.isEmpty())
        return badValue(options.tlsCertFile.isEmpty() ? u"tls-cert"_s : u"tls-key"_s, u"certificate and key go together"_s);
    if (!options.host.isLoopback() && options.tlsCertFile.isEmpty() && !options.insecureListen) {
        return badValue(u"listen"_s, u"%1 can be reached from other machines; give --tls-cert and --tls-key, or say "
                                     "--insecure-listen"_s.arg(options.host.toString()));
    }
    if (const auto workers = sources.value(u"workers"_s)) {
        bool isNumber = false;
        options.workers = workers->toInt(&isNumber);
        if (!isNumber || options.workers < 1 || options.workers > 256)
            return badValue(u"workers"_s, u"expected a number from 1 to 256, found \"%1\""_s.arg(*workers));
    }
    const auto networks = Networks::parse(sources.value(u"webhook-networks"_s).value_or(QString()));
    if (!networks)
        return badValue(u"webhook-networks"_s, networks.error().message);
    options.webhookNetworks = *networks;
    if (const auto url = DatabaseUrl::parse(options.databaseUrl, options.dataDir); !url)
        return badValue(u"database"_s, url.error().message);
    if (const auto read = readCommandOptions(sources, options); !read)
        return read.error();

    const auto keySource = oneOf<KeySource>(sources, u"key-source"_s, options.headless || options.command != Command::Serve
                                                ? KeySource::File
                                                : KeySource::Keychain,
                                            { { u"keychain"_s, KeySource::Keychain },
                                              { u"file"_s, KeySource::File },
                                              { u"env"_s, KeySource::Environment },
                                              { u"passphrase"_s, KeySource::Passphrase } });
    if (!keySource)
        return keySource.error();
    options.keySource = *keySource;
    const auto format = oneOf<LogFormat>(sources, u"log-format"_s, LogFormat::Text,
                                         { { u"text"_s, LogFormat::Text }, { u"json"_s, LogFormat::Json } });
    if (!format)
        return format.error();
    options.logFormat = *format;
    const auto level = oneOf<LogLevel>(sources, u"log-level"_s, LogLevel::Info,
                                       { { u"debug"_s, LogLevel::Debug },
                                         { u"info"_s, LogLevel::Info },
                                         { u"warning"_s, LogLevel::Warning },
                                         { u"error"_s, LogLevel::Error } });
    if (!level)
        return level.error();
    options.logLevel = *level;
    return options;
}

Result<void> changeSetting(const QString &dataDir, const QString &name, const QString &value)
{
    auto settings = readSettingsFile(dataDir);
    if (!settings)
        return settings.error();
    settings->insert(name, value);
    if (!os::replacePrivateFile(settingsFile(dataDir), QJsonDocument(*settings).toJson()))
        return Error { ErrorCode::Internal, u"%1 cannot be written."_s.arg(settingsFile(dataDir)) };
    os::syncToDisk(dataDir);
    return {};
}

bool wantsHeadless(const QStringList &arguments)
{
    static const QStringList Textual = { u"--help"_s, u"-h"_s, u"--version"_s, u"-v"_s, u"--headless"_s };
    for (const QString &argument : arguments.sliced(1)) {
        if (Textual.contains(argument))
            return true;
    }
    // Not any word: a folder may be called "backup", too.
    QCommandLineParser line;
    line.addOptions(knownOptions());
    line.parse(arguments);
    if (std::ranges::find(Commands, line.positionalArguments().value(0), &CommandWord::word) != Commands.end())
        return true;
    const QByteArray asked = qgetenv("ASSISTIV_HEADLESS");
    return !asked.isEmpty() && asked != "0" && asked != "false";
}

} // namespace assistiv
