/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Putting things into maps before a measurement.
 */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

#include <bpf/libbpf.h>

#include "xdplb/endpoint.h"

/* Where the hash of the bench's endpoint tables starts from. */
#define FILL_SEED 1

/**
 * fill_element() - Write one element of an array map.
 * Return: 0 or -errno.
 */
int fill_element(const struct bpf_map *map, __u32 index, const void *value);

/**
 * fill_endpoint() - Put an endpoint into the first of a map's two tables, hashed with FILL_SEED.
 * @slots: slots of one table, a power of two
 *
 * Return: 0; -ENOSPC no slot within XDPLB_ENDPOINT_PROBES; -errno.
 */
int fill_endpoint(const struct bpf_map *map, __u32 slots, const struct xdplb_endpoint *endpoint);

/**
 * fill_tuples() - Put the TCP flows 0 .. count - 1 to (daddr, dport) into the reference map.
 * @fd:      the map: struct bench_tuple -> __u32
 * @verdict: the value of each
 * @daddr:   host byte order, as is @dport
 *
 * Return: 0 or -errno.
 */
int fill_tuples(int fd, __u32 count, __u32 verdict, __u32 daddr, __u16 dport);

/**
 * fill_sum_percpu() - Sum, over elements 0 .. count - 1 of a per-CPU array and over CPUs, of the first
 * of the two 64-bit words of each.
 *
 * Return: 0 or -errno.
 */
int fill_sum_percpu(const struct bpf_map *map, __u32 count, __u64 *ret_sum);

#endif
