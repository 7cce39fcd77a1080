/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * From samples to figures, a table and a file. Knows no map and no program.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "measure.h"

/* ns a packet, net of the floor (TARGET_NONE: the floor). */
struct figure {
	const char *key;
	double median; /* of the differences within each round */
	double min; /* of the target less that of the floor */
	double floor; /* median of the floor that was subtracted */
};

/**
 * figure_of() - Sum up the rounds of a workload. Sorts within @samples' copies only.
 * @rounds: at least 1
 *
 * Return: 0 or -ENOMEM.
 */
int figure_of(const struct workload *workload, const struct sample *samples, size_t rounds,
	      struct figure *ret_figure);

void report_table(const struct figure *figures, size_t count);

/**
 * report_json() - Write the medians as one flat object, in one step: nobody sees half a file.
 *
 * Return: 0 or -errno.
 */
int report_json(const char *path, const struct figure *figures, size_t count);

#endif
