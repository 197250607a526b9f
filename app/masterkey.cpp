// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/masterkey.h"

#include "core/hashing.h"
#include "core/os.h"
#include "core/vault.h"

#include <QtCore/QDir>
#include <QtCore/QFile>

#include <openssl/evp.h>
#include <qt6keychain/keychain.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

const QString Service = u"Assistiv Gateway"_s;
constexpr char KeyVariable[] = "ASSISTIV_MASTER_KEY";
constexpr char PassphraseVariable[] = "ASSISTIV_PASSPHRASE";

Error failure(const QString &message)
{
    return { ErrorCode::Internal, message };
}

Error missing(const QString &where)
{
    return failure(u"The master key of this installation was not found in %1, but its database holds secrets sealed with "
                   "one. Unlock or restore it; nothing was changed."_s.arg(where));
}

std::optional<QByteArray> keyFromHex(const QByteArray &text)
{
    const QByteArray hex = text.trimmed();
    const QByteArray key = QByteArray::fromHex(hex);
    return key.size() == Vault::KeyBytes && hex.size() == 2 * Vault::KeyBytes ? std::optional(key) : std::nullopt;
}

Result<QByteArray> fromFile(const QString &dataDir, const QString &knownKeyId)
{
    const QString path = QDir(dataDir).filePath(u"master.key"_s);
    if (!QFile::exists(path)) {
        if (!knownKeyId.isEmpty())
            return missing(path);
        const QByteArray key = randomBytes(Vault::KeyBytes);
        if (!os::writeNewPrivateFile(path, key.toHex() + '\n'))
            return failure(u"The key file %1 cannot be written."_s.arg(path));
        return key;
    }
    if (!os::isPrivateFile(path))
        return failure(u"The key file %1 can be read by others; take their rights away (chmod 600)."_s.arg(path));
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return failure(u"The key file %1 cannot be read: %2"_s.arg(path, file.errorString()));
    if (const auto key = keyFromHex(file.readAll()))
        return *key;
    return failure(u"The key file %1 does not hold a key (64 hex digits)."_s.arg(path));
}

Result<QByteArray> fromEnvironment()
{
    if (const auto key = keyFromHex(qgetenv(KeyVariable)))
        return *key;
    return failure(u"ASSISTIV_MASTER_KEY must hold the master key as 64 hex digits."_s);
}

// scrypt with N = 2^15, r = 8, p = 1: about 0.2 s, 32 MiB.
std::optional<QByteArray> keyFromPassphrase(const QByteArray &passphrase, const QByteArray &salt)
{
    QByteArray key(Vault::KeyBytes, Qt::Uninitialized);
    const int derived = EVP_PBE_scrypt(passphrase.constData(), size_t(passphrase.size()),
                                       reinterpret_cast<const unsigned char *>(salt.constData()), size_t(salt.size()), 1 << 15,
                                       8, 1, 64 * 1024 * 1024, reinterpret_cast<unsigned char *>(key.data()), size_t(key.size()));
    return derived == 1 ? std::optional(key) : std::nullopt;
}

// A random master key, sealed with the key that the passphrase gives; salt and sealed key in one file.
Result<QByteArray> fromPassphrase(const QString &dataDir, const QString &knownKeyId)
{
    const QByteArray passphrase = qgetenv(PassphraseVariable);
    if (passphrase.isEmpty())
        return failure(u"ASSISTIV_PASSPHRASE must hold the passphrase of the master key."_s);
    const QString path = QDir(dataDir).filePath(u"master.key.sealed"_s);
    constexpr QByteArrayView Context = "master.key.sealed";
    if (!QFile::exists(path)) {
        if (!knownKeyId.isEmpty())
            return missing(path);
        const QByteArray salt = randomBytes(16);
        const auto wrapping = keyFromPassphrase(passphrase, salt);
        if (!wrapping)
            return failure(u"The passphrase cannot be used."_s);
        const QByteArray key = randomBytes(Vault::KeyBytes);
        const QByteArray text = salt.toHex() + ' ' + Vault(*wrapping).seal(key, Context).toHex() + '\n';
        if (!os::writeNewPrivateFile(path, text))
            return failure(u"The key file %1 cannot be written."_s.arg(path));
        return key;
    }
    QFile file(path);
    const QByteArrayList parts = file.open(QIODevice::ReadOnly) ? file.readAll().trimmed().split(' ') : QByteArrayList();
    const auto wrapping = parts.size() == 2 ? keyFromPassphrase(passphrase, QByteArray::fromHex(parts[0])) : std::nullopt;
    const auto key = wrapping ? Vault(*wrapping).open(QByteArray::fromHex(parts[1]), Context)
                              : Result<QByteArray>(failure({}));
    if (!key || key->size() != Vault::KeyBytes)
        return failure(u"The passphrase does not open %1."_s.arg(path));
    return *key;
}

void writeToKeychain(const QString &name, QObject *context, std::function<void(Result<QByteArray>)> done)
{
    const QByteArray key = randomBytes(Vault::KeyBytes);
    auto *job = new QKeychain::WritePasswordJob(Service, context);
    job->setKey(name);
    job->setTextData(QString::fromLatin1(key.toHex()));
    QObject::connect(job, &QKeychain::Job::finished, context, [key, done = std::move(done)](QKeychain::Job *finished) {
        if (finished->error() != QKeychain::NoError)
            return done(failure(u"The system keychain does not take the master key (%1). Start with --key-source file "
                                "or passphrase."_s.arg(finished->errorString())));
        done(key);
    });
    job->start();
}

void fromKeychain(const QString &dataDir, const QString &knownKeyId, QObject *context,
                  std::function<void(Result<QByteArray>)> done)
{
    // One entry for each data folder, so that two installations of one user do not share a key.
    const QString name = u"master-key-"_s + QString::fromLatin1(sha256(dataDir.toUtf8()).first(8).toHex());
    auto *job = new QKeychain::ReadPasswordJob(Service, context);
    job->setKey(name);
    QObject::connect(job, &QKeychain::Job::finished, context, [=, done = std::move(done)](QKeychain::Job *finished) mutable {
        if (finished->error() == QKeychain::NoError) {
            const auto key = keyFromHex(static_cast<QKeychain::ReadPasswordJob *>(finished)->textData().toLatin1());
            return done(key ? Result<QByteArray>(*key) : failure(u"The keychain entry %1 does not hold a key."_s.arg(name)));
        }
        if (finished->error() != QKeychain::EntryNotFound) {
            return done(failure(u"The system keychain cannot be used (%1). Start with --key-source file or passphrase."_s
                                    .arg(finished->errorString())));
        }
        if (!knownKeyId.isEmpty())
            return done(missing(u"the system keychain"_s));
        writeToKeychain(name, context, std::move(done));
    });
    job->start();
}

} // namespace

void MasterKey::obtain(KeySource source, const QString &dataDir, const QString &knownKeyId, QObject *context,
                       std::function<void(Result<QByteArray>)> done)
{
    switch (source) {
    case KeySource::File: return done(fromFile(dataDir, knownKeyId));
    case KeySource::Environment: return done(fromEnvironment());
    case KeySource::Passphrase: return done(fromPassphrase(dataDir, knownKeyId));
    case KeySource::Keychain: return fromKeychain(dataDir, knownKeyId, context, std::move(done));
    }
}

} // namespace assistiv
