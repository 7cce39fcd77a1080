/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * How evenly things spread over cells.
 */
#ifndef TEST_SPREAD_H
#define TEST_SPREAD_H

#define CELLS 256

/* 256 cells: mean 255, standard deviation 23; beyond 370 (five of them) no even spread looks so. */
#define CHI_MAX 370

/* The sum of squared deviations over what is expected; about `cells` for an even spread. */
static inline double chi_square(const int *seen, int cells, int total)
{
	double want = (double)total / cells, sum = 0;

	for (int i = 0; i < cells; i++)
		sum += (seen[i] - want) * (seen[i] - want) / want;
	return sum;
}

#endif
