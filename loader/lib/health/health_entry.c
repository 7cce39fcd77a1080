// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reading and writing one entry of the map `health`, without locks.
 */
#include "health/health_entry.h"

#include <stddef.h>
#include <string.h>

/* How often an operator's stores are made again when others write at the same time. */
#define HOLD_TRIES 16

/* As it is stored: the first four bytes of an entry, or the four from `reported` on. */
static uint32_t pack(struct health_word word)
{
	const struct xdplb_health entry = {
		.state = word.state,
		.cause = word.cause,
		.weight = word.weight,
	};
	uint32_t packed;

	memcpy(&packed, &entry, sizeof(packed));
	return packed;
}

static struct health_word unpack(uint32_t packed)
{
	struct xdplb_health entry = { 0 };

	memcpy(&entry, &packed, sizeof(packed));
	return (struct health_word){ entry.state, entry.cause, entry.weight };
}

static uint32_t *state_word(struct xdplb_health *entry)
{
	return (uint32_t *)entry;
}

static uint32_t *reported_word(struct xdplb_health *entry)
{
	return (uint32_t *)((char *)entry + offsetof(struct xdplb_health, reported));
}

static uint32_t load32(const uint32_t *from)
{
	return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}

static uint64_t load_lease(const struct xdplb_health *entry)
{
	return __atomic_load_n(&entry->lease, __ATOMIC_SEQ_CST);
}

static bool swap32(uint32_t *at, uint32_t old, uint32_t new)
{
	return __atomic_compare_exchange_n(at, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static bool swap_lease(struct xdplb_health *entry, uint64_t old, uint64_t new)
{
	return __atomic_compare_exchange_n(&entry->lease, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* ---- reading ---- */

static bool lies_ahead(uint64_t lease, uint64_t jiffies)
{
	return !lease || lease > jiffies;
}

/* The word that counts, by the rule in xdplb/health.h; its state may be unknown. */
static struct health_word effective_word(const struct xdplb_health *entry, uint64_t jiffies,
					 bool unknown_is_down)
{
	struct health_word word = unpack(load32((const uint32_t *)entry));

	if (word.state != XDPLB_HEALTH_UNKNOWN && lies_ahead(load_lease(entry), jiffies))
		return word;
	if (word.state == XDPLB_HEALTH_DRAINING && word.cause != XDPLB_CAUSE_SERVER)
		word.state = XDPLB_HEALTH_MAINTENANCE;
	else if (unknown_is_down)
		word.state = XDPLB_HEALTH_DOWN;
	else
		word = unpack(load32(reported_word((struct xdplb_health *)entry)));
	return word;
}

enum xdplb_health_state health_effective(const struct xdplb_health *entry, uint64_t jiffies,
					 bool unknown_is_down)
{
	return effective_word(entry, jiffies, unknown_is_down).state;
}

bool health_usable(const struct xdplb_health *entry, uint64_t jiffies, bool unknown_is_down)
{
	return health_effective(entry, jiffies, unknown_is_down) <= XDPLB_HEALTH_DRAINING;
}

unsigned int health_share(const struct xdplb_health *entry, uint64_t jiffies, bool unknown_is_down)
{
	struct health_word word = effective_word(entry, jiffies, unknown_is_down);

	if (word.state > XDPLB_HEALTH_UP)
		return 0;
	return word.weight && word.weight < 100 ? word.weight : 100;
}

static bool is_operators(uint32_t word)
{
	return unpack(word).cause == XDPLB_CAUSE_OPERATOR;
}

static bool is_held(uint32_t word, uint64_t lease, uint64_t jiffies)
{
	enum xdplb_health_state state = unpack(word).state;

	/* What was drained stays out of use when its time is over. */
	return is_operators(word) && state != XDPLB_HEALTH_UNKNOWN &&
	       (state == XDPLB_HEALTH_DRAINING || lies_ahead(lease, jiffies));
}

bool health_held(const struct xdplb_health *entry, uint64_t jiffies)
{
	return is_held(load32((const uint32_t *)entry), load_lease(entry), jiffies);
}

/* ---- a reporter ---- */

/* Its leases are even, an operator's odd. */
static uint64_t make_even(uint64_t until)
{
	return (until + 1) & ~1ULL;
}

void health_vouch(struct xdplb_health *entry, struct health_word word, uint64_t until)
{
	uint32_t low = (uint32_t)until;

	__atomic_store_n(reported_word(entry), pack(word), __ATOMIC_SEQ_CST);
	__atomic_store_n(&entry->reported_lease, until ? low | !low : 0, __ATOMIC_SEQ_CST);
}

/*
 * At the end: an operator's word has come, after its lease. Whose lease was it that was replaced? Nobody
 * has stored one since if it still is `until`: then the operator's. Only 0 is both a reporter's and an
 * operator's: then it was the operator's if it was odd and not that of a word which is over.
 */
bool health_take(struct xdplb_health *entry, struct health_word word, uint64_t jiffies,
		 uint64_t until, uint64_t changed)
{
	uint32_t old = load32(state_word(entry)), new = pack(word);
	uint64_t lease = load_lease(entry);

	until = make_even(until);
	if (is_held(old, lease, jiffies))
		return false;
	if (changed && unpack(old).state != word.state)
		__atomic_store_n(&entry->changed, changed, __ATOMIC_RELAXED);
	if (!swap32(state_word(entry), old, new))
		return false; /* somebody else's, just now */
	if (!swap_lease(entry, lease, until)) {
		if (is_operators(old))
			swap32(state_word(entry), new, old);
		return false;
	}
	if (load32(state_word(entry)) == new)
		return true;
	if (is_operators(load32(state_word(entry))) && (until || (lease & 1 && !is_operators(old))))
		swap_lease(entry, until, lease);
	return false;
}

/* ---- an operator ---- */

/* The stores of an operator, again while somebody else's come in between. */
static void put(struct xdplb_health *entry, struct health_word word, uint64_t lease)
{
	uint32_t new = pack(word);

	for (int i = 0; i < HOLD_TRIES; i++) {
		__atomic_store_n(&entry->lease, lease, __ATOMIC_SEQ_CST);
		__atomic_store_n(state_word(entry), new, __ATOMIC_SEQ_CST);
		if (load_lease(entry) == lease && load32(state_word(entry)) == new)
			return;
	}
}

void health_hold(struct xdplb_health *entry, enum xdplb_health_state state, uint64_t lease,
		 uint64_t changed)
{
	health_hold_weighted(entry, state, 0, lease, changed);
}

void health_hold_weighted(struct xdplb_health *entry, enum xdplb_health_state state,
			  uint16_t weight, uint64_t lease, uint64_t changed)
{
	const struct health_word word = {
		.state = state,
		.cause = XDPLB_CAUSE_OPERATOR,
		.weight = weight,
	};

	if (unpack(load32(state_word(entry))).state != state)
		__atomic_store_n(&entry->changed, changed, __ATOMIC_RELAXED);
	put(entry, word, lease ? lease | 1 : 0);
}

/* What is left of the lease on what was reported, as a reporter's jiffies64, so even; 0: nothing. */
static uint64_t vouched_until(const struct xdplb_health *entry, uint64_t jiffies)
{
	uint32_t lease = load32(&entry->reported_lease);
	uint32_t left = lease - (uint32_t)jiffies;

	return lease && left && left <= HEALTH_VOUCHED_MAX ? make_even(jiffies + left) : 0;
}

/* The reported word as it is to count now, with what is left of its lease. */
static struct health_word vouched_word(struct xdplb_health *entry, uint64_t until)
{
	struct health_word word = unpack(load32(reported_word(entry)));

	if (until)
		return word;
	word.cause = word.state ? XDPLB_CAUSE_NOT_REPORTED : XDPLB_CAUSE_NONE;
	word.state = XDPLB_HEALTH_UNKNOWN;
	return word;
}

/* The word first: an operator's lease that ends must not end a reporter's word. */
static void give_back(struct xdplb_health *entry, uint32_t old, uint32_t new, uint64_t until)
{
	uint64_t lease = load_lease(entry);

	if (!swap32(state_word(entry), old, new) || !swap_lease(entry, lease, until))
		return;
	/* Another operator has come in between, with the same lease. */
	if (until && is_operators(load32(state_word(entry))))
		swap_lease(entry, until, lease);
}

void health_release(struct xdplb_health *entry, uint64_t jiffies, uint64_t changed)
{
	uint32_t old = load32(state_word(entry)), reported = load32(reported_word(entry));
	uint64_t until = vouched_until(entry, jiffies);
	struct health_word word = vouched_word(entry, until);

	if (!is_operators(old))
		return;
	if (unpack(old).state != word.state)
		__atomic_store_n(&entry->changed, changed, __ATOMIC_RELAXED);
	give_back(entry, old, pack(word), until);
	/* A report that came in between found the operator's word still there, or this one. */
	for (int i = 0; i < HOLD_TRIES && load32(reported_word(entry)) != reported; i++) {
		reported = load32(reported_word(entry));
		until = vouched_until(entry, jiffies);
		health_take(entry, vouched_word(entry, until), jiffies, until, changed);
	}
}
