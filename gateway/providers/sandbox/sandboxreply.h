// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/clock.h"
#include "net/httpreply.h"

#include <QtCore/QByteArrayList>
#include <QtCore/QStringList>

class QTimer;

namespace assistiv {

/// The built-in provider: answers like an OpenAI server, without network and without a key. It echoes the last user
/// message, word by word, and calls a tool when told to (docs/contract/sandbox.md).
class SandboxReply final : public HttpReply
{
    Q_OBJECT

public:
    /// request is the body of a chat completion call.
    SandboxReply(const QByteArray &request, Timestamp now, QObject *parent);

    /// What it can be asked for.
    static QStringList models();

    int status() const override { return m_status; }
    HttpHeaders headers() const override;
    QByteArray takeBytes() override { return std::exchange(m_arrived, {}); }
    bool isFinished() const override { return m_finished; }
    NetError error() const override { return NetError::None; }
    QString errorText() const override { return {}; }
    bool mayHaveBeenReceived() const override { return true; }
    void pause() override;
    void resume() override;

private:
    void sendNext();

    QByteArrayList m_pieces;
    QByteArray m_arrived;
    QTimer *m_timer;
    bool m_streams = false;
    bool m_finished = false;
    int m_status = 0;
};

} // namespace assistiv
