// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_xdp: path probes are answered where their TTL expires and where their LSP ends; answers reach
 * user space; forged ones nobody. Macs are computed by libsodium here.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "mpls_world.h"

TestSuite(lsr_probe);

enum {
	SWAP = 100, /* to OUT; back by REVERSE */
	PUSH, /* to OUT and OUT + 1 */
	PHP, /* back by REVERSE */
	POP,
	UNIFORM, /* a pop by the uniform model */
	LONE, /* a swap without a way back */
	NEIGHBOUR, /* a swap; the asker is next to us */
	END, /* back by REVERSE; of a tunnel that is down */
	END_NEIGHBOUR,
	END_LONE,
};

#define OUT      200
#define REVERSE  300
#define RETURN   400
#define IMPLICIT 3
#define TUNNEL   1

static const __u8 here[6] = { 2, 0, 0, 0, 0x55, 1 };
static const __u8 asker[6] = { 2, 0, 0, 0, 0x55, 2 };

static void open_world(struct mpls_world *world)
{
	struct xdplb_nhlfe swap = { .op = XDPLB_OP_SWAP,
				    .depth = 1,
				    .out = { mpls_out(OUT), mpls_out(OUT + 1) },
				    .reverse_label = REVERSE };
	struct xdplb_nhlfe end = { .op = XDPLB_OP_DELIVER,
				   .tunnel = TUNNEL,
				   .payload = XDPLB_PAYLOAD_IPV4,
				   .reverse_label = REVERSE };
	struct xdplb_nhlfe pop = { .op = XDPLB_OP_POP };

	mpls_world_open(world, XDPLB_RESIDENCE_KERNEL);
	mpls_world_ours_alone(world, true);
	mpls_world_label(world, SWAP, &swap);
	swap.depth = 2;
	mpls_world_label(world, PUSH, &swap);
	swap.op = XDPLB_OP_PHP;
	mpls_world_label(world, PHP, &swap);
	mpls_world_label(world, POP, &pop);
	pop.flags = XDPLB_NHLFE_UNIFORM_TTL;
	mpls_world_label(world, UNIFORM, &pop);
	swap.op = XDPLB_OP_SWAP;
	swap.reverse_label = 0;
	mpls_world_label(world, LONE, &swap);
	swap.reverse_label = IMPLICIT;
	mpls_world_label(world, NEIGHBOUR, &swap);
	mpls_world_label(world, END, &end);
	end.reverse_label = IMPLICIT;
	mpls_world_label(world, END_NEIGHBOUR, &end);
	end.reverse_label = 0;
	mpls_world_label(world, END_LONE, &end);
	mpls_world_tunnel(world, TUNNEL, (struct xdplb_tunnel_control){}, 0);
}

static struct xdplb_ach question(__u32 return_label)
{
	return (struct xdplb_ach){
		.channel = htonl(0x10007ff8),
		.version = 1,
		.type = XDPLB_PROBE_ASK,
		.hop = 3,
		.backup = 1,
		.tunnel = htonl(901),
		.sequence = htonl(5),
		.session = 0x1122334455667788,
		.sent = 0xabcdef,
		.return_label = htonl(return_label),
	};
}

/* What is asked, and what the answer says and is sent by. */
struct row {
	const char *name;
	struct label in[XDPLB_LABELS_MAX];
	__u32 return_label;
	__u8 type; /* 0: the probe goes on, or is refused */
	__u32 in_label;
	__u32 out_label;
	struct label out[3];
	int drop; /* where type is 0 */
};

static const struct row rows[] = {
	{ "TTL expires at a swap",
	  { { SWAP, 5, 1 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 5, 255 } } },
	{ "TTL expires at a swap, two labels",
	  { { SWAP, 5, 1 }, { 777, 5, 1 } },
	  RETURN,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 5, 255 }, { RETURN, 5, 255 } } },
	{ "TTL expires, two labels become one",
	  { { SWAP, 5, 1 }, { 777, 5, 1 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 5, 255 } } },
	{ "TTL expires, one label becomes two",
	  { { SWAP, 0, 1 } },
	  RETURN,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 0, 255 }, { RETURN, 0, 255 } } },
	{ "TTL expires at a push",
	  { { PUSH, 5, 1 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  PUSH,
	  OUT,
	  { { REVERSE, 5, 255 } } },
	{ "TTL expires at the penultimate hop",
	  { { PHP, 5, 1 }, { END, 5, 1 } },
	  RETURN,
	  XDPLB_PROBE_TRANSIT,
	  PHP,
	  IMPLICIT,
	  { { REVERSE, 5, 255 }, { RETURN, 5, 255 } } },
	{ "TTL expires under a pop",
	  { { POP, 1, 1 }, { SWAP, 5, 1 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 5, 255 } } },
	{ "TTL expires under a pop, uniform model",
	  { { UNIFORM, 1, 1 }, { SWAP, 5, 9 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  SWAP,
	  OUT,
	  { { REVERSE, 5, 255 } } },
	{ "TTL expires next to the asker",
	  { { NEIGHBOUR, 5, 1 }, { 777, 5, 1 } },
	  RETURN,
	  XDPLB_PROBE_TRANSIT,
	  NEIGHBOUR,
	  OUT,
	  { { RETURN, 5, 255 } } },
	{ "TTL expires next to the asker, nothing but the channel",
	  { { NEIGHBOUR, 5, 1 } },
	  0,
	  XDPLB_PROBE_TRANSIT,
	  NEIGHBOUR,
	  OUT,
	  {} },
	{ "the end",
	  { { END, 2, 60 } },
	  RETURN,
	  XDPLB_PROBE_END,
	  END,
	  0,
	  { { REVERSE, 2, 255 }, { RETURN, 2, 255 } } },
	{ "the end, TTL 1",
	  { { END, 2, 1 } },
	  0,
	  XDPLB_PROBE_END,
	  END,
	  0,
	  { { REVERSE, 2, 255 } } },
	{ "the end under a pop",
	  { { POP, 2, 1 }, { END, 6, 1 } },
	  RETURN,
	  XDPLB_PROBE_END,
	  END,
	  0,
	  { { REVERSE, 6, 255 }, { RETURN, 6, 255 } } },
	{ "the end next to the asker",
	  { { END_NEIGHBOUR, 2, 1 } },
	  RETURN,
	  XDPLB_PROBE_END,
	  END_NEIGHBOUR,
	  0,
	  { { RETURN, 2, 255 } } },
	{ "no way back at a swap", { { LONE, 5, 1 } }, .drop = XDPLB_DROP_PROBE_UNANSWERED },
	{ "no way back at the end", { { END_LONE, 5, 9 } }, .drop = XDPLB_DROP_PROBE_UNANSWERED },
	{ "nothing but the channel", {}, .drop = XDPLB_DROP_PROBE_UNANSWERED },
	{ "TTL 0", { { SWAP, 5, 0 }, { 777, 0, 1 } }, .drop = XDPLB_DROP_MPLS_TTL_EXPIRED },
};

static size_t count_labels(const struct label *labels, size_t max)
{
	size_t count = 0;

	while (count < max && labels[count].number)
		count++;
	return count;
}

static void build(const struct xdplb_ach *probe, const struct label *labels, size_t count,
		  struct test_packet *ret_packet)
{
	probe_build(probe, labels, count, mpls_key, ret_packet);
	mpls_macs(ret_packet, here, asker);
}

static void check_row(struct mpls_world *world, const struct row *row)
{
	struct xdplb_ach probe = question(row->return_label);
	struct test_packet packet, want;
	struct expected expected = { XDP_TX, &want, NO_DROP, EVENT(PROBE_ANSWERED) };

	build(&probe, row->in, count_labels(row->in, XDPLB_LABELS_MAX), &packet);
	if (!row->type) {
		expected = (struct expected){ XDP_DROP, NULL, row->drop, 0 };
		check_run(row->name, world->prog, world->counters, &packet, 0, &expected);
		return;
	}
	probe.type = row->type;
	probe.node = htonl(MPLS_NODE);
	probe.in_link = htonl(MPLS_IN_LINK);
	probe.out_link = row->type == XDPLB_PROBE_END ? 0 : htonl(MPLS_OUT_LINK);
	probe.in_label = htonl(row->in_label);
	probe.out_label = htonl(row->out_label);
	build(&probe, row->out, count_labels(row->out, 3), &want);
	mpls_macs(&want, asker, here);
	check_run(row->name, world->prog, world->counters, &packet, 0, &expected);
}

Test(lsr_probe, answers)
{
	struct mpls_world world;

	open_world(&world);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&world, &rows[i]);
	mpls_world_close(&world);
}

/* Under stacks of one to eight labels: where the TTL of the topmost expires, and where all but the last
 * are popped on the way to the LSP's end. */
Test(lsr_probe, stacks_of_every_depth)
{
	struct mpls_world world;

	open_world(&world);
	for (int depth = 1; depth <= XDPLB_LABELS_MAX; depth++) {
		struct row expires = { "expires",
				       .return_label = RETURN,
				       .type = XDPLB_PROBE_TRANSIT,
				       .in_label = SWAP,
				       .out_label = OUT,
				       .out = { { REVERSE, 5, 255 }, { RETURN, 5, 255 } } };
		struct row ends = { .name = "ends",
				    .return_label = RETURN,
				    .type = XDPLB_PROBE_END,
				    .in_label = END,
				    .out = { { REVERSE, 5, 255 }, { RETURN, 5, 255 } } };

		for (int i = 0; i < depth; i++) {
			expires.in[i] = (struct label){ i ? 700 + (__u32)i : SWAP, 5, i ? 9 : 1 };
			ends.in[i] = (struct label){ i + 1 < depth ? POP : END, 5, 9 };
		}
		check_row(&world, &expires);
		check_row(&world, &ends);
	}
	mpls_world_close(&world);
}

/* While its TTL lasts a probe is a packet like any other. */
Test(lsr_probe, goes_on)
{
	struct label in[] = { { SWAP, 5, 2 }, { 777, 5, 2 } };
	struct label out[] = { { OUT, 5, 1 }, { 777, 5, 2 } };
	struct xdplb_ach probe = question(0);
	struct test_packet packet, want;
	struct expected expected = { XDP_REDIRECT, &want, NO_DROP, 0 };
	struct mpls_world world;

	open_world(&world);
	build(&probe, in, 2, &packet);
	build(&probe, out, 2, &want);
	mpls_macs(&want, mpls_next_mac, mpls_own_mac);
	check_run("TTL 2", world.prog, world.counters, &packet, 0, &expected);
	mpls_world_close(&world);
}

/* Any bit of a question or an answer changed, wherever it would be looked at: nobody gets it. */
Test(lsr_probe, forged)
{
	static const struct {
		const char *name;
		struct label label;
	} places[] = { { "TTL expires", { SWAP, 0, 1 } }, { "the end", { END, 0, 9 } } };
	struct xdplb_ach probe = question(0);
	struct mpls_world world;
	char name[60];

	open_world(&world);
	for (int n = 0; n < 4; n++) {
		struct expected forged = { XDP_DROP, NULL, XDPLB_DROP_PROBE_FORGED, 0 };
		struct test_packet packet, bent;

		if (n == 2)
			continue; /* an answer never expires into one */
		probe.type = n < 2 ? XDPLB_PROBE_ASK : XDPLB_PROBE_END;
		build(&probe, &places[n % 2].label, 1, &packet);
		for (size_t bit = 48; bit < sizeof(probe) * 8; bit++) {
			if (n < 2 && bit / 8 == offsetof(struct xdplb_ach, type))
				continue;
			bent = packet;
			bent.data[14 + 8 + bit / 8] ^= 1 << bit % 8;
			snprintf(name, sizeof(name), "%s, bit %zu", places[n % 2].name, bit);
			check_run(name, world.prog, world.counters, &bent, 0, &forged);
		}
	}
	mpls_world_close(&world);
}

/* What expires and is no question of ours is just dropped, at the end of an LSP likewise. */
Test(lsr_probe, other_channels)
{
	struct label swap = { SWAP, 0, 1 }, end = { END, 0, 9 };
	struct mpls_world world;
	struct expected expired = { XDP_DROP, NULL, XDPLB_DROP_MPLS_TTL_EXPIRED, 0 };
	struct expected malformed = { XDP_DROP, NULL, XDPLB_DROP_MPLS_MALFORMED, 0 };

	open_world(&world);
	for (int n = 0; n < 5; n++) {
		static const char *const names[] = { "another channel", "another version",
						     "no channel", "cut off", "an answer" };
		struct xdplb_ach probe = question(0);
		struct test_packet packets[2];

		probe.channel = n == 0 ? htonl(0x10000007) : n == 2 ? 0 : probe.channel;
		probe.version += n == 1;
		probe.type = n == 4 ? XDPLB_PROBE_END : probe.type;
		build(&probe, &swap, 1, &packets[0]);
		build(&probe, &end, 1, &packets[1]);
		packets[0].len -= n == 3;
		packets[1].len -= n == 3;
		check_run(names[n], world.prog, world.counters, &packets[0], 0, &expired);
		if (n < 4)
			check_run(names[n], world.prog, world.counters, &packets[1], 0, &malformed);
	}
	mpls_world_close(&world);
}

/* An answer that has arrived passes as it is, also of a tunnel that is down; bare channel or not. */
Test(lsr_probe, answers_pass_to_user_space)
{
	struct label labels[] = { { POP, 0, 9 }, { END, 0, 9 } };
	struct mpls_world world;

	open_world(&world);
	for (int n = 0; n < 6; n++) {
		struct xdplb_ach probe = question(0);
		struct test_packet packet;
		struct expected expected = { XDP_PASS, &packet, NO_DROP, EVENT(PROBE_PASSED) };
		int count = n / 2;

		probe.type = n & 1 ? XDPLB_PROBE_TRANSIT : XDPLB_PROBE_END;
		build(&probe, labels + 2 - count, count, &packet);
		check_run("answer", world.prog, world.counters, &packet, 0, &expected);
	}
	cr_assert_eq(mpls_tunnel_count(world.skel->maps.tunnel_counters, TUNNEL, probes), 4);
	mpls_world_close(&world);
}
