/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Members and their health: which of them a packet may be sent to. Knows no packet and no bucket.
 */
#ifndef XDPLB_BPF_USABLE_H
#define XDPLB_BPF_USABLE_H

#include "pkt.h"
#include "xdplb/access.h"
#include "xdplb/health.h"

/* Sizes are placeholders: the loader sets them from the declared capacities. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xdplb_health);
} health SEC(".maps");

/* The state or the reported word of a target, as one load gives it. */
union health_word {
	__u32 word;
	struct {
		__u8 state, cause;
		__u16 weight;
	};
};

/* All that may be said of a target which takes all flows that it owns: state unknown or up, any cause. */
static const union health_word whole_share = { .state = XDPLB_HEALTH_UP, .cause = 0xff };

INLINE union health_word read_word(const void *at)
{
	return (union health_word){ .word = *(const volatile __u32 *)at };
}

INLINE bool is_whole(union health_word word)
{
	return !(word.word & ~whole_share.word);
}

/* A draining target takes no new flows; one with a weight those whose draw is below it. */
INLINE bool word_usable(union health_word word, bool opens, __u32 draw)
{
	if (is_whole(word))
		return true;
	if (word.state <= XDPLB_HEALTH_UP)
		return draw < word.weight;
	return word.state == XDPLB_HEALTH_DRAINING && !opens;
}

/*
 * The word of a target that counts. The rule is in xdplb/health.h; service_flags count where nobody
 * vouches.
 */
INLINE union health_word word_that_counts(const struct xdplb_health *target,
					  const __u32 *service_flags)
{
	const union health_word down = { .state = XDPLB_HEALTH_DOWN };
	union health_word word = read_word(target);
	__u64 lease = *(const volatile __u64 *)&target->lease;

	if (likely(word.state != XDPLB_HEALTH_UNKNOWN && (!lease || lease > bpf_jiffies64())))
		return word;
	if (word.state == XDPLB_HEALTH_DRAINING && word.cause != XDPLB_CAUSE_SERVER)
		return down; /* its time is over */
	if (*service_flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN)
		return down;
	return read_word(&target->reported);
}

/* Most are: somebody vouches for it, and it has no weight. What word_that_counts() says of all others, too, with less. */
INLINE bool is_up(const struct xdplb_health *target)
{
	const union health_word any_cause = { .cause = 0xff }, up = { .state = XDPLB_HEALTH_UP };
	union health_word word = read_word(target);
	__u64 lease = *(const volatile __u64 *)&target->lease;

	return likely((word.word & ~any_cause.word) == up.word) &&
	       (!lease || likely(lease > bpf_jiffies64()));
}

/* The target of a member that its service node has confirmed. */
INLINE const struct xdplb_health *confirmed_target(const struct xdplb_member *member)
{
	__u32 key = *(const volatile __u32 *)&member->health;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED))
		return NULL;
	return bpf_map_lookup_elem(&health, &key);
}

/*
 * The same of the member with this index. Where a target has the index of its member, as most have, its line is
 * on its way from memory at the same time as the member's, and not after it: the processor goes on before it knows
 * what the member says.
 */
INLINE const struct xdplb_health *likely_target(const struct xdplb_member *member,
						const __u32 *index)
{
	const struct xdplb_health *target;
	__u32 key = *(const volatile __u32 *)&member->health;

	if (!(member->flags & XDPLB_MEMBER_CONFIRMED))
		return NULL;
	target = bpf_map_lookup_elem(&health, index);
	if (likely(target && key == *index))
		return target;
	return confirmed_target(member);
}

/* May all packets go there, of any flow? The fast path asks no more; find_other_member() does. */
INLINE bool member_is_whole(const struct xdplb_member *member, const __u32 *index,
			    const __u32 *service_flags)
{
	const struct xdplb_health *target = likely_target(member, index);

	return target && (is_up(target) || is_whole(word_that_counts(target, service_flags)));
}

/*
 * May packets go there? Confirmed by its service node and not known to be unwell.
 * @opens: the packet may open a flow
 * @draw:  of the flow, whose first owner the member is; 0: of one that another has not taken
 */
INLINE bool member_usable(const struct xdplb_member *member, const __u32 *service_flags, bool opens,
			  __u32 draw)
{
	const struct xdplb_health *target = confirmed_target(member);

	return target && word_usable(word_that_counts(target, service_flags), opens, draw);
}

#endif
