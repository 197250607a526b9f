// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixtures/scratchdatabase.h"
#include "fixtures/valueof.h"
#include "ledger/budgets.h"
#include "ledger/responses.h"
#include "ledger/settlementstore.h"
#include "ledger/wallets.h"

#include <QtTest/QTest>

using namespace assistiv;
using namespace Qt::StringLiterals;

namespace {

StoredItem item(const QByteArray &text, const QByteArray &id = {})
{
    return { id, "{\"text\":\"" + text + "\"}" };
}

/// "a, b, c" of what item() made.
QByteArray wordsOf(const QByteArrayList &items)
{
    QByteArrayList words;
    for (const QByteArray &json : items)
        words.append(json.mid(9, json.size() - 11));
    return words.join(", ");
}

} // namespace

/// What is stored with a settlement, and what of it can be seen again by whom.
class tst_StoredResponses : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase_data() { ScratchDatabase::addDialects(); }
    void init();

    void theBodyComesBackByteForByte();
    void aResponseAndItsAncestorsComeOldestFirst();
    void aThreadComesInTheOrderOfCreation();
    void aThreadHasOnlyWhatIsComplete();
    void withBothFieldsThePreviousOneMustBeOfThatThread();
    void aBranchSeesWhatItsAncestorsSaw();
    void anAncestorThatIsGoneBreaksTheChain();
    void itemsAreFoundByTheirIds();
    void strangeIdsAreNobodys();
    void ownersSeeOnlyTheirOwn();
    void everythingExpires();
    void expiredOnesAreRemovedInPortions();
    void deletedIsGone();
    void aConversationHasALimit();
    void referencesHaveALimit();
    void aLongChainHasALimit();
    void nothingIsKeptForWhoIsGone();
    void longRowsGoInSeveralStatements();
    void threadsOfDifferentOwnersHaveDifferentTurns();

private:
    /// With the words as its input and output.
    StoredResponse response(const QByteArray &input, const QByteArray &output, const QByteArray &previous = {},
                            const QByteArray &thread = {});
    Settlement settlement(const ResponseOwner &owner, const StoredResponse &response);
    /// Stores it and returns its id.
    QByteArray store(const ResponseOwner &owner, const StoredResponse &response);
    QByteArray store(const StoredResponse &response) { return store(m_anna, response); }
    Result<void> settle(const QList<Settlement> &calls);
    Result<Conversation> ask(const ResponseOwner &owner, const ConversationWish &wish)
    {
        return m_responses->conversation(owner, wish);
    }
    QByteArray before(const ConversationWish &wish) { return wordsOf(valueOf(ask(m_anna, wish)).before); }
    void isRefused(const ResponseOwner &owner, const ConversationWish &wish, ErrorCode code, const QString &param);
    qint64 number(const QString &sql) { return m_scratch->number(sql); }

    std::unique_ptr<ScratchDatabase> m_scratch;
    std::unique_ptr<Budgets> m_budgets;
    std::unique_ptr<SettlementStore> m_store;
    std::unique_ptr<Responses> m_responses;
    ResponseOwner m_anna;
    ResponseOwner m_ben;
    ResponseOwner m_acme;
    ResponseOwner m_rival;
};

void tst_StoredResponses::init()
{
    m_responses.reset();
    m_store.reset();
    m_budgets.reset();
    m_scratch.reset();
    m_scratch = std::make_unique<ScratchDatabase>(ScratchDatabase::currentDialect());
    m_budgets = std::make_unique<Budgets>(m_scratch->context());
    m_store = std::make_unique<SettlementStore>(m_scratch->context(), *m_budgets);
    m_responses = std::make_unique<Responses>(m_scratch->context());
    Wallets wallets(m_scratch->context());
    for (ResponseOwner *owner : { &m_acme, &m_rival }) {
        *owner = { m_scratch->addPlatform(owner == &m_acme ? u"acme"_s : u"rival"_s), {} };
        (void)valueOf(m_scratch->attempt([&] { return wallets.create(owner->platform); }));
    }
    m_anna = { m_acme.platform, m_scratch->addEndUser(m_acme.platform, u"anna"_s) };
    m_ben = { m_acme.platform, m_scratch->addEndUser(m_acme.platform, u"ben"_s) };
}

StoredResponse tst_StoredResponses::response(const QByteArray &input, const QByteArray &output, const QByteArray &previous,
                                       const QByteArray &thread)
{
    StoredResponse made;
    made.id = newResponseId();
    made.previousId = previous;
    made.threadId = thread;
    made.model = "a-model";
    made.input = { item(input) };
    made.output = { item(output) };
    made.body = "{}";
    made.createdAt = m_scratch->clock.now();
    return made;
}

Settlement tst_StoredResponses::settlement(const ResponseOwner &owner, const StoredResponse &response)
{
    Settlement s;
    s.id = LogRowId::create();
    s.platform = owner.platform;
    s.endUser = owner.endUser;
    s.requestId = "request";
    s.requestType = "response";
    s.cost = Money::fromMicros(1);
    s.isBillable = true;
    s.metadata = "{}";
    s.createdAt = m_scratch->clock.now();
    s.response = std::make_shared<const StoredResponse>(response);
    return s;
}

Result<void> tst_StoredResponses::settle(const QList<Settlement> &calls)
{
    QList<const Settlement *> group;
    for (const Settlement &s : calls)
        group.append(&s);
    return m_scratch->attempt([&] { return m_store->apply(group); });
}

QByteArray tst_StoredResponses::store(const ResponseOwner &owner, const StoredResponse &response)
{
    mustSucceed(settle({ settlement(owner, response) }));
    return response.id;
}

void tst_StoredResponses::isRefused(const ResponseOwner &owner, const ConversationWish &wish, ErrorCode code, const QString &param)
{
    const auto found = ask(owner, wish);
    QVERIFY(!found);
    QCOMPARE(found.error().code, code);
    QCOMPARE(found.error().param, param);
}

void tst_StoredResponses::theBodyComesBackByteForByte()
{
    StoredResponse made = response("a", "b");
    const QString nasty = u"it's \\u0000 \\\" \\\\ , ? %1 :name $1 \\n é 漢字 \U0001F600  1.0 1E5"_s;
    made.body = "{ \"z\" : 1.0,\n\"a\": \"" + nasty.toUtf8() + "\" }";
    made.input = { { "msg_1", made.body }, { {}, "{}" } };
    const QByteArray id = store(made);
    QVERIFY(id.startsWith("resp_") && id.size() == 37);
    QCOMPARE(valueOf(m_responses->body(m_anna, id)), made.body);
    QCOMPARE(valueOf(ask(m_anna, { .previousId = id })).before,
             (QByteArrayList { made.body, "{}", made.output.constFirst().json }));
    QCOMPARE(number(u"SELECT count(*) FROM responses WHERE thread_id IS NULL AND previous_id IS NULL AND model = 'a-model' "
                    "AND status = 'completed' AND created_at = 1775644200000 AND expires_at = 1778236200000"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM response_items WHERE direction = 'input'"_s), 2);
    QCOMPARE(number(u"SELECT count(*) FROM response_items WHERE direction = 'output' AND item_id IS NULL"_s), 1);
    QCOMPARE(number(u"SELECT item_bytes FROM responses"_s), made.body.size() + 2 + made.output.constFirst().json.size());
}

void tst_StoredResponses::aResponseAndItsAncestorsComeOldestFirst()
{
    StoredResponse first = response("1", "2");
    first.input.append(item("1b"));
    first.output.append(item("2b"));
    store(first);
    const QByteArray second = store(response("3", "4", first.id));
    const QByteArray third = store(response("5", "6", second));
    store(response("other", "answer", first.id));
    QCOMPARE(before({ .previousId = third }), "1, 1b, 2, 2b, 3, 4, 5, 6");
    QCOMPARE(before({ .previousId = first.id }), "1, 1b, 2, 2b");
    QCOMPARE(before({}), "");
}

void tst_StoredResponses::aThreadComesInTheOrderOfCreation()
{
    QCOMPARE(before({ .threadId = "chat" }), "");
    store(response("1", "2", {}, "chat"));
    store(response("x", "y", {}, "another"));
    mustSucceed(settle({ settlement(m_anna, response("3", "4", {}, "chat")), settlement(m_anna, response("5", "6", {}, "chat")) }));
    store(response("no", "thread"));
    QCOMPARE(before({ .threadId = "chat" }), "1, 2, 3, 4, 5, 6");
    QCOMPARE(before({ .threadId = "another" }), "x, y");
    const QByteArray odd = u"it's \"a\" thread ? 漢"_s.toUtf8();
    store(response("odd", "name", {}, odd));
    QCOMPARE(before({ .threadId = odd }), "odd, name");
}

void tst_StoredResponses::aThreadHasOnlyWhatIsComplete()
{
    StoredResponse cut = response("1", "2", {}, "chat");
    cut.status = ResponseStatus::Incomplete;
    StoredResponse failed = response("3", "4", {}, "chat");
    failed.status = ResponseStatus::Failed;
    for (const StoredResponse &one : { cut, failed, response("5", "6", {}, "chat") })
        store(one);
    QCOMPARE(before({ .threadId = "chat" }), "5, 6");
    QVERIFY2(before({ .previousId = cut.id }) == "1, 2", "who names it means it");
}

void tst_StoredResponses::withBothFieldsThePreviousOneMustBeOfThatThread()
{
    const QByteArray mine = store(response("1", "2", {}, "chat"));
    const QByteArray other = store(response("3", "4", {}, "another"));
    const QByteArray none = store(response("5", "6"));
    QCOMPARE(before({ .previousId = mine, .threadId = "chat" }), "1, 2");
    for (const QByteArray &id : { other, none })
        isRefused(m_anna, { .previousId = id, .threadId = "chat" }, ErrorCode::ValidationError, u"previous_response_id"_s);
    isRefused(m_anna, { .previousId = "resp_x", .threadId = "chat" }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
}

void tst_StoredResponses::aBranchSeesWhatItsAncestorsSaw()
{
    const QByteArray one = store(response("1", "2", {}, "chat"));
    const QByteArray two = store(response("3", "4", {}, "chat"));
    const QByteArray branch = store(response("b", "c", one, "chat"));
    QCOMPARE(before({ .previousId = two }), "1, 2, 3, 4"); // it was answered with all of its thread before it
    QCOMPARE(before({ .previousId = branch }), "1, 2, b, c");
    QCOMPARE(before({ .previousId = one, .threadId = "chat" }), "1, 2");
    QCOMPARE(before({ .threadId = "chat" }), "1, 2, 3, 4, b, c");
    const QByteArray outside = store(response("o", "p", two)); // goes on outside of the thread
    QCOMPARE(before({ .previousId = outside }), "1, 2, 3, 4, o, p");
}

void tst_StoredResponses::anAncestorThatIsGoneBreaksTheChain()
{
    const QByteArray first = store(response("1", "2"));
    const QByteArray second = store(response("3", "4", first));
    const QByteArray third = store(response("5", "6", second));
    mustSucceed(m_responses->remove(m_anna, first));
    for (const QByteArray &id : { first, second, third })
        isRefused(m_anna, { .previousId = id }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
    QVERIFY2(m_responses->body(m_anna, third), "it can still be looked at");

    const QByteArray one = store(response("1", "2", {}, "chat"));
    const QByteArray two = store(response("3", "4", {}, "chat"));
    mustSucceed(m_responses->remove(m_anna, one));
    QVERIFY2(before({ .previousId = two }) == "3, 4", "a thread is what is left of it");
}

void tst_StoredResponses::itemsAreFoundByTheirIds()
{
    StoredResponse made = response("q", "a");
    made.input = { item("question", "msg_1"), item("nameless") };
    made.output = { item("answer", "msg_2"), item("call", "fc_1") };
    store(made);
    StoredResponse later = response("q", "a");
    later.input = { item("question again", "msg_1") };
    store(later);
    const auto found = ask(m_anna, { .itemIds = { "fc_1", "msg_1", "msg_2", "fc_1" } });
    QCOMPARE(wordsOf(valueOf(found).referenced), "call, question again, answer, call");
    QCOMPARE(valueOf(found).before.size(), 0);
    const auto both = ask(m_anna, { .previousId = later.id, .itemIds = { "msg_2" } });
    QCOMPARE(wordsOf(valueOf(both).before), "question again, a");
    QCOMPARE(wordsOf(valueOf(both).referenced), "answer");
    isRefused(m_anna, { .itemIds = { "msg_1", "msg_3" } }, ErrorCode::ResponseNotFound, u"input"_s);
    mustSucceed(m_responses->remove(m_anna, later.id));
    QCOMPARE(wordsOf(valueOf(ask(m_anna, { .itemIds = { "msg_1" } })).referenced), "question");
}

void tst_StoredResponses::strangeIdsAreNobodys()
{
    StoredResponse made = response("q", "a");
    const QByteArray longest(128, 'x');
    made.input = { item("long", longest), item("longer", longest + 'x'), item("endless", QByteArray(100'000, 'x')),
                   item("zero", QByteArray("a\0b", 3)), item("wide", u"é"_s.toUtf8()) };
    store(made);
    QCOMPARE(number(u"SELECT count(*) FROM response_items WHERE item_id IS NOT NULL"_s), 1);
    QCOMPARE(wordsOf(valueOf(ask(m_anna, { .itemIds = { longest } })).referenced), "long");
    for (const QByteArray &id : { QByteArray(), longest + 'x', QByteArray("a\0b", 3), u"é"_s.toUtf8(), QByteArray("\xff") }) {
        isRefused(m_anna, { .itemIds = { id } }, ErrorCode::ResponseNotFound, u"input"_s);
        if (!id.isEmpty())
            isRefused(m_anna, { .previousId = id }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
        QCOMPARE(m_responses->body(m_anna, id).error().code, ErrorCode::ResponseNotFound);
        QCOMPARE(m_responses->remove(m_anna, id).error().code, ErrorCode::ResponseNotFound);
    }
}

void tst_StoredResponses::ownersSeeOnlyTheirOwn()
{
    StoredResponse made = response("1", "2", {}, "chat");
    made.input = { item("1", "msg_1") };
    const QByteArray annas = store(m_anna, made);
    const QByteArray acmes = store(m_acme, response("p", "q", {}, "chat"));

    for (const ResponseOwner &owner : { m_ben, m_acme, m_rival }) {
        QCOMPARE(m_responses->body(owner, annas).error().code, ErrorCode::ResponseNotFound);
        QCOMPARE(m_responses->remove(owner, annas).error().code, ErrorCode::ResponseNotFound);
        isRefused(owner, { .previousId = annas }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
        isRefused(owner, { .itemIds = { "msg_1" } }, ErrorCode::ResponseNotFound, u"input"_s);
    }
    QCOMPARE(wordsOf(valueOf(ask(m_ben, { .threadId = "chat" })).before), "");
    QCOMPARE(wordsOf(valueOf(ask(m_rival, { .threadId = "chat" })).before), "");
    QCOMPARE(wordsOf(valueOf(ask(m_acme, { .threadId = "chat" })).before), "p, q");
    QCOMPARE(before({ .threadId = "chat" }), "1, 2");
    QCOMPARE(valueOf(m_responses->body(m_acme, acmes)), "{}");
    for (const ResponseOwner &owner : { m_anna, m_rival })
        QCOMPARE(m_responses->body(owner, acmes).error().code, ErrorCode::ResponseNotFound);
    // A chain does not lead to somebody else's.
    const QByteArray stolen = store(m_ben, response("3", "4", annas));
    isRefused(m_ben, { .previousId = stolen }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
    QCOMPARE(number(u"SELECT count(*) FROM responses"_s), 3);
}

void tst_StoredResponses::everythingExpires()
{
    StoredResponse made = response("1", "2", {}, "chat");
    made.input = { item("1", "msg_1") };
    const QByteArray first = store(made);
    m_scratch->clock.advanceMs(1);
    const QByteArray second = store(response("3", "4", first, "chat"));
    m_scratch->clock.advanceMs(StoredResponse::LifetimeMs - 2);
    QCOMPARE(before({ .previousId = second }), "1, 2, 3, 4");
    QCOMPARE(wordsOf(valueOf(ask(m_anna, { .itemIds = { "msg_1" } })).referenced), "1");

    m_scratch->clock.advanceMs(1);
    QCOMPARE(m_responses->body(m_anna, first).error().code, ErrorCode::ResponseNotFound);
    QCOMPARE(m_responses->remove(m_anna, first).error().code, ErrorCode::ResponseNotFound);
    isRefused(m_anna, { .previousId = first }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
    isRefused(m_anna, { .previousId = second }, ErrorCode::ResponseNotFound, u"previous_response_id"_s);
    isRefused(m_anna, { .itemIds = { "msg_1" } }, ErrorCode::ResponseNotFound, u"input"_s);
    QCOMPARE(before({ .threadId = "chat" }), "3, 4");
    QVERIFY(m_responses->body(m_anna, second));
}

void tst_StoredResponses::expiredOnesAreRemovedInPortions()
{
    QList<QByteArray> ids;
    for (int i = 0; i < 5; ++i) {
        ids.append(store(response("1", "2")));
        m_scratch->clock.advanceMs(1000);
    }
    QCOMPARE(valueOf(m_responses->removeExpired(10)), 0);
    m_scratch->clock.advanceMs(StoredResponse::LifetimeMs - 2000); // the fourth ends in this moment
    QCOMPARE(valueOf(m_responses->removeExpired(3)), 3);
    QCOMPARE(number(u"SELECT count(*) FROM responses WHERE id IN ('%1', '%2')"_s.arg(QString::fromLatin1(ids[3]),
                                                                                      QString::fromLatin1(ids[4]))), 2);
    QCOMPARE(valueOf(m_responses->removeExpired(3)), 1);
    QCOMPARE(valueOf(m_responses->removeExpired(3)), 0);
    QVERIFY(m_responses->body(m_anna, ids[4]));
    QCOMPARE(number(u"SELECT count(*) FROM response_items"_s), 2);
}

void tst_StoredResponses::deletedIsGone()
{
    const QByteArray kept = store(response("1", "2", {}, "chat"));
    const QByteArray gone = store(response("3", "4", {}, "chat"));
    mustSucceed(m_responses->remove(m_anna, gone));
    QCOMPARE(m_responses->remove(m_anna, gone).error().code, ErrorCode::ResponseNotFound);
    QCOMPARE(m_responses->body(m_anna, gone).error().code, ErrorCode::ResponseNotFound);
    QCOMPARE(before({ .threadId = "chat" }), "1, 2");
    QCOMPARE(number(u"SELECT count(*) FROM response_items"_s), 2);
    QVERIFY(m_responses->body(m_anna, kept));
}

void tst_StoredResponses::aConversationHasALimit()
{
    const auto sized = [this](qint64 bytes, const QByteArray &previous) {
        StoredResponse made = response("", "", previous, "chat");
        made.input = { { "msg_" + QByteArray::number(bytes), QByteArray(bytes, ' ') } };
        made.output = {};
        return store(made);
    };
    constexpr qint64 Half = Responses::MostBytes / 2;
    const QByteArray first = sized(Half, {});
    const QByteArray fits = sized(Half - 5, first);
    QCOMPARE(valueOf(ask(m_anna, { .previousId = fits })).before.size(), 2);
    const QByteArray full = sized(5, fits);
    QCOMPARE(valueOf(ask(m_anna, { .previousId = full })).before.size(), 3);
    isRefused(m_anna, { .previousId = full, .itemIds = { "msg_5" } }, ErrorCode::ContextLengthExceeded, {});
    QVERIFY2(ask(m_anna, { .previousId = fits, .itemIds = { "msg_5" } }), "exactly the limit");
    const QByteArray tooMuch = sized(1, full);
    isRefused(m_anna, { .previousId = tooMuch }, ErrorCode::ContextLengthExceeded, {});
    isRefused(m_anna, { .threadId = "chat" }, ErrorCode::ContextLengthExceeded, {});
    // The same item as often as one likes, as long as there is room.
    const QByteArray big = "msg_" + QByteArray::number(Half);
    QCOMPARE(valueOf(ask(m_anna, { .itemIds = { big, big } })).referenced.size(), 2);
    isRefused(m_anna, { .itemIds = { big, big, "msg_1" } }, ErrorCode::ContextLengthExceeded, {});
}

void tst_StoredResponses::referencesHaveALimit()
{
    StoredResponse made = response("", "");
    QByteArrayList ids;
    for (int i = 0; i <= Responses::MostReferences; ++i) {
        ids.append("msg_" + QByteArray::number(i));
        made.output.append(item("x", ids.constLast()));
    }
    store(made);
    isRefused(m_anna, { .itemIds = ids }, ErrorCode::ValidationError, u"input"_s);
    ids.removeLast();
    ids.append("msg_0");
    QCOMPARE(valueOf(ask(m_anna, { .itemIds = ids })).referenced.size(), Responses::MostReferences + 1);
}

void tst_StoredResponses::aLongChainHasALimit()
{
    QList<Settlement> calls;
    QByteArray previous;
    for (int i = 0; i <= Responses::MostResponses; ++i) {
        StoredResponse made = response("a", "b", previous, "chat");
        made.output = {};
        previous = made.id;
        calls.append(settlement(m_anna, made));
    }
    mustSucceed(settle(calls));
    isRefused(m_anna, { .previousId = previous }, ErrorCode::ContextLengthExceeded, {});
    isRefused(m_anna, { .threadId = "chat" }, ErrorCode::ContextLengthExceeded, {});
    const QByteArray fits = calls.at(calls.size() - 2).response->id;
    QCOMPARE(valueOf(ask(m_anna, { .previousId = fits })).before.size(), Responses::MostResponses);
    mustSucceed(m_responses->remove(m_anna, previous));
    QCOMPARE(valueOf(ask(m_anna, { .threadId = "chat" })).before.size(), Responses::MostResponses);
}

void tst_StoredResponses::nothingIsKeptForWhoIsGone()
{
    const Settlement ofBen = settlement(m_ben, response("1", "2"));
    const Settlement ofRival = settlement(m_rival, response("3", "4"));
    const Settlement ofAnna = settlement(m_anna, response("5", "6"));
    mustSucceed(m_scratch->db().run(u"DELETE FROM end_users WHERE external_id = 'ben'"_s));
    mustSucceed(m_scratch->db().run(u"DELETE FROM platforms WHERE slug = 'rival'"_s));
    mustSucceed(settle({ ofBen, ofRival, ofAnna }));
    QCOMPARE(number(u"SELECT count(*) FROM responses"_s), 1);
    QCOMPARE(number(u"SELECT count(*) FROM response_items"_s), 2);
    QVERIFY(m_responses->body(m_anna, ofAnna.response->id));
    QVERIFY2(!m_responses->body(m_acme, ofBen.response->id), "it is not the platform's either");
    QCOMPARE(number(u"SELECT count(*) FROM request_logs"_s), 2);
}

void tst_StoredResponses::longRowsGoInSeveralStatements()
{
    QList<Settlement> calls;
    for (int i = 0; i < 4; ++i) {
        StoredResponse made = response("", "");
        made.body = "\"" + QByteArray(5'000'000, char('a' + i)) + "\"";
        made.input = { { {}, made.body } };
        calls.append(settlement(m_anna, made));
    }
    mustSucceed(settle(calls));
    for (const Settlement &s : calls) {
        QCOMPARE(valueOf(m_responses->body(m_anna, s.response->id)), s.response->body);
        QCOMPARE(valueOf(ask(m_anna, { .previousId = s.response->id })).before.constFirst(), s.response->body);
    }
    QCOMPARE(number(u"SELECT count(*) FROM responses a JOIN responses b ON b.seq = a.seq + 1"_s), 3);
}

void tst_StoredResponses::threadsOfDifferentOwnersHaveDifferentTurns()
{
    QSet<QByteArray> keys;
    for (const ResponseOwner &owner : { m_anna, m_ben, m_acme, m_rival }) {
        keys.insert(turnKey(owner, "chat"));
        keys.insert(turnKey(owner, "chat2"));
    }
    QCOMPARE(keys.size(), 8);
    QCOMPARE(turnKey(m_anna, "chat"), turnKey(m_anna, "chat"));
    QCOMPARE(threadBusy().code, ErrorCode::ThreadBusy);
    QVERIFY(threadBusy().retryAfterSeconds > 0);
}

QTEST_GUILESS_MAIN(tst_StoredResponses)
#include "tst_storedresponses.moc"
