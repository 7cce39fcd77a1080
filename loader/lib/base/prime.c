// SPDX-License-Identifier: BSD-2-Clause
/*
 * Primes, for the sizes of bucket tables.
 */
#include "base/prime.h"

bool is_prime(uint32_t number)
{
	if (number < 4)
		return number >= 2;
	if (number % 2 == 0)
		return false;
	for (uint64_t factor = 3; factor * factor <= number; factor += 2) {
		if (number % factor == 0)
			return false;
	}
	return true;
}
