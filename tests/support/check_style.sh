#!/usr/bin/env bash
# Formatting (clang-format), shell scripts (shellcheck), file lengths. Exit status 1: something is off.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
status=0
mapfile -t sources < <(git ls-files '*.c' '*.h' ':!vmlinux.h')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

if ! command -v clang-format >/dev/null; then
  echo "check-style: no clang-format (package clang-format): formatting is not checked"
else
  for file in "${sources[@]}"; do
    if ! clang-format --dry-run --Werror "$file" 2>/dev/null; then
      echo "$file: clang-format would change it"
      status=1
    fi
  done
fi
if ! command -v shellcheck >/dev/null; then
  echo "check-style: no shellcheck (package shellcheck): scripts are not checked"
else
  shellcheck -x "${scripts[@]}" || status=1
fi
for file in "${sources[@]}"; do
  limit=400
  [[ $file == *.h ]] && limit=250
  lines=$(wc -l <"$file")
  if ((lines > limit)); then
    echo "$file: $lines lines, more than $limit: split it where the meaning splits"
    status=1
  fi
done
exit "$status"
