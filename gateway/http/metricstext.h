// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/metrics.h"
#include "http/direct.h"

namespace assistiv {

inline constexpr char MetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

/// The numbers in Prometheus' text format. No label takes values that a client chooses, none names a tenant or a key.
QByteArray metricsText(const Metrics &metrics, const EngineStatus &status, qint64 residentBytes);

} // namespace assistiv
