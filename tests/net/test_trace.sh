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
check wrong_words wrong_words
finish
