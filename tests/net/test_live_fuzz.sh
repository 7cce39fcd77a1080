#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Frames at random, half of them with faults, straight into the interface of an access node: what lb_xdp counts
# adds up to what the driver has seen, and that to what was sent.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

FRAMES=150000

write_cluster() {
  local members='web1: , web2: , web3: '
  cluster_main
  cluster_service tcp4 192.0.2.10 80 tcp source "$members" 8080
  cluster_service udp4 192.0.2.10 80 udp source "$members" 8080
  echo "    affinity: source"
  cluster_service tcp6 2001:db8:1::10 80 tcp interface "$members"
  cluster_service udp6 2001:db8:1::10 80 udp source "$members" 8080
  echo "    deny: ['fd00::90/124']"
  cluster_service more4 192.0.2.10 81 tcp source "$members" 8080
  echo "    allow: [10.0.0.128/27]"
  cluster_service more6 2001:db8:1::10 81 udp source "$members" 8080
}

# What the driver did at the program's word: seen, dropped, sent, passed.
driver() {
  in_ns access1 ethtool -S eth0 | awk -F: '
    $1 ~ /_xdp_packets$/ { seen += $2 }
    $1 ~ /rx_queue_[0-9]+_xdp_drops$/ { dropped += $2 }
    $1 ~ /rx_queue_[0-9]+_xdp_(tx|redirect)$/ { sent += $2 }
    END { print seen, dropped, sent, seen - dropped - sent }'
}

# What the program counted: drops, what it sent or redirected, what it left to the kernel.
counted() {
  status_of access1 '[
    ([.drops[]] | add // 0),
    ([.services[].backends[].packets, (.events | .echo_answered, .time_exceeded_sent, .too_big_sent) // 0,
      -(.events.left_to_kernel // 0)] | add),
    .events.left_to_kernel // 0] | map(tostring) | join(" ")'
}

wire() {
  ip -n router -s -j link show to-access1 | jq '.[0].stats64.tx.packets'
}

# difference AFTER BEFORE: column by column.
difference() {
  paste <(tr ' ' '\n' <<<"$1") <(tr ' ' '\n' <<<"$2") | awk '{ printf("%s%d", (NR > 1 ? " " : ""), $1 - $2) }'
}

# adds_up WIRE DRIVER COUNTED: since those numbers. Frames still come, of hosts that answer: so it is asked for
# until nothing moves while it looks.
adds_up() {
  local frames driver counted
  frames=$(wire)
  counted=$(difference "$(counted)" "$3")
  driver=$(difference "$(driver)" "$2")
  [[ $(wire) == "$frames" ]] || return 1
  frames=$((frames - $1))
  echo "on the wire $frames; driver $driver; counted $counted" >"$LAB_DIR/sums"
  awk -v frames="$frames" '
    NR == 1 { seen = $1; dropped = $2; sent = $3; passed = $4 }
    NR == 2 { exit !(seen == frames && dropped == $1 && sent == $2 && passed >= $3 &&
      frames == $1 + $2 + passed) }' <<<"$driver"$'\n'"$counted"
}

fuzz() {
  local mac wire driver counted
  mac=$(ip -n access1 -j link show eth0 | jq -r '.[0].address')
  wire=$(wire) driver=$(driver) counted=$(counted)
  expect sent "$(in_ns router "$LAB_ROOT/build/tests/net/fuzz_frames" to-access1 "$mac" "$FRAMES" "$1" 80 \
    10.0.0.128 192.0.2.10 fd00::80 2001:db8:1::10)" "$FRAMES"
  wait_until 20 adds_up "$wire" "$driver" "$counted" || fail "$(cat "$LAB_DIR/sums")"
  (($(wire) - wire >= FRAMES)) || fail "less on the wire than was sent"
  cat "$LAB_DIR/sums"
}

# Sums of nothing would add up, too.
reached() {
  local kind name
  for kind in drops:{truncated,fragment,extensions,fragment_unknown,source_denied} \
    events:{echo_answered,time_exceeded_sent,too_big_sent,left_to_kernel,icmp_relayed,fragment_noted}; do
    name=${kind#*:}
    (($(counter access1 "${kind%:*}" "$name") > 0)) || fail "no $name"
  done
}

lab_main
write_cluster >"$CLUSTER"
# One backend is behind a narrow way.
ip -n access1 route add 10.0.2.11 via 10.0.9.1 mtu lock 200
lab_setup "$CLUSTER" node1 node2 access1
check adds_up_1 fuzz 1
check adds_up_2 fuzz 2
check reached reached
finish
