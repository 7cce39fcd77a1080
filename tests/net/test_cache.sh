#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `flow_cache` and `source_limit`: UDP flows keep their backend when the table changes, a flood of new flows pushes
# none of them out; one source may open so many connections, and others are none the worse.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs socat jq
FLOOD=$LAB_ROOT/build/tests/net/handover/flood

FIRST_PORT=40001
FLOWS=24

# write_cluster BACKENDS
write_cluster() {
  cluster_main | sed '/^services:/i capacities: {cached_flows: 16384}'
  cluster_service kept 192.0.2.10 53 udp source "$1" 9000
  echo "    flow_cache: yes"
  cluster_service kept6 2001:db8:1::10 53 udp source "$1" 9000
  echo "    flow_cache: yes"
  cluster_service loose 192.0.2.20 53 udp source "$1" 9000
  cluster_service flooded 192.0.2.10 54 udp source 'web3: ' 9999
  echo "    flow_cache: yes"
  cluster_service limited 192.0.2.10 80 tcp source 'web1: , web2: ' 8080
  echo "    source_limit: {rate: 1/m, burst: 3}"
}

# ask_from PORT TYPE ADDRESS: which backend answers a datagram from this port.
ask_from() {
  local try answer
  # The echo of socat loses one at times, when many come at once.
  for try in 1 2 3; do
    answer=$(echo "$try" | in_ns client timeout 10 socat -t 2 - "$2:$(bracket "$3"):53,sourceport=$1,shut-none")
    [[ -z $answer ]] || break
  done
  cut -d' ' -f1 <<<"$answer"
}

# backends_of TYPE ADDRESS: of all flows, a line each.
backends_of() {
  local port asking=()
  for ((port = FIRST_PORT; port < FIRST_PORT + FLOWS; port++)); do
    ask_from "$port" "$1" "$2" >"$LAB_DIR/answer.$port" &
    asking+=($!)
  done
  wait "${asking[@]}" || true
  for ((port = FIRST_PORT; port < FIRST_PORT + FLOWS; port++)); do
    echo "$port $(<"$LAB_DIR/answer.$port")"
  done
}

# opened NAME TYPE ADDRESS: two datagrams of each flow, so that it is known; all by some backend.
opened() {
  backends_of "$2" "$3" >"$LAB_DIR/$1.first"
  backends_of "$2" "$3" >"$LAB_DIR/$1.second"
  expect "answers" "$(grep -c web "$LAB_DIR/$1.first")" "$FLOWS"
  diff "$LAB_DIR/$1.first" "$LAB_DIR/$1.second" || fail "moved without a cause"
}

new_flows() {
  status_of access1 ".services[] | select(.name == \"$1\") | .new_flows"
}

has_flooded() {
  (($(new_flows flooded) >= 40000))
}

# More new flows than there are places in all.
flood() {
  in_ns client "$FLOOD" udp 20000 192.0.2.10:54 >"$LAB_DIR/flood" &
  local flood=$!
  wait_until 60 has_flooded || fail "only $(new_flows flooded) new flows"
  kill "$flood"
  wait "$flood" || true
}

# all_stay NAME TYPE ADDRESS
all_stay() {
  backends_of "$2" "$3" | diff "$LAB_DIR/$1.first" - || fail "flows have moved"
}

some_move() {
  backends_of UDP4 192.0.2.20 >"$LAB_DIR/loose.now"
  expect "answers" "$(grep -c web "$LAB_DIR/loose.now")" "$FLOWS"
  ! diff -q "$LAB_DIR/loose.first" "$LAB_DIR/loose.now" || fail "the change moved no flow: it shows nothing"
}

# Of flows that come after the change the new backend has some.
new_ones_spread() {
  local FIRST_PORT=41001
  backends_of UDP4 192.0.2.10 >"$LAB_DIR/new"
  grep -q web3 "$LAB_DIR/new" || fail "no new flow goes to the new backend: $(<"$LAB_DIR/new")"
}

# answered ADDRESS: how many of five new connections.
answered() {
  in_ns client timeout 20 curl -s --noproxy '*' --max-time 0.5 --interface "$1" -H 'Connection: close' \
    -w '%{http_code}\n' -o "$LAB_DIR/page" "$(url 192.0.2.10)?[1-5]" | grep -c 200 || true
}

limited() {
  local before
  before=$(status_of access1 '.drops.source_limit // 0')
  expect "connections of one source" "$(answered 10.0.0.100)" 3
  expect "connections of another" "$(answered 10.0.0.101)" 3
  (($(status_of access1 '.drops.source_limit // 0') - before >= 4)) || fail "source_limit is not counted"
}

status_tells() {
  expect "limit" "$(status_of access1 '.services[] | select(.name == "limited") | .source_limit |
    "\(.per_second * 60 | round) \(.burst)"')" "1 3"
  expect "new flows" "$(new_flows kept)" "$FLOWS"
  (($(status_of access1 .flow_cache.flows) >= 2 * FLOWS)) || fail "$(status_of access1 .flow_cache)"
  xdplb access1 status | grep -q '^Flow cache: .* places' || fail "status says nothing of the cache"
}

trace_tells() {
  expect "choice" "$(xdplb access1 trace --json udp "10.0.0.2:$FIRST_PORT" 192.0.2.10:53 | jq -r .chosen)" \
    "the flow is remembered"
}

start_all() {
  local name node net host
  start_web web1 web2
  while read -r name node net host; do
    start_echo "$node" "$name" UDP4 "10.0.$net.$host" 9000
    start_echo "$node" "$name" UDP6 "fd00:$net::$host" 9000
  done <<<$'web1 node1 1 11\nweb2 node2 2 11\nweb3 node1 1 12'
}

lab_main
for i in 100 101; do
  lab_address client eth0 "10.0.0.$i/24"
done
# The flood's sources.
ip -n router route add 198.18.0.0/15 via 10.0.0.2
write_cluster 'web1: , web2: ' >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_all
check opened opened kept UDP4 192.0.2.10
check opened_ipv6 opened kept6 UDP6 2001:db8:1::10
check opened_loose opened loose UDP4 192.0.2.20
check status status_tells
check flood flood
write_cluster 'web1: , web2: , web3: ' >"$CLUSTER"
check apply_on_node xdplb node1 apply "$CLUSTER"
check apply xdplb access1 apply "$CLUSTER"
check established_stay all_stay kept UDP4 192.0.2.10
check established_stay_ipv6 all_stay kept6 UDP6 2001:db8:1::10
check without_a_cache some_move
check new_ones_spread new_ones_spread
check trace trace_tells
check limited limited
finish
