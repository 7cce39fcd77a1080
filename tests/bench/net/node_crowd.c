// SPDX-License-Identifier: BSD-2-Clause
/*
 * All service nodes of a cluster file as far as sharing goes: a reporter (share_send.h) for each, with
 * its targets, all up, in one process. For the load that many nodes are to an access node; nothing is
 * probed.
 *
 * Usage: node_crowd CLUSTER
 * Needs the nodes' addresses in its namespace, and port and keys of `sharing`. Ends by SIGTERM and
 * prints, as JSON, datagrams and bytes sent and received.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "config/config.h"
#include "health/share_receive.h"
#include "health/share_send.h"
#include "xdplb/health.h"

#define ACCESS_MAX  64
#define BUFFER_SIZE (8 << 20)

struct crowd;

struct reporter {
	struct crowd *crowd;
	struct share_send *send;
	size_t node; /* in config.nodes */
	struct in_addr address;
	uint64_t next_ms; /* 0: has not started */
};

struct crowd {
	struct config config;
	int fd;
	struct sockaddr_in access[ACCESS_MAX];
	const char *access_names[ACCESS_MAX];
	size_t access_count;
	struct reporter *reporters;
	size_t count;
	unsigned long sent, sent_bytes, received;
};

static volatile sig_atomic_t ended;

static void on_term(int signal)
{
	ended = 1;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "node_crowd: %s: %s\n", what, strerror(err));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what a reporter asks for ---- */

static void send_bytes(void *context, size_t receiver, const uint8_t *bytes, size_t length)
{
	const struct reporter *reporter = context;
	struct crowd *crowd = reporter->crowd;

	for (size_t i = 0; i < crowd->access_count; i++) {
		if (receiver != SHARE_ALL && receiver != i)
			continue;
		if (sendto(crowd->fd, bytes, length, 0, (struct sockaddr *)&crowd->access[i],
			   sizeof(crowd->access[i])) < 0)
			continue;
		crowd->sent++;
		crowd->sent_bytes += length;
	}
}

static void take_request(void *context, size_t receiver, const struct share_message *request)
{
	/* Nothing is probed here. */
}

/* ---- making them ---- */

static void start(struct reporter *reporter, uint64_t now)
{
	const struct config *config = &reporter->crowd->config;
	struct share_item *items = calloc(config->target_count, sizeof(*items));
	struct error error = { 0 };
	size_t count = 0;

	for (size_t i = 0; items && i < config->target_count; i++) {
		const struct config_target *target = &config->targets[i];

		if (target->check == CONFIG_NO_CHECK ||
		    config->backends[target->backend].node != reporter->node)
			continue;
		items[count++] = (struct share_item){
			.backend = config->backends[target->backend].name,
			.check = target->identity,
			.state = XDPLB_HEALTH_UP,
			.cause = XDPLB_CAUSE_OK,
		};
	}
	if (!items || share_send_set(reporter->send, items, count, now, &error))
		die(error.text, EINVAL);
	free(items);
	reporter->next_ms = now;
}

static void add_reporter(struct crowd *crowd, size_t node)
{
	const struct config_node *from = &crowd->config.nodes[node];
	struct reporter *reporter = &crowd->reporters[crowd->count++];
	struct share_send_settings settings = {
		.node = from->name,
		.keys = &crowd->config.sharing.keys,
		.interval_ms = crowd->config.sharing.interval_ms,
		.receivers = crowd->access_names,
		.receiver_count = crowd->access_count,
		.sink = { reporter, send_bytes, take_request },
	};
	struct error error = { 0 };

	reporter->crowd = crowd;
	reporter->node = node;
	reporter->address.s_addr = from->address.word[0];
	if (share_send_new(&settings, &reporter->send, &error))
		die(error.text, EINVAL);
}

static void add_nodes(struct crowd *crowd)
{
	const struct config *config = &crowd->config;

	crowd->reporters = calloc(config->node_count, sizeof(*crowd->reporters));
	if (!crowd->reporters)
		die("no memory", ENOMEM);
	for (size_t i = 0; i < config->node_count; i++) {
		if (!config->nodes[i].is_access || crowd->access_count == ACCESS_MAX)
			continue;
		crowd->access_names[crowd->access_count] = config->nodes[i].name;
		crowd->access[crowd->access_count++] =
			(struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = htons(config->sharing.port),
					      .sin_addr.s_addr = config->nodes[i].address.word[0] };
	}
	for (size_t i = 0; i < config->node_count; i++) {
		if (config->nodes[i].is_service)
			add_reporter(crowd, i);
	}
}

static void open_socket(struct crowd *crowd)
{
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_port = htons(crowd->config.sharing.port) };
	int on = 1, size = BUFFER_SIZE;

	crowd->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (crowd->fd < 0 ||
	    setsockopt(crowd->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(crowd->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) ||
	    bind(crowd->fd, (struct sockaddr *)&own, sizeof(own)))
		die("UDP socket", errno);
}

/* ---- running ---- */

static struct reporter *find_reporter(struct crowd *crowd, struct msghdr *message)
{
	struct in_pktinfo info = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(c), sizeof(info));
	}
	for (size_t i = 0; i < crowd->count; i++) {
		if (crowd->reporters[i].address.s_addr == info.ipi_addr.s_addr)
			return &crowd->reporters[i];
	}
	return NULL;
}

static void receive(struct crowd *crowd, uint64_t now)
{
	uint8_t bytes[SHARE_DATAGRAM_MAX + 1];
	uint64_t control[16];
	struct iovec part = { bytes, sizeof(bytes) };

	for (;;) {
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(crowd->fd, &message, 0);
		struct reporter *reporter;

		if (length < 0)
			return;
		crowd->received++;
		reporter = find_reporter(crowd, &message);
		if (!reporter || !reporter->next_ms)
			continue;
		share_send_datagram(reporter->send, bytes, (size_t)length, now);
		reporter->next_ms = share_send_tick(reporter->send, now);
	}
}

/* Nodes don't start at one moment: their first heartbeats are spread over the interval. */
static void run(struct crowd *crowd)
{
	uint64_t began = now_ms(), interval = crowd->config.sharing.interval_ms;
	size_t started = 0;

	if (!interval)
		interval = SHARE_INTERVAL_MS;
	while (!ended) {
		struct pollfd readable = { crowd->fd, POLLIN, 0 };
		uint64_t now;

		poll(&readable, 1, 1);
		now = now_ms();
		receive(crowd, now);
		for (; started < crowd->count && now - began >= started * interval / crowd->count;
		     started++)
			start(&crowd->reporters[started], now);
		for (size_t i = 0; i < started; i++) {
			struct reporter *reporter = &crowd->reporters[i];

			if (now >= reporter->next_ms)
				reporter->next_ms = share_send_tick(reporter->send, now);
		}
	}
}

int main(int argc, char **argv)
{
	static struct crowd crowd;
	struct sigaction term = { .sa_handler = on_term };
	struct config_errors errors = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: node_crowd CLUSTER\n");
		return 2;
	}
	if (config_load(argv[1], &crowd.config, &errors) || !crowd.config.sharing.has_keys) {
		fprintf(stderr, "%s\n", errors.text ? errors.text : "node_crowd: no keys");
		return 1;
	}
	sigaction(SIGTERM, &term, NULL);
	add_nodes(&crowd);
	open_socket(&crowd);
	run(&crowd);
	printf("{\"nodes\": %zu, \"sent\": %lu, \"sent_bytes\": %lu, \"received\": %lu}\n",
	       crowd.count, crowd.sent, crowd.sent_bytes, crowd.received);
	return 0;
}
