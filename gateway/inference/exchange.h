// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "catalog/catalogsnapshot.h"
#include "inference/callgates.h"
#include "inference/inferenceparts.h"
#include "inference/question.h"
#include "inference/routing.h"
#include "providers/upstreamfailure.h"

#include <QtCore/QObject>
#include <QtCore/QPointer>
#include <QtCore/QTimer>

#include <memory>
#include <optional>

namespace assistiv {

/// One request for inference in flight, from the gates to the last byte. It outlives its client: what was used is settled even when
/// nobody waits for it. Deletes itself when it is over; deleting it earlier cancels the upstream call without settling.
class InferenceExchange final : public QObject
{
    Q_OBJECT

public:
    InferenceExchange(InferenceParts &parts, const Caller &caller, const QByteArray &keyHash, HttpExchange *client,
                      QObject *parent);
    ~InferenceExchange() override;

    /// api: the protocol that the client speaks.
    void start(ClientApi api);
    /// Shutdown: ends the upstream call and settles what was used.
    void cancel();

private:
    /// One upstream call of the request; fail-over makes a new one.
    struct Attempt
    {
        RouteLeg leg;
        std::unique_ptr<Dialogue> dialogue;
        int number = 0;
        Timestamp startedAt;
        qint64 startedSteadyMs = 0;
        qint64 firstByteMs = -1;
        UpstreamOutcome failure = UpstreamOutcome::Failed; // should it end with an error
        HttpReply *reply = nullptr;
        /// What the client sent and this provider was not asked.
        QByteArrayList dropped;
    };

    // In this order.
    void passGates();
    bool chooseRoute();
    /// What was said before is read; then the gates are passed again, as it may have taken a while.
    void readConversation();
    void askConversation(const ConversationWish &wish);
    void callNext();
    void callUpstream(UpstreamCall call);
    /// Begins an attempt on the next way that can be asked this; empty when there is none.
    std::optional<UpstreamCall> nextCall();
    void onHead();
    void onBytes();
    void onFinished();
    void onClientGone();

    void take(const Dialogue::Step &step);
    void forward(const QByteArray &frame);
    void finish();
    void send(const QByteArray &lastBytes);
    /// In the answer's head; not before it is known whose answer it will be.
    void nameDropped();
    void failAttempt(const UpstreamFailure &failure);
    /// The provider answered with another status than 200.
    void onRefusal();
    /// A gate is shut: nothing was called, nothing will be billed.
    void refuse(const Error &error);
    void endWithError(const Error &error);
    /// What a client reads of it whose stream has begun; usage: as billed.
    QByteArray streamFailure(const Error &error, const Usage &usage);
    /// The call is used and paid for upstream, but its bill was not committed.
    void endUnbilled(Error error);

    /// Hands the attempt's bill to the writer; then is called after the commit (empty: nobody waits).
    void settle(CallStatus status, const std::optional<Usage> &usage, TokenCountMethod method, const QString &problem,
                std::function<void(Result<void>)> then, std::shared_ptr<const StoredResponse> response = {});
    QByteArray metadata(const Usage &usage, Picos providerCost, Money billed) const;
    void noteAttempt(CallStatus status);
    void dropReply();
    void over();

    InferenceParts &m_parts;
    const Caller m_caller;
    const QByteArray m_keyHash;
    QPointer<HttpExchange> m_client;
    const QByteArray m_requestId;
    const qint64 m_startedSteadyMs;
    std::unique_ptr<Question> m_question;
    CallGates m_gates;
    Admission m_admission;
    std::shared_ptr<const CatalogSnapshot> m_catalogue;
    const CatalogModel *m_model = nullptr;
    QList<RouteLeg> m_legs;
    Attempt m_attempt;
    AnswerIdentity m_identity;
    /// Body of an answer that is an error.
    QByteArray m_errorBody;
    /// What the client hears when no way is left.
    Error m_error;
    QTimer m_silence;
    bool m_streaming = false;
    bool m_upstreamEnded = false;
    bool m_settled = false;
    bool m_hasRead = false;
    int m_gateRounds = 0;
    /// On its thread; kept until its settlement is committed.
    Turn m_turn;
    /// The stream's end, when it had to be known before the bill.
    QByteArray m_farewell;
};

} // namespace assistiv
