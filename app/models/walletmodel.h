// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consoleaction.h"
#include "pagemodel.h"

namespace assistiv::console {

/// A platform's wallet and the top-up that a person is about to book.
class WalletModel : public assistiv::console::PageModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString platform READ platform WRITE setPlatform NOTIFY platformChanged)
    /// There are figures; without them nothing is shown, never a zero.
    Q_PROPERTY(bool known READ isKnown NOTIFY changed)
    Q_PROPERTY(qint64 balance READ balance NOTIFY changed)
    /// At or below zero: calls are refused.
    Q_PROPERTY(bool exhausted READ isExhausted NOTIFY changed)
    Q_PROPERTY(bool low READ isLow NOTIFY changed)
    /// "below $50 threshold"; empty when all is well.
    Q_PROPERTY(QString warning READ warning NOTIFY changed)
    Q_PROPERTY(QString runway READ runway NOTIFY changed)

    Q_PROPERTY(assistiv::console::ConsoleAction *topUp READ topUp CONSTANT)
    /// What is typed into the dialog; 0 while it is not valid.
    Q_PROPERTY(qint64 amount READ amount WRITE setAmount NOTIFY draftChanged)
    Q_PROPERTY(QString description READ description WRITE setDescription NOTIFY draftChanged)
    Q_PROPERTY(QString balanceNow READ balanceNow NOTIFY draftChanged)
    Q_PROPERTY(QString balanceAfter READ balanceAfter NOTIFY draftChanged)
    Q_PROPERTY(bool booking READ isBooking NOTIFY draftChanged)
    Q_PROPERTY(QString verb READ verb NOTIFY draftChanged)
    /// What became of the last top-up: "$25.00 booked", "Already booked at 14:02:11".
    Q_PROPERTY(QString result READ result NOTIFY draftChanged)

public:
    explicit WalletModel(QObject *parent = nullptr);

    QString platform() const { return m_platform.isNull() ? QString() : m_platform.toString(); }
    void setPlatform(const QString &id);

    bool isKnown() const { return m_known; }
    qint64 balance() const { return m_wallet.balance.micros(); }
    bool isExhausted() const { return m_known && m_wallet.balance <= Money(); }
    bool isLow() const;
    QString warning() const;
    QString runway() const;

    ConsoleAction *topUp() { return &m_topUp; }
    qint64 amount() const { return m_amount.micros(); }
    void setAmount(qint64 micros);
    QString description() const { return m_description; }
    void setDescription(const QString &description);
    QString balanceNow() const;
    QString balanceAfter() const;
    bool isBooking() const { return m_topUp.isRunning() || m_lookUp.isRunning(); }
    QString verb() const;
    QString result() const { return m_result; }

    /// Books the draft. After an unclear result the same booking is sent again; a changed one only after the engine was
    /// asked what became of the first.
    Q_INVOKABLE void book();

Q_SIGNALS:
    void platformChanged();
    void draftChanged();

protected:
    bool canAsk() const override { return !m_platform.isNull(); }
    void ask() override;
    QString failureTitle() const override;
    bool concerns(ConsoleEngine::Topic topic) const override;

private:
    void send();
    void settle();
    void show(const WalletBooking &booking);
    bool isSent() const { return m_sent.amount == m_amount && m_sent.description == m_description; }

    PlatformId m_platform;
    bool m_known = false;
    WalletState m_wallet;
    ConsoleAction m_topUp;
    ConsoleAction m_lookUp;
    Money m_amount;
    QString m_description;
    WalletTopUp m_sent;
    QString m_result;
};

} // namespace assistiv::console
