#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Somebody else's reading of our frames: tshark takes labelled PTP apart without a warning, checksums included. Needs
# no other kernel. The lab is drawn in mpls_lab.sh.
set -euo pipefail

# shellcheck source=../net/lab.sh
source "$(dirname "$0")/../net/lab.sh"
lab_isolate "$@"
need_programs tshark socat jq
# shellcheck source=../net/mpls_lab.sh
source "$(dirname "$0")/../net/mpls_lab.sh"

# A PTP frame of Ethertype 0x88f7 to the forwardable group address.
send_ethernet() {
  # shellcheck disable=SC2059
  printf '\x01\x1b\x19\x00\x00\x00\x02\x00\x00\x00\x00\x01\x88\xf7'"$PTP_SYNC" |
    in_ns A socat -u - INTERFACE:ptp0
}

# read_capture NAME OPTION...: what is under the label can't be known from the frame, so the Ethernet label's
# meaning is given.
read_capture() {
  tshark -n -r "$LAB_DIR/$1.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
    -d "mpls.label==$ETHERNET_LABEL,pwethcw" "${@:2}" 2>/dev/null
}

# decoded NAME TRANSPORT-LAYERS CMD...: a frame that CMD sends.
decoded() {
  local name=$1 layers=$2
  shift 2
  start_capture "$name" A l0 'ether proto 0x8847'
  "$@"
  stop_capture "$name"
  read_capture "$name" -Y mpls -V
  expect "layers" "$(read_capture "$name" -Y mpls -T fields -e frame.protocols)" "eth:ethertype:mpls$layers:ptp"
  expect "labels" "$(read_capture "$name" -Y mpls -T fields -e mpls.bottom)" 0,1
  expect "message" "$(read_capture "$name" -Y mpls -T fields -e ptp.v2.messagetype)" 0x00
  expect "warnings" "$(read_capture "$name" -Y 'mpls and _ws.expert.severity >= 0x600000' -T fields -e _ws.expert.message)" ""
}

lab_chain
# shellcheck disable=SC2119 # as it is
write_cluster >"$CLUSTER"
lab_setup "$CLUSTER" "${NODES[@]}"
xdplb A tunnel verify "$CLUSTER" clock >/dev/null
ETHERNET_LABEL=$(xdplb A tunnel show clock | sed -n 's/.*ethernet \([0-9]*\).*/\1/p')
check decode_ipv4 decoded ipv4 :ip:udp send_sync A 10.9.0.2
check decode_ipv6 decoded ipv6 :ipv6:udp send_sync A fd09::2
check decode_ethernet decoded ethernet :eth:ethertype send_ethernet
finish
