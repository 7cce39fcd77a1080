#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A narrower link on the way to the client: its router tells the VIP that packets are too big for it, and the
# backend must hear of it, or a download never ends; also where a connection is handed over. What the access node itself says: echo replies, time
# exceeded, packet too big.
#
#   far (MTU 1500) -- narrow -- (MTU 1400) -- router -- access1, node1 as in lab_main
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  cluster_head access1 node1 node2
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  cluster_backend web2 node2 10.0.2.11 fd00:2::11
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  echo "services:"
  cluster_service source4 192.0.2.10 80 tcp source 'web1: ' 8080
  cluster_service dns4 192.0.2.10 53 udp source 'web1: ' 5353
  cluster_service dns6 2001:db8:1::10 53 udp source 'web1: ' 5353
  cluster_service source6 2001:db8:1::10 80 tcp source 'web1: ' 8080
  cluster_service interface4 192.0.2.20 80 tcp interface 'web1: '
  cluster_service interface6 2001:db8:1::20 80 tcp interface 'web1: '
  cluster_service vnic4 192.0.2.30 80 tcp source 'c1: ' 8080
  cluster_service vnic6 2001:db8:1::30 80 tcp interface 'c1: '
  cluster_service moves4 192.0.2.40 80 tcp source 'web1: , web2: ' 8080
  cluster_service moves6 2001:db8:1::40 80 tcp interface 'web1: , web2: '
}

# Each check has a client address of its own: hosts keep what they have learned of a path.
narrow_link() {
  local i
  lab_node narrow
  lab_node far
  lab_forwards narrow
  lab_link router to-narrow narrow eth0
  lab_link narrow eth1 far eth0
  ip -n router link set to-narrow mtu 1400
  ip -n narrow link set eth0 mtu 1400
  lab_address router to-narrow 10.0.20.1/24 fd00:20::1/64
  lab_address narrow eth0 10.0.20.2/24 fd00:20::2/64
  lab_address narrow eth1 10.0.21.1/24 fd00:21::1/64
  for i in {2..9}; do
    lab_address far eth0 "10.0.21.$i/24" "fd00:21::$i/64"
  done
  lab_default_route narrow 10.0.20.1 fd00:20::1
  lab_default_route far 10.0.21.1 fd00:21::1
  ip -n router route add 10.0.21.0/24 via 10.0.20.2
  ip -n router -6 route add fd00:21::/64 via fd00:20::2
}

# download VIP CLIENT-ADDRESS
download() {
  local relayed delivered sum
  relayed=$(counter access1 events icmp_relayed)
  delivered=$(counter node1 events icmp_delivered)
  sum=$(in_ns far curl -sS --noproxy '*' --interface "$2" --max-time 20 "$(url "$1" 80 /files/big)" |
    sha256sum)
  expect "the file" "$sum" "$(sha256sum <"$LAB_DIR/files/big")"
  (($(counter access1 events icmp_relayed) > relayed)) || fail "icmp_relayed was not counted"
  (($(counter node1 events icmp_delivered) > delivered)) || fail "icmp_delivered was not counted"
}

# ask PATH [HEADER]: over the connection whose client reads the FIFO.
ask() {
  printf 'GET %s HTTP/1.1\r\nHost: lab\r\n%s\r\n' "$1" "${2:-}" >&7
}

# Errors about a connection whose packets come by another node follow them.
# handed_over VIP CLIENT-ADDRESS
handed_over() {
  local client over delivered
  mkfifo "$LAB_DIR/asks"
  xdplb access1 health set web2 down
  nsenter --net=/run/netns/far -- socat -t 20 - "TCP:$(bracket "$1"):80,bind=$(bracket "$2")" \
    <"$LAB_DIR/asks" >"$LAB_DIR/answer" &
  client=$!
  exec 7>"$LAB_DIR/asks"
  ask /
  wait_until 5 grep -q 'web1 ' "$LAB_DIR/answer" || fail "no answer from web1"
  xdplb access1 health set web2 up
  xdplb access1 health set web1 down
  over=$(counter node2 events icmp_handed_over)
  delivered=$(counter node1 events icmp_delivered)
  ask /files/big $'Connection: close\r\n'
  wait_until 20 ended "$client" || fail "the download does not end"
  exec 7>&-
  xdplb access1 health set web1 up
  expect "the file" "$(tail -c 5000000 "$LAB_DIR/answer" | sha256sum)" "$(sha256sum <"$LAB_DIR/files/big")"
  (($(counter node2 events icmp_handed_over) > over)) || fail "icmp_handed_over was not counted"
  (($(counter node1 events icmp_delivered) > delivered)) || fail "icmp_delivered was not counted"
  rm "$LAB_DIR/asks"
}

ended() {
  ! kill -0 "$1" 2>/dev/null
}

# ping VIP: answered by the access node, and not by a backend.
pinged() {
  local before output
  before=$(counter access1 events echo_answered)
  output=$(in_ns client ping -n -c 3 -i 0.2 -W 2 -s 1000 "$1")
  [[ $output == *" 3 received"* ]] || fail "$output"
  expect "echo_answered" "$(counter access1 events echo_answered)" "$((before + 3))"
}

# What a traceroute sees of the access node.
hops() {
  local before
  before=$(counter access1 events time_exceeded_sent)
  # With TTL 2 a datagram ends there; the error comes from the VIP.
  start_capture hops client eth0 'icmp or icmp6'
  echo probe | in_ns client socat - "$2:$(bracket "$1"):53,$3"
  wait_until 5 test "$(counter access1 events time_exceeded_sent)" -gt "$before" ||
    fail "time_exceeded_sent was not counted"
  stop_capture hops
  expect "time exceeded from the VIP" "$(count_packets hops "src host $1 and
    ((icmp and icmp[0] == 11) or (icmp6 and ip6[40] == 3))")" 1
}

# The next hop is narrower than the client's link: the access node says so, and an upload completes.
# upload VIP ADDRESS-FAMILY
upload() {
  local sum before
  before=$(counter access1 events too_big_sent)
  sum=$(in_ns client curl -sS --noproxy '*' --max-time 20 -T "$LAB_DIR/files/big" \
    "$(url "$1" 80 "/upload/big${1//[.:]/}")" -o /dev/null -w '%{http_code}')
  expect "status" "$sum" 201
  (($(counter access1 events too_big_sent) > before)) || fail "too_big_sent was not counted"
}

# Routes with a locked MTU, as a tunnel on the way would need them; then the next hops are asked for anew.
narrow_next_hop() {
  ip -n access1 route add 10.0.1.0/24 via 10.0.9.1 mtu lock 1300
  ip -n access1 -6 route add fd00:1::/64 via fd00:9::1 mtu lock 1300
}

lab_main
lab_container node1 c1 11 11
narrow_link
mkdir -p "$LAB_DIR/files"
head -c 5000000 /dev/urandom >"$LAB_DIR/files/big"
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080' 192.0.2.20:80 '[2001:db8:1::20]:80' \
  '[2001:db8:1::40]:80'
check servers_node2 start_nginx node2 web2 10.0.2.11:8080 '[2001:db8:1::40]:80'
check servers_vnic start_nginx c1 c1 10.0.11.11:8080 '[2001:db8:1::30]:80'

check source_ipv4 download 192.0.2.10 10.0.21.2
check source_ipv6 download 2001:db8:1::10 fd00:21::3
check interface_ipv4 download 192.0.2.20 10.0.21.4
check interface_ipv6 download 2001:db8:1::20 fd00:21::5
check vnic_source_ipv4 download 192.0.2.30 10.0.21.6
check vnic_interface_ipv6 download 2001:db8:1::30 fd00:21::7
check handed_over_source_ipv4 handed_over 192.0.2.40 10.0.21.8
check handed_over_interface_ipv6 handed_over 2001:db8:1::40 fd00:21::9
check ping_ipv4 pinged 192.0.2.10
check ping_ipv6 pinged 2001:db8:1::10
check hops_ipv4 hops 192.0.2.10 UDP4 ttl=2
check hops_ipv6 hops 2001:db8:1::10 UDP6 ipv6-unicast-hops=2
check narrow narrow_next_hop
check upload_ipv4 upload 192.0.2.20
check upload_ipv6 upload 2001:db8:1::20
finish
