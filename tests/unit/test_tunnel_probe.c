// SPDX-License-Identifier: BSD-2-Clause
/*
 * Path probes: a walk whose answers are as the file says has no fault; each answer that differs in
 * one thing is a fault that names the node and the link; forged and foreign frames are no answers.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config_tunnel_text.h"
#include "tunnel/tunnel_message.h"
#include "tunnel/tunnel_socket.h"
#include "tunnel/tunnel_state.h"

struct probe_world {
	struct loaded loaded;
	struct xdplb_lsp lsp;
	struct tunnel_way way;
	struct tunnel_hop hops[8];
	size_t count;
};

/* From a by c to b, as a asks. */
static void open_world(struct probe_world *world)
{
	const struct config_lsp *lsp;

	memset(world, 0, sizeof(*world));
	load_text(TUNNEL(", path: [ac, bc]"), NULL, &world->loaded);
	cr_assert_eq(world->loaded.result, 0, "%s", world->loaded.errors.text);
	lsp = &world->loaded.config.tunnels[0].lsps[0];
	world->lsp.depth = 1;
	world->lsp.stack[0] = htonl(lsp->labels[0] << 12 | 6 << 9 | 255);
	world->lsp.last[XDPLB_PAYLOAD_IPV4] =
		htonl(lsp->last[XDPLB_PAYLOAD_IPV4] << 12 | 6 << 9 | 0x100 | 255);
	world->way = (struct tunnel_way){
		.config = &world->loaded.config,
		.tunnel = &world->loaded.config.tunnels[0],
		.number = world->loaded.config.tunnels[0].number,
		.lsp = &world->lsp,
	};
	world->count = tunnel_hop_count(&world->way);
	cr_assert_eq(world->count, 4);
	for (size_t i = 0; i < world->count; i++) {
		world->hops[i] = tunnel_hop_wanted(&world->way, i);
		world->hops[i].is_answered = true;
	}
}

static uint32_t link_number(const struct probe_world *world, const char *name)
{
	size_t i = 0;

	while (strcmp(world->loaded.config.links[i].name, name))
		i++;
	return world->loaded.config.links[i].number;
}

Test(tunnel_probe, hops_of_both_directions)
{
	struct probe_world world;
	struct error error = { 0 };

	open_world(&world);
	cr_expect_eq(world.hops[0].node, 2, "c");
	cr_expect_eq(world.hops[0].in_link, link_number(&world, "ac"));
	cr_expect_eq(world.hops[0].out_link, link_number(&world, "bc"));
	cr_expect_eq(world.hops[1].node, 1, "b");
	cr_expect_eq(world.hops[1].type, XDPLB_PROBE_END);
	cr_expect_eq(world.hops[1].out_link, 0);
	cr_expect_eq(world.hops[2].node, 1, "b, turned round");
	cr_expect_eq(world.hops[2].in_link, link_number(&world, "bc"));
	cr_expect_eq(world.hops[2].out_link, link_number(&world, "bc"));
	cr_expect_eq(world.hops[3].node, 2, "c");
	cr_expect_eq(world.hops[3].out_link, link_number(&world, "ac"));
	cr_expect_eq(tunnel_judge(&world.way, world.hops, &error), 0, "%s", error.text);
	loaded_free(&world.loaded);
}

static const struct {
	size_t hop;
	enum {
		SILENT,
		NODE,
		TYPE,
		IN_LINK,
		OUT_LINK,
		IN_LABEL,
		OUT_LABEL
	} what;
	int result;
	const char *words; /* label numbers left out */
} faults[] = {
	{ 0, SILENT, -ENETUNREACH, "the way there: node c does not answer behind link ac" },
	{ 1, SILENT, -ENETUNREACH,
	  "the way there: node b does not answer behind link bc (node c before it does)" },
	{ 2, SILENT, -ENETUNREACH, "the way back: node b does not answer behind link bc" },
	{ 3, SILENT, -ENETUNREACH,
	  "the way back: node c does not answer behind link bc (node b before it does)" },
	{ 0, NODE, -EPROTO,
	  "the way there: found node a behind link ac, expected node c behind link ac" },
	{ 1, TYPE, -EPROTO, "the way there: it does not end at node b, behind link bc" },
	{ 0, TYPE, -EPROTO, "the way there: it ends at node c, behind link ac" },
	{ 0, IN_LINK, -EPROTO, "the way there: it comes to node c by link p2, expected link ac" },
	{ 3, OUT_LINK, -EPROTO, "the way back: it leaves node c by link p2, expected link ac" },
	{ 0, IN_LABEL, -EPROTO, "the way there: it comes to node c by link ac with label 9," },
	{ 3, OUT_LABEL, -EPROTO, "the way back: it leaves node c by link ac with label 9," },
};

Test(tunnel_probe, faults_are_named)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct error error = { 0 };
		struct probe_world world;
		struct tunnel_hop *hop;
		int err;

		open_world(&world);
		hop = &world.hops[faults[i].hop];
		hop->is_answered = faults[i].what != SILENT;
		if (faults[i].what == NODE)
			hop->node = 0;
		if (faults[i].what == TYPE)
			hop->type ^= XDPLB_PROBE_TRANSIT ^ XDPLB_PROBE_END;
		if (faults[i].what == IN_LINK)
			hop->in_link = link_number(&world, "p2");
		if (faults[i].what == OUT_LINK)
			hop->out_link = link_number(&world, "p2");
		if (faults[i].what == IN_LABEL)
			hop->in_label = 9;
		if (faults[i].what == OUT_LABEL)
			hop->out_label = 9;
		err = tunnel_judge(&world.way, world.hops, &error);
		cr_expect_eq(err, faults[i].result, "%s: %d", faults[i].words, err);
		cr_expect(!strncmp(error.text, faults[i].words, strlen(faults[i].words)),
			  "expected\n%s\nnot\n%s", faults[i].words, error.text);
		loaded_free(&world.loaded);
	}
}

/* Turns a question into the answer that the datapath would make of it. */
static void answer(const struct probe_world *world, uint8_t *frame, size_t length, uint8_t type)
{
	struct xdplb_ach message;

	memcpy(&message, frame + length - sizeof(message), sizeof(message));
	message.type = type;
	message.node = htonl(world->loaded.config.nodes[2].mpls.number);
	message.in_link = htonl(link_number(world, "ac"));
	message.in_label = htonl(77);
	message.mac = tunnel_message_mac(world->way.config, &message);
	memcpy(frame + length - sizeof(message), &message, sizeof(message));
}

Test(tunnel_probe, questions_and_answers)
{
	uint8_t frame[TUNNEL_FRAME_MAX], copy[TUNNEL_FRAME_MAX];
	struct probe_world world;
	struct tunnel_hop hop;
	size_t length, index;

	open_world(&world);
	length = tunnel_ask(&world.way, 3, 42, 1234, frame);
	cr_assert_leq(length, sizeof(frame));
	cr_expect_eq(tunnel_read(&world.way, frame, length, 42, &index, &hop), -ENOMSG,
		     "a question is no answer");
	answer(&world, frame, length, XDPLB_PROBE_TRANSIT);
	cr_assert_eq(tunnel_read(&world.way, frame, length, 42, &index, &hop), 0);
	cr_expect_eq(index, 3);
	cr_expect_eq(hop.node, 2);
	cr_expect_eq(hop.in_label, 77);
	cr_expect_eq(hop.sent, 1234);
	cr_expect_eq(tunnel_read(&world.way, frame, length, 43, &index, &hop), -ENOMSG,
		     "another's");
	for (size_t cut = 0; cut < length; cut++)
		cr_expect_eq(tunnel_read(&world.way, frame, cut, 42, &index, &hop), -ENOMSG,
			     "cut off at %zu", cut);
	/* No bit of the message may differ; of what is before it, the labels end where they end. */
	for (size_t bit = 8 * (length - sizeof(struct xdplb_ach)); bit < 8 * length; bit++) {
		memcpy(copy, frame, length);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_neq(tunnel_read(&world.way, copy, length, 42, &index, &hop), 0, "bit %zu",
			      bit);
	}
	loaded_free(&world.loaded);
}

/* TTLs: of the way there the hop's, of the way back the turn label's. */
Test(tunnel_probe, ttls)
{
	uint8_t frame[TUNNEL_FRAME_MAX];
	struct probe_world world;

	open_world(&world);
	for (size_t i = 0; i < world.count; i++) {
		size_t length = tunnel_ask(&world.way, i, 1, 1, frame);

		cr_expect_eq(length, 14 + 3 * 4 + sizeof(struct xdplb_ach));
		cr_expect_eq(frame[17], i < 2 ? i + 1 : 255, "%zu", i);
		cr_expect_eq(frame[21], i < 2 ? i + 1 : i - 1, "%zu", i);
		cr_expect_eq(frame[20] & 1, 0);
		cr_expect_eq(frame[24] & 1, 1, "the GAL is the last");
	}
	loaded_free(&world.loaded);
}

Test(tunnel_probe, state_of_the_far_end)
{
	const struct tunnel_state state = { { false, true }, 7, 99 };
	uint8_t frame[TUNNEL_FRAME_MAX];
	struct tunnel_way far_way;
	struct probe_world world;
	struct tunnel_state heard;
	struct tunnel_hop hop;
	size_t length, index;

	open_world(&world);
	far_way = world.way;
	far_way.direction = 1;
	length = tunnel_tell(&far_way, &state, frame);
	cr_assert_eq(tunnel_hear(&world.way, frame, length, &heard), 0);
	cr_expect(!heard.is_whole[0]);
	cr_expect(heard.is_whole[1]);
	cr_expect_eq(heard.session, 7);
	cr_expect_eq(heard.sent, 99);
	cr_expect_eq(tunnel_hear(&far_way, frame, length, &heard), -ENOMSG, "one's own");
	cr_expect_eq(tunnel_read(&world.way, frame, length, 7, &index, &hop), -ENOMSG);
	frame[length - 20] ^= 1;
	cr_expect_neq(tunnel_hear(&world.way, frame, length, &heard), 0, "forged");
	loaded_free(&world.loaded);
}

/* At the loopback interface, where whatever is sent comes in. */
static void send_frame(uint32_t ifindex, const uint8_t *frame, size_t length)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)ifindex,
		.sll_halen = 6,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(
		sendto(fd, frame, length, 0, (const struct sockaddr *)&address, sizeof(address)),
		(ssize_t)length, "%s", strerror(errno));
	close(fd);
}

static bool hears(int fd)
{
	uint8_t frame[2048];

	return recv(fd, frame, sizeof(frame), 0) > 0;
}

/* What another way asks, by so many labels. */
static void send_question(const struct tunnel_way *way, unsigned int depth)
{
	uint8_t frame[TUNNEL_FRAME_MAX];
	struct xdplb_lsp lsp = *way->lsp;
	struct tunnel_way other = *way;

	lsp.depth = (uint8_t)depth;
	for (unsigned int i = 0; i < depth; i++)
		lsp.stack[i] = way->lsp->stack[0];
	other.lsp = &lsp;
	send_frame(lsp.ifindex, frame, tunnel_ask(&other, 0, 1, 1, frame));
}

/* Of many tunnels at one link each hears its own messages alone, under any stack. */
Test(tunnel_probe, sockets_hear_their_own)
{
	static const struct {
		uint32_t number;
		bool is_backup, is_heard;
	} rows[] = { { 0, false, true }, { 0, true, false }, { 1, false, false } };
	uint8_t labels[14 + 4 * (XDPLB_LABELS_MAX + 2) + 64] = { [12] = 0x88, 0x47 };
	struct probe_world world;
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "cannot make a network namespace");
	cr_assert_eq(system("ip link set lo up"), 0);
	open_world(&world);
	world.lsp.ifindex = if_nametoindex("lo");
	fd = tunnel_socket(&world.way);
	cr_assert_geq(fd, 0, "%s", strerror(-fd));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned int depth = 0; depth < XDPLB_LABELS_MAX; depth++) {
			struct tunnel_way way = world.way;

			way.number += rows[i].number;
			way.is_backup = rows[i].is_backup;
			send_question(&way, depth);
			cr_expect_eq(hears(fd), rows[i].is_heard, "row %zu, %u labels", i, depth);
		}
	send_frame(world.lsp.ifindex, labels, sizeof(labels));
	cr_expect(!hears(fd), "a stack without a bottom");
	labels[16] = 1;
	send_frame(world.lsp.ifindex, labels, 20);
	cr_expect(!hears(fd), "a message that is cut off");
	close(fd);
	loaded_free(&world.loaded);
}
