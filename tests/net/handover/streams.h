/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's connections in the hand-over lab. They are kept and asked something all the time; each
 * that breaks is noted: when, how, and whose it was.
 */
#ifndef XDPLB_TESTS_STREAMS_H
#define XDPLB_TESTS_STREAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "pattern.h"

#define STREAMS_MAX  8192
#define TARGETS_MAX  16
#define BACKENDS_MAX 32

#define PATIENCE_NS   3000000000ULL /* without an answer: broken */
#define ANSWER_MAX_US 20000

enum stream_state {
	STREAM_CLOSED,
	STREAM_CONNECTING,
	STREAM_OPEN
};

enum stream_fault {
	FAULT_RESET,
	FAULT_CLOSED,
	FAULT_WRONG_BYTE,
	FAULT_STALLED,
	FAULT_COUNT
};

struct target {
	struct sockaddr_storage address;
	socklen_t length;
	const char *text;
};

/* Settled once it has got the backend's name and a whole answer: only then it can break. */
struct stream {
	enum stream_state state;
	bool is_settled;
	int fd;
	size_t target;
	uint64_t seed, sent, received; /* bytes of the whole streams */
	struct pattern in, out;
	char backend[PATTERN_NAME];
	uint64_t due_ns, heard_ns;
	uint64_t
		asked_ns; /* when the one request that has no answer was sent; 0: none, or several */
};

/* How long its answers took, in microseconds: how many of them each time. The last: longer. */
struct backend_tally {
	char name[PATTERN_NAME];
	unsigned int open, broken;
	unsigned int answers, took[ANSWER_MAX_US + 1];
};

/* What came of an event. */
struct window {
	char name[64];
	uint64_t began_ns;
	unsigned int connections, faults[FAULT_COUNT];
	uint64_t bytes; /* of answers */
	struct backend_tally backends[BACKENDS_MAX];
};

struct streams {
	struct target targets[TARGETS_MAX];
	size_t target_count, wanted; /* streams 0 .. wanted-1 are to be open */
	uint64_t every_ns;
	unsigned int failed; /* attempts to open one */
	int epoll;
	FILE *log; /* a line for each that broke; NULL: none */
	struct window window;
	struct stream all[STREAMS_MAX];
};

/* Monotonic, in nanoseconds. */
uint64_t streams_now(void);

/* Returns 0 or -errno. */
int streams_start(struct streams *streams);

/* Closes all and wants so many; they open in streams_tend(). */
void streams_renew(struct streams *streams, size_t wanted);

/* Opens what is wanted and closed, asks where it is time to, finds what has stalled. */
void streams_tend(struct streams *streams, bool may_open, uint64_t now_ns);

/* Waits at most so many milliseconds for events and handles them. */
void streams_poll(struct streams *streams, int wait_ms);

size_t streams_settled(const struct streams *streams);

/* Have all that live got something since then? */
bool streams_heard_since(const struct streams *streams, uint64_t since_ns);

/* The median of how long answers took, in microseconds; 0: there were none. */
unsigned int tally_median(const struct backend_tally *tally);

/* Counts from now on. */
void streams_open_window(struct streams *streams, const char *name);

#endif
