// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making a node's network what the file wants. What is wanted host_wanted.c finds out; host_clean.c
 * takes back what no longer is; host_act.c does the single acts.
 */
#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host_act.h"
#include "host/host_there.h"

/* Something that host_prepare() recorded, with what undoes it. */
struct step {
	bool had_record;
	bool changed; /* the host was, not only the record */
	struct undo_record earlier; /* the record there was, if any; always the key */
	char before[SYSCTL_VALUE_LEN];
};

struct preparation {
	const struct host_wanted *wanted;
	int undo_fd;
	uint64_t generation;
	struct notes *notes;
	struct error *error;
	struct step *steps;
	size_t step_count;
	const struct host_there *there; /* as it was before */
};

/* Begins the next step with what is known of its record; it counts from record_step() on. */
static struct step *begin_step(struct preparation *prep, const struct xdplb_undo_key *key)
{
	struct step *step = &prep->steps[prep->step_count];
	const struct undo_record *record = host_recorded(prep->there, key);

	memset(step, 0, sizeof(*step));
	step->earlier.key = *key;
	step->had_record = record != NULL;
	if (record)
		step->earlier.undo = record->undo;
	return step;
}

/* What was there before the first change is what will be put back: an earlier record stays. */
static int record_step(struct preparation *prep, struct step *step)
{
	const char *value = step->had_record ? step->earlier.undo.value : step->before;
	char text[HOST_TEXT_LEN];
	int err = undo_put(prep->undo_fd, &step->earlier.key, value, prep->generation);

	if (err)
		return fail_errno(prep->error, err, "cannot record how to undo %s",
				  host_print(&step->earlier.key, text));
	prep->step_count++;
	return 0;
}

static int say_failed(struct preparation *prep, const struct step *step, int err)
{
	char text[HOST_TEXT_LEN];

	host_print(&step->earlier.key, text);
	if (err == -ENONET)
		return fail(prep->error, err, "cannot set %s: no such network namespace", text);
	return fail_errno(prep->error, err, "cannot set %s", text);
}

static int prepare_address(struct preparation *prep, const struct host_address *address)
{
	char holder[IF_NAMESIZE], text[HOST_TEXT_LEN];
	struct xdplb_undo_key key;
	struct step *step;
	int there, err;

	host_address_key(address, &key);
	step = begin_step(prep, &key);
	there = host_address_holder(address, holder);
	if (there && there != -EADDRNOTAVAIL)
		return say_failed(prep, step, there);
	if (!there && !step->had_record) {
		if (strcmp(holder, "lo"))
			note(prep->notes, "%s: is on %s already, left alone",
			     host_print(&key, text), holder);
		return 0;
	}
	err = record_step(prep, step);
	if (err || !there)
		return err;
	err = host_address_add(address);
	if (err)
		return say_failed(prep, step, err);
	step->changed = true;
	return 0;
}

static int prepare_sysctl(struct preparation *prep, const struct host_sysctl *sysctl)
{
	struct xdplb_undo_key key;
	struct step *step;
	int holds, err;

	host_sysctl_key(sysctl, &key);
	step = begin_step(prep, &key);
	holds = host_sysctl_check(sysctl, step->before);
	if (holds < 0)
		return say_failed(prep, step, holds);
	if (holds && !step->had_record)
		return 0;
	err = record_step(prep, step);
	if (err || holds)
		return err;
	err = host_sysctl_write(sysctl);
	if (err)
		return say_failed(prep, step, err);
	step->changed = true;
	return 0;
}

/* Somebody else's route for the same address stays, and stays theirs. */
static int prepare_route(struct preparation *prep, const struct host_address *route)
{
	struct xdplb_undo_key key;
	struct step *step;
	int err;

	if (host_is_settled(prep->there, route))
		return 0;
	host_route_key(route, &key);
	step = begin_step(prep, &key);
	err = record_step(prep, step);
	if (err)
		return err;
	err = host_route_add(route);
	if (err == -EEXIST && !step->had_record) {
		prep->step_count--;
		return undo_forget(prep->undo_fd, &key);
	}
	if (err && err != -EEXIST)
		return say_failed(prep, step, err);
	step->changed = !err;
	return 0;
}

/* Settings go first: a VIP must not be local before ARP keeps quiet about it. */
static int prepare_all(struct preparation *prep)
{
	int err = 0;

	for (size_t i = 0; !err && i < prep->wanted->sysctl_count; i++)
		err = prepare_sysctl(prep, &prep->wanted->sysctls[i]);
	for (size_t i = 0; !err && i < prep->wanted->address_count; i++)
		err = prepare_address(prep, &prep->wanted->addresses[i]);
	for (size_t i = 0; !err && i < prep->wanted->route_count; i++)
		err = prepare_route(prep, &prep->wanted->routes[i]);
	return err;
}

/* A record is forgotten only when the host is as it was: else detach still needs it. */
static void take_back(const struct preparation *prep, const struct step *step)
{
	struct undo_record undo = { .key = step->earlier.key };
	char text[HOST_TEXT_LEN];
	int err = 0;

	memcpy(undo.undo.value, step->before, sizeof(step->before));
	if (step->changed)
		err = host_undo(&undo);
	if (!err && step->had_record)
		err = undo_put(prep->undo_fd, &undo.key, step->earlier.undo.value,
			       step->earlier.undo.generation);
	else if (!err)
		err = undo_forget(prep->undo_fd, &undo.key);
	if (err)
		note(prep->notes, "cannot take back %s: %s", host_print(&undo.key, text),
		     strerror(-err));
}

int host_prepare(const struct host_wanted *wanted, int undo_fd, uint64_t generation,
		 struct notes *notes, struct error *error)
{
	struct preparation prep = {
		.wanted = wanted,
		.undo_fd = undo_fd,
		.generation = generation,
		.notes = notes,
		.error = error,
	};
	struct host_there own = { 0 };
	int err = 0;

	if (!wanted->there)
		err = host_look(undo_fd, wanted->route_count, &own);
	if (err)
		return fail_errno(error, err, "cannot see what is there");
	prep.there = wanted->there ?: &own;
	/* One more than can be recorded: the last may turn out to need nothing. */
	prep.steps = calloc(wanted->address_count + wanted->route_count + wanted->sysctl_count + 1,
			    sizeof(*prep.steps));
	if (!prep.steps)
		err = fail_errno(error, -ENOMEM, "network settings");
	if (wanted->notes.text)
		note(notes, "%.*s", (int)strlen(wanted->notes.text) - 1, wanted->notes.text);
	err = err ?: prepare_all(&prep);
	while (err && prep.step_count)
		take_back(&prep, &prep.steps[--prep.step_count]);
	free(prep.steps);
	host_there_free(&own);
	return err;
}
