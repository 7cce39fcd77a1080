// SPDX-License-Identifier: BSD-2-Clause
/*
 * Load on a balancer: connections that are opened at a steady rate, and some that are kept.
 *
 * Usage: load [--new RATE] [--keep COUNT [--every MS]] [--bare] [--step MS] [--seconds S]
 *             ADDRESS:PORT...
 * A connection is one HTTP request whose answer begins with the backend's name; --bare: opened and
 * closed, nothing asked. Targets take turns. Ends after S seconds, or by SIGTERM, and prints what came
 * of it as JSON; with --step, also of each step of so many milliseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "load.h"

#define TARGETS_MAX 16
#define TURN_NS     500000 /* connections are opened so often, as many as are due */
#define TEND_NS     5000000
#define BEHIND_MAX \
	1000 /* connections: a generator that was kept waiting does not catch up with more */

static volatile sig_atomic_t ended;

struct options {
	struct sockaddr_in targets[TARGETS_MAX];
	size_t target_count;
	unsigned long rate, keep, every_ms, step_ms;
	double seconds;
	bool bare;
};

static void on_term(int signal)
{
	ended = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void usage(void)
{
	fprintf(stderr, "usage: load [--new RATE] [--keep COUNT [--every MS]] [--bare] "
			"[--step MS] [--seconds S] ADDRESS:PORT...\n");
	exit(2);
}

static bool read_target(const char *text, struct sockaddr_in *ret)
{
	char address[INET_ADDRSTRLEN];
	unsigned int port;

	ret->sin_family = AF_INET;
	if (sscanf(text, "%15[0-9.]:%u", address, &port) != 2 ||
	    inet_pton(AF_INET, address, &ret->sin_addr) != 1 || port > 65535)
		return false;
	ret->sin_port = htons((uint16_t)port);
	return true;
}

static bool read_option(struct options *options, const char *name, const char *value)
{
	if (!strcmp(name, "--new"))
		options->rate = strtoul(value, NULL, 10);
	else if (!strcmp(name, "--keep"))
		options->keep = strtoul(value, NULL, 10);
	else if (!strcmp(name, "--every"))
		options->every_ms = strtoul(value, NULL, 10);
	else if (!strcmp(name, "--step"))
		options->step_ms = strtoul(value, NULL, 10);
	else if (!strcmp(name, "--seconds"))
		options->seconds = strtod(value, NULL);
	else
		return false;
	return true;
}

static void read_options(struct options *options, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--bare"))
			options->bare = true;
		else if (i + 1 == argc || !read_option(options, argv[i], argv[i + 1]))
			usage();
		else
			i++;
	}
	for (; i < argc; i++) {
		if (options->target_count == TARGETS_MAX ||
		    !read_target(argv[i], &options->targets[options->target_count++]))
			usage();
	}
	if (!options->target_count)
		usage();
}

static void allow_sockets(void)
{
	struct rlimit limit = { LOAD_CONNECTIONS + 64, LOAD_CONNECTIONS + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		perror("load: setrlimit");
		exit(1);
	}
}

static void open_due(struct load *load, const struct options *options, uint64_t now)
{
	struct load_tally *tally = load->tally;
	uint64_t due = (uint64_t)((double)(now - tally->began_ns) / 1e9 * (double)options->rate);
	static uint64_t done;

	if (due > done + BEHIND_MAX)
		done = due - BEHIND_MAX;
	for (; done < due; done++) {
		if (load_open(load, false, now))
			return;
	}
}

static void run(struct load *load, const struct options *options)
{
	uint64_t end = options->seconds > 0
			       ? load->tally->began_ns + (uint64_t)(options->seconds * 1e9)
			       : UINT64_MAX;
	uint64_t now = now_ns(), tended = now;

	for (unsigned long i = 0; i < options->keep; i++)
		load_open(load, true, now);
	while (!ended && now < end) {
		nanosleep(&(struct timespec){ 0, TURN_NS }, NULL);
		now = now_ns();
		open_due(load, options, now);
		load_poll(load, now);
		if (now - tended < TEND_NS)
			continue;
		load_tend(load, now);
		tended = now;
	}
}

int main(int argc, char **argv)
{
	static struct options options = { .every_ms = 20 };
	static struct load_tally tally;
	static struct load load;
	struct sigaction term = { .sa_handler = on_term };
	struct load_plan plan = { .targets = options.targets };
	int err;

	read_options(&options, argc, argv);
	sigaction(SIGTERM, &term, NULL);
	allow_sockets();
	plan.target_count = options.target_count;
	plan.bare = options.bare;
	plan.every_ns = options.every_ms * 1000000ULL;
	tally.began_ns = now_ns();
	tally.step_ns = options.step_ms * 1000000ULL;
	err = load_start(&load, &plan, &tally);
	if (!err) {
		run(&load, &options);
		load_end(&load);
		err = tally_print(&tally);
	}
	if (err)
		fprintf(stderr, "load: %s\n", strerror(-err));
	return err ? 1 : 0;
}
