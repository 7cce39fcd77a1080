// SPDX-License-Identifier: BSD-2-Clause
/*
 * The client of the hand-over lab: keeps connections, by whose bytes (pattern.h) it knows whether they
 * are well, and counts those that break.
 *
 * Usage: pattern_client [--every MS] [--log FILE] ADDRESS:PORT...
 *
 * Targets take turns. Each connection asks once in so many milliseconds, half more or less. Commands
 * are lines on standard input; each is answered by a line of JSON when it is done. The end of the input
 * ends the program.
 *
 *   renew COUNT    closes all, opens so many; done when each has got an answer, or after 20 s
 *   reopen         opens those again that broke
 *   window NAME    counts from now on
 *   count SECONDS  what broke in the window, and how long the median answer of each backend took. Done
 *                  after that time, and when each connection that lives has got something since the
 *                  command: else it breaks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "endpoint.h"
#include "streams.h"

#define TURN_MS      5
#define OPEN_FOR_NS  20000000000ULL
#define COMMAND_SIZE 128

enum pending {
	PENDING_NOTHING,
	PENDING_OPEN,
	PENDING_COUNT
};

/* The command that is under way. */
struct task {
	enum pending pending;
	uint64_t since_ns, until_ns;
};

static struct streams streams = { .every_ns = 150000000 };

static void usage(void)
{
	fprintf(stderr, "usage: pattern_client [--every MS] [--log FILE] ADDRESS:PORT...\n");
	exit(2);
}

static void add_target(const char *text)
{
	struct target *target = &streams.targets[streams.target_count];

	if (streams.target_count == TARGETS_MAX)
		usage();
	target->text = text;
	target->length = read_endpoint(text, &target->address);
	if (!target->length)
		usage();
	streams.target_count++;
}

static void read_options(int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && !strncmp(argv[i], "--", 2); i += 2) {
		if (!strcmp(argv[i], "--every")) {
			streams.every_ns = strtoull(argv[i + 1], NULL, 10) * 1000000;
		} else if (!strcmp(argv[i], "--log")) {
			streams.log = fopen(argv[i + 1], "a");
			if (!streams.log) {
				perror(argv[i + 1]);
				exit(1);
			}
			setlinebuf(streams.log);
		} else {
			usage();
		}
	}
	for (; i < argc; i++)
		add_target(argv[i]);
	if (!streams.target_count || !streams.every_ns)
		usage();
}

static void print_window(void)
{
	const struct window *window = &streams.window;
	const unsigned int *faults = window->faults;
	unsigned int broken = 0;
	const char *comma = "";

	for (int i = 0; i < FAULT_COUNT; i++)
		broken += faults[i];
	printf("{\"window\": \"%s\", \"seconds\": %.3f, \"connections\": %u, \"broken\": %u, "
	       "\"reset\": %u, \"closed\": %u, \"wrong_byte\": %u, \"stalled\": %u, "
	       "\"bytes\": %llu, \"backends\": {",
	       window->name, (double)(streams_now() - window->began_ns) / 1e9, window->connections,
	       broken, faults[FAULT_RESET], faults[FAULT_CLOSED], faults[FAULT_WRONG_BYTE],
	       faults[FAULT_STALLED], (unsigned long long)window->bytes);
	for (size_t i = 0; i < BACKENDS_MAX && window->backends[i].name[0]; i++) {
		const struct backend_tally *tally = &window->backends[i];

		printf("%s\"%s\": {\"open\": %u, \"broken\": %u, \"answers\": %u, \"answer_us\": "
		       "%u}",
		       comma, tally->name, tally->open, tally->broken, tally->answers,
		       tally_median(tally));
		comma = ", ";
	}
	printf("}}\n");
}

static void print_opened(void)
{
	printf("{\"opened\": %zu, \"failed_attempts\": %u}\n", streams_settled(&streams),
	       streams.failed);
}

static void start_task(struct task *task, enum pending pending, uint64_t for_ns)
{
	task->pending = pending;
	task->since_ns = streams_now();
	task->until_ns = task->since_ns + for_ns;
}

static void run_command(struct task *task, const char *command)
{
	char name[64];
	double seconds;
	size_t count;

	if (sscanf(command, "renew %zu", &count) == 1 && count <= STREAMS_MAX) {
		streams_renew(&streams, count);
		start_task(task, PENDING_OPEN, OPEN_FOR_NS);
	} else if (!strcmp(command, "reopen")) {
		streams.failed = 0;
		start_task(task, PENDING_OPEN, OPEN_FOR_NS);
	} else if (sscanf(command, "window %63s", name) == 1) {
		streams_open_window(&streams, name);
		printf("{\"connections\": %u}\n", streams.window.connections);
	} else if (sscanf(command, "count %lf", &seconds) == 1) {
		start_task(task, PENDING_COUNT, (uint64_t)(seconds * 1e9));
	} else {
		printf("{\"error\": \"unknown command\"}\n");
	}
}

static void finish_task(struct task *task)
{
	uint64_t now = streams_now();
	bool is_over = now >= task->until_ns;

	if (task->pending == PENDING_OPEN &&
	    (is_over || streams_settled(&streams) == streams.wanted))
		print_opened();
	else if (task->pending == PENDING_COUNT && is_over &&
		 streams_heard_since(&streams, task->since_ns))
		print_window();
	else
		return;
	task->pending = PENDING_NOTHING;
}

/* Reads what is there; runs the lines that are complete. False: the input has ended. */
static bool read_commands(struct task *task)
{
	static char line[COMMAND_SIZE];
	static size_t length;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;
	char *end;

	if (poll(&input, 1, 0) <= 0)
		return true;
	got = read(STDIN_FILENO, line + length, sizeof(line) - 1 - length);
	if (got <= 0)
		return false;
	length += (size_t)got;
	line[length] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end++ = '\0';
		run_command(task, line);
		length -= (size_t)(end - line);
		memmove(line, end, length + 1);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct rlimit limit = { STREAMS_MAX + 64, STREAMS_MAX + 64 };
	struct task task = {};
	uint64_t now, tended = 0;

	read_options(argc, argv);
	setlinebuf(stdout);
	if (setrlimit(RLIMIT_NOFILE, &limit) || streams_start(&streams)) {
		perror("pattern_client");
		return 1;
	}
	do {
		streams_poll(&streams, TURN_MS);
		now = streams_now();
		if (now - tended < TURN_MS * 1000000ULL)
			continue;
		tended = now;
		streams_tend(&streams, task.pending == PENDING_OPEN, now);
		finish_task(&task);
	} while (read_commands(&task));
	return 0;
}
