# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Floods at the hand-over lab: what established connections get done while spoofed packets come to a
# service, beside what they get done while as many come to a port on a service node that no service
# has. Sourced by demo.sh, after world.sh.

FLOOD_RATE=${FLOOD_RATE:-15000} # packets a second
FLOOD_FOR=8                     # seconds a round
FLOOD_ROUNDS=3                  # pairs of them; the medians count
UNBALANCED=10.0.1.2:9000

flood_begin() {
  # What is sent to the made-up clients goes to where they are, and no further.
  ip -n router route replace 198.18.0.0/15 via 10.0.0.2
  nsenter --net=/run/netns/node1 -- "$WORLD_TOOLS/pattern_server" unbalanced "$UNBALANCED" \
    >"$LAB_DIR/unbalanced.out" 2>&1 &
  disown
  wait_until 5 grep -qx ready "$LAB_DIR/unbalanced.out" || fail "no server at $UNBALANCED"
}

# Jiffies of all processors since the start: BUSY ALL
processor_time() {
  awk '/^cpu / { print $2 + $3 + $4 + $7 + $8, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat
}

# flood_round ack|syn TARGET: an object of JSON.
flood_round() {
  local kind=$1 target=$2 flood busy all busy2 all2 handed window
  handed=$(world_counter handed_over)
  nsenter --net=/run/netns/client -- "$WORLD_TOOLS/flood" "$kind" "$FLOOD_RATE" "$target" \
    >"$LAB_DIR/flood.out" &
  flood=$!
  read -r busy all < <(processor_time)
  tell_client "window flood_$kind" >/dev/null
  window=$(tell_client "count $FLOOD_FOR")
  read -r busy2 all2 < <(processor_time)
  kill "$flood"
  wait "$flood"
  jq --arg target "$target" --argjson sent "$(cat "$LAB_DIR/flood.out")" \
    --argjson handed $(($(world_counter handed_over) - handed)) \
    --argjson busy "$(awk "BEGIN { print ($busy2 - $busy) / ($all2 - $all) }")" \
    '{target: $target, goodput: (.bytes / .seconds), broken: .broken, packets: $sent, busy: $busy,
      handed_over: $handed}' <<<"$window"
}

# measure_flood ack|syn CONNECTIONS: prints two lines of a table; FLOOD is what goes into the JSON.
measure_flood() {
  local kind=$1 round rounds=$LAB_DIR/flood.$1.json
  : >"$rounds"
  renew_connections "$2"
  for ((round = 0; round < FLOOD_ROUNDS; round++)); do
    flood_round "$kind" 192.0.2.10:80 >>"$rounds"
    flood_round "$kind" "$UNBALANCED" >>"$rounds"
    tell_client reopen >/dev/null
  done
  # shellcheck disable=SC2034 # for the caller
  FLOOD=$(jq -s --arg kind "$kind" '
    def median(f): map(f) | sort | .[length / 2 | floor];
    def side: {goodput: median(.goodput), busy: median(.busy), packets: (map(.packets) | add),
      broken: (map(.broken) | add), handed_over: (map(.handed_over) | add)};
    group_by(.target == "192.0.2.10:80") | {at_unbalanced: (.[0] | side), at_service: (.[1] | side)} |
    {("flood_" + $kind + "_goodput"): (.at_service.goodput / .at_unbalanced.goodput),
     ("flood_" + $kind): (. + {handed_over_per_packet: (.at_service.handed_over / .at_service.packets),
       processor_share: (.at_service.busy - .at_unbalanced.busy)})}' "$rounds")
  jq -r --arg kind "$kind" '.["flood_" + $kind] | to_entries[] | select(.value | type == "object") |
    [$kind, .key, (.value.goodput / 1000 | round), .value.broken, (.value.busy * 100 | round),
      .value.packets, .value.handed_over] | @tsv' <<<"$FLOOD" |
    while IFS=$'\t' read -r -a row; do
      printf '%-4s %-14s %12s %8s %7s %10s %12s\n' "${row[@]}"
    done
}
