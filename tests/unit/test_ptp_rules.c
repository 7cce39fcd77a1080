// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * ptp_tc: which messages a rule means, and that what its tunnel can't carry goes nowhere else.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

#include "push_world.h"

TestSuite(ptp_rules);

/* A rule, and whether a Sync (event) or Announce (general) of domain 3 to the usual peer matches it. */
struct rule_row {
	const char *name;
	struct xdplb_push_rule rule;
	bool event;
	bool general;
};

#define UDP    (XDPLB_PTP_UDP4 | XDPLB_PTP_UDP6)
#define ALL    (UDP | XDPLB_PTP_ETHERNET)
#define EITHER (XDPLB_PTP_EVENT | XDPLB_PTP_GENERAL)
#define RULE   .transports = ALL, .classes = EITHER

static const struct rule_row rule_rows[] = {
	{ "anything", { RULE }, true, true },
	{ "events", { .transports = ALL, .classes = XDPLB_PTP_EVENT }, true, false },
	{ "general messages", { .transports = ALL, .classes = XDPLB_PTP_GENERAL }, false, true },
	{ "no class", { .transports = ALL }, false, false },
	{ "no transport", { .classes = EITHER }, false, false },
	{ "the domain", { RULE, .match = XDPLB_PUSH_DOMAIN, .domain = 3 }, true, true },
	{ "another domain", { RULE, .match = XDPLB_PUSH_DOMAIN, .domain = 4 }, false, false },
	{ "domain 0 is no wildcard", { RULE, .match = XDPLB_PUSH_DOMAIN }, false, false },
	{ "the version", { RULE, .match = XDPLB_PUSH_VERSION, .version = 2 }, true, true },
	{ "another version", { RULE, .match = XDPLB_PUSH_VERSION, .version = 1 }, false, false },
	{ "the interface",
	  { RULE, .match = XDPLB_PUSH_INTERFACE, .ifindex = PUSH_LO },
	  true,
	  true },
	{ "another interface",
	  { RULE, .match = XDPLB_PUSH_INTERFACE, .ifindex = 9 },
	  false,
	  false },
	{ "another peer", { RULE, .match = XDPLB_PUSH_PEER }, false, false },
};

Test(ptp_rules, rules)
{
	struct push_world world;

	push_world_open(&world);
	for (size_t i = 0; i < sizeof(rule_rows) / sizeof(rule_rows[0]) * PTP_OVER_COUNT; i++) {
		const struct rule_row *row = &rule_rows[i / PTP_OVER_COUNT];

		push_put_rules(&world, 0, &row->rule, 1);
		for (int general = 0; general < 2; general++) {
			struct ptp_spec ptp = { .over = i % PTP_OVER_COUNT,
						.type = general ? 11 : 0,
						.version = 2,
						.domain = 3 };
			bool match = general ? row->general : row->event;
			struct test_packet want;
			struct expected expected = { match ? TC_REDIRECT : TC_UNSPEC, &want,
						     NO_DROP, match ? EVENT(PTP_PUSHED) : 0 };

			if (match)
				push_want(&ptp, 0, 1, &want);
			else
				ptp_build(&ptp, &want);
			push_check(&world, row->name, &ptp, &expected);
		}
	}
	push_world_close(&world);
}

/* Each carrier has its bit and its peer; one bit of the peer off and it is another's. */
Test(ptp_rules, transports_and_peers)
{
	struct push_world world;

	push_world_open(&world);
	for (int n = 0; n < PTP_OVER_COUNT * PTP_OVER_COUNT * 2; n++) {
		int over = n / 2 % PTP_OVER_COUNT, wanted = n / 2 / PTP_OVER_COUNT;
		struct ptp_spec ptp = { .over = over, .version = 2 };
		struct xdplb_push_rule rule = push_any;
		struct test_packet want;
		bool off = n & 1, match = over == wanted && !off;
		struct expected expected = { match ? TC_REDIRECT : TC_UNSPEC, &want, NO_DROP,
					     match ? EVENT(PTP_PUSHED) : 0 };

		rule.transports = 1 << wanted;
		rule.match = XDPLB_PUSH_PEER;
		rule.peer = packet_addr(wanted == PTP_OVER_UDP6 ? "ff0e::181" : "224.0.1.129");
		memcpy(rule.peer_mac, "\x01\x1b\x19\x00\x00\x00", 6);
		if (off) {
			rule.peer.word[wanted == PTP_OVER_UDP6 ? 3 : 0] ^= htonl(1);
			rule.peer_mac[5] ^= 1;
		}
		push_put_rules(&world, 0, &rule, 1);
		if (match)
			push_want(&ptp, 0, 1, &want);
		else
			ptp_build(&ptp, &want);
		push_check(&world, off ? "peer off by a bit" : "peer", &ptp, &expected);
	}
	push_world_close(&world);
}

/* The first rule that matches counts, also as the last of 32; the other table and what lies behind the
 * live rules do not. */
Test(ptp_rules, first_match_of_the_live_table)
{
	struct xdplb_push_rule rules[XDPLB_PUSH_RULES_MAX];
	struct ptp_spec ptp = { .version = 2 };
	struct xdplb_push_control control = { 0, XDPLB_PUSH_RULES_MAX };
	struct test_packet want, labelled, message;
	struct expected expected = { TC_REDIRECT, &want, NO_DROP, EVENT(PTP_PUSHED) };
	struct push_world world;

	push_world_open(&world);
	for (int i = 0; i < XDPLB_PUSH_RULES_MAX; i++) {
		rules[i] = push_any;
		rules[i].match = XDPLB_PUSH_DOMAIN;
		rules[i].domain = 100 + i;
	}
	rules[31].match = 0;
	rules[31].tunnel = PUSH_BACKUP;
	push_put_rules(&world, XDPLB_PUSH_RULES_MAX, rules, XDPLB_PUSH_RULES_MAX);
	push_want(&ptp, 1, 0, &want);
	push_check(&world, "the last of 32", &ptp, &expected);
	push_put(world.skel->maps.push_control, 0, &control);
	push_want(&ptp, 0, 1, &labelled);
	want = labelled;
	push_check(&world, "the other table", &ptp, &expected);
	control = (struct xdplb_push_control){ XDPLB_PUSH_RULES_MAX, 31 };
	push_put(world.skel->maps.push_control, 0, &control);
	ptp_build(&ptp, &message);
	want = message;
	expected = (struct expected){ TC_UNSPEC, &want, NO_DROP, 0 };
	push_check(&world, "behind the live ones", &ptp, &expected);
	push_world_close(&world);
}

/* What can't be carried is dropped and counted, never sent bare. */
Test(ptp_rules, nothing_falls_back)
{
	static const struct {
		const char *name;
		__u32 tunnel;
		int drop;
	} tunnel_rows[] = { { "tunnel down", PUSH_DOWN, XDPLB_DROP_TUNNEL_DOWN },
			    { "no such LSP", PUSH_NOWHERE, XDPLB_DROP_BAD_TABLE },
			    { "no such tunnel", PUSH_TUNNELS, XDPLB_DROP_BAD_TABLE } };
	struct xdplb_lsp lsp = { .ifindex = PUSH_UPLINK };
	struct push_world world;

	push_world_open(&world);
	for (int n = 0; n < 3 * PTP_OVER_COUNT; n++) {
		struct ptp_spec ptp = { .over = n % PTP_OVER_COUNT, .type = n % 2, .version = 2 };
		struct expected expected = { TC_SHOT, NULL, tunnel_rows[n / 3].drop, 0 };
		struct xdplb_push_rule rule = push_any;

		rule.tunnel = tunnel_rows[n / 3].tunnel;
		push_put_rules(&world, 0, &rule, 1);
		push_check(&world, tunnel_rows[n / 3].name, &ptp, &expected);
	}
	cr_assert_eq(push_counted(&world, PUSH_DOWN, push_dropped), 3);
	push_put_rules(&world, 0, &push_any, 1);
	push_put(world.skel->maps.lsps, 0, &lsp);
	for (int i = 0; i < PTP_OVER_COUNT; i++) {
		struct ptp_spec ptp = { .over = i, .version = 2 };
		struct expected expected = { TC_SHOT, NULL, XDPLB_DROP_PAYLOAD_NOT_CARRIED, 0 };

		push_check(&world, "no label for it", &ptp, &expected);
	}
	push_put_lsp(&world, 0, 8, PUSH_UPLINK);
	for (int i = 0; i < PTP_OVER_COUNT; i++) {
		struct ptp_spec ptp = { .over = i, .version = 2 };
		struct expected expected = { TC_SHOT, NULL, XDPLB_DROP_BAD_TABLE, 0 };

		push_check(&world, "nine labels", &ptp, &expected);
	}
	push_world_close(&world);
}
