#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clocks over MPLS: PTP messages between two clock nodes go through tunnels of labels, over two transit
# nodes with two links between them, and the tunnels are walked and compared on the wire.
#
#             .1  p1 10.1.1.0/24 .2
#   A -- a --   E1 ============ E2   -- b -- B        a: 10.1.0.0/24  b: 10.1.9.0/24
#             .1  p2 10.1.2.0/24 .2
#
#   On A and B: ptp0, 10.9.0.1 and .2, fd09::1 and ::2, is the tunnel's interface. Every node has one
#   link after the other as l0, l1, l2.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs socat jq bpftool

CLUSTER=$LAB_DIR/cluster.yaml
NODES=(E1 E2 B A)

# te_link NAME INTERFACE ADDRESS [MORE]
te_link() {
  printf '        %s: {interface: %s, address: %s%s}\n' "$1" "$2" "$3" "${4:+, $4}"
}

# te_node NAME FIRST-LABEL [MORE]: the head of a node with links.
te_node() {
  printf '  %s:\n    mpls: {labels: {first: %s, last: %s}%s}\n    te:\n      links:\n' \
    "$1" "$2" "$(($2 + 999))" "${3:+, $3}"
}

# write_cluster [PHP]
write_cluster() {
  cluster_head | head -3
  te_node A 1000
  te_link a l0 10.1.0.1
  te_node E1 2000
  te_link a l0 10.1.0.2
  te_link p1 l1 10.1.1.1
  te_link p2 l2 10.1.2.1 "metric: 20"
  te_node E2 3000
  te_link p1 l0 10.1.1.2
  te_link p2 l1 10.1.2.2
  te_link b l2 10.1.9.1
  te_node B 4000 "${1:-}"
  te_link b l0 10.1.9.2
  echo "tunnels:"
  echo "  clock:"
  echo "    ends: [A, B]"
  echo "    interface: ptp0"
  echo "    addresses: {A: [10.9.0.1/24, 'fd09::1/64'], B: [10.9.0.2/24, 'fd09::2/64']}"
  echo "    protect_by: spare"
  echo "  spare:"
  echo "    ends: [A, B]"
  echo "    path: [{link: p2, loose: yes}]"
}

lab_chain() {
  local node
  for node in A E1 E2 B; do
    lab_node "$node"
  done
  lab_link A l0 E1 l0
  lab_link E1 l1 E2 l0
  lab_link E1 l2 E2 l1
  lab_link E2 l2 B l0
  lab_address A l0 10.1.0.1/24
  lab_address E1 l0 10.1.0.2/24
  lab_address E1 l1 10.1.1.1/24
  lab_address E1 l2 10.1.2.1/24
  lab_address E2 l0 10.1.1.2/24
  lab_address E2 l1 10.1.2.2/24
  lab_address E2 l2 10.1.9.1/24
  lab_address B l0 10.1.9.2/24
}

tunnel_of() {
  xdplb "$1" tunnel show clock --json | jq -r ".[0]$2"
}

# ptp_message: a Sync message of PTP version 2, domain 0 (44 bytes), escaped for printf.
PTP_SYNC='\x00\x02\x00\x2c'$(printf '\\x00%.0s' {1..40})

# send_sync NODE ADDRESS: to UDP port 319.
send_sync() {
  # shellcheck disable=SC2059
  printf "$PTP_SYNC" | in_ns "$1" socat -u - "UDP-SENDTO:$(bracket "$2"):319"
}

verified() {
  xdplb A tunnel verify "$CLUSTER" clock >"$LAB_DIR/verify"
  cat "$LAB_DIR/verify"
  expect "hops that answered" "$(grep -cE '^  (there|back )  (A|B|E1|E2) ' "$LAB_DIR/verify")" 6
  expect "state" "$(tunnel_of A .state)" up
  xdplb B tunnel verify "$CLUSTER" clock
  expect "state" "$(tunnel_of B .state)" up
}

lab_chain
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
check verified_both_ways verified
finish
