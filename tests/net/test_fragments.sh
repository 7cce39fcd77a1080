#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# UDP datagrams larger than the MTU, there and back, through both ways to restore: what comes back must be
# what was sent.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  cluster_hooks
  cluster_service source4 192.0.2.10 7 udp source 'web1: ' 7007
  cluster_service source6 2001:db8:1::10 7 udp source 'web1: ' 7007
  cluster_service interface4 192.0.2.20 7 udp interface 'web1: '
  cluster_service interface6 2001:db8:1::20 7 udp interface 'web1: '
  cluster_service vnic4 192.0.2.30 7 udp source 'c1: ' 7007
  cluster_service vnic6 2001:db8:1::30 7 udp interface 'c1: '
}

# start_mirror NODE ADDRESS PORT: sends every datagram back as it is.
start_mirror() {
  local address type=UDP4
  address=$(bracket "$2")
  [[ $2 == *:* ]] && type=UDP6
  nsenter --net="/run/netns/$1" -- socat -b 65536 "$type-RECVFROM:$3,bind=$address,reuseaddr,fork" \
    EXEC:cat 2>>"$LAB_DIR/mirror.log" &
  disown
  wait_until 5 listens "$1" udp "$address" "$3" || fail "no server listens at $address on $1"
}

# mirrored VIP BYTES: a datagram comes back unchanged.
mirrored() {
  local type=UDP4 noted file=$LAB_DIR/datagram
  [[ $1 == *:* ]] && type=UDP6
  noted=$(counter access1 events fragment_noted)
  head -c "$2" /dev/urandom >"$file"
  # As much comes back as was sent, or it is waited for in vain.
  in_ns client timeout 5 socat -b 65536 -T 3 -t 3 - "$type:$(bracket "$1"):7" <"$file" |
    head -c "$2" >"$file.back"
  cmp "$file" "$file.back" || fail "$2 bytes to $1 did not come back as they were"
  if (($2 > 1500)); then
    (($(counter access1 events fragment_noted) > noted)) || fail "fragment_noted was not counted"
  fi
}

# What skips the access node has no mark: its fragments are put together, and then dropped.
past_the_access_node() {
  local tag before output
  tag=$(xdplb node1 status --json | jq -r '[.mappings[] | select(.service == "source4") | .tag][0]')
  before=$(in_ns node1 nstat -asz UdpInCsumErrors | awk '/UdpInCsumErrors/ { print $2 }')
  output=$(head -c 4000 /dev/urandom | in_ns client timeout 5 socat -b 65536 -T 1 -t 1 - \
    "UDP4:10.0.1.11:$tag" | wc -c)
  expect "bytes that came back" "$output" 0
  expect "datagrams with a wrong checksum" \
    "$(in_ns node1 nstat -asz UdpInCsumErrors | awk '/UdpInCsumErrors/ { print $2 }')" "$((before + 1))"
}

lab_main
lab_container node1 c1 11 11
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" node1 access1
start_mirror node1 10.0.1.11 7007
start_mirror node1 fd00:1::11 7007
start_mirror node1 192.0.2.20 7
start_mirror node1 2001:db8:1::20 7
start_mirror c1 10.0.11.11 7007
start_mirror c1 2001:db8:1::30 7

for vip in 192.0.2.10 192.0.2.20 192.0.2.30 2001:db8:1::10 2001:db8:1::20 2001:db8:1::30; do
  check "small_$vip" mirrored "$vip" 100
  check "4000_bytes_$vip" mirrored "$vip" 4000
  check "30000_bytes_$vip" mirrored "$vip" 30000
done
check past_the_access_node past_the_access_node
finish
