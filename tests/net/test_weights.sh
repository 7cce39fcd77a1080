#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Weights that servers set: what nginx and a program say of themselves reaches two access nodes, new connections
# follow it, and established ones stay where they are. And slow start, which uses the same weights.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
# shellcheck source=connections.sh
source "$(dirname "$0")/connections.sh"
lab_isolate "$@"

CLUSTER=$LAB_DIR/cluster.yaml
SLOW=6 # seconds of slow start

# write_cluster [SETTING of echo4]
write_cluster() {
  local both='web1: , web2: '
  cluster_head access1 access2 node1 node2 | cluster_addresses
  cluster_sharing 'interval: 100ms' 'missed: 5' 'lease: 1s'
  cat <<YAML
checks:
  page: {type: http, path: /said/state, report: body, interval: 100ms, timeout: 90ms, rise: 1, fall: 2}
  program: {type: exec, command: [$LAB_DIR/say.sh], report: output, interval: 100ms, timeout: 1s, rise: 1, fall: 2}
YAML
  cluster_backends
  echo "services:"
  cluster_service web4 192.0.2.10 80 tcp source "$both" 8080
  echo "    check: page"
  cluster_service echo4 192.0.2.11 7 tcp source "$both" 8007
  echo "    check: program"
  [[ -z ${1:-} ]] || echo "    $1"
}

# page NAME WORDS: what nginx of a backend says from now on.
page() {
  mkdir -p "$LAB_DIR/said/$1"
  echo "$2" >"$LAB_DIR/said/$1/new"
  mv "$LAB_DIR/said/$1/new" "$LAB_DIR/said/$1/state"
}

# program NAME WORDS: what the program that tests a backend says.
program() {
  echo "$2" >"$LAB_DIR/program.$1.new"
  mv "$LAB_DIR/program.$1.new" "$LAB_DIR/program.$1"
}

# shares_are BACKEND/CHECK STATE CAUSE SHARE: on both access nodes.
has_share() {
  [[ $(health_of "$1" "$2" '"\(.state) \(.cause) \(.share)"') == "$3 $4 $5" ]]
}

health_of() {
  local backend=${2%%/*} check=${2#*/}
  xdplb "$1" health --json | jq -r --arg b "$backend" --arg c "$check" \
    ".[] | select(.name == \$b and .check == \$c) | $3"
}

share_becomes() {
  local node
  for node in access1 access2; do
    wait_until 10 has_share "$node" "$@" ||
      fail "$1 on $node is $(health_of "$node" "$1" '"\(.state) \(.cause) \(.share)"'), not ${*:2}"
  done
}

# web1_of_300 FIRST LAST: so many of 300 new connections go to web1; all are answered.
web1_of_300() {
  local answers=$LAB_DIR/answers n
  http_new 300 "$(url 192.0.2.10)" >"$answers"
  expect "requests answered" "$(grep -c ' 200 ' "$answers")" 300
  n=$(grep -c '^web1 ' "$answers" || true)
  ((n >= $1 && n <= $2)) || fail "$n of 300 connections went to web1, not $1 to $2"
}

# Half of the buckets are web1's: 150 of 300, four standard deviations are 35.
page_sets_weights() {
  share_becomes web1/page up ok 100
  web1_of_300 115 185
  page web1 '30% # load 3.1'
  share_becomes web1/page up server 30
  web1_of_300 20 72
  page web1 'up'
  share_becomes web1/page up ok 100
  web1_of_300 115 185
}

page_sets_states() {
  page web1 drain
  share_becomes web1/page draining server 0
  web1_of_300 0 0
  page web1 maint
  share_becomes web1/page maint server 0
  web1_of_300 0 0
  page web1 down
  share_becomes web1/page down server 0
  page web1 '100%'
  share_becomes web1/page up ok 100
  page web1 'almost up'
  share_becomes web1/page down wrong_answer 0
  page web1 ''
  share_becomes web1/page up ok 100
}

# Another check of the same backend says nothing of it.
checks_are_apart() {
  page web1 10%
  share_becomes web1/page up server 10
  share_becomes web1/program up ok 100
  page web1 up
  share_becomes web1/page up ok 100
}

# Whatever the servers say, connections go on with whom they have.
nothing_moves() {
  local before words
  open_connections 192.0.2.11
  (($(cut -d' ' -f1 "$LAB_DIR/servers" | sort -u | wc -l) == 2)) || fail "only one backend has connections"
  before=$(handed_over)
  for words in 50% 10% 1% drain 25% maint 75% down 100%; do
    program web1 "$words"
    wait_until 10 said_arrived web1/program "$words" || fail "$words did not arrive"
    kept "said_${words%\%}"
  done
  (($(handed_over) > before)) || fail "nothing was handed over: nothing was to be kept"
  close_connections
}

# said_arrived TARGET WORDS
said_arrived() {
  local want node
  case $2 in
    100%) want="up ok 100" ;;
    *%) want="up server ${2%\%}" ;;
    drain) want="draining server 0" ;;
    *) want="$2 server 0" ;;
  esac
  for node in access1 access2; do
    [[ $(health_of "$node" "$1" '"\(.state) \(.cause) \(.share)"') == "$want" ]] || return
  done
}

handed_over() {
  echo $(($(counter node1 events handed_over) + $(counter node2 events handed_over)))
}

# Connections that were opened while web1 had a small share stay where they are when it has all again.
opened_meanwhile() {
  program web1 20%
  share_becomes web1/program up server 20
  open_connections 192.0.2.11
  program web1 up
  share_becomes web1/program up ok 100
  kept whole_again
  close_connections
}

operator_sets_weights() {
  xdplb access1 health set web1/page 40%
  expect "share" "$(health_of access1 web1/page '"\(.state) \(.cause) \(.share)"')" "up operator 40"
  page web1 10%
  wait_until 5 has_share access2 web1/page up server 10 || fail "10 % did not arrive"
  expect "share" "$(health_of access1 web1/page '"\(.state) \(.cause) \(.share)"')" "up operator 40"
  xdplb access1 health set web1/page auto
  share_becomes web1/page up server 10
  page web1 up
  share_becomes web1/page up ok 100
}

# ---- slow start ----

use_slow_start() {
  local node
  write_cluster "slow_start: ${SLOW}s" >"$CLUSTER"
  for node in node1 node2 access1 access2; do
    signal_agent "$node" HUP
  done
  for node in access1 access2; do
    wait_until 5 was_read_anew "$node" || fail "$node does not read the file anew"
  done
}

was_read_anew() {
  (($(grep -c 'was read anew' "$LAB_DIR/$1.log") >= 1))
}

share_of() {
  health_of access1 web1/program .share
}

share_is_above() {
  (($(share_of) > $1))
}

# Down and up again: a small share that grows, and nothing that moves.
share_grows() {
  local shares=() share cause
  use_slow_start
  share_becomes web1/program up ok 100
  open_connections 192.0.2.11
  program web1 down
  share_becomes web1/program down server 0
  kept down
  program web1 up
  wait_until 5 share_is_above 0 || fail "web1 does not come up"
  while read -r share cause < <(health_of access1 web1/program '"\(.share) \(.cause)"') &&
    ((share < 100)); do
    expect "cause at $share %" "$cause" slow_start
    ((${#shares[@]} == 0)) || ((share >= shares[-1])) || fail "the share shrinks: ${shares[*]} $share"
    shares+=("$share")
    kept "share_$share"
  done
  ((${#shares[@]} >= 3 && shares[0] <= 40)) || fail "the share does not grow slowly: ${shares[*]}"
  share_becomes web1/program up ok 100
  close_connections
}

# The agent dies while the share is small: its lease ends, and the whole share counts.
agent_dies_meanwhile() {
  program web1 down
  share_becomes web1/program down server 0
  program web1 up
  wait_until 5 share_is_above 0 || fail "web1 does not come up"
  signal_agent access1 KILL
  wait_until 5 has_ended access1 || fail "the agent lives"
  (($(share_of) < 60)) || fail "the share is $(share_of) already: too late to tell"
  wait_until 3 share_is_above 99 || fail "the share stays at $(share_of)"
  expect "state" "$(health_of access1 web1/program .state)" unknown
  start_agent access1
  share_becomes web1/program up ok 100
}

trap '' PIPE
lab_main
lab_access access2 8
cat >"$LAB_DIR/say.sh" <<'SH'
#!/bin/sh
cd "$(dirname "$0")" || exit 1
case $XDPLB_ADDRESS in
  *.1.11) cat program.web1 ;;
  *) cat program.web2 ;;
esac
SH
chmod 755 "$LAB_DIR/say.sh" "$LAB_DIR"
for name in web1 web2; do
  page "$name" up
  program "$name" up
done
make_sharing_keys
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080
start_nginx node2 web2 10.0.2.11:8080
start_echo node1 web1 TCP4 10.0.1.11 8007
start_echo node2 web2 TCP4 10.0.2.11 8007
lab_setup "$CLUSTER" node1 node2 access1 access2
for node in node1 node2 access1 access2; do
  start_agent "$node"
done

check page_sets_weights page_sets_weights
check page_sets_states page_sets_states
check checks_are_apart checks_are_apart
check nothing_moves nothing_moves
check opened_meanwhile opened_meanwhile
check operator_sets_weights operator_sets_weights
check share_grows share_grows
check agent_dies_meanwhile agent_dies_meanwhile
finish
