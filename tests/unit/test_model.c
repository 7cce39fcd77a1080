// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp beside its reference model: packets made up and then spoiled at random, through both. The
 * environment may say how many (FUZZ_PACKETS) and which (FUZZ_SEED); `make fuzz-datapath` does.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "model_parse.h"
#include "node_setup.h"

TestSuite(model);

#define IN_IFINDEX       1
#define OTHER_IFINDEX    7
#define SERVICES         8
#define MEMBERS          4 /* of each service */
#define BUCKETS          61
#define BUCKETS_OF       64 /* numbers from one service's first bucket to the next one's */
#define PACKETS          40000
#define PACKETS_A_WORLD  2000
#define DIFFERENCES_MOST 5

struct fuzz {
	struct lb_setup lb;
	struct model_world model;
	struct model_service services[SERVICES];
	uint64_t random;
	int cpus;
	__u64 *counts; /* of every CPU */
	__u64 drops[XDPLB_COUNTERS_CAPACITY]; /* as last read */
	unsigned long seen[XDP_REDIRECT + 1], told, packets;
	unsigned long reasons[XDPLB_DROP_COUNT];
	int differences;
};

/* xorshift64*: the same numbers everywhere. */
static uint32_t draw(struct fuzz *fuzz, uint32_t below)
{
	fuzz->random ^= fuzz->random >> 12;
	fuzz->random ^= fuzz->random << 25;
	fuzz->random ^= fuzz->random >> 27;
	return (fuzz->random * 0x2545f4914f6cdd1dULL >> 32) * below >> 32;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- the world ---- */

/* One of a few clients, so that lists have clients on either side. */
static struct xdplb_addr client(__u8 family, uint32_t number)
{
	struct xdplb_addr addr = setup_addrs(family)->client;

	addr.word[family == XDPLB_IPV4 ? 0 : 3] ^= htonl(number);
	return addr;
}

static void make_member(struct fuzz *fuzz, __u32 service, __u32 number)
{
	struct model_service *wanted = &fuzz->services[service];
	struct model_member *member = &wanted->members[number];
	struct setup_member entry = setup_member(wanted->family, wanted->proto, IN_IFINDEX);
	__u32 index = service * MEMBERS + number;

	*member = (struct model_member){
		.addr = setup_addrs(wanted->family)->backends[draw(fuzz, 3)],
		.tag = htons(SETUP_TAG_FIRST + draw(fuzz, 999)),
		.confirmed = draw(fuzz, 4) != 0,
		.healthy = draw(fuzz, 3) != 0,
		.weight = draw(fuzz, 3) ? 0 : 1 + draw(fuzz, 100),
		.dmac = { 2, 1, service, number, 0, draw(fuzz, 256) },
		.ifindex = draw(fuzz, 4) ? IN_IFINDEX : OTHER_IFINDEX,
	};
	memcpy(member->smac, setup_lb_mac, 6);
	entry.service = service;
	entry.vip.port = ntohs(wanted->port);
	entry.to.addr = member->addr;
	entry.to.port = ntohs(member->tag);
	memcpy(entry.to.mac, member->dmac, 6);
	entry.ifindex = member->ifindex;
	entry.health = index;
	lb_setup_member(&fuzz->lb, index, &entry);
	lb_setup_confirm(&fuzz->lb, index, member->confirmed);
	lb_setup_weighted(&fuzz->lb, index, member->weight,
			  member->healthy ? XDPLB_HEALTH_UP : XDPLB_HEALTH_DOWN);
}

/* The list of every version in turn, and the other version with what it must not be taken for. */
static void make_list(struct fuzz *fuzz, __u32 index)
{
	struct model_service *service = &fuzz->services[index];
	int map = bpf_map__fd(fuzz->lb.skel->maps.sources);
	const __u32 value = 1;

	for (__u32 i = 0; i < MODEL_PREFIXES; i++) {
		struct xdplb_source_key key = {
			.prefix_len = XDPLB_SOURCE_KEY_BITS +
				      (service->family == XDPLB_IPV4 ? 32 : 128) - i,
			.service = index,
			.version = !!(service->flags & XDPLB_SERVICE_SOURCES_B),
			.family = service->family,
			.addr = client(service->family, 1U << (i + 2)),
		};

		/* Clear what lies behind the prefix. */
		key.addr.word[service->family == XDPLB_IPV4 ? 0 : 3] &= htonl(~0U << i);
		cr_assert_eq(bpf_map_update_elem(map, &key, &value, BPF_ANY), 0);
		service->prefixes[i] =
			(struct model_prefix){ .addr = key.addr,
					       .bits = key.prefix_len - XDPLB_SOURCE_KEY_BITS };
	}
	service->prefix_count = MODEL_PREFIXES;
}

static void make_service(struct fuzz *fuzz, __u32 index)
{
	static const __u32 lists[] = { 0, 0, XDPLB_SERVICE_SOURCES_ALLOWED,
				       XDPLB_SERVICE_SOURCES_DENIED };
	struct model_service *service = &fuzz->services[index];
	struct xdplb_service entry = { .first_member = XDPLB_NO_MEMBER };

	*service = (struct model_service){
		.family = setup_families[index & 1],
		.proto = setup_protos[index >> 1 & 1],
		.port = htons(VIP_PORT + (index >> 2)),
		.vip = setup_addrs(setup_families[index & 1])->vips[0],
		.flags = draw(fuzz, 16) | lists[draw(fuzz, 4)] |
			 (draw(fuzz, 2) ? XDPLB_SERVICE_SOURCES_B : 0),
		.member_count = MEMBERS,
		.buckets = draw(fuzz, 16) ? BUCKETS : 0,
	};
	for (__u32 i = 0; i < MEMBERS; i++)
		make_member(fuzz, index, i);
	make_list(fuzz, index);
	entry.buckets = (struct xdplb_bucket_ref){ index * BUCKETS_OF, service->buckets };
	entry.flags = service->flags;
	lb_setup_service_as(&fuzz->lb, index, &entry);
	lb_setup_chain(&fuzz->lb, index, index * MEMBERS, MEMBERS);
}

static void empty_lists(struct fuzz *fuzz)
{
	int map = bpf_map__fd(fuzz->lb.skel->maps.sources);
	struct xdplb_source_key key;

	while (!bpf_map_get_next_key(map, NULL, &key))
		cr_assert_eq(bpf_map_delete_elem(map, &key), 0);
}

static void make_world(struct fuzz *fuzz)
{
	empty_lists(fuzz);
	for (__u32 i = 0; i < SERVICES; i++)
		make_service(fuzz, i);
}

static void open_fuzz(struct fuzz *fuzz)
{
	const struct lb_setup_options options = { .members = SERVICES * MEMBERS,
						  .resets_at_once = 1ULL << 40,
						  .answers_at_once = 1ULL << 40 };

	*fuzz = (struct fuzz){ .random = number_from("FUZZ_SEED", 1) ?: 1,
			       .cpus = libbpf_num_possible_cpus() };
	fuzz->random *= 0x9e3779b97f4a7c15ULL;
	fuzz->counts = calloc(fuzz->cpus * XDPLB_COUNTERS_CAPACITY, sizeof(*fuzz->counts));
	cr_assert_not_null(fuzz->counts);
	lb_setup_open_as(&fuzz->lb, &options);
	for (__u32 i = 0; i < SERVICES; i++) {
		__u8 family = setup_families[i & 1];
		struct setup_endpoint vip = { setup_addrs(family)->vips[0], VIP_PORT + (i >> 2),
					      setup_protos[i >> 1 & 1], family, i };

		lb_setup_vip(&fuzz->lb, &vip);
		vip = (struct setup_endpoint){ vip.addr, 0, 0, family, XDPLB_INDEX_ADDRESS };
		if (i < 2)
			lb_setup_vip(&fuzz->lb, &vip);
		for (__u32 bucket = 0; bucket < BUCKETS; bucket++)
			lb_setup_bucket(&fuzz->lb, i * BUCKETS_OF + bucket,
					i * MEMBERS + bucket % MEMBERS);
	}
	fuzz->model = (struct model_world){ .key = { SETUP_KEY0, SETUP_KEY1 },
					    .ifindex = IN_IFINDEX,
					    .services = fuzz->services,
					    .service_count = SERVICES };
}

/* ---- packets ---- */

static __u8 draw_proto(struct fuzz *fuzz, __u8 family)
{
	static const __u8 others[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, 132, 47, 0, 43, 44, 60 };

	if (draw(fuzz, 8))
		return setup_protos[draw(fuzz, 2)];
	if (draw(fuzz, 2))
		return family == XDPLB_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return others[draw(fuzz, sizeof(others))];
}

static struct packet_spec draw_spec(struct fuzz *fuzz)
{
	static const __u8 types[] = { 8, 128, 3, 11, 1, 2, 0, 129, 135 };
	static const __u8 headers[] = { EXT_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
					IPPROTO_FRAGMENT };
	__u8 family = setup_families[draw(fuzz, 2)];
	struct packet_spec spec = setup_spec(family, draw_proto(fuzz, family));

	spec.source.addr = client(family, draw(fuzz, 64));
	spec.source.port = draw(fuzz, 65536);
	spec.dest.port = VIP_PORT + (draw(fuzz, 8) ? draw(fuzz, 2) : 2);
	if (!draw(fuzz, 16))
		spec.dest.addr = setup_addrs(family)->stranger;
	spec.ttl = draw(fuzz, 16) ? 2 + draw(fuzz, 254) : draw(fuzz, 2);
	spec.tos = draw(fuzz, 256);
	spec.id = draw(fuzz, 65536);
	spec.flow_label = draw(fuzz, 1 << 20);
	spec.frag_off = draw(fuzz, 2) ? IP_FLAG_DF : 0;
	if (family == XDPLB_IPV6)
		spec.frag_off = 0;
	spec.ip_options = draw(fuzz, 4) ? 0 : 4 * draw(fuzz, 11);
	spec.vlan_tags = draw(fuzz, 4) ? 0 : draw(fuzz, 3);
	if (family == XDPLB_IPV6 && !draw(fuzz, 4)) {
		spec.ext_header = headers[draw(fuzz, sizeof(headers) - 1)];
		spec.ext_more = draw(fuzz, 5);
	}
	spec.tcp_flags = draw(fuzz, 256);
	spec.tcp_options = draw(fuzz, 2) ? 0 : 4 * draw(fuzz, 11);
	spec.no_checksum = !draw(fuzz, 4);
	spec.icmp_type = types[draw(fuzz, sizeof(types))];
	spec.payload_len = draw(fuzz, 200);
	spec.seed = draw(fuzz, ~0U);
	return spec;
}

/* One fault, mostly in the headers; the frame keeps its 14 bytes. */
static void spoil(struct fuzz *fuzz, struct test_packet *packet)
{
	size_t most = packet->len < 100 ? packet->len : 100;

	switch (draw(fuzz, 6)) {
	case 0:
		packet->data[draw(fuzz, most)] ^= 1 << draw(fuzz, 8);
		break;
	case 1:
		packet->data[draw(fuzz, most)] = draw(fuzz, 256);
		break;
	case 2: /* its end is missing */
		packet->len = 14 + draw(fuzz, packet->len - 13);
		break;
	case 3: /* padding */
		memset(packet->data + packet->len, draw(fuzz, 256), 64);
		packet->len += draw(fuzz, 64);
		break;
	case 4: /* lengths, version, first extension header: where nearly all depends on a byte */
		packet->data[packet_l3_offset(packet) % most] = draw(fuzz, 256);
		break;
	default:
		packet->data[(packet_l3_offset(packet) + draw(fuzz, 8)) % packet->len] =
			draw(fuzz, 256);
	}
}

/* ---- comparing ---- */

/* The reason that was counted since the last look; NO_DROP: none; -2: more than one. */
static int read_drop(struct fuzz *fuzz)
{
	__u32 zero = 0;
	int drop = NO_DROP;

	cr_assert_eq(bpf_map_lookup_elem(fuzz->lb.counters.drops, &zero, fuzz->counts), 0);
	for (int i = 0; i < XDPLB_DROP_COUNT; i++) {
		__u64 sum = 0;

		for (int cpu = 0; cpu < fuzz->cpus; cpu++)
			sum += fuzz->counts[cpu * XDPLB_COUNTERS_CAPACITY + i];
		if (sum != fuzz->drops[i])
			drop = drop == NO_DROP && sum == fuzz->drops[i] + 1 ? i : -2;
		fuzz->drops[i] = sum;
	}
	return drop;
}

/* NULL: as the model says. */
static const char *judge(const struct test_packet *in, const struct model_result *want,
			 const struct run_result *got, int drop)
{
	struct test_packet settled;
	struct model_parsed parsed;

	if (!(want->verdicts >> got->verdict & 1))
		return "the verdict";
	if (got->verdict == XDP_DROP)
		return drop >= 0 && want->drops >> drop & 1 ? NULL : "the reason";
	if (drop != NO_DROP)
		return "a drop was counted";
	if (want->told == MODEL_BYTES)
		return model_same(&want->packet, &got->packet) ? NULL : "the bytes";
	model_parse(in, &parsed);
	/* The mark of fragments lies in a checksum. */
	if (got->verdict == XDP_PASS || parsed.kind == MODEL_FRAGMENT || packet_fault(in))
		return NULL;
	/* 0xffff and 0 are one sum to who verifies it, and two to packet_fault(). */
	settled = got->packet;
	if (parsed.kind == MODEL_ICMP)
		memset(settled.data + parsed.l4 + 2, 0, 2);
	return packet_fault(&got->packet) && packet_fault(&settled) ? packet_fault(&got->packet)
								    : NULL;
}

/* packet_diff() keeps one text at a time, and against an empty packet it is a dump. */
static void show(const struct fuzz *fuzz, const char *wrong, const struct test_packet *in,
		 const struct model_result *want, const struct run_result *got, int drop)
{
	static const struct test_packet empty;

	cr_expect(false, "packet %lu: %s: verdict %d of %#x, drop %d of %#llx, came in:\n%s",
		  fuzz->packets, wrong, got->verdict, want->verdicts, drop,
		  (unsigned long long)want->drops, packet_diff(in, &empty));
	cr_expect(false, "came out:\n%s",
		  packet_diff(want->told == MODEL_BYTES ? &want->packet : &empty, &got->packet));
}

static void meet(struct fuzz *fuzz, const struct test_packet *in)
{
	struct model_result want;
	struct run_result got;
	const char *wrong;
	int drop;

	cr_assert_eq(prog_run(fuzz->lb.skel->progs.lb_xdp, in, 0, &got), 0);
	drop = read_drop(fuzz);
	model_run(&fuzz->model, in, &want);
	wrong = judge(in, &want, &got, drop);
	fuzz->packets++;
	fuzz->seen[got.verdict]++;
	fuzz->told += want.told == MODEL_BYTES || got.verdict == XDP_DROP;
	if (drop >= 0)
		fuzz->reasons[drop]++;
	if (!wrong)
		return;
	fuzz->differences++;
	show(fuzz, wrong, in, &want, &got, drop);
}

/* What was never met was not compared. */
static void check_reach(const struct fuzz *fuzz)
{
	static const enum xdplb_drop wanted[] = {
		XDPLB_DROP_TRUNCATED, XDPLB_DROP_EXTENSIONS,       XDPLB_DROP_SOURCE_DENIED,
		XDPLB_DROP_NO_MEMBER, XDPLB_DROP_NO_USABLE_MEMBER, XDPLB_DROP_FRAGMENT_UNKNOWN,
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		cr_expect_gt(fuzz->reasons[wanted[i]], 0, "no drop for reason %d", wanted[i]);
	for (int i = XDP_DROP; i <= XDP_REDIRECT; i++)
		cr_expect_gt(fuzz->seen[i], fuzz->packets / 200, "verdict %d: %lu times", i,
			     fuzz->seen[i]);
	cr_expect_gt(fuzz->told, fuzz->packets / 10 * 8);
}

Test(model, agrees)
{
	uint64_t packets = number_from("FUZZ_PACKETS", PACKETS);
	struct test_packet packet;
	struct fuzz fuzz;

	open_fuzz(&fuzz);
	while (fuzz.packets < packets && fuzz.differences < DIFFERENCES_MOST) {
		struct packet_spec spec = draw_spec(&fuzz);

		if (fuzz.packets % PACKETS_A_WORLD == 0)
			make_world(&fuzz);
		packet_build(&spec, &packet);
		for (uint32_t faults = draw(&fuzz, 2) * draw(&fuzz, 4); faults; faults--)
			spoil(&fuzz, &packet);
		meet(&fuzz, &packet);
	}
	if (!fuzz.differences)
		check_reach(&fuzz);
	printf("model: %lu packets, %lu told to the byte, %lu passed, %lu sent, %lu redirected\n",
	       fuzz.packets, fuzz.told, fuzz.seen[XDP_PASS], fuzz.seen[XDP_TX],
	       fuzz.seen[XDP_REDIRECT]);
	free(fuzz.counts);
	lb_setup_close(&fuzz.lb);
}
