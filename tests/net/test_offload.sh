#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Packets of which the kernel keeps a sum beside the packet (CHECKSUM_COMPLETE), as some NICs make it: what comes
# out of a VXLAN with checksums has one, too. csum_watch.bpf.c behind node_tc sees whether it is still right.
#
#   router vx ==== eth0 (10.0.1.0/24) ==== vx node1: 10.0.50.0/24, fd00:50::/64
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs nginx curl bpftool

WATCH=$LAB_ROOT/build/tests/net/csum_watch.bpf.o

write_cluster() {
  cluster_head access1 node1:vx
  echo "backends:"
  cluster_backend web1 node1 10.0.50.11 fd00:50::11
  echo "services:"
  cluster_service source4 192.0.2.10 80 tcp source "web1: " 8080
  cluster_service interface4 192.0.2.20 80 tcp interface "web1: "
  cluster_service source6 2001:db8:1::10 80 tcp source "web1: " 8080
  cluster_service interface6 2001:db8:1::20 80 tcp interface "web1: "
}

# vxlan NODE LOCAL REMOTE
vxlan() {
  ip -n "$1" link add vx type vxlan id 5 local "$2" remote "$3" dstport 4789 udpcsum
  ip -n "$1" link set vx up
}

# The router computes the outer checksums, and node1 sums up what it gets.
tunnel() {
  in_ns router ethtool -K to-node1 tx off >/dev/null
  vxlan router 10.0.1.1 10.0.1.2
  vxlan node1 10.0.1.2 10.0.1.1
  lab_address router vx 10.0.50.1/24 fd00:50::1/64
  lab_address node1 vx 10.0.50.2/24 10.0.50.11/24 fd00:50::2/64 fd00:50::11/64
  lab_default_route node1 10.0.50.1 fd00:50::1
}

# Behind node_tc, whether that stands there as a filter or by TCX, which comes before all filters.
watch() {
  in_ns node1 tc qdisc replace dev vx clsact
  in_ns node1 tc filter add dev vx ingress prio 60000 protocol all bpf direct-action obj "$WATCH" sec tc
}

# watched: SUMMED WRONG
watched() {
  local id map
  id=$(in_ns node1 tc -json filter show dev vx ingress prio 60000 | jq '[.. | .prog?.id? // empty][0]')
  map=$(bpftool -j prog show id "$id" | jq '.map_ids[0]')
  bpftool -j map dump id "$map" | jq -r '[.[].formatted.value] | join(" ")'
}

# summed VIP: of a connection's packets some were summed up, and the sum of each is right behind node_tc.
summed() {
  local before after wrong
  read -r before wrong <<<"$(watched)"
  in_ns client curl -sS --max-time 5 "$(url "$1")" >/dev/null
  read -r after wrong <<<"$(watched)"
  ((after > before)) || fail "no packet was summed up"
  expect "wrong sums" "$wrong" 0
}

if ! ip link add vx type vxlan id 5 dstport 4789 2>/dev/null; then
  skip "$(basename "$0")" "no VXLAN"
  exit 0
fi
ip link del vx
lab_main
tunnel
mkdir -p "$LAB_DIR/files"
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 access1
start_nginx node1 web1 10.0.50.11:8080 '[fd00:50::11]:8080' 80 '[::]:80'

check watch watch
check source_ipv4 summed 192.0.2.10
check interface_ipv4 summed 192.0.2.20
check source_ipv6 summed 2001:db8:1::10
check interface_ipv6 summed 2001:db8:1::20
finish
