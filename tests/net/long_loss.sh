#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A network that loses 30 % of what agents send each other, each way, at random, for ten minutes, with
# the defaults of `sharing`: no entry of the health map may leave `up`, not for a moment. At the end
# everything is lost, and all entries must leave it: the test would have seen it.
#
# LOSS (percent) and MINUTES make it another test.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
lab_isolate "$@"

LOSS=${LOSS:-30}
MINUTES=${MINUTES:-10}

write_cluster() {
  cluster_head access1 access2 node1 node2 | cluster_addresses
  cluster_sharing
  echo "checks:"
  echo "  http: {type: http, interval: 1s, rise: 1}"
  cluster_backends
  echo "services:"
  cluster_service web 192.0.2.10 80 tcp source 'web1: , web2: , web3: ' 8080
  echo "    check: http"
}

# lose PERCENT: of the datagrams between agents, where the router forwards them; more than 0.
lose() {
  lose_nothing
  in_ns router nft -f - <<NFT
table inet loss {
  counter passed { }
  counter lost { }
  chain forward {
    type filter hook forward priority 0;
    udp dport 7926 numgen random mod 100 <= $(($1 - 1)) counter name lost drop
    udp dport 7926 counter name passed
  }
}
NFT
}

lose_nothing() {
  printf 'table inet loss\ndelete table inet loss\n' | in_ns router nft -f -
}

counted() {
  in_ns router nft -j list counter inet loss "$1" | jq '.nftables[] | .counter? // empty | .packets'
}

all_become() {
  local backend
  for backend in web1 web2 web3; do
    becomes "$backend" "$@"
  done
}

# Only what has changed its state is younger than the loss.
none_left_up() {
  local node seconds=$1
  for node in access1 access2; do
    expect "entries of $node that were up all the time" "$(xdplb "$node" health --json |
      jq --argjson s "$seconds" '[.[] | select(.state == "up" and .age_seconds >= $s)] | length')" 3
    ! grep 'nothing was heard' "$LAB_DIR/$node.log" || fail "$node took a node for silent"
  done
}

loses_as_it_should() {
  local lost passed
  lost=$(counted lost) passed=$(counted passed)
  echo "$lost of $((lost + passed)) datagrams were lost"
  ((lost + passed >= MINUTES * 60 * 2 * 4)) || fail "only $((lost + passed)) datagrams were sent"
  ((lost * 100 >= (LOSS - 3) * (lost + passed) && lost * 100 <= (LOSS + 3) * (lost + passed))) ||
    fail "$lost of $((lost + passed)) datagrams were lost, not $LOSS %"
}

survives_loss() {
  local began=$SECONDS lasted
  lose "$LOSS"
  while ((SECONDS - began < MINUTES * 60)); do
    sleep 10
    none_left_up $((SECONDS - began))
  done
  lasted=$((SECONDS - began))
  none_left_up "$lasted"
  loses_as_it_should
}

# The same words, with everything lost.
sees_silence() {
  lose 100
  all_become unknown node_silent
  lose_nothing
  all_become up ok
}

need_programs nft
lab_main
lab_access access2 8
make_sharing_keys
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080
start_nginx node1 web3 10.0.1.12:8080
start_nginx node2 web2 10.0.2.11:8080
lab_setup "$CLUSTER" node1 node2 access1 access2
for node in access1 access2 node1 node2; do
  start_agent "$node"
done
check all_up all_become up ok
check "no entry leaves up in $MINUTES minutes with $LOSS % of the datagrams lost" survives_loss
check sees_silence sees_silence
finish
