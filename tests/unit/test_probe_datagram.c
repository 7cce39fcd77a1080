// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp, dns and icmp probes.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_lab.h"
#include "probe_lab.h"

struct peer {
	struct sockaddr_in6 addr;
	socklen_t len;
};

static ssize_t hear(int fd, uint8_t data[512], struct peer *peer)
{
	peer->len = sizeof(peer->addr);
	return recvfrom(fd, data, 512, 0, (struct sockaddr *)&peer->addr, &peer->len);
}

static void answer(int fd, const struct peer *peer, const void *data, size_t len)
{
	sendto(fd, data, len, 0, (const struct sockaddr *)&peer->addr, peer->len);
}

static void echo(int fd)
{
	uint8_t data[512];
	struct peer peer;
	ssize_t len = hear(fd, data, &peer);

	if (len >= 0)
		answer(fd, &peer, data, (size_t)len);
}

static void say_nothing(int fd)
{
	uint8_t data[512];
	struct peer peer;

	hear(fd, data, &peer);
}

struct udp_row {
	const char *name;
	lab_server *server; /* NULL: the port is closed */
	const char *send, *expect;
	enum xdplb_health_cause cause;
	const char *detail;
};

static const struct udp_row udp_rows[] = {
	{ "any answer", echo, "ping", "", XDPLB_CAUSE_OK, "" },
	{ "empty datagram", echo, "", "", XDPLB_CAUSE_OK, "" },
	{ "wanted answer", echo, "ping 17", "17", XDPLB_CAUSE_OK, "" },
	{ "another answer", echo, "pong\n", "ping", XDPLB_CAUSE_WRONG_ANSWER, "pong." },
	{ "silence", say_nothing, "ping", "", XDPLB_CAUSE_TIMEOUT, "waiting for the answer" },
	{ "closed port", NULL, "ping", "", XDPLB_CAUSE_REFUSED, "" },
};

Test(probe_udp, rows)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < 2 * sizeof(udp_rows) / sizeof(udp_rows[0]); i++) {
		const struct udp_row *row = &udp_rows[i / 2];
		uint16_t port = row->server ? lab_serve_udp(row->server) : lab_closed_port();
		struct probe_spec spec = probe_lab_spec(PROBE_UDP, addresses[i % 2], port);

		spec.timeout_ms = 200;
		spec.exchange.send = (struct probe_bytes){ row->send, strlen(row->send) };
		spec.exchange.expect = (struct probe_bytes){ row->expect, strlen(row->expect) };
		probe_lab_expect(&lab, &spec, row->name, row->cause, row->detail);
	}
	probe_lab_leave(&lab);
}

/*
 * A DNS server that does what the first label of the name says. Only the question is sent back; an
 * answer section would not be read.
 */
static void serve_dns(int fd)
{
	uint8_t data[512], flood[512];
	struct peer peer;
	ssize_t len = hear(fd, data, &peer);

	if (len < 17)
		return;
	data[2] |= 0x80;
	switch (data[13]) {
	case 'r': /* rcode: a digit follows */
		data[3] = (uint8_t)(data[14] - '0');
		break;
	case 'u': /* upper case */
		data[13] = 'U';
		break;
	case 'f': /* a forged answer first, with another ID; and a short one, and another question */
		memcpy(flood, data, sizeof(flood));
		flood[0] ^= 1;
		flood[3] = 3;
		answer(fd, &peer, flood, (size_t)len);
		answer(fd, &peer, data, 3);
		flood[0] ^= 1;
		flood[13] = 'x';
		answer(fd, &peer, flood, (size_t)len);
		answer(fd, &peer, data, (size_t)len - 1);
		data[2] &= 0x7f;
		answer(fd, &peer, data, (size_t)len);
		data[2] |= 0x80;
		break;
	case 'o': /* only forged answers */
		data[1] ^= 0x80;
		break;
	case 'h': /* a header without question */
		data[3] = 1;
		memset(data + 4, 0, 8);
		len = 12;
		break;
	case 's': /* silence */
		return;
	}
	answer(fd, &peer, data, (size_t)len);
}

struct dns_row {
	const char *name;
	uint8_t rcode;
	enum xdplb_health_cause cause;
	const char *detail;
};

static const struct dns_row dns_rows[] = {
	{ "a.example", 0, XDPLB_CAUSE_OK, "NOERROR" },
	{ "a.example.", 0, XDPLB_CAUSE_OK, "NOERROR" },
	{ "r3.example", 0, XDPLB_CAUSE_DNS_RCODE, "NXDOMAIN" },
	{ "r3.example", 3, XDPLB_CAUSE_OK, "NXDOMAIN" },
	{ "r2.example", 0, XDPLB_CAUSE_DNS_RCODE, "SERVFAIL" },
	{ "a.example", 3, XDPLB_CAUSE_DNS_RCODE, "NOERROR" },
	{ "upper.example", 0, XDPLB_CAUSE_OK, "NOERROR" },
	{ "forged.example", 0, XDPLB_CAUSE_OK, "NOERROR" },
	{ "only.example", 0, XDPLB_CAUSE_WRONG_ANSWER, "not an answer to our query" },
	{ "header.example", 0, XDPLB_CAUSE_DNS_RCODE, "FORMERR" },
	{ "silent.example", 0, XDPLB_CAUSE_TIMEOUT, "waiting" },
};

Test(probe_dns, rows)
{
	struct probe_lab lab;
	uint16_t port;

	probe_lab_enter(&lab);
	port = lab_serve_udp(serve_dns);
	for (size_t i = 0; i < sizeof(dns_rows) / sizeof(dns_rows[0]); i++) {
		struct probe_spec spec =
			probe_lab_spec(PROBE_DNS, i % 2 ? "::1" : "127.0.0.1", port);

		spec.timeout_ms = 200;
		spec.dns = (struct probe_dns){ dns_rows[i].name, 1, dns_rows[i].rcode };
		probe_lab_expect(&lab, &spec, dns_rows[i].name, dns_rows[i].cause,
				 dns_rows[i].detail);
	}
	probe_lab_leave(&lab);
}

/* The query as RFC 1035 has it, byte by byte. */
Test(probe_dns, query)
{
	static const uint8_t wanted[] = { 1,   0,   0,   1,   0,   0, 0,   0,   0,
					  0,   3,   'w', 'w', 'w', 7, 'e', 'x', 'a',
					  'm', 'p', 'l', 'e', 0,   0, 28,  0,   1 };
	int fd;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(to);
	struct probe_result result;
	struct probe_spec spec;
	struct probe_lab lab;
	uint8_t data[512];
	ssize_t len;

	probe_lab_enter(&lab);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&to, size), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&to, &size), 0);
	spec = probe_lab_spec(PROBE_DNS, "127.0.0.1", ntohs(to.sin_port));
	spec.timeout_ms = 20;
	spec.dns = (struct probe_dns){ "www.example", 28, 0 };
	probe_lab_ask(&lab, &spec, &result);
	len = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	cr_assert_eq(len, (ssize_t)sizeof(wanted) + 2, "%zd bytes", len);
	cr_expect_arr_eq(data + 2, wanted, sizeof(wanted));
	probe_lab_leave(&lab);
}

Test(probe_icmp, rows)
{
	static const struct {
		const char *address;
		enum xdplb_health_cause cause;
		const char *detail;
	} rows[] = {
		{ "127.0.0.1", XDPLB_CAUSE_OK, "" },
		{ "::1", XDPLB_CAUSE_OK, "" },
		{ LAB_SILENT, XDPLB_CAUSE_TIMEOUT, "waiting" },
		{ LAB_SILENT6, XDPLB_CAUSE_TIMEOUT, "waiting" },
		{ LAB_UNREACHABLE, XDPLB_CAUSE_UNREACHABLE, "connect: No route to host" },
	};
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec = probe_lab_spec(PROBE_ICMP, rows[i].address, 0);
		spec.timeout_ms = 100;
		probe_lab_expect(&lab, &spec, rows[i].address, rows[i].cause, rows[i].detail);
	}
	/* Other pings to the same address are none of ours. */
	net_lab_run("sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
	spec = probe_lab_spec(PROBE_ICMP, "127.0.0.1", 0);
	spec.timeout_ms = 100;
	probe_lab_expect(&lab, &spec, "ignored", XDPLB_CAUSE_TIMEOUT, NULL);
	spec.netns = "/run/netns/other";
	probe_lab_expect(&lab, &spec, "in another namespace", XDPLB_CAUSE_OK, NULL);
	probe_lab_leave(&lab);
}

struct crowd {
	int ok, ended;
};

static void count(void *data, const struct probe_result *result)
{
	struct crowd *crowd = data;

	crowd->ended++;
	crowd->ok += result->ok;
}

/* Each sees all replies from the address, and takes its own. */
Test(probe_icmp, many_at_a_time)
{
	struct probe_spec spec[2];
	struct crowd crowd = { 0 };
	struct probe_lab lab;

	probe_lab_enter(&lab);
	spec[0] = probe_lab_spec(PROBE_ICMP, "127.0.0.1", 0);
	spec[1] = probe_lab_spec(PROBE_ICMP, "::1", 0);
	for (int i = 0; i < 100; i++)
		cr_assert_not_null(probe_start(lab.engine, &spec[i % 2], count, &crowd));
	probe_lab_run(&lab, 0.3);
	cr_expect_eq(crowd.ended, 100, "%d ended", crowd.ended);
	cr_expect_eq(crowd.ok, 100, "%d answered", crowd.ok);
	probe_lab_leave(&lab);
}

/* Somebody else's reply with the right address does not count. */
Test(probe_icmp, forged_reply)
{
	static const uint8_t reply[16] = { 0, 0, 0xff, 0xff };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct crowd crowd = { 0 };
	struct probe_spec spec;
	struct probe_lab lab;
	int fd;

	probe_lab_enter(&lab);
	net_lab_run("sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
	spec = probe_lab_spec(PROBE_ICMP, "127.0.0.1", 0);
	spec.timeout_ms = 100;
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	cr_assert_geq(fd, 0);
	cr_assert_not_null(probe_start(lab.engine, &spec, count, &crowd));
	cr_assert_eq(sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&to, sizeof(to)), 16);
	cr_assert_eq(sendto(fd, reply, 8, 0, (struct sockaddr *)&to, sizeof(to)), 8);
	probe_lab_run(&lab, 0.2);
	cr_expect_eq(crowd.ended, 1);
	cr_expect_eq(crowd.ok, 0);
	probe_lab_leave(&lab);
}
