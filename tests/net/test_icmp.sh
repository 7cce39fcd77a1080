#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# ICMP errors that a backend itself sends: the client must be able to tell which of its packets they
# are about, so they come from the VIP and quote VIP:vport. And pings of a VIP, also in fragments.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

# No server listens at any of these.
write_cluster() {
  cluster_hooks
  cluster_service udp4-source 192.0.2.10 7 udp source 'web1: ' 7007
  cluster_service udp4-interface 192.0.2.20 7 udp interface 'web1: '
  cluster_service udp6-source 2001:db8:1::10 7 udp source 'web1: ' 7007
  cluster_service udp6-interface 2001:db8:1::20 7 udp interface 'web1: '
  cluster_service vnic4-source 192.0.2.10 8 udp source 'c1: ' 7007
  cluster_service vnic4-interface 192.0.2.20 8 udp interface 'c1: '
  cluster_service vnic6-source 2001:db8:1::10 8 udp source 'c1: ' 7007
  cluster_service vnic6-interface 2001:db8:1::20 8 udp interface 'c1: '
}

# unreachable VIP PORT LOCAL-PORT RESTORE
unreachable() {
  local vip=$1 port=$2 local_port=$3 type=UDP4 client=$CLIENT4 before output errors
  if [[ $vip == *:* ]]; then
    type=UDP6
    client=$CLIENT6
  fi
  before=$(counter node1 events icmp_restored)
  start_capture icmp client eth0 'icmp or icmp6'
  # A connected socket is told only of errors that quote what it sent.
  output=$(echo hello | in_ns client timeout 5 socat -T 2 -t 2 - \
    "$type:$(bracket "$vip"):$port,bind=$(bracket "$client"):$local_port" 2>&1) || true
  stop_capture icmp
  [[ $output == *"Connection refused"* ]] || fail "no ECONNREFUSED, but '$output'"
  errors=$(tcpdump -r "$LAB_DIR/icmp.pcap" -nn -t -v "dst host $client and
    (icmp[0] == 3 or (icmp6 and ip6[40] == 1))" 2>/dev/null | tr -s ' \n' ' ')
  if [[ $type == UDP4 ]]; then
    [[ $errors == *" $vip > $client: ICMP $vip udp port $port unreachable"* ]] ||
      fail "not from the VIP: $errors"
    [[ $errors == *" $client.$local_port > $vip.$port: "* ]] || fail "quotes something else: $errors"
  else
    [[ $errors == *" $vip > $client: "*"unreachable port, $vip udp port $port"* ]] ||
      fail "not from the VIP: $errors"
    # tcpdump has read that out of the quote, but does not print where the quoted packet came from;
    # its ports stand behind IPv6, ICMPv6 and IPv6 header.
    expect "errors that quote the client's port" "$(count_packets icmp \
      "dst host $client and ip6[40] == 1 and ip6[88:2] == $local_port and ip6[90:2] == $port")" 1
  fi
  [[ $errors != *wrong* && $errors != *"bad "* ]] || fail "a wrong checksum: $errors"
  if [[ $4 == source ]]; then
    (($(counter node1 events icmp_restored) > before)) || fail "icmp_restored was not counted"
  fi
}

# What reaches a backend's own port keeps its own error.
direct() {
  local output
  start_capture icmp client eth0 'icmp or icmp6'
  output=$(echo hello | in_ns client timeout 5 socat -T 2 -t 2 - UDP4:10.0.1.11:7007 2>&1) || true
  stop_capture icmp
  [[ $output == *"Connection refused"* ]] || fail "no ECONNREFUSED, but '$output'"
  expect "errors from the backend's address" "$(count_packets icmp 'icmp and src host 10.0.1.11')" 1
}

# pinged VIP BYTES: answered, all of them whole, and each fragment counted.
pinged() {
  local before output fragments size=1480
  [[ $1 == *:* ]] && size=1448
  fragments=$((($2 + 8 + size - 1) / size))
  before=$(counter access1 events echo_answered)
  output=$(in_ns client ping -n -c 3 -i 0.2 -W 2 -s "$2" "$1") || true
  [[ $output == *" 3 received"* ]] || fail "$output"
  [[ $output != *wrong* && $output != *DUP* ]] || fail "$output"
  expect "echo_answered" "$(($(counter access1 events echo_answered) - before))" "$((3 * fragments))"
}

# echo_is yes|no: applied, while the program goes on.
echo_is() {
  (
    echo "echo: $1"
    cat "$CLUSTER"
  ) >"$LAB_DIR/echo.yaml"
  xdplb access1 apply "$LAB_DIR/echo.yaml" || fail "no apply of echo: $1"
}

unanswered() {
  local before vip size
  before=$(counter access1 events echo_answered)
  echo_is no
  for vip in 192.0.2.10 2001:db8:1::10; do
    for size in 56 3000; do
      ! in_ns client ping -n -q -c 1 -W 1 -s "$size" "$vip" >/dev/null || fail "$vip has answered"
    done
  done
  expect "echo_answered" "$(counter access1 events echo_answered)" "$before"
  echo_is yes
}

lab_main
lab_container node1 c1 11 11
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 access1

check uplink_source_ipv4 unreachable 192.0.2.10 7 40001 source
check uplink_interface_ipv4 unreachable 192.0.2.20 7 40002 interface
check uplink_source_ipv6 unreachable 2001:db8:1::10 7 40003 source
check uplink_interface_ipv6 unreachable 2001:db8:1::20 7 40004 interface
check vnic_source_ipv4 unreachable 192.0.2.10 8 40005 source
check vnic_interface_ipv4 unreachable 192.0.2.20 8 40006 interface
check vnic_source_ipv6 unreachable 2001:db8:1::10 8 40007 source
check vnic_interface_ipv6 unreachable 2001:db8:1::20 8 40008 interface
check direct direct
check ping_ipv4 pinged 192.0.2.10 56
check ping_ipv6 pinged 2001:db8:1::10 56
check ping_fragments_ipv4 pinged 192.0.2.10 3000
check ping_fragments_ipv6 pinged 2001:db8:1::10 3000
check echo_no unanswered
check ping_again_ipv4 pinged 192.0.2.20 60000
check ping_again_ipv6 pinged 2001:db8:1::20 60000
finish
