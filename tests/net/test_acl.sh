#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `allow` and `deny`: only some of a client's addresses are served, the others' packets are counted; an
# apply changes who is.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml

# write_cluster ALLOW4 DENY6
write_cluster() {
  cluster_head access1 node1 node2
  cluster_backends
  echo "services:"
  cluster_service by4 192.0.2.10 80 tcp source 'web1: , web2: ' 8080
  echo "    allow: $1"
  cluster_service by6 2001:db8:1::10 80 tcp source 'web1: , web2: ' 8080
  echo "    deny: $2"
  cluster_service all4 192.0.2.20 80 tcp source 'web1: , web2: ' 8080
}

# served ADDRESS VIP: is there an answer?
served() {
  in_ns client timeout 10 curl -s --noproxy '*' --max-time 3 --interface "$1" -o "$LAB_DIR/answer" \
    "$(url "$2")"
}

refused() {
  local before after
  before=$(status_of access1 '.drops.source_denied // 0')
  ! in_ns client timeout 10 curl -s --noproxy '*' --max-time 0.5 --interface "$1" -o "$LAB_DIR/answer" \
    "$(url "$2")" || fail "$1 is served"
  after=$(status_of access1 '.drops.source_denied // 0')
  ((after > before)) || fail "source_denied: $before, then $after"
}

lab_main
for i in 100 101; do
  lab_address client eth0 "10.0.0.$i/24" "fd00::$i/64"
done
write_cluster '[10.0.0.100/32, 10.9.0.0/16]' "['fd00::101']" >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080'
check servers2 start_nginx node2 web2 10.0.2.11:8080 '[fd00:2::11]:8080'
check allowed served 10.0.0.100 192.0.2.10
check not_allowed refused 10.0.0.101 192.0.2.10
check not_denied served fd00::100 2001:db8:1::10
check denied refused fd00::101 2001:db8:1::10
check no_list served 10.0.0.101 192.0.2.20
check status expect "clients" "$(status_of access1 \
  '[.services[] | "\(.name) \(.clients)"] | sort | join(",")')" "all4 all,by4 allow,by6 deny"
write_cluster '[10.0.0.101]' "['fd00::/64']" >"$CLUSTER"
check apply xdplb access1 apply "$CLUSTER"
check allowed_now served 10.0.0.101 192.0.2.10
check not_allowed_now refused 10.0.0.100 192.0.2.10
check denied_now refused fd00::100 2001:db8:1::10
finish
