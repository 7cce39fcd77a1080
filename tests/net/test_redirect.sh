#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# An access node with a NIC on either side: requests enter by eth0 and are redirected out of eth1.
#
#              router --- to-access1 --- eth0 access1
#                 \------ to-back ------ eth1 access1    10.0.8.0/24  fd00:8::/64
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

TO_CLIENT="dst host $CLIENT4 or dst host $CLIENT6"

write_cluster() {
  local both='web1: , web2: '
  cluster_head "access1:$1" node1 node2
  cluster_backends
  echo "services:"
  cluster_service web4-source 192.0.2.10 80 tcp source "$both" 8080
  cluster_service web6-interface 2001:db8:1::20 80 tcp interface "$both"
}

lab_two_arms() {
  lab_main
  lab_link router to-back access1 eth1
  lab_address router to-back 10.0.8.1/24 fd00:8::1/64
  lab_address access1 eth1 10.0.8.2/24 fd00:8::2/64
  lab_redirect_peer router to-back
  ip -n access1 route add 10.0.1.0/24 via 10.0.8.1
  ip -n access1 route add 10.0.2.0/24 via 10.0.8.1
  ip -n access1 -6 route add fd00:1::/64 via fd00:8::1
  ip -n access1 -6 route add fd00:2::/64 via fd00:8::1
}

# first FAMILY VIP: with no neighbour known, the kernel forwards the first packet, and asks for the neighbour.
first() {
  local before
  ip -n access1 "-$1" neigh flush dev eth1
  before=$(counter access1 events left_to_kernel)
  expect "answers" "$(http_new 1 "$(url "$2")" | grep -c ' 200 ')" 1
  (($(counter access1 events left_to_kernel) > before)) || fail "left_to_kernel was not counted"
}

# http VIP
http() {
  local vip=$1 answers=$LAB_DIR/answers learned left
  left=$(counter access1 events left_to_kernel)
  start_capture client client eth0 tcp
  start_capture front router to-access1 tcp
  start_capture back router to-back tcp
  http_new 40 "$(url "$vip")" >"$answers"
  stop_capture client
  stop_capture front
  stop_capture back
  expect "requests answered" "$(grep -c ' 200 ' "$answers")" 40
  expect "backends" "$(cut -d' ' -f1 "$answers" | sort -u | paste -sd' ')" "web1 web2"
  expect "source seen by the client" "$(sources_seen client "$TO_CLIENT")" "$vip"
  expect "replies through the access node" \
    "$(($(count_packets front "$TO_CLIENT") + $(count_packets back "$TO_CLIENT")))" 0
  # Every request went in by the one and out by the other.
  expect "packets out of eth1" "$(count_packets back "src host $CLIENT4 or src host $CLIENT6")" \
    "$(count_packets front "dst host $vip")"
  learned=$(counter access1 events nexthop_learned)
  ((learned > 0)) || fail "no next hop was learned"
  expect "packets left to the kernel" "$(counter access1 events left_to_kernel)" "$left"
}

# by_the_kernel VIP: eth1 is taken out of the file.
by_the_kernel() {
  local left
  xdplb access1 apply "$CLUSTER" >/dev/null
  left=$(counter access1 events left_to_kernel)
  expect "answers" "$(http_new 10 "$(url "$1")" | grep -c ' 200 ')" 10
  (($(counter access1 events left_to_kernel) >= left + 10)) || fail "left_to_kernel was not counted"
}

lab_two_arms
write_cluster eth0,eth1 >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
start_nginx node2 web2 10.0.2.11:8080 '[::]:80'
lab_setup "$CLUSTER" node1 node2 access1

check no_neighbour_ipv4 first 4 192.0.2.10
check no_neighbour_ipv6 first 6 2001:db8:1::20
check http_ipv4 http 192.0.2.10
check http_ipv6 http 2001:db8:1::20
# eth1 without lb_xdp: a frame sent there by XDP could be lost, so that the kernel forwards all.
write_cluster eth0 >"$CLUSTER"
check way_without_xdp by_the_kernel 192.0.2.10
finish
