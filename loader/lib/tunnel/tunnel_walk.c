// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walking a tunnel on the wire.
 */
#include "tunnel/tunnel_walk.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tunnel/tunnel_socket.h"

/* A question that is not answered is repeated after so long. */
#define REPEAT_MS 100

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int tunnel_way_of(const struct config *config, size_t node, size_t number, unsigned int backup,
		  const struct mpls_view *view, struct tunnel_way *ret, struct error *error)
{
	const struct config_tunnel *tunnel = &config->tunnels[number];
	uint32_t index = mpls_find_tunnel(view, tunnel->number), lsp;

	if (tunnel->ends[0].node != node && tunnel->ends[1].node != node)
		return fail(error, -ENOENT, "tunnel %s does not end at node %s (but at %s and %s)",
			    tunnel->name, config->nodes[node].name,
			    config->nodes[tunnel->ends[0].node].name,
			    config->nodes[tunnel->ends[1].node].name);
	if (backup && tunnel->protect_by == CONFIG_NO_TUNNEL)
		return fail(error, -ENODATA, "tunnel %s has no backup", tunnel->name);
	lsp = index == UINT32_MAX ? XDPLB_NO_LSP : mpls_tunnel_info(view, index)->lsps[backup];
	if (lsp >= view->lsps.count)
		return fail(error, -ENETUNREACH,
			    "tunnel %s: node %s has no way for it: the file was not applied, or "
			    "the next hop's MAC address is not known",
			    tunnel->name, config->nodes[node].name);
	*ret = (struct tunnel_way){
		.config = config,
		.tunnel = backup ? &config->tunnels[tunnel->protect_by] : tunnel,
		.direction = tunnel->ends[1].node == node,
		.number = tunnel->number,
		.is_backup = backup,
		.lsp = map_at(&view->lsps, lsp),
	};
	return 0;
}

/* Everything about one walk. */
struct walker {
	const struct tunnel_way *way;
	struct tunnel_walk *walk;
	uint64_t session;
	size_t answered;
	int fd;
};

static int ask_all(const struct walker *walker)
{
	uint8_t frame[TUNNEL_FRAME_MAX];

	for (size_t i = 0; i < walker->walk->count; i++) {
		size_t length;

		if (walker->walk->hops[i].is_answered)
			continue;
		length = tunnel_ask(walker->way, i, walker->session, now_ns(), frame);
		if (send(walker->fd, frame, length, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
			return -errno;
	}
	return 0;
}

static void take_answers(struct walker *walker)
{
	uint8_t frame[2048];
	struct tunnel_hop hop;
	ssize_t length;
	size_t index;

	while ((length = recv(walker->fd, frame, sizeof(frame), 0)) >= 0) {
		if (tunnel_read(walker->way, frame, (size_t)length, walker->session, &index, &hop))
			continue;
		if (walker->walk->hops[index].is_answered)
			continue;
		walker->walk->hops[index] = hop;
		walker->walk->rtt_ns[index] = now_ns() - hop.sent;
		walker->answered++;
	}
}

static int ask_and_take(struct walker *walker, unsigned int wait_ms)
{
	uint64_t end = now_ns() + (uint64_t)wait_ms * 1000000, repeat = 0;
	struct pollfd poll_fd = { .fd = walker->fd, .events = POLLIN };
	int err = 0;

	while (!err && walker->answered < walker->walk->count && now_ns() < end) {
		if (now_ns() >= repeat) {
			err = ask_all(walker);
			repeat = now_ns() + REPEAT_MS * 1000000ULL;
		}
		if (!err && poll(&poll_fd, 1, 10) > 0)
			take_answers(walker);
	}
	return err;
}

int tunnel_walk(const struct tunnel_way *way, unsigned int wait_ms, struct tunnel_walk *ret,
		struct error *error)
{
	struct walker walker = { .way = way, .walk = ret };
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->count = tunnel_hop_count(way);
	randombytes_buf(&walker.session, sizeof(walker.session));
	walker.fd = tunnel_socket(way);
	if (walker.fd < 0)
		return fail_errno(error, walker.fd, "cannot send path probes");
	err = ask_and_take(&walker, wait_ms);
	close(walker.fd);
	return err ? fail_errno(error, err, "cannot send path probes")
		   : tunnel_judge(way, ret->hops, error);
}

/* Which of a tunnel's LSPs carries it, or is to. */
static unsigned int live_lsp(const struct config_tunnel *tunnel, const struct mpls_view *view)
{
	uint32_t index = mpls_find_tunnel(view, tunnel->number);

	return index == UINT32_MAX ? 0 : mpls_tunnel(view, index)->control.backup;
}

static void mark(const struct config_tunnel *tunnel, const struct mpls_view *view,
		 unsigned int backup, int err)
{
	uint32_t index = mpls_find_tunnel(view, tunnel->number);

	if (!err)
		mpls_set_tunnel(view, index, XDPLB_TUNNEL_UP, backup, XDPLB_TUNNEL_VERIFIED);
	else if (err == -ENETUNREACH || err == -EPROTO)
		mpls_set_tunnel(view, index, XDPLB_TUNNEL_DOWN, backup,
				err == -EPROTO ? XDPLB_TUNNEL_WRONG_WAY : XDPLB_TUNNEL_SILENT);
}

int tunnel_verify_lsp(const struct config *config, size_t node, size_t number, unsigned int backup,
		      const struct mpls_view *view, unsigned int wait_ms,
		      struct tunnel_walk *ret_walk, struct error *error)
{
	const struct config_tunnel *tunnel = &config->tunnels[number];
	struct tunnel_way way;
	int err;

	ret_walk->count = 0;
	if (!tunnel->corouted)
		return fail(
			error, -EOPNOTSUPP,
			"tunnel %s: `corouted: no` in the file: its directions are not compared",
			tunnel->name);
	err = tunnel_way_of(config, node, number, backup, view, &way, error);
	if (err)
		return err;
	err = tunnel_walk(&way, wait_ms, ret_walk, error);
	if (backup == live_lsp(tunnel, view))
		mark(tunnel, view, backup, err);
	return err;
}

int tunnel_verify(const struct config *config, size_t node, size_t number,
		  const struct mpls_view *view, unsigned int wait_ms, struct tunnel_walk *ret_walk,
		  struct error *error)
{
	return tunnel_verify_lsp(config, node, number, live_lsp(&config->tunnels[number], view),
				 view, wait_ms, ret_walk, error);
}
