// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"
#include "store/accountstate.h"

namespace assistiv {

/// What a repeated request gets again.
struct StoredAnswer
{
    QString fingerprint;
    int status = 200;
    QByteArray body;
};

/// Remembers the answer of every money request that carried an Idempotency-Key (docs/contract/conventions.md). Look-up and
/// writing belong into one savepoint of the writer, together with the request itself.
class Idempotency
{
public:
    explicit Idempotency(const ServiceContext &context) : m_context(context) {}

    /// Empty when the platform has not used the key.
    Result<std::optional<StoredAnswer>> find(const PlatformId &platform, const QString &key);
    /// endUser: whose row it is and with whom it goes; null for the wallet. Conflict when the key was used.
    Result<void> store(const PlatformId &platform, const QString &key, const EndUserId &endUser, const StoredAnswer &answer);

    /// SHA-256 in hex of what makes two requests the same: method, path and the body by value (members sorted, blanks
    /// dropped, 5 and 5.00 equal). Exact: numbers are compared as decimals.
    static QString requestFingerprint(const QByteArray &method, const QByteArray &path, const QByteArray &body);

private:
    ServiceContext m_context;
};

} // namespace assistiv
