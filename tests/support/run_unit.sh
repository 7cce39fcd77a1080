#!/usr/bin/env bash
# Runs the unit tests; last line: N passed, N failed, N skipped. Usage: run_unit.sh BUILD
set -euo pipefail

build=$1
report=$build/unit.tap
rm -f "$report"
status=0
"$build/tests/unit_tests" --jobs 2 --quiet --tap="$report" || status=$?
if ! grep -q '^1\.\.' "$report" 2>/dev/null; then
  echo "unit tests: no report was written (exit status $status)"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
# A skipped test is an "ok" with a directive.
skipped=$(grep -cE '^ok .*# SKIP' "$report" || true)
passed=$(($(grep -c '^ok ' "$report" || true) - skipped))
failed=$(grep -c '^not ok ' "$report" || true)
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
