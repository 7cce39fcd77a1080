#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `affinity: source`: all connections of a client's address go to one backend, those of other addresses to
# others.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

CLIENTS=12

write_cluster() {
  local members='web1: , web2: , web3: '
  cluster_main
  cluster_service by4 192.0.2.10 80 tcp source "$members" 8080
  echo "    affinity: source"
  cluster_service by6 2001:db8:1::10 80 tcp source "$members" 8080
  echo "    affinity: source"
  cluster_service flow4 192.0.2.20 80 tcp source "$members" 8080
}

# backends_of ADDRESS VIP: the different backends that answer 12 connections from this address.
backends_of() {
  in_ns client timeout 30 curl -s --noproxy '*' --max-time 5 --interface "$1" -H 'Connection: close' \
    -w '\n' "$(url "$2")?[1-12]" | awk 'NF { print $1 }' | sort -u
}

# together VIP PREFIX: one backend for each address, and not the same for all.
together() {
  local i backends all=
  for ((i = 0; i < CLIENTS; i++)); do
    backends=$(backends_of "$2$((100 + i))" "$1")
    expect "backends for $2$((100 + i))" "$(wc -w <<<"$backends")" 1
    all+="$backends"$'\n'
  done
  (($(sort -u <<<"$all" | wc -w) > 1)) || fail "all addresses go to $backends"
}

spread() {
  (($(backends_of 10.0.0.100 192.0.2.20 | wc -w) > 1)) || fail "12 connections went to one backend"
}

lab_main
for ((i = 0; i < CLIENTS; i++)); do
  lab_address client eth0 "10.0.0.$((100 + i))/24" "fd00::$((100 + i))/64"
done
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_web web1 web2 web3
check source_ipv4 together 192.0.2.10 10.0.0.
check source_ipv6 together 2001:db8:1::10 fd00::
check flow spread
check status expect "affinity" "$(status_of access1 \
  '[.services[] | "\(.name) \(.affinity)"] | sort | join(",")')" "by4 source,by6 source,flow4 flow"
finish
