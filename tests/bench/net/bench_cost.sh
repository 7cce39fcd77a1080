#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What health costs: processor time of an agent that runs 2,000 checks a second, beside a program that
# does nothing but connect and close; bytes of heartbeats; processor time of an access node's agent that
# hears 1,000 service nodes. Processor time is the process's own, system calls included, and with them
# the kernel's work on lo for both ends of a connection.
set -euo pipefail

# shellcheck source=bench.sh
source "$(dirname "$0")/bench.sh"
lab_isolate "$@"

RATE=2000 # checks a second
ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-4}

# write_checks CHECK: a node with RATE backends that are checked once a second, and nobody to tell.
write_checks() {
  local i members=
  cluster_head node1
  echo "checks:"
  echo "  tcp: {type: tcp, interval: 1s}"
  echo "  http: {type: http, interval: 1s}"
  echo "backends:"
  for ((i = 0; i < RATE; i++)); do
    echo "  b$i: {node: node1, addresses: [10.128.$((i / 250)).$((i % 250))]}"
    members+="b$i: , "
  done
  echo "services:"
  cluster_service all 192.0.2.10 80 tcp source "$members" 8080
  echo "    check: $1"
}

# opened: connections that the node's kernel has begun.
opened() {
  in_ns node1 nstat -asz --json TcpActiveOpens | jq .kernel.TcpActiveOpens
}

# settled: the kernel has seen RATE checks begin within a second. The first ones go out in a burst of their own.
settled() {
  local before after began ended
  before=$(opened) began=$(date +%s%N)
  sleep 1
  after=$(opened) ended=$(date +%s%N)
  at_rate $((after - before)) $((ended - began))
}

# at_rate CHECKS NANOSECONDS
at_rate() {
  awk -v n="$1" -v ns="$2" -v rate="$RATE" 'BEGIN { r = n / ns * 1e9; exit r < 0.98 * rate || r > 1.02 * rate }'
}

# agent_cost CHECK: milliseconds of processor time a second at RATE checks; into CHECK.cost.
agent_cost() {
  local before after began ended
  CLUSTER=$LAB_DIR/$1.yaml
  write_checks "$1" >"$CLUSTER"
  start_agent node1
  wait_until 20 settled || die "$1: never $RATE checks a second"
  before=$(opened) began=$(date +%s%N)
  # That it really checks so often is seen by the kernel's count.
  cpu_of "$SECONDS_EACH" "$(cat "$LAB_DIR/node1.pid")" >>"$LAB_DIR/$1.cost"
  after=$(opened) ended=$(date +%s%N)
  at_rate $((after - before)) $((ended - began)) ||
    die "$1: $((after - before)) checks in $(((ended - began) / 1000000)) ms"
  stop_agent node1
}

stop_agent() {
  signal_agent "$1" TERM
  wait_until 5 has_ended "$1" || die "the agent of $1 goes on"
}

# loop_cost NAME OPTION...: the same of the bare loop.
loop_cost() {
  local name=$1 cost rate
  shift
  read -r cost rate < <(in_ns node1 "$TOOLS/connect_loop" "$RATE" "$SECONDS_EACH" 10.128.0.0 "$RATE" 8080 "$@")
  awk -v r="$rate" -v rate="$RATE" 'BEGIN { exit r < 0.98 * rate }' || die "the bare loop: $rate a second"
  echo "$cost" >>"$LAB_DIR/$name.cost"
}

cost() {
  median <"$LAB_DIR/$1.cost"
}

ratio() {
  awk -v a="$(cost "$1")" -v b="$(cost "$2")" 'BEGIN { printf "%.2f\n", a / b }'
}

lab_node node1
ip -n node1 route add local 10.128.0.0/16 dev lo
start_nginx node1 web 8080
for ((round = 0; round < ROUNDS; round++)); do
  loop_cost bare
  loop_cost reset --reset
  agent_cost tcp
  agent_cost http
done
figure health_tcp_cpu_ms "$(cost tcp)" - "of a CPU second, $RATE tcp checks a second"
figure health_bare_cpu_ms "$(cost bare)" - "connect and close, $RATE a second"
figure health_tcp_cpu_ratio "$(ratio tcp bare)" '<= 1.5' "tcp checks beside the bare loop"
figure health_tcp_cpu_ratio_reset "$(ratio tcp reset)" - "beside a loop that closes by RST"
figure health_http_cpu_ms "$(cost http)" - "$RATE http checks a second"
