/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bucket tables by Maglev's method (Eisenbud et al., Maglev: A Fast and Reliable Software Network
 * Load Balancer, NSDI 2016, section 3.4), with weights. Pure: names and weights in, table out.
 */
#ifndef XDPLB_MAGLEV_H
#define XDPLB_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

struct maglev_member {
	const char *name; /* decides its permutation */
	uint32_t weight; /* 0: in no bucket */
};

/**
 * maglev_build() - Fill a bucket table.
 * @members:   in any order; the same set gives the same table
 * @count:     how many
 * @ret_table: @buckets entries: the number, in @members, of each bucket's member
 * @buckets:   a prime
 *
 * Member i gets weight_i / sum of weights of the buckets, to within one bucket a round.
 *
 * Return: 0; -EINVAL no weight, or two names equal; -ENOMEM.
 */
int maglev_build(const struct maglev_member *members, size_t count, uint32_t *ret_table,
		 uint32_t buckets);

/* The 64-bit hash of a name that stands for it in a table's digest. */
uint64_t maglev_name_hash(const char *name);

/**
 * maglev_digest() - What a table comes to: equal for equal tables of equally named members.
 * @hashes: @buckets entries: maglev_name_hash() of each bucket's member
 */
uint64_t maglev_digest(const uint64_t *hashes, size_t buckets);

/**
 * maglev_table_digest() - The same of a table that is there as numbers.
 * @names: maglev_name_hash() of each member
 * @table: @buckets entries: numbers in @names
 */
uint64_t maglev_table_digest(const uint64_t *names, const uint32_t *table, size_t buckets);

#endif
