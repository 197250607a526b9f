// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "platformsmodel.h"

#include <QtCore/QStringList>
#include <QtCore/QVariantMap>

#include <algorithm>
#include <array>

namespace assistiv::console {

namespace {

/// Tiles of platforms: dark enough for white letters (contrast of 4.5 and more).
constexpr std::array tileColors{"#8A4B04", "#4546DB", "#9D174D", "#1558B8", "#0F766E", "#6D28D9", "#08704A", "#475569"};

QString initials(const QString &name)
{
    const QStringList words = name.split(u' ', Qt::SkipEmptyParts);
    QString letters;
    for (const QString &word : words.first(qMin<qsizetype>(2, words.size())))
        letters += word.first(1).toUpper();
    return letters;
}

/// The same platform keeps its colour whatever others are made or deleted.
QString tileColor(const QString &slug)
{
    uint sum = 0;
    for (const QChar letter : slug)
        sum = sum * 31 + letter.unicode();
    return QLatin1StringView(tileColors[sum % tileColors.size()]);
}

QVariantMap toMap(const PlatformSummary &platform)
{
    return {{QStringLiteral("id"), platform.id.toString()},
            {QStringLiteral("name"), platform.name},
            {QStringLiteral("slug"), platform.slug},
            {QStringLiteral("initials"), initials(platform.name)},
            {QStringLiteral("color"), tileColor(platform.slug)},
            {QStringLiteral("active"), platform.active}};
}

} // namespace

void PlatformsModel::ask()
{
    engine()->listPlatforms(this, answer<QList<PlatformSummary>>([this](const QList<PlatformSummary> &platforms) {
                                m_platforms = platforms;
                            }));
}

QString PlatformsModel::failureTitle() const
{
    return tr("The platforms could not be read");
}

QVariantList PlatformsModel::platforms() const
{
    QVariantList list;
    for (const PlatformSummary &platform : m_platforms)
        list += toMap(platform);
    return list;
}

qsizetype PlatformsModel::currentIndex() const
{
    const auto chosen = std::find_if(m_platforms.begin(), m_platforms.end(),
                                     [this](const PlatformSummary &p) { return p.id.toString() == m_wanted; });
    return chosen == m_platforms.end() ? 0 : chosen - m_platforms.begin();
}

QString PlatformsModel::current() const
{
    return m_platforms.isEmpty() ? QString() : m_platforms[currentIndex()].id.toString();
}

void PlatformsModel::setCurrent(const QString &id)
{
    if (m_wanted == id)
        return;
    m_wanted = id;
    Q_EMIT changed();
}

QVariantMap PlatformsModel::currentPlatform() const
{
    return m_platforms.isEmpty() ? QVariantMap() : toMap(m_platforms[currentIndex()]);
}

QString PlatformsModel::place() const
{
    return m_platforms.isEmpty() ? QString() : tr("%1 of %2").arg(currentIndex() + 1).arg(m_platforms.size());
}

} // namespace assistiv::console
