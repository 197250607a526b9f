// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/vault.h"

#include "core/hashing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr char Version = 1;
constexpr int NonceBytes = 12;
constexpr int TagBytes = 16;

struct CipherContext
{
    EVP_CIPHER *algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ~CipherContext()
    {
        EVP_CIPHER_CTX_free(context);
        EVP_CIPHER_free(algorithm);
    }
};

CipherContext &cipher()
{
    thread_local CipherContext context;
    return context;
}

const unsigned char *in(QByteArrayView view)
{
    return reinterpret_cast<const unsigned char *>(view.data());
}

unsigned char *out(QByteArray &bytes, qsizetype offset)
{
    return reinterpret_cast<unsigned char *>(bytes.data() + offset);
}

} // namespace

Vault::Vault(QByteArray masterKey)
    : m_key(std::move(masterKey))
{
    Q_ASSERT(m_key.size() == KeyBytes);
}

Vault::~Vault()
{
    OPENSSL_cleanse(m_key.data(), size_t(m_key.size()));
}

QByteArray Vault::seal(QByteArrayView plain, QByteArrayView context) const
{
    const QByteArray nonce = randomBytes(NonceBytes);
    QByteArray sealed(1 + NonceBytes + plain.size() + TagBytes, Qt::Uninitialized);
    sealed[0] = Version;
    std::copy(nonce.begin(), nonce.end(), sealed.begin() + 1);

    auto &[algorithm, state] = cipher();
    int size = 0;
    if (EVP_EncryptInit_ex2(state, algorithm, in(m_key), in(nonce), nullptr) != 1
        || EVP_EncryptUpdate(state, nullptr, &size, in(context), int(context.size())) != 1
        || EVP_EncryptUpdate(state, out(sealed, 1 + NonceBytes), &size, in(plain), int(plain.size())) != 1
        || EVP_EncryptFinal_ex(state, out(sealed, 1 + NonceBytes + size), &size) != 1
        || EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_GCM_GET_TAG, TagBytes, out(sealed, sealed.size() - TagBytes)) != 1)
        qFatal("AES-256-GCM is not available");
    return sealed;
}

Result<QByteArray> Vault::open(QByteArrayView sealed, QByteArrayView context) const
{
    const Error unreadable { ErrorCode::Internal, u"A stored secret cannot be read with this installation's key."_s };
    if (sealed.size() < 1 + NonceBytes + TagBytes || sealed[0] != Version)
        return unreadable;
    const QByteArrayView nonce = sealed.sliced(1, NonceBytes);
    const QByteArrayView body = sealed.sliced(1 + NonceBytes, sealed.size() - 1 - NonceBytes - TagBytes);
    QByteArray tag = sealed.last(TagBytes).toByteArray();
    QByteArray plain(body.size(), Qt::Uninitialized);

    auto &[algorithm, state] = cipher();
    int size = 0;
    int rest = 0;
    if (EVP_DecryptInit_ex2(state, algorithm, in(m_key), in(nonce), nullptr) != 1
        || EVP_DecryptUpdate(state, nullptr, &size, in(context), int(context.size())) != 1
        || EVP_DecryptUpdate(state, out(plain, 0), &size, in(body), int(body.size())) != 1
        || EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_GCM_SET_TAG, TagBytes, tag.data()) != 1
        || EVP_DecryptFinal_ex(state, out(plain, size), &rest) != 1)
        return unreadable;
    return plain;
}

QByteArray Vault::fingerprint(QByteArrayView plain) const
{
    return hmacSha256(m_key, QByteArray("fingerprint:").append(plain));
}

QByteArray Vault::keyId() const
{
    return hmacSha256(m_key, "key-id").first(8).toHex();
}

} // namespace assistiv
