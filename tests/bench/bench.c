// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * make bench: what a packet costs in the programs that attach loads. README.md tells the method.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "measure.h"
#include "report.h"

#define DEFAULT_ROUNDS 9
#define DEFAULT_OUT    "build/bench.json"

/* Memory that loading and filling has freed is handed back in the background: let that be over. */
#define SETTLE_SECONDS 1

struct options {
	long rounds;
	const char *out;
	const char *katran; /* its object, or NULL */
	bool plot; /* also what only plots need */
	char *only; /* list of keys, or NULL */
	bool *chosen; /* one for each of workloads[] */
};

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: bench [--rounds N] [--only KEY[,KEY...]] [--plot] [--katran OBJECT] "
		     "[--out FILE]\n\n"
		     "Keys:");
	for (size_t i = 0; i < workload_count; i++)
		fprintf(out, " %s", workloads[i].key);
	fprintf(out, "\n");
}

/* False: no such key. */
static bool choose_one(bool *chosen, const char *key)
{
	for (size_t i = 0; i < workload_count; i++) {
		if (!strcmp(workloads[i].key, key)) {
			chosen[i] = true;
			return true;
		}
	}
	fprintf(stderr, "bench: --only: no key '%s'\n", key);
	return false;
}

static bool choose_list(bool *chosen, char *list)
{
	char *rest = list, *key;

	while ((key = strsep(&rest, ","))) {
		if (!choose_one(chosen, key))
			return false;
	}
	return true;
}

static bool choose(struct options *options)
{
	bool good = true;

	if (options->only)
		good = choose_list(options->chosen, options->only);
	for (size_t i = 0; i < workload_count && !options->only; i++)
		options->chosen[i] = (workloads[i].usual != PLOTTED || options->plot) &&
				     (!workload_is_katran(&workloads[i]) || options->katran);
	for (size_t i = 0; i < workload_count && good; i++) {
		good = !options->chosen[i] || !workload_is_katran(&workloads[i]) || options->katran;
		if (!good)
			fprintf(stderr, "bench: %s: needs --katran OBJECT\n", workloads[i].key);
	}
	return good;
}

static bool read_rounds(const char *text, long *ret_rounds)
{
	char *end;

	*ret_rounds = strtol(text, &end, 10);
	if (end != text && !*end && *ret_rounds >= 1 && *ret_rounds <= 10000)
		return true;
	fprintf(stderr, "bench: --rounds: found '%s', expected 1 to 10000\n", text);
	return false;
}

/* Returns 0, or the exit status plus one. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = { { "rounds", required_argument, NULL, 'r' },
					       { "only", required_argument, NULL, 'o' },
					       { "out", required_argument, NULL, 'f' },
					       { "katran", required_argument, NULL, 'k' },
					       { "plot", no_argument, NULL, 'p' },
					       { "help", no_argument, NULL, 'h' },
					       {} };
	bool good = true;
	int option;

	while (good && (option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'r':
			good = read_rounds(optarg, &options->rounds);
			break;
		case 'o':
			options->only = optarg;
			break;
		case 'k':
			options->katran = optarg;
			break;
		case 'p':
			options->plot = true;
			break;
		case 'f':
			options->out = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return 1;
		default:
			good = false;
		}
	}
	if (good && optind == argc && choose(options))
		return 0;
	print_usage(stderr);
	return 3;
}

/* One CPU, the last we may use, and before everybody else who wants it. */
static int pin_to_cpu(void)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return -errno;
	CPU_ZERO(&one);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one))
		return -errno;
	return setpriority(PRIO_PROCESS, 0, -20) ? -errno : 0;
}

/* Rounds are the outer loop, so that a slow minute of the machine hits every workload alike. */
static int run_rounds(const struct options *options, const struct subjects *subjects,
		      struct sample *samples)
{
	const char *why;

	for (long round = 0; round < options->rounds; round++) {
		for (size_t i = 0; i < workload_count; i++) {
			int err;

			if (!options->chosen[i])
				continue;
			err = measure(subjects, &workloads[i],
				      &samples[i * options->rounds + round], &why);
			if (err) {
				fprintf(stderr, "bench: %s: %s\n", workloads[i].key,
					why ? why : strerror(-err));
				return err;
			}
		}
	}
	return 0;
}

static int report(const struct options *options, const struct sample *samples)
{
	struct figure *figures = calloc(workload_count, sizeof(*figures));
	size_t count = 0;
	int err = figures ? 0 : -ENOMEM;

	for (size_t i = 0; i < workload_count && !err; i++) {
		if (options->chosen[i])
			err = figure_of(&workloads[i], &samples[i * options->rounds],
					options->rounds, &figures[count++]);
	}
	if (!err) {
		report_table(figures, count);
		err = report_json(options->out, figures, count);
	}
	if (err)
		fprintf(stderr, "bench: %s: %s\n", options->out, strerror(-err));
	free(figures);
	return err;
}

static int bench(const struct options *options)
{
	struct sample *samples = calloc(workload_count * options->rounds, sizeof(*samples));
	struct subjects subjects;
	const char *what;
	int err;

	if (!samples)
		return -ENOMEM;
	err = subjects_load(options->chosen, options->katran, &subjects, &what);
	if (err) {
		fprintf(stderr, "bench: cannot load %s: %s\n", what, strerror(-err));
		free(samples);
		return err;
	}
	sleep(SETTLE_SECONDS);
	err = run_rounds(options, &subjects, samples);
	if (!err)
		err = report(options, samples);
	subjects_free(&subjects);
	free(samples);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = { .rounds = DEFAULT_ROUNDS, .out = DEFAULT_OUT };
	int err;

	options.chosen = calloc(workload_count, sizeof(*options.chosen));
	if (!options.chosen)
		return 1;
	err = read_options(argc, argv, &options);
	if (err) {
		free(options.chosen);
		return err - 1;
	}
	err = pin_to_cpu();
	if (err)
		fprintf(stderr, "bench: cannot pin to a CPU: %s\n", strerror(-err));
	else
		err = bench(&options);
	free(options.chosen);
	return err ? 1 : 0;
}
