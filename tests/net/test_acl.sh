#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `allow` and `deny`: only some of a client's addresses are served, the others' packets are counted; an
# apply changes who is.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

# write_cluster ALLOW4 DENY6
write_cluster() {
  cluster_main
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

# While a client that is not served tries: the reason, a rate, its help; and the total that status tells.
drops_have_rates() {
  local json
  in_ns client timeout 30 curl -s --noproxy '*' --max-time 3 --interface 10.0.0.101 -o "$LAB_DIR/answer" \
    "$(url 192.0.2.10)" &
  json=$(xdplb access1 drops --json --interval 2.5)
  wait $! || true
  expect "reason that has a rate" "$(jq -r '[.drops[] | select(.per_second > 0) | .reason] | join(" ")' \
    <<<"$json")" source_denied
  expect "seconds" "$(jq '.seconds >= 2.5 and .seconds < 4' <<<"$json")" true
  expect "all reasons have a help" "$(jq '[.drops[] | .help | length > 0] | all' <<<"$json")" true
  xdplb access1 drops --interval 0 | grep -q '^source_denied .* - .*does not let in' || fail "no line"
}

# What status tells of a service is the sum over its backends, and there is something to add up.
sums() {
  status_of access1 '[.services[] | select(.packets > 0) |
    .packets == ([.backends[].packets] | add) and .bytes == ([.backends[].bytes] | add)] |
    length == 3 and all'
}

lab_main
for i in 100 101; do
  lab_address client eth0 "10.0.0.$i/24" "fd00::$i/64"
done
write_cluster '[10.0.0.100/32, 10.9.0.0/16]' "['fd00::101']" >"$CLUSTER"
lab_setup "$CLUSTER" node1 node2 access1
check servers start_web web1 web2
check allowed served 10.0.0.100 192.0.2.10
check not_allowed refused 10.0.0.101 192.0.2.10
check not_denied served fd00::100 2001:db8:1::10
check denied refused fd00::101 2001:db8:1::10
check no_list served 10.0.0.101 192.0.2.20
check status expect "clients" "$(status_of access1 \
  '[.services[] | "\(.name) \(.clients)"] | sort | join(",")')" "all4 all,by4 allow,by6 deny"
check rates drops_have_rates
check sums expect "packets and bytes" "$(sums)" true
write_cluster '[10.0.0.101]' "['fd00::/64']" >"$CLUSTER"
check apply xdplb access1 apply "$CLUSTER"
check allowed_now served 10.0.0.101 192.0.2.10
check not_allowed_now refused 10.0.0.100 192.0.2.10
check denied_now refused fd00::100 2001:db8:1::10
finish
