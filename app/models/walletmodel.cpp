// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "walletmodel.h"

#include "console/moneytext.h"

#include <QtCore/QDateTime>
#include <QtCore/QLocale>

namespace assistiv::console {

namespace {

QString timeOfDay(qint64 ms)
{
    return QLocale().toString(QDateTime::fromMSecsSinceEpoch(ms).time(), QStringLiteral("HH:mm:ss"));
}

} // namespace

WalletModel::WalletModel(QObject *parent)
    : PageModel(parent)
    , m_topUp(ConsoleAction::Kind::Write, tr("The wallet was not topped up"), this)
    , m_lookUp(ConsoleAction::Kind::Look, tr("The engine does not say what was booked"), this)
{
    connect(&m_lookUp, &ConsoleAction::changed, this, &WalletModel::draftChanged);
    connect(&m_topUp, &ConsoleAction::changed, this, &WalletModel::draftChanged);
    connect(this, &PageModel::changed, this, &WalletModel::draftChanged);
}

void WalletModel::setPlatform(const QString &id)
{
    const PlatformId platform = PlatformId::parse(id).value_or(PlatformId());
    if (m_platform == platform)
        return;
    m_platform = platform;
    m_known = false;
    forget();
    Q_EMIT platformChanged();
}

void WalletModel::ask()
{
    engine()->readWallet(this, m_platform, answer<WalletState>([this](const WalletState &wallet) {
                             m_wallet = wallet;
                             m_known = true;
                         }));
}

QString WalletModel::failureTitle() const
{
    return tr("The wallet could not be read");
}

bool WalletModel::concerns(ConsoleEngine::Topic topic) const
{
    return topic == ConsoleEngine::Topic::Wallet || topic == ConsoleEngine::Topic::Requests;
}

bool WalletModel::isLow() const
{
    return m_known && m_wallet.lowThreshold && m_wallet.balance <= *m_wallet.lowThreshold;
}

QString WalletModel::warning() const
{
    if (!m_known)
        return {};
    if (!m_wallet.active)
        return tr("not active");
    if (isExhausted())
        return tr("empty, calls are refused");
    if (isLow())
        return tr("below %1 threshold").arg(plainMoney(*m_wallet.lowThreshold));
    return {};
}

QString WalletModel::runway() const
{
    if (!m_known)
        return {};
    if (isExhausted())
        return tr("No call runs until you top up.");
    if (!m_wallet.spendPerHour || *m_wallet.spendPerHour <= Money())
        return tr("Nothing was spent in the last 24 hours.");

    const QString rate = tr("%1\u00a0/\u00a0h").arg(plainMoney(*m_wallet.spendPerHour));
    const qint64 hours = m_wallet.balance.micros() / m_wallet.spendPerHour->micros();
    if (hours < 1)
        return tr("Less than an hour left at the current spend of %1").arg(rate);
    if (hours < 48)
        return tr("About %n hour(s) left at the current spend of %1", nullptr, int(hours)).arg(rate);
    if (hours < 24 * 365)
        return tr("About %n day(s) left at the current spend of %1", nullptr, int(hours / 24)).arg(rate);
    return tr("More than a year left at the current spend of %1").arg(rate);
}

void WalletModel::setAmount(qint64 micros)
{
    if (m_amount.micros() == micros)
        return;
    m_amount = Money::fromMicros(micros);
    Q_EMIT draftChanged();
}

void WalletModel::setDescription(const QString &description)
{
    if (m_description == description)
        return;
    m_description = description;
    Q_EMIT draftChanged();
}

QString WalletModel::balanceNow() const
{
    return m_known ? exactMoney(m_wallet.balance) : QStringLiteral("–");
}

QString WalletModel::balanceAfter() const
{
    return m_known && m_amount > Money() ? exactMoney(m_wallet.balance + m_amount) : QStringLiteral("–");
}

QString WalletModel::verb() const
{
    return m_amount > Money() ? tr("Top up %1").arg(plainMoney(m_amount)) : tr("Top up");
}

void WalletModel::book()
{
    if (!engine() || m_platform.isNull() || m_amount <= Money() || isBooking())
        return;
    m_result.clear();
    if (m_topUp.isUnclear() && !isSent())
        settle();
    else
        send();
}

void WalletModel::send()
{
    m_sent = {m_platform, m_amount, m_description, m_topUp.key()};
    engine()->topUpWallet(this, m_sent,
                          m_topUp.begin<WalletBooking>([this](const WalletBooking &booking) { show(booking); }));
}

/// The fields were changed after an unclear result: with the old key the changed booking would be refused, with a new
/// one it might come on top of the first. So the engine says first what became of the old key.
void WalletModel::settle()
{
    using Found = std::optional<WalletBooking>;
    engine()->findTopUp(this, m_platform, m_sent.idempotencyKey, m_lookUp.begin<Found>([this](const Found &found) {
        if (found) {
            show({found->amount, found->balanceAfter, found->bookedAtMs, true});
            m_topUp.resolve();
        } else {
            m_topUp.renew();
            send();
        }
    }));
}

void WalletModel::show(const WalletBooking &booking)
{
    m_wallet.balance = booking.balanceAfter;
    m_result = booking.replayed
        ? tr("%1 was already booked at %2").arg(plainMoney(booking.amount), timeOfDay(booking.bookedAtMs))
        : tr("%1 booked").arg(plainMoney(booking.amount));
    // A balance that was read before the booking must not be shown after it.
    outdate();
    Q_EMIT changed();
    reloadSoon();
}

} // namespace assistiv::console
