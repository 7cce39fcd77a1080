#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The agent of an access node follows neighbours and routes: a next hop that has changed is not used
# any more, and the kernel verifies those in use. Nothing is shared here, so that the agent itself sends
# nothing: what the kernel does about a neighbour, it was asked to do.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

XDPLB_AGENT=${XDPLB_AGENT:-$LAB_ROOT/build/xdplb-agent}
NEW_MAC=02:aa:bb:cc:dd:ee

write_cluster() {
  local both='web1: , web2: '
  cluster_main
  cluster_service web4 192.0.2.10 80 tcp source "$both" 8080
  cluster_service web6 2001:db8:1::20 80 tcp interface "$both"
}

start_agent() {
  nsenter --net=/run/netns/access1 -- "$XDPLB_AGENT" "$CLUSTER" --node access1 2>"$LAB_DIR/agent.log" &
  wait_until 5 xdplb access1 health agent --json || fail "the agent does not start: $(cat "$LAB_DIR/agent.log")"
}

# count NAME: one of the agent's counters of next hops.
count() {
  xdplb access1 health agent --json | jq ".next_hops.$1"
}

# next_hops: those of the members of web4, each once.
next_hops() {
  xdplb access1 status --json |
    jq -r '.services[] | select(.name == "web4") | .backends[].next_hop' | sort -u | paste -sd' '
}

are_next_hops() {
  [[ $(next_hops) == "$1" ]]
}

# expect_next_hops WHAT: waits, since netlink tells the agent a moment after the change.
expect_next_hops() {
  wait_until 5 are_next_hops "$1" || fail "next hops are $(next_hops), not $1"
}

# answered: 20 new connections to both backends.
answered() {
  expect "requests answered" "$(http_new 20 "$(url 192.0.2.10)" | grep -c ' 200 ')" 20
}

router_mac() {
  ip -n router -json link show to-access1 | jq -r '.[0].address'
}

learned_from_the_kernel() {
  answered
  expect_next_hops "eth0 $(router_mac)"
  (($(count neighbours) >= 1)) || fail "the agent knows no neighbour"
}

# Another router takes over the address: known to the kernel, known to lb_xdp.
neighbour_moves() {
  answered
  ip -n router link set to-access1 address "$NEW_MAC"
  ip -n access1 neighbour replace 10.0.9.1 lladdr "$NEW_MAC" dev eth0 nud reachable
  expect_next_hops null
  answered
  expect_next_hops "eth0 $NEW_MAC"
}

neighbour_goes() {
  answered
  ip -n access1 neighbour del 10.0.9.1 dev eth0
  expect_next_hops null
  answered
}

# Of two routes the first leads to no backend: nothing is forgotten for it.
route_changes() {
  local before
  answered
  wait_until 5 are_next_hops "eth0 $NEW_MAC" || fail "not learned: $(next_hops)"
  before=$(count forgotten)
  ip -n access1 route add 10.77.0.0/16 via 10.0.9.1
  ip -n access1 route add 10.0.1.11/32 via 10.0.9.1
  expect_next_hops null
  expect "forgotten" "$(($(count forgotten) - before))" 2
  answered
}

# No packet of the kernel's goes there, and yet it asks whether the neighbour lives.
stale_is_verified() {
  local before
  before=$(count verified)
  answered
  ip -n access1 neighbour change 10.0.9.1 lladdr "$NEW_MAC" dev eth0 nud stale
  wait_until 15 verified_under_load "$before" ||
    fail "never verified: $(ip -n access1 neighbour show 10.0.9.1)"
}

verified_under_load() {
  http_new 2 "$(url 192.0.2.10)" >/dev/null
  (($(count verified) > $1)) && ! ip -n access1 neighbour show 10.0.9.1 | grep -q STALE
}

# The maps go and others come.
detached_and_attached() {
  xdplb access1 detach
  wait_until 5 agent_says null || fail "the agent still follows"
  xdplb access1 attach "$CLUSTER" >/dev/null
  wait_until 5 agent_says 0 || fail "the agent does not follow the new maps"
  neighbour_goes
}

# agent_says COUNT: of overruns; null: it follows nothing.
agent_says() {
  [[ $(count overruns) == "$1" ]]
}

lab_main
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
start_nginx node2 web2 10.0.2.11:8080 '[::]:80'
lab_setup "$CLUSTER" node1 node2 access1
check agent_starts start_agent
check learned_from_the_kernel learned_from_the_kernel
check neighbour_moves neighbour_moves
check neighbour_goes neighbour_goes
check route_changes route_changes
check stale_is_verified stale_is_verified
check detached_and_attached detached_and_attached
finish
