/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions of an access node to reporters: probe these targets now, start or stop their checks. A
 * question goes to all nodes that hold its targets, is repeated for those that do not answer, and
 * ends when all have or when its time is over. Knows no datagram: sending is the caller's.
 */
#ifndef XDPLB_AGENT_ASKER_H
#define XDPLB_AGENT_ASKER_H

#include <ev.h>
#include <stdbool.h>

#include "health/share_receive.h"

#define ASKER_OWN ((size_t)-1) /* as a reporter: this node itself */

/* A target in a question. */
struct asked_target {
	size_t reporter; /* as in share_receive.h, or ASKER_OWN */
	struct share_target target;
	void *label; /* of whoever asks */
	/* The answer. */
	bool is_answered;
	struct share_entry entry;
	uint32_t after_ms; /* from the question to the answer */
};

struct question {
	enum share_action action;
	uint64_t service;
	struct asked_target *targets; /* allocated; the asker frees it */
	size_t count;
	uint32_t wait_ms; /* for all answers */
	uint32_t again_ms; /* from a try to the next: longer than an answer takes */
	/* Called once, at the end; may be NULL. */
	void (*done)(void *context, const struct question *question);
	void *context;
};

struct asker;

struct asker_sink {
	void *context;
	/* Send a part of a question; not 0: the reporter can't be asked yet. Own targets: probe it;
	 * the answer comes by asker_take() with ASKER_OWN. */
	int (*send)(void *context, size_t reporter, const struct share_request *request);
};

int asker_new(struct ev_loop *loop, const struct asker_sink *sink, struct asker **ret_asker);

/* Ends all questions, with what was answered. */
void asker_end(struct asker *asker);
void asker_free(struct asker *asker);

/**
 * asker_ask() - Ask. On failure targets are freed too, and done is not called.
 * Return: 0; -ENOMEM; -EAGAIN too many questions are open.
 */
int asker_ask(struct asker *asker, const struct question *question);

/* A client has gone: its question ends without a call of done. */
void asker_forget(struct asker *asker, const void *context);

/* Answers of a reporter (@nonce is theirs), or of this node itself (any nonce). */
void asker_take(struct asker *asker, size_t reporter, uint64_t nonce,
		const struct share_entry *entries, size_t count);

#endif
