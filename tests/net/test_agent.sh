#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# xdplb-agent: backends probed on their own nodes, their health shared with two access nodes.
set -euo pipefail

# shellcheck source=lab.sh
source "$(dirname "$0")/lab.sh"
# shellcheck source=agents.sh
source "$(dirname "$0")/agents.sh"
lab_isolate "$@"
need_programs dnsmasq nft

# write_cluster [INTERVAL]
write_cluster() {
  local interval=${1:-100ms} both='web1: , web2: '
  cluster_head access1 access2 node1 node2 | cluster_addresses
  cluster_sharing 'interval: 100ms' 'missed: 5'
  cat <<YAML
checks:
  http: {type: http, interval: $interval, timeout: 90ms, rise: 1, fall: 1}
  dns: {type: dns, name: lab.test, interval: $interval, timeout: 90ms, rise: 1, fall: 1}
  program: {type: exec, command: [$LAB_DIR/check.sh], interval: $interval, timeout: 1s, rise: 1, fall: 1}
on_service: {command: [$LAB_DIR/hook.sh]}
YAML
  cluster_backends
  cluster_backend boxed node1 10.0.11.11 fd00:11::11 veth-boxed boxed
  echo "services:"
  cluster_service names 192.0.2.12 53 udp source 'web3: '
  echo "    check: dns"
  cluster_service box 192.0.2.13 80 tcp source 'boxed: ' 8080
  echo "    check: http"
  cluster_service web4 192.0.2.10 80 tcp source "$both" 8080
  echo "    check: http"
  cluster_service web6 2001:db8:1::20 80 tcp interface "$both"
  cluster_service echo 192.0.2.11 7 udp source 'web3: '
  echo "    check: program"
  echo "    all_down: drop"
}

# answered_by NAMES: of 40 new connections, all answered.
answered_by() {
  http_new 40 "$(url 192.0.2.10)" >"$LAB_DIR/answers"
  expect "requests answered" "$(grep -c ' 200 ' "$LAB_DIR/answers")" 40
  expect "backends" "$(cut -d' ' -f1 "$LAB_DIR/answers" | sort -u | paste -sd' ')" "$1"
}

all_up() {
  becomes web1 up ok
  becomes web2 up ok
  becomes web3/program up ok
  answered_by "web1 web2"
}

process_dies() {
  stop_nginx node1 web1
  becomes web1 down refused
  answered_by web2
  start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
  becomes web1 up ok
  answered_by "web1 web2"
}

# A stopped process: its listener still takes connections.
process_stops() {
  local pids
  pids=$(pgrep -P "$(nginx_pid node2 web2)" | paste -sd' ')
  # shellcheck disable=SC2086
  kill -STOP $pids
  becomes web2 down timeout
  answered_by web1
  # shellcheck disable=SC2086
  kill -CONT $pids
  becomes web2 up ok
}

# The check's own script and the hook's.
service_goes_down() {
  rm "$LAB_DIR/well"
  becomes web3/program down exit_status
  wait_until 5 grep -qx 'access1 echo 192.0.2.11:7 udp down 0' "$LAB_DIR/hook.out" ||
    fail "the hook was not run: $(cat "$LAB_DIR/hook.out")"
  touch "$LAB_DIR/well"
  becomes web3/program up ok
  wait_until 5 grep -qx 'access1 echo 192.0.2.11:7 udp up 1' "$LAB_DIR/hook.out" ||
    fail "the hook was not run for up: $(cat "$LAB_DIR/hook.out")"
}

# start_dnsmasq OPTION...: knows lab.test and nothing else, or what the options say.
start_dnsmasq() {
  nsenter --net=/run/netns/node1 -- dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file --bind-interfaces --listen-address=10.0.1.12 "$@" 2>>"$LAB_DIR/dnsmasq.log" &
  echo $! >"$LAB_DIR/dnsmasq.pid"
  wait_until 5 listens node1 udp 10.0.1.12 53 || fail "dnsmasq does not start: $(cat "$LAB_DIR/dnsmasq.log")"
}

stop_dnsmasq() {
  local pid
  pid=$(cat "$LAB_DIR/dnsmasq.pid")
  kill "$pid"
  wait_until 5 process_is_gone "$pid" || fail "dnsmasq does not end"
}

# A real DNS server: gone, there without the name, and well.
name_server() {
  becomes web3/dns up ok
  stop_dnsmasq
  becomes web3/dns down refused
  start_dnsmasq --local=/lab.test/
  becomes web3/dns down dns_rcode
  stop_dnsmasq
  start_dnsmasq --address=/lab.test/10.9.9.9
  becomes web3/dns up ok
  expect "the same backend, by another check" "$(health_of access1 web3/program state)" up
}

# In a container whose firewall lets nobody in, its host included, the probe still gets its answer: it
# begins inside.
container() {
  becomes boxed up ok
  in_ns boxed nft -f - <<NFT
table inet shut {
  chain input {
    type filter hook input priority 0;
    iif eth0 tcp dport 8080 drop
  }
}
NFT
  ! in_ns node1 curl -s --noproxy '*' --max-time 1 "$(url 10.0.11.11 8080)" || fail "the host is let in"
  expect "a probe now" "$(xdplb access1 health check box --json | jq -r '.[] | .backend + " " + .state')" "boxed up"
  expect "its state" "$(health_of access1 boxed state)" up
  in_ns boxed nft delete table inet shut
  expect "answered through the balancer" "$(http_new 5 "$(url 192.0.2.13)" | grep -c '^boxed .* 200 ')" 5
  stop_nginx boxed boxed
  becomes boxed down refused
  start_nginx boxed boxed 10.0.11.11:8080
  becomes boxed up ok
}

# What an operator says holds until he gives it back.
operator() {
  xdplb access1 health set web1 maint
  answered_by web2
  stop_nginx node1 web1
  wait_until 5 is access2 web1 down || fail "access2 does not hear of it"
  expect "state" "$(health_of access1 web1 state)" maint
  start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
  wait_until 5 is access2 web1 up || fail "access2 does not hear of it"
  expect "state" "$(health_of access1 web1 state)" maint
  xdplb access1 health set web1 auto
  expect "state, given back" "$(health_of access1 web1 state)" up
  answered_by "web1 web2"
}

# Without its agent a node's backends are used as before.
agent_dies() {
  signal_agent node2 KILL
  becomes web2 unknown node_silent
  answered_by "web1 web2"
  start_agent node2
  becomes web2 up ok
}

# The receiving agent: nothing changes by its end, and it finds what happened meanwhile.
receiver_dies() {
  signal_agent access1 KILL
  wait_until 5 has_ended access1
  answered_by "web1 web2"
  stop_nginx node1 web1
  wait_until 5 is access2 web1 down || fail "access2 does not hear of it"
  start_agent access1
  becomes web1 down
  start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
  becomes web1 up ok
}

# A dead node is not a dead agent: its datapath does not answer either.
node_dies() {
  ip -n node2 link set eth0 down
  wait_until 10 is access1 web2 down path_lost ||
    fail "web2 is $(health_of access1 web2 state) ($(health_of access1 web2 cause))"
  answered_by web1
  ip -n node2 link set eth0 up
  lab_address node2 eth0 fd00:2::2/64 fd00:2::11/64 # gone with the link
  lab_default_route node2 10.0.2.1 fd00:2::1
  becomes web2 up ok
}

on_request() {
  local answers
  answers=$(xdplb access1 health check web4 --json)
  expect "answers" "$(jq -r '[.[] | select(.answered and .state == "up") | .backend] | sort | join(" ")' \
    <<<"$answers")" "web1 web2"
  ! xdplb access1 health check nothing 2>"$LAB_DIR/words" || fail "a service that is not there was checked"
  grep -q 'no service nothing' "$LAB_DIR/words" || fail "no word of why: $(cat "$LAB_DIR/words")"
}

# A wrong file: the old one goes on, and the log says what is wrong.
wrong_reload() {
  cp "$CLUSTER" "$LAB_DIR/good.yaml"
  sed -i 's/type: http,/type: htp,/' "$CLUSTER"
  signal_agent node1 HUP
  wait_until 5 grep -q 'checks.http.type' "$LAB_DIR/node1.log" || fail "the log says nothing"
  cp "$LAB_DIR/good.yaml" "$CLUSTER"
  stop_nginx node1 web1
  becomes web1 down
  start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
  becomes web1 up
}

# Another interval: states stay while it is taken up.
reload() {
  local before
  before=$(xdplb node1 health agent --json | jq .reloads)
  write_cluster 150ms >"$CLUSTER"
  signal_agent node1 HUP
  wait_until 5 reloaded node1 $((before + 1)) || fail "not reloaded"
  expect "state" "$(health_of access1 web1 state)" up
  answered_by "web1 web2"
}

reloaded() {
  [[ $(xdplb "$1" health agent --json | jq .reloads) == "$2" ]]
}

# Keys change without a gap: the new one is appended everywhere, put first everywhere, then alone.
key_rotation() {
  local node old new
  old=$(cat "$LAB_DIR/sharing.keys")
  new="2 $(openssl rand -hex 32)"
  for keys in "$old"$'\n'"$new" "$new"$'\n'"$old" "$new"; do
    printf '%s\n' "$keys" >"$LAB_DIR/sharing.keys"
    for node in node1 node2 access1 access2; do
      signal_agent "$node" HUP
      expect "state, amid the change" "$(health_of access1 web1 state)" up
    done
  done
  stop_nginx node1 web1
  becomes web1 down
  start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
  becomes web1 up
}

access_nodes_send_no_probes() {
  start_capture probes access1 eth0 'tcp and src host 10.0.9.2'
  signal_agent node1 HUP
  xdplb access1 health check web4 >/dev/null
  stop_capture probes
  expect "probes sent by an access node" "$(count_packets probes tcp)" 0
}

wrong_usage() {
  local status=0
  "$XDPLB_AGENT" 2>"$LAB_DIR/words" || status=$?
  expect "exit status" "$status" 2
  grep -q '^xdplb-agent: ' "$LAB_DIR/words" || fail "no word of why"
  status=0
  in_ns node1 "$XDPLB_AGENT" "$LAB_DIR/nothing.yaml" --node node1 2>"$LAB_DIR/words" || status=$?
  expect "exit status without a file" "$status" 1
  status=0
  in_ns node1 "$XDPLB_AGENT" "$CLUSTER" --node nobody 2>"$LAB_DIR/words" || status=$?
  expect "exit status for an unknown node" "$status" 1
}

ends_on_sigterm() {
  local node
  for node in node1 node2 access1 access2; do
    signal_agent "$node" TERM
    wait_until 5 has_ended "$node" || fail "the agent of $node goes on"
    [[ ! -e /run/xdplb/$node.sock ]] || fail "the agent of $node leaves its socket"
  done
  answered_by "web1 web2"
}

lab_main
lab_access access2 8
make_sharing_keys
write_cluster >"$CLUSTER"
chmod 755 "$LAB_DIR"
printf '#!/bin/sh\ntest -e %s/well\n' "$LAB_DIR" >"$LAB_DIR/check.sh"
cat >"$LAB_DIR/hook.sh" <<'HOOK'
#!/bin/sh
echo "$XDPLB_NODE $XDPLB_SERVICE $XDPLB_VIP $XDPLB_PROTOCOL $XDPLB_STATE $XDPLB_USABLE" >>"$(dirname "$0")/hook.out"
HOOK
chmod 755 "$LAB_DIR/check.sh" "$LAB_DIR/hook.sh"
touch "$LAB_DIR/well" "$LAB_DIR/hook.out"
start_nginx node1 web1 10.0.1.11:8080 '[::]:80'
start_nginx node2 web2 10.0.2.11:8080 '[::]:80'
lab_container node1 boxed 11 11
start_nginx boxed boxed 10.0.11.11:8080
start_dnsmasq --address=/lab.test/10.9.9.9
lab_setup "$CLUSTER" node1 node2 access1 access2
for node in access1 access2 node1 node2; do
  start_agent "$node"
done

check all_up all_up
check process_dies process_dies
check process_stops process_stops
check name_server name_server
check container container
check service_goes_down service_goes_down
check operator operator
check agent_dies agent_dies
check receiver_dies receiver_dies
check node_dies node_dies
check on_request on_request
check access_nodes_send_no_probes access_nodes_send_no_probes
check wrong_reload wrong_reload
check reload reload
check key_rotation key_rotation
check wrong_usage wrong_usage
check ends_on_sigterm ends_on_sigterm
finish
