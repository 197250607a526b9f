// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "consoleaction.h"
#include "pagemodel.h"

#include <QtCore/QVariantList>

namespace assistiv::console {

/// The five steps from nothing to a first answered request. A step is done when the engine says so; the model only
/// remembers which one is looked at and what was typed.
class SetUpModel : public assistiv::console::PageModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QString platform READ platform WRITE setPlatform NOTIFY platformChanged)
    Q_PROPERTY(int step READ step NOTIFY changed)
    /// One bool per step.
    Q_PROPERTY(QVariantList done READ done NOTIFY changed)
    Q_PROPERTY(bool complete READ isComplete NOTIFY changed)

    // Step 1: the platform.
    Q_PROPERTY(QString name READ name WRITE setName NOTIFY draftChanged)
    /// Follows the name until it is changed by hand.
    Q_PROPERTY(QString slug READ slug WRITE setSlug NOTIFY draftChanged)
    Q_PROPERTY(QString nameMessage READ nameMessage NOTIFY draftChanged)
    Q_PROPERTY(QString slugMessage READ slugMessage NOTIFY draftChanged)
    /// The first platform key, until the step is left; it cannot be read again.
    Q_PROPERTY(QString platformKey READ platformKey NOTIFY changed)
    Q_PROPERTY(assistiv::console::ConsoleAction *platformCreation READ platformCreation CONSTANT)

    // Step 2: the provider key.
    /// Maps with id, slug, name, hasKey.
    Q_PROPERTY(QVariantList providers READ providers NOTIFY changed)
    Q_PROPERTY(QString provider READ provider WRITE setProvider NOTIFY draftChanged)
    Q_PROPERTY(QString providerName READ providerName NOTIFY draftChanged)
    Q_PROPERTY(QString apiKey READ apiKey WRITE setApiKey NOTIFY draftChanged)
    Q_PROPERTY(QString apiKeyMessage READ apiKeyMessage NOTIFY draftChanged)
    /// "Key works. 7 models found in 410 ms."; empty until a test went well.
    Q_PROPERTY(QString testResult READ testResult NOTIFY draftChanged)
    /// Maps with slug, prices, enabled: what the tested key can be used for.
    Q_PROPERTY(QVariantList models READ models NOTIFY draftChanged)
    Q_PROPERTY(assistiv::console::ConsoleAction *keyTest READ keyTest CONSTANT)
    Q_PROPERTY(assistiv::console::ConsoleAction *keyStorage READ keyStorage CONSTANT)

    // Step 3 is the wallet's own model.

    // Step 4: the end user.
    Q_PROPERTY(QString externalId READ externalId WRITE setExternalId NOTIFY draftChanged)
    Q_PROPERTY(QString externalIdMessage READ externalIdMessage NOTIFY draftChanged)
    Q_PROPERTY(qint64 budget READ budget WRITE setBudget NOTIFY draftChanged)
    /// one_time, daily or monthly
    Q_PROPERTY(QString period READ period WRITE setPeriod NOTIFY draftChanged)
    Q_PROPERTY(QString endUserSummary READ endUserSummary NOTIFY changed)
    Q_PROPERTY(assistiv::console::ConsoleAction *endUserCreation READ endUserCreation CONSTANT)

    // Step 5: the first request.
    Q_PROPERTY(QString baseUrl READ baseUrl WRITE setBaseUrl NOTIFY draftChanged)
    /// The snippet holds a real key. After a restart only a new key can be shown.
    Q_PROPERTY(bool keyKnown READ isKeyKnown NOTIFY changed)
    Q_PROPERTY(QStringList snippets READ snippets NOTIFY snippetsChanged)
    Q_PROPERTY(assistiv::console::ConsoleAction *keyRenewal READ keyRenewal CONSTANT)
    /// Looks for the first request while it is true.
    Q_PROPERTY(bool watching READ isWatching WRITE setWatching NOTIFY watchingChanged)
    /// Empty until a request came; then good, title, when, facts (label and value), problem.
    Q_PROPERTY(QVariantMap firstRequest READ firstRequest NOTIFY requestChanged)

public:
    enum Step { PlatformStep, ProviderStep, WalletStep, EndUserStep, RequestStep };
    Q_ENUM(Step)
    static constexpr int StepCount = RequestStep + 1;

    explicit SetUpModel(QObject *parent = nullptr);

    QString platform() const { return m_platform.isNull() ? QString() : m_platform.toString(); }
    void setPlatform(const QString &id);
    int step() const { return m_step; }
    QVariantList done() const;
    bool isComplete() const;

    QString name() const { return m_name; }
    void setName(const QString &name);
    QString slug() const;
    void setSlug(const QString &slug);
    QString nameMessage() const;
    QString slugMessage() const;
    QString platformKey() const { return m_platformKey; }
    ConsoleAction *platformCreation() { return &m_platformCreation; }

    QVariantList providers() const;
    QString provider() const;
    void setProvider(const QString &id);
    QString providerName() const;
    QString apiKey() const { return m_apiKey; }
    void setApiKey(const QString &key);
    QString apiKeyMessage() const;
    QString testResult() const;
    QVariantList models() const;
    ConsoleAction *keyTest() { return &m_keyTest; }
    ConsoleAction *keyStorage() { return &m_keyStorage; }

    QString externalId() const { return m_externalId; }
    void setExternalId(const QString &id);
    QString externalIdMessage() const;
    qint64 budget() const { return m_budget.micros(); }
    void setBudget(qint64 micros);
    QString period() const;
    void setPeriod(const QString &period);
    QString endUserSummary() const;
    ConsoleAction *endUserCreation() { return &m_endUserCreation; }

    QString baseUrl() const { return m_baseUrl; }
    void setBaseUrl(const QString &url);
    bool isKeyKnown() const { return !m_endUserKey.isEmpty(); }
    QStringList snippets() const;
    ConsoleAction *keyRenewal() { return &m_keyRenewal; }
    bool isWatching() const { return m_watching; }
    void setWatching(bool watching);
    QVariantMap firstRequest() const;

    /// What the slug proposal makes of a name: "Müller & Söhne" becomes "muller-sohne".
    static QString slugFrom(const QString &name);

    /// Shows a step that is done or comes next.
    Q_INVOKABLE void goTo(int step);
    Q_INVOKABLE void createPlatform();
    Q_INVOKABLE void testKey();
    Q_INVOKABLE void setModelEnabled(int index, bool enabled);
    Q_INVOKABLE void storeKey();
    Q_INVOKABLE void useEchoModel();
    Q_INVOKABLE void createEndUser();
    Q_INVOKABLE void renewKey();
    /// Something of this step was done elsewhere (the wallet): asks the engine and goes on when it says so.
    Q_INVOKABLE void finishStep();

Q_SIGNALS:
    void platformChanged();
    void draftChanged();
    void snippetsChanged();
    void watchingChanged();
    void requestChanged();

protected:
    bool canAsk() const override { return !m_platform.isNull(); }
    void ask() override;
    QString failureTitle() const override;
    bool concerns(ConsoleEngine::Topic topic) const override;

private:
    bool isDone(int step) const;
    int firstOpenStep() const;
    void takeProgress(const SetUpProgress &progress);
    void takeProviders(const QList<ProviderSummary> &providers);
    void takeStoredKey(const AddedProviderKey &key);
    void takeEndUser(const CreatedEndUser &endUser);
    void forgetTest();
    void lookForRequest();
    QString modelName() const;

    PlatformId m_platform;
    int m_step = PlatformStep;
    /// The user has not chosen a step: the first open one is shown as soon as it is known.
    bool m_follow = true;
    /// The step that was just finished; the next one is shown when the engine confirms it.
    int m_finishing = -1;
    std::optional<SetUpProgress> m_progress;

    QString m_name;
    std::optional<QString> m_slug;
    QString m_platformKey;
    ConsoleAction m_platformCreation;

    QList<ProviderSummary> m_providers;
    ProviderId m_provider;
    QString m_apiKey;
    std::optional<KeyTest> m_test;
    QList<OfferedModel> m_models;
    ConsoleAction m_keyTest;
    ConsoleAction m_keyStorage;

    QString m_externalId;
    Money m_budget;
    BudgetPeriod m_period = BudgetPeriod::Monthly;
    EndUserId m_endUser;
    QString m_endUserKey;
    ConsoleAction m_endUserCreation;
    ConsoleAction m_keyRenewal;

    QString m_baseUrl;
    QString m_model;
    bool m_watching = false;
    QTimer m_look;
    /// Answers that belong to an earlier watch or platform are dropped.
    quint64 m_watch = 0;
    std::optional<RequestRow> m_request;
};

} // namespace assistiv::console
