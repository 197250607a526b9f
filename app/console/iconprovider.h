// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtQuick/QQuickImageProvider>

namespace assistiv::console {

/// image://icon/<name>/<rrggbb>: an icon of ours in one colour. Qt does not fill in an SVG's currentColor by itself.
class IconProvider : public QQuickImageProvider
{
public:
    IconProvider() : QQuickImageProvider(QQuickImageProvider::Image) { }
    QImage requestImage(const QString &id, QSize *size, const QSize &requestedSize) override;
};

/// image://shadow/<alpha>: a soft shadow to be stretched as a nine-patch, for renderers without shader effects.
class ShadowProvider : public QQuickImageProvider
{
public:
    /// How far the shadow reaches beyond the item, and how round its corners are.
    static constexpr int Reach = 32;
    static constexpr int Radius = 14;

    ShadowProvider() : QQuickImageProvider(QQuickImageProvider::Image) { }
    QImage requestImage(const QString &id, QSize *size, const QSize &requestedSize) override;
};

} // namespace assistiv::console
