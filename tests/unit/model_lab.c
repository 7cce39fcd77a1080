// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The maps of lb_xdp and the model's tables, with the same in both.
 */
#include "model_lab.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

#define OTHER_IFINDEX 7
#define BUCKETS_OF    64 /* numbers from one service's first bucket to the next one's */
#define PLENTY        (1ULL << 40)
#define FIRST_ID      0xa9007700 /* a server id that has a zero */
#define QUIC_CONFIG   5

/*
 * Services of one port come first, two of each kind (family and protocol), then those of many, two of each kind: the
 * ranges of a VIP, the narrower one first. They touch ports of the others, each other, and one the end of all.
 */
#define KINDS         4
#define FIRST_OF_MANY (2 * KINDS)

static const struct {
	__u16 first, last;
} ranges[2][KINDS] = {
	{ { 78, 90 }, { 82, 82 }, { 79, 81 }, { 1000, 1003 } },
	{ { 1, 65535 }, { 81, 40000 }, { 1000, 65535 }, { 1, 1003 } },
};

/* Members 0 to 2 have the table; number 3 has one bucket, number 4 none: only the last search finds it. */
#define RARE_MEMBER   3
#define RARE_BUCKET   60
#define NOBODY_BUCKET 17 /* names no member */
#define ABSENT_BUCKET 23 /* names one that is not there */

static struct xdplb_health draw_health(struct model_lab *lab, bool is_dead)
{
	static const __u8 states[] = {
		XDPLB_HEALTH_UP,      XDPLB_HEALTH_UP,          XDPLB_HEALTH_UP,
		XDPLB_HEALTH_UNKNOWN, XDPLB_HEALTH_UNKNOWN,     XDPLB_HEALTH_DRAINING,
		XDPLB_HEALTH_DOWN,    XDPLB_HEALTH_MAINTENANCE, 200
	};
	static const __u64 leases[] = { 0, 0, 1, ~0ULL };
	struct xdplb_health health = { .state = XDPLB_HEALTH_DOWN };

	if (is_dead)
		return health;
	health.state = states[fuzz_draw(&lab->fuzz, sizeof(states))];
	health.cause = fuzz_draw(&lab->fuzz, 2) ? XDPLB_CAUSE_SERVER : XDPLB_CAUSE_OK;
	health.weight = fuzz_draw(&lab->fuzz, 2) ? 0 : fuzz_draw(&lab->fuzz, 120);
	health.reported = states[fuzz_draw(&lab->fuzz, sizeof(states))];
	health.reported_weight = fuzz_draw(&lab->fuzz, 2) ? 0 : fuzz_draw(&lab->fuzz, 120);
	health.lease = leases[fuzz_draw(&lab->fuzz, 4)];
	return health;
}

static __u32 draw_mtu(struct model_lab *lab)
{
	return fuzz_draw(&lab->fuzz, 4)   ? 0
	       : fuzz_draw(&lab->fuzz, 2) ? 60 + fuzz_draw(&lab->fuzz, 300)
					  : 1280;
}

static void make_usable(struct model_lab *lab, struct model_member *member, bool is_dead)
{
	member->confirmed = fuzz_draw(&lab->fuzz, 4) != 0;
	member->health = draw_health(lab, is_dead);
	lb_setup_confirm(&lab->lb, member->index, member->confirmed);
	lb_setup_target(&lab->lb, member->index, &member->health);
}

static void make_member(struct model_lab *lab, __u32 service, __u32 number, bool is_dead)
{
	struct model_service *wanted = &lab->services[service];
	struct model_member *member = &wanted->members[number];
	struct setup_member entry = setup_member(wanted->family, wanted->proto, LAB_IFINDEX);
	__u32 index = service * LAB_MEMBERS + number;

	*member = (struct model_member){
		.addr = setup_addrs(wanted->family)->backends[fuzz_draw(&lab->fuzz, 3)],
		.tag = htons(SETUP_TAG_FIRST + fuzz_draw(&lab->fuzz, 999)),
		.keeps_port = wanted->last_port,
		.dmac = { 2, 1, service, number, 0, fuzz_draw(&lab->fuzz, 256) },
		.ifindex = fuzz_draw(&lab->fuzz, 4) ? LAB_IFINDEX : OTHER_IFINDEX,
		.mtu = draw_mtu(lab),
		.index = index,
	};
	memcpy(member->smac, setup_lb_mac, 6);
	entry.service = service;
	entry.vip = (struct packet_end){ wanted->vip, ntohs(wanted->port) };
	entry.to.addr = member->addr;
	entry.to.port = ntohs(member->tag);
	entry.keeps_port = member->keeps_port;
	memcpy(entry.to.mac, member->dmac, 6);
	entry.ifindex = member->ifindex;
	entry.health = index;
	/* Of those that the last search may meet one has weight: no choice is left to it. */
	entry.weight = member->weight = number <= RARE_MEMBER;
	lb_setup_member(&lab->lb, index, &entry);
	lb_setup_mtu(&lab->lb, index, member->mtu);
	make_usable(lab, member, is_dead);
}

/* The version of the list that is live; the other one has what it must not be taken for. */
static void make_list(struct model_lab *lab, __u32 index)
{
	struct model_service *service = &lab->services[index];
	int map = bpf_map__fd(lab->lb.skel->maps.sources);
	__u32 word = service->family == XDPLB_IPV4 ? 0 : 3;
	const __u32 value = 1;

	for (__u32 i = 0; i < MODEL_PREFIXES; i++) {
		struct xdplb_source_key key = {
			.prefix_len = XDPLB_SOURCE_KEY_BITS + 32 * (word + 1) - i,
			.service = index,
			.version = !!(service->flags & XDPLB_SERVICE_SOURCES_B),
			.family = service->family,
			.addr = setup_addrs(service->family)->client,
		};

		key.addr.word[word] ^= htonl(1U << (i + 2));
		/* Clear what lies behind the prefix. */
		key.addr.word[word] &= htonl(~0U << i);
		service->prefixes[i] =
			(struct model_prefix){ .addr = key.addr,
					       .bits = key.prefix_len - XDPLB_SOURCE_KEY_BITS };
		cr_assert_eq(bpf_map_update_elem(map, &key, &value, BPF_ANY), 0);
		key.addr.word[word] ^= htonl(1U << i);
		key.version = !key.version;
		cr_assert_eq(bpf_map_update_elem(map, &key, &value, BPF_ANY), 0);
	}
	service->prefix_count = MODEL_PREFIXES;
}

/* Forgets, too, that no member was usable. */
static void write_service(struct model_lab *lab, __u32 index)
{
	const struct model_service *service = &lab->services[index];

	lb_setup_service_as(
		&lab->lb, index,
		&(struct xdplb_service){ .buckets = { index * BUCKETS_OF, service->buckets },
					 .flags = service->flags,
					 .first_member = index * LAB_MEMBERS });
}

static void make_service(struct model_lab *lab, __u32 index)
{
	static const __u32 lists[] = { 0, 0, XDPLB_SERVICE_SOURCES_ALLOWED,
				       XDPLB_SERVICE_SOURCES_DENIED };
	struct model_service *service = &lab->services[index];
	bool is_dead = !fuzz_draw(&lab->fuzz, 4);

	service->flags = fuzz_draw(&lab->fuzz, XDPLB_PLAIN_FLAGS + 1);
	if (fuzz_draw(&lab->fuzz, 4))
		service->flags |= lists[fuzz_draw(&lab->fuzz, 4)] |
				  fuzz_draw(&lab->fuzz, 2) * XDPLB_SERVICE_BY_SOURCE |
				  fuzz_draw(&lab->fuzz, 2) * XDPLB_SERVICE_SOURCES_B |
				  lab_draw_particulars(lab, index);
	service->member_count = LAB_MEMBERS;
	service->table = lab->table;
	service->buckets = fuzz_draw(&lab->fuzz, 16) ? LAB_BUCKETS : 0;
	for (__u32 i = 0; i < LAB_MEMBERS; i++)
		make_member(lab, index, i, is_dead);
	make_list(lab, index);
	write_service(lab, index);
	lb_setup_chain(&lab->lb, index, index * LAB_MEMBERS, LAB_MEMBERS);
}

void lab_change_health(struct model_lab *lab)
{
	lab_age_flows(lab);
	for (__u32 i = 0; i < LAB_SERVICES; i++) {
		bool is_dead = !fuzz_draw(&lab->fuzz, 4);

		for (__u32 member = 0; member < LAB_MEMBERS; member++)
			make_usable(lab, &lab->services[i].members[member], is_dead);
		write_service(lab, i);
	}
}

static void empty_map(int map)
{
	/* Large enough for the key of either map. */
	struct xdplb_fragment_key key;

	while (!bpf_map_get_next_key(map, NULL, &key))
		cr_assert_eq(bpf_map_delete_elem(map, &key), 0);
}

/* Often few, so that they are used up; they are never refilled. */
static __u64 draw_budget(struct model_lab *lab)
{
	return fuzz_draw(&lab->fuzz, 2) ? PLENTY : fuzz_draw(&lab->fuzz, 30);
}

static void make_budgets(struct model_lab *lab)
{
	struct model_budgets *budgets = &lab->model.budgets;

	*budgets = (struct model_budgets){ .echoes = draw_budget(lab),
					   .reports = draw_budget(lab),
					   .resets = draw_budget(lab) };
	lb_setup_budget(&lab->lb, LB_BUDGET_ECHOES, budgets->echoes);
	lb_setup_budget(&lab->lb, LB_BUDGET_REPORTS, budgets->reports);
	lb_setup_budget(&lab->lb, LB_BUDGET_RESETS, budgets->resets);
}

static void make_control(struct model_lab *lab)
{
	int map = bpf_map__fd(lab->lb.skel->maps.data_lb_control);
	struct xdplb_lb_control control;
	__u32 zero = 0;

	lab->model.has_ranges = fuzz_draw(&lab->fuzz, 4);
	lab->model.no_echo = !fuzz_draw(&lab->fuzz, 8);
	cr_assert_eq(bpf_map_lookup_elem(map, &zero, &control), 0);
	control.has_ranges = lab->model.has_ranges;
	control.no_echo = lab->model.no_echo;
	cr_assert_eq(bpf_map_update_elem(map, &zero, &control, BPF_ANY), 0);
}

void lab_make_world(struct model_lab *lab)
{
	empty_map(bpf_map__fd(lab->lb.skel->maps.sources));
	empty_map(bpf_map__fd(lab->lb.skel->maps.fragment_ways));
	lab_forget_flows(lab);
	lab->model.note_count = 0;
	make_control(lab);
	for (__u32 i = 0; i < LAB_SERVICES; i++)
		make_service(lab, i);
	make_budgets(lab);
}

/* The names of a service in the table. */
static void enter_service(struct model_lab *lab, __u32 index)
{
	const struct model_service *service = &lab->services[index];
	struct setup_endpoint vip = { service->vip, ntohs(service->port), service->proto,
				      service->family, index };

	if (index >= FIRST_OF_MANY) {
		vip.proto |= XDPLB_RANGE;
		vip.port = (index - FIRST_OF_MANY) / KINDS;
		vip.first_port = service->first_port;
		vip.last_port = service->last_port;
	}
	lb_setup_vip(&lab->lb, &vip);
	if (index < 2)
		lb_setup_vip(&lab->lb,
			     &(struct setup_endpoint){ service->vip, 0, 0, service->family,
						       XDPLB_INDEX_ADDRESS });
}

static void open_service(struct model_lab *lab, __u32 index)
{
	struct model_service *service = &lab->services[index];
	__u32 kind = index % KINDS, number = index / KINDS;

	*service = (struct model_service){
		.family = setup_families[kind & 1],
		.proto = setup_protos[kind >> 1],
		.vip = setup_addrs(setup_families[kind & 1])->vips[0],
	};
	if (index < FIRST_OF_MANY) {
		service->port = htons(VIP_PORT + number);
	} else {
		service->first_port = ranges[number - 2][kind].first;
		service->last_port = ranges[number - 2][kind].last;
	}
	enter_service(lab, index);
	lab_enter_ids(lab, index);
	for (__u32 bucket = 0; bucket < LAB_BUCKETS; bucket++)
		lb_setup_bucket(&lab->lb, index * BUCKETS_OF + bucket,
				bucket == NOBODY_BUCKET ? XDPLB_NO_MEMBER
				: bucket == ABSENT_BUCKET
					? 0x80000000
					: index * LAB_MEMBERS + lab->table[bucket]);
}

/* Budgets are a CPU's own. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	cr_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

void lab_open(struct model_lab *lab, uint64_t seed)
{
	const struct lb_setup_options options = {
		.members = LAB_SERVICES * LAB_MEMBERS,
		.resets_at_once = PLENTY,
		.answers_at_once = PLENTY,
		.no_refill = true,
		.fragment_lifetime = PLENTY,
		.cache_lines = MODEL_LINES,
		.ages = SETUP_AGES_ONE,
	};
	__u64 key[2] = { SETUP_KEY0, SETUP_KEY1 };

	memset(lab, 0, sizeof(*lab));
	fuzz_seed(&lab->fuzz, seed);
	lab->fuzz.first_id = FIRST_ID;
	lab->fuzz.quic_config = QUIC_CONFIG;
	for (int i = 0; i < 2; i++) {
		struct packet_spec usual = setup_spec(setup_families[i], IPPROTO_TCP);

		lab->fuzz.casts[i] = (struct fuzz_cast){ usual.source, usual.dest,
							 setup_addrs(usual.family)->stranger };
	}
	stay_on_one_cpu();
	lb_setup_open_as(&lab->lb, &options);
	for (__u32 bucket = 0; bucket < LAB_BUCKETS; bucket++)
		lab->table[bucket] = bucket == RARE_BUCKET ? RARE_MEMBER : bucket % RARE_MEMBER;
	lab->table[NOBODY_BUCKET] = lab->table[ABSENT_BUCKET] = MODEL_NOBODY;
	for (__u32 i = 0; i < LAB_SERVICES; i++)
		open_service(lab, i);
	lab->model = (struct model_world){ .ifindex = LAB_IFINDEX,
					   .services = lab->services,
					   .service_count = LAB_SERVICES,
					   .notes = lab->notes };
	for (int i = 0; i < 16; i++)
		lab->model.key[i] = key[i / 8] >> 8 * (i % 8);
}

void lab_close(struct model_lab *lab)
{
	lb_setup_close(&lab->lb);
}
