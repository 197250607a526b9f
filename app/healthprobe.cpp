// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/healthprobe.h"

#include <QtCore/QTimer>
#include <QtNetwork/QSslSocket>

namespace assistiv {

using namespace Qt::StringLiterals;

void probeHealth(const QString &origin, QObject *context, std::function<void(bool)> done)
{
    constexpr int TimeoutMs = 5'000;
    const QUrl url(origin);
    auto *socket = new QSslSocket(context);
    auto *timeout = new QTimer(socket);
    const auto finish = [socket, done = std::move(done)](bool healthy) {
        socket->disconnect();
        socket->deleteLater();
        done(healthy);
    };
    const auto ask = [socket, host = url.authority().toLatin1()] {
        socket->write("GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    };
    QObject::connect(socket, &QSslSocket::readyRead, context, [socket, finish] {
        if (socket->canReadLine())
            finish(socket->readLine().contains(" 200 "));
    });
    QObject::connect(socket, &QSslSocket::errorOccurred, context, [finish] { finish(false); });
    QObject::connect(timeout, &QTimer::timeout, context, [finish] { finish(false); });
    timeout->start(TimeoutMs);
    if (url.scheme() == "https"_L1) {
        socket->setPeerVerifyMode(QSslSocket::VerifyNone);
        QObject::connect(socket, &QSslSocket::encrypted, context, ask);
        socket->connectToHostEncrypted(url.host(), quint16(url.port()));
    } else {
        QObject::connect(socket, &QSslSocket::connected, context, ask);
        socket->connectToHost(url.host(), quint16(url.port()));
    }
}

} // namespace assistiv
