// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ledger/accountnews.h"

#include "store/nodestore.h"

#include <QtCore/QSet>

namespace assistiv {

namespace {

// A message is text: a head "1 node number part parts" and a line of words for each thing that changed, which begins
// with a letter for its kind.
constexpr QByteArrayView NewsForm = "1";
constexpr char WalletLine = 'w';
constexpr char BudgetLine = 'b';
constexpr char KeyLine = 'k';
constexpr char PlatformLine = 'p';
constexpr char EndUserLine = 'u';
constexpr char ProviderKeysLine = 'l';
constexpr char PlatformLimitsLine = 'q';
constexpr char EndUserLimitsLine = 'r';
constexpr char CatalogueLine = 'c';
constexpr QByteArrayView Nothing = "-";

QByteArray spelled(Money money) { return QByteArray::number(money.micros()); }
QByteArray spelled(Timestamp moment) { return QByteArray::number(moment.ms()); }
QByteArray spelled(bool flag) { return flag ? "1" : "0"; }
template<typename Tag>
QByteArray spelled(const Id<Tag> &id)
{
    return id.isNull() ? Nothing.toByteArray() : id.toLatin1();
}

template<typename... Values>
QByteArray lineOf(char kind, const Values &...values)
{
    QByteArray line(1, kind);
    ((line += ' ' + spelled(values)), ...);
    return line;
}

/// The last state of each thing, by what names it.
template<typename State, typename NameOf, typename LineOf>
void appendNewest(QByteArrayList &lines, const QList<State> &states, NameOf nameOf, LineOf lineFor)
{
    QSet<std::decay_t<decltype(nameOf(states.constFirst()))>> told;
    for (auto state = states.crbegin(); state != states.crend(); ++state) {
        const qsizetype before = told.size();
        told.insert(nameOf(*state));
        if (told.size() > before)
            lines.append(lineFor(*state));
    }
}

QByteArrayList linesOf(const AccountChanges &changes)
{
    QByteArrayList lines;
    if (changes.catalogue)
        lines.append(QByteArray(1, CatalogueLine));
    appendNewest(
        lines, changes.keys, [](const KeyState &k) { return k.hash; },
        [](const KeyState &k) { return QByteArray(1, KeyLine) + ' ' + k.hash.toHex(); });
    appendNewest(
        lines, changes.platforms, [](const PlatformState &p) { return p.id; },
        [](const PlatformState &p) { return lineOf(PlatformLine, p.id); });
    appendNewest(
        lines, changes.providerKeys, [](const ProviderKeysState &k) { return k.platform; },
        [](const ProviderKeysState &k) { return lineOf(ProviderKeysLine, k.platform); });
    appendNewest(
        lines, changes.endUsers, [](const EndUserState &u) { return u.id; },
        [](const EndUserState &u) { return lineOf(EndUserLine, u.platform, u.id); });
    appendNewest(
        lines, changes.platformLimits, [](const PlatformLimitsState &l) { return l.platform; },
        [](const PlatformLimitsState &l) { return lineOf(PlatformLimitsLine, l.platform); });
    appendNewest(
        lines, changes.endUserLimits, [](const EndUserLimitsState &l) { return l.endUser; },
        [](const EndUserLimitsState &l) { return lineOf(EndUserLimitsLine, l.platform, l.endUser); });
    appendNewest(
        lines, changes.wallets, [](const WalletState &w) { return w.platform; },
        [](const WalletState &w) { return lineOf(WalletLine, w.platform, w.id, w.balance, w.isActive); });
    appendNewest(
        lines, changes.budgets, [](const BudgetState &b) { return b.endUser; },
        [](const BudgetState &b) {
            return lineOf(BudgetLine, b.platform, b.endUser, b.id, b.isActive, b.max, b.used, b.isSuspended,
                          b.periodEnd);
        });
    return lines;
}

/// Takes the words of one line from left to right; good() is false as soon as one was not what it should be.
class WordReader
{
public:
    explicit WordReader(const QByteArray &line) : m_words(line.split(' ')) {}

    QByteArray word() { return m_at < m_words.size() ? m_words[m_at++] : failed(); }
    qint64 number()
    {
        bool isNumber = false;
        const qint64 value = word().toLongLong(&isNumber);
        m_good = m_good && isNumber;
        return value;
    }
    Money money() { return Money::fromMicros(number()); }
    Timestamp time() { return Timestamp::fromMs(number()); }
    bool flag() { return number() != 0; }
    template<typename SomeId>
    SomeId id()
    {
        const QByteArray text = word();
        const auto id = SomeId::parse(QString::fromLatin1(text));
        m_good = m_good && (id || text == Nothing);
        return id.value_or(SomeId());
    }
    /// Every word was there and good, and none is left.
    bool good() const { return m_good && m_at == m_words.size(); }

private:
    QByteArray failed()
    {
        m_good = false;
        return {};
    }

    const QByteArrayList m_words;
    qsizetype m_at = 0;
    bool m_good = true;
};

bool readLine(const QByteArray &line, AccountChanges &into)
{
    WordReader words(line);
    const QByteArray kind = words.word();
    if (kind.size() != 1)
        return false;
    switch (kind[0]) {
    case WalletLine: {
        WalletState state { .platform = words.id<PlatformId>() };
        state.id = words.id<WalletId>();
        state.balance = words.money();
        state.isActive = words.flag();
        into.add(state);
        break;
    }
    case BudgetLine: {
        BudgetState state { .platform = words.id<PlatformId>() };
        state.endUser = words.id<EndUserId>();
        state.id = words.id<BudgetId>();
        state.isActive = words.flag();
        state.max = words.money();
        state.used = words.money();
        state.isSuspended = words.flag();
        state.periodEnd = words.time();
        into.add(state);
        break;
    }
    case KeyLine:
        into.add(KeyState { .hash = QByteArray::fromHex(words.word()) });
        if (into.keys.constLast().hash.isEmpty())
            return false;
        break;
    case PlatformLine:
        into.add(PlatformState { .id = words.id<PlatformId>() });
        break;
    case ProviderKeysLine:
        into.add(ProviderKeysState { .platform = words.id<PlatformId>(), .keys = {} });
        break;
    case EndUserLine: {
        const auto platform = words.id<PlatformId>();
        into.add(EndUserState { .platform = platform, .id = words.id<EndUserId>() });
        break;
    }
    case PlatformLimitsLine:
        into.add(PlatformLimitsState { .platform = words.id<PlatformId>() });
        break;
    case EndUserLimitsLine: {
        const auto platform = words.id<PlatformId>();
        into.add(EndUserLimitsState { .platform = platform, .endUser = words.id<EndUserId>() });
        break;
    }
    case CatalogueLine:
        into.catalogue = true;
        break;
    default:
        return false;
    }
    return words.good();
}

} // namespace

QByteArrayList newsMessages(const QByteArray &node, quint64 number, const AccountChanges &changes)
{
    QByteArrayList bodies { {} };
    const QByteArrayList lines = linesOf(changes);
    for (const QByteArray &line : lines) {
        if (bodies.constLast().size() + line.size() > NodeStore::LongestMessage)
            bodies.append(QByteArray());
        bodies.last() += '\n' + line;
    }
    for (qsizetype i = 0; i < bodies.size(); ++i) {
        const QByteArrayList head { NewsForm.toByteArray(), node, QByteArray::number(number), QByteArray::number(i + 1),
                                    QByteArray::number(bodies.size()) };
        bodies[i].prepend(head.join(' '));
    }
    return bodies;
}

std::optional<AccountNews> newsFrom(const QByteArray &message)
{
    const QByteArrayList lines = message.split('\n');
    WordReader head(lines.constFirst());
    if (head.word() != NewsForm)
        return std::nullopt;
    AccountNews news;
    news.node = head.word();
    news.number = quint64(head.number());
    news.part = int(head.number());
    news.parts = int(head.number());
    if (!head.good())
        return std::nullopt;
    for (const QByteArray &line : lines.sliced(1)) {
        if (!readLine(line, news.changes))
            return std::nullopt;
    }
    return news;
}

} // namespace assistiv
