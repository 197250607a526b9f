// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/cors.h"
#include "unit/http/recordingexchange.h"

#include <QtTest/QTest>

using namespace assistiv;

namespace {

QByteArray valueOf(const HttpHeaders &headers, QByteArrayView name)
{
    for (const auto &[key, value] : headers) {
        if (key == name)
            return value;
    }
    return {};
}

HttpRequest requestFrom(HttpMethod method, const QByteArray &path, const QByteArray &origin)
{
    HttpRequest request;
    request.method = method;
    request.path = path;
    if (!origin.isEmpty())
        request.headers = {{"Origin", origin}};
    return request;
}

} // namespace

class tst_Cors : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void decides_data();
    void decides();
    void letsEveryPageReadByDefault();
    void namesThePageWhenOriginsAreListed();
    void answersPreflights_data();
    void answersPreflights();
    void refusesUnknownPagesOnMcp();
    void leavesOrdinaryRequestsToTheRoutes();
};

void tst_Cors::decides_data()
{
    using enum CorsVerdict;
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("origin");
    QTest::addColumn<CorsVerdict>("byDefault");
    QTest::addColumn<CorsVerdict>("whenListed"); // https://app.example on both lists
    const QByteArray app = "https://app.example";
    const QByteArray other = "https://other.example";
    const auto row = [](const char *name, const char *path, const QByteArray &origin, CorsVerdict a, CorsVerdict b) {
        QTest::newRow(name) << QByteArray(path) << origin << a << b;
    };
    row("a listed page may chat", "/v1/chat/completions", app, Allowed, Allowed);
    row("an unlisted page is not helped", "/v1/chat/completions", other, Allowed, NotShared);
    row("origins ignore case", "/v1/me/budget", "HTTPS://App.Example", Allowed, Allowed);
    row("responses are shared", "/v1/responses", app, Allowed, Allowed);
    row("one response is shared", "/v1/responses/resp_1", app, Allowed, Allowed);
    row("models are shared", "/v1/models", app, Allowed, Allowed);
    row("connections are shared", "/connections", app, Allowed, Allowed);
    row("no page is no matter", "/v1/models", {}, NotShared, NotShared);
    row("platform routes belong on servers", "/v1/platforms/x/end-users", app, NotShared, NotShared);
    row("admin routes belong on servers", "/v1/admin/models", app, NotShared, NotShared);
    row("a longer word is another path", "/v1/modelsx", app, NotShared, NotShared);
    row("a listed page may use mcp", "/mcp", app, Refused, Allowed);
    row("an unlisted page may not use mcp", "/mcp/github", other, Refused, Refused);
    row("pages of this machine may use mcp", "/mcp/github", "http://localhost:5173", Allowed, Allowed);
    row("pages of this machine without a port may, too", "/mcp", "http://127.0.0.1", Allowed, Allowed);
    row("pages of this machine over IPv6 may, too", "/mcp", "http://[::1]:80", Allowed, Allowed);
    row("a host that begins like this machine is another", "/mcp", "http://localhost.evil.example", Refused, Refused);
    row("a page without an origin of its own may not", "/mcp", "null", Refused, Refused);
}

void tst_Cors::decides()
{
    QFETCH(const QByteArray, path);
    QFETCH(const QByteArray, origin);
    QTEST(corsVerdict(path, origin, {}), "byDefault");
    QTEST(corsVerdict(path, origin, {{"https://app.example"}, {"https://app.example"}}), "whenListed");
}

void tst_Cors::letsEveryPageReadByDefault()
{
    const HttpHeaders headers = corsHeaders("/v1/models", "https://app.example", {});
    QCOMPARE(valueOf(headers, "access-control-allow-origin"), QByteArray("*"));
    QVERIFY(valueOf(headers, "access-control-allow-headers").contains("idempotency-key"));
    QVERIFY(valueOf(headers, "access-control-allow-methods").contains("POST"));
    QCOMPARE(valueOf(headers, "access-control-expose-headers"),
             QByteArray("retry-after, x-request-id, mcp-session-id"));
    QVERIFY(valueOf(headers, "access-control-allow-credentials").isEmpty());
    QVERIFY(valueOf(headers, "vary").isEmpty());
}

void tst_Cors::namesThePageWhenOriginsAreListed()
{
    const CorsSettings settings{{"https://app.example", "https://b.example"}, {}};
    const HttpHeaders headers = corsHeaders("/v1/models", "https://app.example", settings);
    QCOMPARE(valueOf(headers, "access-control-allow-origin"), QByteArray("https://app.example"));
    QCOMPARE(valueOf(headers, "vary"), QByteArray("Origin"));
    QVERIFY(corsHeaders("/v1/models", "https://c.example", settings).isEmpty());
    // On /mcp a star is not offered even when every page is let in.
    QCOMPARE(valueOf(corsHeaders("/mcp", "https://c.example", {{}, {"*"}}), "access-control-allow-origin"),
             QByteArray("https://c.example"));
}

void tst_Cors::answersPreflights_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("origin");
    QTest::addColumn<bool>("answered");
    QTest::addColumn<bool>("withHeaders");
    QTest::newRow("a page's") << QByteArray("/v1/responses") << QByteArray("https://app.example") << true << true;
    QTest::newRow("nobody's") << QByteArray("/v1/responses") << QByteArray() << true << false;
    QTest::newRow("not those for platforms")
        << QByteArray("/v1/platforms/x") << QByteArray("https://app.example") << false << false;
}

void tst_Cors::answersPreflights()
{
    QFETCH(const QByteArray, path);
    QFETCH(const QByteArray, origin);
    RecordingExchange exchange(requestFrom(HttpMethod::Options, path, origin));
    QTEST(applyCors(exchange, {}), "answered");
    QFETCH(const bool, answered);
    QCOMPARE(exchange.status, answered ? 204 : 0);
    QVERIFY(exchange.body.isEmpty());
    QTEST(!exchange.headers.isEmpty(), "withHeaders");
}

void tst_Cors::refusesUnknownPagesOnMcp()
{
    for (const HttpMethod method : {HttpMethod::Options, HttpMethod::Post}) {
        RecordingExchange exchange(requestFrom(method, "/mcp", "https://app.example"));
        QVERIFY(applyCors(exchange, {}));
        QCOMPARE(exchange.status, 403);
        QVERIFY(valueOf(exchange.headers, "access-control-allow-origin").isEmpty());
    }
}

void tst_Cors::leavesOrdinaryRequestsToTheRoutes()
{
    RecordingExchange exchange(requestFrom(HttpMethod::Post, "/v1/responses", "https://app.example"));
    QVERIFY(!applyCors(exchange, {}));
    QCOMPARE(exchange.status, 0);
    QCOMPARE(valueOf(exchange.headers, "access-control-allow-origin"), QByteArray("*"));
}

QTEST_APPLESS_MAIN(tst_Cors)
#include "tst_cors.moc"
