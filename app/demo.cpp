// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo.h"

#include <QtCore/QJsonArray>

namespace assistiv {

using namespace Qt::StringLiterals;

QJsonObject demoBootstrap()
{
    const QJsonObject user { { u"external_id"_s, u"demo"_s },
                             { u"display_name"_s, u"Demo user"_s },
                             { u"budget"_s, QJsonObject { { u"max_usd"_s, 5 }, { u"period"_s, u"monthly"_s } } } };
    const QJsonObject platform {
        { u"slug"_s, u"demo"_s },
        { u"name"_s, u"Demo platform"_s },
        { u"keys"_s, QJsonArray { QJsonObject { { u"name"_s, u"demo"_s } } } },
        { u"llm_configs"_s, QJsonArray { QJsonObject { { u"provider"_s, u"sandbox"_s }, { u"api_key"_s, u"sandbox-needs-none"_s } } } },
        { u"wallet_usd"_s, 100 },
        { u"end_users"_s, QJsonArray { user } },
    };
    return { { u"platforms"_s, QJsonArray { platform } } };
}

QString demoCurlLine(const QString &origin, const QString &endUserKey)
{
    return u"curl -s %1/v1/chat/completions -H 'Authorization: Bearer %2' -H 'Content-Type: application/json' "
           "-d '{\"model\":\"sandbox-echo\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\"}]}'"_s.arg(origin, endUserKey);
}

} // namespace assistiv
