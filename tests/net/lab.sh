# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Labs of network namespaces for the end-to-end tests and the demo. This file owns the topology, the
# servers and the captures; what is sent and what must come of it is the business of the scripts that
# source it.
#
# lab_main: every segment is a veth pair, everything goes through the router.
#
#                       client  10.0.0.2  fd00::2
#                         |
#    192.0.2.0/24         |
#    198.51.100.0/24      |
#    2001:db8:1::/64      |
#    2001:db8:2::/64      |
#      (the VIPs)         |
#          |              |
#      access1 ------- router ------- access2   (only with lab_access access2 8)
#      10.0.9.2        |    |         10.0.8.2
#      fd00:9::2       |    |         fd00:8::2
#                   node1  node2
#            10.0.1.2 .11   10.0.2.2 .11
#                     .12
#   fd00:1::2 ::11 ::12     fd00:2::2 ::11
#
#   The access node has one arm: requests enter and leave by the same port. The router's address in
#   each segment ends in 1. Its ports are named to-NODE, the one interface of every other node eth0.
#
# lab_container NODE NAME: a backend in a namespace behind a routed veth; host side veth-NAME.
#
#   router -- [eth0 node1 veth-c1] -- [eth0 c1] 10.0.11.11  fd00:11::11
#
# lab_bridged NODE NAME: the same, but its host side is a port of the bridge br0 that the node's
#   eth0 is a port of, so that it is in the node's own segment.
#
# Isolation: a script runs itself again in its own mount, network and pid namespaces, with its own
# /run and bpffs. When its first process ends, by whatever signal, the kernel kills all the others;
# with the last one go the mounts and with them the namespaces, the pins and the programs.

LAB_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_HERE/../.." && pwd)
LAB_DIR=/run/lab
XDPLB_LOAD=${XDPLB_LOAD:-$LAB_ROOT/build/xdplb-load}
# Used by the scripts that source this file.
# shellcheck disable=SC2034
CLUSTER=$LAB_DIR/cluster.yaml CLIENT4=10.0.0.2 CLIENT6=fd00::2

# --- isolation ---------------------------------------------------------------------------------

# lab_isolate "$@": first thing in a script. The process that the user started only waits, and passes
# its own end on: unshare by itself would ignore Ctrl-C and SIGTERM.
lab_isolate() {
  if [[ -z ${LAB_INSIDE:-} ]]; then
    if ((EUID != 0)); then
      echo "skip $(basename "$0"): must be root"
      exit 0
    fi
    LAB_INSIDE=1 setpriv --pdeathsig KILL \
      unshare --mount --net --pid --fork --kill-child --mount-proc bash "$0" "$@" &
    LAB_CHILD=$!
    trap 'kill -KILL "$LAB_CHILD"; exit 130' INT
    trap 'kill -KILL "$LAB_CHILD"; exit 143' TERM HUP
    wait "$LAB_CHILD"
    exit
  fi
  unset LAB_INSIDE
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t bpf bpf /sys/fs/bpf
  mkdir -p /run/netns /run/lock "$LAB_DIR"
  ip link set lo up
}

# --- running things ----------------------------------------------------------------------------

# in_ns NODE CMD...: nsenter rather than ip netns exec, which mounts a new /sys without our bpffs.
# Not with &, or $! is a shell that waits for the program: write nsenter out there.
in_ns() {
  nsenter --net="/run/netns/$1" -- "${@:2}"
}

# wait_until SECONDS CMD...: runs it until it succeeds; fails after so many seconds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS <= end)) || return 1
    sleep 0.05
  done
}

# has PATTERN CMD...: whether the output of a command has a line that matches. A pipe into grep -q would
# stop the command at the first match, which pipefail takes for a failure.
has() {
  local pattern=$1 output
  shift
  output=$("$@") || return
  grep -Eq -- "$pattern" <<<"$output"
}

# xdplb NODE VERB ARGUMENT...: the program as it would be run on that node.
xdplb() {
  local node=$1
  shift
  in_ns "$node" timeout -k 5 "${XDPLB_TIMEOUT:-30}" "$XDPLB_LOAD" "$@" --node "$node"
}

# A counter of a node: counter NODE drops|events NAME
counter() {
  xdplb "$1" status --json | jq -r --arg kind "$2" --arg name "$3" '.[$kind][$name] // 0'
}

# --- checks ------------------------------------------------------------------------------------

LAB_FAILED=0

# check NAME CMD...: one named check. It runs in a subshell with errexit, so it may change no variable.
check() {
  local name=$1 log=$LAB_DIR/check.log status
  shift
  rm -f "$LAB_DIR/why"
  set +e
  (
    set -eE
    # Not of a command substitution, whose result is still to be judged.
    trap '((BASH_SUBSHELL > 1)) || echo "failed: $BASH_COMMAND" >>"$LAB_DIR/why"' ERR
    "$@"
  ) >"$log" 2>&1
  status=$?
  set -e
  if ((status == 0)); then
    echo "ok $name"
    return
  fi
  LAB_FAILED=1
  [[ -s $LAB_DIR/why ]] || echo "exit status $status" >"$LAB_DIR/why"
  echo "not ok $name: $(head -n 1 "$LAB_DIR/why")"
  sed 's/^/    /' "$log"
}

skip() {
  echo "skip $1: $2"
}

# fail WHY: ends a check; works in a command substitution too.
fail() {
  echo "$*" >>"$LAB_DIR/why"
  echo "$*" >&2
  exit 1
}

# expect WHAT FOUND EXPECTED
expect() {
  [[ $2 == "$3" ]] || fail "$1: found '$2', expected '$3'"
}

finish() {
  exit "$LAB_FAILED"
}

# has_program NAME...: skips the whole script where a program is missing.
need_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null && continue
    skip "$(basename "$0")" "no $program"
    exit 0
  done
}

# --- topology ----------------------------------------------------------------------------------

# lab_node NAME: a namespace with the settings of a Debian server, written down because a namespace
# inherits some of them from the machine the lab runs on and gets the kernel's default for others.
lab_node() {
  local name=$1
  ip netns add "$name"
  in_ns "$name" sysctl -qw \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=2 \
    net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0 \
    net.ipv4.ip_local_port_range='32768 60999' \
    net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
    net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.default.router_solicitations=0
  ip -n "$name" link set lo up
}

# Lets a node forward. No redirects: a one-armed node sends every packet back where it came from.
lab_forwards() {
  in_ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
}

# lab_link NODE DEV NODE DEV
lab_link() {
  ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"
  ip -n "$1" link set "$2" up
  ip -n "$3" link set "$4" up
}

# lab_address NODE DEV ADDRESS/LENGTH...
lab_address() {
  local node=$1 dev=$2 address
  shift 2
  for address in "$@"; do
    if [[ $address == *:* ]]; then
      ip -n "$node" address add "$address" dev "$dev" nodad
    else
      ip -n "$node" address add "$address" dev "$dev"
    fi
  done
}

lab_default_route() {
  ip -n "$1" route replace default via "$2"
  ip -n "$1" -6 route replace default via "$3"
}

# lab_pass_object: a compiled xdp_pass.bpf.c; prints its path.
lab_pass_object() {
  local object=$LAB_DIR/xdp_pass.o
  [[ -e $object ]] || "${CLANG:-clang}" -O2 -g -target bpf -c "$LAB_HERE/xdp_pass.bpf.c" -o "$object"
  echo "$object"
}

# lab_xdp_peer NODE DEV: what the far end of a veth needs whose near end answers by XDP_TX. None of
# it is needed with a real NIC.
lab_xdp_peer() {
  local object
  # XDP_TX and XDP_REDIRECT lose the note "the checksum is still to be computed" that a packet
  # from a veth carries: a real NIC would have computed it. tx off makes the router compute it.
  in_ns "$1" ethtool -K "$2" tx off >/dev/null
  # XDP_TX on a veth wakes its peer only if that has an XDP program too (veth_xdp_flush() in the
  # kernel's veth.c); else the frames lie in its ring until another packet wakes it.
  object=$(lab_pass_object)
  in_ns "$1" ip link set dev "$2" xdp obj "$object" sec xdp
}

# lab_redirect_peer NODE DEV: the same for a veth whose near end XDP redirects to.
lab_redirect_peer() {
  # It must poll (NAPI) to take such frames, which it does with GRO.
  in_ns "$1" ethtool -K "$2" gro on >/dev/null
}

# lab_segment NODE NUMBER: a node with eth0 10.0.NUMBER.2 behind the router's port to-NODE.
lab_segment() {
  local node=$1 number=$2 prefix6
  prefix6=fd00:$number:
  ((number == 0)) && prefix6=fd00:
  lab_node "$node"
  lab_link router "to-$node" "$node" eth0
  lab_address router "to-$node" "10.0.$number.1/24" "$prefix6:1/64"
  lab_address "$node" eth0 "10.0.$number.2/24" "$prefix6:2/64"
  lab_default_route "$node" "10.0.$number.1" "$prefix6:1"
}

# lab_access NAME NUMBER: an access node with one arm.
lab_access() {
  lab_segment "$1" "$2"
  # The kernel forwards what has no neighbour yet; bpf_fib_lookup refuses where it may not.
  lab_forwards "$1"
  lab_xdp_peer router "to-$1"
}

# lab_vips GATEWAY4 GATEWAY6: the router's routes to the VIPs.
lab_vips() {
  ip -n router route replace 192.0.2.0/24 via "$1"
  ip -n router route replace 198.51.100.0/24 via "$1"
  ip -n router route replace 2001:db8:1::/64 via "$2"
  ip -n router route replace 2001:db8:2::/64 via "$2"
}

lab_router() {
  lab_node router
  lab_forwards router
  # Direct replies come in with a VIP as source by another port than the route to the VIP: strict
  # reverse path filtering (1) would drop them, loose (2) does not.
  in_ns router sysctl -qw net.ipv4.conf.default.rp_filter=2
}

lab_service_nodes() {
  lab_segment node1 1
  lab_address node1 eth0 10.0.1.11/24 10.0.1.12/24 fd00:1::11/64 fd00:1::12/64
  lab_segment node2 2
  lab_address node2 eth0 10.0.2.11/24 fd00:2::11/64
}

lab_main() {
  lab_router
  lab_segment client 0
  lab_access access1 9
  lab_vips 10.0.9.2 fd00:9::2
  lab_service_nodes
}

# lab_container NODE NAME SEGMENT HOST: 10.0.SEGMENT.HOST in its own namespace, routed by the node.
lab_container() {
  local node=$1 name=$2 address4=10.0.$3.$4 address6=fd00:$3::$4
  lab_node "$name"
  lab_link "$node" "veth-$name" "$name" eth0
  lab_forwards "$node"
  lab_address "$node" "veth-$name" "10.0.$3.1/32" fe80::1/64
  lab_address "$name" eth0 "$address4/32" "$address6/128"
  ip -n "$name" route add "10.0.$3.1" dev eth0
  ip -n "$name" route add default via "10.0.$3.1"
  ip -n "$name" -6 route add default via fe80::1 dev eth0
  ip -n "$node" route add "$address4" dev "veth-$name"
  ip -n "$node" -6 route add "$address6" dev "veth-$name"
  ip -n router route replace "10.0.$3.0/24" via "$(lab_address_of "$node" 4)"
  ip -n router -6 route replace "fd00:$3::/64" via "$(lab_address_of "$node" 6)"
}

# The first global address of a node's eth0 (or of br0, once that has it).
lab_address_of() {
  ip -n "$1" -j "-$2" address show scope global |
    jq -r '[.[] | select(.ifname == "eth0" or .ifname == "br0") | .addr_info[].local][0]'
}

# lab_make_bridge NODE NUMBER: moves the node's addresses from eth0 to a new bridge br0 above it.
lab_make_bridge() {
  local node=$1 number=$2
  ip -n "$node" link add br0 type bridge
  ip -n "$node" address flush dev eth0 scope global
  ip -n "$node" link set eth0 master br0
  ip -n "$node" link set br0 up
  lab_address "$node" br0 "10.0.$number.2/24" "fd00:$number::2/64"
  lab_default_route "$node" "10.0.$number.1" "fd00:$number::1"
}

# lab_bridged NODE NAME SEGMENT HOST: 10.0.SEGMENT.HOST in its own namespace, on the node's bridge.
lab_bridged() {
  local node=$1 name=$2
  lab_node "$name"
  lab_link "$node" "veth-$name" "$name" eth0
  ip -n "$node" link set "veth-$name" master br0
  lab_address "$name" eth0 "10.0.$3.$4/24" "fd00:$3::$4/64"
  lab_default_route "$name" "10.0.$3.1" "fd00:$3::1"
}

# --- the cluster file --------------------------------------------------------------------------

# cluster_head NODES...: what every cluster file of the labs begins with. Each NODE is NAME or
# NAME:DEVICE,DEVICE; those called access* are access nodes, the others service nodes.
cluster_head() {
  local spec node devices
  if [[ ! -e $LAB_DIR/cluster.key ]]; then
    (
      umask 077
      od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$LAB_DIR/cluster.key"
      echo >>"$LAB_DIR/cluster.key"
    )
  fi
  echo "cluster: lab"
  echo "key_file: $LAB_DIR/cluster.key"
  echo "nodes:"
  for spec in "$@"; do
    node=${spec%%:*}
    devices=eth0
    [[ $spec == *:* ]] && devices=${spec#*:}
    case $node in
    access*) printf '  %s:\n    access:\n      interfaces: [%s]\n' "$node" "$devices" ;;
    *) printf '  %s:\n    service:\n      uplinks: [%s]\n' "$node" "$devices" ;;
    esac
  done
}

# cluster_backend NAME NODE ADDRESS4 ADDRESS6 [VNIC [NETNS]]
cluster_backend() {
  printf '  %s:\n    node: %s\n    addresses: [%s, "%s"]\n' "$1" "$2" "$3" "$4"
  [[ -z ${5:-} ]] || printf '    vnic: %s\n' "$5"
  [[ -z ${6:-} ]] || printf '    netns: %s\n' "$6"
}

# The three backends that lab_main's service nodes have room for.
cluster_backends() {
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  cluster_backend web2 node2 10.0.2.11 fd00:2::11
  cluster_backend web3 node1 10.0.1.12 fd00:1::12
}

# cluster_main: lab_main with all its backends, up to the services.
cluster_main() {
  cluster_head access1 node1 node2
  cluster_backends
  echo "services:"
}

# cluster_hooks: one service node, and a backend at each kind of its hooks: web1 at the uplink, and c1 behind a
# virtual NIC, as "lab_container node1 c1 11 11" makes it; up to the services.
cluster_hooks() {
  cluster_head access1 node1
  echo "backends:"
  cluster_backend web1 node1 10.0.1.11 fd00:1::11
  cluster_backend c1 node1 10.0.11.11 fd00:11::11 veth-c1 c1
  echo "services:"
}

# cluster_service NAME VIP PORT PROTOCOL RESTORE BACKENDS [BACKEND_PORT]; BACKENDS as in YAML's {}.
cluster_service() {
  printf '  %s:\n    vip: "%s"\n    port: %s\n    protocol: %s\n    restore: %s\n' \
    "$1" "$2" "$3" "$4" "$5"
  [[ -z ${7:-} ]] || printf '    backend_port: %s\n' "$7"
  printf '    backends: {%s}\n' "$6"
}

# attach_all FILE NODE... [-- OPTION...]: service nodes must come before access nodes.
attach_all() {
  local file=$1 nodes=() node
  shift
  while (($#)) && [[ $1 != -- ]]; do
    nodes+=("$1")
    shift
  done
  (($#)) && shift
  for node in "${nodes[@]}"; do
    xdplb "$node" attach "$file" "$@" || fail "attach failed on $node"
  done
}

# status_of NODE FILTER: jq on the node's state.
status_of() {
  xdplb "$1" status --json | jq -r "$2"
}

# lab_setup FILE NODE...: attaches everywhere; without it no check of the script makes sense.
lab_setup() {
  if [[ ! -x $XDPLB_LOAD ]]; then
    echo "not ok setup: $XDPLB_LOAD is not there: run make"
    exit 1
  fi
  check setup attach_all "$@"
  ((LAB_FAILED == 0)) || exit 1
}

# --- servers -----------------------------------------------------------------------------------

# start_nginx NODE NAME LISTEN...: answers every request with "NAME CLIENT-ADDRESS ", serves the files
# of $LAB_DIR/files below /files/, those of $LAB_DIR/said/NAME as /said/, and takes uploads by PUT below
# /upload/. Returns when it listens.
start_nginx() {
  local node=$1 name=$2 dir listen
  shift 2
  dir=$(mktemp -d "$LAB_DIR/nginx-$node-$name.XXXX")
  chmod 755 "$dir"
  mkdir -p "$LAB_DIR/files" "$dir/upload"
  {
    echo "user root; worker_processes 1; pid $dir/pid; error_log $dir/error.log;"
    echo "events { worker_connections 1024; }"
    echo "http {"
    echo "  access_log off; client_max_body_size 0; keepalive_timeout 60s;"
    echo "  client_body_temp_path $dir/body; proxy_temp_path $dir/proxy;"
    echo "  fastcgi_temp_path $dir/fastcgi; uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;"
    echo "  server {"
    for listen in "$@"; do
      echo "    listen $listen;"
    done
    echo "    location / { default_type text/plain; return 200 '$name \$remote_addr '; }"
    echo "    location /files/ { root $LAB_DIR; }"
    echo "    location /said/ { alias $LAB_DIR/said/$name/; }"
    echo "    location /upload/ { root $dir; dav_methods PUT; }"
    echo "  }"
    echo "}"
  } >"$dir/nginx.conf"
  if ! in_ns "$node" nginx -e "$dir/error.log" -c "$dir/nginx.conf" >"$dir/out" 2>&1; then
    cat "$dir/out"
    return 1
  fi
}

# start_web NAME...: nginx at port 8080 of the backends of cluster_backends.
start_web() {
  local name
  for name in "$@"; do
    case $name in
    web1) start_nginx node1 web1 10.0.1.11:8080 '[fd00:1::11]:8080' ;;
    web2) start_nginx node2 web2 10.0.2.11:8080 '[fd00:2::11]:8080' ;;
    web3) start_nginx node1 web3 10.0.1.12:8080 '[fd00:1::12]:8080' ;;
    esac
  done
}

# start_echo NODE NAME TYPE ADDRESS PORT: answers each UDP datagram (TYPE UDP4, UDP6) or each line of a
# connection (TCP4, TCP6) with "NAME PID TEXT", where PID tells connections apart; "bye" makes it close
# the connection. Returns when it listens.
start_echo() {
  local node=$1 name=$2 type=$3 address port=$5 listen kind=udp
  address=$(bracket "$4")
  listen="$type-RECVFROM:$port,bind=$address,reuseaddr,fork"
  if [[ $type == TCP* ]]; then
    listen="$type-LISTEN:$port,bind=$address,reuseaddr,fork"
    kind=tcp
  fi
  nsenter --net="/run/netns/$node" -- socat "$listen" \
    SYSTEM:"while read -r line && [ \"\$line\" != bye ]; do echo $name \$\$ \$line; done" \
    2>>"$LAB_DIR/echo.log" &
  disown
  wait_until 5 listens "$node" "$kind" "$address" "$port" ||
    fail "no server listens at $address port $port on $node"
}

# listens NODE tcp|udp ADDRESS PORT
listens() {
  local address=${3//[/\\[}
  has " ${address//]/\\]}:$4 " in_ns "$1" ss -Hln "--$2"
}

# bracket ADDRESS: as it stands before a colon and a port.
bracket() {
  if [[ $1 == *:* ]]; then
    echo "[$1]"
  else
    echo "$1"
  fi
}

# udp_ask NODE ADDRESS PORT TEXT: what a connected UDP socket receives within two seconds. It takes
# nothing that comes from another address or port than it sent to.
udp_ask() {
  # shellcheck disable=SC2016
  in_ns "$1" bash -c '
    exec 3<>"/dev/udp/$1/$2"
    echo "$3" >&3
    timeout 2 head -n 1 <&3 # which reads a whole datagram, as the read of bash does not
  ' udp_ask "$2" "$3" "$4"
}

# --- requests ----------------------------------------------------------------------------------

# url ADDRESS [PORT [PATH]]
url() {
  echo "http://$(bracket "$1"):${2:-80}${3:-/}"
}

# http_new COUNT URL: so many requests from the client, a new connection each. Prints a line a request:
# BACKEND CLIENT STATUS ADDRESS; what was not answered has 000 or is missing.
http_new() {
  in_ns client timeout 30 curl -s --noproxy '*' --connect-timeout 3 --max-time 5 \
    -H 'Connection: close' -w '%{http_code} %{remote_ip}\n' "$2?[1-$1]" || true
}

# http_kept COUNT URL: so many requests over one connection.
http_kept() {
  in_ns client timeout 30 curl -s --noproxy '*' --connect-timeout 3 --max-time 5 \
    -w '%{http_code} %{remote_ip}\n' "$2?[1-$1]" || true
}

# --- captures ----------------------------------------------------------------------------------

declare -A LAB_CAPTURE

# A datagram to all nodes of the link: seen in a capture, it says that everything before it is too.
LAB_MARKER='(udp and dst host ff02::1 and dst port 9)'

# start_capture NAME NODE DEV FILTER
start_capture() {
  local name=$1 node=$2 dev=$3 file=$LAB_DIR/$1.pcap
  rm -f "$file"
  nsenter --net="/run/netns/$node" -- tcpdump -i "$dev" -nn -U -s 256 -B 16384 --immediate-mode \
    -Z root -w "$file" "($4) or $LAB_MARKER" 2>"$LAB_DIR/$name.err" &
  LAB_CAPTURE[$name]="$! $node $dev"
  wait_until 5 test -s "$file" || fail "tcpdump does not start: $(cat "$LAB_DIR/$name.err")"
}

# stop_capture NAME: once everything sent so far is in the file.
stop_capture() {
  local pid node dev
  read -r pid node dev <<<"${LAB_CAPTURE[$1]}"
  in_ns "$node" socat - "UDP6-DATAGRAM:[ff02::1]:9,so-bindtodevice=$dev" <<<marker
  wait_until 5 has_marker "$1" || fail "the capture $1 does not end"
  kill "$pid"
  wait "$pid" || true
  grep -q 'packets\? captured' "$LAB_DIR/$1.err" || fail "the capture $1 was cut off"
  ! grep -Eq '^[1-9][0-9]* packets? dropped by kernel' "$LAB_DIR/$1.err" ||
    fail "the capture $1 is not complete"
}

has_marker() {
  has . tcpdump -r "$LAB_DIR/$1.pcap" -nn "$LAB_MARKER"
}

# count_packets NAME FILTER
count_packets() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn -t "$2" 2>/dev/null | wc -l
}

# sources_seen NAME FILTER: the different source addresses of TCP and UDP packets, joined by commas.
sources_seen() {
  tcpdump -r "$LAB_DIR/$1.pcap" -nn -t -q "(tcp or udp) and ($2)" 2>/dev/null |
    awk '{ sub(/\.[0-9]+$/, "", $2); print $2 }' | sort -u | paste -sd, -
}
