// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "providers/dialogue.h"
#include "providers/registry.h"

#include <QtCore/QJsonObject>
#include <QtCore/QString>

#include <memory>
#include <optional>

namespace assistiv::golden {

/// One folder below tests/golden/<provider>/ (tests/golden/README.md).
struct Case
{
    /// "anthropic/text"
    QString name;
    /// case.json
    QJsonObject facts;
    ClientApi client = ClientApi::Chat;
    ProviderKind kind = ProviderKind::OpenAi;
    UpstreamApi api = UpstreamApi::Chat;
    UpstreamTarget target;
    /// Without one of these no stream of this provider is complete.
    QByteArrayList endMarks;

    // Contents of the files of these names; null when there is no such file.
    QByteArray clientJson;
    QByteArray upstreamJson;
    QByteArray replySse;
    QByteArray replyJson;
    QByteArray answerSse;
    QByteArray answerJson;
};

/// The client's bytes do not travel.
bool isTranslated(const Case &golden);

/// Whether a stream of this case's provider may count as complete at all.
bool mayBeComplete(const Case &golden, const QByteArray &stream);

/// All cases below that folder; ends the program when one of them cannot be read.
QList<Case> allCases(const QString &root);

/// The dialogue of a case for these bytes of a client. stream, when given, takes the place of what the client wants; only
/// for translations.
Result<std::unique_ptr<Dialogue>> dialogueFor(const Case &golden, const QByteArray &clientBytes,
                                              std::optional<bool> stream);

/// All that came of an answer.
struct Outcome
{
    /// Everything the client got.
    QByteArray forClient;
    bool isComplete = false;
    std::optional<UpstreamFailure> failure;
    Dialogue::Consumption consumption;
};
/// Lets a dialogue hear a body with status 200 in these pieces.
Outcome replay(Dialogue &dialogue, const QByteArrayList &pieces);

/// As much of the gateway's error envelope as the cases need.
QByteArray envelope(const Error &error);

} // namespace assistiv::golden
