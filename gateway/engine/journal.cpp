// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/journal.h"

#include "core/log.h"
#include "core/os.h"

#include <QtCore/QDir>

namespace assistiv {

using namespace Qt::StringLiterals;

Journal::Journal(const QString &path)
    : m_file(path)
{
}

QString Journal::pathIn(const QString &dataDir)
{
    return QDir(dataDir).filePath(u"settlements.journal"_s);
}

bool Journal::append(const Settlement &settlement)
{
    const std::scoped_lock lock(m_mutex);
    if (!m_file.open(QIODevice::Append | QIODevice::Unbuffered))
        return false;
    // Begins a line of its own, in case the one before was torn by a power cut.
    const QByteArray line = '\n' + journalLine(settlement) + '\n';
    const qint64 end = m_file.size();
    const bool kept = m_file.write(line) == line.size() && os::syncToDisk(m_file.handle());
    if (!kept)
        m_file.resize(end); // what a full disk took of it would only fill it further
    m_file.close();
    m_waiting.fetch_add(kept, std::memory_order_relaxed);
    return kept;
}

Result<QList<Settlement>> Journal::read()
{
    const std::scoped_lock lock(m_mutex);
    QList<Settlement> settlements;
    if (!m_file.exists())
        return settlements;
    // Not to be taken for an empty one: what it holds would be thrown away as replayed.
    const auto failure = [this](const QString &reason) {
        return Error { ErrorCode::Internal, u"The settlement journal %1 cannot be read: %2"_s.arg(m_file.fileName(), reason) };
    };
    if (!m_file.open(QIODevice::ReadOnly))
        return failure(m_file.errorString());
    const QByteArray contents = m_file.readAll();
    const bool wasRead = m_file.error() == QFileDevice::NoError;
    const QString reason = m_file.errorString();
    m_file.close();
    if (!wasRead)
        return failure(reason);

    QByteArray unreadable;
    for (const QByteArray &each : contents.split('\n')) {
        const QByteArray line = each.trimmed();
        if (line.isEmpty())
            continue;
        if (const auto settlement = settlementFrom(line))
            settlements.append(*settlement);
        else
            unreadable += line + '\n';
    }
    if (unreadable.isEmpty())
        return settlements;
    // The last line of a crashed write, most likely: its call was never answered as complete.
    const QString beside = m_file.fileName() + u".unreadable"_s;
    Log::error("journal", u"lines of the settlement journal cannot be read; they are kept in %1"_s.arg(beside));
    QFile kept(beside);
    if (!kept.open(QIODevice::Append) || kept.write(unreadable) != unreadable.size() || !kept.flush())
        return failure(u"its unreadable lines cannot be kept in %1"_s.arg(beside));
    return settlements;
}

void Journal::keepOnly(const QList<Settlement> &settlements)
{
    const std::scoped_lock lock(m_mutex);
    QByteArray lines;
    for (const Settlement &settlement : settlements)
        lines += journalLine(settlement) + '\n';
    m_waiting.store(settlements.size(), std::memory_order_relaxed);
    const bool kept = lines.isEmpty() ? !m_file.exists() || m_file.remove() : os::replacePrivateFile(m_file.fileName(), lines);
    if (!kept)
        Log::error("journal", u"the settlement journal cannot be changed; its rows are recognised and not billed again"_s);
}

} // namespace assistiv
