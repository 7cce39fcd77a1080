#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Backends in containers: the VIP is restored on the host side of their virtual NIC. Two backends of
# one service on one node, both ways to restore, both families; node1 routes to its containers (c1,
# c2), node2 has them on a bridge (c3, c4).
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

TO_CLIENT="dst host $CLIENT4 or dst host $CLIENT6"

write_cluster() {
  local all='c1: , c2: , c3: , c4: '
  cluster_head access1 node1 node2
  echo "backends:"
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  cluster_backend c2 node1 10.0.11.12 fd00:11::12 veth-c2 c2
  cluster_backend c3 node2 10.0.2.21 fd00:2::21 veth-c3 c3
  cluster_backend c4 node2 10.0.2.22 fd00:2::22 veth-c4 c4
  echo "services:"
  cluster_service web4-source 192.0.2.10 80 tcp source "$all" 8080
  cluster_service web4-interface 192.0.2.20 80 tcp interface "$all"
  cluster_service web6-source 2001:db8:1::10 80 tcp source "$all" 8080
  cluster_service web6-interface 2001:db8:1::20 80 tcp interface "$all"
  cluster_service echo4-source 192.0.2.10 7 udp source 'c1: , c3: ' 7007
  cluster_service echo4-interface 192.0.2.20 7 udp interface 'c1: , c3: '
  cluster_service echo6-source 2001:db8:1::10 7 udp source 'c1: , c3: ' 7007
  cluster_service echo6-interface 2001:db8:1::20 7 udp interface 'c1: , c3: '
}

# http VIP
http() {
  local vip=$1 answers=$LAB_DIR/answers client
  client=$CLIENT4
  [[ $vip == *:* ]] && client=$CLIENT6
  start_capture client client eth0 tcp
  start_capture access router to-access1 'ip or ip6'
  http_new 100 "$(url "$vip")" >"$answers"
  http_kept 10 "$(url "$vip")" >>"$answers"
  stop_capture client
  stop_capture access
  expect "requests answered" "$(awk '$3 == 200' "$answers" | wc -l)" 110
  expect "backends" "$(cut -d' ' -f1 "$answers" | sort -u | paste -sd' ')" "c1 c2 c3 c4"
  expect "client as the backends see it" "$(cut -d' ' -f2 "$answers" | sort -u)" "$client"
  expect "source seen by the client" "$(sources_seen client "$TO_CLIENT")" "$vip"
  expect "replies through the access node" "$(count_packets access "$TO_CLIENT")" 0
}

# In namespaces as in real containers a large transfer crosses one more virtual NIC.
download() {
  in_ns client curl -sS --max-time 30 "$(url "$1" 80 /files/big)" | sha256sum |
    cmp -s - "$LAB_DIR/big.sum" || fail "what was downloaded is not what the server has"
}

# Datagrams until both backends have answered, from the VIP each.
echo_udp() {
  local i answers=$LAB_DIR/answers
  : >"$answers"
  for ((i = 0; i < 40; i++)); do
    udp_ask client "$1" 7 "hello $i" >>"$answers" || fail "datagram $i was not answered"
    (($(cut -d' ' -f1 "$answers" | sort -u | wc -l) < 2)) || return 0
  done
  fail "40 datagrams reached only $(cut -d' ' -f1 "$answers" | sort -u)"
}

direct() {
  expect "answer" "$(in_ns client curl -s --max-time 5 "$(url "$1" 8080)" | cut -d' ' -f1)" "$2"
}

# The VIP is local inside the containers alone.
vips_are_inside() {
  local node
  for node in c1 c2 c3 c4; do
    has 192.0.2.20/32 ip -n "$node" address show dev lo || fail "$node has no VIP"
    has 2001:db8:1::20/128 ip -n "$node" address show dev lo || fail "$node has no IPv6 VIP"
  done
  for node in node1 node2; do
    ! has '192\.0\.2\.|2001:db8:' ip -n "$node" address show || fail "$node has a VIP"
  done
}

start_servers() {
  local name index=0
  local addresses4=(10.0.11.11 10.0.11.12 10.0.2.21 10.0.2.22)
  local addresses6=(fd00:11::11 fd00:11::12 fd00:2::21 fd00:2::22)
  for name in c1 c2 c3 c4; do
    start_nginx "$name" "$name" 8080 '[::]:8080' 80 '[::]:80'
    start_echo "$name" "$name" UDP4 "${addresses4[index]}" 7007
    start_echo "$name" "$name" UDP6 "${addresses6[index]}" 7007
    start_echo "$name" "$name" UDP4 192.0.2.20 7
    start_echo "$name" "$name" UDP6 2001:db8:1::20 7
    index=$((index + 1))
  done
}

setting() {
  in_ns node1 sysctl -n "net.ipv4.conf.veth-$1.$2"
}

apply_node1() {
  xdplb node1 apply "$CLUSTER" >/dev/null 2>"$LAB_DIR/apply.err" || fail "$(cat "$LAB_DIR/apply.err")"
}

without() {
  echo 'tags: {rest: 1s}' >"$CLUSTER"
  write_cluster | sed "/^  $1:\$/,+4d; s/$1: , //; s/$1: //" >>"$CLUSTER"
}

none_rests() {
  apply_node1
  ! has resting xdplb node1 status --json
}

# A container that the file leaves out gets its settings back, but not while its connections may go on.
removed() {
  expect "rp_filter of c2" "$(setting c2 rp_filter)" 2
  without c2
  apply_node1
  expect "while its tags rest" "$(setting c2 rp_filter)" 2
  wait_until 5 none_rests || fail "tags rest on"
  expect "afterwards" "$(setting c2 rp_filter)" 1
  expect "of another" "$(setting c1 rp_filter)" 2
  ! has 192.0.2.20 ip -n c2 address show dev lo || fail "c2 still has a VIP"
}

# One that is gone with its interface is no obstacle; one of that name that comes later is set up anew.
deleted() {
  ip -n node1 link delete veth-c1
  ip netns delete c1
  without c1
  apply_node1
  wait_until 5 none_rests || fail "tags rest on"
  lab_container node1 c1 11 11
  in_ns node1 sysctl -qw net.ipv4.conf.veth-c1.rp_filter=1
  write_cluster >"$CLUSTER"
  apply_node1
  expect "rp_filter of the new c1" "$(setting c1 rp_filter)" 2
  has 192.0.2.20/32 ip -n c1 address show dev lo || fail "the new c1 has no VIP"
}

gone() {
  local node
  xdplb node1 detach
  xdplb node2 detach
  for node in c1 c2 c3 c4; do
    ! has '192\.0\.2\.|2001:db8:' ip -n "$node" address show dev lo ||
      fail "$node still has a VIP"
  done
  expect "rp_filter of c1, c2" "$(setting c1 rp_filter) $(setting c2 rp_filter)" "1 1"
}

lab_main
lab_container node1 c1 11 11
lab_container node1 c2 11 12
in_ns node1 sysctl -qw net.ipv4.conf.veth-c1.rp_filter=1 net.ipv4.conf.veth-c2.rp_filter=1
lab_make_bridge node2 2
lab_bridged node2 c3 2 21
lab_bridged node2 c4 2 22
mkdir -p "$LAB_DIR/files"
head -c 20000000 /dev/urandom >"$LAB_DIR/files/big"
sha256sum <"$LAB_DIR/files/big" >"$LAB_DIR/big.sum"
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1

check vips_are_inside vips_are_inside
check servers_start start_servers
check http_source_ipv4 http 192.0.2.10
check http_interface_ipv4 http 192.0.2.20
check http_source_ipv6 http 2001:db8:1::10
check http_interface_ipv6 http 2001:db8:1::20
check download_source_ipv4 download 192.0.2.10
check download_interface_ipv4 download 192.0.2.20
check download_source_ipv6 download 2001:db8:1::10
check download_interface_ipv6 download 2001:db8:1::20
check udp_source_ipv4 echo_udp 192.0.2.10
check udp_interface_ipv4 echo_udp 192.0.2.20
check udp_source_ipv6 echo_udp 2001:db8:1::10
check udp_interface_ipv6 echo_udp 2001:db8:1::20
check direct_routed direct 10.0.11.12 c2
check direct_bridged direct fd00:2::21 c3
check settings_of_removed removed
check deleted_and_made_anew deleted
check detach_empties_containers gone
finish
