# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What hand-over costs in the hand-over lab: the share of the client's packets that are handed over and for how
# long after an event, what the hop more takes, and what an access node remembers. Sourced after world.sh; events.sh has the events.

HOP_CONNECTIONS=128
HOP_ROUNDS=5 # pairs: not handed over, handed over
HOP_FOR=3    # seconds each

HANDED_SAMPLES=$LAB_DIR/handed.samples

# Packets that the client has sent; all of them go to VIPs.
packets_sent() {
  nsenter --net=/run/netns/client -- cat /proc/net/dev | awk '$1 == "eth0:" { print $11 }'
}

# A line: the time in ms, hand-overs of all service nodes, packets of the client.
sample_handed() {
  echo "$(($(date +%s%N) / 1000000)) $(world_counter handed_over) $(packets_sent)"
}

# Samples in the background until unwatch_handed.
watch_handed() {
  sample_handed >"$HANDED_SAMPLES"
  (while sample_handed >>"$HANDED_SAMPLES" 2>/dev/null; do
    sleep 0.1 # how finely time is told
  done) &
  HANDED_WATCH=$!
}

unwatch_handed() {
  kill "$HANDED_WATCH"
  wait "$HANDED_WATCH" || true
  sample_handed >>"$HANDED_SAMPLES"
}

# handed_figures: JSON, of the samples: from the last before there was a hand-over to the one after which
# there was none.
handed_figures() {
  awk '
    NF != 3 { next }
    NR > 1 && $2 > handed {
      if (!began) { began = before; handed0 = handed; sent0 = sent }
      ended = $1; handed1 = $2; sent1 = $3
    }
    { before = $1; handed = $2; sent = $3 }
    END {
      printf "{\"handed_share\": %.4f, \"handed_seconds\": %.2f, \"handed_to_end\": %s}\n",
        (began ? (handed1 - handed0) / (sent1 - sent0) : 0), (ended - began) / 1000,
        (began && before - ended < 1000 ? "true" : "false")
    }' "$HANDED_SAMPLES"
}

# share_of_new CONNECTIONS: opens all anew; the share of their packets that is handed over in a second.
share_of_new() {
  local handed sent
  renew_connections "$1"
  handed=$(world_counter handed_over) sent=$(packets_sent)
  tell_client 'window renewed' >/dev/null
  tell_client 'count 1' >/dev/null
  awk "BEGIN { printf \"%.4f\", ($(world_counter handed_over) - $handed) / ($(packets_sent) - $sent) }"
}

# hop_round direct|handed: a line of JSON: the median answers of b5 and of the others, and how much was handed over.
hop_round() {
  local handed sent window
  handed=$(world_counter handed_over) sent=$(packets_sent)
  tell_client 'window hop' >/dev/null
  window=$(tell_client "count $HOP_FOR")
  jq -c --arg kind "$1" --argjson handed $(($(world_counter handed_over) - handed)) \
    --argjson sent $(($(packets_sent) - sent)) '
    def median: sort | .[length / 2 | floor];
    {kind: $kind, b5: .backends.b5.answer_us, answers: .backends.b5.answers, broken,
     others: [.backends | to_entries[] | select(.key != "b5").value.answer_us] | median,
     handed: $handed, sent: $sent}' <<<"$window"
}

# measure_hop: the same connections, whose backend is now up and now, for the access nodes, down, so that they
# are handed over. HOP is what goes into the JSON.
measure_hop() {
  local round rounds=$LAB_DIR/hop.json
  : >"$rounds"
  renew_connections "$HOP_CONNECTIONS"
  for ((round = 0; round < HOP_ROUNDS; round++)); do
    hop_round direct >>"$rounds"
    on_access health set b5 down >"$LAB_DIR/event.log"
    hop_round handed >>"$rounds"
    on_access health set b5 up >"$LAB_DIR/event.log"
  done
  on_access health set b5 auto >"$LAB_DIR/event.log"
  # shellcheck disable=SC2034 # for the caller
  HOP=$(jq -s '
    def median(f): map(f) | sort | .[length / 2 | floor];
    def side: {answer_us: median(.b5), others_answer_us: median(.others), answers: (map(.answers) | add),
      handed_over: (map(.handed) | add), packets: (map(.sent) | add), broken: (map(.broken) | add)};
    {direct: (map(select(.kind == "direct")) | side), handed: (map(select(.kind == "handed")) | side)} |
    {extra_hop_us: (.handed.answer_us - .direct.answer_us), extra_hop: .}' "$rounds")
  jq -r '.extra_hop | to_entries[] | [.key, .value.answer_us, .value.others_answer_us, .value.answers,
    .value.packets, .value.handed_over, .value.broken] | @tsv' <<<"$HOP" |
    while IFS=$'\t' read -r -a row; do
      printf '%-8s %8s %8s %8s %8s %12s %7s\n' "${row[@]}"
    done
}

# Bytes of the kernel's memory in all maps of the access nodes.
access_memory() {
  local map
  for map in /sys/fs/bpf/xdplb/access[12]/*; do
    [[ ! -f $map ]] || bpftool -j map show pinned "$map"
  done | jq -s 'map(.bytes_memlock) | add'
}

# measure_memory CONNECTIONS: MEMORY is what goes into the JSON.
measure_memory() {
  local none some
  renew_connections 0
  none=$(access_memory)
  renew_connections "$1"
  some=$(access_memory)
  # shellcheck disable=SC2034 # for the caller
  MEMORY=$(jq -n --argjson n "$1" --argjson none "$none" --argjson some "$some" \
    '{access_bytes: $none, access_bytes_per_connection: (($some - $none) / $n)}')
}
