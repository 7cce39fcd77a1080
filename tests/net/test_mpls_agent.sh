#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# xdplb-agent on clock nodes: a tunnel whose links fail goes to its backup at both ends together, one
# that has none to go to carries nothing, and both come back. The lab is drawn in mpls_lab.sh.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs socat jq bpftool
# shellcheck source=mpls_lab.sh
source "$(dirname "$0")/mpls_lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
# shellcheck source=busy.sh
source "$(dirname "$0")/busy.sh"

where() {
  tunnel_of "$1" '|.state + " " + .lsp'
}

# is_at STATE LSP: at both ends.
is_at() {
  [[ $(where A) == "$1 $2" && $(where B) == "$1 $2" ]]
}

goes_to() {
  wait_until 10 is_at "$1" "$2" || fail "A: $(where A), B: $(where B), not $1 $2"
}

# arrives: a Sync message of A comes out at B.
arrives() {
  local popped
  popped=$(tunnel_of B .counters.popped)
  send_sync A 10.9.0.2
  wait_until 5 has_popped "$((popped + 1))" || fail "nothing came out at B"
}

has_popped() {
  (($(tunnel_of B .counters.popped) >= $1))
}

come_up() {
  start_agent A
  start_agent B
  goes_to up primary
  arrives
  wait_until 5 knows_far_end A || fail "A has not heard of B's agent"
}

knows_far_end() {
  xdplb "$1" health agent --json | jq -e '.tunnels[0].primary.far_end == true'
}

# hook_said NODE STATE LSP
hook_said() {
  grep -q "^$1 clock $2 $3 " "$LAB_DIR/hook.out"
}

# The link of the primary: both ends see it, and the hook is told.
link_fails() {
  ip -n E1 link set l1 down
  goes_to up backup
  arrives
  wait_until 5 hook_said A up backup || fail "the hook was not run: $(cat "$LAB_DIR/hook.out")"
  expect "the hook's priority" "$(head -n 1 "$LAB_DIR/hook.out" | cut -d' ' -f6)" 0
  grep -q 'tunnel clock: up, by its backup' "$LAB_DIR/B.log" || fail "B's agent says nothing"
  ip -n E1 link set l1 up
  goes_to up primary
  arrives
}

# backup_is WORDS: A's agent has said so last.
backup_is() {
  grep 'its backup' "$LAB_DIR/A.log" | tail -n 1 | grep -c "its backup $1"
}

# The backup fails while nobody needs it: it is told, and nothing else happens.
idle_backup() {
  ip -n E1 link set l2 down
  wait_until 5 backup_is 'has failed' || fail "A: $(cat "$LAB_DIR/A.log")"
  expect "A" "$(where A)" "up primary"
  ip -n E1 link set l2 up
  wait_until 5 backup_is 'is whole' || fail "A: $(cat "$LAB_DIR/A.log")"
  arrives
}

# A label that is wrong on the way back alone.
wrong_label() {
  local label slot entry
  label=$(xdplb A tunnel path "$CLUSTER" clock --json | jq -r '.clock[1].hops[0].label')
  slot=$((label & 1023))
  entry=$(bpftool -j map lookup pinned /sys/fs/bpf/xdplb/E2/ilm key $((slot & 255)) $((slot >> 8)) \
    0 0 | jq -r '.formatted.value.nhlfe')
  bytes_of E2 "$entry" >"$LAB_DIR/right"
  other_label "$LAB_DIR/right" >"$LAB_DIR/wrong"
  write_entry E2 "$entry" "$LAB_DIR/wrong"
  goes_to up backup
  arrives
  write_entry E2 "$entry" "$LAB_DIR/right"
  goes_to up primary
}

# Both ways are gone: nothing is carried, and nothing goes by IP instead.
both_fail() {
  local dropped
  ip -n E2 link set l2 down
  wait_until 10 is_down A || fail "A: $(where A)"
  wait_until 10 is_down B || fail "B: $(where B)"
  dropped=$(tunnel_of A .counters.push_dropped)
  send_sync A 10.9.0.2
  expect "dropped" "$(($(tunnel_of A .counters.push_dropped) - dropped))" 1
  ip -n E2 link set l2 up
  goes_to up primary
  arrives
}

is_down() {
  [[ $(tunnel_of "$1" .state) == down ]]
}

# One end's agent ends: the other goes on alone, by what its probes say.
agent_ends() {
  signal_agent B KILL
  wait_until 5 has_ended B
  ip -n E1 link set l1 down
  wait_until 10 is_on A backup || fail "A: $(where A)"
  start_agent B
  goes_to up backup
  ip -n E1 link set l1 up
  goes_to up primary
  arrives
}

is_on() {
  [[ $(tunnel_of "$1" .lsp) == "$2" ]]
}

# A file that was read and not applied is not what tunnels are judged by.
reload_before_apply() {
  cp "$CLUSTER" "$LAB_DIR/before.yaml"
  sed 's/^    protect_by: spare/&\n    path: [a, p2, b]/; s/\[{link: p2, loose: yes}\]/[a, p1, b]/' \
    "$LAB_DIR/before.yaml" >"$CLUSTER"
  signal_agent A HUP
  wait_until 5 grep -q 'tunnel clock: the maps have not what is in the file' "$LAB_DIR/A.log" ||
    fail "$(cat "$LAB_DIR/A.log")"
  expect "state" "$(tunnel_of A .state)" up
  cp "$LAB_DIR/before.yaml" "$CLUSTER"
  signal_agent A HUP
  goes_to up primary
  arrives
}

# leaves_to NODE MAP FROM: the MAC addresses that entries with the source FROM send to.
leaves_to() {
  bpftool -j map dump pinned "/sys/fs/bpf/xdplb/$1/$2" |
    jq -r '.[].formatted.value | select(.smac) | [.smac, .dmac] | map(map(tonumber? // .) | join(" ")) | join(",")' |
    awk -F, -v from="$(decimal "$3")" '$1 == from { print $2 }' | sort -u
}

# decimal MAC: its bytes.
decimal() {
  local byte
  for byte in ${1//:/ }; do
    printf '%d ' "0x$byte"
  done | sed 's/ $//'
}

mac_of() {
  ip -n "$1" -j link show "$2" | jq -r '.[0].address'
}

# has_next_hop NODE MAC: its agent has said so.
has_next_hop() {
  grep -q "the MAC address of $2 is now $3" "$LAB_DIR/$1.log"
}

# change_mac NODE INTERFACE MAC: as when a NIC is replaced: the link is gone for a moment.
change_mac() {
  ip -n "$1" link set "$2" down
  ip -n "$1" link set "$2" address "$3"
  ip -n "$1" link set "$2" up
}

# Next hops at both ends of a link get other MAC addresses, at a clock node and at a transit node: PTP goes there.
next_hop_changes() {
  start_agent E1
  start_agent E2
  change_mac E1 l0 02:00:00:00:aa:01
  wait_until 10 has_next_hop A E1 02:00:00:00:aa:01 || fail "A: $(cat "$LAB_DIR/A.log")"
  wait_until 10 has_next_hop E1 "this node" 02:00:00:00:aa:01 || fail "E1: $(cat "$LAB_DIR/E1.log")"
  goes_to up primary
  expect "A sends to" "$(leaves_to A lsps "$(mac_of A l0)")" "$(decimal 02:00:00:00:aa:01)"
  expect "E1 sends from there to" "$(leaves_to E1 nhlfes 02:00:00:00:aa:01)" "$(decimal "$(mac_of A l0)")"
  arrives
  change_mac B l0 02:00:00:00:aa:02
  wait_until 10 has_next_hop E2 B 02:00:00:00:aa:02 || fail "E2: $(cat "$LAB_DIR/E2.log")"
  goes_to up primary
  expect "E2 sends to" "$(leaves_to E2 nhlfes "$(mac_of E2 l2)")" "$(decimal 02:00:00:00:aa:02)"
  arrives
  # It is what apply would have written.
  xdplb E2 apply "$CLUSTER" >"$LAB_DIR/applied"
  has "nothing to change" cat "$LAB_DIR/applied" || fail "$(cat "$LAB_DIR/applied")"
  signal_agent E1 TERM
  signal_agent E2 TERM
}

# applied_without NODE LINK INTERFACE: applied while the neighbour there can't answer.
applied_without() {
  local node=$1 link=$2
  ip -n "$node" neigh flush dev "$3"
  xdplb "$node" apply "$CLUSTER" >"$LAB_DIR/applied" 2>&1
  has "link $link: the MAC address of node .* is not known" cat "$LAB_DIR/applied" ||
    fail "$node: $(cat "$LAB_DIR/applied")"
}

has_all_labels() {
  grep -q 'left out for want of a next hop, 0 are still missing' "$LAB_DIR/$1.log"
}

# A transit node is applied while a neighbour is away, a clock node while all are. When they come, so do the labels.
late_next_hop() {
  start_agent E2
  ip -n E1 link set l2 down
  applied_without E2 p2 l1
  wait_until 5 backup_is 'has failed' || fail "A: $(cat "$LAB_DIR/A.log")"
  # B is away too, but was there before: what leads to it stays.
  ip -n B link set l0 down
  ip -n E2 neigh flush dev l2
  ip -n E1 link set l2 up
  wait_until 10 has_all_labels E2 || fail "E2: $(cat "$LAB_DIR/E2.log")"
  ip -n B link set l0 up
  wait_until 10 backup_is 'is whole' || fail "A: $(cat "$LAB_DIR/A.log")"
  ip -n E1 link set l0 down
  applied_without A a l0
  expect "A" "$(tunnel_of A .state)" down
  ip -n E1 link set l0 up
  wait_until 10 has_all_labels A || fail "A: $(cat "$LAB_DIR/A.log")"
  goes_to up primary
  arrives
  # It is what apply would have written.
  for node in A E2; do
    xdplb "$node" apply "$CLUSTER" >"$LAB_DIR/applied"
    has "nothing to change" cat "$LAB_DIR/applied" || fail "$node: $(cat "$LAB_DIR/applied")"
  done
  signal_agent E2 TERM
}

# changes_of NODE: what its agent has said about the tunnel.
changes_of() {
  grep -c 'tunnel clock' "$LAB_DIR/$1.log"
}

# All processors are wanted by others, transit nodes take 0.7 of one for the messages of both ends: agents look
# late, answers come late. That is no silence. And while it is like that, a failure is one.
busy() {
  local A B
  A=$(changes_of A)
  B=$(changes_of B)
  wait_at E1 in l0 350
  wait_at E2 in l2 350
  start_messages A "$PTP_SYNC" 44 UDP-SENDTO:10.9.0.2:319
  start_messages B "$PTP_SYNC" 44 UDP-SENDTO:10.9.0.1:319
  start_hogs 4
  sleep 10
  expect "what A said" "$(changes_of A)" "$A"
  expect "what B said" "$(changes_of B)" "$B"
  ip -n E1 link set l1 down
  goes_to up backup
  ip -n E1 link set l1 up
  stop_hogs
  stop_messages A
  stop_messages B
  goes_to up primary
}

lab_chain
cat >"$LAB_DIR/hook" <<EOF
#!/bin/sh
echo "\$XDPLB_NODE \$XDPLB_TUNNEL \$XDPLB_STATE \$XDPLB_LSP \$XDPLB_CAUSE \$(nice)" >>"$LAB_DIR/hook.out"
EOF
chmod 755 "$LAB_DIR/hook"
: >"$LAB_DIR/hook.out"
{
  write_cluster "" "    probe_interval: 10ms
    probe_missed: 5
"
  echo "on_tunnel: {command: [$LAB_DIR/hook]}"
} >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
check come_up come_up
check link_fails link_fails
check idle_backup idle_backup
check wrong_label wrong_label
check both_fail both_fail
check agent_ends agent_ends
check reload_before_apply reload_before_apply
check next_hop_changes next_hop_changes
check late_next_hop late_next_hop
check busy busy
finish
