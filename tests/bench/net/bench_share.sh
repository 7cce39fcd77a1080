#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What sharing costs, with the default interval of heartbeats: bytes a second on the wire for 1,000
# backends of one node, and the processor time of an access node's agent that hears 1,000 service nodes.
# Those are one process, node_crowd: what they send is real, nothing is probed.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

COUNT=1000 # backends, and nodes
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-10}

# write_tail NODE-OF-BACKEND: checks, backends and the service; NODE as a printf format of the number.
write_tail() {
  local i members="" node
  cluster_sharing
  echo "checks:"
  echo "  tcp: {type: tcp, interval: 2s, rise: 1}"
  echo "backends:"
  for ((i = 1; i <= COUNT; i++)); do
    # shellcheck disable=SC2059
    node=$(printf "$1" "$i")
    echo "  b$i: {node: $node, addresses: [10.128.$((i / 250)).$((i % 250 + 1))]}"
    members+="b$i: , "
  done
  echo "services:"
  cluster_service all 192.0.2.10 80 tcp source "$members" 8080
  echo "    check: tcp"
}

write_one_node() {
  cluster_head access1 node1 | cluster_addresses
  write_tail 'node1%.0s'
}

write_crowd() {
  local i
  cluster_head access1 | cluster_addresses
  for ((i = 1; i <= COUNT; i++)); do
    echo "  s$i: {address: 10.200.$((i / 250)).$((i % 250 + 1)), service: {uplinks: [eth0]}}"
  done
  write_tail 's%d'
}

all_up() {
  [[ $(xdplb access1 health --json | jq '[.[] | select(.state == "up")] | length') == "$COUNT" ]]
}

# bytes_counted: of the heartbeats to access1, as IP packets.
bytes_counted() {
  in_ns router nft -j list counter inet bench heartbeats | jq '.nftables[] | .counter? // empty | .bytes'
}

# bytes_a_second SECONDS
bytes_a_second() {
  local before
  before=$(bytes_counted)
  sleep "$1"
  echo $((($(bytes_counted) - before) / $1))
}

is_calm() {
  (($(bytes_a_second 2) < 1000))
}

heartbeats() {
  write_one_node >"$CLUSTER"
  attach_all "$CLUSTER" node1 access1 2>>"$LAB_DIR/attach.log"
  start_agent node1
  start_agent access1
  wait_until 15 all_up || die "not every backend is up"
  in_ns router nft -f - <<NFT
table inet bench {
  counter heartbeats { }
  chain forward {
    type filter hook forward priority 0;
    ip daddr 10.0.9.2 udp dport 7926 counter name heartbeats
  }
}
NFT
  # Each state that is new goes with four heartbeats, of 42 states each: so for a while after the start.
  figure health_heartbeat_busy_bytes_s "$(bytes_a_second 4)" - "while $COUNT states are new"
  wait_until 90 is_calm || die "heartbeats stay large"
  figure health_heartbeat_bytes_s "$(bytes_a_second "$SECONDS_EACH")" - \
    "to an access node, $COUNT backends of one node, with IP headers"
  for node in node1 access1; do
    signal_agent "$node" TERM
    wait_until 5 has_ended "$node" || die "the agent of $node goes on"
    xdplb "$node" detach
  done
}

crowd() {
  local pid round
  write_crowd >"$CLUSTER"
  attach_all "$CLUSTER" access1 2>>"$LAB_DIR/attach.log"
  in_background node1 "$TOOLS/node_crowd" "$CLUSTER" >"$LAB_DIR/crowd.json"
  start_agent access1
  wait_until 15 all_up || die "not every node is heard"
  pid=$(cat "$LAB_DIR/access1.pid")
  for ((round = 0; round < ROUNDS; round++)); do
    cpu_of "$SECONDS_EACH" "$pid" >>"$LAB_DIR/receiver.cost"
  done
  all_up || die "a node was not heard"
  kill "$BACKGROUND"
  wait "$BACKGROUND"
  cat "$LAB_DIR/crowd.json" >&2
  figure health_receiver_cpu_ms "$(median <"$LAB_DIR/receiver.cost")" - \
    "of a CPU second, an access node that hears $COUNT nodes"
}

lab_router
lab_segment node1 1
lab_access access1 9
ip -n node1 route add local 10.128.0.0/16 dev lo
ip -n node1 route add local 10.200.0.0/16 dev lo
ip -n router route add 10.128.0.0/16 via 10.0.1.2
ip -n router route add 10.200.0.0/16 via 10.0.1.2
start_nginx node1 web 8080
make_sharing_keys
heartbeats
crowd
