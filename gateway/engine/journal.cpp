// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/journal.h"

#include "core/log.h"
#include "core/os.h"

namespace assistiv {

using namespace Qt::StringLiterals;

Journal::Journal(const QString &path)
    : m_file(path)
{
}

bool Journal::append(const Settlement &settlement)
{
    const std::scoped_lock lock(m_mutex);
    if (!m_file.open(QIODevice::Append))
        return false;
    // Begins a line of its own, in case the one before was torn by a full disk.
    const QByteArray line = '\n' + journalLine(settlement) + '\n';
    const bool kept = m_file.write(line) == line.size() && m_file.flush() && os::syncToDisk(m_file.handle());
    m_file.close();
    return kept;
}

QList<Settlement> Journal::read()
{
    const std::scoped_lock lock(m_mutex);
    QList<Settlement> settlements;
    if (!m_file.open(QIODevice::ReadOnly))
        return settlements;
    while (!m_file.atEnd()) {
        const QByteArray line = m_file.readLine().trimmed();
        if (line.isEmpty())
            continue;
        if (const auto settlement = settlementFrom(line)) {
            settlements.append(*settlement);
            continue;
        }
        // The last line of a crashed write, most likely: its call was never answered as complete.
        Log::error("journal", u"a line of the settlement journal cannot be read; it is kept in %1.unreadable"_s.arg(m_file.fileName()));
        QFile unreadable(m_file.fileName() + u".unreadable"_s);
        if (unreadable.open(QIODevice::Append))
            unreadable.write(line + '\n');
    }
    m_file.close();
    return settlements;
}

void Journal::clear()
{
    const std::scoped_lock lock(m_mutex);
    if (m_file.exists() && !m_file.remove())
        Log::error("journal", u"the settlement journal cannot be removed; its rows are recognised and not billed again"_s);
}

} // namespace assistiv
