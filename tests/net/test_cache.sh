#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `flow_cache` and `source_limit`: UDP flows keep their backend when the table changes, a flood of new flows pushes
# none of them out; one source may open so many connections, and others are none the worse.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"
need_programs socat jq tcpdump
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

# sent_on NAME: port of the client and backend of each datagram in a capture, sorted.
sent_on() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn "udp and src portrange $FIRST_PORT-$((FIRST_PORT + FLOWS - 1)) and not src net 198.18.0.0/15" 2>/dev/null |
    awk '{ sub(/.*\./, "", $3); sub(/\.[0-9]+:$/, "", $5); print $3, $5 }' | sort -u
}

all_sent_on() {
  (($(sent_on "$1" | wc -l) >= FLOWS))
}

# backends_of TYPE ADDRESS: a datagram of each flow, and where lb_xdp sends it, a line each.
backends_of() {
  local port
  start_capture flows router to-access1 'udp and dst portrange 61000-65535'
  for ((port = FIRST_PORT; port < FIRST_PORT + FLOWS; port++)); do
    echo hello | in_ns client socat -u - "$1-SENDTO:$(bracket "$2"):53,sourceport=$port"
  done
  wait_until 10 all_sent_on flows || fail "only so many were sent on: $(sent_on flows)"
  stop_capture flows
  sent_on flows
}

# opened NAME TYPE ADDRESS: two datagrams of each flow, so that it is known.
opened() {
  backends_of "$2" "$3" >"$LAB_DIR/$1.first"
  backends_of "$2" "$3" >"$LAB_DIR/$1.second"
  expect "flows" "$(wc -l <"$LAB_DIR/$1.first")" "$FLOWS"
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
  nsenter --net=/run/netns/client -- "$FLOOD" udp 20000 192.0.2.10:54 >"$LAB_DIR/flood" &
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
  expect "flows" "$(wc -l <"$LAB_DIR/loose.now")" "$FLOWS"
  ! diff -q "$LAB_DIR/loose.first" "$LAB_DIR/loose.now" || fail "the change moved no flow: it shows nothing"
}

# Of flows that come after the change the new backend has some.
new_ones_spread() {
  local FIRST_PORT=41001
  backends_of UDP4 192.0.2.10 >"$LAB_DIR/new"
  grep -q ' 10.0.1.12$' "$LAB_DIR/new" || fail "no new flow goes to the new backend: $(<"$LAB_DIR/new")"
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

# While the flood comes: rates, of the backend and of its service alike, and no others.
rates() {
  nsenter --net=/run/netns/client -- "$FLOOD" udp 5000 192.0.2.10:54 >"$LAB_DIR/flood" &
  local flood=$! json
  json=$(xdplb access1 status --json --interval 2)
  kill "$flood"
  wait "$flood" || true
  expect "services with packets" "$(jq -r '[.services[] | select(.per_second.packets > 0) | .name] | join(" ")' \
    <<<"$json")" flooded
  expect "new flows and packets" "$(jq -r '.services[] | select(.name == "flooded") | [.per_second,
    .backends[0].per_second] | .[0] == .[1] and (.[0] | .new_flows > 1000 and
    ([.new_flows / .packets, .bytes / .packets / 42] | all(. > 0.95 and . < 1.05)))' \
    <<<"$json")" true
  xdplb access1 status --interval 0.1 | grep -q 'flows/s' || fail "no rates in the text"
}

trace_tells() {
  expect "choice" "$(xdplb access1 trace --json udp "10.0.0.2:$FIRST_PORT" 192.0.2.10:53 | jq -r .chosen)" \
    "the flow is remembered"
}

lab_main
for i in 100 101; do
  lab_address client eth0 "10.0.0.$i/24"
done
# The flood's sources.
ip -n router route add 198.18.0.0/15 via 10.0.0.2
# One key always, by which no two of the test's flows have the same place as newcomers.
(
  umask 077
  echo 000102030405060708090a0b0c0d0e0f >"$LAB_DIR/cluster.key"
)
write_cluster 'web1: , web2: ' >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_web web1 web2
check opened opened kept UDP4 192.0.2.10
check opened_ipv6 opened kept6 UDP6 2001:db8:1::10
check opened_loose opened loose UDP4 192.0.2.20
check status status_tells
check flood flood
check rates rates
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
