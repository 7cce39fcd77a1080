// SPDX-License-Identifier: BSD-2-Clause
/*
 * How long packets still went to a backend after something was done to it: does it, and watches the
 * wires. Knows nothing of agents; of the balancer it knows the health map, if it is to write there.
 *
 * Usage: last_packet --wire NETNS:DEVICE [--wire ...] --to ADDRESS [--syn] [--quiet MS]
 *                    [--at MS/INTERVAL_MS] ACTION
 * ACTION: --signal NUMBER PID...      signals the processes
 *         --run PROGRAM ARGUMENT...   runs it
 *         --down NODE BACKEND         writes "down" into the node's pinned health map
 *
 * The time begins right before the action, on the clock by which the kernel stamps packets. Packets
 * must have passed on every wire before, and those to other addresses must go on until the end: a
 * generator that has stopped is no backend that traffic has left. Prints microseconds, how many
 * packets went there meanwhile, and the time that it began, in seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "health/health_entry.h"
#include "base/maps.h"
#include "base/paths.h"
#include "wire.h"
#include "xdplb/infos.h"

#define WIRES_MAX   8
#define FLOWING     5 /* packets on each wire within FLOWING_NS */
#define FLOWING_NS  100000000ULL
#define PATIENCE_NS 15000000000ULL
#define QUIET_MS    400

struct watched {
	struct wire wire;
	uint64_t window, in_window; /* packets to the backend since then */
	uint64_t last_other; /* to another address */
};

struct watch {
	struct watched wires[WIRES_MAX];
	size_t count;
	struct in_addr to;
	bool syn_only;
	uint64_t quiet_ns;
	uint64_t began; /* 0: nothing was done yet */
	uint64_t last, after; /* to the backend since then */
	unsigned long at_ms, interval_ms; /* when to act; 0: at once */
};

static void die(const char *what, int err)
{
	fprintf(stderr, "last_packet: %s: %s\n", what, strerror(err));
	exit(1);
}

static void usage(void)
{
	fprintf(stderr, "usage: last_packet --wire NETNS:DEVICE --to ADDRESS [--syn] [--quiet MS] "
			"[--at MS/INTERVAL] --signal N PID...|--run PROGRAM...|--down NODE "
			"BACKEND\n");
	exit(2);
}

/* ---- watching ---- */

static void take(struct watch *watch, struct watched *wire, const struct wire_packet *packet)
{
	if (packet->is_sent || (watch->syn_only && !packet->is_syn))
		return;
	if (packet->to.s_addr != watch->to.s_addr) {
		wire->last_other = packet->ns;
		return;
	}
	if (packet->ns - wire->window > FLOWING_NS) {
		wire->window = packet->ns;
		wire->in_window = 0;
	}
	wire->in_window++;
	if (!watch->began || packet->ns <= watch->began)
		return;
	watch->after++;
	if (packet->ns > watch->last)
		watch->last = packet->ns;
}

static void read_wires(struct watch *watch, int wait_ms)
{
	struct pollfd fds[WIRES_MAX];

	for (size_t i = 0; i < watch->count; i++)
		fds[i] = (struct pollfd){ watch->wires[i].wire.fd, POLLIN, 0 };
	poll(fds, watch->count, wait_ms);
	for (size_t i = 0; i < watch->count; i++) {
		struct wire_packet packet;
		int got;

		while ((got = wire_read(&watch->wires[i].wire, &packet)) > 0)
			take(watch, &watch->wires[i], &packet);
		if (got < 0)
			die("reading the wire", -got);
	}
}

static bool is_flowing(const struct watch *watch)
{
	uint64_t now = wire_now();

	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *wire = &watch->wires[i];

		if (now - wire->window > 2 * FLOWING_NS || wire->in_window < FLOWING)
			return false;
	}
	return true;
}

static void await_flow(struct watch *watch)
{
	uint64_t start = wire_now();

	while (!is_flowing(watch)) {
		if (wire_now() - start > PATIENCE_NS)
			die("no traffic to the backend on every wire", ETIMEDOUT);
		read_wires(watch, 10);
	}
}

static void await_quiet(struct watch *watch)
{
	uint64_t now;

	do {
		read_wires(watch, 10);
		now = wire_now();
		if (now - watch->began > PATIENCE_NS)
			die("traffic does not leave the backend", ETIMEDOUT);
	} while (now - (watch->last ? watch->last : watch->began) < watch->quiet_ns);
	for (size_t i = 0; i < watch->count; i++) {
		if (now - watch->wires[i].last_other > watch->quiet_ns / 2)
			die("traffic to the other backends has stopped", ENODATA);
	}
}

/* ---- acting ---- */

/* A point of the probes' interval, on the clock that they go by. */
static void await_moment(struct watch *watch)
{
	uint64_t interval = watch->interval_ms * 1000000ULL, due;
	struct timespec now;

	if (!interval)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	due = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	due = due - due % interval + interval + watch->at_ms * 1000000ULL;
	now = (struct timespec){ (time_t)(due / 1000000000), (long)(due % 1000000000) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL))
		;
	read_wires(watch, 0);
}

static void act_signal(struct watch *watch, char **words, int count)
{
	watch->began = wire_now();
	for (int i = 1; i < count; i++) {
		if (kill(atoi(words[i]), atoi(words[0])))
			die("kill", errno);
	}
}

static void act_run(struct watch *watch, char **words)
{
	int status;
	pid_t pid;

	watch->began = wire_now();
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (!pid) {
		execvp(words[0], words);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || status)
		die(words[0], ECHILD);
}

static void open_map(const struct paths *paths, const char *name, size_t size,
		     struct map_array *array)
{
	char path[PATH_LEN];
	int err = map_array_open(path_of_map(paths, name, path), size, array);

	if (err)
		die(name, -err);
}

static void act_down(struct watch *watch, char **words)
{
	struct map_array health, infos;
	bool found = false;
	struct paths paths;

	if (paths_of_node(words[0], &paths))
		die(words[0], ENAMETOOLONG);
	open_map(&paths, "health", sizeof(struct xdplb_health), &health);
	open_map(&paths, "backend_infos", sizeof(struct xdplb_backend_info), &infos);
	for (size_t i = 0; i < infos.count; i++) {
		const struct xdplb_backend_info *info = map_at(&infos, i);

		if (strcmp(info->name, words[1]))
			continue;
		if (!found)
			watch->began = wire_now();
		found = true;
		health_hold(map_at(&health, i), XDPLB_HEALTH_DOWN, 0, 0);
	}
	if (!found)
		die(words[1], ENOENT);
	map_array_close(&health);
	map_array_close(&infos);
}

static void act(struct watch *watch, char **words, int count)
{
	if (count >= 3 && !strcmp(words[0], "--signal"))
		act_signal(watch, words + 1, count - 1);
	else if (count >= 2 && !strcmp(words[0], "--run"))
		act_run(watch, words + 1);
	else if (count == 3 && !strcmp(words[0], "--down"))
		act_down(watch, words + 1);
	else
		usage();
}

/* ---- options ---- */

static void add_wire(struct watch *watch, char *text)
{
	char *colon = strrchr(text, ':');
	int err;

	if (!colon || watch->count == WIRES_MAX)
		usage();
	*colon = '\0';
	err = wire_open(text, colon + 1, &watch->wires[watch->count++].wire);
	if (err)
		die(text, -err);
}

/* Returns how many words were options. */
static int read_options(struct watch *watch, int argc, char **argv)
{
	int i = 1;

	for (; i < argc; i++) {
		char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--syn")) {
			watch->syn_only = true;
			continue;
		}
		if (!value)
			usage();
		if (!strcmp(argv[i], "--wire"))
			add_wire(watch, value);
		else if (!strcmp(argv[i], "--to") && inet_pton(AF_INET, value, &watch->to) == 1)
			;
		else if (!strcmp(argv[i], "--quiet"))
			watch->quiet_ns = strtoull(value, NULL, 10) * 1000000;
		else if (!strcmp(argv[i], "--at") &&
			 sscanf(value, "%lu/%lu", &watch->at_ms, &watch->interval_ms) == 2)
			;
		else
			break;
		i++;
	}
	if (i >= argc || !watch->count || !watch->to.s_addr)
		usage();
	return i;
}

int main(int argc, char **argv)
{
	static struct watch watch = { .quiet_ns = QUIET_MS * 1000000ULL };
	int words = read_options(&watch, argc, argv);

	await_flow(&watch);
	await_moment(&watch);
	act(&watch, argv + words, argc - words);
	await_quiet(&watch);
	printf("%.1f %llu %.6f\n", watch.last ? (double)(watch.last - watch.began) / 1e3 : 0.0,
	       (unsigned long long)watch.after, (double)watch.began / 1e9);
	return 0;
}
