#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Clocks over MPLS: PTP messages between two clock nodes go through tunnels of labels, over two transit
# nodes with two links between them, and the tunnels are walked and compared on the wire.
#
# The lab is drawn in mpls_lab.sh.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs socat jq bpftool
# shellcheck source=mpls_lab.sh
source "$(dirname "$0")/mpls_lab.sh"

verified() {
  xdplb A tunnel verify "$CLUSTER" clock >"$LAB_DIR/verify"
  cat "$LAB_DIR/verify"
  # Six of its own, and six of the spare one, which carries nothing.
  expect "hops that answered" "$(grep -cE '^  (there|back )  (A|B|E1|E2) ' "$LAB_DIR/verify")" 12
  grep -q '^clock: verified$' "$LAB_DIR/verify" || fail "clock is not verified"
  grep -q '^spare (protects clock): verified$' "$LAB_DIR/verify" || fail "spare is not verified"
  expect "state" "$(tunnel_of A .state)" up
  xdplb B tunnel verify "$CLUSTER" clock
  expect "state" "$(tunnel_of B .state)" up
  expect "status" "$(status_of B '.tunnels[0].state')" up
  has '^  clock +to A +up +verified +by its primary$' xdplb B status
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

# came_out FAR POPPED: more than that many have.
came_out() {
  (($(counts "$1" popped) > $2))
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
  wait_until 10 came_out "$far" "$popped" || true
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
  other_label "$LAB_DIR/right" >"$LAB_DIR/wrong"
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

# What is asked of the wrong node, or by somebody who may not know, gets words and no mere silence.
wrong_asker() {
  has '^E1: no tunnel ends here that could be verified$' xdplb E1 tunnel verify "$CLUSTER" || fail "E1 says nothing"
  ! in_ns A setpriv --reuid=65534 --clear-groups "$XDPLB_LOAD" tunnel list --node A 2>"$LAB_DIR/words" ||
    fail "anybody may look"
  has 'A: not attached, or not to be seen: root is needed' cat "$LAB_DIR/words" || fail "$(cat "$LAB_DIR/words")"
  ! in_ns A "$XDPLB_LOAD" tunnel list --node D 2>"$LAB_DIR/words" || fail "there is no node D"
  has 'D: not attached as a node that switches labels' cat "$LAB_DIR/words" || fail "$(cat "$LAB_DIR/words")"
}

# A spare link that is dead is found while nobody needs it, and takes nothing from the tunnel.
idle_spare() {
  ip -n E1 link set l2 down
  ! xdplb A tunnel verify "$CLUSTER" clock --wait 0.5 >"$LAB_DIR/verify" 2>&1 ||
    fail "a dead spare link was not found"
  cat "$LAB_DIR/verify"
  grep -q '^clock: verified$' "$LAB_DIR/verify" || fail "clock is not verified"
  grep -q 'spare: the way there: node E2 does not answer behind link p2' "$LAB_DIR/verify" ||
    fail "node and link are not named"
  expect "state" "$(tunnel_of A '|.state + " " + .lsp')" "up primary"
  ! xdplb A tunnel verify "$CLUSTER" spare --wait 0.5 >"$LAB_DIR/verify" 2>&1 || fail "verified by its name"
  ip -n E1 link set l2 up
  xdplb A tunnel verify "$CLUSTER" spare
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

# PTP on an ordinary interface is tagged: here on the link itself. The interfaces of before are gone.
tagged() {
  local node popped
  sed -e 's/^    interface: ptp0/    tag: {interface: l0}/' -e '/^    addresses:/d' "$CLUSTER" \
    >"$LAB_DIR/tagged.yaml"
  for node in "${NODES[@]}"; do
    xdplb "$node" apply "$LAB_DIR/tagged.yaml"
  done
  xdplb A tunnel verify "$LAB_DIR/tagged.yaml" clock
  ! ip -n A link show ptp0 2>/dev/null || fail "ptp0 is left"
  popped=$(counts B popped)
  start_capture far B l0 'udp port 319 and dst host 224.0.1.129'
  start_capture link A l0 'ether proto 0x8847 or udp port 319'
  printf '%b' "$PTP_SYNC" |
    in_ns A socat -u - UDP-DATAGRAM:224.0.1.129:319,ip-multicast-if=10.1.0.1
  stop_capture far
  stop_capture link
  expect "popped" "$(($(counts B popped) - popped))" 1
  expect "received" "$(count_packets far 'udp port 319')" 1
  expect "labelled on the link" "$(labelled_twice)" 1
  expect "not labelled on the link" "$(count_packets link 'udp port 319')" 0
  for node in "${NODES[@]}"; do
    xdplb "$node" apply "$CLUSTER"
  done
  xdplb A tunnel verify "$CLUSTER" clock
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
}

# For a lab that shows what asymmetry costs: it is warned of, carried, and can't be verified.
not_corouted() {
  local node
  sed -e 's/^    protect_by: spare/    corouted: no\n    path: [a, p1, b]\n    reverse_path: [b, p2, a]/' \
    -e '/^  spare:/,$d' "$CLUSTER" >"$LAB_DIR/asymmetric.yaml"
  "$XDPLB_LOAD" check "$LAB_DIR/asymmetric.yaml" 2>"$LAB_DIR/err"
  grep -q 'the directions need not take the same links' "$LAB_DIR/err" || fail "no warning"
  for node in "${NODES[@]}"; do
    xdplb "$node" apply "$LAB_DIR/asymmetric.yaml"
  done
  expect "cause" "$(tunnel_of A .cause)" unchecked
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  carried B A 'udp port 319 and dst host 10.9.0.1' send_sync B 10.9.0.1
  ! xdplb A tunnel verify "$LAB_DIR/asymmetric.yaml" clock 2>"$LAB_DIR/err" || fail "verified"
  grep -q 'its directions are not compared' "$LAB_DIR/err" || fail "$(cat "$LAB_DIR/err")"
  for node in "${NODES[@]}"; do
    xdplb "$node" apply "$CLUSTER"
  done
  xdplb A tunnel verify "$CLUSTER" clock
  xdplb B tunnel verify "$CLUSTER" clock
}

# A program bound to the NIC; the veth has a stamp for no frame that was not stamped where it was sent: the
# kernel's clock is used then, and what was used is counted.
hardware_clock() {
  local before kernel
  before=$(counter E1 events stamp_kernel)
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  expect "stamps" "$(($(counter E1 events stamp_kernel) - before))" 1
  kernel=$(uname -r)
  sed '/^  E1:/,/^  E2:/s/address: 10.1.0.2/&, hardware_clock: tai/' "$CLUSTER" >"$LAB_DIR/tai.yaml"
  xdplb E1 apply "$LAB_DIR/tai.yaml" 2>"$LAB_DIR/err"
  if [[ -s $LAB_DIR/err ]]; then
    grep -q "l0: .hardware_clock.: no program can be bound" "$LAB_DIR/err" || fail "$(cat "$LAB_DIR/err")"
    [[ $kernel == 6.[012].* ]] || fail "$(cat "$LAB_DIR/err")"
  else
    has 'lsr_xdp_hw' bpftool -j prog show id "$(status_of E1 \
      '.hooks[] | select(.interface == "l0" and .program == "lsr_xdp") | .program_id')"
  fi
  before=$(($(counter E1 events stamp_kernel) + $(counter E1 events stamp_hardware)))
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  expect "stamps" \
    "$(($(counter E1 events stamp_kernel) + $(counter E1 events stamp_hardware) - before))" 1
  xdplb E1 apply "$CLUSTER"
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

# A node that has another role now: nothing of the former is left, and it can be had again.
other_role() {
  {
    sed '/^nodes:/,$d' "$CLUSTER"
    echo "nodes:"
    echo "  A: {service: {uplinks: [l0]}}"
  } >"$LAB_DIR/service.yaml"
  xdplb A apply "$LAB_DIR/service.yaml"
  ! ip -n A link show ptp0 2>/dev/null || fail "ptp0 is left"
  expect "programs" "$(status_of A '[.hooks[].program] | sort | join(" ")')" \
    "uplink_egress uplink_ingress"
  [[ ! -e /sys/fs/bpf/xdplb/A/ilm ]] || fail "maps are left"
  xdplb A apply "$CLUSTER"
  expect "programs" "$(status_of A '[.hooks[].program] | sort | join(" ")')" \
    "lsr_xdp ptp_deliver ptp_push"
  xdplb A tunnel verify "$CLUSTER" clock
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
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

# Without TCX, as before Linux 6.6.
by_clsact() {
  attach_all "$CLUSTER" "${NODES[@]}" -- --tc clsact
  xdplb A tunnel verify "$CLUSTER" clock
  xdplb B tunnel verify "$CLUSTER" clock
  carried A B 'udp port 319 and dst host 10.9.0.2' send_sync A 10.9.0.2
  detached
  expect "qdiscs" "$(ip netns exec A tc qdisc show dev l0 clsact)" ""
}

lab_chain
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
check verified_both_ways verified
check sync_ipv4 sync_ipv4
check sync_ipv6 sync_ipv6
check sync_ethernet sync_ethernet
check others_pass others_pass
check wrong_asker wrong_asker
check wrong_label wrong_label
check idle_spare idle_spare
check silent_node silent_node
check nothing_to_change nothing_to_change
check penultimate_popping popping
check attached_again attached_again
check tagged tagged
check not_corouted not_corouted
check hardware_clock hardware_clock
check foreign_interface foreign_interface
check other_role other_role
check detached detached
check by_clsact by_clsact
finish
