// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/modellist.h"

#include "providers/jsonread.h"

namespace assistiv {

std::optional<QStringList> modelIdsIn(QByteArrayView body)
{
    const auto root = json::parse(body);
    const auto openAis = root ? json::member(*root, "data") : std::nullopt;
    const auto googles = root ? json::member(*root, "models") : std::nullopt;
    const auto list = openAis ? openAis : googles;
    if (!list || !list->is_array())
        return {};
    QStringList ids;
    for (const json::dom::element model : json::elements(list)) {
        const QByteArrayView id = json::text(model, "id");
        QByteArrayView name = id.isNull() ? json::text(model, "name") : id;
        if (name.startsWith("models/"))
            name = name.sliced(7);
        // A byte-order mark alone is nothing as well.
        if (const QString text = QString::fromUtf8(name); !text.isEmpty())
            ids.append(text);
    }
    return ids;
}

} // namespace assistiv
