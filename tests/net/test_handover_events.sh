#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Established connections survive changes of tables and health: three of the demonstration's events
# (handover/events.sh), with 200 connections; and one of them without hand-over, which must break some.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
# shellcheck source=handover/world.sh
source "$(dirname "$0")/handover/world.sh"
# shellcheck source=handover/events.sh
source "$(dirname "$0")/handover/events.sh"
# shellcheck source=handover/figures.sh
source "$(dirname "$0")/handover/figures.sh"
lab_isolate "$@"

CONNECTIONS=200

# window EVENT: what came of it is in WINDOW.
window() {
  run_window "$CONNECTIONS" "$1"
  [[ -z $WINDOW_FAULT ]] || fail "$WINDOW_FAULT"
  expect "connections" "$(jq .connections <<<"$WINDOW")" "$CONNECTIONS"
}

survives() {
  window "$1"
  expect "broken connections ($WINDOW)" "$(jq .broken <<<"$WINDOW")" 0
  (($(jq .handed_over <<<"$WINDOW") > 0)) || fail "no packet was handed over: nothing is shown"
  jq -e '.handed_share > 0 and .handed_share < 1 and .handed_seconds > 0' <<<"$WINDOW" || fail "figures: $WINDOW"
  expect "share of new connections' packets" "$(jq .new_handed_share <<<"$WINDOW")" 0
}

# The same test, but what it is for is switched off.
breaks_without() {
  HAND_OVER=false
  write_cluster >"$CLUSTER"
  apply_file access1 access2
  window "$1"
  (($(jq .broken <<<"$WINDOW") > 0)) || fail "nothing broke"
  expect "packets handed over" "$(jq .handed_over <<<"$WINDOW")" 0
}

if [[ ! -x $XDPLB_LOAD || ! -x $WORLD_TOOLS/pattern_client ]]; then
  echo "not ok setup: programs are missing: run make test-net"
  exit 1
fi
world_begin 100
check weights_changed survives weights_changed
check backends_replaced survives backends_replaced
check backend_down_up survives backend_down_up
check nothing_broke_by_luck breaks_without weights_changed
finish
