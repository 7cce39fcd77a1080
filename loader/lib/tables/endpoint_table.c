// SPDX-License-Identifier: BSD-2-Clause
/*
 * Filling endpoint tables.
 */
#include "tables/endpoint_table.h"

#include <errno.h>
#include <string.h>

#include "bpf/lib/hash.h"

#define SEEDS 256

uint32_t endpoint_table_slots(uint32_t entries)
{
	uint32_t slots = 16;

	while (slots / 4 < entries)
		slots *= 2;
	return slots;
}

static int place(const struct xdplb_endpoint *entry, struct xdplb_endpoint *table, uint32_t slots,
		 uint32_t seed)
{
	uint32_t hash = endpoint_hash(seed, &entry->addr, entry->port, entry->proto, entry->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		struct xdplb_endpoint *slot = &table[(hash + i) & (slots - 1)];

		if (!slot->family) {
			*slot = *entry;
			return 0;
		}
		if (!memcmp(slot, entry, offsetof(struct xdplb_endpoint, index)))
			return -ENOSPC; /* twice the same */
	}
	return -ENOSPC;
}

int endpoint_table_build(const struct xdplb_endpoint *entries, size_t count,
			 struct xdplb_endpoint *ret_slots, uint32_t slots, uint32_t *ret_seed)
{
	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		size_t i;

		memset(ret_slots, 0, slots * sizeof(*ret_slots));
		for (i = 0; i < count; i++)
			if (place(&entries[i], ret_slots, slots, seed))
				break;
		if (i == count) {
			*ret_seed = seed;
			return 0;
		}
	}
	return -ENOSPC;
}

uint32_t endpoint_table_find(const struct xdplb_endpoint *slots, uint32_t count, uint32_t seed,
			     const struct xdplb_endpoint *key)
{
	uint32_t hash = endpoint_hash(seed, &key->addr, key->port, key->proto, key->family);

	for (uint32_t i = 0; i < XDPLB_ENDPOINT_PROBES; i++) {
		uint32_t slot = (hash + i) & (count - 1);

		if (!slots[slot].family)
			break;
		if (!memcmp(&slots[slot], key, offsetof(struct xdplb_endpoint, index)))
			return slot;
	}
	return ENDPOINT_NO_SLOT;
}
