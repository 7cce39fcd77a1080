# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Long-lived TCP connections to port 7 of a VIP, behind which start_echo's servers are, and whether each goes on
# with the server that it began with. Sourced after lab.sh.

CONNECTIONS=20

# open_connections ADDRESS: CONNECTIONS long-lived ones. Descriptor 10 + i writes to number i, its answers
# go to a file.
open_connections() {
  local i
  for ((i = 0; i < CONNECTIONS; i++)); do
    mkfifo "$LAB_DIR/in$i"
    : >"$LAB_DIR/out$i"
    nsenter --net=/run/netns/client -- socat -t 1 - "TCP:$(bracket "$1"):7" \
      <"$LAB_DIR/in$i" >"$LAB_DIR/out$i" 2>>"$LAB_DIR/client.log" &
    eval "exec $((10 + i))>'$LAB_DIR/in$i'"
  done
  say first
  servers >"$LAB_DIR/servers"
}

# Of this process alone: a child that goes on has them too.
release_connections() {
  local i
  for ((i = 0; i < CONNECTIONS; i++)); do
    eval "exec $((10 + i))>&-"
  done
}

close_connections() {
  release_connections
  wait_until 5 all_closed || fail "connections do not close"
  rm -f "$LAB_DIR"/{in,out}[0-9]*
}

all_closed() {
  ! pgrep -f "^socat -t 1 - TCP:" >/dev/null
}

# answered WORD: how many connections have had their answer to it.
answered() {
  grep -l " $1\$" "$LAB_DIR"/out* 2>/dev/null | wc -l
}

all_answered() {
  (($(answered "$1") == CONNECTIONS))
}

# write_line WORD DESCRIPTOR: to a client that may have ended.
write_line() {
  { echo "$1" >&"$2"; } 2>/dev/null || true
}

# say WORD: on each connection; all must answer.
say() {
  local i
  for ((i = 0; i < CONNECTIONS; i++)); do
    echo "$1" >&$((10 + i))
  done
  wait_until 10 all_answered "$1" || fail "$1: $(answered "$1") of $CONNECTIONS connections answered"
}

# servers: the process that answers each connection, which must stay the same.
servers() {
  local i
  for ((i = 0; i < CONNECTIONS; i++)); do
    tail -n 1 "$LAB_DIR/out$i" | cut -d' ' -f1,2
  done
}

# kept WORD: all connections go on, with whom they had.
kept() {
  say "$1"
  expect "servers after $1" "$(servers)" "$(cat "$LAB_DIR/servers")"
}

# new_servers ADDRESS: who answers 20 new connections.
new_servers() {
  local i
  for ((i = 0; i < 20; i++)); do
    echo new | in_ns client timeout 5 socat -t 1 - "TCP:$(bracket "$1"):7" | cut -d' ' -f1
  done | sort -u | paste -sd' '
}
