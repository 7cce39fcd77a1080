// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp: a datagram that is to be answered. A service that never answers can't be told from a dead
 * one, so silence is failure; a closed port is known at once by its ICMP error.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "probe/datagram.h"

static void judge(struct datagram *datagram, const uint8_t *data, size_t len)
{
	const struct probe_bytes *expect = &datagram->probe.spec->exchange.expect;

	if (!expect->len || memmem(data, len, expect->data, expect->len))
		probe_succeed(&datagram->probe);
	else
		probe_fail(&datagram->probe, XDPLB_CAUSE_WRONG_ANSWER, "%.*s",
			   len > 80 ? 80 : (int)len, (const char *)data);
}

static void start(struct probe *probe)
{
	const struct probe_bytes *out = &probe->spec->exchange.send;
	struct datagram *datagram = (struct datagram *)probe;

	datagram->judge = judge;
	if (datagram_open(datagram, SOCK_DGRAM, IPPROTO_UDP) >= 0)
		datagram_send(datagram, out->len ? out->data : "", out->len);
}

const struct probe_kind probe_udp = { sizeof(struct datagram), start, datagram_release };
