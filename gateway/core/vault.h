// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/result.h"

#include <QtCore/QByteArray>

#include <memory>

namespace assistiv {

/// Encrypts what must be readable again (provider keys, webhook secrets, OAuth tokens) with AES-256-GCM. Immutable and
/// thread-safe. Layout of a sealed value: version byte 1, 12 bytes nonce, ciphertext, 16 bytes tag.
class Vault
{
public:
    static constexpr int KeyBytes = 32;

    /// masterKey must have KeyBytes bytes.
    explicit Vault(QByteArray masterKey);
    ~Vault();
    Vault(const Vault &) = delete;
    Vault &operator=(const Vault &) = delete;

    /// A fresh nonce each time; context (row id and column) is authenticated, not stored.
    QByteArray seal(QByteArrayView plain, QByteArrayView context) const;
    /// Internal when the value was changed, or sealed with another key or for another context.
    Result<QByteArray> open(QByteArrayView sealed, QByteArrayView context) const;
    /// A keyed hash: equal secrets can be found without opening them.
    QByteArray fingerprint(QByteArrayView plain) const;
    /// Tells keys apart without revealing them: first 8 bytes of a keyed hash, in hex.
    QByteArray keyId() const;

private:
    QByteArray m_key;
};

} // namespace assistiv
