// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "scenes.h"

#include <array>

namespace assistiv::console {

namespace {

constexpr qint64 HourMs = 3600 * 1000;

constexpr std::array spendCents{210, 180, 160, 140, 120, 110, 150, 240, 390, 520, 610, 580,
                                510, 560, 680, 720, 690, 610, 500, 420, 360, 310, 270, 240};
constexpr std::array goodCalls{210, 190, 160, 150, 130, 120, 160, 260, 410, 560, 640, 610,
                               540, 590, 700, 742, 720, 640, 530, 450, 380, 330, 290, 250};
constexpr std::array failedCalls{2, 1, 1, 0, 0, 1, 2, 4, 6, 12, 48, 31, 9, 7, 6, 8, 5, 6, 4, 3, 3, 2, 2, 1};
constexpr std::array slowMs{1210, 1190, 1180, 1160, 1150, 1140, 1180, 1240, 1390, 1520, 2640, 2210,
                            1580, 1490, 1510, 1560, 1530, 1490, 1420, 1360, 1320, 1290, 1260, 1230};
constexpr std::array middleMs{610, 600, 590, 585, 580, 575, 590, 620, 690, 740, 980, 870,
                              760, 720, 730, 750, 740, 720, 690, 670, 650, 640, 630, 620};

Money dollars(const char *text)
{
    return *Money::parse(text);
}

PlatformId platformId(int number)
{
    return PlatformId::fromStored(QStringLiteral("00000000-0000-4000-8000-00000000000%1").arg(number));
}

EndUserId endUserId(int number)
{
    return EndUserId::fromStored(QStringLiteral("10000000-0000-4000-8000-00000000000%1").arg(number));
}

ProviderId providerId(int number)
{
    return ProviderId::fromStored(QStringLiteral("20000000-0000-4000-8000-00000000000%1").arg(number));
}

ModelId modelId(int number)
{
    return ModelId::fromStored(QStringLiteral("30000000-0000-4000-8000-00000000000%1").arg(number));
}

void addServer(FakeEngine &engine)
{
    engine.server = {};
    engine.server.state = ServerState::Running;
    engine.server.origin = QStringLiteral("http://127.0.0.1:8790");
    engine.server.startedAtMs = engine.time.now().ms() - (6 * 24 * HourMs + 4 * HourMs + 12 * 60 * 1000);
    engine.server.callsInFlight = 3;
    engine.server.callsAllowed = 64;
    engine.server.workers = 4;
    engine.server.database = QStringLiteral("SQLite");
    engine.server.databaseBytes = 41'200'000;
    engine.server.webhooksPending = 7;
}

void addFigures(FakeEngine &engine)
{
    OverviewFigures &figures = engine.figures;
    figures = {};
    figures.toMs = engine.time.now().ms();
    figures.fromMs = figures.toMs - 24 * HourMs;
    for (size_t i = 0; i < spendCents.size(); ++i) {
        OverviewPoint point;
        point.fromMs = figures.fromMs + qint64(i) * HourMs;
        point.spend = Money::fromMicros(qint64(spendCents[i]) * 10'000 + 1234);
        point.requests = goodCalls[i] + failedCalls[i];
        point.failed = failedCalls[i];
        point.p95Ms = slowMs[i];
        point.p50Ms = middleMs[i];
        figures.spend += point.spend;
        figures.requests += point.requests;
        figures.failed += point.failed;
        figures.points += point;
    }
    figures.spendBefore = Money::fromMicros(figures.spend.micros() * 100 / 112);
    figures.p95Ms = 1490;
    figures.p50Ms = 690;
    figures.overheadMs = 4;
    figures.anyRequest = true;

    const qint64 now = figures.toMs;
    figures.errors = {
        {504, QStringLiteral("provider_timeout"), {QStringLiteral("Anthropic")}, 48, now - 6 * HourMs},
        {402,
         QStringLiteral("wallet_insufficient"),
         {QStringLiteral("acct_10482"), QStringLiteral("acct_11920")},
         31,
         now - 4 * 60 * 1000},
        {429, QStringLiteral("rate_limit_exceeded"), {QStringLiteral("demo-tenant-7")}, 22, now - HourMs},
        {404, QStringLiteral("model_not_found"), {QStringLiteral("gpt-4o")}, 9, now - 3 * HourMs},
    };
    figures.lowBudgets = {
        {endUserId(1), QStringLiteral("acct_10482"), dollars("0"), dollars("10")},
        {endUserId(2), QStringLiteral("acct_11920"), dollars("-2.14"), dollars("15")},
        {endUserId(3), QStringLiteral("ada.lovelace"), dollars("3.18426"), dollars("25")},
        {endUserId(4), QStringLiteral("demo-tenant-7"), dollars("1.402918"), dollars("10")},
    };
}

} // namespace

void furnish(FakeEngine &engine)
{
    addServer(engine);
    addFigures(engine);
    engine.platforms = {{platformId(1), QStringLiteral("Northwind Copilot"), QStringLiteral("northwind-copilot"), true},
                        {platformId(2), QStringLiteral("Contoso Help Desk"), QStringLiteral("contoso-help-desk"), true},
                        {platformId(3), QStringLiteral("Fabrikam Studio"), QStringLiteral("fabrikam-studio"), true},
                        {platformId(4), QStringLiteral("Staging"), QStringLiteral("staging"), true}};
    engine.createdPlatform = {engine.platforms.first(), QStringLiteral("sk-plat_Yx83hfLwq0PzKd72mVbT5c1e")};
    engine.progress = {true,         QStringLiteral("claude-3-5-haiku"),
                       true,         dollars("41.268417"),
                       endUserId(1), QStringLiteral("demo"),
                       dollars("5"), true};
    engine.providers = {{providerId(1), QStringLiteral("openai"), QStringLiteral("OpenAI"), false},
                        {providerId(2), QStringLiteral("anthropic"), QStringLiteral("Anthropic"), false},
                        {providerId(3), QStringLiteral("google"), QStringLiteral("Google"), false},
                        {providerId(4), QStringLiteral("xai"), QStringLiteral("xAI"), false}};
    engine.keyTest = {7,
                      410,
                      {{modelId(1), QStringLiteral("claude-sonnet-4"), dollars("3"), dollars("15"), true},
                       {modelId(2), QStringLiteral("claude-3-5-haiku"), dollars("0.8"), dollars("4"), true},
                       {modelId(3), QStringLiteral("claude-opus-4"), dollars("15"), dollars("75"), false}}};
    engine.addedKey = {LlmConfigId::create(), QStringLiteral("…a9f2"), QStringLiteral("claude-3-5-haiku")};
    engine.wallet = {dollars("41.268417"), dollars("50"), true, dollars("4.38")};
    engine.booking = {dollars("25"), dollars("66.268417"), engine.time.now().ms(), false};
    engine.createdEndUser = {endUserId(1), QStringLiteral("demo"), dollars("5"),
                             QStringLiteral("sk-eu_7Kq2dM0vTzR9sXbA4f1d")};
    engine.latest = goodRequest(engine);
}

void emptyOut(FakeEngine &engine)
{
    furnish(engine);
    engine.platforms.clear();
    engine.progress = {};
    engine.latest.reset();
    engine.figures.points.clear();
    engine.figures.anyRequest = false;
    engine.wallet = {};
    engine.server.callsInFlight = 0;
}

void readyForFirstRequest(FakeEngine &engine)
{
    furnish(engine);
    engine.progress.requestSeen = false;
    engine.latest.reset();
    engine.figures = {};
    engine.wallet = {dollars("25"), std::nullopt, true, std::nullopt};
    engine.server.callsInFlight = 0;
}

RequestRow goodRequest(const FakeEngine &engine)
{
    RequestRow row;
    row.atMs = engine.time.now().ms() - 1000;
    row.status = 200;
    row.requestId = QStringLiteral("5f0f7c1e-1f0a-4a36-9d0b-5a5ad3c4b8f1");
    row.model = QStringLiteral("claude-3-5-haiku");
    row.inputTokens = 9;
    row.outputTokens = 14;
    row.durationMs = 612;
    row.cost = dollars("0.000063");
    row.budgetLeft = dollars("4.999937");
    return row;
}

RequestRow failedRequest(const FakeEngine &engine)
{
    RequestRow row = goodRequest(engine);
    row.status = 402;
    row.errorCode = QStringLiteral("wallet_insufficient");
    row.durationMs = 2;
    row.budgetLeft = dollars("5");
    return row;
}

} // namespace assistiv::console
