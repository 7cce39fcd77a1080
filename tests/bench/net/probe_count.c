// SPDX-License-Identifier: BSD-2-Clause
/*
 * Counts the probes that a cluster's backends get, where they leave: TCP handshakes begun in the service
 * nodes' namespaces (mostly over lo), and whatever access nodes send to backends. Knows no agent.
 *
 * Usage: probe_count --interval MS --rounds N --backends PREFIX (as 10.128.0.0/16)
 *                    --service NETNS... --access NETNS...
 * Without jitter every check has its place in the interval. The window begins between two of them and
 * ends N intervals later, so that what is whole in it is whole rounds. Prints JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define WIRES_MAX    64
#define BACKENDS_MAX 4096
#define GAP_NS       20000000ULL /* without a probe: a place to begin */
#define PATIENCE_NS  10000000000ULL

struct counted {
	in_addr_t address;
	unsigned int probes;
};

struct watched {
	struct wire wire;
	bool is_access;
};

struct count {
	struct watched wires[WIRES_MAX];
	size_t wire_count;
	in_addr_t prefix, mask;
	unsigned long interval_ms, rounds;
	uint64_t last, begin, end; /* of a probe; of the window, 0: not yet */
	struct counted backends[BACKENDS_MAX];
	size_t backend_count;
	unsigned int probes, from_access;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "probe_count: %s: %s\n", what, strerror(err));
	exit(1);
}

static void usage(void)
{
	fprintf(stderr, "usage: probe_count --interval MS --rounds N --backends PREFIX "
			"--service NETNS... --access NETNS...\n");
	exit(2);
}

static void count_probe(struct count *count, in_addr_t address)
{
	size_t i = 0;

	count->probes++;
	while (i < count->backend_count && count->backends[i].address != address)
		i++;
	if (i == BACKENDS_MAX)
		die("too many backends", E2BIG);
	if (i == count->backend_count)
		count->backends[count->backend_count++].address = address;
	count->backends[i].probes++;
}

static void take(struct count *count, const struct watched *wire, const struct wire_packet *packet)
{
	bool is_inside = count->begin && packet->ns >= count->begin && packet->ns < count->end;

	if (!packet->is_sent || (packet->to.s_addr & count->mask) != count->prefix)
		return;
	if (wire->is_access) {
		count->from_access += is_inside;
		return;
	}
	if (!packet->is_syn)
		return;
	if (packet->ns > count->last)
		count->last = packet->ns;
	if (is_inside)
		count_probe(count, packet->to.s_addr);
}

static void read_wires(struct count *count)
{
	struct pollfd fds[WIRES_MAX];

	for (size_t i = 0; i < count->wire_count; i++)
		fds[i] = (struct pollfd){ count->wires[i].wire.fd, POLLIN, 0 };
	poll(fds, count->wire_count, 5);
	for (size_t i = 0; i < count->wire_count; i++) {
		struct wire_packet packet;
		int got;

		while ((got = wire_read(&count->wires[i].wire, &packet)) > 0)
			take(count, &count->wires[i], &packet);
		if (got < 0)
			die("reading a wire", -got);
	}
}

static void run(struct count *count)
{
	uint64_t start = wire_now();

	while (!count->last || wire_now() - count->last < GAP_NS) {
		read_wires(count);
		if (wire_now() - start > PATIENCE_NS)
			die(count->last ? "probes without a gap" : "no probes", ETIMEDOUT);
	}
	count->begin = count->last + GAP_NS / 2;
	count->end = count->begin + count->rounds * count->interval_ms * 1000000ULL;
	while (wire_now() < count->end + GAP_NS)
		read_wires(count);
}

static void print(const struct count *count)
{
	unsigned int least = count->backend_count ? count->backends[0].probes : 0, most = least;

	for (size_t i = 1; i < count->backend_count; i++) {
		unsigned int probes = count->backends[i].probes;

		least = probes < least ? probes : least;
		most = probes > most ? probes : most;
	}
	printf("{\"rounds\": %lu, \"per_round\": %g, \"backends\": %zu, \"least\": %u, "
	       "\"most\": %u, \"from_access\": %u}\n",
	       count->rounds, (double)count->probes / (double)count->rounds, count->backend_count,
	       least, most, count->from_access);
}

static void add_wire(struct count *count, const char *netns, bool is_access)
{
	struct watched *watched = &count->wires[count->wire_count];
	int err;

	if (count->wire_count++ == WIRES_MAX)
		die("too many namespaces", E2BIG);
	watched->is_access = is_access;
	err = wire_open(netns, "", &watched->wire);
	if (err)
		die(netns, -err);
}

static bool read_prefix(struct count *count, const char *text)
{
	char address[INET_ADDRSTRLEN];
	unsigned int length;

	if (sscanf(text, "%15[0-9.]/%u", address, &length) != 2 || !length || length > 32 ||
	    inet_pton(AF_INET, address, &count->prefix) != 1)
		return false;
	count->mask = htonl(~0u << (32 - length));
	return true;
}

int main(int argc, char **argv)
{
	static struct count count;
	int role = 0; /* of the namespaces that follow: 's', 'a' */

	for (int i = 1; i < argc; i++) {
		char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--service") || !strcmp(argv[i], "--access"))
			role = argv[i][2];
		else if (role)
			add_wire(&count, argv[i], role == 'a');
		else if (!strcmp(argv[i], "--interval") &&
			 (count.interval_ms = strtoul(value, NULL, 10)))
			i++;
		else if (!strcmp(argv[i], "--rounds") && (count.rounds = strtoul(value, NULL, 10)))
			i++;
		else if (!strcmp(argv[i], "--backends") && read_prefix(&count, value))
			i++;
		else
			usage();
	}
	if (!count.interval_ms || !count.rounds || !count.mask || !count.wire_count)
		usage();
	run(&count);
	print(&count);
	return 0;
}
