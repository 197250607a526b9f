// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/commandparts.h"

#include <QtCore/QFile>

#include <cstdio>

namespace assistiv {

using namespace Qt::StringLiterals;

int complain(const QString &message)
{
    std::fprintf(stderr, "assistiv-gateway: %s\n", qUtf8Printable(redacted(message)));
    return 1;
}

Result<DatabaseUrl> databaseOf(const Options &options)
{
    const auto url = DatabaseUrl::parse(options.databaseUrl, options.dataDir);
    if (!url)
        return url.error();
    if (url->dialect == Dialect::Sqlite && !QFile::exists(url->name))
        return Error { ErrorCode::Internal, u"there is no database at %1"_s.arg(url->name) };
    return url;
}

Result<std::unique_ptr<Database>> openExisting(const Options &options, Database::Access access)
{
    const auto url = databaseOf(options);
    if (!url)
        return url.error();
    return Database::open(*url, access);
}

} // namespace assistiv
