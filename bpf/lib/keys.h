/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The cluster's secret, and the numbers that the flow hash makes of it; the loader sets them before the program
 * is loaded. The secret itself is here for `xdplb-load trace`.
 */
#ifndef XDPLB_BPF_KEYS_H
#define XDPLB_BPF_KEYS_H

#include "hash.h"

const volatile __u64 hash_key[2];
const volatile __u64 flow_key[FLOW_KEY_WORDS];

#endif
