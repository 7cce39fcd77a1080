#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What node_tc takes of a TCP download from a backend: nginx on each of two nodes serves a file of zeros
# through its uplink, one with node_tc (and lb_xdp before it) and one with nothing of ours. All stands at once and
# downloads take turns, each beside the one that it is compared with: the machine's speed changes in between by more
# than node_tc takes. Nodes share its CPUs, so that goodput falls with whatever work is added anywhere.
#
#   without  from node2, which has nothing of ours
#   direct   from node1, to the backend's own address: node_tc lets it pass, and notes the flow
#   detour   from node2, but what the client sends goes by access2, where a program that does nothing but
#            XDP_TX sends it back to the router
#   balanced from node1, to the VIP by access1: every packet of the reply gets the VIP back
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"
need_programs nginx curl

ROUNDS=${ROUNDS:-41}
MIB=${MIB:-256}

write_cluster() {
  cluster_head access1 node1
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  echo "services:"
  cluster_service web 192.0.2.10 80 tcp source "web1: " 8080
}

# goodput URL: MiB a second, to three places.
goodput() {
  in_ns client curl -sSf --max-time 120 -o /dev/null -w '%{size_download} %{speed_download}\n' \
    "$1/files/zeros" >"$LAB_DIR/speed" || die "no download from $1"
  awk -v mib="$MIB" '$1 != mib * 1048576 { exit 1 } { printf "%.3f\n", $2 / 1048576 }' "$LAB_DIR/speed"
}

# What the client sends to 10.0.2.11 goes by access2, and comes back from there. The router looks all that it
# sends up in the same two tables.
begin_detour() {
  local mac
  lab_access access2 8
  mac=$(ip -n access2 -json link show dev eth0 | jq -r '.[0].address')
  in_background access2 "$TOOLS/pps" reflect eth0 >"$LAB_DIR/reflect"
  wait_until 5 has ready cat "$LAB_DIR/reflect" || die "no reflector"
  ip -n router neigh replace 10.0.8.2 lladdr "$mac" dev to-access2 nud permanent # ARP is sent back too
  ip -n router route replace 10.0.2.11 via 10.0.8.2 dev to-access2 table 100
  ip -n router route replace 192.0.2.10 via 10.0.9.2 dev to-access1 table 100
  ip -n router rule add iif to-client table 100
}

# download NAME...: one of each, in this order.
download() {
  local name
  for name in "$@"; do
    rate[$name]=$(goodput "${urls[$name]}")
  done
}

declare -A rate urls=(
  [without]=http://10.0.2.12:8080 [detour]=http://10.0.2.11:8080
  [direct]=http://10.0.1.11:8080 [balanced]=http://192.0.2.10
)
lab_main
lab_address node2 eth0 10.0.2.12/24
write_cluster >"$CLUSTER"
mkdir -p "$LAB_DIR/files"
truncate -s "${MIB}M" "$LAB_DIR/files/zeros"
start_nginx node1 web1 10.0.1.11:8080
start_nginx node2 web2 10.0.2.11:8080 10.0.2.12:8080
begin_detour
attach_all "$CLUSTER" node1 access1 >/dev/null
download without direct detour balanced
for ((round = 0; round < ROUNDS; round++)); do
  if ((round % 2)); then
    download without direct detour balanced
  else
    download balanced detour direct without
  fi
  echo "${rate[without]} ${rate[detour]} ${rate[direct]} ${rate[balanced]}" >>"$LAB_DIR/rates"
done

column() {
  awk -v n="$1" '{ print $n }' "$LAB_DIR/rates" | median
}

# ratio COLUMN BASE
ratio() {
  awk -v n="$1" -v base="$2" '{ print $n / $base }' "$LAB_DIR/rates" | median
}

figure node_goodput_without_mib_s "$(column 1)" - "download without node_tc"
figure node_goodput_detour_mib_s "$(column 2)" - "the same, the client's packets by the access node"
figure node_goodput_direct_mib_s "$(column 3)" - "with it, not balanced"
figure node_goodput_mib_s "$(column 4)" - "with it, balanced"
figure node_goodput_direct_of_without "$(ratio 3 1)" ">= 0.95" "median of the rounds"
figure node_goodput_of_detour "$(ratio 4 2)" ">= 0.95" "balanced, of the same way without us"
figure node_goodput_of_without "$(ratio 4 1)" - "balanced, of a way that is shorter by a node"
