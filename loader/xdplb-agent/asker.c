// SPDX-License-Identifier: BSD-2-Clause
/*
 * Questions under way.
 */
#include "asker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"

#define QUESTIONS_MAX 64
#define TRIES_MAX     16 /* nonces of a question that are remembered */

/* A reporter that has just been found needs so long to answer its first challenge. */
#define SOON_MS 100

struct asked {
	struct asked *next;
	struct question question;
	size_t open; /* targets without an answer */
	uint64_t began, next_try; /* ms */
	uint64_t nonces[TRIES_MAX];
	size_t tries;
};

struct asker {
	struct ev_loop *loop;
	struct asker_sink sink;
	struct asked *asked;
	size_t count;
	ev_timer timer;
};

static int by_reporter(const void *left, const void *right)
{
	const struct asked_target *a = left, *b = right;

	return (a->reporter > b->reporter) - (a->reporter < b->reporter);
}

/* Asks one reporter for what it has not answered. Return: as asker_sink.send. */
static int ask_reporter(struct asker *asker, const struct asked *asked, size_t first, size_t count,
			uint64_t nonce)
{
	struct share_target *targets = calloc(count, sizeof(*targets));
	struct share_request request = {
		.action = asked->question.action,
		.nonce = nonce,
		.service = asked->question.service,
		.targets = targets,
	};
	int err;

	if (!targets)
		return -ENOMEM;
	for (size_t i = first; i < first + count; i++) {
		if (!asked->question.targets[i].is_answered)
			targets[request.count++] = asked->question.targets[i].target;
	}
	err = request.count ? asker->sink.send(asker->sink.context,
					       asked->question.targets[first].reporter, &request)
			    : 0;
	free(targets);
	return err;
}

static void try_once(struct asker *asker, struct asked *asked, uint64_t now)
{
	const struct question *question = &asked->question;
	uint64_t nonce = share_draw_number();
	bool soon = false;

	asked->nonces[asked->tries++ % TRIES_MAX] = nonce;
	for (size_t first = 0, next; first < question->count; first = next) {
		next = first + 1;
		while (next < question->count &&
		       question->targets[next].reporter == question->targets[first].reporter)
			next++;
		soon |= ask_reporter(asker, asked, first, next - first, nonce) != 0;
	}
	asked->next_try = now + (soon ? SOON_MS : question->again_ms);
}

static void end(struct asker *asker, struct asked **link)
{
	struct asked *asked = *link;

	*link = asked->next;
	asker->count--;
	if (asked->question.done)
		asked->question.done(asked->question.context, &asked->question);
	free(asked->question.targets);
	free(asked);
}

static void tend(struct asker *asker)
{
	uint64_t now = clock_ms(), next = UINT64_MAX;
	struct asked **link = &asker->asked;

	while (*link) {
		struct asked *asked = *link;
		uint64_t until = asked->began + asked->question.wait_ms;

		if (!asked->open || now >= until) {
			end(asker, link);
			continue;
		}
		if (now >= asked->next_try)
			try_once(asker, asked, now);
		if (until < next)
			next = until;
		if (asked->next_try < next)
			next = asked->next_try;
		link = &asked->next;
	}
	if (next == UINT64_MAX) {
		ev_timer_stop(asker->loop, &asker->timer);
		return;
	}
	asker->timer.repeat = next > now ? (double)(next - now) / 1e3 : 1e-3;
	ev_timer_again(asker->loop, &asker->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	tend(timer->data);
}

/* From the loop: an answer may come while a question is being asked. */
static void tend_soon(struct asker *asker)
{
	asker->timer.repeat = 1e-9;
	ev_timer_again(asker->loop, &asker->timer);
}

int asker_new(struct ev_loop *loop, const struct asker_sink *sink, struct asker **ret_asker)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (!asker)
		return -ENOMEM;
	asker->loop = loop;
	asker->sink = *sink;
	ev_init(&asker->timer, on_timer);
	asker->timer.data = asker;
	*ret_asker = asker;
	return 0;
}

void asker_end(struct asker *asker)
{
	while (asker->asked)
		end(asker, &asker->asked);
}

void asker_free(struct asker *asker)
{
	if (!asker)
		return;
	asker_end(asker);
	ev_timer_stop(asker->loop, &asker->timer);
	free(asker);
}

int asker_ask(struct asker *asker, const struct question *question)
{
	struct asked *asked = NULL;
	int err = -EAGAIN;

	if (asker->count < QUESTIONS_MAX) {
		asked = calloc(1, sizeof(*asked));
		err = -ENOMEM;
	}
	if (!asked) {
		free(question->targets);
		return err;
	}
	asked->question = *question;
	asked->open = question->count;
	asked->began = clock_ms();
	qsort(question->targets, question->count, sizeof(*question->targets), by_reporter);
	asked->next = asker->asked;
	asker->asked = asked;
	asker->count++;
	tend_soon(asker);
	return 0;
}

void asker_forget(struct asker *asker, const void *context)
{
	for (struct asked **link = &asker->asked; *link; link = &(*link)->next) {
		if ((*link)->question.context != context)
			continue;
		(*link)->question.done = NULL;
		end(asker, link);
		return;
	}
}

static bool is_of(const struct asked *asked, size_t reporter, uint64_t nonce)
{
	if (reporter == ASKER_OWN)
		return true;
	for (size_t i = 0; i < TRIES_MAX; i++) {
		if (nonce && asked->nonces[i] == nonce)
			return true;
	}
	return false;
}

static void take_entry(struct asked *asked, size_t reporter, const struct share_entry *entry)
{
	for (size_t i = 0; i < asked->question.count; i++) {
		struct asked_target *target = &asked->question.targets[i];

		if (target->is_answered || target->reporter != reporter ||
		    target->target.backend != entry->backend ||
		    target->target.check != entry->check)
			continue;
		target->is_answered = true;
		target->entry = *entry;
		target->after_ms = (uint32_t)(clock_ms() - asked->began);
		asked->open--;
		return;
	}
}

void asker_take(struct asker *asker, size_t reporter, uint64_t nonce,
		const struct share_entry *entries, size_t count)
{
	for (struct asked *asked = asker->asked; asked; asked = asked->next) {
		if (!is_of(asked, reporter, nonce))
			continue;
		for (size_t i = 0; i < count; i++)
			take_entry(asked, reporter, &entries[i]);
		if (!asked->open)
			tend_soon(asker);
	}
}
