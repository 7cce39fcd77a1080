// SPDX-License-Identifier: BSD-2-Clause
/*
 * TCP or UDP packets from made-up clients (198.18.0.0/15, RFC 2544) at a steady rate, until SIGTERM; then prints
 * how many were sent.
 *
 * Usage: flood ack|syn|udp RATE ADDRESS:PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "endpoint.h"

#define TURN_NS     100000
#define SOURCE_NET  0xc6120000 /* 198.18.0.0 */
#define SOURCE_MASK 0x0001ffff
/* Packets: a sender that was kept waiting does not catch up with more. */
#define BEHIND_MAX 2000

struct frame {
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct udphdr udp; /* without payload and checksum */
	};
};

static volatile sig_atomic_t ended;

static void on_term(int signal)
{
	ended = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* xorshift64*: fast, and nobody is to be surprised. */
static uint64_t next_random(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

/* RFC 1071, over pseudo header and TCP header, which has an even length. */
static uint16_t tcp_checksum(const struct frame *frame)
{
	uint16_t words[sizeof(frame->tcp) / 2];
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(frame->tcp));

	memcpy(words, &frame->tcp, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum += (frame->ip.saddr & 0xffff) + (frame->ip.saddr >> 16);
	sum += (frame->ip.daddr & 0xffff) + (frame->ip.daddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static struct frame make_frame(const struct sockaddr_in *to, bool is_syn)
{
	return (struct frame){ .ip = { .version = 4,
				       .ihl = 5,
				       .ttl = 64,
				       .protocol = IPPROTO_TCP,
				       .tot_len = htons(sizeof(struct frame)),
				       .frag_off = htons(IP_DF),
				       .daddr = to->sin_addr.s_addr },
			       .tcp = { .dest = to->sin_port,
					.doff = sizeof(struct tcphdr) / 4,
					.syn = is_syn,
					.ack = !is_syn,
					.window = htons(0xffff) } };
}

static struct frame make_datagram(const struct sockaddr_in *to)
{
	struct frame frame = make_frame(to, false);

	frame.ip.protocol = IPPROTO_UDP;
	frame.ip.tot_len = htons(sizeof(frame.ip) + sizeof(frame.udp));
	memset(&frame.tcp, 0, sizeof(frame.tcp));
	frame.udp.dest = to->sin_port;
	frame.udp.len = htons(sizeof(frame.udp));
	return frame;
}

static void fill_tcp(struct frame *frame, uint64_t random)
{
	frame->tcp.seq = (uint32_t)(random >> 20);
	frame->tcp.ack_seq = frame->tcp.ack ? (uint32_t)next_random() : 0;
	frame->tcp.check = 0;
	frame->tcp.check = tcp_checksum(frame);
}

/* The kernel fills in the IPv4 checksum (raw(7)). */
static void send_one(int fd, struct frame *frame, const struct sockaddr_in *to)
{
	uint64_t random = next_random();

	frame->ip.saddr = htonl(SOURCE_NET | ((uint32_t)random & SOURCE_MASK));
	frame->tcp.source = htons((uint16_t)(1024 + (random >> 32) % 64000));
	if (frame->ip.protocol == IPPROTO_TCP)
		fill_tcp(frame, random);
	/* A full queue loses packets, as a line that is too narrow would. */
	sendto(fd, frame, ntohs(frame->ip.tot_len), MSG_DONTWAIT, (const struct sockaddr *)to,
	       sizeof(*to));
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	double rate = argc == 4 ? atof(argv[2]) : 0;
	struct sockaddr_storage address = {};
	const struct sockaddr_in *to = (const struct sockaddr_in *)&address;
	uint64_t began, due, sent = 0, skipped = 0;
	struct frame frame;
	int fd;

	if (rate <= 0 ||
	    (strcmp(argv[1], "ack") && strcmp(argv[1], "syn") && strcmp(argv[1], "udp")) ||
	    read_endpoint(argv[3], &address) != sizeof(*to)) {
		fprintf(stderr, "usage: flood ack|syn|udp RATE ADDRESS:PORT\n");
		return 2;
	}
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) {
		fprintf(stderr, "flood: socket: %s\n", strerror(errno));
		return 1;
	}
	sigaction(SIGTERM, &term, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	frame = strcmp(argv[1], "udp") ? make_frame(to, !strcmp(argv[1], "syn"))
				       : make_datagram(to);
	began = now_ns();
	while (!ended) {
		due = (uint64_t)((double)(now_ns() - began) / 1e9 * rate) - skipped;
		if (due > sent + BEHIND_MAX) {
			skipped += due - sent - BEHIND_MAX;
			due = sent + BEHIND_MAX;
		}
		for (; sent < due; sent++)
			send_one(fd, &frame, to);
		nanosleep(&(struct timespec){ 0, TURN_NS }, NULL);
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}
