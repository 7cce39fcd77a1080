// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a reporter and its set of entries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health/share_receive.h"
#include "health/share_send_state.h"

int share_send_new(const struct share_send_settings *settings, struct share_send **ret_send,
		   struct error *error)
{
	struct share_send *send = calloc(1, sizeof(*send));
	int err;

	if (!send)
		return fail(error, -ENOMEM, "no memory");
	send->keys = settings->keys;
	send->interval = settings->interval_ms ? settings->interval_ms : SHARE_INTERVAL_MS;
	send->sink = settings->sink;
	send->next_flush = SEND_NEVER;
	send->next_heartbeat = SEND_NEVER;
	send->receivers = calloc(settings->receiver_count + 1, sizeof(*send->receivers));
	err = send->receivers ? share_copy_name(settings->node, send->node, error)
			      : fail(error, -ENOMEM, "no memory");
	for (size_t i = 0; !err && i < settings->receiver_count; i++) {
		err = share_copy_name(settings->receivers[i], send->receivers[i].name, error);
		send->receiver_count++;
	}
	if (err)
		share_send_free(send);
	else
		*ret_send = send;
	return err;
}

void share_send_free(struct share_send *send)
{
	if (!send)
		return;
	free(send->receivers);
	free(send->items);
	free(send);
}

struct identity {
	uint64_t backend, check;
	const char *name;
};

static int compare_identities(const void *left, const void *right)
{
	const struct identity *a = left, *b = right;

	if (a->backend != b->backend)
		return a->backend < b->backend ? -1 : 1;
	return (a->check > b->check) - (a->check < b->check);
}

static int check_identities(const struct share_item *items, size_t count, struct error *error)
{
	struct identity *all = calloc(count + 1, sizeof(*all));
	int err = 0;

	if (!all)
		return fail(error, -ENOMEM, "no memory");
	for (size_t i = 0; i < count; i++)
		all[i] = (struct identity){ share_hash_name(items[i].backend), items[i].check,
					    items[i].backend };
	qsort(all, count, sizeof(*all), compare_identities);
	for (size_t i = 1; !err && i < count; i++) {
		if (!compare_identities(&all[i - 1], &all[i]))
			err = fail(error, -EEXIST,
				   "backends %s and %s with one check cannot be told apart on "
				   "the wire, expected two names",
				   all[i - 1].name, all[i].name);
	}
	free(all);
	return err;
}

void send_fill_entry(struct share_entry *entry, const struct share_item *item)
{
	entry->state = item->state;
	entry->cause = item->cause;
	entry->weight = item->weight;
}

int share_send_set(struct share_send *send, const struct share_item *items, size_t count,
		   uint64_t now_ms, struct error *error)
{
	struct send_item *made;
	int err;

	if (count > SHARE_SET_MAX)
		return fail(error, -E2BIG, "found %zu checks on one node, expected at most %d",
			    count, SHARE_SET_MAX);
	err = check_identities(items, count, error);
	if (err)
		return err;
	made = calloc(count + 1, sizeof(*made));
	if (!made)
		return fail(error, -ENOMEM, "no memory");
	send->digest = 0;
	for (size_t i = 0; i < count; i++) {
		made[i].entry.backend = share_hash_name(items[i].backend);
		made[i].entry.check = items[i].check;
		send_fill_entry(&made[i].entry, &items[i]);
		made[i].since = now_ms > items[i].age_ms ? now_ms - items[i].age_ms : 0;
		send->digest += share_digest(&made[i].entry);
	}
	free(send->items);
	send->items = made;
	send->count = count;
	send->incarnation = share_draw_number();
	send->sequence = 0;
	memset(send->taken, 0, sizeof(send->taken));
	send->request_floor = 0;
	send->next_flush = SEND_NEVER;
	send->last_flush = 0;
	send->next_heartbeat = now_ms;
	return 0;
}

uint64_t share_send_incarnation(const struct share_send *send)
{
	return send->incarnation;
}

const struct share_counters *share_send_counters(const struct share_send *send)
{
	return &send->counters;
}
