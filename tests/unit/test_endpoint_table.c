// SPDX-License-Identifier: BSD-2-Clause
/*
 * Endpoint tables: everything put in is found by the datapath's rule, and nothing else.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tables/endpoint_table.h"
#include "plan_world.h"

/* Room for two tables, as in a map; the first slots are the live ones. */
static struct map_array make_map(uint32_t slots)
{
	struct map_array map = { .fd = -1, .stride = sizeof(struct xdplb_endpoint) };

	map.count = 2 * (size_t)slots;
	map.length = map.count * map.stride;
	map.values = malloc(map.length);
	cr_assert(map.values);
	memset(map.values, 0xee, map.length);
	return map;
}

static struct xdplb_endpoint make_ipv4(uint32_t addr, uint16_t port, __u8 proto)
{
	return (struct xdplb_endpoint){
		.addr = { { htonl(addr) } },
		.port = htons(port),
		.proto = proto,
		.family = XDPLB_IPV4,
	};
}

static struct xdplb_endpoint make_ipv6(uint32_t number, uint16_t port, __u8 proto)
{
	return (struct xdplb_endpoint){
		.addr = { { htonl(0x20010db8), 0, 0, htonl(number) } },
		.port = htons(port),
		.proto = proto,
		.family = XDPLB_IPV6,
	};
}

/* ---- what entries look like ---- */

/* Number i, all different; each half of the numbers in one family. */
static struct xdplb_endpoint mixed(uint32_t i)
{
	uint32_t n = i / 2;

	if (i % 2)
		return make_ipv6(1 + n / 3, 80 + n % 3, n % 5 ? IPPROTO_TCP : IPPROTO_UDP);
	return make_ipv4(0x0a000001 + n / 3, 80 + n % 3, n % 5 ? IPPROTO_TCP : IPPROTO_UDP);
}

static struct xdplb_endpoint hosts_ipv4(uint32_t i)
{
	return make_ipv4(0x0a000001 + i, 80, IPPROTO_TCP);
}

static struct xdplb_endpoint hosts_ipv6(uint32_t i)
{
	return make_ipv6(1 + i, 80, IPPROTO_TCP);
}

static struct xdplb_endpoint ports_ipv4(uint32_t i)
{
	return make_ipv4(0xc0000201, 1 + i, 0);
}

static struct xdplb_endpoint ports_ipv6(uint32_t i)
{
	return make_ipv6(1, 1 + i, 0);
}

/* A subnet each, as operators number containers of many hosts. */
static struct xdplb_endpoint subnets_ipv4(uint32_t i)
{
	return make_ipv4(0x0a000002 + (i << 8), 8080, IPPROTO_TCP);
}

/* Entries for the address as such and for its port. */
static struct xdplb_endpoint vips(uint32_t i)
{
	return i % 2 ? make_ipv4(0xc0000200 + i / 2, 0, 0)
		     : make_ipv4(0xc0000200 + i / 2, 443, IPPROTO_TCP);
}

static const struct {
	const char *row;
	struct xdplb_endpoint (*make)(uint32_t i);
	uint32_t count; /* also the declared capacity */
} rows[] = {
	{ "one", mixed, 1 },
	{ "100 mixed", mixed, 100 },
	{ "10,000 mixed", mixed, 10000 },
	{ "100,000 mixed", mixed, 100000 },
	{ "10,000 IPv4 hosts", hosts_ipv4, 10000 },
	{ "10,000 IPv6 hosts", hosts_ipv6, 10000 },
	{ "60,000 ports of an IPv4 address", ports_ipv4, 60000 },
	{ "60,000 ports of an IPv6 address", ports_ipv6, 60000 },
	{ "4,000 IPv4 subnets", subnets_ipv4, 4000 },
	{ "2,000 VIPs", vips, 4000 },
};

static void check_found(const char *row, const struct map_array *map, struct xdplb_table_ref live,
			const struct xdplb_endpoint *entries, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct xdplb_endpoint *found = endpoint_find(map, live, &entries[i]);
		struct xdplb_endpoint other = entries[i];

		cr_assert(found, "%s: entry %u is not found", row, i);
		cr_assert_eq(found->index, i, "%s: entry %u: index %u", row, i, found->index);
		other.proto = 132;
		cr_assert_null(endpoint_find(map, live, &other), "%s: %u: protocol", row, i);
		other = entries[i];
		other.addr.word[0] ^= htonl(0x80000000);
		cr_assert_null(endpoint_find(map, live, &other), "%s: %u: address", row, i);
		other = entries[i];
		other.family ^= XDPLB_IPV4 ^ XDPLB_IPV6;
		cr_assert_null(endpoint_find(map, live, &other), "%s: %u: family", row, i);
	}
	cr_expect_eq(endpoints_taken(map, live), count, "%s: nothing else", row);
}

/* Builds a table for a declared capacity of `count` entries and looks everything up. */
static int check_table(const char *row, struct xdplb_endpoint *entries, uint32_t count)
{
	uint32_t slots = endpoint_table_slots(count);
	struct map_array map = make_map(slots);
	struct xdplb_table_ref live = { .seed = 0xeeeeeeee };
	int err;

	for (uint32_t i = 0; i < count; i++)
		entries[i].index = i;
	err = endpoint_table_build(entries, count, map.values, slots, &live.seed);
	if (!err)
		check_found(row, &map, live, entries, count);
	for (size_t i = map.length / 2; i < map.length; i++)
		cr_assert_eq(((unsigned char *)map.values)[i], 0xee, "%s: beyond the end", row);
	free(map.values);
	return err;
}

Test(endpoint_table, full_tables)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		struct xdplb_endpoint *entries = calloc(rows[row].count, sizeof(*entries));
		int err;

		for (uint32_t i = 0; i < rows[row].count; i++)
			entries[i] = rows[row].make(i);
		err = check_table(rows[row].row, entries, rows[row].count);
		cr_expect_eq(err, 0, "%s: %d", rows[row].row, err);
		free(entries);
	}
}

/* So many addresses with the same so many ports each, as operators write them. */
static const struct {
	const char *row;
	struct xdplb_endpoint (*make)(uint32_t number, uint16_t port, __u8 proto);
	uint32_t first;
	uint32_t addresses;
	uint16_t port;
	uint16_t ports;
} grid_rows[] = {
	{ "10 IPv4 VIPs x 10 ports", make_ipv4, 0xc0000201, 10, 8000, 10 },
	{ "16 IPv4 VIPs x 16 ports", make_ipv4, 0xc0000200, 16, 8000, 16 },
	{ "32 IPv4 hosts x 32 ports", make_ipv4, 0x0a000001, 32, 9000, 32 },
	{ "100 IPv4 hosts x 100 ports", make_ipv4, 0x0a000001, 100, 8000, 100 },
	{ "254 IPv4 hosts x 8 ports", make_ipv4, 0x0a000001, 254, 80, 8 },
	{ "8 IPv4 VIPs x 254 ports", make_ipv4, 0xc0000201, 8, 8000, 254 },
	{ "10 IPv6 VIPs x 10 ports", make_ipv6, 1, 10, 8000, 10 },
	{ "100 IPv6 hosts x 100 ports", make_ipv6, 1, 100, 8000, 100 },
	{ "254 IPv6 hosts x 8 ports", make_ipv6, 1, 254, 80, 8 },
};

Test(endpoint_table, grids)
{
	for (size_t row = 0; row < sizeof(grid_rows) / sizeof(grid_rows[0]); row++) {
		uint32_t ports = grid_rows[row].ports, count = grid_rows[row].addresses * ports;
		struct xdplb_endpoint *entries = calloc(count, sizeof(*entries));
		int err;

		for (uint32_t i = 0; i < count; i++)
			entries[i] =
				grid_rows[row].make(grid_rows[row].first + i / ports,
						    grid_rows[row].port + i % ports, IPPROTO_TCP);
		err = check_table(grid_rows[row].row, entries, count);
		cr_expect_eq(err, 0, "%s: %d", grid_rows[row].row, err);
		free(entries);
	}
}

Test(endpoint_table, duplicates_over_the_probes_are_refused)
{
	struct xdplb_endpoint entries[XDPLB_ENDPOINT_PROBES + 1], table[16];
	uint32_t seed = 4711;

	for (size_t i = 0; i < XDPLB_ENDPOINT_PROBES + 1; i++)
		entries[i] = make_ipv4(0x0a000001, 80, IPPROTO_TCP);
	cr_expect_eq(endpoint_table_build(entries, XDPLB_ENDPOINT_PROBES + 1, table, 16, &seed),
		     -ENOSPC);
	cr_expect_eq(seed, 4711, "written only on success");
}

/* Full to the last slot or one more than there are. */
Test(endpoint_table, too_many)
{
	struct xdplb_endpoint entries[17], table[16];
	uint32_t seed;

	for (uint32_t i = 0; i < 17; i++)
		entries[i] = hosts_ipv4(i);
	cr_expect_eq(endpoint_table_build(entries, 17, table, 16, &seed), -ENOSPC);
}

Test(endpoint_table, empty)
{
	struct xdplb_endpoint table[16];
	uint32_t seed = 4711;

	memset(table, 0xee, sizeof(table));
	cr_expect_eq(endpoint_table_build(NULL, 0, table, 16, &seed), 0);
	cr_expect_eq(seed, 0);
	cr_expect(all_zero(table, sizeof(table)));
}

/* An entry's search may go round the table's end. */
Test(endpoint_table, wraps_round)
{
	uint32_t wrapped = 0;

	for (uint32_t start = 0; start < 200; start++) {
		struct xdplb_endpoint entries[8];
		struct map_array map = make_map(16);
		struct xdplb_table_ref live = { 0 };

		for (uint32_t i = 0; i < 8; i++) {
			entries[i] = make_ipv4(0x0a000001 + 1000 * start + i, 80, IPPROTO_TCP);
			entries[i].index = i;
		}
		if (!endpoint_table_build(entries, 8, map.values, 16, &live.seed)) {
			check_found("eight of 16", &map, live, entries, 8);
			wrapped += ((struct xdplb_endpoint *)map.values)[15].family &&
				   ((struct xdplb_endpoint *)map.values)[0].family;
		}
		free(map.values);
	}
	cr_expect_gt(wrapped, 10, "tables with both ends taken: %u", wrapped);
}

static const struct {
	uint32_t entries, slots;
} size_rows[] = {
	{ 0, 16 }, { 1, 16 },      { 4, 16 },      { 5, 32 },       { 8, 32 },
	{ 9, 64 }, { 1024, 4096 }, { 1025, 8192 }, { 8192, 32768 }, { 1 << 20, 1 << 22 },
};

Test(endpoint_table, sizes)
{
	for (size_t i = 0; i < sizeof(size_rows) / sizeof(size_rows[0]); i++) {
		uint32_t slots = endpoint_table_slots(size_rows[i].entries);

		cr_expect_eq(slots, size_rows[i].slots, "%u entries: %u slots",
			     size_rows[i].entries, slots);
	}
}
