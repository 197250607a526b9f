// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtCore/QByteArrayList>
#include <QtCore/QRandomGenerator>

/// The seed of a random test: printed, and taken from ASSISTIV_TEST_SEED to repeat a run.
inline quint32 testSeed()
{
    const int given = qEnvironmentVariableIntValue("ASSISTIV_TEST_SEED");
    const quint32 seed = given ? quint32(given) : QRandomGenerator::global()->generate();
    qInfo("ASSISTIV_TEST_SEED=%u", seed);
    return seed;
}

/// A sound request with one to three changes, mostly of the kind that parsers trip over.
inline QByteArray mutatedRequest(QRandomGenerator &random)
{
    static const QByteArrayList poison = {
        "\r",
        "\n",
        "\r\n",
        "\r\n\r\n",
        ":",
        " ",
        "\t",
        "%",
        ",",
        "0",
        "\x7f",
        "\xff",
        QByteArray(1, '\0'),
        " HTTP/1.1",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Host: b\r\n",
        "Connection: close\r\n",
        "X-Fine: 1\r\n",
    };
    QByteArray text = "POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: gateway:8790\r\nContent-Length: 12\r\n"
                      "Connection: keep-alive\r\nAccept: */*\r\nAuthorization: Bearer sk-eu_0\r\n\r\n{\"a\": \"bcd\"}";
    for (int change = random.bounded(1, 4); change > 0; --change) {
        const qsizetype at = random.bounded(int(text.size()));
        const QByteArray &drop = poison[random.bounded(int(poison.size()))];
        switch (random.bounded(5)) {
        case 0:
            text[at] = char(random.bounded(256));
            break;
        case 1:
            text.remove(at, random.bounded(1, 8));
            break;
        case 2:
            text.insert(at, drop);
            break;
        case 3:
            text.insert(text.indexOf('\n', at) + 1, drop);
            break;
        case 4:
            text.insert(at, text.mid(at, random.bounded(40)));
            break;
        }
    }
    return text;
}
