#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The demonstration of hand-over: 2,000 connections with data in flight, through two access nodes to
# eight backends (world.sh), while backends and access nodes come and go, each event alone and in pairs
# (events.sh). All of it twice, the second time with hand-over switched off, which shows that the connections
# would notice. Then what a hand-over costs in time (figures.sh), and two floods (flood.sh). Prints tables, writes build/demo-handover.json; exit status 0 only
# if nothing broke with hand-over and something without, and floods did no more harm than elsewhere.
#
# Usage: demo.sh [EVENT[+EVENT]|memory|extra_hop|flood_ack|flood_syn]...
# Settings: CONNECTIONS, EVERY (milliseconds), MODES ("on off"), FLOOD_RATE (packets a second).
set -euo pipefail

# shellcheck source=../lab.sh
source "$(dirname "$0")/../lab.sh"
# shellcheck source=../agents.sh
source "$(dirname "$0")/../agents.sh"
# shellcheck source=world.sh
source "$(dirname "$0")/world.sh"
# shellcheck source=events.sh
source "$(dirname "$0")/events.sh"
# shellcheck source=figures.sh
source "$(dirname "$0")/figures.sh"
# shellcheck source=flood.sh
source "$(dirname "$0")/flood.sh"
lab_isolate "$@"

CONNECTIONS=${CONNECTIONS:-2000}
EVERY=${EVERY:-150}
MODES=${MODES:-on off}
JSON=$LAB_ROOT/build/demo-handover.json
FAULTS=()

# switch_hand_over on|off
switch_hand_over() {
  HAND_OVER=true
  [[ $1 == on ]] || HAND_OVER=false
  write_cluster >"$CLUSTER"
  apply_file access1 access2 >"$LAB_DIR/event.log"
}

# note_window MODE NAME: a line of the table, an object of the JSON.
note_window() {
  local mode=$1 name=$2 broken
  broken=$(jq .broken <<<"$WINDOW")
  # shellcheck disable=SC2046,SC2183 # jq prints the other ten
  printf '%-40s %-4s %6s %6s %6s %6s %7s %7s %7s %6s %8s %7s\n' "${name//_/ }" "$mode" $(jq -r '
    def tenth: . * 10 | round / 10;
    def percent: if . then . * 100 | tenth else "-" end;
    [.connections, .broken, .reset + .closed, .wrong_byte, .stalled, .handed_over, (.handed_share | percent),
      "\(.handed_seconds | tenth)\(if .handed_to_end then "+" else "" end)", (.new_handed_share | percent),
      (.seconds | tenth)] | .[]' <<<"$WINDOW")
  jq --arg mode "$mode" --arg name "$name" '{mode: $mode, name: $name, window: .}' <<<"$WINDOW" \
    >>"$LAB_DIR/windows.json"
  [[ $mode != on ]] || ((broken == 0)) || FAULTS+=("$name: $broken connections broke")
}

# run_event MODE EVENT...
run_event() {
  local mode=$1 name
  shift
  name=$(join_events "$@")
  run_window "$CONNECTIONS" "$@"
  [[ -z $WINDOW_FAULT ]] || FAULTS+=("$WINDOW_FAULT")
  note_window "$mode" "$name"
  # One that moves connections must break some without hand-over.
  if [[ $mode == off && " ${MOVING[*]} " == *" $name "* ]]; then
    jq -e '.broken > 0' <<<"$WINDOW" >/dev/null || FAULTS+=("$name: nothing broke without hand-over")
  fi
}

write_json() {
  jq -s --argjson connections "$CONNECTIONS" '
    def key: if .mode == "on" then "broken" else "broken_off" end;
    def handed: if .mode == "on" then .window |
      {handed_over, handed_share, handed_seconds, handed_to_end, new_handed_share} else {} end;
    . as $all |
    {connections: $connections}
    + (reduce $all[] as $w ({}; .[$w.name] += ({($w | key): $w.window.broken} + ($w | handed))))
    + (reduce $all[] as $w ({}; .[$w | key] += $w.window.broken))' "$LAB_DIR/windows.json" >"$JSON"
}

# What the last steps said, if one failed that nothing goes on without.
show_end() {
  (($1 == 0)) || [[ ${ENDED:-} ]] || tail -n 20 "$LAB_DIR/event.log" >&2
}

run_events() {
  local mode event
  echo "Packets handed over; their share of all while there were any, %; for how many seconds (+: to the end of the"
  echo "window, for as long as those connections last); their share with connections opened after the event, %."
  echo "Of the backends 2 are replaced, 25 %."
  echo
  printf '%-40s %-4s %6s %6s %6s %6s %7s %7s %7s %6s %8s %7s\n' \
    event hand- "of" broken reset wrong stalled handed share for new seconds \
    "" over "" "" "" byte "" over % s % ""
  for mode in $MODES; do
    switch_hand_over "$mode"
    for event in "$@"; do
      # shellcheck disable=SC2086
      run_event "$mode" ${event//+/ }
    done
  done
}

run_memory() {
  echo
  measure_memory "$CONNECTIONS"
  add_figures <<<"$MEMORY"
  jq -r '"Maps of both access nodes: \(.access_bytes) bytes; of it for a connection: \(.access_bytes_per_connection)"' \
    <<<"$MEMORY"
  [[ $(jq .access_bytes_per_connection <<<"$MEMORY") == 0 ]] || FAULTS+=("access nodes' memory grows: $MEMORY")
}

# add_figures: from the standard input, an object of JSON, to the file.
add_figures() {
  jq -s add "$JSON" - >"$JSON.new"
  mv "$JSON.new" "$JSON"
}

run_extra_hop() {
  echo
  echo "Question and answer over the same $HOP_CONNECTIONS connections while those of b5 are handed over and while"
  echo "they are not, $HOP_ROUNDS times; medians, microseconds:"
  printf '%-8s %8s %8s %8s %8s %12s %7s\n' "" b5 others "b5's" packets "handed over" broken \
    "" "" "" answers "" "" ""
  switch_hand_over on
  measure_hop
  add_figures <<<"$HOP"
  jq -e '.extra_hop | .handed.handed_over > .handed.answers and .direct.handed_over == 0 and
    .handed.broken + .direct.broken == 0' <<<"$HOP" >/dev/null || FAULTS+=("extra hop: $HOP")
}

run_floods() {
  local kind
  echo
  echo "Floods of $FLOOD_RATE packets a second from made-up clients, at a service and at a port that none has;"
  echo "medians and sums of $FLOOD_ROUNDS rounds of $FLOOD_FOR s:"
  printf '%-4s %-14s %12s %8s %7s %10s %12s\n' "" "" "kB/s to all" broken "busy %" packets "handed over"
  switch_hand_over on
  flood_begin
  for kind in "$@"; do
    measure_flood "${kind#flood_}" "$CONNECTIONS"
    jq -e --arg key "${kind}_goodput" '.[$key] >= 0.9' <<<"$FLOOD" >/dev/null ||
      FAULTS+=("$kind: goodput is $(jq --arg key "${kind}_goodput" '.[$key]' <<<"$FLOOD") of a flood's elsewhere")
    add_figures <<<"$FLOOD"
  done
}

for program in "$XDPLB_LOAD" "$WORLD_TOOLS/pattern_client"; do
  [[ -x $program ]] || { echo "demo-handover: $program is not there: run make demo-handover" >&2 && exit 1; }
done
rm -f "$JSON"
: >"$LAB_DIR/windows.json"
if (($# == 0)); then
  set -- "${EVENTS[@]}" "${PAIRS[@]// /+}" memory extra_hop flood_ack flood_syn
fi
events=() floods=() memory=0 hop=0
for event in "$@"; do
  if [[ $event == memory ]]; then
    memory=1
  elif [[ $event == extra_hop ]]; then
    hop=1
  elif [[ $event == flood_* ]]; then
    floods+=("$event")
  else
    events+=("$event")
  fi
done
trap 'show_end $?' EXIT
world_begin "$EVERY" >"$LAB_DIR/event.log" 2>&1

echo "$CONNECTIONS connections, each asks once in $EVERY ms: client -> router (ECMP) -> access1, access2 ->"
echo "8 backends on 4 nodes. Broken: reset or closed, a wrong byte, or 3 s without an answer."
echo
((${#events[@]} == 0)) || run_events "${events[@]}"
write_json
((memory == 0)) || run_memory
((hop == 0)) || run_extra_hop
((${#floods[@]} == 0)) || run_floods "${floods[@]}"
ENDED=1
echo
if [[ -s $BROKEN_LOG ]]; then
  echo "Each that broke: ${BROKEN_LOG#"$LAB_ROOT/"}"
fi
if ((${#FAULTS[@]} > 0)); then
  printf 'FAULT: %s\n' "${FAULTS[@]}"
  exit 1
fi
echo "demo-handover: no connection broke"
