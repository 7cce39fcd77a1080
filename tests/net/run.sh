#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the end-to-end tests beside it, or those named as arguments (http, clash ...), one after the
# other. The last line is `N passed, N failed, N skipped`; the exit status is 1 if one failed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
limit=120 # seconds for a script that does not say "# limit: SECONDS" of itself
passed=0 failed=0 skipped=0

tests=("$here"/test_*.sh)
if (($# > 0)); then
  tests=("${@/#/$here/test_}")
  tests=("${tests[@]/%/.sh}")
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in "${tests[@]}"; do
  name=$(basename "$test" .sh)
  echo "== $name"
  status=0
  own=$(sed -n 's/^# limit: \([0-9]*\).*/\1/p' "$test")
  timeout "${own:-$limit}" bash "$test" 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
  ok=$(grep -c '^ok ' "$log" || true)
  not_ok=$(grep -c '^not ok ' "$log" || true)
  skips=$(grep -c '^skip ' "$log" || true)
  # A script that ends early, for whatever reason, must not pass for one that had nothing to say.
  if ((status != 0 && not_ok == 0)) || ((ok + not_ok + skips == 0)); then
    echo "not ok $name: ended with exit status $status"
    not_ok=$((not_ok + 1))
  fi
  passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skips))
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
