// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/llmconfigs.h"
#include "core/clock.h"
#include "net/httpreply.h"

#include <QtCore/QStringList>
#include <QtCore/QTimer>

#include <functional>
#include <optional>

namespace assistiv {

/// One list-models call to a provider, to learn whether a key opens it. Nothing is billed or stored. Deletes itself when it is
/// over; deleting it earlier cancels the call (docs/contract/llm-configs-and-models.md, "Testing a key").
class KeyTest final : public QObject
{
    Q_OBJECT

public:
    struct Outcome
    {
        /// ProviderAuthFailed, ProviderRateLimited, ProviderTimeout, ProviderError or what else a call may end with.
        std::optional<Error> error = {};
        /// The provider's own ids.
        QStringList models = {};
        qint64 latencyMs = 0;
        /// 0: it has not answered.
        int upstreamStatus = 0;
    };
    using Done = std::function<void(const Outcome &)>;

    KeyTest(HttpClient &network, const Clock &clock, ProviderAccess access, QObject *parent);

    /// done is called once, later, and not after the test was deleted.
    void start(Done done);

private:
    void onBytes();
    void onFinished();
    /// With what has arrived.
    Outcome read() const;
    Outcome failed(const Error &error) const;
    void end(Outcome outcome);

    HttpClient &m_network;
    const Clock &m_clock;
    const ProviderAccess m_access;
    Done m_done;
    HttpReply *m_reply = nullptr;
    QByteArray m_body;
    QTimer m_deadline;
    qint64 m_startedSteadyMs = 0;
};

} // namespace assistiv
