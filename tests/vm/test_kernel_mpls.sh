#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Our labels and the kernel's own MPLS (modules mpls_router, mpls_iptunnel): the kernel as transit node of a tunnel
# of ours, and as the far end of one. For a virtual machine: few hosts have the modules.
#
#   A -- a -- K -- b -- B          a 10.1.0.0/24, b 10.1.9.0/24; at A and B ptp0 10.9.0.1 and .2, fd09::1 and ::2
#
#   K is in the cluster file and xdplb is not attached there: its labels are routes of the kernel's. It answers no
#   probes either, so the tunnel is one that is not verified (corouted: no).
set -euo pipefail

# shellcheck source=../net/lab.sh
source "$(dirname "$0")/../net/lab.sh"
lab_isolate "$@"
need_programs ptp4l pmc jq socat tcpdump ethtool
# shellcheck source=../net/mpls_lab.sh
source "$(dirname "$0")/../net/mpls_lab.sh"
# shellcheck source=../net/ptp/clocks.sh
source "$(dirname "$0")/../net/ptp/clocks.sh"
if [[ ! -e /proc/sys/net/mpls ]]; then
  skip "$(basename "$0" .sh)" "no mpls_router"
  exit 0
fi

write_file() {
  # shellcheck disable=SC2119 # no node of its kinds
  cluster_head | head -3
  te_node A 1000
  te_link a l0 10.1.0.1
  te_node K 2000
  te_link a l0 10.1.0.2
  te_link b l1 10.1.9.1
  te_node B 4000
  te_link b l0 10.1.9.2
  echo "tunnels:"
  echo "  clock: {ends: [A, B], interface: ptp0, corouted: no,"
  echo "    addresses: {A: [10.9.0.1/24, 'fd09::1/64'], B: [10.9.0.2/24, 'fd09::2/64']}}"
}

# way NODE LINK: the label on a link of the LSP that begins there.
way() {
  xdplb A tunnel path "$CLUSTER" clock --json 2>/dev/null |
    jq -r --arg from "$1" --arg link "$2" '.clock[] | select(.from == $from) | .hops[] | select(.link == $link).label'
}

# The kernel at NODE takes in labels by these interfaces.
label_switching() {
  local node=$1 dev
  in_ns "$node" sysctl -qw net.mpls.platform_labels=10000
  for dev in "${@:2}"; do
    in_ns "$node" sysctl -qw "net.mpls.conf.$dev.input=1"
  done
}

transit_node() {
  label_switching K l0 l1
  ip -n K -f mpls route add "$(way A a)" as "$(way A b)" via inet 10.1.9.2 dev l1
  ip -n K -f mpls route add "$(way B b)" as "$(way B a)" via inet 10.1.0.1 dev l0
  ip -n K -f mpls route
}

# stacks NAME: `label label` of each frame of a capture that has two.
stacks() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn -t 2>/dev/null |
    sed -En 's/^MPLS \(label ([0-9]+)[^)]*\).*\(label ([0-9]+)[^)]*\[S\].*/\1 \2/p'
}

# clocks_lock TRANSPORT: through the kernel's transit node, both ways. The labels at the bottom, which say what
# is carried, are kept for kernel_far_end.
clocks_lock() {
  local name=$LAB_DIR/labels.$1
  start_capture left K l1 'ether proto 0x8847'
  start_capture right K l0 'ether proto 0x8847'
  start_clocks ptp0 "$1"
  wait_until 120 locked || fail "the clock does not lock: $(tail -n 3 "$LAB_DIR/ptp4l.B.log")"
  ask_client 4
  stop_clocks
  stop_capture left
  stop_capture right
  # What K has sent: with its own labels on top.
  stacks left | awk -v label="$(way A b)" '$1 == label { print $2 }' | sort -u >"$name.to_B"
  stacks right | awk -v label="$(way B a)" '$1 == label { print $2 }' | sort -u >"$name.to_A"
  expect "kinds of payload" "$(cat "$name.to_B" "$name.to_A" | wc -l)" 2
}

# B's programs go, and the kernel is B.
kernel_far_end() {
  local transport
  xdplb B detach
  in_ns B ethtool -K l0 tx off >/dev/null
  lab_address B lo 10.9.0.2/32 fd09::2/128
  label_switching B l0 lo
  ip -n B -f mpls route add "$(way A b)" dev lo
  for transport in UDPv4 UDPv6; do
    ip -n B -f mpls route add "$(<"$LAB_DIR/labels.$transport.to_B")" dev lo
  done
  lab_address K l1 fd01:9::1/64
  lab_address B l0 fd01:9::2/64
  ip -n B route add 10.9.0.1/32 encap mpls "$(way B b)/$(<"$LAB_DIR/labels.UDPv4.to_A")" \
    via 10.1.9.1 dev l0 src 10.9.0.2
  ip -n B -6 route add fd09::1/128 encap mpls "$(way B b)/$(<"$LAB_DIR/labels.UDPv6.to_A")" \
    via fd01:9::1 dev l0 src fd09::2
  ip -n B -f mpls route
}

# arrives FROM TO ADDRESS: a message sent there comes out of a socket here, byte by byte.
arrives() {
  local from=$1 to=$2 address=$3 pid file=$LAB_DIR/received
  rm -f "$file"
  nsenter --net="/run/netns/$to" -- socat -u \
    "UDP$([[ $address == *:* ]] && echo 6)-RECVFROM:319,bind=$(bracket "$address")" "CREATE:$file" &
  pid=$!
  wait_until 20 listens "$to" || fail "no socket"
  send_sync "$from" "$address"
  wait_until 20 test -s "$file" || fail "nothing came from $from to $address"
  wait "$pid" || true
  # shellcheck disable=SC2059
  cmp <(printf "$PTP_SYNC") "$file" || fail "the message is not what it was"
}

listens() {
  has ':319 ' in_ns "$1" ss -nul
}

far_end() {
  arrives A B "$1"
  arrives B A "$2"
}

for node in A K B; do
  lab_node "$node"
done
lab_link A l0 K l0
lab_link K l1 B l0
lab_address A l0 10.1.0.1/24
lab_address K l0 10.1.0.2/24
lab_address K l1 10.1.9.1/24
lab_address B l0 10.1.9.2/24
write_file >"$CLUSTER"
lab_setup "$CLUSTER" B A
check transit_node transit_node
check transit_clocks_ipv4 clocks_lock UDPv4
check transit_clocks_ipv6 clocks_lock UDPv6
check transit_clocks_ethernet clocks_lock L2
check kernel_far_end kernel_far_end
check far_end_ipv4 far_end 10.9.0.2 10.9.0.1
check far_end_ipv6 far_end fd09::2 fd09::1
finish
