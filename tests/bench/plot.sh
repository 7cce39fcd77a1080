#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Measures what the plots show (bench --plot) and draws them, SVG, into tests/bench/plots/. With a file as
# argument: draws what was measured before.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
json=${1:-}
plots=$here/plots
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

if [[ -z $json ]]; then
  json=$root/build/bench-plot.json
  rm -f "$json"
  "$root/build/tests/bench/bench" --plot --out "$json" --rounds "${ROUNDS:-9}" --only "$(
    echo lb_floor_ns lru_ref_ns \
      {lb,lru}_flows_{10,100,1k,10k,100k,1m} lb_flows_10m \
      lb_size_{1,10,100,1000,10000}x10 lb_size_10x{100,1000,10000} | tr ' ' ','
  )"
fi

# points KEY-BEFORE KEY-AFTER X=NAME...: lines "X FIGURE" of the keys that there are.
points() {
  local point
  for point in "${@:3}"; do
    jq -er --arg key "$1${point#*=}$2" --arg x "${point%=*}" \
      'if has($key) then "\($x) \(.[$key])" else empty end' "$json" || true
  done
}

figure() {
  jq -er ".$1" "$json"
}

flows=("10=10" "100=100" "1000=1k" "10000=10k" "100000=100k" "1000000=1m" "10000000=10m")
points lb_flows_ "" "${flows[@]}" >"$data/flows"
points lru_flows_ "" "${flows[@]}" >"$data/flows-lru"
points lb_size_ x10 1=1 10=10 100=100 1000=1000 10000=10000 >"$data/services"
points lb_size_10x "" 10=10 100=100 1000=1000 10000=10000 >"$data/backends"

# draw NAME TITLE X-AXIS LRU-POINTS
draw() {
  gnuplot <<EOF
set terminal svg noenhanced size 640,420 font "sans,12" background "white" name "$1"
set output "$plots/$1.svg"
set title "$2"
set xlabel "$3" offset 0,0.6
set ylabel "ns a packet, net of the floor"
set logscale x
set format x "%.0s%c"
set yrange [0:*]
set grid ytics lc rgb "#dddddd"
set key below vertical left reverse Left maxrows 3
set style data linespoints
floor = $(figure lb_floor_ns)
lru = $(figure lru_ref_ns)
plot $4 lc rgb "#d95f02" lw 2, \
  "$data/$1" title "lb_xdp" lc rgb "#1b9e77" pt 7 lw 2, \
  floor title "the floor itself: XDP_TX and the driver" with lines lc rgb "#888888" lw 1
EOF
}

mkdir -p "$plots"
draw flows "Cost against flows: one service, 10 backends" "flows at random" \
  "\"$data/flows-lru\" title \"one lookup in an LRU map of 1 million flows\""
for x in services backends; do
  other="10 backends each"
  [[ $x == services ]] || other="10 services"
  draw "$x" "Cost against $x: $other, 1 million flows" "$x" \
    "lru title \"one lookup in an LRU map of 1 million flows\" with lines"
done
