#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Services of many ports: ranges, lists, all of a VIP's. One client's connections to a control port and to
# data ports reach one backend, as passive FTP needs it; UDP, fragments too; the backends' own traffic goes on
# beside it; connections are handed over; an apply changes which ports there are.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml
BOTH='web1: , web2: '

# write_cluster DATA-PORTS: those of the service ftp4.
write_cluster() {
  cluster_head access1 node1 node2
  cluster_backends
  echo "services:"
  cluster_service ftp4 192.0.2.10 "[21, $1]" tcp source "$BOTH"
  echo "    affinity: source"
  cluster_service all6 2001:db8:1::10 any tcp interface "$BOTH"
  cluster_service all4 192.0.2.10 any udp interface "$BOTH"
  cluster_service range6 2001:db8:1::10 5000-5999 udp source "$BOTH"
  cluster_service web4 192.0.2.10 80 tcp source 'web3: ' 8080
}

# get ADDRESS VIP PORT: which backend answers.
get() {
  in_ns client timeout 10 curl -sS --noproxy '*' --connect-timeout 2 --max-time 3 --interface "$1" \
    "$(url "$2" "$3")" | cut -d' ' -f1
}

# One client's connections go to one backend, whatever the port; other clients' to the other one.
passive_ftp() {
  local i port control seen=""
  for i in $(seq 100 115); do
    control=$(get "10.0.0.$i" 192.0.2.10 21)
    for port in 5000 5042 5099; do
      expect "backend of port $port for 10.0.0.$i" "$(get "10.0.0.$i" 192.0.2.10 "$port")" "$control"
    done
    seen+="$control "
  done
  [[ $seen == *web1* && $seen == *web2* ]] || fail "only one backend was seen: $seen"
}

all_ports() {
  local port
  for port in 1 21 5000 40000 61234 65535; do
    [[ $(get fd00::2 2001:db8:1::10 "$port") == web[12] ]] || fail "port $port"
  done
}

# not_served VIP PORT
not_served() {
  ! get "$CLIENT4" "$1" "$2" || fail "port $2 of $1 is served"
}

# asked ADDRESS VIP PORT: a datagram is answered by a backend, from the VIP and port it was sent to.
asked() {
  [[ $(udp_ask client "$1" "$2" "hello $2") == web[12]\ *\ "hello $2" ]] || fail "port $2 of $1"
}

udp_ports() {
  local port
  for port in 7 5001 40000 61234; do
    asked 192.0.2.10 "$port"
  done
  asked 2001:db8:1::10 5001
  asked 2001:db8:1::10 5998
}

# mirrored VIP PORT: a datagram in fragments comes back unchanged.
mirrored() {
  local type=UDP4 file=$LAB_DIR/datagram
  [[ $1 == *:* ]] && type=UDP6
  head -c 9000 /dev/urandom >"$file"
  in_ns client timeout 5 socat -b 65536 -T 3 -t 3 - "$type:$(bracket "$1"):$2" <"$file" |
    head -c 9000 >"$file.back"
  cmp "$file" "$file.back" || fail "9000 bytes to $1 did not come back as they were"
}

# start_mirror NODE ADDRESS PORT: sends every datagram back as it is.
start_mirror() {
  local address type=UDP4
  address=$(bracket "$2")
  [[ $2 == *:* ]] && type=UDP6
  nsenter --net="/run/netns/$1" -- socat -b 65536 "$type-RECVFROM:$3,bind=$address,reuseaddr,fork" \
    EXEC:cat 2>>"$LAB_DIR/mirror.log" &
  disown
  wait_until 5 listens "$1" udp "$address" "$3" || fail "no server listens at $address on $1"
}

# What goes past the access node, and what a backend opens itself from a port that is served.
own_traffic() {
  expect "backend asked directly" "$(get "$CLIENT4" 10.0.1.11 5001)" web1
  expect "what the backend itself asks" "$(in_ns node1 timeout 10 curl -sS --noproxy '*' --max-time 3 \
    --interface fd00:1::11 'http://[fd00::2]:8000/' | cut -d' ' -f1)" client
  expect "drops on node1" "$(status_of node1 '.drops | length')" 0
}

# A connection whose backend is said to be down goes on there, at the port it has.
handed_over() {
  local line name before again
  exec 3<>/dev/tcp/2001:db8:1::10/4711
  echo first >&3
  read -r -t 5 line <&3
  name=${line%% *}
  before=$(($(counter node1 events handed_over) + $(counter node2 events handed_over)))
  xdplb access1 health set "$name" down
  echo second >&3
  read -r -t 5 again <&3
  xdplb access1 health set "$name" auto
  expect "who answers" "$again" "${line% *} second"
  (($(counter node1 events handed_over) + $(counter node2 events handed_over) > before)) ||
    fail "nothing was handed over"
}

# traced PROTOCOL VIP:PORT: the service that trace names, if the program agrees.
traced() {
  xdplb access1 trace "$1" "$2" "$3" --json | jq -r 'select(.agrees) | .service.name'
}

# A backend's address that another service has, too.
refused() {
  write_cluster 5000-5099 | sed 's/backends: {web3: }/backends: {web1: }/' >"$LAB_DIR/bad.yaml"
  ! "$XDPLB_LOAD" check "$LAB_DIR/bad.yaml" 2>"$LAB_DIR/errors" || fail "it is taken"
  has "web4.backends.web1: found 10.0.1.11, which service (ftp4|all4) keeps the ports of" \
    cat "$LAB_DIR/errors"
}

# Members that stay need not be confirmed anew, and neither do mappings rest.
more_ports() {
  write_cluster 5000-5199 >"$CLUSTER"
  for node in node1 node2 access1; do
    xdplb "$node" apply "$CLUSTER"
  done
  expect "ports" "$(status_of access1 '.services[] | select(.name == "ftp4") | .ports | join(",")')" \
    "21-21,5000-5199"
  expect "resting mappings" "$(status_of node1 '[.mappings[] | select(.state == "resting")] | length')" 0
  passive_ftp
  [[ $(get "$CLIENT4" 192.0.2.10 5150) == web[12] ]] || fail "port 5150"
}

drained() {
  xdplb access1 drain web1
  for i in 1 2 3 4 5 6; do
    [[ $(udp_ask client 192.0.2.10 5001 "$i") == web2* ]] || fail "web1 got a datagram"
  done
  xdplb access1 health set web1 auto
}

lab_main
for i in $(seq 100 115); do
  lab_address client eth0 "10.0.0.$i/24" "fd00::$i/64"
done
write_cluster 5000-5099 >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
LISTEN6=()
for port in 1 21 5000 40000 61234 65535; do
  LISTEN6+=("[2001:db8:1::10]:$port")
done
check nginx1 start_nginx node1 web1 10.0.1.11:21 10.0.1.11:5000-5199 10.0.1.12:8080 \
  "${LISTEN6[@]}"
check nginx2 start_nginx node2 web2 10.0.2.11:21 10.0.2.11:5000-5199 \
  "${LISTEN6[@]}"
check nginx_client start_nginx client client '[fd00::2]:8000'
for i in 1 2; do
  for port in 7 5001 40000 61234; do
    start_echo "node$i" "web$i" UDP4 192.0.2.10 "$port"
  done
  start_echo "node$i" "web$i" UDP6 "fd00:$i::11" 5001
  start_echo "node$i" "web$i" UDP6 "fd00:$i::11" 5998
  start_echo "node$i" "web$i" TCP6 2001:db8:1::10 4711
  start_mirror "node$i" 192.0.2.10 5007
  start_mirror "node$i" "fd00:$i::11" 5007
done

check passive_ftp passive_ftp
check all_ports all_ports
check below_the_range not_served 192.0.2.10 4999
check between_the_ranges not_served 192.0.2.10 22
check a_port_of_its_own expect "backend of port 80" "$(get "$CLIENT4" 192.0.2.10 80)" web1
check udp udp_ports
check fragments4 mirrored 192.0.2.10 5007
check fragments6 mirrored 2001:db8:1::10 5007
check own_traffic own_traffic
check trace_udp expect "service" "$(traced udp 10.0.0.9:999 192.0.2.10:61234)" all4
check trace_tcp expect "service" "$(traced tcp '[fd00::9]:999' '[2001:db8:1::10]:1')" all6
check trace_single expect "service" "$(traced tcp 10.0.0.9:999 192.0.2.10:80)" web4
check handed_over in_ns client bash -c "$(declare -f)
  LAB_DIR=$LAB_DIR XDPLB_LOAD=$XDPLB_LOAD; set -e; handed_over"
check drained drained
check refused refused
check more_ports more_ports
check detach xdplb access1 detach
finish
