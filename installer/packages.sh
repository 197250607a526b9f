# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The Debian and Ubuntu packages that building, running and testing need, and the function that installs what is
# missing. Sourced by installer/start.sh and tests/run.sh; `bash installer/packages.sh` prints the lists.
#
# One entry per package. "a|b" means either will do: the first one that the release offers is installed. An entry with a
# slash is a file that, when present, stands for the package (programs that came from somewhere else).

# shellcheck disable=SC2034 # the lists are used through their names
BUILD_PACKAGES=(
    g++ cmake ninja-build ccache
    'pkgconf|pkg-config'
    qt6-base-dev
    qt6-declarative-dev qt6-declarative-dev-tools
    qt6-httpserver-dev
    'qt6-websockets-dev|libqt6websockets6-dev' # QtHttpServer's CMake package asks for it
    'qt6-svg-dev|libqt6svg6-dev'
    qt6-tools-dev qt6-tools-dev-tools qt6-l10n-tools
    libgl-dev
    libsimdjson-dev
    libcurl4-openssl-dev
    libsqlite3-dev
    libmimalloc-dev
    libssl-dev
    qtkeychain-qt6-dev
    fonts-inter fonts-jetbrains-mono # embedded into the program
)

# shellcheck disable=SC2034
RUN_PACKAGES=(
    ca-certificates
    libqt6sql6-psql
    'libqt6svg6|libqt6svg6t64'
    qt6-qpa-plugins qt6-wayland
    qml6-module-qtqml qml6-module-qtqml-models qml6-module-qtqml-workerscript
    qml6-module-qtquick qml6-module-qtquick-window qml6-module-qtquick-layouts
    qml6-module-qtquick-controls qml6-module-qtquick-templates
    qml6-module-qtquick-dialogs
)

# shellcheck disable=SC2034
TEST_PACKAGES=(
    python3 python3-venv python3-requests
    'nodejs|/usr/bin/node|/usr/local/bin/node'
    'npm|/usr/bin/npm|/usr/local/bin/npm'
    curl openssl
    postgresql
    'nginx-light|nginx'
    'dbus-daemon|dbus' gnome-keyring
    qml6-module-qttest
    xvfb xauth libgl1-mesa-dri
)

# Prints each entry of the named lists that nothing on this machine satisfies.
missing_packages() {
    local list entry name
    local -a entries=() names=()
    local -A installed=()
    for list in "$@"; do
        local -n packages="$list"
        entries+=("${packages[@]}")
        unset -n packages
    done
    mapfile -t names < <(printf '%s\n' "${entries[@]}" | tr '|' '\n' | grep -v /)
    while read -r name; do
        installed["$name"]=1
    done < <(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${names[@]}" 2>/dev/null \
        | sed -n 's/^installed //p')

    for entry in "${entries[@]}"; do
        IFS='|' read -ra names <<<"$entry"
        for name in "${names[@]}"; do
            if [[ $name == */* && -e $name ]] || [[ -n ${installed[$name]:-} ]]; then
                continue 2
            fi
        done
        printf '%s\n' "$entry"
    done
}

# Prints, for each entry given, the first alternative that this release offers; says so when there is none.
offered_packages() {
    local entry name
    local -a names
    local -A offered=()
    mapfile -t names < <(printf '%s\n' "$@" | tr '|' '\n' | grep -v /)
    while read -r name; do
        offered["$name"]=1
    done < <(LC_ALL=C apt-cache policy "${names[@]}" | awk '/^[^ ]/ { name = $1; sub(":$", "", name) }
        $1 == "Candidate:" && $2 != "(none)" { print name }')

    for entry in "$@"; do
        IFS='|' read -ra names <<<"$entry"
        for name in "${names[@]}"; do
            if [[ -n ${offered[$name]:-} ]]; then
                printf '%s\n' "$name"
                continue 2
            fi
        done
        printf 'This release offers no package %s; going on without it.\n' "${names[0]}" >&2
    done
}

# ensure_packages <list name>... installs what is missing. It asks for nothing and changes nothing when all is there;
# without the right to install it prints the command to run and ends the script with exit code 1.
ensure_packages() {
    local -a missing wanted root=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is no Debian or Ubuntu: please install what installer/packages.sh lists by other means." >&2
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) && return 0

    if ((EUID != 0)); then
        if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
            root=(sudo)
        else
            mapfile -t wanted < <(offered_packages "${missing[@]}")
            printf 'Packages are missing, and installing them needs root. Please run:\n\n' >&2
            printf '    apt-get install --no-install-recommends %s\n\n' "${wanted[*]:-${missing[*]%%|*}}" >&2
            exit 1
        fi
    fi
    printf 'Installing %d packages: %s\n' "${#missing[@]}" "${missing[*]%%|*}" >&2
    # A mirror that cannot be reached is fatal only when the package is not at hand either.
    "${root[@]}" apt-get update -qq -o DPkg::Lock::Timeout=300 </dev/null >&2 || true
    mapfile -t wanted < <(offered_packages "${missing[@]}")
    ((${#wanted[@]} == 0)) && return 0
    if ! "${root[@]}" bash -c "$INSTALL_PACKAGES" install "${wanted[@]}" </dev/null >&2; then
        printf 'Installing failed. Please run:\n\n    apt-get install --no-install-recommends %s\n\n' "${wanted[*]}" >&2
        exit 1
    fi
}

# Runs as root. Servers among the packages are not started: nobody who builds a program wants a web server on port 80.
# shellcheck disable=SC2016 # expanded by the shell that runs it
INSTALL_PACKAGES='
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap "rm -f $policy" EXIT
        printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"'

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    printf '%s\n' "${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
fi
