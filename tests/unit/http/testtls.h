// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArray>
#include <QtNetwork/QSslCertificate>
#include <QtNetwork/QSslConfiguration>
#include <QtNetwork/QSslKey>

/// A certificate for localhost that nobody should trust; its key is public, as you see.
inline QSslConfiguration testTls()
{
    static const QByteArray certificate = R"(
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUbvHV98Rw4b5igKschl75GPBfpjcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA3NDE1NVoYDzIxMjYxMDI4
MDc0MTU1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASeSYN/i5rqQsGkSl2aXlSRZJcqYyx7tWBQVyT2dkFM78xdhmeEaoa3
P9wSL1xp1/vZBWygY1YOguvJxPmkO3tho28wbTAdBgNVHQ4EFgQUChgoAkgsZvD1
5XyUNT+0SahN2KQwHwYDVR0jBBgwFoAUChgoAkgsZvD15XyUNT+0SahN2KQwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgdeEZ9ihL1+bbBiK+cV34yNhzX/lWdKgqylT6P+4pn1oCIEOe
vNs92oQzxmjGHD0UduCOFaMk35qunH8v/Vl5efyS
-----END CERTIFICATE-----
)";
    static const QByteArray key = R"(
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBkIlkJ7we+BO6YV4
dy6cXT2+DSuEdyCDd96vOozbbKGhRANCAASeSYN/i5rqQsGkSl2aXlSRZJcqYyx7
tWBQVyT2dkFM78xdhmeEaoa3P9wSL1xp1/vZBWygY1YOguvJxPmkO3th
-----END PRIVATE KEY-----
)";
    QSslConfiguration tls;
    tls.setLocalCertificate(QSslCertificate(certificate));
    tls.setPrivateKey(QSslKey(key, QSsl::Ec));
    return tls;
}
