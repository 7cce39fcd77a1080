#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the measuring scripts bench_*.sh beside it, or those named as arguments (detect, cost ...); prints
# a table and puts the figures into build/bench.json, beside what `make bench` has written there. Exit
# status 1: a figure could not be had or misses its goal.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
json=$root/build/bench.json
FIGURES=$(mktemp)
export FIGURES
trap 'rm -f "$FIGURES" "$json.part"' EXIT

scripts=("$here"/bench_*.sh)
if (($# > 0)); then
  scripts=("${@/#/$here/bench_}")
  scripts=("${scripts[@]/%/.sh}")
fi
if ((EUID != 0)); then
  echo "bench-net: must be root" >&2
  exit 1
fi
status=0
for script in "${scripts[@]}"; do
  echo "== $(basename "$script" .sh)"
  bash "$script" >/dev/null || status=1
done

# meets VALUE GOAL: GOAL as "<=80", ">=0.8", "=0", or "-" for none.
meets() {
  case $2 in
  -) return 0 ;;
  '<='*) jq -en --argjson v "$1" --argjson g "${2#<=}" '$v <= $g' >/dev/null ;;
  '>='*) jq -en --argjson v "$1" --argjson g "${2#>=}" '$v >= $g' >/dev/null ;;
  '='*) jq -en --argjson v "$1" --argjson g "${2#=}" '$v == $g' >/dev/null ;;
  esac
}

printf '%-30s %12s %8s  %s\n' figure value goal "what it is"
while read -r key value goal words; do
  if ! meets "$value" "$goal"; then
    words+=" MISSED"
    status=1
  fi
  printf '%-30s %12s %8s  %s\n' "$key" "$value" "$goal" "$words"
done <"$FIGURES"
[[ -s $json ]] || echo '{}' >"$json"
jq --rawfile figures "$FIGURES" '. + ($figures | split("\n") | map(select(. != "") | split(" "))
  | map({key: .[0], value: (.[1] | tonumber)}) | from_entries)' "$json" >"$json.part"
mv "$json.part" "$json"
exit "$status"
