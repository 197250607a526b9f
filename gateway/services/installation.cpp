// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "services/installation.h"

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

const QString KeyIdName = u"vault_key_id"_s;
const QString CheckName = u"vault_check"_s;
constexpr QByteArrayView CheckContext = "settings/vault_check";
constexpr QByteArrayView CheckText = "this key opens this installation";

} // namespace

Result<std::optional<QString>> Installation::setting(Database &db, const QString &name)
{
    Query query = db.prepare(u"SELECT value FROM settings WHERE name = ?"_s);
    if (const auto read = query.bind(name).exec(); !read)
        return read.error();
    return query.next() ? std::optional(query.text(0)) : std::optional<QString>();
}

Result<void> Installation::setSetting(Database &db, const QString &name, const QString &value)
{
    Query query = db.prepare(u"INSERT INTO settings (name, value) VALUES (?, ?) "
                             "ON CONFLICT (name) DO UPDATE SET value = excluded.value"_s);
    return query.bind(name, value).exec();
}

Result<QString> Installation::masterKeyId(Database &db)
{
    const auto id = setting(db, KeyIdName);
    if (!id)
        return id.error();
    return id->value_or(QString());
}

Result<void> Installation::adoptVault(Database &db, const Vault &vault)
{
    const auto check = setting(db, CheckName);
    if (!check)
        return check.error();
    if (*check) {
        const auto opened = vault.open(QByteArray::fromBase64((*check)->toLatin1()), CheckContext);
        if (opened && *opened == CheckText)
            return {};
        return Error { ErrorCode::Conflict,
                       u"The master key does not belong to this database. Give the key it was set up with; nothing was "
                       "changed."_s };
    }
    const QString sealed = QString::fromLatin1(vault.seal(CheckText, CheckContext).toBase64());
    if (const auto kept = setSetting(db, CheckName, sealed); !kept)
        return kept.error();
    return setSetting(db, KeyIdName, QString::fromLatin1(vault.keyId()));
}

} // namespace assistiv
