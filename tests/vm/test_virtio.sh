#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Native XDP on the driver of a NIC, virtio_net, instead of a veth. For a virtual machine alone, whose NICs
# eth0 to eth2 are on one wire:
#
#   client .2 ---+
#   access1 .3 --+-- wire          10.0.5.0/24  fd00:5::/64
#   node1 .11 ---+                 VIPs 10.0.5.100, fd00:5::100: addresses of access1
set -euo pipefail

# shellcheck source=../net/lab.sh
source "$(dirname "$0")/../net/lab.sh"
# The machine itself is what isolates.
export LAB_INSIDE=1
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml
VIP4=10.0.5.100 VIP6=fd00:5::100

write_cluster() {
  cluster_head access1 node1
  echo "backends:"
  cluster_backend web1 node1 10.0.5.11 fd00:5::11
  echo "services:"
  cluster_service web4 "$VIP4" 80 tcp source 'web1: ' 8080
  cluster_service web6 "$VIP6" 80 tcp interface 'web1: '
}

# lab_nic NODE DEV HOST
lab_nic() {
  lab_node "$1"
  ip link set "$2" netns "$1" name eth0
  ip -n "$1" link set eth0 up
  lab_address "$1" eth0 "10.0.5.$3/24" "fd00:5::$3/64"
}

is_native() {
  expect "mode" "$(status_of access1 '.hooks[] | select(.program == "lb_xdp") | .how')" "xdp native"
  expect "driver" "$(basename "$(in_ns access1 ethtool -i eth0 | sed -n 's/^driver: //p')")" virtio_net
}

# Sent by the driver itself, not by the stack.
sent_by_xdp() {
  in_ns access1 ethtool -S eth0 | awk '/tx.*xdp_tx:/ { n += $2 } END { print n + 0 }'
}

# http VIP
http() {
  local before answers=$LAB_DIR/answers
  before=$(sent_by_xdp)
  http_new 20 "$(url "$1")" >"$answers"
  expect "requests answered" "$(grep -c "^web1 .* 200 $1\$" "$answers")" 20
  (($(sent_by_xdp) > before)) || fail "the driver has sent nothing by XDP_TX"
}

detached() {
  local node
  for node in access1 node1; do
    xdplb "$node" detach
  done
  expect "pins" "$(find /sys/fs/bpf/xdplb -mindepth 1 2>/dev/null)" ""
}

lab_nic client eth0 2
lab_nic access1 eth1 3
lab_nic node1 eth2 11
lab_forwards access1
lab_address access1 eth0 "$VIP4/32" "$VIP6/128"
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.5.11:8080 '[::]:80'
lab_setup "$CLUSTER" node1 access1

check native is_native
check http_ipv4 http "$VIP4"
check http_ipv6 http "$VIP6"
check detached detached
finish
