// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "sizes.h"

const struct bench_size sizes[SIZE_COUNT] = {
	[SIZE_1X10] = { 1, 10 },       [SIZE_10X10] = { 10, 10 },       [SIZE_100X10] = { 100, 10 },
	[SIZE_1000X10] = { 1000, 10 }, [SIZE_10000X10] = { 10000, 10 }, [SIZE_10X100] = { 10, 100 },
	[SIZE_10X1000] = { 10, 1000 }, [SIZE_10X10000] = { 10, 10000 }, [SIZE_400X10] = { 400, 10 },
	[SIZE_10X400] = { 10, 400 },
};
