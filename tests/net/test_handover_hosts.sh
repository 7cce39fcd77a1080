#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hand-over within a host: between a backend in a container and one on the host's own addresses, both ways, with
# routed containers (node1: c1, c2) and one on a bridge (node2: c3). And from each to a backend of the other host.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=connections.sh
source "$(dirname "$0")/connections.sh"
lab_isolate "$@"

write_cluster() {
  cluster_head access1 node1 node2
  echo "backends:"
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  cluster_backend c2 node1 10.0.11.12 fd00:11::12 veth-c2 c2
  cluster_backend c3 node2 10.0.2.21 fd00:2::21 veth-c3 c3
  cluster_backend h1 node1 10.0.1.11 fd00:1::11
  cluster_backend h2 node2 10.0.2.11 fd00:2::11
  echo "services:"
  cluster_service routed4 192.0.2.10 7 tcp source "$1" 8007
  cluster_service routed6 2001:db8:1::20 7 tcp interface "$1"
  cluster_service bridged4 192.0.2.30 7 tcp source 'c3: , h2: ' 8007
  cluster_service bridged6 2001:db8:1::30 7 tcp source 'c3: , h2: ' 8007
  cluster_service containers4 192.0.2.40 7 tcp source 'c1: , c2: ' 8007
  cluster_service away6 2001:db8:1::50 7 tcp source 'c3: , h1: ' 8007
  cluster_service away-containers4 192.0.2.60 7 tcp source 'c2: , c3: ' 8007
}

apply_all() {
  local node
  write_cluster "$1" >"$CLUSTER"
  for node in node1 node2 access1; do
    xdplb "$node" apply "$CLUSTER" >/dev/null
  done
}

# handed_over NODE...: by all of them.
handed_over() {
  local node sum=0
  for node in "$@"; do
    sum=$((sum + $(counter "$node" events handed_over)))
  done
  echo "$sum"
}

# stay_within "NODE..." VIP BACKEND BACKEND: each goes down for the access node; its connections, which then come to
# the other one, stay.
stay_within() {
  local node backend before
  read -ra node <<<"$1"
  open_connections "$2"
  expect "backends" "$(cut -d' ' -f1 "$LAB_DIR/servers" | sort -u | paste -sd' ')" "$3 $4"
  for backend in "$3" "$4"; do
    before=$(handed_over "${node[@]}")
    xdplb access1 health set "$backend" down
    kept "$backend.down"
    (($(handed_over "${node[@]}") > before)) || fail "$backend: nothing was handed over"
    xdplb access1 health set "$backend" up
    kept "$backend.up"
  done
  close_connections
}

# Three in a row: the container that has come in between has it from neither the host nor the other one.
removed() {
  open_connections 192.0.2.10
  apply_all 'c2: '
  kept one
  apply_all 'c1: , h1: '
  kept back
  close_connections
}

start_servers() {
  start_echo c1 c1 TCP4 10.0.11.11 8007
  start_echo c2 c2 TCP4 10.0.11.12 8007
  start_echo c3 c3 TCP4 10.0.2.21 8007
  start_echo c3 c3 TCP6 fd00:2::21 8007
  start_echo node1 h1 TCP4 10.0.1.11 8007
  start_echo node1 h1 TCP6 fd00:1::11 8007
  start_echo node2 h2 TCP4 10.0.2.11 8007
  start_echo node2 h2 TCP6 fd00:2::11 8007
  start_echo c1 c1 TCP6 2001:db8:1::20 7
  start_echo node1 h1 TCP6 2001:db8:1::20 7
}

trap '' PIPE
lab_main
lab_container node1 c1 11 11
lab_container node1 c2 11 12
lab_make_bridge node2 2
lab_forwards node2 # from the host's own address to a container the kernel takes it
lab_bridged node2 c3 2 21
lab_address node2 br0 10.0.2.11/24 fd00:2::11/64
write_cluster 'c1: , h1: ' >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1

check servers start_servers
check routed_ipv4 stay_within node1 192.0.2.10 c1 h1
check routed_ipv6 stay_within node1 2001:db8:1::20 c1 h1
check bridged_ipv4 stay_within node2 192.0.2.30 c3 h2
check bridged_ipv6 stay_within node2 2001:db8:1::30 c3 h2
check containers_ipv4 stay_within node1 192.0.2.40 c1 c2
check away_ipv6 stay_within "node1 node2" 2001:db8:1::50 c3 h1
check away_containers_ipv4 stay_within "node1 node2" 192.0.2.60 c2 c3
check removed removed
finish
