#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `quic`: packets whose connection id names a backend reach it from any address and port; others go by their
# flow. What is sent has the shape of QUIC packets and nothing in them: the balancer sees no more.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml
CONFIG=5

write_cluster() {
  cluster_head access1 node1 node2
  cluster_backends
  echo "services:"
  cluster_service quic4 192.0.2.10 443 udp source 'web1: , web2: ' 4433
  echo "    quic: $CONFIG"
  cluster_service quic6 2001:db8:1::10 443 udp interface 'web1: , web2: '
  echo "    quic: $CONFIG"
}

# server_id SERVICE BACKEND: as quic-id tells it, which needs no node.
server_id() {
  "$XDPLB_LOAD" quic-id "$CLUSTER" "$2" --json |
    jq -r --arg service "$1" '.[] | select(.service == $service) | .server_id'
}

# send HEADER SERVER-ID VIP PORT: from the client's port; who answers. An id of 9 octets: its first one,
# the server id, four of the server's own.
send() {
  local type=UDP4 hex
  [[ $3 == *:* ]] && type=UDP6
  hex=$1$(printf '%02x' $((CONFIG << 5 | 8)))${2}41424344
  # shellcheck disable=SC2001
  printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")data\n" |
    in_ns client timeout 5 socat -T 1 -t 1 - "$type:$(bracket "$3"):443,sourceport=$4" |
    head -n 1 | cut -d' ' -f1
}

# follows SERVICE VIP BACKEND: from ten ports, by both kinds of header.
follows() {
  local id port routed
  id=$(server_id "$1" "$3")
  [[ $id =~ ^[0-9a-f]{8}$ ]] || fail "server id of $3: '$id'"
  routed=$(counter access1 events quic_routed)
  for port in $(seq 30000 30009); do
    expect "short header, port $port" "$(send 40 "$id" "$2" "$port")" "$3"
    expect "long header, port $port" "$(send e00000000109 "$id" "$2" "$port")" "$3"
  done
  expect "quic_routed" "$(counter access1 events quic_routed)" $((routed + 20))
}

# Whose ids they are nobody knows: both backends are met, by flow, and that is counted.
by_flow() {
  local port unknown seen=""
  unknown=$(counter access1 events quic_unknown)
  for port in $(seq 31000 31011); do
    seen+="$(send 40 00112233 192.0.2.10 "$port") "
  done
  [[ $seen == *web1* && $seen == *web2* ]] || fail "only one backend was seen: $seen"
  expect "quic_unknown" "$(counter access1 events quic_unknown)" $((unknown + 12))
}

health_is_obeyed() {
  local id
  id=$(server_id quic4 web1)
  xdplb access1 health set web1 down
  expect "who has it while web1 is down" "$(send 40 "$id" 192.0.2.10 32000)" web2
  xdplb access1 health set web1 draining
  expect "who has it while web1 drains" "$(send 40 "$id" 192.0.2.10 32001)" web1
  xdplb access1 health set web1 auto
}

# traced SERVICE VIP BACKEND: what `trace` says of a packet with an id of the backend, and lb_xdp with it.
traced() {
  local json cid
  cid=$(printf '%02x' $((CONFIG << 5 | 8)))$(server_id "$1" "$3")41424344
  json=$(xdplb access1 trace udp "$4" "$(bracket "$2"):443" "$cid" --json)
  expect "chosen" "$(jq -r .chosen <<<"$json")" "by connection id"
  expect "backend" "$(jq -r .member.backend <<<"$json")" "$3"
  expect "agrees" "$(jq -r .agrees <<<"$json")" true
}

lab_main
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
for i in 1 2; do
  start_echo "node$i" "web$i" UDP4 "10.0.$i.11" 4433
  start_echo "node$i" "web$i" UDP6 2001:db8:1::10 443
done
check web1_ipv4 follows quic4 192.0.2.10 web1
check web2_ipv4 follows quic4 192.0.2.10 web2
check web1_ipv6 follows quic6 2001:db8:1::10 web1
check web2_ipv6 follows quic6 2001:db8:1::10 web2
check by_flow by_flow
check trace_web1_ipv4 traced quic4 192.0.2.10 web1 10.0.0.100:30000
check trace_web2_ipv4 traced quic4 192.0.2.10 web2 10.0.0.100:30000
check trace_web2_ipv6 traced quic6 2001:db8:1::10 web2 '[fd00::100]:30000'
check health health_is_obeyed
check apply_again expect "apply" "$(xdplb access1 apply "$CLUSTER")" "access1: nothing to change"
finish
