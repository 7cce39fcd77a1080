# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the measuring scripts have in common: a lab, the tools, and where figures go.

BENCH_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../net/lab.sh
source "$BENCH_HERE/../../net/lab.sh"
# shellcheck source=../../net/agents.sh
source "$BENCH_HERE/../../net/agents.sh"
# shellcheck disable=SC2034 # by those who source this
TOOLS=$LAB_ROOT/build/tests/bench/net
FIGURES=${FIGURES:-/dev/stdout}
# die WHY: a measurement that can't be had is no figure.
die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# The labs' own complaints end the script, which no check() is around.
fail() {
  die "$@"
}

# figure KEY VALUE [GOAL [WORDS]]: GOAL as "<= 80", or "-" for none.
figure() {
  printf '%s %s %s %s\n' "$1" "$2" "$(tr -d ' ' <<<"${3:--}")" "${4:-}" >>"$FIGURES"
}

# median, maximum: of the numbers on standard input, one a line.
median() {
  sort -g | awk '{ v[NR] = $1 } END { printf "%.2f\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

maximum() {
  sort -g | tail -n 1 | awk '{ printf "%.2f\n", $1 }'
}

# cpu_ns PID: processor time of all its threads so far, nanoseconds.
cpu_ns() {
  cat "/proc/$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# cpu_of SECONDS PID: milliseconds of processor time a second, over so many seconds.
cpu_of() {
  local before after began ended
  before=$(cpu_ns "$2") began=$(date +%s%N)
  sleep "$1"
  after=$(cpu_ns "$2") ended=$(date +%s%N)
  awk -v cpu=$((after - before)) -v time=$((ended - began)) 'BEGIN { printf "%.2f\n", cpu / time * 1000 }'
}

# in_background NODE PROGRAM ARGUMENT...: its process is $BACKGROUND.
in_background() {
  nsenter --net="/run/netns/$1" -- "${@:2}" &
  # shellcheck disable=SC2034 # by those who call it
  BACKGROUND=$!
}
