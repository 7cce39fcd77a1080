/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load generator's inside: load.c has options and time, load_connection.c the connections,
 * load_tally.c what came of them.
 */
#ifndef XDPLB_BENCH_LOAD_H
#define XDPLB_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_CONNECTIONS 16384
#define LOAD_BACKENDS    16
#define LOAD_NAME_LEN    16
#define LOAD_STEPS       4096
#define LOAD_PATIENCE_NS 3000000000ULL /* without an answer: broken */
#define LOAD_NOBODY      (-1) /* of the backends: none has answered yet */

/* ---- what came of it ---- */

struct load_counts {
	uint32_t answered[LOAD_BACKENDS]; /* new connections, by who answered */
	uint32_t failed; /* new connections without an answer */
};

struct load_kept {
	uint32_t opened, answers, broken;
};

struct load_tally {
	uint64_t began_ns; /* CLOCK_REALTIME */
	uint64_t step_ns;
	char names[LOAD_BACKENDS][LOAD_NAME_LEN];
	int name_count;
	uint32_t opened; /* new connections */
	struct load_counts total, steps[LOAD_STEPS];
	struct load_kept kept[LOAD_BACKENDS];
	uint32_t kept_unanswered; /* kept connections that never had an answer */
};

/* The number of a backend, by its name; LOAD_NOBODY: there are too many. */
int tally_backend(struct load_tally *tally, const char *name);

/* A new connection that was opened at @opened_ns has ended: with an answer, or LOAD_NOBODY. */
void tally_new(struct load_tally *tally, uint64_t opened_ns, int backend);

/* As JSON, to standard output; 0 or -errno. */
int tally_print(const struct load_tally *tally);

/* ---- connections ---- */

struct load_plan {
	const struct sockaddr_in *targets;
	size_t target_count;
	bool bare; /* a connection is opened and closed; nothing is asked */
	uint64_t every_ns; /* between two requests of a kept connection */
};

struct load_connection {
	int fd; /* -1: free */
	bool is_kept, is_connecting;
	bool is_waiting; /* for the handshake or an answer */
	int backend; /* that has answered last */
	uint64_t opened_ns, asked_ns;
	char answer[512];
	size_t length;
};

struct load {
	int epoll;
	const struct load_plan *plan;
	struct load_tally *tally;
	struct load_connection connections[LOAD_CONNECTIONS];
	int free_list[LOAD_CONNECTIONS];
	int free_count;
	size_t next_target;
};

int load_start(struct load *load, const struct load_plan *plan, struct load_tally *tally);

/* -EAGAIN: all are in use; -errno: no socket. */
int load_open(struct load *load, bool is_kept, uint64_t now_ns);

/* What has happened on sockets since; returns at once. */
void load_poll(struct load *load, uint64_t now_ns);

/* Next requests of kept connections; those that have waited too long. */
void load_tend(struct load *load, uint64_t now_ns);

/* Closes what is still open; nothing is counted. */
void load_end(struct load *load);

#endif
