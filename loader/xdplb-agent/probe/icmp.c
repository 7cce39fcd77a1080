// SPDX-License-Identifier: BSD-2-Clause
/*
 * icmp: an echo request on a raw socket (ping sockets depend on a sysctl of each namespace). Raw
 * sockets see every echo reply from the address, so identifier, sequence number and eight random
 * bytes must all be ours.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "probe/datagram.h"

/* Not exported by user-space headers that go with netinet/: see linux/icmp.h. */
#define RAW_ICMP_FILTER 1

/* RFC 792 and RFC 4443 agree on the layout of an echo. */
struct echo {
	uint8_t type, code;
	uint16_t checksum; /* the kernel fills in ICMPv6's */
	uint8_t ours[12]; /* identifier, sequence number, payload: random */
};

struct icmp_probe {
	struct datagram datagram;
	struct echo echo;
};

static uint16_t compute_checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* An IPv4 raw socket delivers the IP header, an IPv6 one does not. */
static bool skip_ip(const struct probe *probe, const uint8_t **data, size_t *len)
{
	size_t header;

	if (probe->spec->family == XDPLB_IPV6)
		return true;
	if (*len < sizeof(struct iphdr))
		return false;
	header = (size_t)(**data & 0xf) * 4;
	if (header < sizeof(struct iphdr) || header > *len)
		return false;
	*data += header;
	*len -= header;
	return true;
}

static void judge(struct datagram *datagram, const uint8_t *data, size_t len)
{
	const struct icmp_probe *icmp = (const struct icmp_probe *)datagram;
	bool ipv4 = datagram->probe.spec->family == XDPLB_IPV4;
	struct echo reply;

	if (!skip_ip(&datagram->probe, &data, &len) || len < sizeof(reply))
		return;
	memcpy(&reply, data, sizeof(reply));
	if (reply.type == (ipv4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) && reply.code == 0 &&
	    memcmp(reply.ours, icmp->echo.ours, sizeof(reply.ours)) == 0)
		probe_succeed(&datagram->probe);
}

/* Our own request on its way to a local address is not to wake us. */
static void filter(const struct datagram *datagram)
{
	struct icmp6_filter only6;
	uint32_t only4 = ~(1U << ICMP_ECHOREPLY);

	if (datagram->probe.spec->family == XDPLB_IPV4) {
		setsockopt(datagram->fd, SOL_RAW, RAW_ICMP_FILTER, &only4, sizeof(only4));
		return;
	}
	ICMP6_FILTER_SETBLOCKALL(&only6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only6);
	setsockopt(datagram->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only6, sizeof(only6));
}

static void start(struct probe *probe)
{
	bool ipv4 = probe->spec->family == XDPLB_IPV4;
	struct icmp_probe *icmp = (struct icmp_probe *)probe;

	icmp->datagram.judge = judge;
	if (datagram_open(&icmp->datagram, SOCK_RAW, ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) < 0)
		return;
	filter(&icmp->datagram);
	icmp->echo.type = ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	if (getrandom(icmp->echo.ours, sizeof(icmp->echo.ours), GRND_NONBLOCK) !=
	    sizeof(icmp->echo.ours)) {
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "no random numbers yet");
		return;
	}
	if (ipv4)
		icmp->echo.checksum = compute_checksum(&icmp->echo);
	datagram_send(&icmp->datagram, &icmp->echo, sizeof(icmp->echo));
}

const struct probe_kind probe_icmp = { sizeof(struct icmp_probe), start, datagram_release };
