# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# build_preset <preset> [target...]: configures when it must and builds. Sourced; the caller stands in the project's
# folder. Everything that is said goes to standard error, so that standard output stays the program's.

# How many compilers at once: one per core, but each of them may want 1.5 GB.
build_jobs() {
    local cores memory_kb jobs
    cores=$(nproc 2>/dev/null || echo 2)
    memory_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null || true)
    jobs=$((${memory_kb:-3000000} / 1500000))
    ((jobs > cores)) && jobs=$cores
    ((jobs < 1)) && jobs=1
    echo "$jobs"
}

build_preset() {
    local preset=$1 folder="build/$1" fresh=()
    shift
    if [[ -e $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$folder/CMakeCache.txt"; then
        fresh=(--fresh) # the project was moved or copied together with its build folder
    fi
    # Ninja itself configures again when a CMakeLists.txt has changed; it does not know about the presets.
    if [[ ${#fresh[@]} -gt 0 || ! -e $folder/build.ninja || CMakePresets.json -nt $folder/build.ninja ]]; then
        echo "Configuring $folder" >&2
        cmake --preset "$preset" "${fresh[@]}" >&2 || return 1
        touch "$folder/build.ninja"
    fi
    # The same sources compile once, in whatever folder they were cloned into.
    export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-true}
    ninja -C "$folder" -j "$(build_jobs)" "$@" >&2
}
