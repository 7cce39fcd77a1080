// SPDX-License-Identifier: BSD-2-Clause
/*
 * Dropped packets by reason.
 */
#include "show/drops.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/maps.h"
#include "base/paths.h"
#include "xdplb/counters.h"

static const struct {
	const char *name, *help;
} reasons[] = {
#define X(NAME, name, help) { #name, help },
	XDPLB_DROP_REASONS(X)
#undef X
};

struct reading {
	uint64_t counts[XDPLB_COUNTERS_CAPACITY];
	struct timespec at;
};

static int read_drops(int fd, struct reading *ret)
{
	int err = map_sum_percpu(fd, 0, ret->counts, XDPLB_COUNTERS_CAPACITY);

	clock_gettime(CLOCK_MONOTONIC, &ret->at);
	return err;
}

static double seconds_between(const struct reading *first, const struct reading *last)
{
	return (double)(last->at.tv_sec - first->at.tv_sec) +
	       (double)(last->at.tv_nsec - first->at.tv_nsec) / 1e9;
}

/* Both readings; without an interval they are one. */
static int read_twice(int fd, unsigned int interval_ms, struct reading *ret_first,
		      struct reading *ret_last)
{
	const struct timespec interval = { .tv_sec = interval_ms / 1000,
					   .tv_nsec = interval_ms % 1000 * 1000000L };
	int err = read_drops(fd, ret_first);

	*ret_last = *ret_first;
	if (err || !interval_ms)
		return err;
	if (nanosleep(&interval, NULL))
		return -errno;
	return read_drops(fd, ret_last);
}

static json_t *make_json(const char *node, const struct reading *first, const struct reading *last)
{
	double seconds = seconds_between(first, last);
	json_t *list = json_array();

	for (size_t i = 0; i < XDPLB_DROP_COUNT; i++) {
		json_t *drop = json_pack("{s:s, s:s, s:I}", "reason", reasons[i].name, "help",
					 reasons[i].help, "packets", (json_int_t)last->counts[i]);

		if (seconds > 0)
			json_object_set_new(
				drop, "per_second",
				json_real((double)(last->counts[i] - first->counts[i]) / seconds));
		json_array_append_new(list, drop);
	}
	return json_pack("{s:s, s:f, s:o}", "node", node, "seconds", seconds, "drops", list);
}

int drops_collect(const char *node, unsigned int interval_ms, json_t **ret_json,
		  struct error *error)
{
	struct reading first, last;
	struct paths paths;
	char path[PATH_LEN];
	int fd, err;

	if (paths_of_node(node, &paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	fd = map_open(path_of_map(&paths, "drops", path));
	if (fd == -ENOENT)
		return fail(error, fd, "%s: not attached", node);
	if (fd < 0)
		return fail_errno(error, fd, "cannot open %s", path);
	err = read_twice(fd, interval_ms, &first, &last);
	close(fd);
	if (err)
		return fail_errno(error, err, "cannot read %s", path);
	*ret_json = make_json(node, &first, &last);
	return *ret_json ? 0 : fail_errno(error, -ENOMEM, "%s", node);
}
