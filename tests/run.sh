#!/usr/bin/env bash
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds everything and runs every test; the exit code is 0 only when all of it succeeded.
#
#   tests/run.sh             release build with all tests, then the engine's tests under the sanitizers
#   tests/run.sh --quick     without the sanitizers
#   tests/run.sh -R <regex>  only the tests whose name matches; any other option of ctest works too
set -euo pipefail

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.."
# shellcheck source=installer/packages.sh
source installer/packages.sh
# shellcheck source=installer/build.sh
source installer/build.sh

quick=false
selection=()
for option in "$@"; do
    if [[ $option == --quick ]]; then
        quick=true
    else
        selection+=("$option")
    fi
done

ensure_packages BUILD_PACKAGES RUN_PACKAGES TEST_PACKAGES

export LC_ALL=C.UTF-8
export QT_QPA_PLATFORM=${QT_QPA_PLATFORM:-offscreen}
export QT_QUICK_BACKEND=${QT_QUICK_BACKEND:-software}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
if [[ -z ${XDG_RUNTIME_DIR:-} ]]; then
    XDG_RUNTIME_DIR=$(mktemp -d)
    export XDG_RUNTIME_DIR
    trap 'rm -rf -- "$XDG_RUNTIME_DIR"' EXIT
fi

failed=()
logs=()

# run_tests <preset> [ctest options]: builds the preset and runs its tests. A failure is noted, not fatal, so that one
# broken test does not hide the others.
run_tests() {
    local preset=$1 folder="build/$1" log="build/$1/test-output.txt"
    shift
    if ! build_preset "$preset"; then
        failed+=("$preset: the build")
        return
    fi
    logs+=("$log")
    if ! ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel 2 "$@" </dev/null 2>&1 | tee "$log"; then
        failed+=("$preset: its tests")
    fi
}

run_tests ci "${selection[@]}"
if [[ $quick == false ]]; then
    # What was selected may well be tests of the console, which the sanitizers leave out.
    ((${#selection[@]} > 0)) && selection+=(--no-tests=ignore)
    run_tests asan --label-regex '^(unit|contract|ledger)$' "${selection[@]}"
fi

for log in "${logs[@]}"; do
    printf '\n%s\n' "=== $log"
    sed -n '/tests passed/,$p' "$log"
done
if ((${#failed[@]} > 0)); then
    printf '\nFAILED: %s\n' "${failed[@]}"
    exit 1
fi
printf '\nAll of it passed.\n'
