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
  # shellcheck disable=SC2119 # no node of its kinds
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

# counts NODE COUNTER: of the tunnel.
counts() {
  tunnel_of "$1" ".counters.$2"
}

# Not count_packets: tcpdump prints what it can't take apart in further lines.
labelled_twice() {
  tcpdump -r "$LAB_DIR/link.pcap" -nn -t \
    'ether proto 0x8847 and ether[16] & 1 = 0 and ether[20] & 1 = 1' 2>/dev/null | grep -c '^MPLS'
}

# carried NODE FAR PAYLOAD CMD...: a message sent at NODE by CMD is pushed there, switched in between,
# popped at FAR, and received on FAR's ptp0 as it was.
carried() {
  local node=$1 far=$2 filter=$3 pushed popped
  shift 3
  pushed=$(counts "$node" pushed_event)
  popped=$(counts "$far" popped)
  start_capture far "$far" ptp0 "$filter"
  start_capture link "$node" l0 'ether proto 0x8847'
  "$@"
  wait_until 5 test "$(($(counts "$far" popped) - popped))" -ge 0
  stop_capture far
  stop_capture link
  expect "pushed" "$(($(counts "$node" pushed_event) - pushed))" 1
  expect "popped" "$(($(counts "$far" popped) - popped))" 1
  expect "received" "$(count_packets far "$filter")" 1
  # One label for the way, one for what it carries: the second one is the last.
  expect "labelled on the link" "$(labelled_twice)" 1
}

sync_ipv4() {
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  carried B A 'udp port 319 and dst host 10.9.0.1' send_sync B 10.9.0.1
}

sync_ipv6() {
  carried A B 'udp port 319 and dst host fd09::2' send_sync A fd09::2
}

# A PTP frame of Ethertype 0x88f7 to the forwardable group address.
send_ethernet() {
  # shellcheck disable=SC2059
  printf '\x01\x1b\x19\x00\x00\x00\x02\x00\x00\x00\x00\x01\x88\xf7'"$PTP_SYNC" |
    in_ns "$1" socat -u - INTERFACE:ptp0
}

sync_ethernet() {
  carried A B 'ether proto 0x88f7 and ether dst 01:1b:19:00:00:00' send_ethernet A
}

# What is no PTP does not go into the tunnel; and the links carry it as before.
others_pass() {
  local pushed
  pushed=$(counts A pushed_event)
  ! in_ns A ping -q -c 1 -W 1 10.9.0.2 >/dev/null || fail "a ping went through the tunnel"
  in_ns A ping -q -c 2 -i 0.2 -W 2 10.1.0.2 >/dev/null || fail "no ping over the link"
  expect "pushed" "$(counts A pushed_event)" "$pushed"
}

# A label on a transit node that leads somewhere else: the node and the link are named, and the
# tunnel stops carrying PTP.
wrong_label() {
  local way slot entry pushed
  # E1's way there: the outgoing label is changed under its entry.
  way=$(xdplb A tunnel path "$CLUSTER" clock --json | jq -r '.clock[0].hops[0].label')
  slot=$((way & 1023))
  entry=$(bpftool -j map lookup pinned /sys/fs/bpf/xdplb/E1/ilm key $((slot & 255)) $((slot >> 8)) 0 0 |
    jq -r '.formatted.value.nhlfe')
  bytes_of E1 "$entry" >"$LAB_DIR/right"
  # The second byte of the label's four: another label.
  sed -E 's/^(0x..) (0x.)./\1 \2'"$(grep -q '^0x.. 0x.0' "$LAB_DIR/right" && echo 1 || echo 0)/" \
    "$LAB_DIR/right" >"$LAB_DIR/wrong"
  ! cmp -s "$LAB_DIR/right" "$LAB_DIR/wrong" || fail "the label is as it was"
  write_entry E1 "$entry" "$LAB_DIR/wrong"
  ! xdplb A tunnel verify "$CLUSTER" clock --wait 0.5 >"$LAB_DIR/verify" 2>&1 ||
    fail "a wrong label was not found"
  cat "$LAB_DIR/verify"
  grep -q 'the way there: .* node E1 by link p1 with label [0-9]*, expected [0-9]*$' \
    "$LAB_DIR/verify" || fail "node and link are not named"
  expect "state" "$(tunnel_of A .state)" down
  expect "cause" "$(tunnel_of A .cause)" wrong_way
  # No silent fall-back to IP.
  pushed=$(counts A push_dropped)
  send_sync A 10.9.0.2
  expect "dropped" "$(($(counts A push_dropped) - pushed))" 1
  # And back.
  write_entry E1 "$entry" "$LAB_DIR/right"
  xdplb A tunnel verify "$CLUSTER" clock
  expect "state" "$(tunnel_of A .state)" up
}

# bytes_of NODE NHLFE, write_entry NODE NHLFE FILE: an element of nhlfes, byte by byte.
bytes_of() {
  bpftool -j map lookup pinned "/sys/fs/bpf/xdplb/$1/nhlfes" key $(($2 & 255)) $(($2 >> 8)) 0 0 |
    jq -r '.value | join(" ")'
}

write_entry() {
  # shellcheck disable=SC2046
  bpftool map update pinned "/sys/fs/bpf/xdplb/$1/nhlfes" key $(($2 & 255)) $(($2 >> 8)) 0 0 \
    value $(cat "$3")
}

# A transit node that is gone: it is named.
silent_node() {
  ip -n E2 link set l2 down
  ! xdplb B tunnel verify "$CLUSTER" clock --wait 0.5 >"$LAB_DIR/verify" 2>&1 ||
    fail "a dead link was not found"
  cat "$LAB_DIR/verify"
  grep -q 'the way there: node E2 does not answer behind link b' "$LAB_DIR/verify" ||
    fail "node and link are not named"
  expect "cause" "$(tunnel_of B .cause)" silent
  ip -n E2 link set l2 up
  xdplb B tunnel verify "$CLUSTER" clock
}

nothing_to_change() {
  local node
  for node in "${NODES[@]}"; do
    has 'nothing to change' xdplb "$node" apply "$CLUSTER" || fail "a change on $node"
  done
  expect "state" "$(tunnel_of A .state)" up
}

# Penultimate hop popping at B: by apply, since it is a change of labels alone.
popping() {
  local node
  write_cluster "php: yes" >"$CLUSTER"
  for node in "${NODES[@]}"; do
    xdplb "$node" apply "$CLUSTER"
  done
  xdplb A tunnel verify "$CLUSTER" clock
  xdplb B tunnel verify "$CLUSTER" clock
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  carried B A 'udp port 319 and dst host 10.9.0.1' send_sync B 10.9.0.1
}

# Programs are swapped, the tunnel goes on.
attached_again() {
  local node
  for node in "${NODES[@]}"; do
    xdplb "$node" attach "$CLUSTER"
  done
  expect "state" "$(tunnel_of A .state)" up
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
}

# An interface that somebody else has made is left alone.
foreign_interface() {
  ip -n A link add ptp9 type veth peer name ptp9p
  sed 's/interface: ptp0/interface: ptp9/' "$CLUSTER" >"$LAB_DIR/foreign.yaml"
  ! xdplb A apply "$LAB_DIR/foreign.yaml" 2>"$LAB_DIR/err" || fail "it was taken"
  grep -q 'there is an interface ptp9 already' "$LAB_DIR/err" || fail "$(cat "$LAB_DIR/err")"
  ip -n A link del ptp9
  expect "state" "$(tunnel_of A .state)" up
  has 'nothing to change' xdplb A apply "$CLUSTER"
}

tx_offload() {
  in_ns A ethtool -k l0 | awk '/^tx-checksumming/ { print $2 }'
}

detached() {
  local node
  expect "tx offload while attached" "$(tx_offload)" off
  for node in "${NODES[@]}"; do
    xdplb "$node" detach
  done
  ! ip -n A link show ptp0 2>/dev/null || fail "ptp0 is left"
  expect "tx offload" "$(tx_offload)" on
  [[ -z $(ls /sys/fs/bpf/xdplb 2>/dev/null) ]] || fail "pins are left"
}

lab_chain
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
check verified_both_ways verified
check sync_ipv4 sync_ipv4
check sync_ipv6 sync_ipv6
check sync_ethernet sync_ethernet
check others_pass others_pass
check wrong_label wrong_label
check silent_node silent_node
check nothing_to_change nothing_to_change
check penultimate_popping popping
check attached_again attached_again
check foreign_interface foreign_interface
check detached detached
finish
