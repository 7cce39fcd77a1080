#!/usr/bin/env bash
# Runs the unit tests; last line: N passed, N failed, N skipped. Usage: run_unit.sh BUILD
set -euo pipefail

build=$1
report=$build/unit.json
rm -f "$report"
status=0
"$build/tests/unit_tests" --jobs 2 --quiet --json="$report" || status=$?
if [[ ! -s $report ]]; then
  echo "unit tests: no report was written (exit status $status)"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
jq -r '"\(.passed) passed, \(.failed + .errored) failed, \(.skipped // 0) skipped"' "$report"
exit "$status"
