#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Real clocks over MPLS: the offset that a client finds through tunnels, over every transport, by either way
# and behind a transit node that makes messages wait. The lab is drawn in ptp/clocks.sh.
# limit: 300: nine times until ptp4l has found its server and 64 samples of 16 a second are there
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs ptp4l pmc jq bpftool
# shellcheck source=ptp/clocks.sh
source "$(dirname "$0")/ptp/clocks.sh"

# What a clock may be off on this machine, ns.
NEAR=20000

# near WHAT OFFSET EXPECTED. PTP_FIGURES: a file to which figures are added.
near() {
  [[ -z ${PTP_FIGURES:-} ]] || echo "$1: $2 ns" >>"$PTP_FIGURES"
  echo "$1: $2 ns, expected $3"
  (($2 >= $3 - NEAR && $2 <= $3 + NEAR)) || fail "$1: $2 ns, expected $3 and at most $NEAR off"
}

verified() {
  local node tunnel
  for node in A B; do
    for tunnel in short long; do
      xdplb "$node" tunnel verify "$CLUSTER" "$tunnel"
    done
  done
}

corouted() {
  near "$2 by P1" "$(offset_of "$1" "$2")" 0
}

# Either end may have the better clock.
other_roles() {
  local CLIENT=A
  corouted ptp0 UDPv4
}

# A long way, the same there and back: no error.
corouted_long() {
  wait_at P2 in l0 350
  wait_at P2 in l1 350
  near "by P2, 350 us each way" "$(offset_of ptp1 UDPv4)" 0
  # The delay is really there.
  (($(cut -d' ' -f2 "$LAB_DIR/samples" | median) > 300000)) || fail "nobody waited"
}

# P1 waits 500 us there and 100 us back: the error that correction is there against, and correction.
transit() {
  local before after
  wait_at P1 raw l1 500
  wait_at P1 raw l0 100
  near "$1, not corrected" "$(offset_of ptp0 "$1")" 200000
  wait_at P1 out l1 500
  wait_at P1 out l0 100
  before=$(counter P1 events residence_added)
  near "$1, corrected" "$(offset_of ptp0 "$1")" 0
  after=$(counter P1 events residence_added)
  ((after - before > SAMPLES)) || fail "corrected: $((after - before)) messages"
}

# The sockets of ptp4l ask for software stamps, and the program that pushes sees it.
stamp_hints() {
  local counts
  counts=$(xdplb A tunnel show short --json | jq -c '.[0].counters')
  echo "$counts"
  if [[ $(jq .stamp_unknown <<<"$counts") != 0 ]]; then
    expect "stamp_software" "$(jq .stamp_software <<<"$counts")" 0
    return
  fi
  (($(jq .stamp_software <<<"$counts") > SAMPLES)) || fail "too few software stamps"
  expect "stamp_none" "$(jq .stamp_none <<<"$counts")" 0
}

lab_diamond
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
check verified verified
check corouted_ipv4 corouted ptp0 UDPv4
check corouted_ipv6 corouted ptp0 UDPv6
check corouted_ethernet corouted ptp0 L2
check other_roles other_roles
check corouted_long corouted_long
check transit_ipv4 transit UDPv4
check transit_ipv6 transit UDPv6
check transit_ethernet transit L2
check stamp_hints stamp_hints
finish
