// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/databaseurl.h"

#include <QtCore/QDir>
#include <QtCore/QFileInfo>
#include <QtCore/QUrl>
#include <QtCore/QUrlQuery>

namespace assistiv {

using namespace Qt::StringLiterals;

Result<DatabaseUrl> DatabaseUrl::parse(const QString &text, const QString &dataDir)
{
    DatabaseUrl result;
    if (text.startsWith("sqlite:"_L1)) {
        const QString file = text.mid(7);
        if (file.isEmpty())
            return Error { ErrorCode::ValidationError, u"a file name must follow sqlite:"_s };
        result.name = QDir(dataDir).absoluteFilePath(file);
        return result;
    }
    const QUrl url(text, QUrl::StrictMode);
    if (!url.isValid() || (url.scheme() != "postgresql"_L1 && url.scheme() != "postgres"_L1) || url.host().isEmpty()
        || url.path().size() < 2)
        return Error { ErrorCode::ValidationError,
                       u"expected sqlite:FILE or postgresql://user:password@host:port/name"_s };
    result.dialect = Dialect::PostgreSql;
    result.host = url.host();
    result.port = url.port(5432);
    result.user = url.userName(QUrl::FullyDecoded);
    result.password = url.password(QUrl::FullyDecoded);
    result.name = url.path(QUrl::FullyDecoded).mid(1);
    QStringList options;
    for (const auto &[key, value] : QUrlQuery(url).queryItems(QUrl::FullyDecoded))
        options << key + u'=' + value;
    result.options = options.join(u';');
    return result;
}

QString DatabaseUrl::display() const
{
    if (dialect == Dialect::Sqlite)
        return u"sqlite:"_s + QFileInfo(name).fileName();
    return u"postgresql://%1@%2:%3/%4"_s.arg(user, host).arg(port).arg(name);
}

} // namespace assistiv
