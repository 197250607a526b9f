// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "fakeengine.h"

namespace assistiv::console {

/// A platform in full use, with fixed figures: what the design's pictures show.
void furnish(FakeEngine &engine);

/// The same installation before anything was set up.
void emptyOut(FakeEngine &engine);

/// Right before the first request: every step but the last is done.
void readyForFirstRequest(FakeEngine &engine);

RequestRow goodRequest(const FakeEngine &engine);
RequestRow failedRequest(const FakeEngine &engine);

} // namespace assistiv::console
