#!/usr/bin/env bash
# Runs unit and end-to-end tests and adds their closing lines up. Usage: run_all.sh BUILD
set -uo pipefail

build=$1
here=$(cd "$(dirname "$0")" && pwd)
total_passed=0 total_failed=0 total_skipped=0

# Runs a command, shows its output, adds its closing line to the totals.
run() {
  local title=$1 log=$build/$2 status=0 passed failed skipped
  shift 2
  echo "== $title"
  "$@" 2>&1 | tee "$log" || status=$?
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]} skipped=${BASH_REMATCH[3]}
  else
    echo "$title: no closing line"
    passed=0 failed=1 skipped=0
  fi
  if ((status != 0 && failed == 0)); then
    echo "$title: exit status $status"
    failed=1
  fi
  ((total_passed += passed, total_failed += failed, total_skipped += skipped))
}

run "unit tests" unit.log "$here/run_unit.sh" "$build"
run "end-to-end tests" net.log "$here/../net/run.sh"
echo
echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
((total_failed == 0))
