#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What node_tc takes of a TCP download from a backend: nginx serves a file of zeros through the uplink, with
# nothing of ours on the nodes, then with node_tc (and lb_xdp before it); turns are taken. Nodes share the
# machine's CPUs, so that goodput falls with whatever work is added anywhere.
#
#   without  to the backend's own address, nothing of ours anywhere
#   detour   the same, but what the client sends goes by the access node, as in "balanced", where a program that
#            does nothing but XDP_TX sends it back to the router
#   direct   as "without": node_tc lets it pass, and notes the flow
#   balanced to the VIP: every packet of the reply gets the VIP back
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"
need_programs nginx curl

ROUNDS=${ROUNDS:-7}
MIB=${MIB:-1024}

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

# What the client sends to the backend goes by the access node, and comes back from there.
begin_detour() {
  local mac
  mac=$(ip -n access1 -json link show dev eth0 | jq -r '.[0].address')
  in_background access1 "$TOOLS/pps" reflect eth0 >"$LAB_DIR/reflect"
  wait_until 5 has ready cat "$LAB_DIR/reflect" || die "no reflector"
  ip -n router neigh replace 10.0.9.2 lladdr "$mac" dev to-access1 nud permanent # ARP is sent back too
  ip -n router route replace 10.0.1.11 via 10.0.9.2 dev to-access1 table 100
  ip -n router rule add iif to-client table 100
}

end_detour() {
  ip -n router rule del iif to-client table 100
  ip -n router neigh del 10.0.9.2 dev to-access1
  kill "$BACKGROUND"
  wait "$BACKGROUND" 2>/dev/null || true
}

lab_main
write_cluster >"$CLUSTER"
mkdir -p "$LAB_DIR/files"
truncate -s "${MIB}M" "$LAB_DIR/files/zeros"
start_nginx node1 web1 10.0.1.11:8080
goodput http://10.0.1.11:8080 >/dev/null
for ((round = 0; round < ROUNDS; round++)); do
  without=$(goodput http://10.0.1.11:8080)
  begin_detour
  detour=$(goodput http://10.0.1.11:8080)
  end_detour
  attach_all "$CLUSTER" node1 access1 >/dev/null 2>&1
  direct=$(goodput http://10.0.1.11:8080)
  balanced=$(goodput http://192.0.2.10)
  xdplb access1 detach >/dev/null
  xdplb node1 detach >/dev/null
  echo "$without $detour $direct $balanced" >>"$LAB_DIR/rates"
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
