#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# How long connections still go to a backend that has failed: a killed process, a stopped one, a dead
# node; and, without any agent, how long packets go on after the health map was written.
#
# lab_main with two access nodes, a VIP behind each. A client opens connections all the time; what goes
# to the backend is seen on the wire between router and access nodes, and the time ends with the last
# SYN that any access node has sent there. Checks each 100 ms, fall 1. The moments of failure are spread
# evenly over the interval, so that no run of luck with the phase makes a good figure.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

RUNS=${RUNS:-24} # of each; of map writes, which cost less time, five times as many
RATE=4000        # new connections a second, over both VIPs
STREAM=20000     # datagrams a second
INTERVAL=100     # ms
WIRES=(--wire /run/netns/router:to-access1 --wire /run/netns/router:to-access2)

write_cluster() {
  local both='web1: , web2: '
  cluster_head access1 access2 node1 node2 | cluster_addresses
  cluster_sharing 'interval: 100ms' 'missed: 5'
  cat <<YAML
checks:
  tcp: {type: tcp, interval: ${INTERVAL}ms, timeout: 50ms, rise: 1, fall: 1}
  http: {type: http, interval: ${INTERVAL}ms, timeout: 50ms, rise: 1, fall: 1}
YAML
  cluster_backends
  echo "services:"
  for vip in 192.0.2 198.51.100; do
    cluster_service "tcp-$vip" "$vip.10" 80 tcp source "$both" 8080
    echo "    check: tcp"
    cluster_service "http-$vip" "$vip.10" 81 tcp source "$both" 8080
    echo "    check: http"
  done
  cluster_service stream 192.0.2.11 7 udp source 'web1: , web2: '
}

# measure NAME TARGET CHECK ADDRESS ACTION RESTORE: RUNS times; microseconds go into NAME.us.
measure() {
  local name=$1 target=$2 check=$3 address=$4 action=$5 restore=$6 i at result
  : >"$LAB_DIR/$name.us"
  for ((i = 0; i < RUNS; i++)); do
    at=$(((i * INTERVAL + RANDOM % INTERVAL) / RUNS))
    # shellcheck disable=SC2046
    result=$("$TOOLS/last_packet" "${WIRES[@]}" --to "$address" --syn --at "$at/$INTERVAL" $($action)) ||
      die "$name: no figure"
    becomes "$target/$check" down
    echo "${result%% *}" >>"$LAB_DIR/$name.us"
    $restore
    becomes "$target/$check" up ok
  done
}

kill_web1() {
  echo --signal 9 "$(nginx_pids node1 web1)"
}

revive_web1() {
  rm -r "$LAB_DIR"/nginx-node1-web1.*
  start_nginx node1 web1 10.0.1.11:8080
  wait_until 5 nginx_pids node1 web1
}

stop_web1() {
  echo --signal 19 "$(nginx_pids node1 web1)"
}

resume_web1() {
  # shellcheck disable=SC2046
  kill -CONT $(nginx_pids node1 web1)
}

kill_node2() {
  printf '#!/bin/sh\nip -n node2 link set eth0 down\nkill -9 %s\n' "$(cat "$LAB_DIR/node2.pid")" >"$LAB_DIR/die.sh"
  chmod +x "$LAB_DIR/die.sh"
  echo --run "$LAB_DIR/die.sh"
}

revive_node2() {
  ip -n node2 link set eth0 up
  lab_address node2 eth0 fd00:2::2/64 fd00:2::11/64 # gone with the link
  lab_default_route node2 10.0.2.1 fd00:2::1
  start_agent node2
}

# milliseconds NAME median|maximum
milliseconds() {
  awk '{ print $1 / 1000 }' "$LAB_DIR/$1.us" | "$2"
}

obey() {
  local i result runs=$((RUNS * 5))
  in_background client "$TOOLS/udp_stream" "$STREAM" 192.0.2.11 7
  : >"$LAB_DIR/obey.us"
  for ((i = 0; i < runs; i++)); do
    result=$("$TOOLS/last_packet" --wire /run/netns/router:to-access1 --to 10.0.1.11 --quiet 50 \
      --down access1 web1) || die "obey: no figure"
    echo "${result%% *}" >>"$LAB_DIR/obey.us"
    xdplb access1 health set web1 auto
  done
  kill "$BACKGROUND"
  wait "$BACKGROUND" || true
  figure health_obey_us "$(median <"$LAB_DIR/obey.us")" "<= 1000" "map write to the last packet, median of $runs"
  figure health_obey_max_us "$(maximum <"$LAB_DIR/obey.us")" "<= 1000" "the longest"
}

lab_main
lab_access access2 8
ip -n router route replace 198.51.100.0/24 via 10.0.8.2
make_sharing_keys
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080
start_nginx node2 web2 10.0.2.11:8080
attach_all "$CLUSTER" node1 node2 access1 access2 2>>"$LAB_DIR/attach.log"
for node in access1 access2 node1 node2; do
  start_agent "$node"
done
becomes web1/tcp up ok
becomes web2/tcp up ok

in_background client "$TOOLS/load" --bare --new "$RATE" 192.0.2.10:80 198.51.100.10:80
measure killed web1 tcp 10.0.1.11 kill_web1 revive_web1
figure health_detect_ms "$(milliseconds killed median)" '<= 80' "SIGKILL, tcp check, median of $RUNS"
figure health_detect_max_ms "$(milliseconds killed maximum)" '<= 150' "the longest"
measure dead web2 tcp 10.0.2.11 kill_node2 revive_node2
figure health_node_detect_ms "$(milliseconds dead median)" - "dead node, heartbeats each 100 ms, missed 5"
figure health_node_detect_max_ms "$(milliseconds dead maximum)" - "the longest"
kill "$BACKGROUND"
wait "$BACKGROUND" >"$LAB_DIR/load.json"

in_background client "$TOOLS/load" --bare --new "$RATE" 192.0.2.10:81 198.51.100.10:81
measure stopped web1 http 10.0.1.11 stop_web1 resume_web1
figure health_stop_detect_ms "$(milliseconds stopped median)" - "SIGSTOP, http check, timeout 50 ms"
figure health_stop_detect_max_ms "$(milliseconds stopped maximum)" - "the longest"
kill "$BACKGROUND"
wait "$BACKGROUND" >"$LAB_DIR/load.json"
obey
