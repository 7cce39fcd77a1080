# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Agents in a lab: starting and signalling them, and what the access nodes know by them. Sourced after
# lab.sh by whoever has set CLUSTER, the cluster file that all nodes share.

XDPLB_AGENT=${XDPLB_AGENT:-$LAB_ROOT/build/xdplb-agent}

# make_sharing_keys: the key file that cluster_sharing names.
make_sharing_keys() {
  (umask 077 && echo "1 $(openssl rand -hex 32)" >"$LAB_DIR/sharing.keys")
}

# cluster_addresses: gives the nodes of a cluster file, read from standard input, the addresses by which
# their agents reach each other.
cluster_addresses() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line =~ ^\ \ ([a-z]+[0-9]+):$ ]] || continue
    printf '    address: %s\n' "$(lab_address_of "${BASH_REMATCH[1]}" 4)"
  done
}

# cluster_sharing [SETTING...]: as `interval: 100ms`.
cluster_sharing() {
  local setting
  printf 'sharing: {key_file: %s' "$LAB_DIR/sharing.keys"
  for setting in "$@"; do
    printf ', %s' "$setting"
  done
  echo '}'
}

# start_agent NODE
start_agent() {
  nsenter --net="/run/netns/$1" -- "$XDPLB_AGENT" "$CLUSTER" --node "$1" 2>>"$LAB_DIR/$1.log" &
  echo $! >"$LAB_DIR/$1.pid"
  wait_until 5 agent_is_ready "$1" || fail "the agent of $1 does not start: $(cat "$LAB_DIR/$1.log")"
}

agent_is_ready() {
  xdplb "$1" health agent --json
}

# signal_agent NODE SIGNAL
signal_agent() {
  kill "-$2" "$(cat "$LAB_DIR/$1.pid")"
}

has_ended() {
  ! kill -0 "$(cat "$LAB_DIR/$1.pid")"
}

# health_of NODE BACKEND[/CHECK] FIELD; the check is http unless it is named.
health_of() {
  local backend=${2%%/*} check=${2#*/}
  [[ $2 == */* ]] || check=http
  xdplb "$1" health --json |
    jq -r --arg b "$backend" --arg c "$check" ".[] | select(.name == \$b and .check == \$c) | .$3"
}

# is NODE BACKEND[/CHECK] STATE [CAUSE]
is() {
  [[ $(health_of "$1" "$2" state) == "$3" ]] &&
    { [[ -z ${4:-} ]] || [[ $(health_of "$1" "$2" cause) == "$4" ]]; }
}

# becomes BACKEND[/CHECK] STATE [CAUSE]: on both access nodes.
becomes() {
  local node
  for node in access1 access2; do
    wait_until 15 is "$node" "$@" ||
      fail "$1 on $node is $(health_of "$node" "$1" state) ($(health_of "$node" "$1" cause)), not $2"
  done
}

# nginx_pid NODE NAME: of the master, which writes its file a moment after it listens.
nginx_pid() {
  cat "$LAB_DIR"/nginx-"$1"-"$2".*/pid
}

# nginx_pids NODE NAME: master and worker.
nginx_pids() {
  local master
  master=$(nginx_pid "$1" "$2")
  echo "$master $(pgrep -P "$master" | paste -sd' ')"
}

process_is_gone() {
  ! kill -0 "$1"
}

stop_nginx() {
  local pid
  pid=$(nginx_pid "$1" "$2")
  kill "$pid"
  wait_until 5 process_is_gone "$pid" || fail "nginx on $1 does not end"
  rm -r "$LAB_DIR"/nginx-"$1"-"$2".*
}
