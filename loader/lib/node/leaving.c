// SPDX-License-Identifier: BSD-2-Clause
/*
 * Draining what a file leaves out.
 */
#include "node/leaving.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/jiffies.h"
#include "health/health_entry.h"
#include "tables/access.h"

#define LOOK_MS 250

struct leaving {
	struct access_view view;
	uint32_t *targets;
	struct xdplb_health *before; /* of each target, to be put back */
	size_t count;
	uint64_t began; /* jiffies64 */
	uint32_t *members;
	size_t member_count;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool leaves(const struct access_view *view, const struct access_plan *plan, uint32_t member)
{
	return access_member_info(view, member)->in_use && !plan->member_kept[member];
}

/* Marks targets that a member which stays has, too. */
static void mark_staying(const struct access_view *view, const struct access_plan *plan,
			 bool *ret_stays)
{
	for (uint32_t i = 0; i < view->members.count; i++) {
		uint32_t target = access_member(view, i)->health;

		if (access_member_info(view, i)->in_use && plan->member_kept[i] &&
		    target < view->health.count)
			ret_stays[target] = true;
	}
}

static void list_leaving(struct leaving *leaving, const struct access_plan *plan, bool *stays)
{
	const struct access_view *view = &leaving->view;

	mark_staying(view, plan, stays);
	for (uint32_t i = 0; i < view->members.count; i++) {
		uint32_t target = access_member(view, i)->health;

		if (!leaves(view, plan, i) || target >= view->health.count)
			continue;
		leaving->members[leaving->member_count++] = i;
		if (stays[target])
			continue;
		stays[target] = true; /* once */
		leaving->targets[leaving->count++] = target;
	}
}

static int collect(struct leaving *leaving, const struct config *config, struct error *error)
{
	const struct access_view *view = &leaving->view;
	bool *stays = calloc(view->health.count + 1, sizeof(*stays));
	struct access_plan plan;
	int err;

	leaving->targets = calloc(view->health.count + 1, sizeof(*leaving->targets));
	leaving->before = calloc(view->health.count + 1, sizeof(*leaving->before));
	leaving->members = calloc(view->members.count + 1, sizeof(*leaving->members));
	if (!stays || !leaving->targets || !leaving->before || !leaving->members)
		err = fail(error, -ENOMEM, "no memory");
	else
		err = access_plan_build(config, view, &plan, error);
	if (!err) {
		list_leaving(leaving, &plan, stays);
		access_plan_free(&plan);
	}
	free(stays);
	return err;
}

/* Is it in no use already, by an operator's word? */
static bool is_out(const struct xdplb_health *entry, uint64_t jiffies)
{
	return health_held(entry, jiffies) &&
	       (entry->state == XDPLB_HEALTH_DOWN || entry->state == XDPLB_HEALTH_MAINTENANCE);
}

/* Whoever has said that they are up; and without the end that an operator's drain may have. */
static void drain(struct leaving *leaving, uint64_t jiffies)
{
	leaving->began = jiffies;
	for (size_t i = 0; i < leaving->count; i++) {
		struct xdplb_health *entry = map_at(&leaving->view.health, leaving->targets[i]);

		leaving->before[i] = *entry;
		if (!is_out(entry, jiffies))
			health_hold(entry, XDPLB_HEALTH_DRAINING, 0, clock_ns(CLOCK_BOOTTIME));
	}
}

/* As it was: an operator's word, or what reporters say by now. */
static void put_back(const struct leaving *leaving, size_t i, uint64_t jiffies)
{
	struct xdplb_health *entry = map_at(&leaving->view.health, leaving->targets[i]);
	const struct xdplb_health *before = &leaving->before[i];

	if (is_out(before, leaving->began))
		return;
	if (health_held(before, leaving->began))
		health_hold_weighted(entry, before->state, before->weight, before->lease,
				     clock_ns(CLOCK_BOOTTIME));
	else
		health_release(entry, jiffies, clock_ns(CLOCK_BOOTTIME));
}

int leaving_begin(const struct config *config, const char *node, struct leaving **ret_leaving,
		  struct error *error)
{
	struct leaving *leaving = calloc(1, sizeof(*leaving));
	struct paths paths;
	uint64_t jiffies = 0;
	int err;

	*ret_leaving = NULL;
	if (!leaving)
		return fail(error, -ENOMEM, "no memory");
	if (paths_of_node(node, &paths))
		err = fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	else
		err = access_view_open(&paths, &leaving->view, error);
	if (err) {
		free(leaving);
		return err;
	}
	err = collect(leaving, config, error);
	if (!err && jiffies_now(&jiffies))
		err = fail(error, -EIO, "cannot read the kernel's clock");
	if (!err)
		drain(leaving, jiffies);
	if (err || !leaving->count)
		leaving_end(leaving, false);
	else
		*ret_leaving = leaving;
	return err;
}

size_t leaving_count(const struct leaving *leaving)
{
	return leaving->count;
}

/* Packets sent to all that leave. */
static uint64_t count_packets(const struct leaving *leaving)
{
	uint64_t sum = 0, traffic[2];

	for (size_t i = 0; i < leaving->member_count; i++)
		if (!map_sum_percpu(leaving->view.traffic_fd, leaving->members[i], traffic, 2))
			sum += traffic[0];
	return sum;
}

int leaving_wait(struct leaving *leaving, uint64_t limit_ms)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	uint64_t start = clock_ns(CLOCK_MONOTONIC), changed = start, now = start;
	uint64_t packets = count_packets(leaving);
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	while (now - start < limit_ms * 1000000) {
		uint64_t sent;

		if (sigtimedwait(&ending, NULL, &look) > 0)
			return -EINTR;
		sent = count_packets(leaving);
		now = clock_ns(CLOCK_MONOTONIC);
		if (sent != packets)
			changed = now;
		packets = sent;
		if (now - changed >= LEAVING_QUIET_MS * 1000000ULL)
			return 0;
	}
	return -ETIME;
}

void leaving_end(struct leaving *leaving, bool give_back)
{
	uint64_t jiffies;

	if (!leaving)
		return;
	for (size_t i = 0; give_back && !jiffies_now(&jiffies) && i < leaving->count; i++)
		put_back(leaving, i, jiffies);
	access_view_close(&leaving->view);
	free(leaving->targets);
	free(leaving->before);
	free(leaving->members);
	free(leaving);
}
