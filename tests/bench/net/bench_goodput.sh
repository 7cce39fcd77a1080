#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What node_tc takes of a TCP download from a backend: nginx serves a file of zeros through the uplink, with
# nothing of ours on the nodes, then with node_tc (and lb_xdp before it); turns are taken. Nodes share the
# machine's CPUs, so that goodput falls with whatever work is added anywhere.
#
#   direct   to the backend's own address: node_tc lets it pass, and notes the flow
#   balanced to the VIP: every packet of the reply gets the VIP back; ACKs go by the access node, which is
#            one node more on their way
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

lab_main
write_cluster >"$CLUSTER"
mkdir -p "$LAB_DIR/files"
truncate -s "${MIB}M" "$LAB_DIR/files/zeros"
start_nginx node1 web1 10.0.1.11:8080
goodput http://10.0.1.11:8080 >/dev/null
for ((round = 0; round < ROUNDS; round++)); do
  without=$(goodput http://10.0.1.11:8080)
  attach_all "$CLUSTER" node1 access1 >/dev/null 2>&1
  direct=$(goodput http://10.0.1.11:8080)
  balanced=$(goodput http://192.0.2.10)
  xdplb access1 detach >/dev/null
  xdplb node1 detach >/dev/null
  echo "$without $direct $balanced" >>"$LAB_DIR/rates"
done

column() {
  awk -v n="$1" '{ print $n }' "$LAB_DIR/rates" | median
}

ratio() {
  awk -v n="$1" '{ print $n / $1 }' "$LAB_DIR/rates" | median
}

figure node_goodput_without_mib_s "$(column 1)" - "download without node_tc"
figure node_goodput_direct_mib_s "$(column 2)" - "with it, not balanced"
figure node_goodput_mib_s "$(column 3)" - "with it, balanced"
figure node_goodput_direct_of_without "$(ratio 2)" ">= 0.95" "median of the rounds"
figure node_goodput_of_without "$(ratio 3)" ">= 0.95" "median of the rounds"
