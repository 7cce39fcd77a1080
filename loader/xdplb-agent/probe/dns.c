// SPDX-License-Identifier: BSD-2-Clause
/*
 * dns: one question over UDP (RFC 1035); the answer's response code is compared. Only header and
 * question of an answer are read, so there are no compressed names to follow. A resolver library
 * would bring its own loop, retries and servers.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "probe/datagram.h"

#define DNS_CLASS_IN 1
#define DNS_FLAG_QR  0x8000
#define DNS_FLAG_RD  0x0100
#define DNS_RCODE    0x000f

struct dns_header {
	uint16_t id, flags, questions, answers, authorities, additional;
};

struct dns {
	struct datagram datagram;
	size_t len;
	uint8_t query[sizeof(struct dns_header) + PROBE_DNS_NAME_MAX + 4];
};

static size_t put_u16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
	return 2;
}

/* Names are compared without case; lengths and the rest are no letters. */
static bool is_same_question(const struct dns *dns, const uint8_t *data)
{
	for (size_t i = sizeof(struct dns_header); i < dns->len; i++) {
		if (tolower(data[i]) != tolower(dns->query[i]))
			return false;
	}
	return true;
}

static const char *rcode_name(int rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					     "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					     "NXRRSET", "NOTAUTH", "NOTZONE" };

	return (size_t)rcode < sizeof(names) / sizeof(names[0]) ? names[rcode] : "?";
}

static void judge(struct datagram *datagram, const uint8_t *data, size_t len)
{
	const struct dns *dns = (const struct dns *)datagram;
	struct probe *probe = &datagram->probe;
	struct dns_header header;
	int rcode;

	if (len < sizeof(header)) {
		probe_suppose(probe, XDPLB_CAUSE_WRONG_ANSWER, "%zu bytes", len);
		return;
	}
	memcpy(&header, data, sizeof(header));
	rcode = ntohs(header.flags) & DNS_RCODE;
	/* Perhaps late, perhaps forged: ours may still come. */
	if (memcmp(data, dns->query, 2) != 0 || !(ntohs(header.flags) & DNS_FLAG_QR)) {
		probe_suppose(probe, XDPLB_CAUSE_WRONG_ANSWER, "not an answer to our query");
		return;
	}
	/* FORMERR and the like may come without the question. */
	if (header.questions &&
	    (ntohs(header.questions) != 1 || len < dns->len || !is_same_question(dns, data))) {
		probe_suppose(probe, XDPLB_CAUSE_WRONG_ANSWER, "another question is answered");
		return;
	}
	probe->result.number = rcode;
	probe_remark(probe, rcode_name(rcode));
	if (rcode == probe->spec->dns.rcode)
		probe_succeed(probe);
	else
		probe_fail(probe, XDPLB_CAUSE_DNS_RCODE, "%s", rcode_name(rcode));
}

static void start(struct probe *probe)
{
	struct dns *dns = (struct dns *)probe;
	struct dns_header header = { .flags = htons(DNS_FLAG_RD), .questions = htons(1) };

	dns->datagram.judge = judge;
	if (datagram_open(&dns->datagram, SOCK_DGRAM, IPPROTO_UDP) < 0)
		return;
	if (getrandom(&header.id, sizeof(header.id), GRND_NONBLOCK) != sizeof(header.id)) {
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "no random numbers yet");
		return;
	}
	memcpy(dns->query, &header, sizeof(header));
	dns->len = sizeof(header);
	dns->len += probe_dns_name(probe->spec->dns.name, dns->query + dns->len);
	dns->len += put_u16(dns->query + dns->len, probe->spec->dns.type);
	dns->len += put_u16(dns->query + dns->len, DNS_CLASS_IN);
	datagram_send(&dns->datagram, dns->query, dns->len);
}

const struct probe_kind probe_dns = { sizeof(struct dns), start, datagram_release };
