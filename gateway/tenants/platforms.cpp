// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "tenants/platforms.h"

#include "core/jsonscan.h"
#include "core/jsonwriter.h"
#include "tenants/accountloader.h"

#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QRegularExpression>

namespace assistiv {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype LargestSettingsBytes = 64 * 1024;
constexpr qsizetype LongestName = 100;
constexpr Money LargestMarkup = Money::fromMicros(1000'000'000);
/// A markup has two decimals, parsed as an amount it is a multiple of this.
constexpr qint64 SmallestMarkupStep = 10'000;

const QByteArray DefaultBudget = "default_budget_usd";
const QByteArray MarkupPercentage = "markup_percentage";
const QByteArray EndUserWallet = "end_user_wallet";

using Members = QList<std::pair<QByteArray, QByteArray>>;

Error invalidPlatform(const QString &param, const QString &message)
{
    return { .code = ErrorCode::ValidationError, .message = message, .param = param };
}

Error noPlatform()
{
    return { ErrorCode::PlatformNotFound, u"There is no such platform."_s };
}

/// The name behind its escapes: "markup\u005fpercentage" must not get round the rules of markup_percentage.
QByteArray decodedName(QByteArrayView name)
{
    if (!name.contains('\\'))
        return name.toByteArray();
    return QJsonDocument::fromJson("[\"" + name.toByteArray() + "\"]").array().at(0).toString().toUtf8();
}

void setMember(Members &members, const QByteArray &name, const QByteArray &value)
{
    for (auto &[known, old] : members) {
        if (known == name) {
            old = value;
            return;
        }
    }
    members.append({ name, value });
}

Members membersOf(const QByteArray &json)
{
    Members members;
    for (const JsonMember &member : scanObject(json))
        setMember(members, decodedName(member.name), member.value.toByteArray());
    return members;
}

Result<void> checkSetting(const QByteArray &name, const QByteArray &value)
{
    const QString param = u"settings."_s + QString::fromUtf8(name);
    if (name == DefaultBudget) {
        const auto money = Money::parse(value);
        if (!money || *money <= Money() || *money > LargestAmount)
            return invalidPlatform(param, u"default_budget_usd must be above 0 and at most 1000000, with at most 6 decimals."_s);
    } else if (name == MarkupPercentage) {
        const auto markup = Money::parse(value);
        if (!markup || markup->isNegative() || *markup > LargestMarkup || markup->micros() % SmallestMarkupStep != 0)
            return invalidPlatform(param, u"markup_percentage must be between 0 and 1000, with at most 2 decimals."_s);
    } else if (name == EndUserWallet && !value.startsWith('{')) {
        return invalidPlatform(param, u"end_user_wallet must be an object or null."_s);
    }
    return {};
}

Result<void> checkSettings(const QByteArray &change)
{
    for (const auto &[name, value] : membersOf(change)) {
        if (value == "null")
            continue;
        if (const auto valid = checkSetting(name, value); !valid)
            return valid.error();
    }
    return {};
}

/// The stored settings with the members of the change, which must be valid; null removes one.
Result<QByteArray> mergedSettings(const QByteArray &stored, const QByteArray &change)
{
    Members members = membersOf(stored);
    for (const auto &[name, value] : membersOf(change)) {
        if (value == "null")
            members.removeIf([&](const auto &member) { return member.first == name; });
        else
            setMember(members, name, value);
    }
    QByteArray json = "{";
    for (const auto &[name, value] : members) {
        if (json.size() > 1)
            json += ',';
        appendJsonString(json, name);
        json += ':' + value;
    }
    json += '}';
    if (json.size() > LargestSettingsBytes)
        return invalidPlatform(u"settings"_s, u"settings may have at most 65536 bytes altogether."_s);
    return json;
}

Result<void> checkName(const QString &name)
{
    const qsizetype length = name.toUcs4().size();
    if (length < 1 || length > LongestName)
        return invalidPlatform(u"name"_s, u"name must have 1 to 100 characters."_s);
    return {};
}

Result<void> checkSlug(const QString &slug)
{
    static const QRegularExpression pattern(u"\\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\z"_s);
    if (!pattern.match(slug).hasMatch()) {
        return invalidPlatform(u"slug"_s, u"slug must have 1 to 63 lower-case letters, digits and hyphens, with no hyphen at "
                                  "either end."_s);
    }
    return {};
}

/// What is wrong whichever platform is meant.
Result<void> checkChange(const PlatformChange &change)
{
    Result<void> valid;
    if (change.name)
        valid = checkName(*change.name);
    if (valid && change.slug)
        valid = checkSlug(*change.slug);
    if (valid && change.settings)
        valid = checkSettings(*change.settings);
    return valid;
}

Error slugNamed(const Error &error)
{
    if (error.code != ErrorCode::Conflict)
        return error;
    return { .code = ErrorCode::SlugTaken, .message = u"Another platform has this slug."_s, .param = u"slug"_s };
}

PlatformState stateOf(const Platform &platform)
{
    return { platform.id, true, platform.isActive, markupBasisPoints(QString::fromUtf8(platform.settings)) };
}

} // namespace

PlatformSettings PlatformSettings::from(const QByteArray &json)
{
    PlatformSettings settings;
    for (const auto &[name, value] : membersOf(json)) {
        if (name == DefaultBudget)
            settings.defaultBudget = Money::parse(value);
        else if (name == MarkupPercentage)
            settings.markupPercentage = value;
        else if (name == EndUserWallet)
            settings.endUserWallet = value;
        else
            settings.others.append({ name, value });
    }
    return settings;
}

Result<CreatedPlatform> Platforms::create(const PlatformDraft &draft)
{
    if (const auto valid = checkName(draft.name); !valid)
        return valid.error();
    if (const auto valid = checkSlug(draft.slug); !valid)
        return valid.error();
    if (const auto valid = checkSettings(draft.settings); !valid)
        return valid.error();
    const auto settings = mergedSettings("{}", draft.settings);
    if (!settings)
        return settings.error();

    Platform platform;
    platform.id = PlatformId::create();
    platform.name = draft.name;
    platform.slug = draft.slug;
    platform.settings = *settings;
    platform.createdAt = platform.updatedAt = m_context.clock.now();
    if (const auto inserted = m_store.insert(platform); !inserted)
        return slugNamed(inserted.error());
    m_context.changes.add(stateOf(platform));
    if (const auto wallet = m_wallets.create(platform.id); !wallet)
        return wallet.error();
    auto key = m_keys.createForPlatform(platform.id, { .name = u"Default key"_s, .scopes = {} });
    if (!key)
        return key.error();
    return CreatedPlatform { platform, std::move(*key) };
}

Result<Platform> Platforms::get(const PlatformId &id)
{
    const auto platform = m_store.find(id);
    if (!platform)
        return platform.error();
    if (!*platform)
        return noPlatform();
    return **platform;
}

Result<std::optional<Platform>> Platforms::findBySlug(const QString &slug)
{
    return m_store.findBySlug(slug);
}

Result<PlatformRows> Platforms::list(qint64 offset, qint64 limit)
{
    return m_store.list(offset, limit);
}

Result<Platform> Platforms::patch(const PlatformId &id, const PlatformChange &change)
{
    if (const auto valid = checkChange(change); !valid)
        return valid.error();
    auto platform = get(id);
    if (!platform)
        return platform.error();
    platform->name = change.name.value_or(platform->name);
    platform->slug = change.slug.value_or(platform->slug);
    if (change.settings) {
        auto settings = mergedSettings(platform->settings, *change.settings);
        if (!settings)
            return settings.error();
        platform->settings = std::move(*settings);
    }
    platform->isActive = change.isActive.value_or(platform->isActive);
    platform->updatedAt = m_context.clock.now();
    if (const auto updated = m_store.update(*platform); !updated)
        return slugNamed(updated.error());
    m_context.changes.add(stateOf(*platform));
    return platform;
}

Result<void> Platforms::remove(const PlatformId &id)
{
    if (const auto platform = get(id); !platform)
        return platform.error();
    if (const auto removed = m_store.remove(id); !removed)
        return removed.error();
    // Its keys open nothing without it; they need no note of their own.
    m_context.changes.add(PlatformState { .id = id, .exists = false, .isActive = false });
    return {};
}

} // namespace assistiv
