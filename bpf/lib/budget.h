/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * How much the balancer may send of its own accord: a token bucket for each CPU, filled by the tick.
 */
#ifndef XDPLB_BPF_BUDGET_H
#define XDPLB_BPF_BUDGET_H

#include "pkt.h"

/* What one CPU may send of each kind of answer; the loader sets the first from the kernel's tick. */
const volatile __u64 answers_per_tick = 4;
const volatile __u64 answers_at_once = 1000;

struct budget {
	__u64 tick; /* jiffies64 of the last refill */
	__u64 left;
};

enum answer {
	ANSWER_ECHO, /* an echo reply */
	ANSWER_ERROR, /* an ICMP error */
	ANSWERS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ANSWERS);
	__type(key, __u32);
	__type(value, struct budget);
} answer_budgets SEC(".maps");

INLINE bool take_token(struct budget *budget, __u64 per_tick, __u64 at_once)
{
	__u64 now = bpf_jiffies64(), ticks = now - budget->tick;

	if (ticks) {
		if (ticks > at_once)
			ticks = at_once;
		budget->left += ticks * per_tick;
		if (budget->left > at_once)
			budget->left = at_once;
		budget->tick = now;
	}
	if (!budget->left)
		return false;
	budget->left--;
	return true;
}

/* May what comes from this address be answered? Not what has no single sender. */
INLINE bool addr_answerable(const struct xdplb_addr *addr, __u32 family)
{
	__u8 first = bpf_ntohl(addr->word[0]) >> 24;

	if (family == XDPLB_IPV4)
		return first && first != 127 && first < 224;
	return first != 0xff && (addr->word[0] | addr->word[1] | addr->word[2] | addr->word[3]);
}

INLINE bool take_answer(enum answer kind)
{
	__u32 key = kind;
	struct budget *budget = bpf_map_lookup_elem(&answer_budgets, &key);

	return budget && take_token(budget, answers_per_tick, answers_at_once);
}

#endif
