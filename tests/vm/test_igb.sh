#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hardware time stamps on the driver of a NIC with a clock of its own, igb. For a virtual machine alone, whose NICs
# eth0 and eth1 are on one wire:
#
#   A -- a -- B        10.1.0.1, 10.1.0.2; PTP over Ethernet on the NICs is put into the tunnel as it leaves
#
# What is sent QEMU's igb stamps, whatever it is. Of received frames it stamps those alone whose Ethertype is PTP's, so
# no labelled ones, and of those one type of message, that which the second byte of the register TSYNCRXCFG names: the
# driver leaves it at Sync, and a server is to stamp Delay_Req, so the test writes that into the server's register.
# A stamp is held, and no other taken, until it has been read. The chip takes it as read with RXSTMPH, which is what the
# driver reads; QEMU 10 with RXSATRH, which no driver does (igb_get_rxsatrh() in its hw/net/igb_core.c), so that one
# stamp is ever taken. The test reads that register of what has been held for a while. (When its rate is set, the
# emulated clock jumps: the client runs free and tells the offset.)
set -euo pipefail

# shellcheck source=../net/lab.sh
source "$(dirname "$0")/../net/lab.sh"
# The machine itself is what isolates.
export LAB_INSIDE=1
lab_isolate "$@"
need_programs ptp4l pmc jq ethtool busybox phc_ctl
# shellcheck source=../net/ptp/clocks.sh
source "$(dirname "$0")/../net/ptp/clocks.sh"

write_file() {
  # shellcheck disable=SC2119 # no node of its kinds
  cluster_head | head -3
  te_node A 1000
  te_link a eth0 10.1.0.1
  te_node B 2000
  te_link a eth0 10.1.0.2
  echo "tunnels:"
  echo "  clock: {ends: [A, B], tag: {interface: eth0}, match: {transport: [ethernet]}}"
}

# lab_nic NODE DEV HOST
lab_nic() {
  lab_node "$1"
  ip link set "$2" netns "$1" name eth0
  ip -n "$1" link set eth0 up
  lab_address "$1" eth0 "10.1.0.$3/24"
}

# start_stamping HOW-A HOW-B: ptp4l over Ethernet, with hardware or software stamps.
start_stamping() {
  local node how
  for node in A B; do
    how=$1
    [[ $node == A ]] || how=$2
    clock_config "$node" eth0 L2 |
      sed "s/^time_stamping .*/time_stamping $how/; s/Interval -4/Interval -2/" >"$LAB_DIR/$node.conf"
    echo "tx_timestamp_timeout 500" >>"$LAB_DIR/$node.conf"
    nsenter --net="/run/netns/$node" -- ptp4l -i eth0 -f "$LAB_DIR/$node.conf" -m -q \
      >"$LAB_DIR/ptp4l.$node.log" 2>&1 &
    echo $! >"$LAB_DIR/ptp4l.$node.pid"
  done
}

logs() {
  tail -n 8 "$LAB_DIR/ptp4l.A.log" "$LAB_DIR/ptp4l.B.log"
}

is_native() {
  expect "mode" "$(status_of A '.hooks[] | select(.program == "lsr_xdp") | .how')" "xdp native"
  expect "driver" "$(in_ns A ethtool -i eth0 | sed -n 's/^driver: //p')" igb
}

verified() {
  xdplb A tunnel verify "$CLUSTER"
  xdplb B tunnel verify "$CLUSTER"
}

# What the NIC of A stamps is the type of message with this number.
stamp_received() {
  busybox devmem $((REGISTERS_A + 0x5f50)) 32 $(($1 << 8))
}

# offset: of B's clock, ns: the median of a few.
offset() {
  ask_client 12 >/dev/null
  ask_client 9 | cut -d' ' -f1 | median
}

# is_within VALUE EXPECTED NEAR, ns
is_within() {
  (($1 - $2 <= $3 && $2 - $1 <= $3)) || fail "found $1 ns, expected $2 ns and at most $3 off"
}

# let_go ADDRESS: of the registers of a NIC. A stamp that is held when it is looked at for the second time, the driver
# has had time to fetch.
let_go() {
  local was_held=0 is_held
  while sleep 0.03; do
    is_held=$(($(busybox devmem $(($1 + 0xb620)) 32) & 1))
    if ((was_held && is_held)); then
      busybox devmem $(($1 + 0xb630)) 32 >/dev/null
      is_held=0
    fi
    was_held=$is_held
  done
}

# ptp4l -H, no label: both ends take the stamps of their NICs, and the client sees when one of their clocks is set.
unlabelled_locks() {
  local before after
  before=$(offset)
  in_ns B phc_ctl eth0 adj 0.5
  after=$(offset)
  echo "offset $before ns; the client's clock half a second on: $after ns"
  is_within "$((after - before))" 500000000 5000000
  ! grep 'timed out' "$LAB_DIR/ptp4l.A.log" "$LAB_DIR/ptp4l.B.log" || fail "a stamp was missed"
}

unlabelled() {
  let_go "$REGISTERS_A" &
  LETTING_GO=$!
  let_go "$REGISTERS_B" &
  LETTING_GO+=" $!"
  start_stamping hardware hardware
  wait_until 30 grep -q 'assuming the grand master role' "$LAB_DIR/ptp4l.A.log" || fail "no server: $(logs)"
  # ptp4l has set the register by now, when it opened the port.
  stamp_received 1
  wait_until 90 locked || fail "it does not lock: $(logs)"
  unlabelled_locks
  stop_clocks
  # shellcheck disable=SC2086 # two
  kill $LETTING_GO
}

counts() {
  xdplb "$1" tunnel show clock --json | jq -r ".[0].counters.$2"
}

# follow_ups: that A's clock has sent, each after the stamp of a Sync message has come.
follow_ups() {
  in_ns A pmc -u -b 0 -s "$LAB_DIR/A.uds" -i "$LAB_DIR/pmc.uds" "GET PORT_STATS_NP" |
    awk '$1 == "tx_Follow_Up" { print $2 }'
}

has_followed_up() {
  (($(follow_ups) >= 20))
}

# The server waits for the stamp of each Sync message, and is FAULTY when one does not come.
sending_stamps() {
  local pushed popped
  pushed=$(counts A pushed_event)
  popped=$(counts B popped)
  start_stamping hardware hardware
  wait_until 60 has_followed_up || fail "few stamps came: $(logs)"
  stop_clocks
  ! grep -E 'timed out|FAULTY' "$LAB_DIR/ptp4l.A.log" || fail "the server missed a stamp"
  (($(counts A pushed_event) - pushed >= 20)) || fail "they were not pushed"
  (($(counts B popped) - popped >= 40)) || fail "they have not come out at the far end"
  expect "stamps that did not come" "$(in_ns A ethtool -S eth0 | awk '$1 == "tx_hwtstamp_timeouts:" { print $2 }')" 0
  xdplb A tunnel show clock
}

# The NIC gives no stamp for it, and ptp4l with -H says so rather than take another clock's.
receiving_falls_back() {
  start_stamping hardware hardware
  wait_until 60 grep -q 'without timestamp' "$LAB_DIR/ptp4l.B.log" || fail "nothing was said: $(logs)"
  stop_clocks
}

INTERVAL=0.25
REGISTERS_A=$(cut -d' ' -f1 /sys/class/net/eth0/device/resource | head -n 1)
REGISTERS_B=$(cut -d' ' -f1 /sys/class/net/eth1/device/resource | head -n 1)
lab_nic A eth0 1
lab_nic B eth1 2
check unlabelled_locks unlabelled
write_file >"$CLUSTER"
lab_setup "$CLUSTER" B A
check native is_native
check verified verified
check sending_stamps sending_stamps
check receiving_falls_back receiving_falls_back
finish
