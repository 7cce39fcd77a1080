/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as they pass the interfaces of a lab's namespaces, with the kernel's time of each.
 */
#ifndef XDPLB_BENCH_WIRE_H
#define XDPLB_BENCH_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	int fd;
};

struct wire_packet {
	uint64_t ns; /* CLOCK_REALTIME */
	struct in_addr from, to;
	uint8_t proto;
	bool is_syn; /* the first packet of a TCP handshake */
	bool is_sent; /* left by the interface, did not come in */
	uint16_t from_port, to_port; /* host byte order; 0: neither TCP nor UDP */
	size_t length; /* of the IP packet, bytes */
};

/**
 * wire_open() - Listen to IPv4 packets.
 * @netns:  where the network namespace is bound
 * @device: an interface in it, or "" for all
 * Return: 0 or -errno.
 */
int wire_open(const char *netns, const char *device, struct wire *ret_wire);
void wire_close(struct wire *wire);

/* The next packet: 1, or 0 if there is none now, or -errno; -EOVERFLOW: the kernel had to leave
 * packets out, so whatever is counted is wrong. */
int wire_read(const struct wire *wire, struct wire_packet *ret_packet);

/* CLOCK_REALTIME, nanoseconds: the clock of wire_packet.ns. */
uint64_t wire_now(void);

#endif
