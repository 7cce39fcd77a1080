#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The demonstration: real clients through an XDP balancer, answered directly, and a backend that dies
# under load (scene_failure.sh). Builds lab_main (drawn in
# lab.sh), attaches the programs, sends HTTP requests and prints what came of them, as seen on the wire
# and by the client, never by our own counters. Writes build/demo.json; exit status 0 only if every
# request was answered by a backend that should, from the VIP, and no reply touched the access node.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
# shellcheck source=scene_failure.sh
source "$(dirname "$0")/scene_failure.sh"
lab_isolate "$@"

NEW_CONNECTIONS=150 # requests with a connection each
KEPT_CONNECTIONS=5  # connections with 10 requests each
JSON=$LAB_ROOT/build/demo.json
FAULTS=0

write_cluster() {
  cluster_head access1 node1 node2 | cluster_addresses
  cluster_sharing
  echo "checks:"
  echo "  http: {type: http, interval: 100ms, timeout: 90ms, rise: 1, fall: 1}"
  cluster_backends
  echo "services:"
  cluster_service web4-source 192.0.2.10 80 tcp source 'web1: , web2: {weight: 2}, web3: ' 8080
  echo "    check: http"
  cluster_service web4-interface 192.0.2.20 80 tcp interface 'web1: , web2: {weight: 3}'
  cluster_service web6-source 2001:db8:1::10 80 tcp source 'web1: , web2: {weight: 2}, web3: ' 8080
  cluster_service web6-interface 2001:db8:1::20 80 tcp interface 'web1: , web2: {weight: 3}'
}

start_servers() {
  # Of a source service a backend sees its own address, of an interface service the VIP.
  start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080' 80 '[::]:80'
  start_nginx node1 web3 10.0.1.12:8080 '[fd00:1::12]:8080'
  start_nginx node2 web2 10.0.2.11:8080 '[fd00:2::11]:8080' 80 '[::]:80'
}

# Gives up after a first request without an answer, or a broken balancer would take minutes to show.
send_requests() {
  local i first
  first=$(http_new 1 "$(url "$1")")
  echo "$first"
  [[ $first == *" 200 "* ]] || return 0
  http_new $((NEW_CONNECTIONS - 1)) "$(url "$1")"
  for ((i = 0; i < KEPT_CONNECTIONS; i++)); do
    http_kept 10 "$(url "$1")"
  done
}

# run_service NAME VIP BACKENDS: prints a line of the table, adds to the JSON and counts faults.
run_service() {
  local name=$1 vip=$2 backends=$3 requests answered source seen replies share backend
  local faults=() answers=$LAB_DIR/answers.$name
  requests=$((NEW_CONNECTIONS + KEPT_CONNECTIONS * 10))
  start_capture client client eth0 tcp
  start_capture access router to-access1 tcp
  send_requests "$vip" | awk '$3 == 200' >"$answers"
  stop_capture client
  stop_capture access
  answered=$(wc -l <"$answers")
  source=$(sources_seen client "dst host $CLIENT4 or dst host $CLIENT6")
  # On the wire between router and access node: packets to the VIP are requests on their way in,
  # whatever goes to the client is a reply on a way it should not take.
  seen=$(count_packets access "dst host $vip")
  replies=$(count_packets access "dst host $CLIENT4 or dst host $CLIENT6")
  share=$(cut -d' ' -f1 "$answers" | jq -cRn '[inputs] | group_by(.) | map({key: .[0], value: length})
    | from_entries')

  ((answered == requests)) || faults+=("$((requests - answered)) requests not answered")
  [[ $source == "$vip" ]] || faults+=("replies come from '$source'")
  ((replies == 0)) || faults+=("$replies replies through the access node")
  ((seen > 0)) || faults+=("no request was seen at the access node")
  for backend in $backends; do
    jq -e --arg backend "$backend" 'has($backend)' <<<"$share" >/dev/null ||
      faults+=("$backend answered nothing")
  done

  printf '%-15s %-15s %8d %8d  %-27s %-15s %8d %7d\n' "$name" "$vip" "$requests" "$answered" \
    "$(jq -r 'to_entries | map("\(.key) \(.value)") | join("  ")' <<<"$share")" "${source:--}" \
    "$seen" "$replies"
  if ((${#faults[@]} > 0)); then
    printf '  FAULT: %s\n' "${faults[@]}"
    FAULTS=$((FAULTS + ${#faults[@]}))
  fi
  jq -n --arg name "$name" --argjson requests "$requests" --argjson answered "$answered" \
    --argjson share "$share" --arg source_seen "$source" --argjson replies "$replies" \
    '{($name): {requests: $requests, answered: $answered, share: $share,
      source_seen: $source_seen, replies_through_access: $replies}}' >>"$LAB_DIR/services.json"
}

if [[ ! -x $XDPLB_LOAD ]]; then
  echo "demo: $XDPLB_LOAD is not there: run make" >&2
  exit 1
fi
rm -f "$JSON"
lab_main
make_sharing_keys
write_cluster >"$CLUSTER"
start_servers
attach_all "$CLUSTER" node1 node2 access1

echo "client -> router -> access1 (lb_xdp) -> router -> node1, node2 (node_tc, nginx) -> router -> client"
echo "Weights: source services web1 1, web2 2, web3 1; interface services web1 1, web2 3."
echo
printf '%-15s %-15s %8s %8s  %-27s %-15s %8s %7s\n' \
  "" "" "" "" "" "source seen" "through access:" ""
printf '%-15s %-15s %8s %8s  %-27s %-15s %8s %7s\n' \
  "service" "VIP" requests answered "share of the backends" "by the client" requests replies
run_service web4-source 192.0.2.10 "web1 web2 web3"
run_service web4-interface 192.0.2.20 "web1 web2"
run_service web6-source 2001:db8:1::10 "web1 web2 web3"
run_service web6-interface 2001:db8:1::20 "web1 web2"
echo
scene_failure
jq -s --slurpfile failure "$LAB_DIR/failure.json" '{services: add, failure: $failure[0]}' \
  "$LAB_DIR/services.json" >"$JSON"

for node in access1 node1 node2; do
  xdplb "$node" detach
done
echo
if ((FAULTS > 0)); then
  echo "demo: $FAULTS faults"
  exit 1
fi
echo "demo: every request was answered from the VIP, no reply passed the access node, and no connection"
echo "broke but those to the backend that was killed"
