// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "inference/routing.h"

#include <QtCore/QHash>

#include <atomic>
#include <mutex>

namespace assistiv {

/// Which ways to a model have failed lately, so that calls take another one where there is one
/// (docs/contract/llm-configs-and-models.md, "Cool-down"). A way is a mapping with a platform's key: what one platform's key
/// may not do any more says nothing about another's. Shared by all workers, thread-safe; a restart forgets it.
class Cooldowns
{
public:
    /// So many failures in a row, and a way is left alone even where the provider did not ask for it.
    static constexpr int Patience = 3;

    /// A way that is being left alone.
    struct Cooling
    {
        /// Slug of the provider and its own id of the model.
        QString provider;
        QString providerModel;
        LlmConfigId key;
        Timestamp until;
        int failures = 0;
    };

    explicit Cooldowns(const Clock &clock) : m_clock(clock) {}

    /// Puts the ways that are cooling down behind the others, in the order in which they were; none is left out, because an answer
    /// is worth a try. Of a way whose time is over, one call is the probe: until it has come back, others go elsewhere.
    void sort(QList<RouteLeg> &legs);
    /// That way has answered.
    void noteSuccess(const RouteLeg &leg);
    /// That way failed in a manner that another way might not. retryAfterSeconds: what the provider asked for, 0 when nothing.
    void noteFailure(const RouteLeg &leg, int retryAfterSeconds);

    /// That way's call ended without telling anything about it; if it was the probe, the next call is.
    void noteNothing(const RouteLeg &leg);

    /// The ways that are left alone now, the one that is tried again first in front.
    QList<Cooling> cooling() const;

private:
    using Way = std::pair<MappingId, LlmConfigId>;
    struct Trouble
    {
        QString provider;
        QString providerModel;
        int failures = 0;
        qint64 untilMs = 0; // steady; 0: not cooling
        Timestamp until;
        bool isProbed = false;
    };
    static Way wayOf(const RouteLeg &leg) { return { leg.mapping->id, leg.key.id }; }
    void rest(Trouble &trouble, qint64 ms) const;

    const Clock &m_clock;
    mutable std::mutex m_mutex;
    QHash<Way, Trouble> m_troubles;
    /// Size of m_troubles: as long as all is well nobody waits for the lock.
    std::atomic<qsizetype> m_count = 0;
};

} // namespace assistiv
