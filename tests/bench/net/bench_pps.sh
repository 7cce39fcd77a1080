#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Packets a second over a veth: bare XDP_TX, lb_xdp and nftables' DNAT, each at the far end of a wire of
# its own, whose near end sends and counts what comes back (pps.c). All three parts of a wire share one
# CPU. Rounds take turns, and so do the wires within a round. Then lb_xdp from two CPUs at once.
#
#   node1 eth0 ---- eth0 access1   lb_xdp; node1 is the service node too, with 10 backends
#   node2 eth0 ---- eth0 reflect   XDP_TX
#   node3 eth0 ---- eth0 nft       DNAT to 10 addresses of node3
#
# nftables gets no more flows than fit into the machine's table of connections, the others a million.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

ROUNDS=${ROUNDS:-7}
SECONDS_EACH=${SECONDS_EACH:-1}
FLOWS=1000000
CPU=$(($(nproc) - 1))
PPS=$TOOLS/pps

# wire NEAR FAR NUMBER: MAC addresses as in the frames of pps, a queue for each CPU.
wire() {
  local queues
  queues="numrxqueues $(nproc) numtxqueues $(nproc)"
  lab_node "$1"
  lab_node "$2"
  # shellcheck disable=SC2086
  ip link add eth0 netns "$1" address 02:00:00:00:00:02 $queues type veth \
    peer name eth0 netns "$2" address 02:00:00:00:00:01 $queues
  ip -n "$1" link set eth0 up
  ip -n "$2" link set eth0 up
  lab_address "$1" eth0 "10.0.$3.2/24"
  lab_address "$2" eth0 "10.0.$3.1/24"
  lab_forwards "$2"
}

# backends NODE ACCESS NUMBER: 10 addresses of a node, known to its neighbour.
backends() {
  local i
  for ((i = 11; i <= 20; i++)); do
    lab_address "$1" eth0 "10.0.$3.$i/24"
    ip -n "$2" neigh replace "10.0.$3.$i" lladdr 02:00:00:00:00:02 dev eth0 nud permanent
  done
}

write_cluster() {
  local i members=
  cluster_head access1 node1
  echo "backends:"
  for ((i = 11; i <= 20; i++)); do
    echo "  b$i: {node: node1, addresses: [10.0.1.$i]}"
    members+="b$i: , "
  done
  echo "services:"
  cluster_service web 192.0.2.10 80 tcp source "$members" 8080
}

start_nft() {
  local i map=
  for ((i = 0; i < 10; i++)); do
    map+="$i : 10.0.3.$((11 + i)), "
  done
  in_ns nft nft -f - <<EOF
table ip nat {
  chain pre {
    type nat hook prerouting priority dstnat;
    ip daddr 192.0.2.10 tcp dport 80 dnat to jhash ip saddr . tcp sport mod 10 map { $map }
  }
}
EOF
  # Frames that XDP has sent are taken by a veth that polls.
  in_ns nft ethtool -K eth0 gro on >/dev/null
  # Replies are none of this, so routes back to clients are not needed, but are looked at.
  ip -n nft route add default via 10.0.3.2
  in_ns nft sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
}

# rate NODE FLOWS [CPU]: packets a second that came back; all but a hundredth must, where that is promised.
rate() {
  local pps share
  read -r pps share < <(in_ns "$1" "$PPS" send eth0 "$SECONDS_EACH" "$2" "${3:-$CPU}") || true
  awk -v pps="${pps:-0}" -v share="${share:-0}" 'BEGIN { exit !(pps > 0 && share > 0.99) }' ||
    die "$1: $pps packets a second, share $share"
  echo "$pps"
}

both_rate() {
  in_ns node1 "$PPS" pair eth0 "$SECONDS_EACH" "$FLOWS" | awk '
    $2 <= 0.99 { lost = 1 }
    { sum += $1 }
    END {
      if (NR != 2 || lost) exit 1
      printf "%.0f\n", sum
    }' || die "not all that two CPUs sent came back"
}

wire node1 access1 1
wire node2 reflect 2
wire node3 nft 3
backends node1 access1 1
backends node3 nft 3
write_cluster >"$CLUSTER"
in_background node1 "$PPS" sink eth0 >"$LAB_DIR/sink"
sink=$BACKGROUND
wait_until 5 has ready cat "$LAB_DIR/sink" || die "no sink"
attach_all "$CLUSTER" node1 access1 >/dev/null
[[ $(status_of access1 '[.services[].backends[] | select(.confirmed)] | length') == 10 ]] ||
  die "the backends are not confirmed"
kill "$sink"
wait "$sink" 2>/dev/null || true
in_background reflect "$PPS" reflect eth0 >"$LAB_DIR/reflect"
wait_until 5 has ready cat "$LAB_DIR/reflect" || die "no reflector"
start_nft
nft_flows=$(($(cat /proc/sys/net/netfilter/nf_conntrack_max) * 3 / 4))
((nft_flows < FLOWS)) || nft_flows=$FLOWS

for ((round = 0; round < ROUNDS; round++)); do
  tx=$(rate node2 $FLOWS)
  lb=$(rate node1 $FLOWS)
  nft=$(rate node3 $nft_flows)
  echo "$tx $lb $nft" >>"$LAB_DIR/rates"
done
if (($(nproc) > 1)); then
  for ((round = 0; round < ROUNDS; round++)); do
    # Each CPU alone, and both.
    first=$(rate node1 $FLOWS 0)
    both=$(both_rate)
    second=$(rate node1 $FLOWS 1)
    ((both < (first + second) * 5 / 4)) || die "two CPUs: $both packets a second, alone $first and $second: can't be"
    echo "$(((first + second) / 2)) $both" >>"$LAB_DIR/pairs"
  done
fi

column() {
  awk -v n="$1" '{ print $n }' "$LAB_DIR/rates" | median
}

ratios() {
  awk -v a="$1" -v b="$2" '{ print $a / $b }' "$3" | median
}

figure pps_xdp_tx "$(column 1)" - "bare XDP_TX, one CPU"
figure pps_lb "$(column 2)" - "lb_xdp, $FLOWS flows"
figure pps_nft_dnat "$(column 3)" - "nftables, $nft_flows flows"
figure pps_lb_of_xdp_tx "$(ratios 2 1 "$LAB_DIR/rates")" ">= 0.80" "median of the rounds"
figure pps_lb_of_nft_dnat "$(ratios 2 3 "$LAB_DIR/rates")" -
[[ ! -s $LAB_DIR/pairs ]] ||
  figure pps_lb_two_cpus "$(ratios 2 1 "$LAB_DIR/pairs")" ">= 1.8" "two CPUs at once, of one"
