// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/catalogsnapshot.h"

#include <algorithm>

namespace assistiv {

CatalogSnapshot::CatalogSnapshot(QList<CatalogModel> models, qint64 version)
    : m_models(std::move(models))
    , m_version(version)
{
    std::sort(m_models.begin(), m_models.end(),
              [](const CatalogModel &a, const CatalogModel &b) { return a.slug < b.slug; });
    m_bySlug.reserve(m_models.size());
    for (qsizetype index = 0; index < m_models.size(); ++index)
        m_bySlug.insert(m_models[index].slug.toUtf8(), index);
}

const CatalogModel *CatalogSnapshot::find(QByteArrayView slug) const
{
    const auto found = m_bySlug.constFind(QByteArray::fromRawData(slug.data(), slug.size()));
    return found == m_bySlug.constEnd() ? nullptr : &m_models[*found];
}

} // namespace assistiv
