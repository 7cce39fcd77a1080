#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Does this kernel's verifier take every program, as each compiler made it? Arguments: xdplb-load commands.
# A node of all roles is attached by each, looked at and detached.
set -euo pipefail

# shellcheck source=../net/lab.sh
source "$(dirname "$0")/../net/lab.sh"
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml
XDPLB_TIMEOUT=120 # without KVM, and on a busy machine, the verifier takes its time

write_cluster() {
  cat <<YAML
cluster: lab
key_file: $LAB_DIR/cluster.key
nodes:
  all: {access: {interfaces: [eth0]}, service: {uplinks: [eth0]}}
backends:
  web1: {node: all, addresses: [10.0.1.11, "fd00:1::11"]}
services:
  web4: {vip: 192.0.2.10, port: 80, protocol: tcp, restore: source, backends: {web1: }}
  web6: {vip: "2001:db8:1::20", port: 53, protocol: udp, restore: interface, backends: {web1: }}
YAML
}

loads() {
  XDPLB_LOAD=$1
  xdplb all attach "$CLUSTER" --verbose
  xdplb all status
  xdplb all detach
  expect "pins" "$(find /sys/fs/bpf/xdplb -mindepth 1 2>/dev/null)" ""
}

(umask 077 && head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$LAB_DIR/cluster.key")
lab_node all
lab_node far
lab_link all eth0 far eth0
lab_forwards all
lab_address all eth0 10.0.1.11/24 fd00:1::11/64
write_cluster >"$CLUSTER"
for command in "$@"; do
  check "$(uname -r)_${command//\//_}" loads "$(realpath "$command")"
done
finish
