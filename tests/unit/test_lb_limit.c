// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp, services that limit how many flows a source opens: which packets are counted, whose they are, and
 * that what has been spent comes back.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>
#include <time.h>

#include "lb_world.h"
#include "tables/access_limit.h"
#include "xdplb/source_limit.h"

TestSuite(lb_limit);

#define MEMBERS 4
#define BUCKETS 251
#define LINES   64
#define BURST   5

static const struct lb_setup_options options = { .members = MEMBERS, .cache_lines = LINES };

static void open_world(struct lb_world *world, int kind, const struct config_limit *limit)
{
	struct xdplb_source_limit element;
	__u32 index = LB_SERVICE;

	lb_world_open(world, setup_families[kind / 2], setup_protos[kind % 2], &options);
	lb_world_deal(world, NULL, BUCKETS, MEMBERS);
	lb_world_serve(world, BUCKETS,
		       XDPLB_SERVICE_LIMIT |
			       (world->proto == IPPROTO_UDP ? XDPLB_SERVICE_CACHE : 0));
	element = access_limit_make(world->family, limit);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(world->lb.skel->maps.source_limits), &index,
					 &element, BPF_ANY),
		     0);
}

/* So slow that nothing comes back while a test runs. */
static struct config_limit slow_limit(__u8 family)
{
	return (struct config_limit){ .connections = 1,
				      .seconds = 60,
				      .burst = BURST,
				      .prefix = family == XDPLB_IPV4 ? 32 : 64 };
}

/* A new flow of the client with this number in its network. */
static struct packet_spec opening(struct lb_world *world, __u32 client, __u16 port)
{
	struct packet_spec spec = lb_world_flow(world, port);

	/* The last bits of the address, and those behind an IPv6 customer's prefix. */
	spec.source.addr.word[world->family == XDPLB_IPV4 ? 0 : 1] ^= htonl(client);
	spec.tcp_flags = TCP_SYN;
	return spec;
}

/* How many of so many new flows of a client are let in. */
static __u32 let_in(struct lb_world *world, __u32 client, __u16 first_port, __u32 count)
{
	__u32 passed = 0;

	for (__u32 i = 0; i < count; i++) {
		struct packet_spec spec = opening(world, client, (__u16)(first_port + i));

		passed += lb_world_run(world, &spec) >= 0;
	}
	return passed;
}

Test(lb_limit, of_each_source)
{
	for (int kind = 0; kind < 4; kind++) {
		struct config_limit limit = slow_limit(setup_families[kind / 2]);
		struct packet_spec spec;
		struct lb_world world;

		open_world(&world, kind, &limit);
		cr_expect_eq(let_in(&world, 0, 1000, BURST + 7), BURST, "kind %d", kind);
		spec = opening(&world, 0, 2000);
		lb_world_check("one too many", &world, &spec, XDPLB_DROP_SOURCE_LIMIT, 0);
		cr_expect_eq(let_in(&world, 1, 1000, BURST + 7), BURST, "kind %d", kind);
		/* What is open goes on: TCP by its flags, UDP since it is remembered. */
		spec = opening(&world, 0, world.proto == IPPROTO_TCP ? 3000 : 1000);
		spec.tcp_flags = TCP_ACK;
		for (int i = 0; i < 3 * BURST; i++)
			cr_expect_geq(lb_world_run(&world, &spec), 0, "kind %d", kind);
		lb_world_close(&world);
	}
}

/* Clients of one prefix share; over IPv6 what lies behind its 64 bits makes no other client. */
Test(lb_limit, prefixes)
{
	for (int kind = 0; kind < 4; kind++) {
		struct config_limit limit = slow_limit(setup_families[kind / 2]);
		struct packet_spec spec;
		struct lb_world world;

		limit.prefix -= 4;
		open_world(&world, kind, &limit);
		cr_expect_eq(let_in(&world, 3, 1000, 3) + let_in(&world, 5, 2000, BURST), BURST,
			     "kind %d", kind);
		cr_expect_eq(let_in(&world, 16, 1000, BURST + 1), BURST, "kind %d", kind);
		if (world.family == XDPLB_IPV6) {
			spec = opening(&world, 16, 3000);
			spec.source.addr.word[3] ^= htonl(77);
			cr_expect_eq(lb_world_run(&world, &spec), LB_DROPPED, "kind %d", kind);
		}
		lb_world_close(&world);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* At 100 a second the first comes back soon, and never more than the rate allows. */
Test(lb_limit, comes_back)
{
	const struct config_limit limit = {
		.connections = 100, .seconds = 1, .burst = BURST, .prefix = 32
	};
	struct lb_world world;
	__u32 passed = 0;
	double began, passes_at;

	open_world(&world, 0, &limit);
	began = seconds();
	for (__u16 port = 1000; passed < BURST + 10; port = port < 50000 ? port + 1 : 1000)
		passed += let_in(&world, 0, port, 1);
	passes_at = seconds() - began;
	/* Ten more than at once: not before a tenth of a second, by the clock that the program reads. */
	cr_expect_geq(passes_at, 0.099, "after %.3f s", passes_at);
	lb_world_close(&world);
}

/* A flood from ever new sources lets no source that is at its limit open more. */
Test(lb_limit, flood_of_sources)
{
	struct config_limit limit = slow_limit(XDPLB_IPV4);
	struct lb_world world;
	__u32 again;

	open_world(&world, 0, &limit);
	cr_expect_eq(let_in(&world, 0, 1000, BURST + 1), BURST);
	for (__u32 client = 1; client < 300000; client++)
		let_in(&world, client, 1000, 1);
	again = let_in(&world, 0, 2000, BURST);
	cr_expect_eq(again, 0, "%u more", again);
	lb_world_close(&world);
}

/* A limit that is not there, as in a node where the map was made after the flags, limits nothing. */
Test(lb_limit, no_limit)
{
	const struct config_limit limit = slow_limit(XDPLB_IPV4);
	const struct xdplb_source_limit none = { 0 };
	__u32 index = LB_SERVICE;
	struct lb_world world;

	open_world(&world, 0, &limit);
	bpf_map_update_elem(bpf_map__fd(world.lb.skel->maps.source_limits), &index, &none, BPF_ANY);
	cr_expect_eq(let_in(&world, 0, 1000, 3 * BURST), 3 * BURST);
	lb_world_close(&world);
}

/* Rates in ticks of the map's clock. */
Test(lb_limit, ticks)
{
	static const struct {
		struct config_limit limit;
		__u32 interval, tolerance;
	} rows[] = {
		{ { 1, 1, 1, 32 }, 976562, 0 },
		{ { 10, 1, 11, 32 }, 97656, 976560 },
		{ { 10000, 1, 10000, 32 }, 98, 979902 },
		{ { 1, 60, 60, 32 }, 58593720, 3457029480 },
		{ { 600000, 60, 1, 32 }, 98, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xdplb_source_limit got = access_limit_make(XDPLB_IPV4, &rows[i].limit);

		cr_expect_eq(got.interval, rows[i].interval, "row %zu: %u", i, got.interval);
		cr_expect_eq(got.tolerance, rows[i].tolerance, "row %zu: %u", i, got.tolerance);
		cr_expect_eq(got.mask.word[0], 0xffffffff);
		cr_expect_eq(got.mask.word[1], 0);
	}
}
