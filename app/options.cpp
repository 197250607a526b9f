// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/options.h"

#include <QtCore/QCommandLineParser>
#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QStandardPaths>
#include <QtCore/QUrl>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

const QStringList Commands = { u"verify"_s, u"admin-key"_s };

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
        { u"test-clock"_s, u"For tests: admin keys may move the gateway's clock ahead."_s },
        { u"log-format"_s, u"text or json."_s, u"FORMAT"_s },
        { u"log-level"_s, u"debug, info, warning or error."_s, u"LEVEL"_s },
        { u"json"_s, u"With verify: print the report as JSON."_s },
        { u"rotate"_s, u"With admin-key: revoke the admin keys that exist."_s },
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

    std::optional<QString> value(const QString &name) const
    {
        if (m_line.isSet(name))
            return m_line.value(name);
        const QByteArray variable = "ASSISTIV_" + name.toUpper().replace(u'-', u'_').toLatin1();
        if (qEnvironmentVariableIsSet(variable.constData()))
            return qEnvironmentVariable(variable.constData());
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

Result<QJsonObject> readSettingsFile(const QString &dataDir)
{
    QFile file(QDir(dataDir).filePath(u"settings.json"_s));
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

} // namespace

Result<Options> Options::read(const QStringList &arguments)
{
    QCommandLineParser line;
    line.setApplicationDescription(u"Multi-tenant AI gateway with an admin console."_s);
    line.addOptions(knownOptions());
    const QCommandLineOption help({ u"h"_s, u"help"_s }, u"Show this text."_s);
    const QCommandLineOption version({ u"v"_s, u"version"_s }, u"Show the version."_s);
    line.addOptions({ help, version });
    line.addPositionalArgument(u"command"_s, u"verify (recompute the books), admin-key (make an admin key); none: serve."_s);
    if (!line.parse(arguments))
        return Error { ErrorCode::ValidationError, line.errorText() };

    Options options;
    if (line.isSet(help) || line.isSet(version)) {
        options.command = Command::ShowText;
        options.text = line.isSet(help) ? line.helpText() : QStringLiteral("assistiv-gateway " ASSISTIV_VERSION "\n");
        return options;
    }
    const QStringList words = line.positionalArguments();
    if (words.size() > 1 || (!words.isEmpty() && !Commands.contains(words.constFirst())))
        return Error { ErrorCode::ValidationError, u"unknown command: %1"_s.arg(words.join(u' ')) };
    if (!words.isEmpty())
        options.command = words.constFirst() == "verify"_L1 ? Command::Verify : Command::AdminKey;

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
    options.json = line.isSet(u"json"_s);
    options.rotate = line.isSet(u"rotate"_s);
    options.tlsCertFile = sources.value(u"tls-cert"_s).value_or(QString());
    options.tlsKeyFile = sources.value(u"tls-key"_s).value_or(QString());
    options.publicBaseUrl = sources.value(u"public-base-url"_s).value_or(QString());
    options.mcpBaseUrl = sources.value(u"mcp-base-url"_s).value_or(QString());
    options.databaseUrl = sources.value(u"database"_s).value_or(u"sqlite:gateway.db"_s);
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
    if (const auto url = DatabaseUrl::parse(options.databaseUrl, options.dataDir); !url)
        return badValue(u"database"_s, url.error().message);

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

bool wantsHeadless(const QStringList &arguments)
{
    static const QStringList Textual = { u"--help"_s, u"-h"_s, u"--version"_s, u"-v"_s, u"--headless"_s };
    for (const QString &argument : arguments.sliced(1)) {
        if (Textual.contains(argument) || Commands.contains(argument))
            return true;
    }
    const QByteArray asked = qgetenv("ASSISTIV_HEADLESS");
    return !asked.isEmpty() && asked != "0" && asked != "false";
}

} // namespace assistiv
