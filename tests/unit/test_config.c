// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a good cluster file becomes: structures, tags, digests.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "config_file.h"

#define FULL                                                                                      \
	HEAD "tags: {first: 50000, last: 50999, rest: 2h}\n"                                      \
	     "capacities: {services: 3, members: 4, backends: 5, buckets: 4096, flows: 7}\n"      \
	     "nodes:\n"                                                                           \
	     " z: {access: {interfaces: [eth1, eth0], mode: generic}, service: {uplinks: [e]}}\n" \
	     " a: {service: {uplinks: [lan0]}}\n"                                                 \
	     "backends:\n"                                                                        \
	     " w2: {node: z, addresses: ['fd00::2', 10.0.0.2], vnic: v2, netns: blue}\n"          \
	     " w1: {node: a, addresses: [10.0.0.1], netns: /proc/7/ns/net}\n"                     \
	     "services:\n"                                                                        \
	     " t:\n"                                                                              \
	     "  vip: 192.0.2.1\n  port: 80\n  protocol: tcp\n  restore: source\n"                 \
	     "  backend_port: 8080\n"                                                             \
	     "  backends: {w2: {weight: 0, port: 81, tag: 50007}, w1: }\n"                        \
	     " s: {vip: '2001:db8::1', port: 53, protocol: udp, restore: interface,\n"            \
	     "  buckets: 2039, backends: {w2: {weight: 1000}}}\n"

static void load_good(const char *text, struct loaded *loaded)
{
	load_text(text, NULL, loaded);
	cr_assert_eq(loaded->result, 0, "%d: %s", loaded->result, loaded->errors.text);
	cr_expect_str_eq(loaded->errors.text, "");
	cr_expect_eq(loaded->errors.count, 0);
}

static void expect_address(const struct xdplb_addr *addr, __u8 family, const char *expected)
{
	char text[ADDRESS_TEXT_LEN];

	cr_expect_str_eq(address_print(addr, family, text), expected);
}

Test(config, settings_and_nodes)
{
	struct loaded loaded;
	const struct config *config = &loaded.config;

	load_good(FULL, &loaded);
	cr_expect_str_eq(config->cluster, "c");
	cr_expect(strstr(config->key_path, "/k"), "%s", config->key_path);
	cr_expect(config->has_key);
	cr_expect_eq(config->key.word[0], 0x0706050403020100ULL);
	cr_expect_eq(config->key.word[1], 0x0f0e0d0c0b0a0908ULL);
	cr_expect_eq(config->tag_first, 50000);
	cr_expect_eq(config->tag_last, 50999);
	cr_expect_eq(config->tag_rest, 7200);
	cr_expect_eq(config->capacities.services, 3);
	cr_expect_eq(config->capacities.members, 4);
	cr_expect_eq(config->capacities.backends, 5);
	cr_expect_eq(config->capacities.buckets, 4096);
	cr_expect_eq(config->capacities.flows, 7);

	cr_assert_eq(config->node_count, 2);
	cr_expect_str_eq(config->nodes[0].name, "a");
	cr_expect(!config->nodes[0].is_access && config->nodes[0].is_service);
	cr_expect_eq(config->nodes[0].line, 7);
	cr_expect(config->nodes[1].is_access && config->nodes[1].is_service);
	cr_expect_eq(config->nodes[1].mode, CONFIG_XDP_GENERIC);
	cr_expect_eq(config->nodes[1].access_interface_count, 2);
	cr_expect_str_eq(config->nodes[1].access_interfaces[0], "eth0");
	cr_expect_str_eq(config->nodes[1].access_interfaces[1], "eth1");
	cr_expect_eq(config->nodes[1].uplink_count, 1);
	cr_expect_str_eq(config->nodes[1].uplinks[0], "e");
	cr_expect_eq(config_find_node(config, "a"), 0);
	cr_expect_eq(config_find_node(config, "z"), 1);
	cr_expect_eq(config_find_node(config, "b"), -ENOENT);
	loaded_free(&loaded);
}

Test(config, backends_and_services)
{
	struct loaded loaded;
	const struct config_backend *backends;
	const struct config_service *services;
	const struct config_member *members;

	load_good(FULL, &loaded);
	cr_assert_eq(loaded.config.backend_count, 2);
	backends = loaded.config.backends;
	cr_expect_str_eq(backends[0].name, "w1");
	cr_expect_eq(backends[0].node, 0);
	cr_expect(backends[0].has_ipv4 && !backends[0].has_ipv6);
	cr_expect_str_eq(backends[0].netns, "/proc/7/ns/net");
	cr_expect_eq(backends[1].node, 1);
	expect_address(&backends[1].ipv4, XDPLB_IPV4, "10.0.0.2");
	expect_address(&backends[1].ipv6, XDPLB_IPV6, "fd00::2");
	cr_expect_str_eq(backends[1].vnic, "v2");
	cr_expect_str_eq(backends[1].netns, "/run/netns/blue");
	cr_expect_eq(backends[1].line, 9);

	cr_assert_eq(loaded.config.service_count, 2);
	services = loaded.config.services;
	cr_expect_str_eq(services[0].name, "s");
	cr_expect_eq(services[0].family, XDPLB_IPV6);
	cr_expect_eq(services[0].proto, IPPROTO_UDP);
	cr_expect_eq(services[0].restore, XDPLB_RESTORE_INTERFACE);
	cr_expect_eq(services[0].buckets, 2039);
	cr_expect_eq(services[0].members[0].port, htons(53));
	cr_expect_eq(services[0].members[0].weight, 1000);
	expect_address(&services[0].members[0].addr, XDPLB_IPV6, "fd00::2");
	cr_expect_eq(services[1].port, htons(80));
	cr_expect_eq(services[1].buckets, 1021);
	cr_expect_eq(services[1].restore, XDPLB_RESTORE_SOURCE);
	cr_assert_eq(services[1].member_count, 2);
	members = services[1].members;
	cr_expect_eq(members[0].backend, 0);
	cr_expect_eq(members[0].weight, 1);
	cr_expect_eq(members[0].port, htons(8080));
	cr_expect(!members[0].tag_is_set);
	cr_expect_eq(members[0].tag,
		     config_derive_tag(&loaded.config, &services[1], &backends[0].ipv4));
	cr_expect_eq(members[1].backend, 1);
	cr_expect_eq(members[1].weight, 0);
	cr_expect_eq(members[1].port, htons(81));
	cr_expect(members[1].tag_is_set);
	cr_expect_eq(members[1].tag, htons(50007));
	cr_expect_eq(members[1].line, 18);
	loaded_free(&loaded);
}

Test(config, defaults)
{
	struct loaded loaded;
	const struct config *config = &loaded.config;

	load_good(TO_NODES "tags:\ncapacities: {}\nbackends:\nservices:\n", &loaded);
	cr_expect_eq(config->tag_first, 61000);
	cr_expect_eq(config->tag_last, 65535);
	cr_expect_eq(config->tag_rest, 600);
	cr_expect_eq(config->capacities.services, 1024);
	cr_expect_eq(config->capacities.members, 8192);
	cr_expect_eq(config->capacities.backends, 4096);
	cr_expect_eq(config->capacities.buckets, 2097152);
	cr_expect_eq(config->capacities.flows, 262144);
	cr_expect_eq(config->nodes[0].mode, CONFIG_XDP_AUTO);
	loaded_free(&loaded);
}

Test(config, accepted)
{
	static const char *const texts[] = {
		TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], vnic: v}\n"
			    " a: {node: m, addresses: [10.0.0.2], vnic: v}\n",
		TO_SERVICES " s: {" INTERFACE ", backend_port: 80, backends: {b1: {port: 80}}}\n",
		TO_SERVICES " s: {" SOURCE ", backend_port: 62000, backends: {b1: {port: 80}}}\n"
			    "tags: {first: 2000, last: 2000, rest: 24h}\n",
		TO_SERVICES " s: {" SOURCE ", backends: &x {b1: {weight: 2}, b2: }}\n"
			    " t: {" VIP("192.0.2.2", "source") ", backends: *x}\n",
		TO_SERVICES " s: {" SOURCE ", backends: {b1: , b2: }}\n"
			    " t: {vip: 192.0.2.1, port: 80, protocol: udp, restore: source,\n"
			    "  backends: {b1: }}\ncapacities: {services: 2, members: 3, "
			    "backends: 2, buckets: 2048}\n",
		TO_SERVICES " s: {" SOURCE ", buckets: 2, backends: {b1: , b2: }}\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct loaded loaded;

		load_good(texts[i], &loaded);
		loaded_free(&loaded);
	}
}

Test(config, rest)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} rows[] = { { "0", 0 }, { "90", 90 }, { "90s", 90 }, { "2m", 120 }, { "24h", 86400 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct loaded loaded;

		snprintf(text, sizeof(text), TO_NODES "tags: {rest: %s}\n", rows[i].text);
		load_good(text, &loaded);
		cr_expect_eq(loaded.config.tag_rest, rows[i].seconds, "%s", rows[i].text);
		loaded_free(&loaded);
	}
}

/* Pinned numbers: clusters in use would break if a new version derived other tags. */
Test(config, derived_tags_never_change)
{
	static const struct {
		const char *vip;
		const char *addr;
		uint16_t port;
		__u8 proto;
		uint16_t tag;
	} rows[] = {
		{ "192.0.2.1", "10.0.0.1", 80, IPPROTO_TCP, 61909 },
		{ "192.0.2.1", "10.0.0.1", 80, IPPROTO_UDP, 61638 },
		{ "192.0.2.1", "10.0.0.1", 81, IPPROTO_TCP, 64132 },
		{ "192.0.2.1", "10.0.0.2", 80, IPPROTO_TCP, 62255 },
		{ "2001:db8::1", "fd00::1", 80, IPPROTO_TCP, 61294 },
	};
	const struct config config = { .tag_first = 61000, .tag_last = 65535 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_service service = { .port = htons(rows[i].port),
						  .proto = rows[i].proto };
		struct xdplb_addr addr;
		__be16 tag;

		address_parse(rows[i].vip, &service.vip, &service.family);
		address_parse(rows[i].addr, &addr, &service.family);
		tag = config_derive_tag(&config, &service, &addr);
		cr_expect_eq(ntohs(tag), rows[i].tag, "row %zu: %u", i, ntohs(tag));
	}
}

Test(config, default_buckets)
{
	static const struct {
		size_t members;
		uint32_t buckets;
	} rows[] = { { 0, 1021 },   { 10, 1021 },       { 11, 2039 },       { 81, 8191 },
		     { 82, 16381 }, { 10485, 1048573 }, { 10486, 1048573 }, { 1U << 20, 1048573 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(config_default_buckets(rows[i].members), rows[i].buckets, "%zu: %u",
			     rows[i].members, config_default_buckets(rows[i].members));
}

#define HASHED(nodes, rest) HEAD "nodes:\n" nodes "tags: {rest: " rest "}\n" BACKENDS "services:\n"
#define NODE_A              " a: {access: {interfaces: [eth0, eth1]}}\n"
#define NODE_N              " n: {service: {uplinks: [eth0]}}\n"
#define NODE_M              " m: {service: {uplinks: [eth0]}}\n"
#define HASHED_S(values)    " s: {" SOURCE ", backends: " values "}\n"
#define HASHED_BASE         HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{b1: , b2: }")

Test(config, hash)
{
	static const struct {
		const char *what;
		const char *text;
		bool equal;
	} rows[] = {
		{ "the same", HASHED_BASE, true },
		{ "nodes in another order",
		  HASHED(NODE_M NODE_N NODE_A, "60") HASHED_S("{b1: , b2: }"), true },
		{ "interfaces in another order",
		  HASHED(" a: {access: {interfaces: [eth1, eth0]}}\n" NODE_N NODE_M, "60")
			  HASHED_S("{b1: , b2: }"),
		  true },
		{ "backends in another order",
		  HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{b2: , b1: }"), true },
		{ "comments, layout, defaults said aloud",
		  "# x\n" HASHED(NODE_A NODE_N NODE_M, "1m")
			  HASHED_S("{\n   b1: {weight: 1},\n   b2: {port: 80}}") "# y\n",
		  true },
		{ "another weight",
		  HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{b1: {weight: 2}, b2: }"), false },
		{ "another rest", HASHED(NODE_A NODE_N NODE_M, "61") HASHED_S("{b1: , b2: }"),
		  false },
		{ "pings answered, said aloud",
		  HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{b1: , b2: }") "echo: yes\n", true },
		{ "pings not answered",
		  HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{b1: , b2: }") "echo: no\n", false },
		{ "a node more",
		  HASHED(NODE_A NODE_N NODE_M " x: {access: {interfaces: [e]}}\n", "60")
			  HASHED_S("{b1: , b2: }"),
		  false },
		{ "an interface less",
		  HASHED(" a: {access: {interfaces: [eth0]}}\n" NODE_N NODE_M, "60")
			  HASHED_S("{b1: , b2: }"),
		  false },
	};
	struct loaded base;
	uint64_t hash;

	load_good(HASHED_BASE, &base);
	hash = config_hash(&base.config);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded loaded;

		load_good(rows[i].text, &loaded);
		cr_expect_eq(config_hash(&loaded.config) == hash, rows[i].equal, "%s",
			     rows[i].what);
		loaded_free(&loaded);
	}
	loaded_free(&base);
}

static uint64_t hash_of(const char *text)
{
	struct loaded loaded;
	uint64_t hash;

	load_good(text, &loaded);
	hash = config_hash(&loaded.config);
	loaded_free(&loaded);
	return hash;
}

/* Which backend it is, its port and its tag, whatever they are: each row is another file. */
Test(config, hash_of_members)
{
#define HASHED_MEMBER(member) HASHED(NODE_A NODE_N NODE_M, "60") HASHED_S("{" member "}")
	static const char *const texts[] = {
		HASHED_MEMBER("b1: {port: 80, tag: 61001}"),
		HASHED_MEMBER("b2: {port: 80, tag: 61001}"),
		HASHED_MEMBER("b1: {port: 81, tag: 61001}"),
		HASHED_MEMBER("b1: {port: 80, tag: 61002}"),
		HASHED_MEMBER("b1: {port: 32768, tag: 61001}"),
		HASHED_MEMBER("b2: {port: 32768, tag: 61001}"),
		HASHED_MEMBER("b1: {port: 60999, tag: 61001}"),
		HASHED_MEMBER("b2: {port: 60999, tag: 61001}"),
		HASHED_MEMBER("b1: {port: 80, tag: 61001, weight: 2}"),
		HASHED_MEMBER("b1: {port: 80, tag: 61001}, b2: {port: 80, tag: 61002}"),
		HASHED_MEMBER("b2: {port: 80, tag: 61001}, b1: {port: 80, tag: 61002}"),
	};
	size_t count = sizeof(texts) / sizeof(texts[0]);

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(hash_of(texts[i]), hash_of(texts[j]), "%zu and %zu", i, j);
}
