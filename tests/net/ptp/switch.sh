# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The demonstration's protection switch: the 50 us way fails under a tunnel, both ends go to the 350 us way
# together. Sourced by demo.sh after clocks.sh. How long the tunnel is silent is seen by messages 1 ms apart, each
# way; what becomes of the offset is seen by the client itself.

ROUNDS=5
# Delay measurements after which the offset must be back: as many as delay_filter_length.
MEASUREMENTS=10

# A Sync message of a domain (99) that neither clock is in.
FOREIGN_SYNC='\x00\x02\x00\x2c\x63'$(printf '\\x00%.0s' {1..39})

where() {
  xdplb "$1" tunnel show short --json | jq -r '.[0] | .state + " " + .lsp'
}

# is_at STATE LSP: at both ends.
is_at() {
  [[ $(where A) == "$1 $2" && $(where B) == "$1 $2" ]]
}

goes_to() {
  wait_until 10 is_at "$1" "$2" || fail "A: $(where A), B: $(where B), not $1 $2"
}

# far_address NODE TRANSPORT: of the other end's ptp0.
far_address() {
  case $1,$2 in
  A,UDPv4) echo 10.9.0.2 ;;
  B,UDPv4) echo 10.9.0.1 ;;
  A,UDPv6) echo fd09::2 ;;
  B,UDPv6) echo fd09::1 ;;
  esac
}

# number_of NODE: in the addresses that its stream comes from.
number_of() {
  [[ $1 == A ]] && echo 1 || echo 2
}

# stream_filter NODE TRANSPORT: what start_stream there sends, for tcpdump.
stream_filter() {
  case $2 in
  L2) echo "ether proto 0x88f7 and ether src 02:00:00:00:00:0$(number_of "$1")" ;;
  *) echo "udp dst port 319 and dst host $(far_address "$1" "$2")" ;;
  esac
}

# start_stream NODE TRANSPORT: foreign Sync messages to the other end's ptp0, one each ms.
start_stream() {
  local message=$FOREIGN_SYNC size=44 to
  to=UDP-SENDTO:$(bracket "$(far_address "$1" "$2")"):319
  if [[ $2 == L2 ]]; then
    message='\x01\x1b\x19\x00\x00\x00\x02\x00\x00\x00\x00\x0'$(number_of "$1")'\x88\xf7'$message
    size=58
    to=INTERFACE:ptp0
  fi
  start_messages "$1" "$message" "$size" "$to"
}

# has_come NAME MORE: that many frames are in a capture's file.
has_come() {
  (($(stat -c %s "$LAB_DIR/$1.pcap") > $2))
}

# grows NAME: 50 frames more come into a capture.
grows() {
  wait_until 5 has_come "$1" $(($(stat -c %s "$LAB_DIR/$1.pcap") + 5000)) || fail "nothing comes: $1"
}

# times NAME FILTER: of a capture's frames, s.
times() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn -tt "$2" 2>/dev/null | awk '$1 ~ /^[0-9.]+$/ { print $1 }'
}

# longest_silence NAME FILTER: between two frames, ms.
longest_silence() {
  times "$1" "$2" |
    awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { printf "%.1f\n", 1000 * most }'
}

break_way() {
  ip -n P1 link set l1 down
}

mend_way() {
  ip -n P1 link set l1 up
  goes_to up primary
}

# silence TRANSPORT: how long nothing came, in that direction where it was longer, ms.
silence() {
  local node
  declare -A far=([A]=B [B]=A)
  for node in A B; do
    start_capture "from_$node" "${far[$node]}" ptp0 "$(stream_filter "$node" "$1")"
    start_stream "$node" "$1"
  done
  grows from_A
  grows from_B
  break_way
  goes_to up backup
  grows from_A
  grows from_B
  for node in A B; do
    stop_messages "$node"
    stop_capture "from_$node"
  done
  mend_way
  for node in A B; do
    longest_silence "from_$node" "$(stream_filter "$node" "$1")"
  done | sort -n | tail -n 1
}

silences() {
  local round
  for ((round = 0; round < ROUNDS; round++)); do
    silence "$1" || return
  done
}

# Delay_Resp messages, by which a client measures the delay.
delay_filter() {
  case $1 in
  UDPv4) echo 'udp dst port 320 and udp[8] & 15 = 9' ;;
  UDPv6) echo 'ip6 and udp dst port 320 and ip6[48] & 15 = 9' ;;
  L2) echo 'ether proto 0x88f7 and ether[14] & 15 = 9' ;;
  esac
}

# offsets_over_switch TRANSPORT: into the file switch.samples, by time since the way failed, s; prints when the tenth
# delay was measured after that.
offsets_over_switch() {
  local broken
  start_clocks ptp0 "$1"
  wait_until 20 locked || fail "the clock does not lock"
  ask_client 20 >/dev/null
  start_capture delays B ptp0 "$(delay_filter "$1")"
  ask_client 24 >"$LAB_DIR/samples"
  broken=$EPOCHREALTIME
  break_way
  ask_client 64 >>"$LAB_DIR/samples"
  stop_capture delays
  expect "way" "$(where B)" "up backup"
  stop_clocks
  mend_way
  awk -v t="$broken" '{ print $1, $2, $3 - t }' "$LAB_DIR/samples" >"$LAB_DIR/switch$(suffix "$1").samples"
  times delays "$(delay_filter "$1")" |
    awk -v t="$broken" -v n="$MEASUREMENTS" '$1 > t && ++found == n { print $1 - t }'
}

# settled TRANSPORT MEASURED: what the offset was after the time MEASURED, us, and when it was back, ms.
settled() {
  local samples
  samples=$LAB_DIR/switch$(suffix "$1").samples
  microseconds "$(awk -v t="$2" '$3 > t { print $1 }' "$samples" | median)"
  awk -v t="$2" -v near="$NEAR" '$3 > 0 && out { printf "%.0f\n", 1000 * $3; out = 0 }
    $3 > 0 && $3 <= t && ($1 > 1000 * near || $1 < -1000 * near) { out = 1 }' "$samples" | tail -n 1
}

# switch_column TRANSPORT: silence, ms; offset, us; time, ms.
switch_column() {
  local measured
  # By files: what is left running when one of these fails would hold a pipe open.
  silences "$1" >"$LAB_DIR/silences"
  sort -n "$LAB_DIR/silences" | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)] }'
  offsets_over_switch "$1" >"$LAB_DIR/measured"
  measured=$(<"$LAB_DIR/measured")
  [[ -n $measured ]] || fail "fewer than $MEASUREMENTS delays were measured"
  settled "$1" "$measured"
}

# switch_row WHAT EXPECTED KEY LINE: a line of the table, from the columns' files.
switch_row() {
  local transport value
  printf '%-52s %8s' "$1" "$2"
  for transport in UDPv4 UDPv6 L2; do
    value=$(sed -n "$4p" "$LAB_DIR/switch.$transport")
    printf ' %10s' "${value:--}"
    [[ -n $value ]] || OFF+=("$1: no figure over $transport")
    note "$3$(suffix "$transport")" "${value:-null}"
  done
  echo
}

switches() {
  local transport offset
  start_agent A
  start_agent B
  goes_to up primary
  for transport in UDPv4 UDPv6 L2; do
    (switch_column "$transport") >"$LAB_DIR/switch.$transport" || {
      fault "protection switch over $transport: $(tail -n 1 "$LAB_DIR/why")"
      return
    }
    offset=$(sed -n 2p "$LAB_DIR/switch.$transport")
    is_near "${offset:-1000}" 0 || OFF+=("after the switch over $transport: ${offset:-no} us")
  done
  switch_row "protection switch: silence, ms (median of $ROUNDS)" - switch_ms 1
  switch_row "  offset after $MEASUREMENTS delay measurements, us" 0 switch_offset_us 2
  switch_row "  offset is back within $NEAR us after, ms" - switch_settled_ms 3
}
