// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "moneytext.h"

#include <QtCore/QObject>
#include <QtQml/qqmlregistration.h>

namespace assistiv::console {

/// The texts of one amount, for QML.
class MoneyText : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(qint64 micros READ micros WRITE setMicros NOTIFY changed)
    /// A gain carries "+".
    Q_PROPERTY(bool sign READ hasSign WRITE setSign NOTIFY changed)
    Q_PROPERTY(QString exact READ exact NOTIFY changed)
    Q_PROPERTY(QString plain READ plain NOTIFY changed)
    Q_PROPERTY(QString brief READ brief NOTIFY changed)
    Q_PROPERTY(QString cents READ cents NOTIFY changed)
    Q_PROPERTY(QString rest READ rest NOTIFY changed)

public:
    using QObject::QObject;

    qint64 micros() const { return m_amount.micros(); }
    void setMicros(qint64 micros);
    bool hasSign() const { return m_sign; }
    void setSign(bool sign);

    QString exact() const { return withSign(exactMoney(m_amount)); }
    QString plain() const { return withSign(plainMoney(m_amount)); }
    QString brief() const { return withSign(briefMoney(m_amount)); }
    QString cents() const { return withSign(moneyParts(m_amount).cents); }
    QString rest() const { return moneyParts(m_amount).rest; }

Q_SIGNALS:
    void changed();

private:
    QString withSign(const QString &text) const;

    Money m_amount;
    bool m_sign = false;
};

/// Turns what is typed into a money field into an amount within limits, and says what is wrong with it.
class MoneyInput : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString text READ text WRITE setText NOTIFY changed)
    Q_PROPERTY(qint64 minimum READ minimum WRITE setMinimum NOTIFY changed)
    Q_PROPERTY(qint64 maximum READ maximum WRITE setMaximum NOTIFY changed)
    /// 0 while the text is not valid.
    Q_PROPERTY(qint64 micros READ micros NOTIFY changed)
    Q_PROPERTY(bool valid READ isValid NOTIFY changed)
    /// Empty when the text is valid.
    Q_PROPERTY(QString message READ message NOTIFY changed)

public:
    using QObject::QObject;

    QString text() const { return m_text; }
    void setText(const QString &text);
    qint64 minimum() const { return m_minimum.micros(); }
    void setMinimum(qint64 micros);
    qint64 maximum() const { return m_maximum.micros(); }
    void setMaximum(qint64 micros);

    qint64 micros() const { return isValid() ? m_amount->micros() : 0; }
    bool isValid() const { return m_amount && *m_amount >= m_minimum && *m_amount <= m_maximum; }
    QString message() const;

Q_SIGNALS:
    void changed();

private:
    QString m_text;
    std::optional<Money> m_amount;
    Money m_minimum = Money::fromMicros(1);
    Money m_maximum = LargestAmount;
};

} // namespace assistiv::console
