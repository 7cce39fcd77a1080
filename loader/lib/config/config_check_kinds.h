/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of checks as the cluster file has them: which keys each takes beside the common ones.
 */
#ifndef XDPLB_CONFIG_CHECK_KINDS_H
#define XDPLB_CONFIG_CHECK_KINDS_H

#include "config/config_draft.h"

#define CHECK_KIND_KEYS_MAX 12

struct check_kind {
	/* Reads its keys into spec, which is zeroed; NULL: it has none. */
	void (*read)(struct config_draft *draft, const struct yaml_place *place,
		     struct probe_spec *spec);
	const char *keys[CHECK_KIND_KEYS_MAX]; /* ended by NULL */
	const char *required; /* the one of them that must be there; NULL: none */
	const char *expected; /* of that one */
};

extern const struct check_kind check_kinds[PROBE_TYPE_COUNT];

/* The list `command` of a program and its arguments; allocated, ends in NULL. NULL: reported. */
char **draft_read_command(struct config_draft *draft, const struct yaml_place *place);
void free_command(char **argv);

/* Frees the strings of a spec. */
void free_check_spec(struct probe_spec *spec);

#endif
