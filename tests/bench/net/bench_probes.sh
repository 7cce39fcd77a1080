#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How often backends are probed: 100 of them on 10 service nodes, in two services of 10 access nodes.
# Probes are counted where they leave, on every interface of all 20 nodes, lo included. A balancer that
# probed for itself would send 1,000 a round, one that did so for each VIP 2,000.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

NODES=10 BACKENDS=10 # of each node
ROUNDS=${ROUNDS:-20}
INTERVAL=500 # ms

write_cluster() {
  local node i members=
  # shellcheck disable=SC2046
  cluster_head $(seq -f 'access%g' "$NODES") $(seq -f 'node%g' "$NODES") | cluster_addresses
  cluster_sharing
  echo "checks:"
  echo "  tcp: {type: tcp, interval: ${INTERVAL}ms, jitter: 0, rise: 1, fall: 1}"
  echo "backends:"
  for ((node = 1; node <= NODES; node++)); do
    for ((i = 1; i <= BACKENDS; i++)); do
      echo "  b$node-$i: {node: node$node, addresses: [10.128.$node.$i]}"
      members+="b$node-$i: , "
    done
  done
  echo "services:"
  for vip in 192.0.2.10 198.51.100.10; do
    cluster_service "all-$vip" "$vip" 80 tcp source "$members" 8080
    echo "    check: tcp"
  done
}

all_up() {
  [[ $(xdplb "$1" health --json | jq '[.[] | select(.state == "up")] | length') == $((NODES * BACKENDS)) ]]
}

lab_router
for ((node = 1; node <= NODES; node++)); do
  lab_segment "node$node" "$node"
  lab_access "access$node" $((20 + node))
  for ((i = 1; i <= BACKENDS; i++)); do
    lab_address "node$node" lo "10.128.$node.$i/32"
  done
  ip -n router route add "10.128.$node.0/24" via "10.0.$node.2"
  start_nginx "node$node" "web$node" 8080
done
make_sharing_keys
write_cluster >"$CLUSTER"
for role in node access; do
  for ((node = 1; node <= NODES; node++)); do
    attach_all "$CLUSTER" "$role$node" 2>>"$LAB_DIR/attach.log" || die "$(tail -n 3 "$LAB_DIR/attach.log")"
    start_agent "$role$node"
  done
done
for ((node = 1; node <= NODES; node++)); do
  wait_until 15 all_up "access$node" || die "access$node does not know every backend to be up"
done

# shellcheck disable=SC2046
"$TOOLS/probe_count" --interval "$INTERVAL" --rounds "$ROUNDS" --backends 10.128.0.0/16 \
  --service $(seq -f '/run/netns/node%g' "$NODES") --access $(seq -f '/run/netns/access%g' "$NODES") \
  >"$LAB_DIR/probes.json"
cat "$LAB_DIR/probes.json" >&2
figure health_probes_per_round "$(jq .per_round "$LAB_DIR/probes.json")" '= 100' \
  "100 backends, 10 service nodes, 10 access nodes, 2 services; $ROUNDS rounds"
figure health_probes_most "$(jq ".most / .rounds" "$LAB_DIR/probes.json")" '= 1' "of one backend, a round"
figure health_probes_least "$(jq ".least / .rounds" "$LAB_DIR/probes.json")" '= 1' "of one backend, a round"
figure health_probes_from_access "$(jq .from_access "$LAB_DIR/probes.json")" '= 0' "packets of access nodes to backends"
