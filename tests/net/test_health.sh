#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The map `health` of an access node: what is written there is obeyed at the next packet.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
lab_isolate "$@"

write_cluster() {
  local both='web1: , web2: '
  cluster_main
  cluster_service web4 192.0.2.10 80 tcp source "$both" 8080
  cluster_service web6 2001:db8:1::20 80 tcp interface "$both"
}

# backends_of VIP: which backends answer 40 new connections, all of which must be answered.
backends_of() {
  local answers=$LAB_DIR/answers
  http_new 40 "$(url "$1")" >"$answers"
  expect "requests answered" "$(grep -c ' 200 ' "$answers")" 40
  cut -d' ' -f1 "$answers" | sort -u | paste -sd' '
}

state_of() {
  xdplb access1 health --json | jq -r ".[] | select(.name == \"$1\") | .$2"
}

unknown_at_first() {
  expect "state" "$(state_of web1 state)" unknown
  expect "backends" "$(backends_of 192.0.2.10)" "web1 web2"
}

# usable_of SERVICE: the number of backends `status` says that packets are sent to, and which.
usable_of() {
  xdplb access1 status --json | jq -r ".services[] | select(.name == \"$1\") |
    [.usable, (.backends[] | select(.usable) | .name)] | join(\" \")"
}

# set_and_obeyed STATE BACKENDS
set_and_obeyed() {
  xdplb access1 health set web1 "$1"
  expect "state" "$(state_of web1 state)" "$1"
  expect "cause" "$(state_of web1 cause)" operator
  expect "backends, IPv4" "$(backends_of 192.0.2.10)" "$2"
  expect "backends, IPv6" "$(backends_of 2001:db8:1::20)" "$2"
  expect "usable, as status says" "$(usable_of web4)" "$(wc -w <<<"$2") $2"
}

# Nobody is left: dropped and counted.
all_down() {
  local before
  xdplb access1 health set web1 down
  xdplb access1 health set web2 maint
  expect "usable, as status says" "$(usable_of web4)" 0
  xdplb access1 status | grep -q '0 of 2 backends usable: DOWN (all_down: drop)' ||
    fail "status does not say that the service is down"
  before=$(counter access1 drops no_usable_member)
  expect "answers" "$(http_new 1 "$(url 192.0.2.10)" | grep -c ' 200 ')" 0
  (($(counter access1 drops no_usable_member) > before)) || fail "no_usable_member was not counted"
  xdplb access1 health set web1 up
  xdplb access1 health set web2 up
  expect "backends" "$(backends_of 192.0.2.10)" "web1 web2"
}

# What apply leaves alone.
kept_by_apply() {
  xdplb access1 health set web2 down
  xdplb access1 apply "$CLUSTER" >/dev/null
  expect "state" "$(state_of web2 state)" down
  expect "backends" "$(backends_of 192.0.2.10)" web1
  xdplb access1 health set web2 up
}

lease_is_shown() {
  xdplb access1 health set web1 up --lease 90s
  (($(state_of web1 'lease_seconds | floor') >= 80)) || fail "the lease is not shown"
  xdplb access1 health set web1 up
  expect "no lease" "$(state_of web1 lease_seconds)" null
}

wrong_words() {
  local status
  for words in "web1" "web1 sideways" "web9 up" "web1 up --lease soon"; do
    status=0
    # shellcheck disable=SC2086
    xdplb access1 health set $words 2>"$LAB_DIR/words" || status=$?
    ((status != 0)) || fail "health set $words was taken"
    grep -q '^xdplb-load: ' "$LAB_DIR/words" || fail "health set $words: no word of why"
  done
  status=0
  xdplb node1 health >/dev/null 2>&1 || status=$?
  expect "exit status on a service node" "$status" 1
}

lab_main
write_cluster >"$CLUSTER"
start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
start_nginx node2 web2 10.0.2.11:8080 '[::]:80'
lab_setup "$CLUSTER" node1 node2 access1

check unknown_at_first unknown_at_first
check down_is_obeyed set_and_obeyed down web2
check up_is_obeyed set_and_obeyed up "web1 web2"
check maintenance_is_obeyed set_and_obeyed maint web2
check up_again set_and_obeyed up "web1 web2"
check all_down all_down
check kept_by_apply kept_by_apply
check lease_is_shown lease_is_shown
check wrong_words wrong_words
finish
