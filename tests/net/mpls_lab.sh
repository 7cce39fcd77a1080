# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two clock nodes and two transit nodes with two links between them. Sourced after lab.sh.
#
#             .1  p1 10.1.1.0/24 .2
#   A -- a --   E1 ============ E2   -- b -- B        a: 10.1.0.0/24  b: 10.1.9.0/24
#             .1  p2 10.1.2.0/24 .2
#
#   On A and B: ptp0, 10.9.0.1 and .2, fd09::1 and ::2, is the tunnel's interface. Every node has one
#   link after the other as l0, l1, l2.

# Used by the scripts that source this file.
# shellcheck disable=SC2034
# shellcheck disable=SC2034
NODES=(E1 E2 B A)

# te_link NAME INTERFACE ADDRESS [MORE]
te_link() {
  printf '        %s: {interface: %s, address: %s%s}\n' "$1" "$2" "$3" "${4:+, $4}"
}

# te_node NAME FIRST-LABEL [MORE]: the head of a node with links.
te_node() {
  printf '  %s:\n    mpls: {labels: {first: %s, last: %s}%s}\n    te:\n      links:\n' \
    "$1" "$2" "$(($2 + 999))" "${3:+, $3}"
}

# write_cluster [PHP [MORE]]: more of node B's `mpls`, of tunnel `clock`.
write_cluster() {
  # shellcheck disable=SC2119 # no node of its kinds
  cluster_head | head -3
  te_node A 1000
  te_link a l0 10.1.0.1
  te_node E1 2000
  te_link a l0 10.1.0.2
  te_link p1 l1 10.1.1.1
  te_link p2 l2 10.1.2.1 "metric: 20"
  te_node E2 3000
  te_link p1 l0 10.1.1.2
  te_link p2 l1 10.1.2.2
  te_link b l2 10.1.9.1
  te_node B 4000 "${1:-}"
  te_link b l0 10.1.9.2
  echo "tunnels:"
  echo "  clock:"
  echo "    ends: [A, B]"
  echo "    interface: ptp0"
  echo "    addresses: {A: [10.9.0.1/24, 'fd09::1/64'], B: [10.9.0.2/24, 'fd09::2/64']}"
  echo "    protect_by: spare"
  printf '%s' "${2:-}"
  echo "  spare:"
  echo "    ends: [A, B]"
  echo "    path: [{link: p2, loose: yes}]"
}

lab_chain() {
  local node
  for node in A E1 E2 B; do
    lab_node "$node"
  done
  lab_link A l0 E1 l0
  lab_link E1 l1 E2 l0
  lab_link E1 l2 E2 l1
  lab_link E2 l2 B l0
  lab_address A l0 10.1.0.1/24
  lab_address E1 l0 10.1.0.2/24
  lab_address E1 l1 10.1.1.1/24
  lab_address E1 l2 10.1.2.1/24
  lab_address E2 l0 10.1.1.2/24
  lab_address E2 l1 10.1.2.2/24
  lab_address E2 l2 10.1.9.1/24
  lab_address B l0 10.1.9.2/24
}

tunnel_of() {
  xdplb "$1" tunnel show clock --json | jq -r ".[0]$2"
}

# ptp_message: a Sync message of PTP version 2, domain 0 (44 bytes), escaped for printf.
PTP_SYNC='\x00\x02\x00\x2c'$(printf '\\x00%.0s' {1..40})

# send_sync NODE ADDRESS: to UDP port 319.
send_sync() {
  # shellcheck disable=SC2059
  printf "$PTP_SYNC" | in_ns "$1" socat -u - "UDP-SENDTO:$(bracket "$2"):319"
}

# bytes_of NODE NHLFE, write_entry NODE NHLFE FILE: an element of nhlfes, byte by byte.
bytes_of() {
  bpftool -j map lookup pinned "/sys/fs/bpf/xdplb/$1/nhlfes" key $(($2 & 255)) $(($2 >> 8)) 0 0 |
    jq -r '.value | join(" ")'
}

write_entry() {
  # shellcheck disable=SC2046
  bpftool map update pinned "/sys/fs/bpf/xdplb/$1/nhlfes" key $(($2 & 255)) $(($2 >> 8)) 0 0 \
    value $(cat "$3")
}

# other_label FILE: such bytes with another outgoing label: the second byte of its four differs.
other_label() {
  sed -E 's/^(0x..) (0x.)./\1 \2'"$(grep -q '^0x.. 0x.0' "$1" && echo 1 || echo 0)/" "$1"
}
