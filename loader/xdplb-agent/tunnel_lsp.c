// SPDX-License-Identifier: BSD-2-Clause
/*
 * One LSP of a watched tunnel.
 */
#include "tunnel_lsp.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/tunnel_socket.h"
#include "tunnel/tunnel_walk.h"

/* What is not answered is asked again after so long, and at the next tick. */
#define REPEAT_NS 50000000ULL

/* Frames that are read at once: a flood must not keep the agent from all else. */
#define READ_MAX 256

struct tunnel_lsp {
	struct ev_loop *loop;
	struct tunnel_way way;
	struct tunnel_lsp_sink sink;
	uint64_t session; /* of probes; that of walks is one more */
	uint64_t rtt_ns;
	uint64_t walk_ns; /* how long a walk may take */
	uint64_t began, asked; /* the walk; ns */
	uint64_t spent; /* on the walk, ns: see tunnel_lsp_tick() */
	struct tunnel_hop *hops;
	size_t count, answered;
	ev_io readable;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int ask(const struct tunnel_lsp *lsp, size_t index, uint64_t session)
{
	uint8_t frame[TUNNEL_FRAME_MAX];
	size_t length = tunnel_ask(&lsp->way, index, session, now_ns(), frame);

	return send(lsp->readable.fd, frame, length, 0) < 0 ? -errno : 0;
}

static size_t far_end(const struct tunnel_lsp *lsp)
{
	return lsp->way.tunnel->lsps[lsp->way.direction].path.count - 1;
}

/* ---- walks ---- */

static void begin_walk(struct tunnel_lsp *lsp, uint64_t now)
{
	memset(lsp->hops, 0, lsp->count * sizeof(*lsp->hops));
	lsp->answered = 0;
	lsp->began = now;
	lsp->asked = 0;
	lsp->spent = 0;
}

static void end_walk(struct tunnel_lsp *lsp)
{
	struct error error = { 0 };
	int err = tunnel_judge(&lsp->way, lsp->hops, &error);

	begin_walk(lsp, now_ns());
	lsp->sink.on_walk(lsp->sink.context, lsp->way.is_backup, err, error.text);
}

static void ask_walk(struct tunnel_lsp *lsp, uint64_t now)
{
	if (now - lsp->asked < REPEAT_NS)
		return;
	lsp->asked = now;
	for (size_t i = 0; i < lsp->count; i++)
		if (!lsp->hops[i].is_answered)
			(void)ask(lsp, i, lsp->session + 1);
}

int tunnel_lsp_tick(struct tunnel_lsp *lsp, uint64_t passed)
{
	uint64_t now = now_ns();
	int err = ask(lsp, far_end(lsp), lsp->session);

	/* Where there is no room to ask, nobody can be silent. */
	if (err != -ENOBUFS && err != -EAGAIN)
		lsp->spent += passed;
	/* One walk that was quick is not followed by the next one at once. */
	if (lsp->spent >= lsp->walk_ns)
		end_walk(lsp);
	if (lsp->answered < lsp->count)
		ask_walk(lsp, now);
	return err;
}

/* ---- what comes in ---- */

static void take_answer(struct tunnel_lsp *lsp, const struct tunnel_hop *hop)
{
	struct tunnel_hop wanted = tunnel_hop_wanted(&lsp->way, far_end(lsp));

	if (hop->type != XDPLB_PROBE_END || hop->node != wanted.node)
		return;
	lsp->rtt_ns = now_ns() - hop->sent;
	lsp->sink.on_answer(lsp->sink.context, lsp->way.is_backup);
}

static void take_hop(struct tunnel_lsp *lsp, size_t index, const struct tunnel_hop *hop)
{
	/* Answers to an earlier walk, repeated by whoever has heard them, prove nothing. */
	if (hop->sent < lsp->began || lsp->hops[index].is_answered)
		return;
	lsp->hops[index] = *hop;
	lsp->answered++;
}

static void take_frame(struct tunnel_lsp *lsp, const uint8_t *frame, size_t length)
{
	struct tunnel_state state;
	struct tunnel_hop hop;
	size_t index;

	if (!tunnel_read(&lsp->way, frame, length, lsp->session, &index, &hop))
		take_answer(lsp, &hop);
	else if (!tunnel_read(&lsp->way, frame, length, lsp->session + 1, &index, &hop))
		take_hop(lsp, index, &hop);
	else if (!tunnel_hear(&lsp->way, frame, length, &state))
		lsp->sink.on_state(lsp->sink.context, &state);
}

void tunnel_lsp_read(struct tunnel_lsp *lsp)
{
	uint8_t frame[2048];

	for (int i = 0; i < READ_MAX; i++) {
		ssize_t length = recv(lsp->readable.fd, frame, sizeof(frame), 0);

		if (length < 0)
			return;
		take_frame(lsp, frame, (size_t)length);
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	tunnel_lsp_read(io->data);
}

void tunnel_lsp_tell(struct tunnel_lsp *lsp, const struct tunnel_state *state)
{
	uint8_t frame[TUNNEL_FRAME_MAX];
	size_t length = tunnel_tell(&lsp->way, state, frame);

	(void)!send(lsp->readable.fd, frame, length, 0);
}

uint64_t tunnel_lsp_rtt(const struct tunnel_lsp *lsp)
{
	return lsp->rtt_ns;
}

/* ---- beginning and end ---- */

int tunnel_lsp_new(struct ev_loop *loop, const struct tunnel_way *way, unsigned int walk_ms,
		   const struct tunnel_lsp_sink *sink, struct tunnel_lsp **ret_lsp)
{
	struct tunnel_lsp *lsp = calloc(1, sizeof(*lsp));
	int fd;

	if (!lsp)
		return -ENOMEM;
	lsp->loop = loop;
	lsp->way = *way;
	lsp->sink = *sink;
	lsp->walk_ns = (uint64_t)walk_ms * 1000000;
	lsp->count = tunnel_hop_count(way);
	lsp->hops = calloc(lsp->count, sizeof(*lsp->hops));
	randombytes_buf(&lsp->session, sizeof(lsp->session));
	fd = lsp->hops ? tunnel_socket(way) : -ENOMEM;
	if (fd < 0) {
		free(lsp->hops);
		free(lsp);
		return fd;
	}
	ev_io_init(&lsp->readable, on_readable, fd, EV_READ);
	lsp->readable.data = lsp;
	ev_io_start(loop, &lsp->readable);
	begin_walk(lsp, now_ns());
	*ret_lsp = lsp;
	return 0;
}

void tunnel_lsp_free(struct tunnel_lsp *lsp)
{
	if (!lsp)
		return;
	ev_io_stop(lsp->loop, &lsp->readable);
	close(lsp->readable.fd);
	free(lsp->hops);
	free(lsp);
}
