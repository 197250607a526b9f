#!/usr/bin/env bash
# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Takes the pictures of this folder from the real program on real data: a window under Xvfb, driven by the keyboard, a fresh
# data directory, and calls through the gateway to its built-in echo model.
#
#   docs/screenshots/take.sh <program> [<folder>]
#
# Needs Xvfb, xdotool, ImageMagick, curl, openssl.
set -euo pipefail

program=$(readlink -f -- "$1")
folder=$(readlink -f -- "${2:-$(dirname -- "${BASH_SOURCE[0]}")}")
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf -- "$scratch"' EXIT

export HOME=$scratch/home XDG_CONFIG_HOME=$scratch/config XDG_DATA_HOME=$scratch/data XDG_RUNTIME_DIR=$scratch/run
mkdir -p "$HOME" "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
export LC_ALL=C.UTF-8 LANG=en_US.UTF-8 QT_QUICK_BACKEND=software QT_SCALE_FACTOR=1

Xvfb -displayfd 3 -screen 0 1440x900x24 3>"$scratch/display" >/dev/null 2>&1 &
until [[ -s $scratch/display ]]; do sleep 0.1; done
DISPLAY=:$(<"$scratch/display")
export DISPLAY

# Every key needs a moment: the wizard's steps are done when the engine says so.
keys() { for key in "$@"; do xdotool key "$key"; sleep 0.4; done; }
shot() { sleep "${2:-1}"; import -window root "$folder/$1.png"; }

"$program" --data-dir "$scratch/data/gateway" --key-source file --listen 127.0.0.1:8790 --ready-file "$scratch/ready" \
    >"$scratch/output" 2>&1 &
until [[ -s $scratch/ready ]]; do sleep 0.2; done
window=$(xdotool search --sync --onlyvisible --name 'Assistiv Gateway' | head -1)
xdotool windowmove "$window" 0 0 windowsize "$window" 1440 900 windowfocus "$window"
sleep 1.5

# What the wizard itself cannot do: read the keys it shows once. An admin key makes others for the calls below.
admin=$("$program" admin-key --data-dir "$scratch/data/gateway" 2>/dev/null)
origin=http://127.0.0.1:8790
api() { curl -sS -X "$1" "$origin$2" -H "Authorization: Bearer $3" -H 'Content-Type: application/json' -d "${4:-}"; }
field() { python3 -c 'import json, sys; print(eval(sys.argv[1], {"answer": json.load(sys.stdin)}))' "$1"; }
say() { api POST /v1/chat/completions "$1" "{\"model\":\"${3:-sandbox-echo}\",\"messages\":[{\"role\":\"user\",\"content\":\"$2\"}]}" >/dev/null; }
click() { xdotool mousemove "$1" "$2" click 1; sleep 0.7; }
next() { xdotool key ctrl+Return; sleep 1.5; }

xdotool type --delay 30 'Northwind Copilot'
sleep 0.5
shot wizard-1
keys Return
sleep 1
click 569 331 # "I have stored the key"
next

shot wizard-2
click 951 856 # "Use the built-in echo model instead"
sleep 1.5
shot wizard-3
next
shot wizard-4
next

platform=$(api GET /v1/admin/platforms "$admin" | field 'answer["data"][0]["id"]')
plat=$(api POST "/v1/admin/platforms/$platform/api-keys" "$admin" '{"name":"pictures"}' | field 'answer["raw_key"]')
user=$(api POST "/v1/platforms/$platform/end-users" "$plat" '{"external_id":"demo"}' | field 'answer["api_key"]["raw_key"]')
say "$user" 'Hello!'
shot wizard-5 6 # the toast of the top-up has gone by then
click 1153 856  # "Open the console"

# A little traffic, so that the overview has something to show: users of their own, one nearly used up, one in debt.
declare -a people=()
for person in ada.lovelace grace.hopper acct_11920; do
    made=$(api POST "/v1/platforms/$platform/end-users" "$plat" "{\"external_id\":\"$person\"}")
    id=$(field 'answer["id"]' <<<"$made")
    people+=("$(field 'answer["api_key"]["raw_key"]' <<<"$made")")
    budget=/v1/platforms/$platform/end-users/$id/budget
    api POST "$budget" "$plat" '{"max_usd":10,"period":"monthly"}' >/dev/null
    case $person in
    ada.lovelace) api POST "$budget/debit" "$plat" '{"amount_usd":8.8}' >/dev/null ;;
    acct_11920) api POST "$budget/debit" "$plat" '{"amount_usd":12.14}' >/dev/null ;;
    esac
done
words=$(printf 'word %.0s' {1..4000})
for round in {1..150}; do
    say "${people[$((round % 2))]}" "${words:0:$((RANDOM % 20000 + 50))}"
    ((round % 17)) || say "${people[2]}" 'over budget'
    ((round % 40)) || say "${people[0]}" 'no such model' gpt-nine
    sleep "0.$((RANDOM % 9))"
done
click 1340 299 # some free space: no button keeps the mouse over it
click 1254 299 # last hour
xdotool mousemove 700 300
shot overview-light 4
click 1404 26 # appearance
xdotool mousemove 700 300
shot overview-dark 2
