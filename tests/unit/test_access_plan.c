// SPDX-License-Identifier: BSD-2-Clause
/*
 * Planning and committing an access node's tables, in rows: from one config to another.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "access_walk.h"

#define WEB "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3"
#define DNS "dns 192.0.2.2 53 udp s 31: b1 b4:5353"
#define SIX "six 2001:db8::1 443 tcp s 31: b2 b3*3 b5"
#define ALL WEB ";" DNS ";" SIX

static const char *const configs[] = {
	"",
	"-: b1 b2",
	WEB,
	ALL,
	/* two services at a VIP, the same port in both protocols */
	"t 192.0.2.1 53 tcp s 13: b1; u 192.0.2.1 53 udp s 13: b1; v 192.0.2.1 54 tcp i 13: b2*0 "
	"b1",
	"any 192.0.2.1 1-65535 tcp s 13: b1; ftp 192.0.2.1 21-21,5000-5999 tcp i 13: b2 b3; one "
	"192.0.2.1 80 tcp s 13: b4; any4 192.0.2.4 1-65535 udp i 13: b1 b2",
	"ftp 192.0.2.1 21-21,4000-5999,7000-7009 tcp i 13: b2 b3; one 192.0.2.1 5000 tcp s 13: b4",
	"two 192.0.2.1 80 tcp i 2: b1 b2; odd 10.255.255.255 65535 tcp s 17: b65535^255 b1^1@65535",
};

#define CONFIGS (sizeof(configs) / sizeof(configs[0]))

Test(access_plan, empty_to_config)
{
	skip_grace_periods();
	for (size_t i = 0; i < CONFIGS; i++) {
		struct access_view view;

		access_memory(&usual_sizes, &view);
		access_apply_text(configs[i], configs[i], &view);
		access_memory_free(&view);
	}
}

/* From every config to every other and to nothing: what stays is left alone, nothing else is left. */
Test(access_plan, config_to_config)
{
	uint64_t random = 1;

	skip_grace_periods();
	for (size_t i = 0; i < CONFIGS; i++) {
		for (size_t j = 0; j < CONFIGS; j++) {
			struct access_view view, before;
			const char *wrong;

			access_memory(&usual_sizes, &view);
			access_apply_text(configs[i], configs[i], &view);
			access_live_on(&view, &random);
			access_memory_copy(&view, &before);
			access_apply_text(configs[j], configs[j], &view);
			wrong = access_disturbed(&before, &view);
			cr_expect_null(wrong, "%s -> %s: %s", configs[i], configs[j], wrong);
			access_apply_text("nothing", "", &view);
			access_memory_free(&view);
			access_memory_free(&before);
		}
	}
}

Test(access_plan, repeated_changes_nothing)
{
	uint64_t random = 2;

	skip_grace_periods();
	for (size_t i = 0; i < CONFIGS; i++) {
		struct access_view view, before;
		struct applied applied;
		struct config config;
		const char *diff;

		access_memory(&usual_sizes, &view);
		access_apply_text(configs[i], configs[i], &view);
		access_live_on(&view, &random);
		access_memory_copy(&view, &before);
		cluster_parse(configs[i], &config);
		applied = access_apply(&config, &view);
		cr_expect_eq(applied.changes, 0, "%s: %zu changes", configs[i], applied.changes);
		diff = access_memory_diff(&before, &view);
		cr_expect_null(diff, "%s: %s", configs[i], diff);
		cluster_free(&config);
		access_memory_free(&view);
		access_memory_free(&before);
	}
}

/* Whether pings are answered changes with an apply, and nothing else does. */
Test(access_plan, echo)
{
	struct access_view view, before;
	uint64_t random = 3;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	access_apply_text(ALL, ALL, &view);
	access_live_on(&view, &random);
	for (int i = 0; i < 4; i++) {
		bool no_echo = i == 0 || i == 1;
		struct applied applied;
		struct config config;
		const char *wrong;

		access_memory_copy(&view, &before);
		cluster_parse(ALL, &config);
		config.no_echo = no_echo;
		applied = access_apply(&config, &view);
		cr_expect_eq(applied.changes, (size_t)(i == 0 || i == 2), "%d: %zu changes", i,
			     applied.changes);
		wrong = access_fault(&view, &config);
		cr_expect_null(wrong, "%d: %s", i, wrong);
		wrong = access_disturbed(&before, &view);
		cr_expect_null(wrong, "%d: %s", i, wrong);
		cluster_free(&config);
		access_memory_free(&before);
	}
	access_memory_free(&view);
}

/* The same config, differently written: the same bytes. */
Test(access_plan, order_does_not_matter)
{
	const char *const other = "six 2001:db8::1 443 tcp s 31: b5 b2 b3*3;"
				  "web 192.0.2.1 80 tcp i 61: b3 b1 b2*2; " DNS;
	struct access_view a, b;
	const char *diff;

	access_memory(&usual_sizes, &a);
	access_memory(&usual_sizes, &b);
	access_apply_text("one order", ALL, &a);
	access_apply_text("another order", other, &b);
	diff = access_memory_diff(&a, &b);
	cr_expect_null(diff, "%s", diff);
	access_memory_free(&a);
	access_memory_free(&b);
}

/* ---- single changes ---- */

/* From ALL. `changes` counts as struct access_plan does. */
static const struct {
	const char *row;
	const char *to;
	size_t changes;
} change_rows[] = {
	{ "backend added", "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b6;" DNS ";" SIX, 2 },
	{ "backend there joins", "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3 b4;" DNS ";" SIX, 1 },
	{ "backend leaves a service", "web 192.0.2.1 80 tcp i 61: b2*2 b3;" DNS ";" SIX, 2 },
	{ "backend gone", WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3*3", 3 },
	{ "backend replaced", WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3*3 b7", 4 },
	{ "address changed", WEB ";" DNS "; six 2001:db8::1 443 tcp s 31: b2 b3*3 b5^11", 2 },
	{ "tag changed", "web 192.0.2.1 80 tcp i 61: b1 b2*2@65000 b3;" DNS ";" SIX, 2 },
	{ "weight changed", "web 192.0.2.1 80 tcp i 61: b1 b2 b3;" DNS ";" SIX, 1 },
	{ "weight to 0", "web 192.0.2.1 80 tcp i 61: b1 b2*0 b3;" DNS ";" SIX, 1 },
	{ "table size", "web 192.0.2.1 80 tcp i 67: b1 b2*2 b3;" DNS ";" SIX, 1 },
	{ "service added", ALL "; new 192.0.2.3 80 tcp i 31: b1", 2 },
	{ "service at a known VIP", ALL "; new 192.0.2.1 81 tcp i 31: b1", 2 },
	/* b4 is in no service then: nothing of it is kept */
	{ "service gone", WEB ";" SIX "; -: b4", 5 },
	{ "VIP changed", "web 192.0.2.9 80 tcp i 61: b1 b2*2 b3;" DNS ";" SIX, 6 },
	{ "port changed", "web 192.0.2.1 81 tcp i 61: b1 b2*2 b3;" DNS ";" SIX, 6 },
	{ "protocol changed", "web 192.0.2.1 80 udp i 61: b1 b2*2 b3;" DNS ";" SIX, 6 },
	{ "service renamed", "wob 192.0.2.1 80 tcp i 61: b1 b2*2 b3;" DNS ";" SIX, 1 },
	{ "VIP changed", "web 192.0.2.7 80 tcp i 61: b1 b2*2 b3;" DNS ";" SIX, 6 },
	{ "VIPs swapped",
	  "web 192.0.2.2 80 tcp i 61: b1 b2*2 b3; dns 192.0.2.1 53 udp s 31: b1 b4:5353;" SIX, 10 },
	{ "unused backend", ALL "; -: b9", 0 },
};

Test(access_plan, changes)
{
	skip_grace_periods();
	for (size_t i = 0; i < sizeof(change_rows) / sizeof(change_rows[0]); i++) {
		const char *row = change_rows[i].row, *wrong;
		struct access_view view, before;
		struct xdplb_lb_control *control;
		struct applied applied;
		struct config config;
		uint64_t random = i;

		access_memory(&usual_sizes, &view);
		access_apply_text(row, ALL, &view);
		access_live_on(&view, &random);
		access_memory_copy(&view, &before);
		cluster_parse(change_rows[i].to, &config);
		applied = access_apply(&config, &view);
		cr_expect_eq(applied.changes, change_rows[i].changes, "%s: %zu changes", row,
			     applied.changes);
		wrong = access_fault(&view, &config);
		cr_expect_null(wrong, "%s: %s", row, wrong);
		wrong = access_disturbed(&before, &view);
		cr_expect_null(wrong, "%s: %s", row, wrong);
		control = map_at(&view.control, 0);
		cr_expect_eq(control->generation, 1 + (change_rows[i].changes > 0),
			     "%s: generation %u", row, control->generation);
		/* And back. */
		access_apply_text(row, ALL, &view);
		cluster_free(&config);
		access_memory_free(&view);
		access_memory_free(&before);
	}
}

/* New things take the lowest free index (a backend its member's, if that is free), what stays keeps its own. */
Test(access_plan, indices)
{
	struct access_view view;

	access_memory(&usual_sizes, &view);
	access_apply_text("all", ALL, &view);
	cr_expect_eq(access_index(&view, "dns"), 0);
	cr_expect_eq(access_index(&view, "six"), 1);
	cr_expect_eq(access_index(&view, "web"), 2);
	access_apply_text("no dns", WEB ";" SIX, &view);
	cr_expect_eq(access_index(&view, "web"), 2);
	cr_expect_eq(access_backend_index(&view, "b5"), 4);
	access_apply_text("two new",
			  WEB ";" SIX "; a 192.0.2.4 1 tcp i 7: b9; z 192.0.2.5 1 tcp i 7: b0",
			  &view);
	cr_expect_eq(access_index(&view, "a"), 0, "the one that became free");
	cr_expect_eq(access_index(&view, "z"), 3, "the next");
	cr_expect_eq(access_backend_index(&view, "b0"), 1, "b4's, and its member's");
	cr_expect_eq(access_backend_index(&view, "b9"), 5);
	cr_expect_eq(access_member_index(&view, "a", "b9"), 0, "dns's first");
	cr_expect_eq(access_member_index(&view, "z", "b0"), 1, "dns's second");
	access_memory_free(&view);
}

/* An index that becomes free is not given away in the same step: packets may still use it. */
Test(access_plan, no_index_changes_hands_in_one_step)
{
	struct access_view view;

	access_memory(&usual_sizes, &view);
	access_apply_text("a", "a 192.0.2.1 80 tcp i 7: b1", &view);
	access_apply_text("b", "b 192.0.2.2 80 tcp i 7: b2", &view);
	cr_expect_eq(access_index(&view, "b"), 1);
	cr_expect_eq(access_backend_index(&view, "b2"), 1);
	cr_expect_eq(access_member_index(&view, "b", "b2"), 1);
	access_apply_text("a", "a 192.0.2.1 80 tcp i 7: b1", &view);
	cr_expect_eq(access_index(&view, "a"), 0);
	access_memory_free(&view);
}
