# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What keeps a node busy: frames that wait, messages one after the other, processors that have other things to do.
# Sourced after lab.sh.

DELAY=$LAB_ROOT/build/tests/net/lsr_delay

# wait_at NODE in|out|raw INTERFACE MICROSECONDS: frames wait there, see lsr_delay.c.
wait_at() {
  in_ns "$1" "$DELAY" "/sys/fs/bpf/xdplb/$1" "$2" "$3" "$4" >"$LAB_DIR/delay" 2>&1 &
  wait_until 10 grep -q ready "$LAB_DIR/delay" || fail "$(cat "$LAB_DIR/delay")"
}

# start_messages NODE MESSAGE SIZE TO: MESSAGE, as printf takes it, of SIZE bytes, to a socat address, one each ms.
start_messages() {
  local message=$2
  [[ -p $LAB_DIR/never ]] || mkfifo "$LAB_DIR/never"
  # socat takes them from the pipe one by one, however late it is. It ends when a tunnel that is down for a moment
  # takes an Ethernet frame from it.
  {
    # Nobody writes into this: waiting without another process.
    exec 9<>"$LAB_DIR/never"
    until read -rt 0.001 -u 9; do
      # shellcheck disable=SC2059
      printf "$message" 2>/dev/null || break
    done
  } > >(until in_ns "$1" socat -u -b "$3" - "$4" 2>/dev/null; do :; done) &
  echo $! >"$LAB_DIR/messages.$1.pid"
}

stop_messages() {
  kill "$(<"$LAB_DIR/messages.$1.pid")"
  wait "$(<"$LAB_DIR/messages.$1.pid")" 2>/dev/null || true
}

# start_hogs COUNT: processes that want a processor all the time.
start_hogs() {
  local i
  : >"$LAB_DIR/hogs"
  for ((i = 0; i < $1; i++)); do
    (while :; do :; done) &
    echo $! >>"$LAB_DIR/hogs"
  done
}

stop_hogs() {
  local pid
  while read -r pid; do
    kill "$pid"
    wait "$pid" 2>/dev/null || true
  done <"$LAB_DIR/hogs"
}
