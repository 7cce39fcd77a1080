#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What attach, apply, status and detach do to a node, and what they leave alone.
# limit: 300: many applies under load, each by four programs
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

NEXT=$LAB_DIR/next.yaml
PINS=/sys/fs/bpf/xdplb
NODES="node1 node2 access1"

# Small, so that whole maps can be compared.
capacities() {
  echo "capacities: {services: 64, members: 256, backends: 64, buckets: 65536, flows: 65536}"
}

# write_cluster BACKENDS: of the two services.
write_cluster() {
  cluster_head access1 access2 node1 node2
  capacities
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  cluster_backend web2 node2 10.0.2.11 fd00:2::11
  cluster_backend web3 node1 10.0.1.12 fd00:1::12
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  echo "services:"
  cluster_service web4 192.0.2.10 80 tcp source "$1" 8080
  cluster_service web6 2001:db8:1::20 80 tcp interface 'web1: , web2: , c1: '
}

# The same file with everything in another order.
write_cluster_shuffled() {
  cluster_head node2 access2 node1 access1
  capacities
  echo "services:"
  cluster_service web6 2001:db8:1::20 80 tcp interface 'c1: , web2: , web1: '
  cluster_service web4 192.0.2.10 80 tcp source "$1" 8080
  echo "backends:"
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  cluster_backend web3 node1 10.0.1.12 fd00:1::12
  cluster_backend web2 node2 10.0.2.11 fd00:2::11
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
}

answered() {
  http_new "$2" "$(url "$1")" | grep -c ' 200 ' || true
}

# --- what a node looks like --------------------------------------------------------------------

# Addresses, qdiscs, filters, XDP programs, sysctls and pins, of everything a program might touch.
host_state() {
  local node
  for node in access1 access2 node1 node2 c1; do
    echo "= $node"
    ip -n "$node" -o address show | sed 's/ valid_lft.*//'
    ip -n "$node" -o link show | grep -o ' xdp.*prog/xdp id [0-9]*' || true
    in_ns "$node" tc qdisc show
    # shellcheck disable=SC2016
    in_ns "$node" bash -c 'for dev in $(ip -j link show | jq -r ".[].ifname"); do
      for hook in ingress egress; do tc filter show dev $dev $hook 2>/dev/null; done; done'
    in_ns "$node" sysctl -a 2>/dev/null | grep -E '^net\.ipv[46]\.(conf|ip_)' | grep -v stable_secret
  done
  find "$PINS" 2>/dev/null || true
}

# What apply has made of a node: its maps and its status, but for what traffic alone changes, when it
# was applied and which copy of a program runs.
map_state() {
  local map
  for map in "$PINS/$1"/*; do
    case $(basename "$map") in
    drops | events | member_traffic | members | node_info | undos) continue ;;
    esac
    [[ -f $map ]] || continue
    bpftool map dump pinned "$map" 2>/dev/null | sha256sum | sed "s|-|$map|"
  done
  [[ ! -e $PINS/$1/members ]] || bpftool -j map dump pinned "$PINS/$1/members" |
    jq -c 'map(.formatted | del(.value.nexthop))' | sha256sum
  xdplb "$1" status --json |
    jq 'del(.drops, .events, .applied, .hooks[].program_id,
      (.services[]?.backends[] | (.packets, .bytes, .next_hop)))'
}

detach_all() {
  local node
  for node in access1 access2 node1 node2; do
    xdplb "$node" detach
  done
}

# --- checks ------------------------------------------------------------------------------------

# The access node first: its backends are not confirmed and get nothing, until the service nodes have
# the mappings and the file is applied again.
access_before_service() {
  xdplb access1 attach "$CLUSTER" --wait 1 >"$LAB_DIR/out" 2>&1 ||
    fail "attach failed: $(tail -n 1 "$LAB_DIR/out")"
  grep -q web1 "$LAB_DIR/out" || fail "no warning names web1: $(cat "$LAB_DIR/out")"
  expect "confirmed backends" \
    "$(status_of access1 '[.services[].backends[] | select(.confirmed)] | length')" 0
  start_capture early router to-node1 "tcp and src host $CLIENT4"
  expect "requests answered" "$(answered 192.0.2.10 1)" 0
  stop_capture early
  expect "packets to an unconfirmed backend" "$(count_packets early "src host $CLIENT4")" 0
  (($(counter access1 drops no_usable_member) > 0)) || fail "no_usable_member was not counted"
  attach_all "$CLUSTER" node1 node2
  expect "requests answered before the second apply" "$(answered 192.0.2.10 1)" 0
  xdplb access1 apply "$CLUSTER" --wait 3
  expect "backends not confirmed" \
    "$(status_of access1 '[.services[].backends[] | select(.confirmed | not)] | length')" 0
  expect "requests answered" "$(answered 192.0.2.10 10)" 10
  expect "requests answered, IPv6" "$(answered 2001:db8:1::20 10)" 10
}

# twice VERB
twice() {
  local node
  for node in $NODES; do
    map_state "$node" >"$LAB_DIR/before"
    xdplb "$node" "$1" "$CLUSTER"
    map_state "$node" >"$LAB_DIR/after"
    diff "$LAB_DIR/before" "$LAB_DIR/after" || fail "$1 again changed $node"
  done
}

status_is_json() {
  xdplb access1 status --json | jq -e '
    .node == "access1" and .cluster == "lab" and (.generation | type == "number") and
    (.table_hash | type == "string") and (.drops | type == "object") and
    (.events | type == "object") and (.services | length == 2) and
    (.services[] | has("name") and has("vip") and has("port") and has("protocol") and has("restore")
      and has("table_hash")) and
    (.services[].backends[] | has("name") and has("address") and has("tag") and has("weight") and
      has("share") and has("health") and has("confirmed") and has("packets") and has("bytes"))' \
    >/dev/null || fail "status --json lacks something"
  xdplb node1 status --json | jq -e '(.mappings | length == 4) and .node == "node1"' >/dev/null ||
    fail "status --json of a service node lacks something"
  has web1 xdplb access1 status || fail "status does not name web1"
}

maps_have_names() {
  has '"tag"' bpftool map dump pinned "$PINS/access1/members" || fail "members has no tag"
  has '"state": "XDPLB_HEALTH_' bpftool map dump pinned "$PINS/access1/health" ||
    fail "health has no named states"
  has '"vport"' bpftool map dump pinned "$PINS/node1/mappings" || fail "mappings has no vport"
  has '"not_admitted"' bpftool map dump pinned "$PINS/access1/drops" || fail "drops has no names"
}

# A loop of short connections, each by a process of its own, until $LAB_DIR/stop is there. A line each:
# HTTP status, seconds, exit status of curl.
keep_asking() {
  local output status
  while [[ ! -e $LAB_DIR/stop ]]; do
    status=0
    output=$(in_ns client curl -s --noproxy '*' --retry 0 --max-time 5 -o /dev/null \
      -H 'Connection: close' -w '%{http_code} %{time_total}' "$(url "$1")") || status=$?
    echo "$output $status" >>"$2"
  done
}

# Segments that the client and the service nodes have sent a second time.
sent_again() {
  local node
  for node in client node1 node2; do
    in_ns "$node" nstat -asz --json TcpRetransSegs
  done | jq -s '[.[].kernel.TcpRetransSegs] | add'
}

# load_while CMD...: with such a loop at each VIP. No connection fails and no packet is lost: a packet
# sent again, after a second, shows in the time. (So does a machine that is slow, but then nothing is sent again.)
load_while() {
  local pids before end
  before=$(sent_again)
  rm -f "$LAB_DIR/stop" "$LAB_DIR"/load.*
  keep_asking 192.0.2.10 "$LAB_DIR/load.4" &
  pids=($!)
  keep_asking 2001:db8:1::20 "$LAB_DIR/load.6" &
  pids+=($!)
  end=$((SECONDS + 60))
  "$@"
  # While a slow machine has sent too few that could have failed: once more.
  until (($(cat "$LAB_DIR"/load.* | wc -l) >= 50)); do
    ((SECONDS <= end)) || fail "only $(cat "$LAB_DIR"/load.* | wc -l) requests were sent"
    "$@"
  done
  touch "$LAB_DIR/stop"
  wait "${pids[@]}"
  cat "$LAB_DIR"/load.* >"$LAB_DIR/load"
  (($(sent_again) == before)) ||
    expect "connections that lost a packet" "$(awk '$2 > 0.9' "$LAB_DIR/load")" ""
}

apply_everywhere() {
  local node
  for node in $NODES; do
    xdplb "$node" apply "$1" --wait 3 || fail "apply failed on $node"
  done
}

# apply_variants ROUNDS BACKENDS...
apply_variants() {
  local rounds=$1 round variants
  shift
  variants=("$@")
  for ((round = 0; round < rounds; round++)); do
    write_cluster "${variants[round % ${#variants[@]}]}" >"$NEXT"
    apply_everywhere "$NEXT"
  done
  apply_everywhere "$CLUSTER"
}

# Backends come, go and change their weight. A connection that is open while its bucket gets another
# owner is reset by that one (nothing hands it over yet): those alone may fail, and are few, since a
# request takes milliseconds. curl says 56 then, or 7 if the reset is there before it looks.
apply_under_load() {
  load_while apply_variants 20 'web1: , web2: ' 'web1: {weight: 5}, web2: , web3: ' 'web2: , web3: ' \
    'web1: {weight: 0}, web2: {weight: 7}' 'web1: , web2: {weight: 2}, web3: {weight: 3}'
  expect "requests that failed otherwise than by a reset" \
    "$(awk '$1 != 200 && $3 != 56 && $3 != 7' "$LAB_DIR/load")" ""
  expect "requests that failed to the service that stayed the same" \
    "$(awk '$1 != 200' "$LAB_DIR/load.6")" ""
  (($(awk '$1 != 200' "$LAB_DIR/load" | wc -l) <= 10)) ||
    fail "$(awk '$1 != 200' "$LAB_DIR/load" | wc -l) requests were reset"
}

# Services come and go beside those that are used; the tables of these stay as they are: nothing fails.
apply_beside_under_load() {
  load_while apply_beside
  expect "requests that failed" "$(awk '$1 != 200' "$LAB_DIR/load")" ""
}

apply_beside() {
  local round
  for ((round = 0; round < 10; round++)); do
    cp "$CLUSTER" "$NEXT"
    ((round % 2)) || cluster_service "more$round" 192.0.2.33 80 tcp source 'web1: , web2: ' 8080 >>"$NEXT"
    apply_everywhere "$NEXT"
  done
  apply_everywhere "$CLUSTER"
}

# One transfer that takes longer than some applies.
transfer_under_load() {
  local round pid
  in_ns client curl -sS --max-time 60 --limit-rate 10M "$(url 192.0.2.10 80 /files/big)" |
    sha256sum >"$LAB_DIR/transfer.sum" &
  pid=$!
  for ((round = 0; round < 5; round++)); do
    # The other service changes; this one's tables are written anew, to the same effect.
    sed "s/restore: interface/&\n    buckets: $((round % 2 ? 1021 : 2039))/" "$CLUSTER" >"$NEXT"
    apply_everywhere "$NEXT"
  done
  wait "$pid"
  apply_everywhere "$CLUSTER"
  cmp -s "$LAB_DIR/transfer.sum" "$LAB_DIR/big.sum" || fail "the transfer broke"
}

# wrong_file SED-SCRIPT EXPECTED-IN-MESSAGE: such a file is refused, and nothing has changed.
wrong_file() {
  local node status
  sed "$1" "$CLUSTER" >"$NEXT"
  ! cmp -s "$CLUSTER" "$NEXT" || fail "the file is not wrong at all"
  for node in $NODES; do
    map_state "$node" >"$LAB_DIR/before"
    status=0
    xdplb "$node" apply "$NEXT" >"$LAB_DIR/out" 2>&1 || status=$?
    expect "exit status on $node" "$status" 1
    grep -q "$2" "$LAB_DIR/out" || fail "the message is: $(cat "$LAB_DIR/out")"
    map_state "$node" >"$LAB_DIR/after"
    diff "$LAB_DIR/before" "$LAB_DIR/after" || fail "$node has changed"
  done
  expect "requests answered" "$(answered 192.0.2.10 5)" 5
}

wrong_usage() {
  local status=0
  in_ns node1 "$XDPLB_LOAD" apply >/dev/null 2>&1 || status=$?
  expect "exit status without a file" "$status" 2
  status=0
  in_ns node1 "$XDPLB_LOAD" conquer >/dev/null 2>&1 || status=$?
  expect "exit status of an unknown command" "$status" 2
}

# Two access nodes, the file's entries in another order each: the same tables; another weight: others.
order_is_nothing() {
  local backends='web1: , web2: {weight: 2}, web3: ' shuffled='web3: , web2: {weight: 2}, web1: '
  write_cluster "$backends" >"$LAB_DIR/one.yaml"
  write_cluster_shuffled "$shuffled" >"$LAB_DIR/other.yaml"
  xdplb node1 apply "$LAB_DIR/one.yaml"
  xdplb node2 apply "$LAB_DIR/other.yaml"
  xdplb access1 apply "$LAB_DIR/one.yaml"
  xdplb access2 attach "$LAB_DIR/other.yaml"
  expect "table hash of access2" "$(status_of access2 .table_hash)" "$(status_of access1 .table_hash)"
  expect "hashes of the services of access2" "$(status_of access2 '[.services[].table_hash] | join(" ")')" \
    "$(status_of access1 '[.services[].table_hash] | join(" ")')"
  # And they lead the same clients to the same backends: the router now takes the other access node.
  same_choice
  write_cluster 'web1: , web2: {weight: 3}, web3: ' >"$LAB_DIR/one.yaml"
  xdplb access1 apply "$LAB_DIR/one.yaml"
  [[ $(status_of access2 .table_hash) != "$(status_of access1 .table_hash)" ]] ||
    fail "another weight has the same table hash"
  xdplb access1 apply "$CLUSTER"
  xdplb access2 detach
}

# The client's ports 50001-50020 by either access node.
same_choice() {
  local port by_one by_other
  by_one=$(for port in {50001..50020}; do choice "$port"; done)
  lab_vips 10.0.8.2 fd00:8::2
  by_other=$(for port in {50001..50020}; do choice "$port"; done)
  lab_vips 10.0.9.2 fd00:9::2
  expect "answers by access1" "$(wc -w <<<"$by_one")" 20
  expect "answers by access2" "$(wc -w <<<"$by_other")" 20
  expect "backends by access2" "$(xargs <<<"$by_other")" "$(xargs <<<"$by_one")"
}

# linger=0: the client ends by a reset, so that it can use the port again at once.
choice() {
  printf 'GET / HTTP/1.0\r\n\r\n' |
    in_ns client timeout 5 socat -t 3 - "TCP4:192.0.2.10:80,bind=$CLIENT4:$1,reuseaddr,linger=0" 2>&1 |
    awk '/^web/ { print $1 }'
}

clean_after_detach() {
  detach_all >/dev/null
  host_state >"$LAB_DIR/after"
  diff "$LAB_DIR/host" "$LAB_DIR/after" || fail "detach left something behind"
}

detach_twice() {
  xdplb node1 detach
  xdplb access1 detach
  clean_after_detach
}

# written_digests NODE: of its tables, as apply has written them; 16 digits each. jq would round such numbers.
written_digests() {
  bpftool map dump pinned "$PINS/$1/service_infos" | sed -n 's/.*"table_hash": \([1-9][0-9]*\).*/\1/p' |
    xargs printf '%016x\n' | sort
}

# digests_are_right NODE: they are those of the tables that packets meet.
digests_are_right() {
  expect "digests of $1's tables" "$(written_digests "$1" | xargs)" \
    "$(status_of "$1" '.services[].table_hash' | sort | xargs)"
}

# Tables so large that they are digested beside: new ones, one that changes, and one that stays.
large_tables() {
  sed 's/buckets: 65536/buckets: 1048576/; s/^    protocol: tcp/&\n    buckets: 262147/' "$CLUSTER" >"$LAB_DIR/large.yaml"
  attach_all "$LAB_DIR/large.yaml" node1 node2 access1
  expect "services" "$(written_digests access1 | wc -l)" 2
  expect "buckets" "$(status_of access1 '[.services[].buckets] | join(" ")')" "262147 262147"
  digests_are_right access1
  sed 's/web2: , web3: /web2: {weight: 3}, web3: /' "$LAB_DIR/large.yaml" >"$LAB_DIR/larger.yaml"
  written_digests access1 >"$LAB_DIR/digests"
  xdplb access1 apply "$LAB_DIR/larger.yaml"
  digests_are_right access1
  expect "digests that stay" "$(written_digests access1 | comm -12 - "$LAB_DIR/digests" | wc -l)" 1
  expect "requests answered" "$(answered 192.0.2.10 20)" 20
  detach_all
}

# Programs and links have ids: with the pins gone and nothing attached they must be gone too.
nothing_stays_loaded() {
  local ids id
  attach_all "$CLUSTER" node1 node2 access1
  ids=$(find "$PINS" -type f -exec bpftool -j prog show pinned {} \; 2>/dev/null |
    jq -r '.id? // empty')
  ids+=" $(status_of access1 '.hooks[].program_id') $(status_of node1 '.hooks[].program_id')"
  detach_all
  for id in $ids; do
    wait_until 5 no_program "$id" || fail "program $id is still loaded"
  done
}

no_program() {
  ! bpftool prog show id "$1"
}

# However early an attach is killed, detach cleans up after it.
killed_attach() {
  local node delay
  for delay in 0.005 0.01 0.02 0.03 0.05 0.08 0.12 0.2; do
    for node in node1 access1; do
      nsenter --net="/run/netns/$node" -- "$XDPLB_LOAD" attach "$CLUSTER" --node "$node" \
        >/dev/null 2>&1 &
      sleep "$delay"
      kill -KILL $! 2>/dev/null || true
      wait $! || true
    done
    detach_all >/dev/null
    host_state >"$LAB_DIR/after"
    diff "$LAB_DIR/host" "$LAB_DIR/after" ||
      fail "detach left something behind of an attach killed after $delay s"
  done
}

# works_with [--xdp MODE] [--tc KIND]
works_with() {
  attach_all "$CLUSTER" node1 node2 access1 -- "$@"
  expect "requests answered" "$(answered 192.0.2.10 10)" 10
  expect "requests answered, IPv6" "$(answered 2001:db8:1::20 10)" 10
}

with_clsact() {
  works_with --tc clsact
  has bpf in_ns node1 tc filter show dev eth0 ingress || fail "no filter on eth0 ingress"
  has bpf in_ns node1 tc filter show dev veth-c1 egress || fail "no filter on veth-c1 egress"
  xdplb node1 attach "$CLUSTER" --tc clsact
  expect "filters on eth0 after attach again" \
    "$(in_ns node1 tc -j filter show dev eth0 ingress | jq '[.[] | select(.options)] | length')" 1
}

with_generic() {
  works_with --xdp generic
  has xdpgeneric ip -n access1 link show eth0 || fail "XDP is not generic"
}

# Somebody else's XDP program: attach says so and leaves it.
foreign_xdp() {
  local status=0 before
  in_ns access1 ip link set dev eth0 xdp obj "$(lab_pass_object)" sec xdp
  before=$(ip -n access1 -o link show eth0 | grep -o 'prog/xdp id [0-9]*')
  xdplb access1 attach "$CLUSTER" >"$LAB_DIR/out" 2>&1 || status=$?
  expect "exit status" "$status" 1
  grep -q eth0 "$LAB_DIR/out" || fail "the message does not name eth0: $(cat "$LAB_DIR/out")"
  expect "the program on eth0" "$(ip -n access1 -o link show eth0 | grep -o 'prog/xdp id [0-9]*')" \
    "$before"
  xdplb access1 detach >/dev/null
  expect "the program on eth0 after detach" \
    "$(ip -n access1 -o link show eth0 | grep -o 'prog/xdp id [0-9]*')" "$before"
  in_ns access1 ip link set dev eth0 xdp off
  host_state | diff "$LAB_DIR/host" - || fail "the refused attach left something behind"
}

# Somebody else's filters at the same hooks: they stay, before and after, and see our packets.
foreign_filters() {
  local object hook
  object=$(lab_pass_object)
  in_ns node1 tc qdisc add dev eth0 clsact
  for hook in ingress egress; do
    in_ns node1 tc filter add dev eth0 "$hook" prio 7 handle 9 bpf da obj "$object" sec tc
  done
  in_ns node1 tc filter show dev eth0 ingress >"$LAB_DIR/filters"
  in_ns node1 tc filter show dev eth0 egress >>"$LAB_DIR/filters"
  works_with "$@"
  for hook in ingress egress; do
    has 'pref 7 .*handle 0x9' in_ns node1 tc filter show dev eth0 "$hook" ||
      fail "attach removed the filter at $hook"
  done
  detach_all
  {
    in_ns node1 tc filter show dev eth0 ingress
    in_ns node1 tc filter show dev eth0 egress
  } | diff "$LAB_DIR/filters" - || fail "detach changed other people's filters"
  has clsact in_ns node1 tc qdisc show dev eth0 || fail "detach removed the user's clsact"
  in_ns node1 tc qdisc del dev eth0 clsact
}

check_file() {
  "$XDPLB_LOAD" check "$CLUSTER"
  "$XDPLB_LOAD" check "$LAB_ROOT/loader/examples/cluster.yaml"
}

need_programs bpftool
lab_main
lab_access access2 8
lab_container node1 c1 11 11
start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
start_nginx node1 web3 10.0.1.12:8080
start_nginx node2 web2 10.0.2.11:8080 '[::]:80'
start_nginx c1 c1 '[::]:80'
mkdir -p "$LAB_DIR/files"
head -c 20000000 /dev/urandom >"$LAB_DIR/files/big"
sha256sum <"$LAB_DIR/files/big" >"$LAB_DIR/big.sum"
write_cluster 'web1: , web2: , web3: ' >"$CLUSTER"
host_state >"$LAB_DIR/host"

check check_file check_file
check wrong_usage wrong_usage
check access_before_service access_before_service
check attach_twice twice attach
check apply_twice twice apply
check status_is_json status_is_json
check maps_have_names maps_have_names
check unknown_key_is_refused wrong_file '/backend_port/a\    colour: blue' \
  'next.yaml:[0-9]*: .*colour'
check bad_weight_is_refused wrong_file 's/web1: , web2: , web3: /web1: {weight: 1001}/' \
  'next.yaml:[0-9]*: .*weight'
check other_capacity_is_refused wrong_file 's/services: 64/services: 512/' capacit
check apply_under_load apply_under_load
check apply_beside_under_load apply_beside_under_load
check transfer_under_load transfer_under_load
check order_is_nothing order_is_nothing
check clean_after_detach clean_after_detach
check detach_twice detach_twice
check large_tables large_tables
check nothing_stays_loaded nothing_stays_loaded
check killed_attach killed_attach
check with_clsact with_clsact
check clean_after_clsact clean_after_detach
check with_generic with_generic
check clean_after_generic clean_after_detach
check foreign_xdp foreign_xdp
check foreign_filters_tcx foreign_filters
check foreign_filters_clsact foreign_filters --tc clsact
check clean_at_the_end clean_after_detach
finish
