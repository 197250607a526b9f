#!/usr/bin/env bash
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what is missing, builds and starts Assistiv Gateway.
#
#   installer/start.sh [gateway options]   with a display: console and gateway; without: the gateway alone, and with
#                                          --demo unless the options (or the environment) say whose data to use
#   installer/start.sh --build-only        stops after the build; the program is build/release/assistiv-gateway
#
# All options but --build-only go to the program as they are; see docs/operators-manual.md.
set -euo pipefail

here=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
called_from=$PWD
cd -- "$here"
# shellcheck source=installer/packages.sh
source installer/packages.sh
# shellcheck source=installer/build.sh
source installer/build.sh

build_only=false
options=()
for option in "$@"; do
    if [[ $option == --build-only ]]; then
        build_only=true
    else
        options+=("$option")
    fi
done

ensure_packages BUILD_PACKAGES RUN_PACKAGES
build_preset release
program=$here/build/release/assistiv-gateway
if [[ $build_only == true ]]; then
    echo "Built: $program"
    exit 0
fi

# A command (verify, backup, ...) and a question (--help, --version) go straight to the program.
serves=true
names_data=false
says_headless=false
[[ -n ${ASSISTIV_DATA_DIR:-}${ASSISTIV_DATABASE:-}${ASSISTIV_BOOTSTRAP:-} ]] && names_data=true
[[ ${#options[@]} -gt 0 && ${options[0]} != -* ]] && serves=false
for option in "${options[@]}"; do
    case $option in
    --help | -h | --version | -v) serves=false ;;
    --headless | --headless=*) says_headless=true ;;
    --demo | --demo=* | --data-dir | --data-dir=* | --database | --database=* | --bootstrap | --bootstrap=*)
        names_data=true
        ;;
    esac
done
if [[ $serves == true && -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
    [[ $says_headless == true ]] || options=(--headless "${options[@]}")
    [[ $names_data == true ]] || options+=(--demo)
fi

cd -- "$called_from" # relative paths among the options mean the caller's folder
exec "$program" "${options[@]}"
