# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two clock nodes with two ways between them, ptp4l on them, and what the client finds. Sourced after lab.sh.
# ptp4l on A is the server, on B the client. Both read the one clock of this machine and B's runs free, so the
# offset that B finds is the error of the way.
#
#                  s1  P1  s2
#   A -- a -- E1 <             > E2 -- b -- B        a 10.1.0.0/24, b 10.1.9.0/24, s1 10.1.1.0/24, s2
#                  l1  P2  l2                        10.1.2.0/24, l1 10.1.3.0/24, l2 10.1.4.0/24
#
#   On A and B: ptp0, 10.9.0.1 and .2, fd09::1 and ::2, by P1; ptp1, 10.8.0.1 and .2, fd08::1 and ::2, by P2.

# shellcheck source=../busy.sh
source "$LAB_ROOT/tests/net/busy.sh"

# Used by the scripts that source this file.
# shellcheck disable=SC2034
NODES=(E1 P1 P2 E2 B A)
SAMPLES=64
# Between messages, s.
INTERVAL=0.0625

# te_node NAME FIRST-LABEL, te_link NAME INTERFACE ADDRESS
te_node() {
  printf '  %s:\n    mpls: {labels: {first: %s, last: %s}}\n    te:\n      links:\n' "$1" "$2" "$(($2 + 999))"
}

te_link() {
  printf '        %s: {interface: %s, address: %s}\n' "$1" "$2" "$3"
}

# write_cluster [SHORT [MORE]]: more of the tunnel `short`, more tunnels.
write_cluster() {
  # shellcheck disable=SC2119 # no node of its kinds
  cluster_head | head -3
  te_node A 1000
  te_link a l0 10.1.0.1
  te_node E1 2000
  te_link a l0 10.1.0.2
  te_link s1 l1 10.1.1.1
  te_link l1 l2 10.1.3.1
  te_node P1 3000
  te_link s1 l0 10.1.1.2
  te_link s2 l1 10.1.2.1
  te_node P2 4000
  te_link l1 l0 10.1.3.2
  te_link l2 l1 10.1.4.1
  te_node E2 5000
  te_link s2 l0 10.1.2.2
  te_link l2 l1 10.1.4.2
  te_link b l2 10.1.9.1
  te_node B 6000
  te_link b l0 10.1.9.2
  echo "tunnels:"
  echo "  short: {${1:+$1, }ends: [A, B], interface: ptp0, path: [a, s1, s2, b],"
  echo "    addresses: {A: [10.9.0.1/24, 'fd09::1/64'], B: [10.9.0.2/24, 'fd09::2/64']}}"
  echo "  long: {ends: [A, B], interface: ptp1, path: [a, l1, l2, b],"
  echo "    addresses: {A: [10.8.0.1/24, 'fd08::1/64'], B: [10.8.0.2/24, 'fd08::2/64']}}"
  printf '%s' "${2:-}"
}

lab_diamond() {
  local node
  for node in "${NODES[@]}"; do
    lab_node "$node"
  done
  lab_link A l0 E1 l0
  lab_link E1 l1 P1 l0
  lab_link E1 l2 P2 l0
  lab_link P1 l1 E2 l0
  lab_link P2 l1 E2 l1
  lab_link E2 l2 B l0
  lab_address A l0 10.1.0.1/24
  lab_address E1 l0 10.1.0.2/24
  lab_address E1 l1 10.1.1.1/24
  lab_address E1 l2 10.1.3.1/24
  lab_address P1 l0 10.1.1.2/24
  lab_address P1 l1 10.1.2.1/24
  lab_address P2 l0 10.1.3.2/24
  lab_address P2 l1 10.1.4.1/24
  lab_address E2 l0 10.1.2.2/24
  lab_address E2 l1 10.1.4.2/24
  lab_address E2 l2 10.1.9.1/24
  lab_address B l0 10.1.9.2/24
}

# lab_ip_ways: plain IP between A and B: there by P1, back by P2. A: 10.1.0.1, fd01::1; B: 10.1.9.2, fd01:9::2
lab_ip_ways() {
  local node
  for node in E1 P1 P2 E2; do
    lab_forwards "$node"
  done
  lab_address A l0 fd01::1/64
  lab_address E1 l0 fd01::2/64
  lab_address E1 l1 fd01:1::1/64
  lab_address E1 l2 fd01:3::1/64
  lab_address P1 l0 fd01:1::2/64
  lab_address P1 l1 fd01:2::1/64
  lab_address P2 l0 fd01:3::2/64
  lab_address P2 l1 fd01:4::1/64
  lab_address E2 l0 fd01:2::2/64
  lab_address E2 l1 fd01:4::2/64
  lab_address E2 l2 fd01:9::1/64
  lab_address B l0 fd01:9::2/64
  lab_default_route A 10.1.0.2 fd01::2
  lab_default_route E1 10.1.1.2 fd01:1::2
  lab_default_route P1 10.1.2.2 fd01:2::2
  lab_default_route B 10.1.9.1 fd01:9::1
  lab_default_route E2 10.1.4.1 fd01:4::1
  lab_default_route P2 10.1.3.1 fd01:3::1
}

# Which of the two ends takes its time from the other.
CLIENT=B

# clock_config NODE INTERFACE TRANSPORT [SERVER]: multicast, or unicast from the server of that address.
clock_config() {
  cat <<CONF
[global]
network_transport $3
time_stamping software
logSyncInterval -4
logMinDelayReqInterval -4
logAnnounceInterval -2
delay_filter_length 10
uds_address $LAB_DIR/$1.uds
$([[ $1 != "$CLIENT" ]] && echo "priority1 10" || printf 'slaveOnly 1\nfree_running 1')
CONF
  [[ -n ${4:-} ]] || return 0
  if [[ $1 != "$CLIENT" ]]; then
    printf 'unicast_listen 1\ninhibit_multicast_service 1\n[%s]\n' "$2"
  else
    printf '[unicast_master_table]\ntable_id 1\n%s %s\n[%s]\nunicast_master_table 1\n' "$3" "$4" "$2"
  fi
}

# start_clocks INTERFACE TRANSPORT [SERVER]
start_clocks() {
  local node
  for node in A B; do
    clock_config "$node" "$@" >"$LAB_DIR/$node.conf"
    nsenter --net="/run/netns/$node" -- ptp4l -i "$1" -f "$LAB_DIR/$node.conf" -m -q \
      >"$LAB_DIR/ptp4l.$node.log" 2>&1 &
    echo $! >"$LAB_DIR/ptp4l.$node.pid"
  done
}

stop_clocks() {
  local node
  for node in A B; do
    kill "$(<"$LAB_DIR/ptp4l.$node.pid")" 2>/dev/null || true
    wait "$(<"$LAB_DIR/ptp4l.$node.pid")" 2>/dev/null || true
  done
}

# ask_clock: the client's clock, about each line of standard input, as pmc prints it.
ask_clock() {
  in_ns "$CLIENT" pmc -u -b 0 -s "$LAB_DIR/$CLIENT.uds" -i "$LAB_DIR/pmc.$BASHPID.uds" 2>/dev/null
}

# ask_client COUNT: offset and delay, ns, and the time, s, so many times, each after the next message has come.
# One pmc for all: each run of it waits for a tenth of a second. What ptp4l does not answer in time is asked again.
ask_client() {
  local found=0 asked key value offset
  for ((asked = 0; asked < 2 * $1; asked++)); do
    sleep "$INTERVAL"
    echo "GET CURRENT_DATA_SET" 2>/dev/null || break
  done | ask_clock | while read -r key value; do
    case $key in
    offsetFromMaster) offset=$value ;;
    meanPathDelay)
      echo "$offset $value $EPOCHREALTIME"
      ((++found < $1)) || break
      ;;
    esac
  done || true # what is left in the pipe is lost with the last reader
}

locked() {
  ask_client 1 | awk '{ found = $2 > 0 } END { exit !found }'
}

median() {
  sort -n | awk '{ value[NR] = $1 } END { print int((value[int((NR + 1) / 2)] + value[int(NR / 2) + 1]) / 2) }'
}

# offset_of INTERFACE TRANSPORT [SERVER]: the median of the offsets, ns.
offset_of() {
  start_clocks "$@"
  wait_until 20 locked || fail "the clock does not lock: $(tail -n 3 "$LAB_DIR/ptp4l.$CLIENT.log")"
  # The delay is a median of ten: those measured while the clocks found each other are gone then.
  ask_client 20 >/dev/null
  ask_client "$SAMPLES" >"$LAB_DIR/samples"
  stop_clocks
  expect "samples" "$(wc -l <"$LAB_DIR/samples")" "$SAMPLES"
  cut -d' ' -f1 "$LAB_DIR/samples" | median
}
