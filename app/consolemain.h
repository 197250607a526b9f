// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace assistiv {

/// The program with its window: console and gateway in one process. Returns the exit code.
int runWithConsole(int argc, char *argv[]);

} // namespace assistiv
