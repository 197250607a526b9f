// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "iconprovider.h"

#include <QtCore/QFile>
#include <QtGui/QPainter>
#include <QtSvg/QSvgRenderer>

#include <algorithm>
#include <cmath>

namespace assistiv::console {

namespace {

constexpr QSize GridSize(24, 24);

} // namespace

QImage IconProvider::requestImage(const QString &id, QSize *size, const QSize &requestedSize)
{
    const QStringList parts = id.split(u'/');
    QImage image(requestedSize.isEmpty() ? GridSize : requestedSize, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    if (size)
        *size = image.size();

    QFile file(QStringLiteral(":/icons/%1.svg").arg(parts.first()));
    if (!file.open(QIODevice::ReadOnly)) {
        qWarning("console: there is no icon \"%s\"", qPrintable(parts.first()));
        return image;
    }
    QByteArray drawing = file.readAll();
    drawing.replace("currentColor", '#' + parts.value(1, QStringLiteral("000000")).toLatin1());
    QSvgRenderer renderer(drawing);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    renderer.render(&painter);
    return image;
}

QImage ShadowProvider::requestImage(const QString &id, QSize *size, const QSize &)
{
    constexpr int Side = 2 * (Reach + Radius) + 8;
    // The shadow starts a little inside the item's edge, so that no light line shows between the two.
    constexpr float Inset = 6;
    const float alpha = id.toFloat();
    const float center = Side / 2.f;
    const float straight = center - Reach - Radius;

    QImage image(Side, Side, QImage::Format_ARGB32_Premultiplied);
    for (int y = 0; y < Side; ++y) {
        for (int x = 0; x < Side; ++x) {
            const float dx = std::max(std::abs(x + 0.5f - center) - straight, 0.f);
            const float dy = std::max(std::abs(y + 0.5f - center) - straight, 0.f);
            const float distance = std::hypot(dx, dy) - Radius;
            const float share = std::clamp(1.f - (distance + Inset) / (Reach + Inset), 0.f, 1.f);
            const float smooth = share * share * (3 - 2 * share);
            image.setPixel(x, y, qRgba(0, 0, 0, int(255 * alpha * smooth)));
        }
    }
    if (size)
        *size = image.size();
    return image;
}

} // namespace assistiv::console
