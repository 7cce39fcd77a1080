#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Balancer, backends and client on one L2 segment: every backend holds the VIP (restore: interface),
# yet the balancer alone may answer for it, or the client would talk past it.
#
#   client .2 --+
#  access1 .3 --+-- switch (br0)     10.0.5.0/24  fd00:5::/64
#   node1 .11 --+                    VIPs 10.0.5.100, fd00:5::100: on access1's eth0, as a user of
#   node2 .12 --+                    such a segment has to put them
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

VIP4=10.0.5.100 VIP6=fd00:5::100
HERE4=10.0.5.2 HERE6=fd00:5::2

write_cluster() {
  local both='web1: , web2: '
  cluster_head access1 node1 node2
  echo "backends:"
  cluster_backend web1 node1 10.0.5.11 fd00:5::11
  cluster_backend web2 node2 10.0.5.12 fd00:5::12
  echo "services:"
  cluster_service web4 "$VIP4" 80 tcp interface "$both"
  cluster_service web6 "$VIP6" 80 tcp interface "$both"
}

# lab_member NAME HOST
lab_member() {
  lab_node "$1"
  lab_link switch "to-$1" "$1" eth0
  ip -n switch link set "to-$1" master br0
  lab_address "$1" eth0 "10.0.5.$2/24" "fd00:5::$2/64"
}

lab_one_segment() {
  lab_node switch
  ip -n switch link add br0 type bridge
  ip -n switch link set br0 up
  lab_member client 2
  lab_member access1 3
  lab_member node1 11
  lab_member node2 12
  lab_forwards access1
  lab_xdp_peer switch to-access1
  lab_address access1 eth0 "$VIP4/32" "$VIP6/128"
  # A bridge does not compute a checksum that the sender left to its NIC: its port towards the access
  # node does, since tx is off there. A bridge port of a real switch never sees such a packet.
}

mac_of() {
  ip -n "$1" -j link show eth0 | jq -r '.[0].address'
}

forget() {
  ip -n client neigh flush dev eth0
}

# Asks for the VIP again and again, like a client whose cache has run out.
ask_repeatedly() {
  local i
  for ((i = 0; i < 10; i++)); do
    forget
    in_ns client ping -q -c 1 -W 1 "$1" >/dev/null || true
    expect "MAC of the VIP" "$(ip -n client -j neigh show to "$1" | jq -r '.[].lladdr')" \
      "$(mac_of access1)"
  done
}

# The MAC address of everybody who says in ARP that the VIP is his, in requests or replies.
arp() {
  start_capture arp client eth0 arp
  ask_repeatedly "$VIP4"
  expect "requests answered" "$(http_new 20 "$(url "$VIP4")" | grep -c ' 200 ')" 20
  stop_capture arp
  expect "who says that the VIP is his" \
    "$(tcpdump -r "$LAB_DIR/arp.pcap" -nn -t -e "arp src host $VIP4" 2>/dev/null |
      cut -d' ' -f1 | sort -u | paste -sd' ')" "$(mac_of access1)"
}

# The same of neighbour advertisements (ICMPv6 type 136), whose target stands at offset 48.
ndp() {
  start_capture ndp client eth0 'icmp6'
  ask_repeatedly "$VIP6"
  expect "requests answered" "$(http_new 20 "$(url "$VIP6")" | grep -c ' 200 ')" 20
  stop_capture ndp
  expect "who says that the VIP is his" \
    "$(tcpdump -r "$LAB_DIR/ndp.pcap" -nn -t -e \
      'icmp6 and ip6[40] == 136 and ip6[48:4] == 0xfd000005 and ip6[60:4] == 0x100' 2>/dev/null |
      cut -d' ' -f1 | sort -u | paste -sd' ')" "$(mac_of access1)"
}

# http VIP HERE
http() {
  local answers=$LAB_DIR/answers
  start_capture client client eth0 tcp
  start_capture access switch to-access1 'ip or ip6'
  http_new 40 "$(url "$1")" >"$answers"
  stop_capture client
  stop_capture access
  expect "requests answered" "$(grep -c " $2 200 " "$answers")" 40
  expect "backends" "$(cut -d' ' -f1 "$answers" | sort -u | paste -sd' ')" "web1 web2"
  expect "source seen by the client" "$(sources_seen client "dst host $2")" "$1"
  expect "replies through the access node" "$(count_packets access "tcp and dst host $2")" 0
  (($(count_packets access "dst host $1") >= 40)) || fail "the access node saw no requests"
}

lab_one_segment
write_cluster >"$CLUSTER"
start_nginx node1 web1 80 '[::]:80'
start_nginx node2 web2 80 '[::]:80'
lab_setup "$CLUSTER" node1 node2 access1

check http_ipv4 http "$VIP4" "$HERE4"
check http_ipv6 http "$VIP6" "$HERE6"
check arp_by_the_balancer_alone arp
check ndp_by_the_balancer_alone ndp
finish
