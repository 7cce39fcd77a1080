#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `xdplb-load trace`: it names the backend to which a client's connection then goes, and why a client is
# not served.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  cluster_main
  cluster_service by4 192.0.2.10 80 tcp source 'web1: , web2: , web3: ' 8080
  echo "    deny: [10.7.0.0/16]"
  cluster_service by6 2001:db8:1::10 80 tcp source 'web1: , web2: , web3: ' 8080
}

trace() {
  xdplb access1 trace tcp "$1" "$2" --json
}

# goes_there CLIENT VIP FIRST_PORT: from each of eight ports the answer comes from the backend that trace has named.
goes_there() {
  local port json backend answer seen=
  for ((port = $3; port < $3 + 8; port++)); do
    json=$(trace "$1:$port" "$(bracket "$2"):80")
    expect agrees "$(jq -r '"\(.agrees) \(.verdict)"' <<<"$json")" "true sent"
    expect "the program's destination" "$(jq -r .program.to <<<"$json")" "$(jq -r .member.to <<<"$json")"
    backend=$(jq -r .member.backend <<<"$json")
    answer=$(in_ns client timeout 10 curl -s --noproxy '*' --max-time 5 --local-port "$port" "$(url "$2")")
    expect "who answers port $port" "$(awk 'NR == 1 { print $1 }' <<<"$answer")" "$backend"
    seen+="$backend"$'\n'
  done
  (($(sort -u <<<"$seen" | wc -w) > 1)) || fail "all ports go to $seen"
}

denied() {
  local json
  json=$(trace 10.7.0.1:50000 192.0.2.10:80)
  expect denied "$(jq -r '"\(.verdict) \(.reason) \(.program.verdict) \(.agrees)"' <<<"$json")" \
    "dropped source_denied dropped true"
}

# The owner that is in maintenance is told of, and the next one is chosen.
next_owner() {
  local first json
  first=$(trace 10.0.0.100:50001 192.0.2.10:80 | jq -r .member.backend)
  xdplb access1 health set "$first" maint >/dev/null
  json=$(trace 10.0.0.100:50001 192.0.2.10:80)
  xdplb access1 health set "$first" auto >/dev/null
  expect "first owner" "$(jq -r '.owners[0] | "\(.backend) \(.health) \(.usable)"' <<<"$json")" "$first maint false"
  expect agrees "$(jq -r '"\(.agrees) \(.chosen)"' <<<"$json")" "true owner"
  [[ $(jq -r .member.backend <<<"$json") != "$first" ]] || fail "$first is chosen all the same"
}

not_ours() {
  local json
  json=$(trace 10.0.0.100:50001 192.0.2.10:81)
  expect "another port" "$(jq -r '"\(.verdict) \(.why) \(.agrees)"' <<<"$json")" \
    "passed a VIP, but no service at this port true"
  json=$(trace 10.0.0.100:50001 192.0.2.99:80)
  expect "another address" "$(jq -r '"\(.verdict) \(.why) \(.agrees)"' <<<"$json")" "passed no VIP true"
}

wrong_words() {
  local status=0
  xdplb access1 trace tcp 10.0.0.1 192.0.2.10:80 2>"$LAB_DIR/trace.err" || status=$?
  expect "exit status" "$status" 2
  has 'found 10.0.0.1, expected an address and a port' cat "$LAB_DIR/trace.err"
}

# handed NODE CLIENT:PORT: what a service node would do with the flow's packets, of each of its backends a line:
# name, itself, whether the program agrees, where it went, and who is asked in turn.
handed() {
  xdplb "$1" trace tcp "$2" 192.0.2.10:80 --json |
    jq -r '.hand_over[] | [.backend, .to, .agrees, .program.to // "stays", (.next[] | .to)] | join(" ")'
}

# The owner by the tables of service nodes is the one that the access node has chosen; whoever is not it hands to
# it first; it itself to the second one.
service_nodes() {
  local port json owner second name to agrees went next
  for ((port = 51000; port < 51008; port++)); do
    json=$(trace "10.0.0.100:$port" 192.0.2.10:80)
    owner=$(jq -r .member.to <<<"$json")
    second=$(xdplb node2 trace tcp "10.0.0.100:$port" 192.0.2.10:80 --json | jq -r '.hand_over[0].tables[0].second.to')
    expect "tables of node1" "$(xdplb node1 trace tcp "10.0.0.100:$port" 192.0.2.10:80 --json |
      jq -r '.hand_over[0].tables[0] | "\(.table_hash) \(.first.to)"')" \
      "$(jq -r .service.table_hash <<<"$json") $owner"
    while read -r name to agrees went next; do
      expect "$name agrees" "$agrees" true
      [[ $to == "$owner" ]] || expect "from $name port $port goes to" "$went $next" "$owner $owner${next#"$owner"}"
      [[ $to != "$owner" ]] || expect "from the owner it goes to" "$went" "$second"
    done < <(handed node1 "10.0.0.100:$port" && handed node2 "10.0.0.100:$port")
  done
}

# One more table after a change, the one of before second; the chain has whom it says.
generations() {
  local before json
  before=$(xdplb node2 trace tcp 10.0.0.100:51000 192.0.2.10:80 --json | jq -r '.hand_over[0].tables[0].table_hash')
  sed -i 's/web1: , web2: , web3: /web1: {weight: 5}, web2: , web3: /' "$CLUSTER"
  for node in node1 node2 access1; do
    xdplb "$node" apply "$CLUSTER" >/dev/null
  done
  json=$(xdplb node2 trace tcp 10.0.0.100:51000 192.0.2.10:80 --json)
  expect "tables" "$(jq -r '.hand_over[0].tables | "\(length) \(.[1].table_hash)"' <<<"$json")" "2 $before"
  expect agrees "$(jq -r '.agrees, .hand_over[].agrees' <<<"$json" | sort -u)" true
}

# A connection that is there: packets stay with its backend, and with no other.
connected() {
  local backend line found
  nsenter --net=/run/netns/client -- socat -u TCP:192.0.2.10:80,bind=10.0.0.100:51500 "OPEN:$LAB_DIR/none,creat" &
  wait_until 5 is_connected || fail "no connection"
  backend=$(trace 10.0.0.100:51500 192.0.2.10:80 | jq -r .member.backend)
  for line in $(handed node1 10.0.0.100:51500 | tr ' ' ,) $(handed node2 10.0.0.100:51500 | tr ' ' ,); do
    found=$(cut -d, -f4 <<<"$line")
    if [[ $line == "$backend,"* ]]; then
      expect "of $backend" "$found" "$(stays "$backend")"
    else
      expect "of ${line%%,*}" "$found" "$(trace 10.0.0.100:51500 192.0.2.10:80 | jq -r .member.to)"
    fi
  done
}

is_connected() {
  has 51500 in_ns client ss -Htn state established
}

# Where the program leaves a packet: at the backend's own port.
stays() {
  case $1 in
  web1) echo 10.0.1.11:8080 ;;
  web2) echo 10.0.2.11:8080 ;;
  web3) echo 10.0.1.12:8080 ;;
  esac
}

handover_text() {
  has 'table 0: [0-9a-f]{16}, [0-9]+ buckets, by flow: 10\.0\.' xdplb node1 trace tcp 10.0.0.100:51000 192.0.2.10:80
  has 'node_tc itself: .*: the same' xdplb node1 trace tcp 10.0.0.100:51000 192.0.2.10:80
  has 'no backend of this node has that VIP' xdplb node1 trace tcp 10.0.0.100:51000 192.0.2.99:80
}

text() {
  has 'lb_xdp itself, in by .*: sent, to 10\.0\.[12]\.1[12]:[0-9]+, mark 0x[0-9a-f]+: the same' \
    xdplb access1 trace tcp 10.0.0.100:50001 192.0.2.10:80
}

lab_main
lab_address client eth0 10.0.0.100/24 fd00::100/64
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_web web1 web2 web3
CLIENT4=$(in_ns client ip -j route get 192.0.2.10 | jq -r '.[0].prefsrc')
CLIENT6=$(in_ns client ip -j route get 2001:db8:1::10 | jq -r '.[0].prefsrc')
check ipv4 goes_there "$CLIENT4" 192.0.2.10 50001
check ipv6 goes_there "[$CLIENT6]" 2001:db8:1::10 50101 # a port may serve one family only, for a while
check denied denied
check next_owner next_owner
check not_ours not_ours
check text text
check service_nodes service_nodes
check generations generations
check connected connected
check handover_text handover_text
check wrong_words wrong_words
finish
