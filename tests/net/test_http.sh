#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Real clients and servers over the hooks of the uplinks: both ways to restore, both families.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

TO_CLIENT="dst host $CLIENT4 or dst host $CLIENT6"

write_cluster() {
  local both='web1: , web2: ' one='web1: '
  cluster_main
  cluster_service web4-source 192.0.2.10 80 tcp source "$both" 8080
  cluster_service web4-interface 192.0.2.20 80 tcp interface "$both"
  cluster_service web6-source 2001:db8:1::10 80 tcp source "$both" 8080
  cluster_service web6-interface 2001:db8:1::20 80 tcp interface "$both"
  # The same backend address and port behind other VIPs and other ports.
  cluster_service second4 198.51.100.10 80 tcp source "$one" 8080
  cluster_service third4 198.51.100.11 80 tcp source "$one" 8080
  cluster_service fourth4 192.0.2.10 81 tcp source "$one" 8080
  cluster_service second6 2001:db8:2::10 80 tcp source "$one" 8080
  cluster_service third6 2001:db8:1::10 81 tcp source "$one" 8080
  cluster_service echo4-source 192.0.2.10 7 udp source "$one" 7007
  cluster_service echo4-interface 192.0.2.20 7 udp interface "$one"
  cluster_service echo6-source 2001:db8:1::10 7 udp source "$one" 7007
  cluster_service echo6-interface 2001:db8:1::20 7 udp interface "$one"
  cluster_service echo4-second 198.51.100.10 7 udp source "$one" 7007
  cluster_service echo6-second 2001:db8:2::10 7 udp source "$one" 7007
}

start_servers() {
  head -c 100000000 /dev/urandom >"$LAB_DIR/files/big"
  sha256sum <"$LAB_DIR/files/big" >"$LAB_DIR/big.sum"
  start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080' 80 '[::]:80'
  start_nginx node2 web2 10.0.2.11:8080 '[fd00:2::11]:8080' 80 '[::]:80'
  start_echo node1 echo1 UDP4 10.0.1.11 7007
  start_echo node1 echo1 UDP6 fd00:1::11 7007
}

# A UDP server that is bound to no address answers from the one the route tells, not from the VIP: it
# has to be bound to the VIP (or use IP_PKTINFO), and that only works where the VIP is local.
start_servers_of_vips() {
  start_echo node1 echo1-vip UDP4 192.0.2.20 7
  start_echo node1 echo1-vip UDP6 2001:db8:1::20 7
}

# http VIP: every request answered, each backend used, the client's address kept, replies from the VIP
# past the access node.
http() {
  local vip=$1 answers=$LAB_DIR/answers.http client
  client=$CLIENT4
  [[ $vip == *:* ]] && client=$CLIENT6
  start_capture client client eth0 tcp
  start_capture access router to-access1 'ip or ip6'
  http_new 40 "$(url "$vip")" >"$answers"
  http_kept 10 "$(url "$vip")" >>"$answers"
  stop_capture client
  stop_capture access
  expect "requests answered" "$(awk '$3 == 200' "$answers" | wc -l)" 50
  expect "backends" "$(cut -d' ' -f1 "$answers" | sort -u | paste -sd' ')" "web1 web2"
  expect "client as the backends see it" "$(cut -d' ' -f2 "$answers" | sort -u)" "$client"
  expect "source seen by the client" "$(sources_seen client "$TO_CLIENT")" "$vip"
  expect "replies through the access node" "$(count_packets access "$TO_CLIENT")" 0
  (($(count_packets access "dst host $vip") >= 50)) || fail "the access node saw no requests"
}

download() {
  in_ns client curl -sS --max-time 30 "$(url "$1" 80 /files/big)" | sha256sum |
    cmp -s - "$LAB_DIR/big.sum" || fail "what was downloaded is not what the server has"
}

upload() {
  local file=$LAB_DIR/upload.$1 stored
  head -c 20000000 "$LAB_DIR/files/big" >"$file"
  in_ns client curl -sSf --max-time 30 -T "$file" "$(url "$1" 80 "/upload/$1")"
  # Whichever backend got it.
  stored=$(find "$LAB_DIR" -path "*/upload/$1")
  cmp -s "$file" "$stored" || fail "what the server has is not what was uploaded"
}

# echo_udp VIP SERVER
echo_udp() {
  local i answer
  start_capture client client eth0 udp
  start_capture access router to-access1 udp
  for i in 1 2 3 4 5; do
    answer=$(udp_ask client "$1" 7 "hello $i") || fail "datagram $i was not answered"
    [[ $answer =~ ^"$2 "[0-9]+" hello $i"$ ]] || fail "datagram $i was answered with '$answer'"
  done
  stop_capture client
  stop_capture access
  expect "source seen by the client" "$(sources_seen client "$TO_CLIENT")" "$1"
  expect "replies through the access node" "$(count_packets access "$TO_CLIENT")" 0
}

# resets_seen CAPTURE: resets, but for one to each further acknowledgement of the connection's own end: a kernel sends
# that again when a packet overtakes an older one on the way to it, and the other side has forgotten the connection
# then. A reset over somebody else's packet has that one's numbers. They are compared as numbers: mawk writes those of
# 2^31 and more as 3.6143e+09 where it compares strings.
resets_seen() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn -S -t tcp 2>/dev/null | awk '
    function after(word) {
      if (!match($0, " " word " [0-9]+"))
        return -1
      return substr($0, RSTART + length(word) + 2, RLENGTH - length(word) - 2) + 0
    }
    { to = $4; sub(/:$/, "", to); flow = $2 " " to; back = to " " $2 }
    /Flags \[F/ { ended[flow] = (after("seq") + 1) % 4294967296 }
    /Flags \[\.\].* length 0$/ && back in ended && after("ack") == ended[back] { acks[back]++ }
    /Flags \[R/ && !(flow in ended && after("seq") == ended[flow] && ++resets[flow] < acks[flow])'
}

# one_port ADDRESS/PORT...: all at the same time, all served by the same backend and port. The client's
# sockets take only what comes from where they sent to; the capture sees what they would hide.
one_port() {
  local spec pids=() vips=()
  start_capture client client eth0 tcp
  for spec in "$@"; do
    vips+=("${spec%/*}")
    http_new 100 "$(url "${spec%/*}" "${spec#*/}")" >"$LAB_DIR/answers.${spec//[\/:]/-}" &
    pids+=($!)
  done
  wait "${pids[@]}"
  stop_capture client
  for spec in "$@"; do
    expect "answers at $spec" \
      "$(awk '$1 == "web1" && $3 == 200' "$LAB_DIR/answers.${spec//[\/:]/-}" | wc -l)" 100
  done
  expect "sources seen by the client" "$(sources_seen client "$TO_CLIENT")" \
    "$(printf '%s\n' "${vips[@]}" | sort -u | paste -sd, -)"
  # Nothing a reply must not be: no reset, by either side.
  expect "resets" "$(resets_seen client)" ""
}

two_vips_udp() {
  local i
  start_capture client client eth0 udp
  for i in 1 2 3 4 5; do
    [[ $(udp_ask client "$1" 7 "first $i") == *" first $i" ]] || fail "no answer from $1"
    [[ $(udp_ask client "$2" 7 "second $i") == *" second $i" ]] || fail "no answer from $2"
  done
  stop_capture client
  expect "sources seen by the client" "$(sources_seen client "$TO_CLIENT")" \
    "$(printf '%s\n' "$1" "$2" | sort -u | paste -sd, -)"
}

# direct ADDRESS: the backend's own port, past any VIP, in the same lab.
direct() {
  local before after
  before=$(counter node1 drops direct_clash)
  start_capture client client eth0 tcp
  expect "answers" "$(http_new 40 "$(url "$1" 8080)" | grep -c '^web1 .* 200 ')" 40
  stop_capture client
  expect "source seen by the client" "$(sources_seen client "$TO_CLIENT")" "$1"
  after=$(counter node1 drops direct_clash)
  expect "direct connections refused" "$after" "$before"
}

direct_udp() {
  expect "answer" "$(udp_ask client "$1" 7007 direct | cut -d' ' -f1,3)" "echo1 direct"
}

# Connections of the backend itself are nobody's business.
outgoing() {
  start_nginx client from-client 10.0.0.2:8000
  expect "answer" "$(in_ns node1 curl -s --max-time 5 http://10.0.0.2:8000/)" "from-client 10.0.1.2 "
}

# no_service VIP: another port of a VIP is nobody's: an ICMP error answers, and the packet goes no second time
# to the access node (it would go round until its TTL ended).
no_service() {
  start_capture access router to-access1 "udp or icmp or icmp6"
  in_ns client bash -c "echo x >/dev/udp/$1/4242"
  wait_until 3 unreachable_seen || fail "no ICMP error came"
  stop_capture access
  expect "crossings of the access node's link" "$(count_packets access "udp dst port 4242")" 1
}

unreachable_seen() {
  (($(count_packets access "icmp[icmptype] == icmp-unreach or (icmp6 and ip6[40] == 1)") > 0))
}

no_drops() {
  local node
  for node in access1 node1 node2; do
    expect "drops of $node" "$(status_of "$node" '.drops | length')" 0
  done
}

lab_main
# What is left to a NIC is computed here, as one would, so that the client sees whether it was left right.
in_ns router ethtool -K to-client tx off >/dev/null
mkdir -p "$LAB_DIR/files"
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
start_servers

check vips_are_local start_servers_of_vips
check http_source_ipv4 http 192.0.2.10
check http_interface_ipv4 http 192.0.2.20
check http_source_ipv6 http 2001:db8:1::10
check http_interface_ipv6 http 2001:db8:1::20
check download_source_ipv4 download 192.0.2.10
check download_interface_ipv4 download 192.0.2.20
check download_source_ipv6 download 2001:db8:1::10
check download_interface_ipv6 download 2001:db8:1::20
check upload_source_ipv4 upload 192.0.2.10
check upload_interface_ipv4 upload 192.0.2.20
check upload_source_ipv6 upload 2001:db8:1::10
check upload_interface_ipv6 upload 2001:db8:1::20
check udp_source_ipv4 echo_udp 192.0.2.10 echo1
check udp_interface_ipv4 echo_udp 192.0.2.20 echo1-vip
check udp_source_ipv6 echo_udp 2001:db8:1::10 echo1
check udp_interface_ipv6 echo_udp 2001:db8:1::20 echo1-vip
check three_services_one_port_ipv4 one_port 198.51.100.10/80 198.51.100.11/80 192.0.2.10/81
check two_services_one_port_ipv6 one_port 2001:db8:2::10/80 2001:db8:1::10/81
check two_vips_one_port_udp_ipv4 two_vips_udp 192.0.2.10 198.51.100.10
check two_vips_one_port_udp_ipv6 two_vips_udp 2001:db8:1::10 2001:db8:2::10
check direct_ipv4 direct 10.0.1.11
check direct_ipv6 direct fd00:1::11
check direct_udp_ipv4 direct_udp 10.0.1.11
check direct_udp_ipv6 direct_udp fd00:1::11
check outgoing outgoing
check no_service_ipv4 no_service 192.0.2.10
check no_service_ipv6 no_service 2001:db8:1::10
check no_drops no_drops
finish
