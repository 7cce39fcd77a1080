#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What large clusters cost the loader: how long an access node takes to bring up a file of 10,000 services
# with 10 backends each, and one of 10 services with 10,000, and to change one backend in it. Two nodes
# at the ends of one veth; the service node holds all backends, and answers every mapping query.
#
# Times are those that xdplb-load itself tells (-v): reading the file apart from all else.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

ROUNDS=${ROUNDS:-20}

# write_cluster SERVICES BACKENDS WITHOUT: each service with backends of its own, 10.64.0.0 and following;
# backend number WITHOUT (or -1) serves nothing.
write_cluster() {
  cluster_head access1 node1
  awk -v services="$1" -v backends="$2" -v without="$3" 'BEGIN {
    members = services * backends
    line = backends <= 10 ? 1024 : 1048576
    printf "capacities: {services: %d, members: %d, backends: %d, buckets: %d}\n",
      services + 16, members + 16, members + 16, (services + 16) * line
    print "backends:"
    for (i = 0; i < members; i++)
      printf "  b%d: {node: node1, addresses: [10.%d.%d.%d]}\n", i, 64 + int(i / 65536),
        int(i / 256) % 256, i % 256
    print "services:"
    for (s = 0; s < services; s++) {
      printf "  s%d:\n    vip: 198.18.%d.%d\n    port: 80\n    protocol: tcp\n", s, int(s / 256), s % 256
      print "    restore: source\n    backend_port: 8080\n    backends:"
      for (b = 0; b < backends; b++)
        if (s * backends + b != without)
          printf "      b%d:\n", s * backends + b
    }
  }'
}

lab_two() {
  lab_node access1
  lab_node node1
  lab_link access1 eth0 node1 eth0
  lab_address access1 eth0 10.0.1.1/24
  lab_address node1 eth0 10.0.1.2/24
  lab_forwards access1
  lab_xdp_peer node1 eth0
  ip -n access1 route add 10.64.0.0/10 via 10.0.1.2
}

# load NODE VERB FILE: runs it; READ and APPLIED are milliseconds.
load() {
  local said words
  said=$(xdplb "$1" "$2" "$3" -v 2>&1) || die "$2 on $1: $said"
  has '(attached|applied), [1-9]' echo "$said" || die "$2 on $1: nothing was changed: $said"
  words=$(sed -n 's/.*: read in \([0-9.]*\) ms, applied in \([0-9.]*\) ms$/\1 \2/p' <<<"$said")
  read -r READ APPLIED <<<"$words"
}

# memory KIND: bytes of the access node's maps by the kernel's account; KIND: all, or percpu.
memory() {
  local pin
  for pin in /sys/fs/bpf/xdplb/access1/*; do
    bpftool -j map show pinned "$pin" 2>/dev/null || true
  done | jq -s --arg kind "$1" 'map(select(.bytes_memlock and
    ($kind == "all" or (.type | startswith("percpu"))))) | map(.bytes_memlock) | add // 0'
}

# measure_changes NAME WITH WITHOUT: one backend goes and comes.
measure_changes() {
  local i file
  for ((i = 0; i < ROUNDS; i++)); do
    file=$3
    ((i % 2)) && file=$2
    load access1 apply "$file"
    echo "$READ" >>"$LAB_DIR/$1.read"
    echo "$APPLIED" >>"$LAB_DIR/$1.change"
  done
}

seconds() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", (a + b) / 1000 }'
}

# measure NAME SERVICES BACKENDS
measure() {
  local with=$LAB_DIR/$1.with.yaml without=$LAB_DIR/$1.without.yaml
  write_cluster "$2" "$3" -1 >"$with"
  write_cluster "$2" "$3" $(($2 * $3 / 2)) >"$without"
  load node1 attach "$with"
  figure "apply_node_$1_s" "$(seconds "$READ" "$APPLIED")" - "attach of a service node"
  load access1 attach "$with"
  figure "apply_full_$1_s" "$(seconds "$READ" "$APPLIED")" "<= 5" "attach of an access node"
  [[ $(status_of access1 '[.services[].backends[] | select(.confirmed | not)] | length') == 0 ]] ||
    die "$1: members are not confirmed"
  figure "apply_memory_$1_mib" "$(($(memory all) / 1048576))" "<= 256" "maps of the access node"
  figure "apply_memory_$1_percpu_kib" "$(($(memory percpu) / 1024))" - "of them per CPU, all CPUs"
  measure_changes "$1" "$with" "$without"
  figure "apply_read_$1_s" "$(seconds "$(median <"$LAB_DIR/$1.read")" 0)" - "reading the file"
  figure "apply_change_$1_ms" "$(median <"$LAB_DIR/$1.change")" "<= 50" "one backend, beyond reading"
  xdplb access1 detach >/dev/null
  xdplb node1 detach >/dev/null
}

lab_two
measure 10000x10 10000 10
measure 10x10000 10 10000
