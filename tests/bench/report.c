// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCE "lru_ref_ns"

/* What the keys of the balancer begin with. */
#define OURS "lb_"

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static double median_of(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

int figure_of(const struct workload *workload, const struct sample *samples, size_t rounds,
	      struct figure *ret_figure)
{
	bool absolute = workload->target == TARGET_NONE;
	double *floors = calloc(3 * rounds, sizeof(*floors));
	double *targets = floors + rounds, *nets = targets + rounds;

	if (!floors)
		return -ENOMEM;
	for (size_t i = 0; i < rounds; i++) {
		floors[i] = samples[i].floor;
		targets[i] = samples[i].target;
		nets[i] = targets[i] - (absolute ? 0 : floors[i]);
	}
	ret_figure->key = workload->key;
	ret_figure->floor = median_of(floors, rounds);
	ret_figure->median = median_of(nets, rounds);
	median_of(targets, rounds);
	ret_figure->min = targets[0] - (absolute ? 0 : floors[0]);
	free(floors);
	return 0;
}

/* 0: no such figure. */
static double median_by_key(const struct figure *figures, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(figures[i].key, key))
			return figures[i].median;
	}
	return 0;
}

/* What Katran takes for the same as `figure`, a figure of ours; 0: not measured, or not ours. */
static double katran_of(const struct figure *figures, size_t count, const struct figure *figure)
{
	char key[64];

	if (strncmp(figure->key, OURS, strlen(OURS)))
		return 0;
	snprintf(key, sizeof(key), "katran_%s", figure->key + strlen(OURS));
	return median_by_key(figures, count, key);
}

static void print_ratio(double value, double base)
{
	if (base > 0)
		printf("%9.2fx ", value / base);
	else
		printf("%10s ", "-");
}

void report_table(const struct figure *figures, size_t count)
{
	double reference = median_by_key(figures, count, REFERENCE);

	printf("%-20s %8s %8s %8s %10s %10s\n", "ns a packet", "median", "min", "floor",
	       "of lru_ref", "of Katran");
	for (size_t i = 0; i < count; i++) {
		const struct figure *f = &figures[i];

		printf("%-20s %8.1f %8.1f %8.1f ", f->key, f->median, f->min, f->floor);
		print_ratio(f->median, reference);
		print_ratio(f->median, katran_of(figures, count, f));
		printf("\n");
	}
}

static int put_figure(json_t *object, const struct figure *figures, size_t count, size_t index)
{
	const struct figure *figure = &figures[index];
	double katran = katran_of(figures, count, figure);
	char key[64];

	if (json_object_set_new(object, figure->key, json_real(figure->median)))
		return -ENOMEM;
	if (katran <= 0)
		return 0;
	snprintf(key, sizeof(key), "%s_of_katran", figure->key);
	return json_object_set_new(object, key, json_real(figure->median / katran)) ? -ENOMEM : 0;
}

/* What is in the file already: figures of others (make bench-net) stay. */
static json_t *load_figures(const char *path)
{
	json_t *object = json_load_file(path, 0, NULL);

	if (json_is_object(object))
		return object;
	json_decref(object);
	return json_object();
}

int report_json(const char *path, const struct figure *figures, size_t count)
{
	json_t *object = load_figures(path);
	char *part = NULL;
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = put_figure(object, figures, count, i);
	if (err || asprintf(&part, "%s.part", path) < 0) {
		json_decref(object);
		return -ENOMEM;
	}
	errno = EIO;
	if (json_dump_file(object, part, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) ||
	    rename(part, path)) {
		err = -errno;
		remove(part);
	}
	free(part);
	json_decref(object);
	return err;
}
