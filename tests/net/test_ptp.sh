#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Real clocks over MPLS: ptp4l on A is the server, on B the client, both on the tunnel's interface. Both read
# the one clock of this machine and B's runs free, so the offset that B finds is the error of the way.
#
#                  s1  P1  s2
#   A -- a -- E1 <             > E2 -- b -- B        a 10.1.0.0/24, b 10.1.9.0/24, s1 10.1.1.0/24, s2
#                  l1  P2  l2                        10.1.2.0/24, l1 10.1.3.0/24, l2 10.1.4.0/24
#
#   On A and B: ptp0, 10.9.0.1 and .2, fd09::1 and ::2, by P1; ptp1, 10.8.0.1 and .2, by P2.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs ptp4l pmc jq bpftool

CLUSTER=$LAB_DIR/cluster.yaml
DELAY=$LAB_ROOT/build/tests/net/lsr_delay
NODES=(E1 P1 P2 E2 B A)
SAMPLES=64
# Between messages, s.
INTERVAL=0.0625
# What a clock may be off on this machine, ns.
NEAR=20000

# te_node NAME FIRST-LABEL, te_link NAME INTERFACE ADDRESS
te_node() {
  printf '  %s:\n    mpls: {labels: {first: %s, last: %s}}\n    te:\n      links:\n' "$1" "$2" "$(($2 + 999))"
}

te_link() {
  printf '        %s: {interface: %s, address: %s}\n' "$1" "$2" "$3"
}

write_cluster() {
  # shellcheck disable=SC2119 # no node of its kinds
  cluster_head | head -3
  te_node A 1000
  te_link a l0 10.1.0.1
  te_node E1 2000
  te_link a l0 10.1.0.2
  te_link s1 l1 10.1.1.1
  te_link l1 l2 10.1.3.1
  te_node P1 3000
  te_link s1 l0 10.1.1.2
  te_link s2 l1 10.1.2.1
  te_node P2 4000
  te_link l1 l0 10.1.3.2
  te_link l2 l1 10.1.4.1
  te_node E2 5000
  te_link s2 l0 10.1.2.2
  te_link l2 l1 10.1.4.2
  te_link b l2 10.1.9.1
  te_node B 6000
  te_link b l0 10.1.9.2
  echo "tunnels:"
  echo "  short: {ends: [A, B], interface: ptp0, path: [a, s1, s2, b],"
  echo "    addresses: {A: [10.9.0.1/24, 'fd09::1/64'], B: [10.9.0.2/24, 'fd09::2/64']}}"
  echo "  long: {ends: [A, B], interface: ptp1, path: [a, l1, l2, b],"
  echo "    addresses: {A: [10.8.0.1/24], B: [10.8.0.2/24]}}"
}

lab_diamond() {
  local node
  for node in "${NODES[@]}"; do
    lab_node "$node"
  done
  lab_link A l0 E1 l0
  lab_link E1 l1 P1 l0
  lab_link E1 l2 P2 l0
  lab_link P1 l1 E2 l0
  lab_link P2 l1 E2 l1
  lab_link E2 l2 B l0
  lab_address A l0 10.1.0.1/24
  lab_address E1 l0 10.1.0.2/24
  lab_address E1 l1 10.1.1.1/24
  lab_address E1 l2 10.1.3.1/24
  lab_address P1 l0 10.1.1.2/24
  lab_address P1 l1 10.1.2.1/24
  lab_address P2 l0 10.1.3.2/24
  lab_address P2 l1 10.1.4.1/24
  lab_address E2 l0 10.1.2.2/24
  lab_address E2 l1 10.1.4.2/24
  lab_address E2 l2 10.1.9.1/24
  lab_address B l0 10.1.9.2/24
}

# clock_config NODE TRANSPORT
clock_config() {
  cat <<CONF
[global]
network_transport $2
time_stamping software
logSyncInterval -4
logMinDelayReqInterval -4
logAnnounceInterval -2
delay_filter_length 10
uds_address $LAB_DIR/$1.uds
$([[ $1 == A ]] && echo "priority1 10" || printf 'slaveOnly 1\nfree_running 1')
CONF
}

# start_clocks INTERFACE TRANSPORT
start_clocks() {
  local node
  for node in A B; do
    clock_config "$node" "$2" >"$LAB_DIR/$node.conf"
    in_ns "$node" ptp4l -i "$1" -f "$LAB_DIR/$node.conf" -m -q >"$LAB_DIR/$node.log" 2>&1 &
    echo $! >"$LAB_DIR/$node.pid"
  done
}

stop_clocks() {
  local node
  for node in A B; do
    kill "$(<"$LAB_DIR/$node.pid")" 2>/dev/null || true
    wait "$(<"$LAB_DIR/$node.pid")" 2>/dev/null || true
  done
}

# ask_client COUNT: offset and delay, ns, so many times, each after the next message has come. (On a busy machine
# an answer of ptp4l may be too late for pmc: then it is asked again.)
ask_client() {
  local found=0 asked answer
  for ((asked = 0; found < $1 && asked < 2 * $1; asked++)); do
    sleep "$INTERVAL"
    answer=$(in_ns B pmc -u -b 0 -s "$LAB_DIR/B.uds" -i "$LAB_DIR/pmc.uds" "GET CURRENT_DATA_SET" |
      awk '$1 == "offsetFromMaster" { offset = $2 } $1 == "meanPathDelay" { print offset, $2 }')
    [[ -n $answer ]] || continue
    echo "$answer"
    ((found += 1))
  done
}

locked() {
  ask_client 1 | awk '{ found = $2 > 0 } END { exit !found }'
}

median() {
  sort -n | awk '{ value[NR] = $1 } END { print int((value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2) }'
}

# offset_of INTERFACE TRANSPORT: the median of the offsets, ns.
offset_of() {
  start_clocks "$1" "$2"
  wait_until 20 locked || fail "the clock does not lock: $(tail -n 3 "$LAB_DIR/B.log")"
  # The delay is a median of ten: those measured while the clocks found each other are gone then.
  ask_client 20 >/dev/null
  ask_client "$SAMPLES" >"$LAB_DIR/samples"
  stop_clocks
  expect "samples" "$(wc -l <"$LAB_DIR/samples")" "$SAMPLES"
  cut -d' ' -f1 "$LAB_DIR/samples" | median
}

# near WHAT OFFSET EXPECTED. PTP_FIGURES: a file to which figures are added.
near() {
  [[ -z ${PTP_FIGURES:-} ]] || echo "$1: $2 ns" >>"$PTP_FIGURES"
  echo "$1: $2 ns, expected $3"
  (($2 >= $3 - NEAR && $2 <= $3 + NEAR)) || fail "$1: $2 ns, expected $3 and at most $NEAR off"
}

# wait_at NODE in|out|raw INTERFACE MICROSECONDS: labelled frames wait there, see lsr_delay.c.
wait_at() {
  in_ns "$1" "$DELAY" "/sys/fs/bpf/xdplb/$1" "$2" "$3" "$4" >"$LAB_DIR/delay" 2>&1 &
  wait_until 10 grep -q ready "$LAB_DIR/delay" || fail "$(cat "$LAB_DIR/delay")"
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
check corouted_long corouted_long
check transit_ipv4 transit UDPv4
check transit_ipv6 transit UDPv6
check transit_ethernet transit L2
check stamp_hints stamp_hints
finish
