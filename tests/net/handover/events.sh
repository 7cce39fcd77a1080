# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What happens to the hand-over lab (world.sh). An event has up to three parts: before_EVENT, on which
# connections are renewed; change_EVENT, to what the file says; act_EVENT, which runs at the same time as that
# of another event. undo_events makes everything as it was.

# shellcheck disable=SC2034 # for those who source this
EVENTS=(backend_added backend_drained backend_down_up weights_changed backends_replaced access_killed
  access_added agents_restarted programs_swapped)
# Each event twice, each time beside another.
# shellcheck disable=SC2034
PAIRS=('backend_added access_killed' 'access_killed backend_drained' 'backend_drained weights_changed'
  'weights_changed backend_down_up' 'backend_down_up backends_replaced' 'backends_replaced agents_restarted'
  'agents_restarted programs_swapped' 'programs_swapped access_added' 'access_added backend_added')
# Those that send established connections elsewhere. Draining does not: lb_xdp leaves them where they are.
# shellcheck disable=SC2034
MOVING=(backend_added backend_down_up weights_changed backends_replaced)

DOWN_FOR=1.5   # seconds
SETTLED_FOR=3  # seconds after an event: as long as a connection may be without an answer
ACCESS2_IS_UP=1

# The access nodes that are there when an event begins.
live_access() {
  echo access1
  ((ACCESS2_IS_UP == 0)) || echo access2
}

# on_access VERB...: xdplb-load on each of them.
on_access() {
  local node
  for node in $(live_access); do
    xdplb "$node" "$@"
  done
}

# --- changes of the file; how they are applied: happen() -----------------------------------------

change_backend_added() {
  MEMBERS+=(b9)
}

change_weights_changed() {
  # shellcheck disable=SC2034 # read in world.sh
  WEIGHTS=(["b1"]=3 ["b7"]=2)
}

# Two of eight, a quarter: a fifth is no whole number of them, and one would be less than a fifth. Their processes
# go on.
change_backends_replaced() {
  MEMBERS=("${MEMBERS[@]/#b2/b9}")
  MEMBERS=("${MEMBERS[@]/#b6/b10}")
}

# --- others --------------------------------------------------------------------------------------

act_backend_drained() {
  on_access drain b3
}

act_backend_down_up() {
  on_access health set b5 down
  sleep "$DOWN_FOR" # the event's own length
  on_access health set b5 up
}

# Its links go first: for a moment the router sends into the void.
act_access_killed() {
  signal_agent access2 KILL
  ip -n access2 link set eth0 down
  world_routes 10.0.9.2,fd00:9::2
}

before_access_added() {
  act_access_killed
  ACCESS2_IS_UP=0
}

# As after a reboot: it knows nothing of before.
act_access_added() {
  wait_until 5 has_ended access2
  xdplb access2 detach
  ip -n access2 link set eth0 up
  lab_address access2 eth0 fd00:8::2/64 # gone with the link
  lab_default_route access2 10.0.8.1 fd00:8::1
  xdplb access2 attach "$CLUSTER"
  world_agent access2
  world_routes 10.0.9.2,fd00:9::2 10.0.8.2,fd00:8::2
}

act_agents_restarted() {
  local node nodes
  mapfile -t nodes < <(printf '%s\n' "${SERVICE_NODES[@]}" && live_access)
  for node in "${nodes[@]}"; do
    signal_agent "$node" TERM
  done
  for node in "${nodes[@]}"; do
    wait_until 5 has_ended "$node"
    world_agent "$node"
  done
}

act_programs_swapped() {
  local node
  for node in "${SERVICE_NODES[@]}" $(live_access); do
    xdplb "$node" attach "$CLUSTER"
  done
}

# --- running them --------------------------------------------------------------------------------

# has_part PART EVENT
has_part() {
  [[ $(type -t "$1_$2") == function ]]
}

# start_part COMMAND...: in the background, failing at the first command that fails.
start_part() {
  (
    set -e
    "$@"
  ) >>"$LAB_DIR/event.log" 2>&1 &
  PARTS+=($!)
}

# happen EVENT...: all at the same time. What could not be done is in WINDOW_FAULT. Not with `||` behind it:
# parts would go on where a command fails.
happen() {
  local event pid changed=0
  local -a PARTS=()
  : >"$LAB_DIR/event.log"
  for event in "$@"; do
    has_part change "$event" || continue
    "change_$event"
    changed=1
  done
  if ((changed == 1)); then
    write_cluster >"$CLUSTER"
    # shellcheck disable=SC2046
    start_part apply_file $(live_access)
  fi
  for event in "$@"; do
    ! has_part act "$event" || start_part "act_$event"
  done
  for pid in "${PARTS[@]}"; do
    # shellcheck disable=SC2034 # for the caller
    wait "$pid" || WINDOW_FAULT="$(join_events "$@"): $(tail -n 1 "$LAB_DIR/event.log")"
  done
  [[ " $* " != *' access_killed '* ]] || ACCESS2_IS_UP=0
  [[ " $* " != *' access_added '* ]] || ACCESS2_IS_UP=1
}

undo_events() {
  if ((ACCESS2_IS_UP == 0)); then
    act_access_added
    ACCESS2_IS_UP=1
  fi
  on_access health set b3 auto
  on_access health set b5 auto
  file_as_at_first
  write_cluster >"$CLUSTER"
  apply_file access1 access2
}

# run_window CONNECTIONS EVENT...: what came of it is in WINDOW, as JSON; what could not be done in WINDOW_FAULT.
run_window() {
  local connections=$1 event handed
  shift
  WINDOW_FAULT=''
  for event in "$@"; do
    ! has_part before "$event" || "before_$event" >>"$LAB_DIR/event.log" 2>&1
  done
  renew_connections "$connections"
  handed=$(world_counter handed_over)
  watch_handed
  tell_client "window $(join_events "$@")" >/dev/null
  happen "$@"
  WINDOW=$(tell_client "count $SETTLED_FOR")
  unwatch_handed
  WINDOW=$(jq --argjson handed $(($(world_counter handed_over) - handed)) --argjson share "$(handed_figures)" \
    '. + {handed_over: $handed} + $share' <<<"$WINDOW")
  if [[ $HAND_OVER == true ]]; then
    WINDOW=$(jq --argjson share "$(share_of_new "$connections")" '. + {new_handed_share: $share}' <<<"$WINDOW")
  fi
  undo_events >>"$LAB_DIR/event.log" 2>&1
}

# join_events EVENT...: the name of them together.
join_events() {
  local names=$*
  echo "${names// /_and_}"
}
