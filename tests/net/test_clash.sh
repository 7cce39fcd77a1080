#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# One client address and port, two services, one backend address and port: what reaches the backend
# would be one and the same 5-tuple. In `source` the two connections must not be mixed up.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  cluster_head access1 node1
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  echo "services:"
  cluster_service tcp4-one 192.0.2.10 80 tcp source 'web1: ' 8080
  cluster_service tcp4-two 198.51.100.10 80 tcp source 'web1: ' 8080
  cluster_service tcp6-one 2001:db8:1::10 80 tcp source 'web1: ' 8080
  cluster_service tcp6-two 2001:db8:2::10 80 tcp source 'web1: ' 8080
  cluster_service udp4-one 192.0.2.10 7 udp source 'web1: ' 7007
  cluster_service udp4-two 198.51.100.10 7 udp source 'web1: ' 7007
  cluster_service udp6-one 2001:db8:1::10 7 udp source 'web1: ' 7007
  cluster_service udp6-two 2001:db8:2::10 7 udp source 'web1: ' 7007
}

declare -A INPUT

# open NAME TCP|UDP ADDRESS PORT LOCAL-PORT: a conversation from the client's address and that port,
# fed by `say`; what comes back is appended to $LAB_DIR/NAME.out.
open() {
  local name=$1 type=${2}4 client=$CLIENT4 fd
  if [[ $3 == *:* ]]; then
    type=${2}6
    client=[$CLIENT6]
  fi
  rm -f "$LAB_DIR/$name".*
  mkfifo "$LAB_DIR/$name.in"
  [[ $2 == TCP ]] || touch "$LAB_DIR/$name.udp"
  # Open for reading and writing until `close`: nobody waits for the other end, nothing gets lost.
  exec {fd}<>"$LAB_DIR/$name.in"
  INPUT[$name]=$fd
  nsenter --net=/run/netns/client -- socat -T 20 -t 0.1 - \
    "$type:$(bracket "$3"):$4,bind=$client:$5,reuseaddr$([[ $2 == UDP ]] || echo ,connect-timeout=3)" \
    <&"$fd" >"$LAB_DIR/$name.out" 2>"$LAB_DIR/$name.err" &
  echo $! >"$LAB_DIR/$name.pid"
}

# say NAME TEXT
say() {
  echo "$2" >&"${INPUT[$1]}"
}

# heard NAME TEXT: whether a line of the answers ends so.
heard() {
  grep -q " $2\$" "$LAB_DIR/$1.out"
}

talk() {
  say "$1" "$2"
  wait_until 3 heard "$1" "$2" || fail "$1: no answer to '$2' $(cat "$LAB_DIR/$1.err")"
}

# The server's process of a conversation: each connection has its own.
server_of() {
  cut -d' ' -f2 "$LAB_DIR/$1.out" | sort -u
}

# close NAME...: ends conversations; in TCP it is the server that closes, so that the client may use
# its port again at once.
close() {
  local name fd
  for name in "$@"; do
    fd=${INPUT[$name]}
    say "$name" bye
    [[ ! -e $LAB_DIR/$name.udp ]] && wait_until 1 has_ended "$name" || kill "$(cat "$LAB_DIR/$name.pid")" || true
    exec {fd}>&-
  done
}

has_ended() {
  ! kill -0 "$(cat "$LAB_DIR/$1.pid")"
}

# Ten rounds, alternating; each hears its own answers alone.
both_talk() {
  local i
  for ((i = 0; i < 10; i++)); do
    talk one "to-one-$i"
    talk two "to-two-$i"
  done
  expect "lines of the first" "$(wc -l <"$LAB_DIR/one.out")" 10
  expect "lines of the second" "$(wc -l <"$LAB_DIR/two.out")" 10
  ! grep -q to-two "$LAB_DIR/one.out" || fail "the first got data of the second"
  ! grep -q to-one "$LAB_DIR/two.out" || fail "the second got data of the first"
}

own_servers() {
  expect "servers of the first" "$(server_of one | wc -l)" 1
  expect "servers of the second" "$(server_of two | wc -l)" 1
  [[ $(server_of one) != "$(server_of two)" ]] || fail "both connections have the same server"
}

# two_services TYPE ADDRESS-ONE ADDRESS-TWO PORT LOCAL-PORT
two_services() {
  local before after
  before=$(counter node1 events flow_remapped)
  open one "$1" "$2" "$4" "$5"
  talk one first
  open two "$1" "$3" "$4" "$5"
  talk two first
  after=$(counter node1 events flow_remapped)
  ((after > before)) || fail "flow_remapped was $before and is $after"
  alive_together "$1"
}

# Once both have ended, the same ports can be used again, the other way round.
again() {
  open one "$1" "$3" "$4" "$5"
  talk one first
  open two "$1" "$2" "$4" "$5"
  talk two first
  alive_together "$1"
}

# Both go on at the same time, then end.
alive_together() {
  : >"$LAB_DIR/one.out"
  : >"$LAB_DIR/two.out"
  both_talk
  [[ $1 == UDP ]] || own_servers
  close one two
}

# vip_and_direct FIRST TYPE VIP VPORT BACKEND BACKEND-PORT LOCAL-PORT: a conversation with the VIP and one
# with the backend's own port, past any VIP, whose 5-tuple at the backend would be the same; FIRST, vip or
# direct, says which is there first. The second is the one that gets another port.
vip_and_direct() {
  local before
  before=$(counter node1 events flow_remapped)
  if [[ $1 == vip ]]; then
    open one "$2" "$3" "$4" "$7"
    talk one first
    open two "$2" "$5" "$6" "$7"
  else
    open one "$2" "$5" "$6" "$7"
    talk one first
    open two "$2" "$3" "$4" "$7"
  fi
  talk two first
  (($(counter node1 events flow_remapped) > before)) || fail "flow_remapped was not counted"
  alive_together "$2"
}

# Without a clash nothing is remapped.
no_clash() {
  local before
  before=$(counter node1 events flow_remapped)
  open one TCP 192.0.2.10 80 41001
  open two TCP 198.51.100.10 80 41002
  talk one hello
  talk two hello
  expect "flow_remapped" "$(counter node1 events flow_remapped)" "$before"
  close one two
}

lab_main
write_cluster >"$CLUSTER"
for type in TCP:8080 UDP:7007; do
  start_echo node1 web1 "${type%:*}4" 10.0.1.11 "${type#*:}"
  start_echo node1 web1 "${type%:*}6" fd00:1::11 "${type#*:}"
done
lab_setup "$CLUSTER" node1 access1

check no_clash no_clash
check two_services_tcp_ipv4 two_services TCP 192.0.2.10 198.51.100.10 80 40001
check two_services_tcp_ipv6 two_services TCP 2001:db8:1::10 2001:db8:2::10 80 40002
check two_services_udp_ipv4 two_services UDP 192.0.2.10 198.51.100.10 7 40003
check two_services_udp_ipv6 two_services UDP 2001:db8:1::10 2001:db8:2::10 7 40004
check ports_used_again_tcp_ipv4 again TCP 192.0.2.10 198.51.100.10 80 40001
check vip_then_direct_tcp_ipv4 vip_and_direct vip TCP 192.0.2.10 80 10.0.1.11 8080 40005
check vip_then_direct_tcp_ipv6 vip_and_direct vip TCP 2001:db8:1::10 80 fd00:1::11 8080 40006
check vip_then_direct_udp_ipv4 vip_and_direct vip UDP 192.0.2.10 7 10.0.1.11 7007 40007
check direct_then_vip_tcp_ipv4 vip_and_direct direct TCP 192.0.2.10 80 10.0.1.11 8080 40008
check direct_then_vip_tcp_ipv6 vip_and_direct direct TCP 2001:db8:1::10 80 fd00:1::11 8080 40009
check direct_then_vip_udp_ipv4 vip_and_direct direct UDP 192.0.2.10 7 10.0.1.11 7007 40010
finish
