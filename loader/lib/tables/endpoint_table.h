/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling the endpoint tables that the datapath probes (xdplb/endpoint.h). Pure.
 */
#ifndef XDPLB_ENDPOINT_TABLE_H
#define XDPLB_ENDPOINT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "xdplb/endpoint.h"

/* Slots of one table that is to hold up to @entries: a power of two, at most a quarter full. */
uint32_t endpoint_table_slots(uint32_t entries);

/**
 * endpoint_table_build() - Place entries in a table.
 * @entries:   all different
 * @count:     how many
 * @ret_slots: @slots slots, all written
 * @slots:     a power of two
 * @ret_seed:  the seed with which every entry is found
 *
 * Return: 0; -ENOSPC no seed tried does it (the table is much too full, or two entries are equal).
 */
int endpoint_table_build(const struct xdplb_endpoint *entries, size_t count,
			 struct xdplb_endpoint *ret_slots, uint32_t slots, uint32_t *ret_seed);

#define ENDPOINT_NO_SLOT UINT32_MAX

/* The number of a key's slot, or ENDPOINT_NO_SLOT; of the key, address, port, protocol and family count. */
uint32_t endpoint_table_find(const struct xdplb_endpoint *slots, uint32_t count, uint32_t seed,
			     const struct xdplb_endpoint *key);

#endif
