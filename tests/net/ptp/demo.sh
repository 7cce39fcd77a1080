#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What `make demo-ptp` runs: what asymmetric routes do to real clocks, and what tunnels that take the same links
# both ways do about it. The lab is drawn in clocks.sh. P1 and P2 make messages wait 50 and 350 us, both ways: IP
# goes there by P1 and back by P2. Prints a table; writes build/demo-ptp.json and build/demo-ptp.svg. Exit status
# 0 only if every figure is what it should be.
set -euo pipefail

# shellcheck source=../lab.sh
source "$(dirname "$0")/../lab.sh"
lab_isolate "$@"
need_programs ptp4l pmc jq bpftool socat tcpdump gnuplot
# shellcheck source=../agents.sh
source "$(dirname "$0")/../agents.sh"
# shellcheck source=clocks.sh
source "$(dirname "$0")/clocks.sh"
# shellcheck source=switch.sh
source "$(dirname "$0")/switch.sh"

HERE=$(cd "$(dirname "$0")" && pwd)
BUILD=$LAB_ROOT/build
# What a figure may be off before the demonstration fails, us. (Busy machines; the median is most often within 5.)
NEAR=20
FAULTS=0

asymmetric_and_spare() {
  echo "  asym: {ends: [A, B], interface: ptp2, path: [a, s1, s2, b], reverse_path: [b, l2, l1, a], corouted: no,"
  echo "    addresses: {A: [10.7.0.1/24, 'fd07::1/64'], B: [10.7.0.2/24, 'fd07::2/64']}}"
  echo "  spare: {ends: [A, B], path: [a, l1, l2, b]}"
}

# suffix TRANSPORT: of a figure's name.
suffix() {
  case $1 in
  UDPv4) ;;
  UDPv6) echo _v6 ;;
  L2) echo _l2 ;;
  esac
}

microseconds() {
  awk -v ns="$1" 'BEGIN { printf "%.1f\n", ns / 1000 }'
}

# note KEY VALUE: a figure of the JSON.
note() {
  jq -n --arg key "$1" --argjson value "$2" '{($key): $value}' >>"$LAB_DIR/figures"
}

# is_near VALUE EXPECTED: in the same unit as NEAR.
is_near() {
  awk -v a="$1" -v b="$2" -v near="$NEAR" 'BEGIN { exit !(a - b <= near && b - a <= near) }'
}

fault() {
  FAULTS=$((FAULTS + 1))
  echo "  FAULT: $*"
}

# measure KEY EXPECTED INTERFACE TRANSPORT [SERVER]: prints the figure, us, and keeps the samples.
measure() {
  local key value
  key=$1$(suffix "$4")
  value=$(microseconds "$(offset_of "${@:3}")")
  cp "$LAB_DIR/samples" "$LAB_DIR/$key.samples"
  note "$key" "$value"
  echo "$value"
}

# row WHAT KEY EXPECTED INTERFACE TRANSPORT...: a line of the table. A transport may have a server: UDPv4,10.1.0.1
row() {
  local what=$1 expected=$3 transport value
  printf '%-52s %8s' "$what" "$expected"
  for transport in "${@:5}"; do
    # shellcheck disable=SC2086 # a transport and perhaps a server
    value=$(measure "$2" "$3" "$4" ${transport/,/ }) || {
      echo
      fault "$what: no figure over ${transport%,*}"
      continue
    }
    printf ' %10s' "$value"
    is_near "$value" "$expected" || OFF+=("$what over ${transport%,*}: $value us, expected $expected")
  done
  echo
}

# What waits where: as on longer wires, which lsr_xdp does not see.
long_wires() {
  wait_at P1 in l0 50
  wait_at P1 in l1 50
  wait_at P2 in l0 350
  wait_at P2 in l1 350
}

# transit in|out|raw MICROSECONDS-THERE MICROSECONDS-BACK: in P1 itself.
transit() {
  wait_at P1 "$1" l1 "$2"
  wait_at P1 "$1" l0 "$3"
}

plot() {
  gnuplot -e "dir='$LAB_DIR'; svg='$BUILD/demo-ptp.svg'" "$HERE/plot.gnuplot"
}

offsets() {
  printf '%-52s %8s %10s %10s %10s\n' "offset of the client, us (median of $SAMPLES)" expected UDP/IPv4 UDP/IPv6 Ethernet
  row "IP, there by 50 us, back by 350 us" ip_asym_us -150 l0 UDPv4,10.1.0.1 UDPv6,fd01::1
  row "two LSPs that are not co-routed, the same ways" lsp_asym_us -150 ptp2 UDPv4 UDPv6 L2
  row "tunnel, both directions by the 50 us way" corouted_short_us 0 ptp0 UDPv4 UDPv6 L2
  row "tunnel, both directions by the 350 us way" corouted_long_us 0 ptp1 UDPv4 UDPv6 L2
  transit raw 500 100
  row "transit node waits 500 and 100 us, not corrected" transit_raw_us 200 ptp0 UDPv4 UDPv6 L2
  transit out 500 100
  row "transit node waits 500 and 100 us, corrected" transit_corrected_us 0 ptp0 UDPv4 UDPv6 L2
  transit out 0 0
}

for needed in "$XDPLB_LOAD" "$XDPLB_AGENT" "$DELAY"; do
  [[ -x $needed ]] && continue
  echo "demo-ptp: $needed is not there: run make demo-ptp" >&2
  exit 1
done
rm -f "$BUILD/demo-ptp.json" "$BUILD/demo-ptp.svg"
OFF=()
lab_diamond
lab_ip_ways
write_cluster "protect_by: spare, probe_interval: 10ms" "$(asymmetric_and_spare)" >"$CLUSTER"
# Each says what is not verified yet, and warns of the tunnel that is not co-routed.
attach_all "$CLUSTER" "${NODES[@]}" >"$LAB_DIR/attach.log" 2>&1 || {
  cat "$LAB_DIR/attach.log"
  exit 1
}
for node in A B; do
  xdplb "$node" tunnel verify "$CLUSTER" >/dev/null 2>&1 || fault "the tunnels of $node do not verify"
done
long_wires
offsets
switches
for off in "${OFF[@]}"; do
  fault "$off"
done
jq -s add "$LAB_DIR/figures" >"$BUILD/demo-ptp.json"
plot
for node in "${NODES[@]}"; do
  xdplb "$node" detach >/dev/null
done
if ((FAULTS > 0)); then
  echo "demo-ptp: $FAULTS faults"
  exit 1
fi
echo "demo-ptp: every figure is within $NEAR us of what is expected; build/demo-ptp.json, build/demo-ptp.svg"
