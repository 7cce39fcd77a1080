#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Who is no access node cannot walk round the balancer's rules: packets sent straight to a tag port
# get no answer and are counted, and only who knows the cluster's key can ask about mappings.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  cluster_head access1 node1
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  echo "services:"
  cluster_service tcp4-source 192.0.2.10 80 tcp source 'web1: ' 8080
  cluster_service tcp4-interface 192.0.2.20 80 tcp interface 'web1: '
  cluster_service tcp6-source 2001:db8:1::10 80 tcp source 'web1: ' 8080
  cluster_service tcp6-interface 2001:db8:1::20 80 tcp interface 'web1: '
  cluster_service udp4-source 192.0.2.10 7 udp source 'web1: ' 7007
  cluster_service udp4-interface 192.0.2.20 7 udp interface 'web1: '
  cluster_service udp6-source 2001:db8:1::10 7 udp source 'web1: ' 7007
  cluster_service udp6-interface 2001:db8:1::20 7 udp interface 'web1: '
}

tag_of() {
  status_of access1 ".services[] | select(.name == \"$1\") | .backends[0].tag"
}

# Servers that would answer, if only the packets came through.
start_servers() {
  start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080' 80 '[::]:80'
  start_echo node1 echo1 UDP4 10.0.1.11 7007
  start_echo node1 echo1 UDP6 fd00:1::11 7007
  start_echo node1 echo1 UDP4 192.0.2.20 7
  start_echo node1 echo1 UDP6 2001:db8:1::20 7
}

through_the_vip() {
  local vip
  for vip in 192.0.2.10 192.0.2.20 2001:db8:1::10 2001:db8:1::20; do
    expect "answers of $vip" "$(http_new 5 "$(url "$vip")" | grep -c ' 200 ')" 5
    udp_ask client "$vip" 7 hello >/dev/null || fail "no answer to a datagram to $vip"
  done
}

not_admitted_since() {
  (($(counter node1 drops not_admitted) > $1))
}

# refused SERVICE ADDRESS tcp|udp
refused() {
  local tag before
  tag=$(tag_of "$1")
  [[ $tag =~ ^[0-9]+$ ]] || fail "$1 has the tag '$tag'"
  before=$(counter node1 drops not_admitted)
  start_capture client client eth0 'ip or ip6'
  if [[ $3 == tcp ]]; then
    ! in_ns client curl -s --max-time 1 -o /dev/null "$(url "$2" "$tag")" || fail "it was answered"
  else
    ! udp_ask client "$2" "$tag" hello || fail "it was answered"
  fi
  wait_until 3 not_admitted_since "$before" || fail "not_admitted was not counted"
  stop_capture client
  (($(count_packets client "dst host $2 and dst port $tag") > 0)) || fail "nothing was sent"
  # Not even a reset or an ICMP error: nothing tells a stranger that there is something.
  expect "packets that came back" "$(count_packets client \
    "(dst host $CLIENT4 or dst host $CLIENT6) and not (icmp6 and ip6[40] >= 133)")" 0
}

# query TAG: struct xdplb_query (include/xdplb/query.h) that asks for 192.0.2.10:80/tcp, with a made-up
# mac.
query() {
  local tag
  tag=$(printf '%04x' "$1")
  {
    printf 'XDLB\x01\x01\x06\x04'
    # shellcheck disable=SC2059
    printf "\\x${tag:0:2}\\x${tag:2}"
    printf '\x00\x50\x00\x00\x00\x00\xc0\x00\x02\x0a'
    printf '\x00%.0s' {1..12}
    printf 'nonce678forged!!'
  }
}

forged_query() {
  local tag before answered
  tag=$(tag_of tcp4-source)
  expect "size of a query" "$(query "$tag" | wc -c)" 48
  before=$(counter node1 drops not_admitted)
  answered=$(counter node1 events query_answered)
  ((answered > 0)) || fail "the access node's own queries are not counted"
  expect "bytes in answer" \
    "$(query "$tag" | in_ns client socat -t 1 - "UDP4:10.0.1.11:$tag" 2>&1 | wc -c)" 0
  expect "query_answered" "$(counter node1 events query_answered)" "$answered"
  not_admitted_since "$before" || fail "not_admitted was not counted"
}

# From the access node's own address, but without the key.
from_the_access_node() {
  local tag before
  tag=$(tag_of tcp4-source)
  before=$(counter node1 drops not_admitted)
  ! in_ns access1 curl -s --max-time 1 -o /dev/null "$(url 10.0.1.11 "$tag")" || fail "it was answered"
  not_admitted_since "$before" || fail "not_admitted was not counted"
}

lab_main
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 access1
check servers_start start_servers

check through_the_vip through_the_vip
for service in source interface; do
  check "tcp_${service}_ipv4" refused "tcp4-$service" 10.0.1.11 tcp
  check "tcp_${service}_ipv6" refused "tcp6-$service" fd00:1::11 tcp
  check "udp_${service}_ipv4" refused "udp4-$service" 10.0.1.11 udp
  check "udp_${service}_ipv6" refused "udp6-$service" fd00:1::11 udp
done
check forged_query forged_query
check address_alone_is_not_enough from_the_access_node
finish
