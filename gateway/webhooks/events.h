// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/words.h"

#include <array>

namespace assistiv {

/// What endpoints can subscribe to (docs/contract/webhooks.md).
enum class WebhookEvent { ToppedUp, LowBalance, Suspended, Unsuspended, Debited };

template<>
struct Words<WebhookEvent>
{
    static constexpr std::array table { QLatin1StringView("budget.topped_up"), QLatin1StringView("budget.low_balance"),
                                        QLatin1StringView("budget.suspended"), QLatin1StringView("budget.unsuspended"),
                                        QLatin1StringView("budget.debited") };
};

/// What an endpoint gets that does not say what it wants: every debit of every call is for those who ask for it.
inline constexpr std::array DefaultWebhookEvents { WebhookEvent::ToppedUp, WebhookEvent::LowBalance, WebhookEvent::Suspended,
                                            WebhookEvent::Unsuspended };

/// The event type of a test; nobody can subscribe to it.
constexpr QLatin1StringView EndpointTestEvent { "endpoint.test" };

enum class DeliveryStatus { Pending, Delivered, Failed, Canceled };

template<>
struct Words<DeliveryStatus>
{
    static constexpr std::array table { QLatin1StringView("pending"), QLatin1StringView("delivered"),
                                        QLatin1StringView("failed"), QLatin1StringView("canceled") };
};

/// Why an attempt is made.
enum class DeliveryTrigger { Schedule, Replay, Test };

template<>
struct Words<DeliveryTrigger>
{
    static constexpr std::array table { QLatin1StringView("schedule"), QLatin1StringView("replay"), QLatin1StringView("test") };
};

/// Why the gateway switched an endpoint off.
enum class DisabledReason { Gone, Failing };

template<>
struct Words<DisabledReason>
{
    static constexpr std::array table { QLatin1StringView("gone"), QLatin1StringView("failing") };
};

} // namespace assistiv
