// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tunnels that end at this node.
 */
#include "tunnels.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "tunnel_lsp.h"
#include "tunnel/tunnel_status.h"
#include "tunnel/tunnel_walk.h"

/* How long a walk may take: every hop is asked several times in it. */
#define WALK_MS 300

/* The far end is told at each change, and so often besides, ticks. */
#define TELL_EVERY 5

struct watched {
	struct tunnels *tunnels;
	size_t number; /* in config.tunnels */
	const struct config_tunnel *config;
	uint32_t index; /* in the map */
	struct tunnel_lsp *lsps[2];
	struct tunnel_guard guard;
	char faults[2][512]; /* of the last walk */
	unsigned int ticks;
	ev_timer tick;
};

struct tunnels {
	struct ev_loop *loop;
	tunnels_callback *callback;
	void *context;
	const struct config *config;
	const struct mpls_view *view;
	struct watched *watched;
	size_t count;
	uint64_t session;
};

/* ---- what follows from what was seen ---- */

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Over both LSPs: the one that is whole carries it. */
static void tell(struct watched *watched)
{
	const struct tunnel_state state = {
		.is_whole = { watched->guard.lsps[0].is_whole, watched->guard.lsps[1].is_whole },
		.session = watched->tunnels->session,
		.sent = wall_ns(),
	};

	for (int i = 0; i < 2; i++)
		if (watched->lsps[i])
			tunnel_lsp_tell(watched->lsps[i], &state);
}

/* Writes what the tunnel is to be, if that is news. */
static void obey(struct watched *watched)
{
	struct tunnels *tunnels = watched->tunnels;
	struct tunnel_choice choice = tunnel_guard_choose(&watched->guard);
	const char *fault =
		choice.state == XDPLB_TUNNEL_UP && !choice.backup ? "" : watched->faults[0];

	if (mpls_set_tunnel(tunnels->view, watched->index, choice.state, choice.backup,
			    choice.cause))
		tunnels->callback(tunnels->context, watched->config, &choice, fault);
}

/* A backup that fails while nobody needs it. */
static void tell_backup(const struct watched *watched)
{
	bool is_whole = watched->guard.lsps[1].is_whole;

	if (tunnel_guard_choose(&watched->guard).backup)
		return;
	log_event(is_whole ? LOG_NOTICE : LOG_WARNING, "tunnel %s: its backup %s%s%s",
		  watched->config->name, is_whole ? "is whole" : "has failed", is_whole ? "" : ": ",
		  is_whole                ? ""
		  : watched->faults[1][0] ? watched->faults[1]
					  : "not answered");
}

/* After anything that may have changed how an LSP is. */
static void look(struct watched *watched, const bool before[2])
{
	if (watched->guard.lsps[0].is_whole != before[0] ||
	    watched->guard.lsps[1].is_whole != before[1])
		tell(watched);
	obey(watched);
	if (watched->guard.lsps[1].is_whole != before[1])
		tell_backup(watched);
}

#define BEFORE(watched)                                                              \
	{                                                                            \
		(watched)->guard.lsps[0].is_whole, (watched)->guard.lsps[1].is_whole \
	}

static void on_answer(void *context, unsigned int lsp)
{
	struct watched *watched = context;

	tunnel_guard_answer(&watched->guard, lsp);
}

static void on_walk(void *context, unsigned int lsp, int err, const char *fault)
{
	struct watched *watched = context;
	const bool before[2] = BEFORE(watched);

	snprintf(watched->faults[lsp], sizeof(watched->faults[lsp]), "%s", fault);
	tunnel_guard_walk(&watched->guard, lsp, err);
	look(watched, before);
}

static void on_state(void *context, const struct tunnel_state *state)
{
	struct watched *watched = context;

	if (tunnel_guard_hear(&watched->guard, state->is_whole, state->session, state->sent))
		obey(watched);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct watched *watched = timer->data;
	const bool before[2] = BEFORE(watched);
	uint64_t passed;

	/* What has come in first, or whoever looks late takes for silence what lies before it. */
	for (int i = 0; i < 2; i++)
		if (watched->lsps[i])
			tunnel_lsp_read(watched->lsps[i]);
	passed = tunnel_guard_tick(&watched->guard, monotonic_ns());
	look(watched, before);
	for (unsigned int i = 0; i < 2; i++)
		if (watched->lsps[i])
			tunnel_guard_sent(&watched->guard, i,
					  tunnel_lsp_tick(watched->lsps[i], passed));
	if (watched->ticks++ % TELL_EVERY == 0)
		tell(watched);
}

/* ---- which there are ---- */

static void add_lsp(struct watched *watched, size_t node, unsigned int backup)
{
	struct tunnels *tunnels = watched->tunnels;
	const struct xdplb_tunnel_control *control =
		&mpls_tunnel(tunnels->view, watched->index)->control;
	const struct tunnel_lsp_sink sink = { watched, on_answer, on_walk, on_state };
	/* A walk is not over before its last question had its time. */
	unsigned int walk_ms = 2 * watched->config->probe_interval_ms;
	struct error error = { 0 };
	struct tunnel_way way;
	int err = tunnel_way_of(tunnels->config, node, watched->number, backup, tunnels->view, &way,
				&error);

	if (!err)
		err = tunnel_lsp_new(tunnels->loop, &way, walk_ms < WALK_MS ? WALK_MS : walk_ms,
				     &sink, &watched->lsps[backup]);
	if (err == -ENODATA)
		return;
	if (err) {
		log_line(LOG_ERR, "tunnel %s: cannot be probed: %s", watched->config->name,
			 error.text[0] ? error.text : strerror(-err));
		return;
	}
	tunnel_guard_add(&watched->guard, backup,
			 control->state == XDPLB_TUNNEL_UP && control->backup == backup);
}

static bool is_to_watch(const struct config_tunnel *tunnel, size_t node)
{
	return tunnel->kind != CONFIG_TUNNEL_SPARE && tunnel->corouted &&
	       (tunnel->ends[0].node == node || tunnel->ends[1].node == node);
}

static void watch(struct tunnels *tunnels, size_t number, size_t node)
{
	const struct config_tunnel *config = &tunnels->config->tunnels[number];
	uint32_t index = mpls_find_tunnel(tunnels->view, config->number);
	struct watched *watched = &tunnels->watched[tunnels->count];

	/* What is in the maps has to be what is in the file, or it would be judged by another. */
	if (index == UINT32_MAX ||
	    mpls_tunnel_info(tunnels->view, index)->way != mpls_way_of(tunnels->config, config)) {
		log_line(LOG_WARNING,
			 "tunnel %s: the maps have not what is in the file: not watched until both "
			 "are the same (apply, reload)",
			 config->name);
		return;
	}
	*watched = (struct watched){
		.tunnels = tunnels, .number = number, .config = config, .index = index
	};
	tunnel_guard_init(&watched->guard, (uint64_t)config->probe_interval_ms * 1000000,
			  config->probe_missed);
	add_lsp(watched, node, 0);
	add_lsp(watched, node, 1);
	tunnels->count++;
	ev_timer_init(&watched->tick, on_tick, 0, config->probe_interval_ms / 1e3);
	watched->tick.data = watched;
	ev_timer_start(tunnels->loop, &watched->tick);
}

static void forget_all(struct tunnels *tunnels)
{
	for (size_t i = 0; i < tunnels->count; i++) {
		ev_timer_stop(tunnels->loop, &tunnels->watched[i].tick);
		tunnel_lsp_free(tunnels->watched[i].lsps[0]);
		tunnel_lsp_free(tunnels->watched[i].lsps[1]);
	}
	free(tunnels->watched);
	tunnels->watched = NULL;
	tunnels->count = 0;
}

int tunnels_set(struct tunnels *tunnels, const struct config *config, size_t node,
		const struct mpls_view *view)
{
	forget_all(tunnels);
	tunnels->config = config;
	tunnels->view = view;
	if (!view || !config->tunnel_count)
		return 0;
	tunnels->watched = calloc(config->tunnel_count, sizeof(*tunnels->watched));
	if (!tunnels->watched)
		return -ENOMEM;
	for (size_t i = 0; i < config->tunnel_count; i++)
		if (is_to_watch(&config->tunnels[i], node))
			watch(tunnels, i, node);
	return 0;
}

int tunnels_new(struct ev_loop *loop, tunnels_callback *callback, void *context,
		struct tunnels **ret_tunnels)
{
	struct tunnels *tunnels = calloc(1, sizeof(*tunnels));

	if (!tunnels)
		return -ENOMEM;
	tunnels->loop = loop;
	tunnels->callback = callback;
	tunnels->context = context;
	randombytes_buf(&tunnels->session, sizeof(tunnels->session));
	*ret_tunnels = tunnels;
	return 0;
}

void tunnels_free(struct tunnels *tunnels)
{
	if (!tunnels)
		return;
	forget_all(tunnels);
	free(tunnels);
}

void tunnels_count(const struct tunnels *tunnels, size_t *ret_up, size_t *ret_all)
{
	*ret_all = tunnels->count;
	*ret_up = 0;
	for (size_t i = 0; i < tunnels->count; i++)
		*ret_up += tunnel_guard_choose(&tunnels->watched[i].guard).state == XDPLB_TUNNEL_UP;
}

static json_t *lsp_json(const struct watched *watched, int lsp)
{
	const struct tunnel_guard *guard = &watched->guard;

	if (!watched->lsps[lsp])
		return json_null();
	return json_pack(
		"{s:b, s:i, s:s, s:I, s:o}", "whole", (int)guard->lsps[lsp].is_whole, "missed",
		(int)tunnel_guard_missed(guard, (unsigned int)lsp), "fault", watched->faults[lsp],
		"rtt_ns", (json_int_t)tunnel_lsp_rtt(watched->lsps[lsp]), "far_end",
		guard->far_is_known ? json_boolean(guard->far_is_whole[lsp]) : json_null());
}

json_t *tunnels_json(const struct tunnels *tunnels)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tunnels->count; i++) {
		const struct watched *watched = &tunnels->watched[i];
		struct tunnel_choice choice = tunnel_guard_choose(&watched->guard);

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", watched->config->name,
				  "state", choice.state == XDPLB_TUNNEL_UP ? "up" : "down", "cause",
				  tunnel_cause_name(choice.cause), "lsp",
				  choice.backup ? "backup" : "primary", "primary",
				  lsp_json(watched, 0), "backup", lsp_json(watched, 1)));
	}
	return list;
}
