# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The demonstration's second scene: a backend is killed under load. What the client got and what was on the
# wire says when traffic left it, and whether connections to other backends broke. Sourced by demo.sh,
# which owns the lab, the cluster and JSON; adds to FAULTS.

LOAD_TOOLS=$LAB_ROOT/build/tests/bench/net
KEPT=60     # connections that stay open, a request each 20 ms
NEW=500     # new connections a second
STEP=20     # ms, of the table
SCENE_END=6 # seconds of load; longer than the generator waits for an answer

all_checked_up() {
  local name
  for name in web1 web2 web3; do
    is access1 "$name" up ok || return 1
  done
}

# print_steps KILLED-AT: the new connections of each step from 60 ms before to 200 ms after.
print_steps() {
  printf '%14s  %6s %6s %6s %8s\n' "ms" web1 web2 web3 refused
  jq -r --argjson killed "$1" '((.began_s - $killed) * 1000) as $first | .step_ms as $step |
    .steps | to_entries[] | ($first + .key * $step) as $at | select($at > -80 and $at < 200) |
    [($at | round), ($at + $step | round), .value.answered.web1 // 0, .value.answered.web2 // 0,
      .value.answered.web3 // 0, .value.failed] | @tsv' "$LAB_DIR/load.json" |
    while read -r from to web1 web2 web3 failed; do
      printf '%5d .. %5d  %6d %6d %6d %8d\n' "$from" "$to" "$web1" "$web2" "$web3" "$failed"
    done
}

# failed_after KILLED-AT MS: new connections, opened later than that, that got no answer.
failed_after() {
  jq --argjson killed "$1" --argjson ms "$2" '((.began_s - $killed) * 1000) as $first | .step_ms as $step |
    [.steps | to_entries[] | select($first + .key * $step > $ms) | .value.failed] | add // 0' \
    "$LAB_DIR/load.json"
}

scene_failure() {
  local node load killed_us packets killed_at left late broken faults=()
  for node in access1 node1 node2; do
    start_agent "$node"
  done
  wait_until 10 all_checked_up || fail "the agents do not find the backends up"
  nsenter --net=/run/netns/client -- "$LOAD_TOOLS/load" --keep "$KEPT" --new "$NEW" --step "$STEP" \
    --seconds "$SCENE_END" 192.0.2.10:80 >"$LAB_DIR/load.json" &
  load=$!
  sleep 1 # of load before the kill, for the table
  # shellcheck disable=SC2046
  read -r killed_us packets killed_at < <("$LOAD_TOOLS/last_packet" --wire /run/netns/router:to-access1 \
    --to 10.0.1.11 --syn --signal 9 $(nginx_pids node1 web1))
  wait "$load"

  left=$(awk -v us="$killed_us" 'BEGIN { printf "%.1f", us / 1000 }')
  broken=$(jq '[.kept | to_entries[] | select(.key != "web1") | .value.broken] | add' "$LAB_DIR/load.json")
  late=$(failed_after "$killed_at" "$left")
  echo "A backend dies under load: $KEPT connections stay open, $NEW a second are new; web1 is killed at 0 ms."
  echo "New connections, by the backend that answered:"
  print_steps "$killed_at"
  echo "Traffic left web1 $left ms after the kill: $packets connections more were sent there, as seen on the wire."
  jq -r '.kept | to_entries[] | "Kept connections to \(.key): \(.value.opened), \(.value.answers) answers, \(.value.broken) broken"' \
    "$LAB_DIR/load.json" | sort
  ((broken == 0)) || faults+=("$broken connections to other backends broke")
  ((late == 0)) || faults+=("$late new connections failed after traffic had left web1")
  jq -e '.kept.web1.opened > 0 and .kept.web1.broken == .kept.web1.opened and .kept.web2.opened > 0' \
    "$LAB_DIR/load.json" >/dev/null || faults+=("the kill was not felt, so nothing is shown")
  awk -v left="$left" 'BEGIN { exit left > 1000 }' || faults+=("traffic did not leave within a second")
  if ((${#faults[@]} > 0)); then
    printf '  FAULT: %s\n' "${faults[@]}"
    FAULTS=$((FAULTS + ${#faults[@]}))
  fi
  jq --argjson left "$left" --argjson late "$late" --argjson broken "$broken" \
    '{killed: "web1", left_ms: $left, new_failed: .new.failed, new_failed_after: $late, kept: .kept,
      broken_elsewhere: $broken}' "$LAB_DIR/load.json" >"$LAB_DIR/failure.json"
  for node in access1 node1 node2; do
    signal_agent "$node" TERM
    wait_until 5 has_ended "$node" || fail "the agent of $node goes on"
  done
}
