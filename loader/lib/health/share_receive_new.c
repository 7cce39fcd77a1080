// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a receiver: reporters and slots, sorted for look-up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "health/share_receive_state.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_slots(const void *left, const void *right)
{
	const struct receive_slot *a = left, *b = right;

	if (a->reporter != b->reporter)
		return compare_numbers(a->reporter, b->reporter);
	if (a->backend != b->backend)
		return compare_numbers(a->backend, b->backend);
	return compare_numbers(a->check, b->check);
}

uint32_t receive_find_slot(const struct receive_reporter *reporter, const struct share_entry *entry)
{
	struct receive_slot key = { .backend = entry->backend, .check = entry->check };
	const struct receive_slot *found;

	if (!reporter->slot_count)
		return SHARE_NO_SLOT;
	key.reporter = reporter->slots[0].reporter;
	found = bsearch(&key, reporter->slots, reporter->slot_count, sizeof(key), compare_slots);
	return found ? (uint32_t)(found - reporter->slots) : SHARE_NO_SLOT;
}

static int compare_reporters(const void *left, const void *right, void *context)
{
	const struct receive_reporter *reporters = context;
	const uint32_t *a = left, *b = right;

	return strcmp(reporters[*a].name, reporters[*b].name);
}

struct receive_reporter *receive_find_reporter(const struct share_receive *receive,
					       const char *name)
{
	size_t low = 0, high = receive->reporter_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct receive_reporter *reporter = &receive->reporters[receive->by_name[middle]];
		int order = strcmp(name, reporter->name);

		if (!order)
			return reporter;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int add_reporters(struct share_receive *receive,
			 const struct share_receive_settings *settings, uint64_t now,
			 struct error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < receive->reporter_count; i++) {
		struct receive_reporter *reporter = &receive->reporters[i];

		err = share_copy_name(settings->reporters[i], reporter->name, error);
		reporter->heard = now;
		reporter->renewed = now;
		reporter->lacking_since = now;
		receive->by_name[i] = (uint32_t)i;
	}
	qsort_r(receive->by_name, receive->reporter_count, sizeof(*receive->by_name),
		compare_reporters, receive->reporters);
	return err;
}

/* Two slots that datagrams can't tell apart: of one backend, or of two whose names' hashes meet. */
static int report_clash(const struct share_receive_settings *settings,
			const struct receive_slot *clash, struct error *error)
{
	const char *first = NULL;

	for (size_t i = 0; i < settings->slot_count; i++) {
		const struct share_slot *slot = &settings->slots[i];

		if (slot->reporter != clash->reporter || slot->check != clash->check ||
		    share_hash_name(slot->backend) != clash->backend)
			continue;
		if (first)
			return fail(error, -EEXIST,
				    "backends %s and %s with one check cannot be told apart on "
				    "the wire, expected two names",
				    first, slot->backend);
		first = slot->backend;
	}
	return -EEXIST;
}

static int add_slots(struct share_receive *receive, const struct share_receive_settings *settings,
		     struct error *error)
{
	for (size_t i = 0; i < receive->slot_count; i++) {
		const struct share_slot *from = &settings->slots[i];

		if (from->reporter >= receive->reporter_count)
			return fail(error, -EINVAL, "backend %s is of no reporter", from->backend);
		receive->slots[i] = (struct receive_slot){
			.backend = share_hash_name(from->backend),
			.check = from->check,
			.reporter = (uint32_t)from->reporter,
			.index = from->index,
			.known = NOT_KNOWN,
		};
		if (receive->reporters[from->reporter].epoch < from->epoch)
			receive->reporters[from->reporter].epoch = from->epoch;
	}
	qsort(receive->slots, receive->slot_count, sizeof(*receive->slots), compare_slots);
	for (size_t i = 0; i < receive->slot_count; i++) {
		struct receive_slot *slot = &receive->slots[i];
		struct receive_reporter *reporter = &receive->reporters[slot->reporter];

		if (i && !compare_slots(slot - 1, slot))
			return report_clash(settings, slot, error);
		if (!reporter->slot_count++)
			reporter->slots = slot;
	}
	return 0;
}

int share_receive_new(const struct share_receive_settings *settings, uint64_t now_ms,
		      struct share_receive **ret_receive, struct error *error)
{
	size_t reporters = settings->reporter_count, slots = settings->slot_count;
	struct share_receive *receive = calloc(1, sizeof(*receive));
	int err;

	if (!receive)
		return fail(error, -ENOMEM, "no memory");
	receive->keys = settings->keys;
	receive->interval = settings->interval_ms ? settings->interval_ms : SHARE_INTERVAL_MS;
	receive->missed = settings->missed ? settings->missed : SHARE_MISSED;
	receive->lease = settings->lease_ms ? settings->lease_ms : SHARE_LEASE_MS;
	receive->sink = settings->sink;
	receive->incarnation = share_draw_number();
	receive->reporters = calloc(reporters + 1, sizeof(*receive->reporters));
	receive->by_name = calloc(reporters + 1, sizeof(*receive->by_name));
	receive->slots = calloc(slots + 1, sizeof(*receive->slots));
	if (receive->reporters && receive->by_name && receive->slots) {
		receive->reporter_count = reporters;
		receive->slot_count = slots;
		err = share_copy_name(settings->node, receive->node, error);
	} else {
		err = fail(error, -ENOMEM, "no memory");
	}
	if (!err)
		err = add_reporters(receive, settings, now_ms, error);
	if (!err)
		err = add_slots(receive, settings, error);
	if (err)
		share_receive_free(receive);
	else
		*ret_receive = receive;
	return err;
}

void share_receive_free(struct share_receive *receive)
{
	if (!receive)
		return;
	for (size_t i = 0; i < receive->reporter_count; i++)
		share_set_end(&receive->reporters[i].set);
	free(receive->reporters);
	free(receive->by_name);
	free(receive->slots);
	free(receive);
}

void share_receive_view(const struct share_receive *receive, size_t reporter,
			struct share_reporter_view *ret_view)
{
	const struct receive_reporter *from = &receive->reporters[reporter];

	*ret_view = (struct share_reporter_view){
		.incarnation = from->incarnation,
		.incarnations = from->incarnations,
		.heard_ms = from->heard,
		.known = from->set.count,
		.total = from->set.total,
		.silent = from->silent,
		.complete = from->lacking_since == UINT64_MAX,
	};
}

const struct share_counters *share_receive_counters(const struct share_receive *receive)
{
	return &receive->counters;
}
