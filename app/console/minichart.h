// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGui/QColor>
#include <QtQml/qqmlregistration.h>
#include <QtQuick/QQuickPaintedItem>

namespace assistiv::console {

/// A small chart with grid, axis and hover mark: smooth lines, or bars that stand on each other. Painted, so that it
/// looks the same with every renderer. A value that is not finite is a gap in its line.
class MiniChart : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    /// Lists of numbers of the same length; the first one carries the fill of a line chart.
    Q_PROPERTY(QVariantList series MEMBER m_seriesValue WRITE setSeries NOTIFY changed)
    Q_PROPERTY(QVariantList colors MEMBER m_colors WRITE setColors NOTIFY changed)
    /// Spread over the width, first one at the left edge, last one at the right edge.
    Q_PROPERTY(QStringList labels MEMBER m_labels WRITE setLabels NOTIFY changed)
    Q_PROPERTY(Mode mode MEMBER m_mode WRITE setMode NOTIFY changed)
    Q_PROPERTY(QString prefix MEMBER m_prefix WRITE setPrefix NOTIFY changed)
    Q_PROPERTY(QString suffix MEMBER m_suffix WRITE setSuffix NOTIFY changed)
    Q_PROPERTY(QString fontFamily MEMBER m_fontFamily WRITE setFontFamily NOTIFY changed)
    Q_PROPERTY(QColor gridColor MEMBER m_gridColor WRITE setGridColor NOTIFY changed)
    Q_PROPERTY(QColor textColor MEMBER m_textColor WRITE setTextColor NOTIFY changed)
    Q_PROPERTY(QColor surfaceColor MEMBER m_surfaceColor WRITE setSurfaceColor NOTIFY changed)
    /// The point under the mouse, -1 without one.
    Q_PROPERTY(int hoverIndex READ hoverIndex NOTIFY hoverChanged)
    Q_PROPERTY(qreal hoverX READ hoverX NOTIFY hoverChanged)

public:
    enum Mode { Line, Bars };
    Q_ENUM(Mode)

    explicit MiniChart(QQuickItem *parent = nullptr);

    void setSeries(const QVariantList &series);
    void setColors(const QVariantList &colors) { change(m_colors, colors); }
    void setLabels(const QStringList &labels) { change(m_labels, labels); }
    void setMode(Mode mode) { change(m_mode, mode); }
    void setPrefix(const QString &prefix) { change(m_prefix, prefix); }
    void setSuffix(const QString &suffix) { change(m_suffix, suffix); }
    void setFontFamily(const QString &family) { change(m_fontFamily, family); }
    void setGridColor(const QColor &color) { change(m_gridColor, color); }
    void setTextColor(const QColor &color) { change(m_textColor, color); }
    void setSurfaceColor(const QColor &color) { change(m_surfaceColor, color); }

    int hoverIndex() const { return m_hover; }
    qreal hoverX() const;

    void paint(QPainter *painter) override;

Q_SIGNALS:
    void changed();
    void hoverChanged();

protected:
    void hoverMoveEvent(QHoverEvent *event) override;
    void hoverLeaveEvent(QHoverEvent *event) override;

private:
    using Values = QList<double>;

    template <typename T> void change(T &member, const T &value)
    {
        if (member == value)
            return;
        member = value;
        Q_EMIT changed();
    }

    QRectF plot() const;
    qsizetype count() const { return m_series.isEmpty() ? 0 : m_series.first().size(); }
    QColor color(qsizetype series) const { return m_colors.value(series).value<QColor>(); }
    double highest() const;
    qreal pointX(qsizetype index) const;
    qreal pointY(double value, double top) const;
    void setHover(int index);

    void paintAxis(QPainter *painter, double top) const;
    void paintBars(QPainter *painter, double top) const;
    void paintLines(QPainter *painter, double top) const;
    void paintHover(QPainter *painter, double top) const;

    QVariantList m_seriesValue;
    QList<Values> m_series;
    QVariantList m_colors;
    QStringList m_labels;
    Mode m_mode = Line;
    QString m_prefix;
    QString m_suffix;
    QString m_fontFamily;
    QColor m_gridColor = Qt::lightGray;
    QColor m_textColor = Qt::gray;
    QColor m_surfaceColor = Qt::white;
    int m_hover = -1;
};

} // namespace assistiv::console
