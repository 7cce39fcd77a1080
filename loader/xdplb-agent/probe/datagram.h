/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One datagram out, datagrams in until one tells: what udp, dns and icmp have in common.
 */
#ifndef XDPLB_PROBE_DATAGRAM_H
#define XDPLB_PROBE_DATAGRAM_H

#include "probe/kind.h"

struct datagram {
	struct probe probe;
	int fd; /* -1: none */
	ev_io io;
	/* Looks at one that came; ends the probe if it tells. Cut to PROBE_ANSWER_MAX bytes. */
	void (*judge)(struct datagram *datagram, const uint8_t *data, size_t len);
};

/* A socket; -1: the probe has failed. */
int datagram_open(struct datagram *datagram, int type, int protocol);

/*
 * Sends and waits for answers. Only datagrams from the very address and port are seen. There is no
 * second try: over the short way from here a loss is a finding, and fall decides how many count.
 */
void datagram_send(struct datagram *datagram, const void *data, size_t len);

/* A kind's release. */
void datagram_release(struct probe *probe);

#endif
