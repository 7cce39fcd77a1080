/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Clusters of many services or many backends: services of a size have VIPs one after another.
 */
#ifndef BENCH_SIZES_H
#define BENCH_SIZES_H

#include <stddef.h>

#include <linux/types.h>

/* 198.18.0.0/15; host byte order. Room for so many services of each size. */
#define SIZE_VIP(number)  (0xc6120000 + (number)*SIZE_SERVICES_MAX)
#define SIZE_SERVICES_MAX 0x2800

/* Numbers of the sizes: index into sizes[]. */
enum {
	SIZE_1X10,
	SIZE_10X10,
	SIZE_100X10,
	SIZE_1000X10,
	SIZE_10000X10,
	SIZE_10X100,
	SIZE_10X1000,
	SIZE_10X10000,
	SIZE_400X10, /* 4000 backends each: about what Katran has room for unless built with more */
	SIZE_10X400,
	SIZE_COUNT
};

struct bench_size {
	__u32 services;
	__u32 backends; /* of each service, its own */
};

extern const struct bench_size sizes[SIZE_COUNT];

#endif
