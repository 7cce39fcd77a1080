#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The tests under other kernels, in QEMU, and what needs no guest. Usage: run.sh [KERNEL...], such as 6.1 6.12 (the
# default). The last line is `N passed, N failed, N skipped`. Settings: VM_NET, the end-to-end tests to run;
# VM_CLANGS, compilers.
#
# Kernels and the objects of other compilers are kept below build/vm.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kept=$root/build/vm
read -ra net <<<"${VM_NET-http containers icmp}"
read -ra clangs <<<"${VM_CLANGS-clang-14 clang-16 clang-19}"
read -ra kernels <<<"${*:-6.1 6.12}"
passed=0 failed=0 skipped=0

# What the guest needs to make veths and hooks; what is built in is not missed.
modules="veth sch_ingress cls_bpf act_bpf nf_tables bridge"

# count LOG: adds up a log's checks.
count() {
  ((passed += $(grep -c '^ok ' "$1" || true))) || true
  ((failed += $(grep -c '^not ok ' "$1" || true))) || true
  ((skipped += $(grep -c '^skip ' "$1" || true))) || true
}

# judge NAME STATUS: 1 is the word of a script that has said "not ok" itself. A guest that does not come to its end
# is a failure.
judge() {
  local log=$kept/$1.log
  count "$log"
  if (($2 > 1)) || ! grep -Eq '^(ok|not ok|skip) ' "$log"; then
    echo "not ok $1: exit status $2"
    ((failed += 1))
  fi
}

# lane NAME VM-OPTION... -- COMMAND...: one boot.
lane() {
  local name=$1 status=0
  shift
  local options=()
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  echo "== $name"
  "$root/tests/support/vm.sh" "${options[@]}" "$unpacked" "$@" 2>&1 | tee "$kept/$name.log" || status=${PIPESTATUS[0]}
  judge "$name" "$status"
}

# on_host NAME COMMAND...: without a guest.
on_host() {
  local name=$1 status=0
  shift
  echo "== $name"
  "$@" 2>&1 | tee "$kept/$name.log" || status=${PIPESTATUS[0]}
  judge "$name" "$status"
}

# Three NICs on one wire.
wire() {
  local i
  for i in 0 1 2; do
    echo "-netdev hubport,id=n$i,hubid=0 -device virtio-net-pci,netdev=n$i,mac=52:54:00:00:00:0$i"
  done | paste -sd' '
}

# Two NICs with clocks on one wire. Each has a bus of its own, or its virtual functions would be in the other's place.
clock_wire() {
  local i
  for i in 0 1; do
    echo "-device pcie-root-port,id=port$i,chassis=$((i + 1)) -netdev hubport,id=n$i,hubid=0" \
      "-device igb,bus=port$i,netdev=n$i,mac=52:54:00:00:00:0$i,romfile="
  done | paste -sd' '
}

# The lane of hardware stamps: in an emulator that the release has not.
igb_lane() {
  local emulator
  emulator=$("$root/tests/support/qemu10.sh" "$kept" 2>"$kept/qemu10.log") || {
    echo "skip $kernel-igb: no QEMU 10: $(tail -n 1 "$kept/qemu10.log")"
    ((skipped += 1))
    return
  }
  QEMU=$emulator lane "$kernel-igb" -t 900 -M "$modules igb" -q "$(clock_wire)" -- bash tests/vm/test_igb.sh
}

# The commands, their BPF objects made by each compiler that is there.
build_commands() {
  local clang
  commands=()
  for clang in "${clangs[@]}"; do
    if ! command -v "$clang" >/dev/null; then
      echo "skip $clang: not installed"
      ((skipped += 1))
      continue
    fi
    make -s -C "$root" BUILD="build/vm/$clang" CLANG="$clang" "build/vm/$clang/xdplb-load" >/dev/null
    commands+=("build/vm/$clang/xdplb-load")
  done
}

cd "$root"
mkdir -p "$kept"
build_commands
on_host decode bash tests/vm/test_decode.sh
for kernel in "${kernels[@]}"; do
  unpacked=$("$root/tests/support/kernel.sh" "$kernel" "$kept")
  lane "$kernel-load" -t 900 -M "$modules" -- bash tests/vm/test_load.sh "${commands[@]}"
  lane "$kernel-mpls" -t 900 -M "$modules" -- bash tests/vm/test_mpls.sh build/tests/unit_tests
  lane "$kernel-kernel_mpls" -t 900 -M "$modules mpls_router mpls_iptunnel" -- bash tests/vm/test_kernel_mpls.sh
  lane "$kernel-virtio" -t 900 -M "$modules virtio_net" -q "$(wire)" -- bash tests/vm/test_virtio.sh
  igb_lane
  for test in "${net[@]}"; do
    lane "$kernel-$test" -t 1200 -M "$modules" -- bash "tests/net/test_$test.sh"
  done
done
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
