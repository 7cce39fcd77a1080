# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The hand-over lab: who is where, the cluster file, servers, agents, and the client that keeps
# connections (pattern_client.c). Sourced after lab.sh and agents.sh. What happens to it is the business of
# events.sh.
#
#                       client
#                         |
#      access1 ------- router ------- access2        the router spreads flows over both (ECMP, ports
#      10.0.9.2        | | | |        10.0.8.2       count too)
#                      | | | |
#          node1   node2   node3     node4
#          b1 b2   b3 b4   [b5] [b6] [b7] [b8]       [..]: in a container of its own
#          b9              [b10]                     b9, b10: up, but in no file at first
#
#   Four services, IPv4 and IPv6, restored by `source` and by `interface`. For the latter a VIP is local to
#   a namespace once, so of the backends on the nodes themselves only b1 and b3 serve them.

WORLD_TOOLS=$LAB_ROOT/build/tests/net/handover
BROKEN_LOG=$LAB_ROOT/build/handover-broken.log # a line for each connection that broke
SERVICE_NODES=(node1 node2 node3 node4)
ALL_NODES=(node1 node2 node3 node4 access1 access2)
TARGETS=('192.0.2.10:80' '192.0.2.20:80' '[2001:db8:1::10]:80' '[2001:db8:1::20]:80')

# node, IPv4, IPv6; a container's has the same name as the backend.
declare -A BACKENDS=(
  [b1]='node1 10.0.1.11 fd00:1::11' [b2]='node1 10.0.1.12 fd00:1::12' [b9]='node1 10.0.1.13 fd00:1::13'
  [b3]='node2 10.0.2.11 fd00:2::11' [b4]='node2 10.0.2.12 fd00:2::12'
  [b5]='node3 10.0.13.11 fd00:13::11' [b6]='node3 10.0.13.12 fd00:13::12' [b10]='node3 10.0.13.13 fd00:13::13'
  [b7]='node4 10.0.14.11 fd00:14::11' [b8]='node4 10.0.14.12 fd00:14::12'
)

# What the file says beside the topology.
MEMBERS=()
declare -A WEIGHTS
HAND_OVER=true

file_as_at_first() {
  MEMBERS=(b1 b2 b3 b4 b5 b6 b7 b8)
  WEIGHTS=()
}

in_container() {
  [[ ${BACKENDS[$1]} == node[34]* ]]
}

serves_by_interface() {
  [[ $1 == b1 || $1 == b3 ]] || in_container "$1"
}

# --- topology ------------------------------------------------------------------------------------

# world_routes GATEWAY4,GATEWAY6...: the access nodes that the router knows.
world_routes() {
  local pair hops4=() hops6=()
  for pair in "$@"; do
    hops4+=(nexthop via "${pair%,*}")
    hops6+=(nexthop via "${pair#*,}")
  done
  ip -n router route replace 192.0.2.0/24 "${hops4[@]}"
  ip -n router -6 route replace 2001:db8:1::/64 "${hops6[@]}"
}

world_topology() {
  local name node address4 address6 segment
  lab_router
  in_ns router sysctl -qw net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1
  lab_segment client 0
  lab_access access1 9
  lab_access access2 8
  world_routes 10.0.9.2,fd00:9::2 10.0.8.2,fd00:8::2
  for segment in 1 2 3 4; do
    lab_segment "node$segment" "$segment"
  done
  for name in "${!BACKENDS[@]}"; do
    read -r node address4 address6 <<<"${BACKENDS[$name]}"
    if in_container "$name"; then
      segment=${address4#10.0.}
      lab_container "$node" "$name" "${segment%.*}" "${segment#*.}"
    else
      lab_address "$node" eth0 "$address4/24" "$address6/64"
    fi
  done
}

# --- the cluster file ----------------------------------------------------------------------------

# world_service NAME VIP RESTORE [BACKEND_PORT]
world_service() {
  local name members=''
  for name in "${MEMBERS[@]}"; do
    [[ $3 == source ]] || serves_by_interface "$name" || continue
    members+="$name: {weight: ${WEIGHTS[$name]:-1}}, "
  done
  cluster_service "$1" "$2" 80 tcp "$3" "$members" "${4:-}"
  echo "    check: tcp"
  [[ $HAND_OVER == true ]] || echo "    hand_over: false"
}

write_cluster() {
  local name fields
  cluster_head access1 access2 "${SERVICE_NODES[@]}" | cluster_addresses
  # A small number of flow notes: a flood soon has had them all.
  echo "capacities: {flows: 16384}"
  cluster_sharing
  echo "checks:"
  echo "  tcp: {type: tcp, interval: 1s}"
  echo "backends:"
  for name in "${MEMBERS[@]}"; do
    read -ra fields <<<"${BACKENDS[$name]}"
    in_container "$name" && fields+=("veth-$name" "$name")
    cluster_backend "$name" "${fields[@]}"
  done
  echo "services:"
  world_service source4 192.0.2.10 source 8080
  world_service interface4 192.0.2.20 interface
  world_service source6 2001:db8:1::10 source 8080
  world_service interface6 2001:db8:1::20 interface
}

# xdplb NODE VERB ARGUMENT...: as in lab.sh, but in turn: the lab's nodes have one bpffs between them, and
# xdplb-load does not wait for another that is at work there.
xdplb() {
  local node=$1
  shift
  {
    flock 9
    in_ns "$node" timeout -k 5 30 "$XDPLB_LOAD" "$@" --node "$node"
  } 9>"$LAB_DIR/xdplb.lock"
}

# apply_file NODE...: the service nodes, then these access nodes, one after the other.
apply_file() {
  local node
  for node in "${SERVICE_NODES[@]}" "$@"; do
    xdplb "$node" apply "$CLUSTER"
  done
  for node in "${SERVICE_NODES[@]}" "$@"; do
    # One that is about to start reads the file then.
    if agent_is_ready "$node" >/dev/null 2>&1; then
      signal_agent "$node" HUP
    fi
  done
}

# --- servers and client --------------------------------------------------------------------------

# start_backend NAME
start_backend() {
  local name=$1 fields at listen=()
  read -ra fields <<<"${BACKENDS[$name]}"
  at=${fields[0]}
  in_container "$name" && at=$name
  listen=("${fields[1]}:8080" "[${fields[2]}]:8080")
  serves_by_interface "$name" && listen+=('[::]:80')
  nsenter --net="/run/netns/$at" -- "$WORLD_TOOLS/pattern_server" "$name" "${listen[@]}" \
    >"$LAB_DIR/$name.out" 2>&1 &
  wait_until 5 grep -qx ready "$LAB_DIR/$name.out" || fail "$name does not start: $(cat "$LAB_DIR/$name.out")"
}

# start_client MS: connections that ask so often. Speaks by descriptors 7 and 8, which, unlike a
# coprocess's own, subshells have too.
start_client() {
  rm -f "$BROKEN_LOG"
  coproc nsenter --net=/run/netns/client -- "$WORLD_TOOLS/pattern_client" --every "$1" \
    --log "$BROKEN_LOG" "${TARGETS[@]}" 2>"$LAB_DIR/client.log"
  exec 7>&"${COPROC[1]}" 8<&"${COPROC[0]}"
}

# tell_client COMMAND: prints its answer.
tell_client() {
  local answer
  echo "$1" >&7
  read -r -t 60 -u 8 answer || fail "the client does not answer to '$1'"
  echo "$answer"
}

# renew_connections COUNT: all of them new, each with an answer already.
renew_connections() {
  local answer
  answer=$(tell_client "renew $1")
  [[ $(jq .opened <<<"$answer") == "$1" ]] || fail "of $1 connections: $answer"
}

# world_agent NODE: bash does not tell when it ends.
world_agent() {
  start_agent "$1"
  disown
}

# --- the whole -----------------------------------------------------------------------------------

# world_begin MS: everything up, connections excepted.
world_begin() {
  local name node
  world_topology
  make_sharing_keys
  file_as_at_first
  write_cluster >"$CLUSTER"
  attach_all "$CLUSTER" "${ALL_NODES[@]}"
  for name in "${!BACKENDS[@]}"; do
    start_backend "$name"
  done
  for node in "${ALL_NODES[@]}"; do
    world_agent "$node"
  done
  start_client "$1"
}

# world_counter NAME: an event's count, of all service nodes.
world_counter() {
  local node sum=0
  for node in "${SERVICE_NODES[@]}"; do
    sum=$((sum + $(counter "$node" events "$1")))
  done
  echo "$sum"
}
