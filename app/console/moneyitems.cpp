// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "moneyitems.h"

namespace assistiv::console {

void MoneyText::setMicros(qint64 micros)
{
    if (m_amount.micros() == micros)
        return;
    m_amount = Money::fromMicros(micros);
    Q_EMIT changed();
}

void MoneyText::setSign(bool sign)
{
    if (m_sign == sign)
        return;
    m_sign = sign;
    Q_EMIT changed();
}

QString MoneyText::withSign(const QString &text) const
{
    const bool isGain = m_sign && m_amount > Money();
    return isGain ? u'+' + text : text;
}

void MoneyInput::setText(const QString &text)
{
    if (m_text == text)
        return;
    m_text = text;
    m_amount = typedMoney(text);
    Q_EMIT changed();
}

void MoneyInput::setMinimum(qint64 micros)
{
    if (minimum() == micros)
        return;
    m_minimum = Money::fromMicros(micros);
    Q_EMIT changed();
}

void MoneyInput::setMaximum(qint64 micros)
{
    if (maximum() == micros)
        return;
    m_maximum = Money::fromMicros(micros);
    Q_EMIT changed();
}

QString MoneyInput::message() const
{
    if (isValid())
        return {};
    if (m_text.trimmed().isEmpty())
        return tr("Enter an amount.");
    if (!m_amount)
        return tr("Write digits with a decimal point, six places at most: 25.00");
    if (*m_amount < m_minimum)
        return tr("The least is %1.").arg(plainMoney(m_minimum));
    return tr("The most is %1.").arg(plainMoney(m_maximum));
}

} // namespace assistiv::console
