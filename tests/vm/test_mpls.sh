#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Do the programs of label switching load under this kernel, and do they do there what they do here? The unit
# tests of lsr_xdp and ptp_tc, without those that run hundreds of thousands of packets. Argument: unit_tests.
set -euo pipefail

status=0
for suite in 'lsr_xdp/*' 'lsr_refuse/[do]*' 'lsr_deliver/*' 'lsr_probe/[!f]*' 'lsr_residence/[cils]*' 'ptp_*/*'; do
  if output=$("$1" --filter "$suite" --jobs 1 2>&1) && grep -Eq 'Tested: [1-9]' <<<"$output"; then
    echo "ok $(uname -r)_$suite"
  else
    echo "not ok $(uname -r)_$suite"
    echo "$output" | tail -n 40
    status=1
  fi
done
exit "$status"
