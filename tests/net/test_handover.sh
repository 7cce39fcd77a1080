#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# TCP connections stay with their backend when tables or health change: service nodes hand packets of
# connections that are not theirs to the owner that has them. Access nodes keep nothing of a flow.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=connections.sh
source "$(dirname "$0")/connections.sh"
lab_isolate "$@"

# write_cluster BACKENDS [HAND_OVER [AFFINITY]]
write_cluster() {
  local yes=${2:-true}
  cluster_main
  cluster_service echo4 192.0.2.10 7 tcp source "$1" 8007
  echo "    hand_over: $yes"
  cluster_service echo6 2001:db8:1::20 7 tcp interface "$1"
  echo "    hand_over: $yes"
  cluster_service by_source 198.51.100.10 7 tcp source "$1" 8007
  echo "    hand_over: $yes"
  echo "    affinity: ${3:-source}"
}

apply_all() {
  write_cluster "$@" >"$CLUSTER"
  local node
  for node in node1 node2 access1; do
    xdplb "$node" apply "$CLUSTER" >/dev/null
  done
}

handed_over() {
  echo $(($(counter node1 events handed_over) + $(counter node2 events handed_over)))
}

# Every change in turn, then back; each must have made some packet be handed on.
changes_break_nothing() {
  local before address=$1
  open_connections "$address"
  (($(cut -d' ' -f1 "$LAB_DIR/servers" | sort -u | wc -l) == 2)) || fail "only one backend has connections"
  before=$(handed_over)
  xdplb access1 health set web1 down
  kept down
  (($(handed_over) > before)) || fail "nothing was handed over"
  xdplb access1 health set web1 up
  kept up
  apply_all 'web1: , web2: {weight: 9}'
  kept weights
  apply_all 'web2: '
  kept removed
  apply_all 'web1: , web2: '
  kept added
  close_connections
}

# What was opened while a backend was down stays where it is when that comes back.
opened_meanwhile() {
  xdplb access1 health set web1 down
  open_connections "$1"
  xdplb access1 health set web1 up
  kept back
  close_connections
}

# A backend that drains keeps what it has and gets nothing new; so does one that is back, with what was opened
# elsewhere meanwhile. When its time is over it is out of use.
draining() {
  open_connections "$1"
  xdplb access1 drain web1
  kept drained
  expect "new connections go to" "$(new_servers "$1")" web2
  xdplb access1 health set web1 auto
  kept back_again
  xdplb access1 drain web1 --for 1s
  wait_until 5 has_drained || fail "still used when its time is over"
  kept over
  xdplb access1 health set web1 auto
  close_connections
}

has_drained() {
  [[ $(xdplb access1 status --json |
    jq -r '.services[] | select(.name == "echo4") | .backends[] | select(.usable) | .name') == web2 ]]
}

# For the background: without the ends of the connections' pipes, or these would not close while it is at work.
leave_slowly() {
  release_connections
  exec nsenter --net=/run/netns/access1 -- "$XDPLB_LOAD" apply --drain 60s "$CLUSTER" --node access1 \
    >"$LAB_DIR/leaving"
}

# A backend that the file leaves out drains first: until nothing is sent to it, or the command is ended.
drains_before_it_leaves() {
  local pid
  open_connections "$1"
  write_cluster 'web2: ' >"$CLUSTER"
  leave_slowly &
  pid=$!
  wait_until 5 grep -q 'backend that the file leaves out drains' "$LAB_DIR/leaving" || fail "it does not drain"
  expect "new connections go to" "$(new_servers "$1")" web2
  kept draining
  kill -TERM "$pid"
  wait "$pid" && fail "ended by a signal, and it says that all is done"
  expect "after the signal" "$(xdplb access1 health --json | jq -r '.[] | select(.name == "web1") | .state')" unknown
  leave_slowly &
  pid=$!
  wait_until 5 grep -q 'backend that the file leaves out drains' "$LAB_DIR/leaving" || fail "it does not drain"
  kept draining_again
  kill -0 "$pid" || fail "it did not wait for the connections"
  close_connections
  wait "$pid" || fail "apply --drain fails"
  grep -q 'applied' "$LAB_DIR/leaving" || fail "nothing was applied"
  expect "health of what has left" "$(xdplb access1 health --json | jq -r '.[] | select(.name == "web1") | .name')" ""
  apply_all 'web1: , web2: '
  expect "state when it is back" "$(xdplb access1 health --json | jq -r '.[] | select(.name == "web1") | .state')" unknown
}

# What an operator has said of a backend holds no less while it leaves, and holds again if it stays.
leaves_by_hand() {
  local pid word
  for word in up draining; do
    apply_all 'web1: , web2: '
    open_connections "$1"
    xdplb access1 health set web1 "$word"
    write_cluster 'web2: ' >"$CLUSTER"
    leave_slowly &
    pid=$!
    wait_until 5 grep -q 'backend that the file leaves out drains' "$LAB_DIR/leaving" || fail "$word: it does not drain"
    expect "$word: new connections go to" "$(new_servers "$1")" web2
    kept "leaving.$word"
    kill -INT "$pid"
    wait "$pid" && fail "ended by a signal, and it says that all is done"
    expect "after the signal" "$(xdplb access1 health --json |
      jq -r '.[] | select(.name == "web1") | "\(.state) \(.cause)"')" "$word operator"
    xdplb access1 health set web1 auto
    close_connections
  done
  apply_all 'web1: , web2: '
}

# moved WORD: as kept, and packets were handed over.
moved() {
  local before
  before=$(handed_over)
  kept "$1"
  (($(handed_over) > before)) || fail "$1: nothing was handed over"
}

# All connections of the client are with one backend, and stay; also when the service goes over to owners by
# flow, and back.
affinity() {
  local owner
  open_connections "$1"
  owner=$(cut -d' ' -f1 "$LAB_DIR/servers" | sort -u)
  expect "backends of one client" "$(wc -w <<<"$owner")" 1
  xdplb access1 health set "$owner" down
  moved down
  xdplb access1 health set "$owner" up
  kept up
  apply_all 'web1: , web2: ' true flow
  moved by_flow
  apply_all 'web1: , web2: ' true source
  kept by_source
  close_connections
}

# So that the test is known to be able to fail.
without_hand_over() {
  apply_all 'web1: , web2: ' false
  open_connections 192.0.2.10
  xdplb access1 health set web1 down
  local i
  for ((i = 0; i < CONNECTIONS; i++)); do
    write_line lost $((10 + i))
  done
  wait_until 5 some_are_reset || fail "no connection broke: the test can't fail"
  xdplb access1 health set web1 up
  close_connections
}

# A client whose connection is reset ends.
some_are_reset() {
  (($(pgrep -c -f "^socat -t 1 - TCP:") < CONNECTIONS))
}

tables_are_shown() {
  local tables
  tables=$(xdplb node1 status --json | jq '.hand_over[] | select(.service == "echo4") | .tables | length')
  ((tables == 3)) || fail "$tables tables are held, not 3"
  expect "the present table" \
    "$(xdplb node1 status --json | jq -r '.hand_over[] | select(.service == "echo4") | .tables[0].table_hash')" \
    "$(xdplb access1 status --json | jq -r '.services[] | select(.name == "echo4") | .table_hash')"
}

trap '' PIPE
lab_main
write_cluster 'web1: , web2: ' >"$CLUSTER"
start_echo node1 web1 TCP4 10.0.1.11 8007
start_echo node2 web2 TCP4 10.0.2.11 8007
lab_setup "$CLUSTER" node1 node2 access1
start_echo node1 web1 TCP6 2001:db8:1::20 7
start_echo node2 web2 TCP6 2001:db8:1::20 7

check source_ipv4 changes_break_nothing 192.0.2.10
check interface_ipv6 changes_break_nothing 2001:db8:1::20
check opened_meanwhile opened_meanwhile 192.0.2.10
check draining draining 192.0.2.10
check drains_before_it_leaves drains_before_it_leaves 192.0.2.10
check leaves_by_hand leaves_by_hand 192.0.2.10
check affinity affinity 198.51.100.10
check tables_are_shown tables_are_shown
check without_hand_over without_hand_over
finish
