/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * An access node with one service of many members, for tests of health. Members differ by their tag
 * alone, so that the destination port of the packet that leaves says which it was; member i has entry
 * i of `health`. Every function fails the test if something can't be done.
 */
#ifndef TEST_LB_WORLD_H
#define TEST_LB_WORLD_H

#include "node_setup.h"

#define LB_SERVICE 3 /* the service's index */

/* Fates of a packet that goes to no member. */
#define LB_DROPPED (-1)
#define LB_RESET   (-2)

struct lb_world {
	struct lb_setup lb;
	__u8 family, proto;
	__u32 members;
};

/*
 * Members are up to 900, all confirmed, of weight 1, in no bucket and no chain. The last line of
 * `buckets` is taken.
 */
void lb_world_open(struct lb_world *world, __u8 family, __u8 proto,
		   const struct lb_setup_options *options);
void lb_world_close(struct lb_world *world);

/* The service anew, with buckets 0 .. count - 1 and all members chained; down_until is 0. */
void lb_world_serve(struct lb_world *world, __u32 buckets, __u32 flags);

/* Writes buckets 0 .. count - 1; bucket i names table[i], or i % members if table is NULL. */
void lb_world_deal(struct lb_world *world, const __u32 *table, __u32 count, __u32 members);

void lb_world_weigh(struct lb_world *world, __u32 member, __u16 weight);

/* A packet to the service, of a flow by number. */
struct packet_spec lb_world_flow(const struct lb_world *world, __u32 number);

/* The bucket of a flow. */
__u32 lb_world_bucket(const struct packet_spec *spec, __u32 count);

/* What becomes of a packet: the member's number or a fate. Counters are not looked at. */
int lb_world_run(struct lb_world *world, const struct packet_spec *spec);

/* As lb_world_run(), for a packet that goes to a member or is dropped as @drop; only @events happen. */
int lb_world_check(const char *row, struct lb_world *world, const struct packet_spec *spec,
		   int drop, __u64 events);

/* jiffies64, as a packet finds it: a service without members is asked and tells. */
__u64 lb_world_tick(struct lb_world *world);

#endif
