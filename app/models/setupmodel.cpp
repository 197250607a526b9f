// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "setupmodel.h"

#include "console/moneytext.h"
#include "snippets.h"
#include "wording.h"

#include <QtCore/QRegularExpression>
#include <QtCore/QVariantMap>

#include <algorithm>

namespace assistiv::console {

namespace {

/// The engine announces requests; looking now and then covers an announcement that was swallowed by the next one.
constexpr int LookMs = 1500;
constexpr qsizetype LongestName = 100;
constexpr qsizetype LongestSlug = 63;
constexpr qsizetype LongestExternalId = 255;
constexpr qsizetype ShortestApiKey = 8;
constexpr qsizetype LongestApiKey = 1024;

QVariantMap fact(const QString &label, const QString &value)
{
    return {{QStringLiteral("label"), label}, {QStringLiteral("value"), value}};
}

} // namespace

SetUpModel::SetUpModel(QObject *parent)
    : PageModel(parent)
    , m_platformCreation(ConsoleAction::Kind::Write, tr("The platform was not created"), this)
    , m_keyTest(ConsoleAction::Kind::Look, tr("The key test failed"), this)
    , m_keyStorage(ConsoleAction::Kind::Write, tr("The key was not stored"), this)
    , m_endUserCreation(ConsoleAction::Kind::Write, tr("The end user was not created"), this)
    , m_keyRenewal(ConsoleAction::Kind::Write, tr("No new key was made"), this)
{
    m_look.setInterval(LookMs);
    connect(&m_look, &QTimer::timeout, this, &SetUpModel::lookForRequest);
    connect(&m_keyTest, &ConsoleAction::changed, this, &SetUpModel::draftChanged);
    connect(this, &PageModel::changed, this, &SetUpModel::snippetsChanged);
    connect(this, &SetUpModel::draftChanged, this, &SetUpModel::snippetsChanged);
    connect(this, &PageModel::engineChanged, this, [this] {
        if (!engine())
            return;
        connect(engine(), &ConsoleEngine::changed, this, [this](ConsoleEngine::Topic topic) {
            if (m_watching && topic == ConsoleEngine::Topic::Requests)
                lookForRequest();
        });
    });
}

void SetUpModel::setPlatform(const QString &id)
{
    const PlatformId platform = PlatformId::parse(id).value_or(PlatformId());
    if (m_platform == platform)
        return;
    m_platform = platform;
    m_progress.reset();
    m_request.reset();
    m_endUserKey.clear();
    m_endUser = {};
    m_model.clear();
    ++m_watch;
    if (m_follow)
        m_step = PlatformStep;
    forget();
    Q_EMIT platformChanged();
    Q_EMIT requestChanged();
}

void SetUpModel::ask()
{
    engine()->readSetUp(this, m_platform, partialAnswer<SetUpProgress>([this](const SetUpProgress &progress) {
                            m_progress = progress;
                            engine()->listProviders(this, m_platform,
                                                    answer<QList<ProviderSummary>>([this](const auto &providers) {
                                                        takeProviders(providers);
                                                        takeProgress(*m_progress);
                                                    }));
                        }));
}

QString SetUpModel::failureTitle() const
{
    return tr("The state of the set-up could not be read");
}

bool SetUpModel::concerns(ConsoleEngine::Topic topic) const
{
    const bool mayMatter = topic != ConsoleEngine::Topic::Requests || !isComplete();
    return topic != ConsoleEngine::Topic::Server && mayMatter;
}

void SetUpModel::takeProviders(const QList<ProviderSummary> &providers)
{
    m_providers = providers;
    const bool chosen = std::any_of(providers.begin(), providers.end(),
                                    [this](const ProviderSummary &p) { return p.id == m_provider; });
    if (!chosen)
        m_provider = providers.isEmpty() ? ProviderId() : providers.first().id;
    Q_EMIT draftChanged();
}

void SetUpModel::takeProgress(const SetUpProgress &progress)
{
    if (!progress.model.isEmpty())
        m_model = progress.model;
    if (progress.endUser && m_endUser.isNull())
        m_endUser = *progress.endUser;
    if (m_follow) {
        m_step = firstOpenStep();
        m_follow = false;
    } else if (m_finishing == m_step && isDone(m_step)) {
        m_step = qMin<int>(m_step + 1, RequestStep);
    }
    if (isDone(m_finishing))
        m_finishing = -1;
}

bool SetUpModel::isDone(int step) const
{
    switch (step) {
    case PlatformStep:
        return !m_platform.isNull();
    case ProviderStep:
        return m_progress && m_progress->hasProvider;
    case WalletStep:
        return m_progress && (m_progress->walletFunded || m_progress->walletBalance > Money());
    case EndUserStep:
        return m_progress && m_progress->endUser.has_value();
    case RequestStep:
        return m_progress && m_progress->requestSeen;
    default:
        return false;
    }
}

int SetUpModel::firstOpenStep() const
{
    int step = PlatformStep;
    while (step < RequestStep && isDone(step))
        ++step;
    return step;
}

QVariantList SetUpModel::done() const
{
    QVariantList list;
    for (int step = PlatformStep; step <= RequestStep; ++step)
        list += isDone(step);
    return list;
}

bool SetUpModel::isComplete() const
{
    return isDone(RequestStep);
}

void SetUpModel::goTo(int step)
{
    if (step < PlatformStep || step > firstOpenStep() || step == m_step)
        return;
    m_platformKey.clear();
    m_step = step;
    m_follow = false;
    Q_EMIT changed();
}

void SetUpModel::finishStep()
{
    m_finishing = m_step;
    reload();
}

// Step 1

void SetUpModel::setName(const QString &name)
{
    if (m_name == name)
        return;
    m_name = name;
    m_platformCreation.prepare();
    Q_EMIT draftChanged();
}

QString SetUpModel::slugFrom(const QString &name)
{
    QString slug;
    // Decomposed, an accented letter is the plain letter and a mark; the mark is not a letter of a slug.
    const QString letters = name.normalized(QString::NormalizationForm_KD).toLower();
    for (const QChar letter : letters) {
        if ((letter >= u'a' && letter <= u'z') || (letter >= u'0' && letter <= u'9'))
            slug += letter;
        else if (letter.category() != QChar::Mark_NonSpacing && !slug.isEmpty() && !slug.endsWith(u'-'))
            slug += u'-';
    }
    slug.truncate(LongestSlug);
    while (slug.endsWith(u'-'))
        slug.chop(1);
    return slug;
}

QString SetUpModel::slug() const
{
    return m_slug.value_or(slugFrom(m_name));
}

void SetUpModel::setSlug(const QString &text)
{
    if (slug() == text)
        return;
    m_slug = text;
    // An emptied field follows the name again.
    if (text.isEmpty())
        m_slug.reset();
    m_platformCreation.prepare();
    Q_EMIT draftChanged();
}

QString SetUpModel::nameMessage() const
{
    const qsizetype length = m_name.trimmed().size();
    if (length == 0)
        return tr("Give the platform a name.");
    return length > LongestName ? tr("At most %n letter(s).", nullptr, int(LongestName)) : QString();
}

QString SetUpModel::slugMessage() const
{
    static const QRegularExpression pattern(QStringLiteral("^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"));
    return pattern.match(slug()).hasMatch()
        ? QString()
        : tr("Small letters, digits and hyphens, 63 at most; a letter or digit at both ends.");
}

void SetUpModel::createPlatform()
{
    if (!engine() || m_platformCreation.isRunning() || !nameMessage().isEmpty() || !slugMessage().isEmpty())
        return;
    engine()->createPlatform(this, {m_name.trimmed(), slug()},
                             m_platformCreation.begin<CreatedPlatform>([this](const CreatedPlatform &created) {
                                 m_follow = false;
                                 setPlatform(created.platform.id.toString());
                                 m_platformKey = created.rawKey;
                                 reload();
                                 Q_EMIT changed();
                             }));
}

// Step 2

QVariantList SetUpModel::providers() const
{
    QVariantList list;
    for (const ProviderSummary &provider : m_providers) {
        list += QVariantMap{{QStringLiteral("id"), provider.id.toString()},
                            {QStringLiteral("slug"), provider.slug},
                            {QStringLiteral("name"), provider.name},
                            {QStringLiteral("hasKey"), provider.hasKey}};
    }
    return list;
}

QString SetUpModel::provider() const
{
    return m_provider.isNull() ? QString() : m_provider.toString();
}

void SetUpModel::setProvider(const QString &id)
{
    const ProviderId provider = ProviderId::parse(id).value_or(ProviderId());
    if (m_provider == provider)
        return;
    m_provider = provider;
    forgetTest();
    Q_EMIT draftChanged();
}

QString SetUpModel::providerName() const
{
    const auto chosen = std::find_if(m_providers.begin(), m_providers.end(),
                                     [this](const ProviderSummary &p) { return p.id == m_provider; });
    return chosen == m_providers.end() ? QString() : chosen->name;
}

void SetUpModel::setApiKey(const QString &key)
{
    if (m_apiKey == key)
        return;
    m_apiKey = key;
    forgetTest();
    Q_EMIT draftChanged();
}

QString SetUpModel::apiKeyMessage() const
{
    const QString key = m_apiKey.trimmed();
    if (key.isEmpty())
        return tr("Paste the key that the provider gave you.");
    const bool visible = std::all_of(key.begin(), key.end(), [](QChar c) { return c > u' ' && c < QChar(0x7f); });
    if (!visible || key.size() < ShortestApiKey || key.size() > LongestApiKey)
        return tr("A key has 8 to 1024 letters, digits and signs, and no spaces.");
    return {};
}

/// A result belongs to the key that was tested, not to the one typed since.
void SetUpModel::forgetTest()
{
    m_test.reset();
    m_models.clear();
    m_keyTest.renew();
    m_keyStorage.prepare();
}

void SetUpModel::testKey()
{
    if (!engine() || m_provider.isNull() || m_keyTest.isRunning() || !apiKeyMessage().isEmpty())
        return;
    m_test.reset();
    engine()->testProviderKey(this, m_provider, m_apiKey.trimmed(),
                              m_keyTest.begin<KeyTest>([this](const KeyTest &test) {
                                  m_test = test;
                                  m_models = test.models;
                              }));
}

QString SetUpModel::testResult() const
{
    if (!m_test)
        return {};
    return tr("Key works. %n model(s) found in %1.", nullptr, m_test->modelsFound).arg(durationText(m_test->elapsedMs));
}

QVariantList SetUpModel::models() const
{
    QVariantList list;
    for (const OfferedModel &model : m_models) {
        list += QVariantMap{
            {QStringLiteral("slug"), model.slug},
            {QStringLiteral("prices"),
             tr("%1 / %2 per 1 M tokens in / out").arg(plainMoney(model.inputPrice), plainMoney(model.outputPrice))},
            {QStringLiteral("enabled"), model.enabled}};
    }
    return list;
}

void SetUpModel::setModelEnabled(int index, bool enabled)
{
    if (index < 0 || index >= m_models.size() || m_models[index].enabled == enabled)
        return;
    m_models[index].enabled = enabled;
    Q_EMIT draftChanged();
}

void SetUpModel::storeKey()
{
    if (!engine() || m_platform.isNull() || m_provider.isNull() || m_keyStorage.isRunning()
        || !apiKeyMessage().isEmpty())
        return;
    NewProviderKey key{m_platform, m_provider, m_apiKey.trimmed(), {}};
    for (qsizetype i = 0; i < m_models.size(); ++i) {
        if (m_models[i].enabled != m_test->models[i].enabled)
            key.switches += {m_models[i].id, m_models[i].enabled};
    }
    engine()->addProviderKey(this, key, m_keyStorage.begin<AddedProviderKey>([this](const AddedProviderKey &added) {
        takeStoredKey(added);
    }));
}

void SetUpModel::useEchoModel()
{
    if (!engine() || m_platform.isNull() || m_keyStorage.isRunning())
        return;
    engine()->useEchoModel(
        this, m_platform,
        m_keyStorage.begin<AddedProviderKey>([this](const AddedProviderKey &added) { takeStoredKey(added); }));
}

void SetUpModel::takeStoredKey(const AddedProviderKey &key)
{
    m_model = key.model;
    m_apiKey.clear();
    m_test.reset();
    m_models.clear();
    Q_EMIT draftChanged();
    finishStep();
}

// Step 4

void SetUpModel::setExternalId(const QString &id)
{
    if (m_externalId == id)
        return;
    m_externalId = id;
    m_endUserCreation.prepare();
    Q_EMIT draftChanged();
}

QString SetUpModel::externalIdMessage() const
{
    const qsizetype length = m_externalId.trimmed().size();
    if (length == 0)
        return tr("The id your own system knows the user by.");
    return length > LongestExternalId ? tr("At most %n letter(s).", nullptr, int(LongestExternalId)) : QString();
}

void SetUpModel::setBudget(qint64 micros)
{
    if (m_budget.micros() == micros)
        return;
    m_budget = Money::fromMicros(micros);
    m_endUserCreation.prepare();
    Q_EMIT draftChanged();
}

QString SetUpModel::period() const
{
    switch (m_period) {
    case BudgetPeriod::OneTime:
        return QStringLiteral("one_time");
    case BudgetPeriod::Daily:
        return QStringLiteral("daily");
    case BudgetPeriod::Monthly:
        return QStringLiteral("monthly");
    }
    return {};
}

void SetUpModel::setPeriod(const QString &text)
{
    if (period() == text)
        return;
    m_period = text == u"one_time" ? BudgetPeriod::OneTime
        : text == u"daily"         ? BudgetPeriod::Daily
                                   : BudgetPeriod::Monthly;
    m_endUserCreation.prepare();
    Q_EMIT draftChanged();
}

void SetUpModel::createEndUser()
{
    if (!engine() || m_platform.isNull() || m_endUserCreation.isRunning() || !externalIdMessage().isEmpty()
        || m_budget <= Money())
        return;
    const NewEndUser endUser{m_platform, m_externalId.trimmed(), {}, m_budget, m_period, m_endUserCreation.key()};
    engine()->createEndUser(this, endUser,
                            m_endUserCreation.begin<CreatedEndUser>([this](const CreatedEndUser &created) {
                                takeEndUser(created);
                                finishStep();
                            }));
}

void SetUpModel::renewKey()
{
    if (!engine() || m_platform.isNull() || m_endUser.isNull() || m_keyRenewal.isRunning())
        return;
    engine()->createEndUserKey(this, m_platform, m_endUser,
                               m_keyRenewal.begin<CreatedEndUser>([this](const CreatedEndUser &created) {
                                   takeEndUser(created);
                                   Q_EMIT changed();
                               }));
}

void SetUpModel::takeEndUser(const CreatedEndUser &endUser)
{
    m_endUser = endUser.id;
    m_endUserKey = endUser.rawKey;
}

QString SetUpModel::endUserSummary() const
{
    if (!m_progress || !m_progress->endUser)
        return {};
    return tr("The key belongs to end user “%1”, who has a budget of %2.")
        .arg(m_progress->endUserExternalId, plainMoney(m_progress->endUserBudget));
}

// Step 5

void SetUpModel::setBaseUrl(const QString &url)
{
    if (m_baseUrl == url)
        return;
    m_baseUrl = url;
    Q_EMIT draftChanged();
}

QString SetUpModel::modelName() const
{
    return m_model.isEmpty() ? QStringLiteral("sandbox-echo") : m_model;
}

QStringList SetUpModel::snippets() const
{
    const QString key = isKeyKnown() ? m_endUserKey : QStringLiteral("sk-eu_…");
    QStringList texts;
    for (const SnippetLanguage language :
         {SnippetLanguage::Curl, SnippetLanguage::Python, SnippetLanguage::TypeScript, SnippetLanguage::Qt})
        texts += firstRequestSnippet(language, m_baseUrl, key, modelName());
    return texts;
}

void SetUpModel::setWatching(bool watching)
{
    if (m_watching == watching)
        return;
    m_watching = watching;
    if (watching) {
        m_look.start();
        lookForRequest();
    } else {
        m_look.stop();
        ++m_watch;
    }
    Q_EMIT watchingChanged();
}

void SetUpModel::lookForRequest()
{
    if (!engine() || m_platform.isNull())
        return;
    using Found = std::optional<RequestRow>;
    engine()->latestRequest(this, m_platform, 0, [this, watch = m_watch](const Result<Found> &found) {
        // A look that failed is not worth a word: the next one comes in a moment.
        if (watch != m_watch || !found || !*found)
            return;
        const bool fresh = !m_request || m_request->atMs != (*found)->atMs;
        m_request = *found;
        Q_EMIT requestChanged();
        if (fresh && m_request->errorCode.isEmpty())
            reload();
    });
}

QVariantMap SetUpModel::firstRequest() const
{
    if (!m_request)
        return {};
    const RequestRow &row = *m_request;
    const bool good = row.errorCode.isEmpty();
    QVariantList facts{fact(tr("Status"), QString::number(row.status))};
    if (!row.model.isEmpty())
        facts += fact(tr("Model"), row.model);
    if (good)
        facts += fact(tr("Tokens"), tr("%L1 in / %L2 out").arg(row.inputTokens).arg(row.outputTokens));
    facts += fact(tr("Time"), durationText(row.durationMs));
    if (good)
        facts += fact(tr("Cost"), exactMoney(row.cost));
    if (row.budgetLeft)
        facts += fact(tr("Budget left"), exactMoney(*row.budgetLeft));

    Problem problem;
    if (!good) {
        const Fix fix = fixFor(row.errorCode);
        problem.title = tr("A request came, but it failed");
        problem.code = row.errorCode;
        problem.detail = row.errorMessage.isEmpty() ? explain(row.errorCode) : row.errorMessage;
        problem.fixText = fix.text;
        problem.fixAction = fix.action;
    }
    return {{QStringLiteral("good"), good},
            {QStringLiteral("title"), good ? tr("First request received") : problem.title},
            {QStringLiteral("when"), agoText(row.atMs, nowMs())},
            {QStringLiteral("requestId"), row.requestId},
            {QStringLiteral("facts"), facts},
            {QStringLiteral("problem"), QVariant::fromValue(problem)}};
}

} // namespace assistiv::console
