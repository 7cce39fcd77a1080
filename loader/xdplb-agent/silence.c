// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nodes that say nothing: asking their datapath, and telling the log. Also nodes that have stopped a
 * check which is wanted here: they are told to start it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "log.h"
#include "receiver_state.h"

#define WATCH_SECONDS  0.1
#define START_EVERY_MS 1000
#define START_WAIT_MS  900

static bool is_silent(const struct receiver *receiver, size_t reporter)
{
	struct share_reporter_view view;

	share_receive_view(receiver->receive, reporter, &view);
	return view.silent;
}

/* ---- the datapath ---- */

static bool find_service(const struct access_view *view, uint32_t member,
			 struct xdplb_service_info *ret_info)
{
	uint32_t service = access_member_info(view, member)->service;

	if (service >= view->service_infos.count)
		return false;
	*ret_info = *access_service_info(view, service);
	return ret_info->name[0];
}

/* A question for a member of each target of a silent node, its first one that is in use. */
static size_t list_questions(const struct receiver *receiver, struct path_question *questions)
{
	const struct access_view *view = receiver->parts.view;
	bool *asked = calloc(receiver->slot_count + 1, sizeof(*asked));
	size_t n = 0;

	for (uint32_t i = 0; asked && i < view->members.count; i++) {
		const struct xdplb_member *member = access_member(view, i);
		uint32_t slot = member->health < view->health.count
					? receiver->slot_of[member->health]
					: NO_SLOT;
		struct xdplb_service_info info;

		if (slot == NO_SLOT || !access_member_info(view, i)->in_use ||
		    !(member->flags & XDPLB_MEMBER_CONFIRMED) || asked[slot] ||
		    receiver->slots[slot].reporter == ASKER_OWN ||
		    !is_silent(receiver, receiver->slots[slot].reporter) ||
		    !find_service(view, i, &info))
			continue;
		asked[slot] = true;
		questions[n++] = (struct path_question){
			.index = member->health,
			.query = { .backend = member->addr,
				   .vip = info.vip,
				   .tag = member->tag,
				   .vport = info.many_ports ? 0 : info.port,
				   .proto = info.proto,
				   .family = info.family },
		};
	}
	free(asked);
	return n;
}

static void note_lost(struct reporter_node *node)
{
	bool was_lost = node->is_lost;

	node->is_lost = node->unanswered > 0;
	if (node->is_lost && !was_lost)
		log_event(LOG_ERR,
			  "node %s: the datapath of %u targets does not answer either: down",
			  node->name, node->unanswered);
	else if (was_lost && !node->is_lost)
		log_event(LOG_NOTICE, "node %s: its datapath answers, its agent does not",
			  node->name);
	node->unanswered = 0;
}

static void on_answers(void *context, const struct path_question *questions, size_t count)
{
	struct receiver *receiver = context;

	for (size_t i = 0; i < count; i++) {
		uint32_t slot = receiver->slot_of[questions[i].index];
		size_t reporter = receiver->slots[slot].reporter;
		bool is_lost = questions[i].query.answer == QUERY_SILENT;
		const struct verdict verdict = { .event = is_lost ? VERDICT_LOST : VERDICT_FOUND };

		/* It may have spoken meanwhile. */
		if (!is_silent(receiver, reporter))
			continue;
		receiver_write(receiver, questions[i].index, &verdict);
		receiver->nodes[reporter].unanswered += is_lost;
	}
	for (size_t i = 0; i < receiver->node_count; i++)
		note_lost(&receiver->nodes[i]);
}

static void ask_silent(struct receiver *receiver, uint64_t now)
{
	struct path_question *questions;
	struct path_round round;
	size_t count;
	int err;

	if (now < receiver->next_round || path_is_busy(receiver->parts.path) ||
	    !receiver->parts.config->has_key)
		return;
	receiver->next_round = now + PATH_EVERY_MS;
	questions = calloc(receiver->slot_count + 1, sizeof(*questions));
	count = questions ? list_questions(receiver, questions) : 0;
	if (!count) {
		free(questions);
		return;
	}
	round = (struct path_round){ questions, count, &receiver->parts.config->key };
	err = path_ask(receiver->parts.path, &round, on_answers, receiver);
	if (err)
		log_event(LOG_ERR, "cannot ask silent nodes' datapath: %s", strerror(-err));
}

/* ---- checks that have stopped ---- */

/* All of a node, in one question; nobody waits for the answer: the state that follows says it all. */
static void ask_to_start(struct receiver *receiver, size_t reporter)
{
	struct question question = { .action = SHARE_CHECK_START,
				     .wait_ms = START_WAIT_MS,
				     .again_ms = START_WAIT_MS };

	question.targets = calloc(receiver->slot_count, sizeof(*question.targets));
	for (size_t i = 0; question.targets && i < receiver->slot_count; i++) {
		const struct receiver_slot *slot = &receiver->slots[i];

		if (receiver->unwanted[i] && slot->reporter == reporter && slot->target.family)
			question.targets[question.count++] =
				(struct asked_target){ .reporter = reporter,
						       .target = slot->target };
	}
	if (question.count)
		asker_ask(receiver->parts.asker, &question);
	else
		free(question.targets);
}

static void start_stopped(struct receiver *receiver, uint64_t now)
{
	for (size_t i = 0; i < receiver->slot_count; i++) {
		struct reporter_node *node;

		if (!receiver->unwanted[i])
			continue;
		node = &receiver->nodes[receiver->slots[i].reporter];
		if (now < node->next_start)
			continue;
		node->next_start = now + START_EVERY_MS;
		ask_to_start(receiver, receiver->slots[i].reporter);
	}
}

/* ---- the log ---- */

static void tell_node(struct receiver *receiver, size_t reporter, uint64_t now)
{
	struct reporter_node *node = &receiver->nodes[reporter];
	struct share_reporter_view view;

	share_receive_view(receiver->receive, reporter, &view);
	if (view.silent && !node->is_silent) {
		log_event(LOG_WARNING, "node %s: nothing was heard of its agent for %.1f s",
			  node->name, (double)(now - view.heard_ms) / 1e3);
		/* The round that others wait for is theirs; this one is asked at once. */
		receiver->next_round = 0;
	} else if (!view.silent && view.incarnation && (node->is_silent || !node->is_heard)) {
		log_event(LOG_NOTICE, "node %s: its agent reports %u targets", node->name,
			  view.total);
		node->is_heard = true;
		node->is_lost = false;
	}
	node->is_silent = view.silent;
}

static void on_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct receiver *receiver = timer->data;
	uint64_t now = clock_ms();
	bool silent = false;

	for (size_t i = 0; i < receiver->node_count; i++) {
		tell_node(receiver, i, now);
		silent |= receiver->nodes[i].is_silent;
	}
	if (silent)
		ask_silent(receiver, now);
	start_stopped(receiver, now);
}

void silence_start(struct receiver *receiver)
{
	ev_init(&receiver->watch, on_watch);
	receiver->watch.repeat = WATCH_SECONDS;
	receiver->watch.data = receiver;
	if (receiver->receive)
		ev_timer_again(receiver->parts.loop, &receiver->watch);
}

void silence_stop(struct receiver *receiver)
{
	ev_timer_stop(receiver->parts.loop, &receiver->watch);
	path_give_up(receiver->parts.path);
}
