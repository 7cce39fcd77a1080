/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Primes: Maglev's method needs a table whose size has no factor in common with any skip.
 */
#ifndef XDPLB_PRIME_H
#define XDPLB_PRIME_H

#include <stdbool.h>
#include <stdint.h>

/**
 * is_prime() - Is a number prime? By trial division: meant for table sizes.
 */
bool is_prime(uint32_t number);

#endif
