// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hashing.h"

#include "core/id.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>

namespace assistiv {

namespace {

struct DigestContext
{
    // Fetching the algorithm costs ten times the hashing of a key, so it is done once per thread.
    EVP_MD *algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ~DigestContext()
    {
        EVP_MD_CTX_free(context);
        EVP_MD_free(algorithm);
    }
};

} // namespace

QByteArray sha256(QByteArrayView data)
{
    thread_local DigestContext digest;
    QByteArray out(32, Qt::Uninitialized);
    if (EVP_DigestInit_ex2(digest.context, digest.algorithm, nullptr) != 1
        || EVP_DigestUpdate(digest.context, data.data(), size_t(data.size())) != 1
        || EVP_DigestFinal_ex(digest.context, reinterpret_cast<unsigned char *>(out.data()), nullptr) != 1)
        qFatal("SHA-256 is not available");
    return out;
}

QByteArray hmacSha256(QByteArrayView key, QByteArrayView data)
{
    QByteArray out(32, Qt::Uninitialized);
    unsigned int size = 32;
    if (!HMAC(EVP_sha256(), key.data(), int(key.size()), reinterpret_cast<const unsigned char *>(data.data()),
              size_t(data.size()), reinterpret_cast<unsigned char *>(out.data()), &size))
        qFatal("HMAC-SHA-256 is not available");
    return out;
}

QByteArray randomBytes(int count)
{
    QByteArray out(count, Qt::Uninitialized);
    if (RAND_bytes(reinterpret_cast<unsigned char *>(out.data()), count) != 1)
        qFatal("the system has no random numbers");
    return out;
}

QUuid randomUuid()
{
    // Ids are no secrets, so their random bytes may wait in memory for their turn: one by one they cost a microsecond each.
    constexpr int Stock = 64 * 16;
    thread_local QByteArray stock;
    thread_local qsizetype used = 0;
    if (used == stock.size()) {
        stock = randomBytes(Stock);
        used = 0;
    }
    QByteArray rfc = stock.mid(used, 16);
    used += 16;
    rfc[6] = char((rfc[6] & 0x0f) | 0x40); // version 4
    rfc[8] = char((rfc[8] & 0x3f) | 0x80); // the variant of RFC 9562
    return QUuid::fromRfc4122(rfc);
}

bool equalInConstantTime(QByteArrayView a, QByteArrayView b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), size_t(a.size())) == 0;
}

} // namespace assistiv
