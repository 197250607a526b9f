// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "providers/dialogue.h"

#include "providers/messages/messagesrequest.h"
#include "providers/messages/verbatimmessages.h"
#include "providers/registry.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;
using middle::Part;

namespace {

const FailedReply Refusal { .status = 400,
                            .body = R"({"error":{"message":"Invalid `signature` in `thinking` block"}})" };

UpstreamTarget dialogueTarget(const QByteArray &provider)
{
    UpstreamTarget target { .provider = provider, .model = "m-1", .maxOutputTokens = 64'000 };
    target.quirks.thinking = provider == "google" ? Thinking::Level : Thinking::Adaptive;
    return target;
}

/// A question, what was thought and called for it, and the result.
middle::Request inALoop(const QList<Part> &assistant)
{
    middle::Request request;
    request.turns = { { middle::Role::User, { Part { .content = middle::Text { "Hello" } } } },
                      { middle::Role::Assistant, assistant },
                      { middle::Role::User, { Part { .content = middle::ToolResult { "c1", { middle::Text { "r" } } } } } } };
    return request;
}

std::unique_ptr<Dialogue> with(ProviderKind kind, UpstreamApi api, const UpstreamTarget &target, const QList<Part> &assistant)
{
    return translated(clientProtocol(ClientApi::Chat), *providerCodec(kind, api), inALoop(assistant), target, {});
}

const Part Call { .content = middle::ToolCall { "c1", "f", "{}" } };

Part thinkingOf(const QByteArray &provider)
{
    return { .content = middle::Opaque { provider, "m-1", R"({"type":"thinking","thinking":"","signature":"c2lnbmVk"})" } };
}

} // namespace

/// The call that is made when a provider refuses the reasoning state of earlier answers.
class tst_Dialogue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void leavesOutWhatWasRefused_data();
    void leavesOutWhatWasRefused();
    void otherRefusalsAreFinal();
    void whatWasNotSentCannotBeLeftOut_data();
    void whatWasNotSentCannotBeLeftOut();
    void conversationsThatPassThrough();
};

void tst_Dialogue::leavesOutWhatWasRefused_data()
{
    QTest::addColumn<ProviderKind>("kind");
    QTest::addColumn<UpstreamApi>("api");
    QTest::addColumn<QByteArray>("provider");
    QTest::addColumn<QList<Part>>("assistant");
    QTest::addColumn<QByteArray>("instead");

    const Part signedCall { .content = middle::ToolCall { "c1", "f", "{}", "c2lnbmVk", "google/m-1" } };
    const Part sealedItem { .content = middle::Opaque { "openai", "m-1", R"({"id":"rs_1","encrypted_content":"c2lnbmVk"})" } };
    QTest::newRow("thinking before a call") << ProviderKind::Anthropic << UpstreamApi::Messages << "anthropic"_ba
                                            << QList<Part> { thinkingOf("anthropic"), Call } << QByteArray();
    QTest::newRow("a call's signature") << ProviderKind::Google << UpstreamApi::GenerateContent << "google"_ba
                                        << QList<Part> { signedCall } << "skip_thought_signature_validator"_ba;
    QTest::newRow("an item's encrypted content") << ProviderKind::OpenAi << UpstreamApi::Responses << "openai"_ba
                                                 << QList<Part> { sealedItem, Call } << QByteArray();
}

void tst_Dialogue::leavesOutWhatWasRefused()
{
    QFETCH(ProviderKind, kind);
    QFETCH(UpstreamApi, api);
    QFETCH(QByteArray, provider);
    QFETCH(QList<Part>, assistant);
    QFETCH(QByteArray, instead);
    const auto dialogue = with(kind, api, dialogueTarget(provider), assistant);
    const QByteArray first = dialogue->call()->body;
    QVERIFY(first.contains("c2lnbmVk"));
    const auto second = dialogue->callWithoutState(Refusal);
    QVERIFY(second);
    QVERIFY2(!second->body.contains("c2lnbmVk"), second->body.constData());
    QVERIFY(second->body.contains("Hello") && second->body.contains(instead));
    QCOMPARE(second->path, dialogue->call()->path);
    QVERIFY(!dialogue->callWithoutState(Refusal)); // once
}

void tst_Dialogue::otherRefusalsAreFinal()
{
    const auto dialogue = with(ProviderKind::Anthropic, UpstreamApi::Messages, dialogueTarget("anthropic"), { thinkingOf("anthropic"), Call });
    QVERIFY(!dialogue->callWithoutState({ .status = 400, .body = R"({"error":{"message":"max_tokens: Field required"}})" }));
    QVERIFY(!dialogue->callWithoutState({ .status = 429, .body = Refusal.body }));
    QVERIFY(dialogue->callWithoutState(Refusal)); // those did not count
}

void tst_Dialogue::whatWasNotSentCannotBeLeftOut_data()
{
    QTest::addColumn<QList<Part>>("assistant");
    QTest::newRow("no state") << QList<Part> { Call };
    QTest::newRow("state of another provider") << QList<Part> { thinkingOf("other"), Call };
}

void tst_Dialogue::whatWasNotSentCannotBeLeftOut()
{
    QFETCH(QList<Part>, assistant);
    QVERIFY(!with(ProviderKind::Anthropic, UpstreamApi::Messages, dialogueTarget("anthropic"), assistant)->callWithoutState(Refusal));
}

void tst_Dialogue::conversationsThatPassThrough()
{
    const QByteArray thought = R"({"type":"thinking","thinking":"Hm.","signature":"c2lnbmVk"})";
    const auto dialogue = [](const QByteArray &blocks) {
        const auto request = parseMessagesRequest(
            R"({"model":"x","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[)" + blocks
            + R"(]}, {"role":"user","content":"more"}]})");
        return verbatimMessages(*request, {}, dialogueTarget("anthropic"), {});
    };
    const auto thinking = dialogue(thought + R"(,{"type":"text","text":"A"})");
    QVERIFY(thinking->call()->body.contains(thought));
    const auto second = thinking->callWithoutState(Refusal);
    QVERIFY(second);
    QVERIFY2(!second->body.contains("thinking") && second->body.contains(R"({"type":"text","text":"A"})"), second->body.constData());
    QVERIFY(!thinking->callWithoutState(Refusal));

    QVERIFY(!dialogue(R"({"type":"text","text":"A"})")->callWithoutState(Refusal));
}

QTEST_GUILESS_MAIN(tst_Dialogue)
#include "tst_dialogue.moc"
