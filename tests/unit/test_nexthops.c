// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the agent knows of neighbours, and what it makes lb_xdp forget, on maps that are plain memory.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "neighbours.h"
#include "packet.h"

TestSuite(nexthops);

#define MEMBERS 6

static struct xdplb_member members[MEMBERS];
static struct xdplb_member_info member_infos[MEMBERS];
static struct xdplb_service_info service_infos[2];

#define ARRAY(values)                                                                \
	{                                                                            \
		-1, values, sizeof(*(values)), sizeof(values) / sizeof(*(values)), 0 \
	}

static const struct access_view view = {
	.members = ARRAY(members),
	.member_infos = ARRAY(member_infos),
	.service_infos = ARRAY(service_infos),
};

/* Member i leaves by interface 1 + i / 3 to the MAC address that ends in `mac`. */
static void learn(int i, uint8_t mac, uint64_t expires)
{
	members[i].nexthop.ifindex = 1 + i / 3;
	members[i].nexthop.dmac[5] = mac;
	members[i].nexthop.expires = expires;
}

static struct nexthop_via via_of(uint32_t ifindex, uint8_t mac)
{
	return (struct nexthop_via){ .ifindex = ifindex, .mac = { 0, 0, 0, 0, 0, mac } };
}

/* Which members have a next hop, as bits. */
static unsigned int known(void)
{
	unsigned int bits = 0;

	for (int i = 0; i < MEMBERS; i++)
		bits |= (members[i].nexthop.expires != 0) << i;
	return bits;
}

static void learn_all(void)
{
	static const uint8_t macs[MEMBERS] = { 7, 8, 7, 7, 8, 9 };

	for (int i = 0; i < MEMBERS; i++)
		learn(i, macs[i], 1000);
	learn(2, 7, 0); /* has lost it already */
}

Test(nexthops, forgets_what_is_named_and_nothing_else)
{
	struct nexthop_via via = via_of(1, 7);

	learn_all();
	cr_assert_eq(known(), 0x3b);
	cr_expect_eq(nexthops_forget_via(&view, &via), 1);
	cr_expect_eq(known(), 0x3a, "member 0 alone: %#x", known());
	via = via_of(3, 7);
	cr_expect_eq(nexthops_forget_via(&view, &via), 0, "another interface");
	cr_expect_eq(nexthops_forget_interface(&view, 2), 3);
	cr_expect_eq(known(), 0x02);
	learn_all();
	cr_expect_eq(nexthops_forget_interface(&view, 0), 5);
	cr_expect_eq(known(), 0);
}

Test(nexthops, in_use_since)
{
	struct nexthop_via via;
	struct nexthop_set set;

	learn(0, 7, 1250); /* learned at 1000, with 250 to live */
	learn(1, 7, 1300);
	learn(2, 8, 1249);
	learn(3, 7, 1250);
	learn(4, 5, 0);
	cr_assert_eq(nexthops_in_use(&view, 1000, 250, &set), 0);
	cr_expect_eq(set.count, 2, "none twice: %zu", set.count);
	via = via_of(1, 7);
	cr_expect(nexthop_set_has(&set, &via));
	via = via_of(2, 7);
	cr_expect(nexthop_set_has(&set, &via));
	via = via_of(1, 8);
	cr_expect_not(nexthop_set_has(&set, &via), "learned before");
	via = via_of(2, 5);
	cr_expect_not(nexthop_set_has(&set, &via), "forgotten");
	nexthop_set_free(&set);
	cr_expect_not(nexthop_set_has(&set, &via), "an empty set has none");
}

static void put_member(int i, const char *addr, int service, bool in_use)
{
	members[i].addr = packet_addr(addr);
	member_infos[i].service = service;
	member_infos[i].in_use = in_use;
}

Test(nexthops, routes_that_matter)
{
	static const struct {
		const char *addr;
		uint8_t family, length;
		bool covers;
	} rows[] = {
		{ "0.0.0.0", XDPLB_IPV4, 0, true },
		{ "10.1.0.0", XDPLB_IPV4, 16, true },
		{ "10.1.0.0", XDPLB_IPV4, 31, false },
		{ "10.1.0.2", XDPLB_IPV4, 31, true },
		{ "10.1.0.2", XDPLB_IPV4, 32, false },
		{ "10.1.0.3", XDPLB_IPV4, 32, true },
		{ "10.1.0.4", XDPLB_IPV4, 30, false },
		{ "10.2.0.0", XDPLB_IPV4, 15, true },
		{ "10.2.0.0", XDPLB_IPV4, 16, false },
		{ "10.4.0.0", XDPLB_IPV4, 14, false },
		{ "192.0.0.0", XDPLB_IPV4, 8, false },
		{ "::", XDPLB_IPV6, 0, true },
		{ "fd00::", XDPLB_IPV6, 8, true },
		{ "fd00:0:0:8000::", XDPLB_IPV6, 49, false },
		{ "fd00:1::", XDPLB_IPV6, 33, true },
		{ "fd00:1::5", XDPLB_IPV6, 128, true },
		{ "fd00:1::4", XDPLB_IPV6, 127, true },
		{ "fd00:1::6", XDPLB_IPV6, 127, false },
		{ "::", XDPLB_IPV6, 9, false },
	};
	struct nexthop_addresses addresses;

	service_infos[0].family = XDPLB_IPV4;
	service_infos[1].family = XDPLB_IPV6;
	put_member(0, "10.3.0.1", 0, true);
	put_member(1, "fd00:1::5", 1, true);
	put_member(2, "10.1.0.3", 0, true);
	put_member(3, "192.0.2.1", 0, false); /* not in use */
	cr_assert_eq(nexthop_addresses_read(&view, &addresses), 0);
	cr_expect_eq(addresses.count, 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nexthop_prefix prefix = { rows[i].family, rows[i].length,
						 packet_addr(rows[i].addr) };

		cr_expect_eq(nexthop_addresses_cover(&addresses, &prefix), rows[i].covers, "%s/%u",
			     rows[i].addr, rows[i].length);
	}
	nexthop_addresses_free(&addresses);
}

Test(nexthops, no_member_no_route)
{
	struct nexthop_prefix prefix = { .family = XDPLB_IPV4 };
	struct nexthop_addresses addresses;

	cr_assert_eq(nexthop_addresses_read(&view, &addresses), 0);
	cr_expect_not(nexthop_addresses_cover(&addresses, &prefix));
	nexthop_addresses_free(&addresses);
}

/* ---- neighbours ---- */

struct losses {
	int count;
	struct nexthop_via last;
};

static void note_loss(void *context, const struct nexthop_via *via)
{
	struct losses *losses = context;

	losses->count++;
	losses->last = *via;
}

static struct neighbour neighbour(uint32_t ifindex, uint8_t host, uint8_t mac, bool is_stale)
{
	return (struct neighbour){ .ifindex = ifindex,
				   .family = AF_INET,
				   .addr.word[0] = htonl(0x0a000000 + host),
				   .via = via_of(ifindex, mac),
				   .is_stale = is_stale };
}

static void count_stale(void *context, const struct neighbour *neighbour)
{
	*(int *)context += neighbour->is_stale ? 1 : 100;
}

Test(nexthops, neighbours_come_change_and_go)
{
	static const struct {
		const char *name;
		bool drop;
		uint32_t ifindex;
		uint8_t host, mac;
		bool is_stale;
		int losses; /* in all, after this */
		size_t count, stale;
	} rows[] = {
		{ "a new one", false, 1, 1, 7, false, 0, 1, 0 },
		{ "the same again", false, 1, 1, 7, false, 0, 1, 0 },
		{ "becomes stale", false, 1, 1, 7, true, 0, 1, 1 },
		{ "another on the same MAC", false, 1, 2, 7, true, 0, 2, 2 },
		{ "another interface", false, 2, 1, 7, false, 0, 3, 2 },
		{ "moves", false, 1, 1, 8, false, 1, 3, 1 },
		{ "one that is not known goes", true, 3, 1, 0, false, 1, 3, 1 },
		{ "goes", true, 1, 2, 0, false, 2, 2, 0 },
		{ "goes again", true, 1, 2, 0, false, 2, 2, 0 },
		{ "comes back", false, 1, 2, 9, true, 2, 3, 1 },
	};
	struct losses losses = { 0 };
	struct neighbours neighbours = { .lost = note_loss, .context = &losses };
	int seen = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct neighbour one =
			neighbour(rows[i].ifindex, rows[i].host, rows[i].mac, rows[i].is_stale);

		if (rows[i].drop)
			neighbours_drop(&neighbours, &one);
		else
			neighbours_put(&neighbours, &one);
		cr_expect_eq(losses.count, rows[i].losses, "%s: %d lost", rows[i].name,
			     losses.count);
		cr_expect_eq(neighbours.count, rows[i].count, "%s", rows[i].name);
		cr_expect_eq(neighbours.stale, rows[i].stale, "%s", rows[i].name);
	}
	cr_expect_eq(losses.last.mac[5], 7, "what it was reached by before");
	neighbours_walk(&neighbours, count_stale, &seen);
	cr_expect_eq(seen, 201, "each once: %d", seen);
	neighbours_clear(&neighbours);
	cr_expect_eq(neighbours.count + neighbours.stale, 0);
	cr_expect_eq(losses.count, 2, "clearing loses nothing");
}
