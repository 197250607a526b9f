// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "minichart.h"

#include <QtGui/QPainter>
#include <QtGui/QPainterPath>

#include <QtCore/QLocale>

#include <algorithm>
#include <array>
#include <cmath>

namespace assistiv::console {

namespace {

constexpr qreal AxisWidth = 44;
constexpr qreal LabelHeight = 20;
constexpr qreal TopSpace = 6.5;
constexpr qreal LabelWidth = 80;

/// The next round number, so that grid lines carry readable values.
double roundUp(double value)
{
    if (value <= 0)
        return 1;
    const double power = std::pow(10, std::floor(std::log10(value)));
    constexpr std::array steps{1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0};
    for (const double step : steps) {
        if (step * power >= value)
            return step * power;
    }
    return 10 * power;
}

QColor faded(QColor color, float alpha)
{
    color.setAlphaF(alpha);
    return color;
}

} // namespace

MiniChart::MiniChart(QQuickItem *parent) : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
    setAcceptHoverEvents(true);
    connect(this, &MiniChart::changed, this, [this] { update(); });
}

void MiniChart::setSeries(const QVariantList &series)
{
    m_seriesValue = series;
    m_series.clear();
    for (const QVariant &line : series) {
        Values values;
        const QVariantList numbers = line.toList();
        for (const QVariant &number : numbers)
            values += number.toDouble();
        m_series += values;
    }
    // Lines of different length would be read past their end below.
    for (Values &values : m_series)
        values.resize(count());
    setHover(-1);
    Q_EMIT changed();
}

QRectF MiniChart::plot() const
{
    return {0.5, TopSpace, width() - AxisWidth, height() - TopSpace - LabelHeight};
}

double MiniChart::highest() const
{
    double top = 0;
    for (qsizetype i = 0; i < count(); ++i) {
        double here = 0;
        for (const Values &values : m_series) {
            const double value = std::isfinite(values[i]) ? values[i] : 0;
            here = m_mode == Bars ? here + value : std::max(here, value);
        }
        top = std::max(top, here);
    }
    return top;
}

qreal MiniChart::pointX(qsizetype index) const
{
    const QRectF area = plot();
    return m_mode == Bars ? area.left() + (index + 0.5) * area.width() / count()
                          : area.left() + index * area.width() / (count() - 1);
}

qreal MiniChart::pointY(double value, double top) const
{
    const QRectF area = plot();
    return area.bottom() - value / top * area.height();
}

qreal MiniChart::hoverX() const
{
    return m_hover < 0 || count() < 2 ? 0 : pointX(m_hover);
}

void MiniChart::setHover(int index)
{
    if (m_hover == index)
        return;
    m_hover = index;
    Q_EMIT hoverChanged();
    update();
}

void MiniChart::hoverMoveEvent(QHoverEvent *event)
{
    if (count() < 2)
        return;
    const QRectF area = plot();
    const qreal share = (event->position().x() - area.left()) / area.width();
    const qreal index = m_mode == Bars ? std::floor(share * count()) : std::round(share * (count() - 1));
    setHover(std::clamp(int(index), 0, int(count()) - 1));
}

void MiniChart::hoverLeaveEvent(QHoverEvent *)
{
    setHover(-1);
}

void MiniChart::paint(QPainter *painter)
{
    if (count() < 2)
        return;
    const double top = roundUp(highest());
    paintAxis(painter, top);
    if (m_mode == Bars)
        paintBars(painter, top);
    else
        paintLines(painter, top);
    paintHover(painter, top);
}

void MiniChart::paintAxis(QPainter *painter, double top) const
{
    const QRectF area = plot();
    QFont font = painter->font();
    font.setFamily(m_fontFamily);
    font.setPixelSize(11);
    painter->setFont(font);

    const QLocale locale;
    for (int line = 0; line <= 2; ++line) {
        const qreal y = std::floor(area.bottom() - area.height() * line / 2) + 0.5;
        QPen pen(m_gridColor, 1);
        if (line > 0)
            pen.setDashPattern({3, 3});
        painter->setPen(pen);
        painter->setRenderHint(QPainter::Antialiasing, false);
        painter->drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        painter->setRenderHint(QPainter::Antialiasing);

        const double value = top * line / 2;
        const QString text = value >= 1'000'000 ? locale.toString(value / 1'000'000, 'g', 3) + u'M'
            : value >= 1000                     ? locale.toString(value / 1000, 'g', 3) + u'k'
                                                : locale.toString(value, 'g', 3);
        painter->setPen(m_textColor);
        painter->drawText(QRectF(area.right() + 6, y - 8, AxisWidth - 6, 16), Qt::AlignLeft | Qt::AlignVCenter,
                          m_prefix + text + m_suffix);
    }

    if (m_labels.size() < 2)
        return;
    const qsizetype last = m_labels.size() - 1;
    for (qsizetype i = 0; i <= last; ++i) {
        const qreal x = area.left() + area.width() * i / last;
        const Qt::AlignmentFlag side = i == 0 ? Qt::AlignLeft : i == last ? Qt::AlignRight : Qt::AlignHCenter;
        const qreal left = i == 0 ? x : i == last ? x - LabelWidth : x - LabelWidth / 2;
        painter->drawText(QRectF(left, area.bottom() + 5, LabelWidth, 16), side | Qt::AlignVCenter, m_labels[i]);
    }
}

void MiniChart::paintBars(QPainter *painter, double top) const
{
    const QRectF area = plot();
    const qreal slot = area.width() / count();
    const qreal barWidth = std::max<qreal>(2, std::floor(slot * 0.66));
    painter->setPen(Qt::NoPen);
    for (qsizetype i = 0; i < count(); ++i) {
        const qreal left = std::floor(area.left() + i * slot + (slot - barWidth) / 2);
        qreal foot = area.bottom();
        for (qsizetype k = 0; k < m_series.size(); ++k) {
            const double value = m_series[k][i];
            if (!(value > 0))
                continue;
            // The least visible piece is one pixel: a single failed call among thousands must not vanish.
            const qreal pieceHeight = std::max<qreal>(1, value / top * area.height());
            const QRectF piece(left, foot - pieceHeight, barWidth, pieceHeight);
            painter->setBrush(m_hover >= 0 && m_hover != i ? faded(color(k), 0.45f) : color(k));
            const bool isTop = k + 1 == m_series.size() || !(m_series[k + 1][i] > 0);
            if (isTop && pieceHeight > 4) {
                QPainterPath path;
                path.setFillRule(Qt::WindingFill);
                path.addRoundedRect(piece, 2, 2);
                path.addRect(piece.adjusted(0, 3, 0, 0));
                painter->drawPath(path);
            } else {
                painter->drawRect(piece);
            }
            foot -= pieceHeight + (isTop ? 0 : 1);
        }
    }
}

void MiniChart::paintLines(QPainter *painter, double top) const
{
    const QRectF area = plot();
    for (qsizetype k = m_series.size() - 1; k >= 0; --k) {
        const Values &values = m_series[k];
        QPainterPath line;
        QPainterPath fill;
        QList<QPointF> loners;
        qsizetype runStart = -1;
        for (qsizetype i = 0; i <= values.size(); ++i) {
            const bool known = i < values.size() && std::isfinite(values[i]);
            if (known && runStart < 0) {
                runStart = i;
                line.moveTo(pointX(i), pointY(values[i], top));
                fill.moveTo(pointX(i), area.bottom());
                fill.lineTo(pointX(i), pointY(values[i], top));
            } else if (known) {
                const qreal middle = (pointX(i - 1) + pointX(i)) / 2;
                const QPointF from(middle, pointY(values[i - 1], top));
                const QPointF to(middle, pointY(values[i], top));
                const QPointF end(pointX(i), pointY(values[i], top));
                line.cubicTo(from, to, end);
                fill.cubicTo(from, to, end);
            } else if (runStart >= 0) {
                if (runStart == i - 1)
                    loners += QPointF(pointX(i - 1), pointY(values[i - 1], top));
                fill.lineTo(pointX(i - 1), area.bottom());
                fill.closeSubpath();
                runStart = -1;
            }
        }

        if (k == 0) {
            QLinearGradient gradient(0, area.top(), 0, area.bottom());
            gradient.setColorAt(0, faded(color(k), 0.26f));
            gradient.setColorAt(1, faded(color(k), 0.02f));
            painter->setPen(Qt::NoPen);
            painter->setBrush(gradient);
            painter->drawPath(fill);
        }
        QPen pen(color(k), k == 0 ? 2 : 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin);
        if (k > 0)
            pen.setDashPattern({3, 3});
        painter->setPen(pen);
        painter->setBrush(Qt::NoBrush);
        painter->drawPath(line);
        painter->setPen(Qt::NoPen);
        painter->setBrush(color(k));
        for (const QPointF &loner : loners)
            painter->drawEllipse(loner, 2, 2);
    }
}

void MiniChart::paintHover(QPainter *painter, double top) const
{
    if (m_hover < 0 || m_mode == Bars)
        return;
    const QRectF area = plot();
    const qreal x = hoverX();
    painter->setPen(QPen(m_textColor, 1));
    painter->drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    for (qsizetype k = 0; k < m_series.size(); ++k) {
        const double value = m_series[k][m_hover];
        if (!std::isfinite(value))
            continue;
        painter->setPen(QPen(m_surfaceColor, 2));
        painter->setBrush(color(k));
        painter->drawEllipse(QPointF(x, pointY(value, top)), 4, 4);
    }
}

} // namespace assistiv::console
