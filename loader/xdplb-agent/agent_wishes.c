// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services that come and go with an apply: their targets' checks are started and stopped where the
 * backends are.
 */
#include <stdlib.h>
#include <string.h>

#include "agent_state.h"
#include "log.h"

#define WISH_WAIT_MS  10000 /* then it is given up; reporter.h says what that means */
#define WISH_AGAIN_MS 300

static int compare_slots(const void *left, const void *right)
{
	const struct receiver_slot *a = *(const struct receiver_slot *const *)left;
	const struct receiver_slot *b = *(const struct receiver_slot *const *)right;

	if (a->target.backend != b->target.backend)
		return a->target.backend < b->target.backend ? -1 : 1;
	return (a->target.check > b->target.check) - (a->target.check < b->target.check);
}

/* Pointers to the slots of a receiver, sorted; NULL: no memory. */
static const struct receiver_slot **sort_slots(const struct receiver *receiver)
{
	size_t count = receiver_slot_count(receiver);
	const struct receiver_slot **slots = calloc(count + 1, sizeof(*slots));

	for (size_t i = 0; slots && i < count; i++)
		slots[i] = receiver_slot(receiver, i);
	if (slots)
		qsort(slots, count, sizeof(*slots), compare_slots);
	return slots;
}

/* The node as it is called now; it may have gone. */
static size_t reporter_now(const struct receiver *from, size_t reporter, const struct receiver *now)
{
	size_t count;

	if (reporter == ASKER_OWN)
		return ASKER_OWN;
	receiver_silent(now, &count);
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(receiver_name(from, reporter), receiver_name(now, i)))
			return i;
	}
	return RECEIVER_NOBODY;
}

static void wish(struct agent *agent, struct question *question, const struct receiver_slot *slot,
		 size_t reporter)
{
	bool stop = question->action == SHARE_CHECK_STOP;

	if (reporter == ASKER_OWN && agent->reporter)
		reporter_wish(agent->reporter, slot->target.backend, slot->target.check, stop);
	else if (reporter < RECEIVER_NOBODY && slot->target.family)
		question->targets[question->count++] =
			(struct asked_target){ .reporter = reporter, .target = slot->target };
}

/* Wishes @action for the slots of @of that @other has not. */
static void tell(struct agent *agent, enum share_action action, const struct receiver *of,
		 const struct receiver *other)
{
	const struct receiver_slot **slots = sort_slots(of), **others = sort_slots(other);
	struct question question = { .action = action,
				     .wait_ms = WISH_WAIT_MS,
				     .again_ms = WISH_AGAIN_MS };
	size_t count = receiver_slot_count(of);

	question.targets = calloc(count + 1, sizeof(*question.targets));
	for (size_t i = 0; slots && others && question.targets && i < count; i++) {
		if (!bsearch(&slots[i], others, receiver_slot_count(other), sizeof(*others),
			     compare_slots))
			wish(agent, &question, slots[i],
			     reporter_now(of, slots[i]->reporter, agent->receiver));
	}
	free(slots);
	free(others);
	if (question.count)
		log_line(LOG_INFO, "%zu targets have %s: their nodes are told", question.count,
			 action == SHARE_CHECK_STOP ? "gone" : "come");
	if (question.count)
		asker_ask(agent->asker, &question);
	else
		free(question.targets);
}

void agent_tell_wishes(struct agent *agent, const struct receiver *old, const struct receiver *new)
{
	tell(agent, SHARE_CHECK_STOP, old, new);
	tell(agent, SHARE_CHECK_START, new, old);
}
