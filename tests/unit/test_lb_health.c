// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp and the map `health`: the rule of xdplb/health.h, to the tick, and what becomes of packets when
 * no member is usable.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "lb_world.h"

TestSuite(lb_health);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BUCKETS     251
#define DEADLINE_S  10

static const struct lb_setup_options small = {};

/* ---- the rule ---- */

struct state_row {
	const char *name;
	int state;
	bool usable; /* while it counts */
};

static const struct state_row states[] = {
	{ "unknown", XDPLB_HEALTH_UNKNOWN, true },
	{ "up", XDPLB_HEALTH_UP, true },
	{ "draining", XDPLB_HEALTH_DRAINING, true },
	{ "down", XDPLB_HEALTH_DOWN, false },
	{ "maintenance", XDPLB_HEALTH_MAINTENANCE, false },
	{ "a state to come", 5, false },
	{ "the last state", 255, false },
};

enum lease {
	LEASE_NONE,
	LEASE_AHEAD,
	LEASE_FAR,
	LEASE_OVER,
	LEASE_NOW
};

struct lease_row {
	const char *name;
	enum lease lease;
	bool holds;
};

static const struct lease_row leases[] = {
	{ "no lease", LEASE_NONE, true },       { "lease ahead", LEASE_AHEAD, true },
	{ "endless lease", LEASE_FAR, true },   { "lease over", LEASE_OVER, false },
	{ "lease ends now", LEASE_NOW, false },
};

static __u64 lease_of(struct lb_world *world, enum lease lease)
{
	switch (lease) {
	case LEASE_AHEAD:
		return lb_world_tick(world) + 1000000;
	case LEASE_FAR:
		return ~0ULL;
	case LEASE_OVER:
		return 1;
	case LEASE_NOW:
		return lb_world_tick(world);
	default:
		return 0;
	}
}

/* All of: state, lease, what was reported, the service's flag. One member, of all buckets. */
static void check_rule(struct lb_world *world, const struct state_row *state,
		       const struct lease_row *lease)
{
	struct packet_spec spec = lb_world_flow(world, 1);
	char row[160];

	for (size_t r = 0; r < 2 * COUNT(states); r++) {
		const struct state_row *reported = &states[r / 2];
		bool is_down = r % 2, counts = state->state && lease->holds;
		enum xdplb_health_cause cause = r % XDPLB_CAUSE_COUNT;
		/* The time of what drains is over with its lease, unless the server has said it. */
		bool over = state->state == XDPLB_HEALTH_DRAINING && !lease->holds &&
			    cause != XDPLB_CAUSE_SERVER;
		bool usable = counts ? state->usable : !is_down && !over && reported->usable;
		/* Of UDP nobody knows whether it opens a flow: the only member is found by a search
		 * that takes what drains rather than none. */
		bool searched = spec.proto == IPPROTO_UDP && usable &&
				(counts ? state : reported)->state == XDPLB_HEALTH_DRAINING;
		struct xdplb_health target = {
			.state = state->state,
			.cause = cause,
			/* what must not matter */
			.weight = r % 3 ? 0 : 0xffff,
			.epoch = r,
			.reported = reported->state,
			.reported_lease = r % 5,
		};

		snprintf(row, sizeof(row), "%s, %s, reported %s, unknown: %s", state->name,
			 lease->name, reported->name, is_down ? "down" : "keep");
		lb_world_serve(world, BUCKETS, is_down ? XDPLB_SERVICE_UNKNOWN_IS_DOWN : 0);
		target.lease = lease_of(world, lease->lease);
		lb_setup_target(&world->lb, 0, &target);
		lb_world_check(row, world, &spec, usable ? NO_DROP : XDPLB_DROP_NO_USABLE_MEMBER,
			       searched ? EVENT(NEXT_OWNER) : 0);
	}
}

Test(lb_health, rule)
{
	const struct lb_setup_options one = { .members = 1 };
	struct lb_world world;

	for (int i = 0; i < 4; i++) {
		lb_world_open(&world, setup_families[i / 2], setup_protos[i % 2], &one);
		lb_world_deal(&world, NULL, BUCKETS, 1);
		for (size_t r = 0; r < COUNT(states) * COUNT(leases); r++)
			check_rule(&world, &states[r / COUNT(leases)], &leases[r % COUNT(leases)]);
		lb_world_close(&world);
	}
}

/*
 * What a lease says holds in the last tick before it and no longer in its own. A packet is judged only if
 * the tick was the same before and after it. Return: whether packets came in both of these ticks.
 */
static bool check_end_of_lease(struct lb_world *world, bool used_before)
{
	struct packet_spec spec = lb_world_flow(world, 1);
	struct xdplb_health target = {
		.state = used_before ? XDPLB_HEALTH_UP : XDPLB_HEALTH_DOWN,
		.reported = used_before ? XDPLB_HEALTH_DOWN : XDPLB_HEALTH_UP,
		.lease = lb_world_tick(world) + 3,
	};
	int last_tick = 0, own_tick = 0;
	__u64 before, after;

	lb_setup_target(&world->lb, 0, &target);
	do {
		bool used;

		before = lb_world_tick(world);
		used = lb_world_run(world, &spec) == 0;
		after = lb_world_tick(world);
		if (before != after)
			continue;
		cr_assert_eq(used, before < target.lease ? used_before : !used_before,
			     "lease %+lld ticks ahead, reported %s: %s",
			     (long long)(target.lease - before), used_before ? "down" : "up",
			     used ? "used" : "not used");
		last_tick += before + 1 == target.lease;
		own_tick += before == target.lease;
	} while (after <= target.lease);
	return last_tick && own_tick;
}

static void check_ends_of_lease(struct lb_world *world, bool used_before)
{
	int tries = 0;

	/* On a busy machine this may not run for some ticks. */
	while (!check_end_of_lease(world, used_before))
		cr_assert_lt(tries++, 200, "no packet in the last tick of a lease and in its own");
}

Test(lb_health, lease_to_the_tick)
{
	const struct lb_setup_options one = { .members = 1 };
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_UDP, &one);
	lb_world_deal(&world, NULL, BUCKETS, 1);
	lb_world_serve(&world, BUCKETS, 0);
	check_ends_of_lease(&world, true);
	check_ends_of_lease(&world, false);
	lb_world_close(&world);
}

/* The entry that counts is the one that the member names, which one store changes. */
Test(lb_health, members_share_a_target)
{
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV6, IPPROTO_TCP, &small);
	lb_world_deal(&world, NULL, BUCKETS, 8);
	for (__u32 i = 0; i < 8; i++) {
		struct setup_member member = setup_member(world.family, world.proto, 1);

		member.service = LB_SERVICE;
		member.weight = 1;
		member.to.port = SETUP_TAG_FIRST + i;
		member.health = 20 + i % 2;
		lb_setup_member(&world.lb, i, &member);
	}
	world.members = 8;
	lb_world_serve(&world, BUCKETS, 0);
	lb_setup_health(&world.lb, 20, XDPLB_HEALTH_DOWN);
	for (__u32 flow = 0; flow < 200; flow++) {
		struct packet_spec spec = lb_world_flow(&world, flow);
		int member = lb_world_run(&world, &spec);

		cr_assert(member >= 0 && member % 2 == 1, "flow %u: member %d", flow, member);
	}
	lb_world_close(&world);
}

/* ---- no member is usable ---- */

/* A flow of which a member is the first owner, or (is_first false) is not. */
static struct packet_spec flow_of(const struct lb_world *world, __u32 member, bool is_first)
{
	for (__u32 flow = 0;; flow++) {
		struct packet_spec spec = lb_world_flow(world, flow);

		if ((lb_world_bucket(&spec, BUCKETS) % 8 == member) == is_first)
			return spec;
	}
}

static void set_all(struct lb_world *world, enum xdplb_health_state state)
{
	for (__u32 i = 0; i < world->members; i++)
		lb_setup_health(&world->lb, i, state);
}

/* A dead service is kept for dead until the tick is over, and no longer, however many packets come. */
Test(lb_health, dead_service_recovers_in_the_next_tick)
{
	struct lb_world world;

	for (int i = 0; i < 4; i++) {
		struct packet_spec own, other;
		time_t start = time(NULL);
		__u64 until, after;
		int member;

		lb_world_open(&world, setup_families[i / 2], setup_protos[i % 2],
			      &(struct lb_setup_options){ .members = 8 });
		own = flow_of(&world, 5, true);
		other = flow_of(&world, 5, false);
		lb_world_deal(&world, NULL, BUCKETS, 8);
		lb_world_serve(&world, BUCKETS, 0);
		set_all(&world, XDPLB_HEALTH_DOWN);
		cr_assert_eq(lb_world_run(&world, &other), LB_DROPPED);
		until = lb_setup_read_service(&world.lb, LB_SERVICE).down_until;
		lb_setup_health(&world.lb, 5, XDPLB_HEALTH_UP);
		cr_assert_eq(lb_world_run(&world, &own), 5, "its first owner is up");
		do {
			__u64 before = lb_world_tick(&world);

			member = lb_world_run(&world, &other);
			after = lb_world_tick(&world);
			cr_assert(time(NULL) < start + DEADLINE_S, "never served again");
			if (after < until)
				cr_assert_eq(member, LB_DROPPED, "a search in the same tick");
			if (before >= until)
				cr_assert_eq(member, 5, "not served in tick %llu, down until %llu",
					     (unsigned long long)before, (unsigned long long)until);
		} while (member != 5);
		lb_world_close(&world);
	}
}

struct all_down_row {
	const char *name;
	__u32 flags;
	int tcp, udp; /* fates; 0: to a member */
};

static const struct all_down_row all_down_rows[] = {
	{ "drop", 0, LB_DROPPED, LB_DROPPED },
	{ "drop, unknown is down", XDPLB_SERVICE_UNKNOWN_IS_DOWN, LB_DROPPED, LB_DROPPED },
	{ "reset", XDPLB_SERVICE_RESET_IF_DOWN, LB_RESET, LB_DROPPED },
	{ "reset, unknown is down", XDPLB_SERVICE_RESET_IF_DOWN | XDPLB_SERVICE_UNKNOWN_IS_DOWN,
	  LB_RESET, LB_DROPPED },
	{ "use all", XDPLB_SERVICE_ALL_IF_DOWN, 0, 0 },
	{ "use all, unknown is down", XDPLB_SERVICE_ALL_IF_DOWN | XDPLB_SERVICE_UNKNOWN_IS_DOWN, 0,
	  0 },
};

/* Twice in a row: by a search, and by what it has found. The second may be a search too. */
static void check_all_down(struct lb_world *world, const char *row, int want, __u32 flow)
{
	struct packet_spec spec = lb_world_flow(world, flow);
	struct expected expected = { XDP_TX, NULL, NO_DROP, EVENT(RESET_SENT) };
	struct test_packet packet;
	int member;

	for (int time = 0; time < 2; time++) {
		if (want == LB_DROPPED) {
			lb_world_check(row, world, &spec, XDPLB_DROP_NO_USABLE_MEMBER, 0);
		} else if (want == LB_RESET) {
			packet_build(&spec, &packet);
			observe_run(row, world->lb.skel->progs.lb_xdp, world->lb.counters, &packet,
				    0, &expected);
			cr_assert_eq(lb_world_run(world, &spec), LB_RESET, "%s", row);
		} else {
			member = lb_world_check(row, world, &spec, NO_DROP, EVENT(USED_WHILE_DOWN));
			cr_assert_eq(member, (int)lb_world_bucket(&spec, BUCKETS) % 8,
				     "%s: flow %u, not at its first owner but at %d", row, flow,
				     member);
		}
	}
}

Test(lb_health, all_down)
{
	static const int down_states[] = { XDPLB_HEALTH_DOWN, XDPLB_HEALTH_MAINTENANCE, 5 };
	struct lb_world world;
	char row[120];

	for (int i = 0; i < 4; i++) {
		lb_world_open(&world, setup_families[i / 2], setup_protos[i % 2],
			      &(struct lb_setup_options){ .members = 8 });
		lb_world_deal(&world, NULL, BUCKETS, 8);
		for (size_t r = 0; r < COUNT(all_down_rows) * COUNT(down_states); r++) {
			const struct all_down_row *all = &all_down_rows[r / COUNT(down_states)];

			snprintf(row, sizeof(row), "%s: %s, state %d",
				 setup_kind(world.family, world.proto), all->name,
				 down_states[r % COUNT(down_states)]);
			set_all(&world, down_states[r % COUNT(down_states)]);
			lb_world_serve(&world, BUCKETS, all->flags);
			for (__u32 flow = 0; flow < 20; flow++)
				check_all_down(&world, row,
					       world.proto == IPPROTO_TCP ? all->tcp : all->udp,
					       flow);
		}
		lb_world_close(&world);
	}
}

/* use_all means all that are confirmed; when none is, nothing is left but to drop. */
Test(lb_health, all_down_and_not_confirmed)
{
	struct lb_world world;

	lb_world_open(&world, XDPLB_IPV4, IPPROTO_UDP, &(struct lb_setup_options){ .members = 8 });
	lb_world_deal(&world, NULL, BUCKETS, 8);
	lb_world_serve(&world, BUCKETS, XDPLB_SERVICE_ALL_IF_DOWN);
	set_all(&world, XDPLB_HEALTH_DOWN);
	for (__u32 left = 8; left-- > 0;) {
		lb_setup_confirm(&world.lb, left, false);
		for (__u32 flow = 0; flow < 50; flow++) {
			struct packet_spec spec = lb_world_flow(&world, flow);
			int member;

			member = lb_world_check("some not confirmed", &world, &spec,
						left ? NO_DROP : XDPLB_DROP_NO_USABLE_MEMBER,
						left ? EVENT(USED_WHILE_DOWN) : 0);
			cr_assert_lt(member, (int)left, "member %d is not confirmed", member);
		}
	}
	lb_world_close(&world);
}
