// SPDX-License-Identifier: BSD-2-Clause
/*
 * Following neighbours, routes and links by rtnetlink.
 */
#include "neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/jiffies.h"
#include "neighbours.h"
#include "tick.h"

#define EVENTS_SIZE    32768
#define SOCKET_BUFFER  (1 << 20)
#define HOLDOFF        0.05 /* seconds: a storm of routes is followed so often at most */
#define VERIFY_SECONDS 5

/* States in which the kernel would send to the neighbour. */
#define USABLE (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

struct neigh {
	struct ev_loop *loop;
	const struct access_view *view; /* NULL: not attached */
	struct neigh_listener listener; /* zeroed: none */
	struct mnl_socket *socket; /* NULL: not open */
	ev_io readable;
	ev_timer holdoff, verify;
	struct neighbours neighbours;
	struct nexthop_addresses addresses;
	bool routes_changed; /* and lb_xdp has not been told yet */
	uint64_t forgotten, verified, overruns;
};

/* ---- neighbours ---- */

static void forget_via(void *context, const struct nexthop_via *via)
{
	struct neigh *neigh = context;

	if (neigh->view)
		neigh->forgotten += nexthops_forget_via(neigh->view, via);
}

static void take_neighbour(struct neigh *neigh, const struct nlmsghdr *message)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(message);
	struct neighbour neighbour = {
		.ifindex = (uint32_t)head->ndm_ifindex,
		.family = head->ndm_family,
		.via.ifindex = (uint32_t)head->ndm_ifindex,
		.is_stale = head->ndm_state & NUD_STALE,
	};
	bool has_mac = false;
	const struct nlattr *attr;

	if (head->ndm_family != AF_INET && head->ndm_family != AF_INET6)
		return; /* a bridge's own table */
	mnl_attr_for_each(attr, message, sizeof(*head))
	{
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == NDA_DST && length <= sizeof(neighbour.addr))
			memcpy(&neighbour.addr, mnl_attr_get_payload(attr), length);
		if (mnl_attr_get_type(attr) == NDA_LLADDR && length == sizeof(neighbour.via.mac)) {
			memcpy(neighbour.via.mac, mnl_attr_get_payload(attr), length);
			has_mac = true;
		}
	}
	if (message->nlmsg_type != RTM_NEWNEIGH || !has_mac || !(head->ndm_state & USABLE)) {
		neighbours_drop(&neigh->neighbours, &neighbour);
		return;
	}
	neighbours_put(&neigh->neighbours, &neighbour);
	if (neigh->listener.on_neighbour)
		neigh->listener.on_neighbour(neigh->listener.context, &neighbour);
}

/* ---- routes and links ---- */

static void forget_all(struct neigh *neigh)
{
	neigh->routes_changed = false;
	if (neigh->view)
		neigh->forgotten += nexthops_forget_interface(neigh->view, 0);
}

static void on_holdoff(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct neigh *neigh = timer->data;

	if (neigh->routes_changed)
		forget_all(neigh);
	else
		ev_timer_stop(loop, timer);
}

/* At once the first time, then every HOLDOFF seconds as long as there are changes. */
static void routes_changed(struct neigh *neigh)
{
	neigh->routes_changed = true;
	if (ev_is_active(&neigh->holdoff))
		return;
	forget_all(neigh);
	ev_timer_again(neigh->loop, &neigh->holdoff);
}

static void take_route(struct neigh *neigh, const struct nlmsghdr *message)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(message);
	struct nexthop_prefix prefix = {
		.family = head->rtm_family == AF_INET ? XDPLB_IPV4 : XDPLB_IPV6,
		.length = head->rtm_dst_len,
	};
	const struct nlattr *attr;

	if (neigh->routes_changed || head->rtm_flags & RTM_F_CLONED ||
	    (head->rtm_family != AF_INET && head->rtm_family != AF_INET6))
		return;
	mnl_attr_for_each(attr, message, sizeof(*head))
	{
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == RTA_DST && length <= sizeof(prefix.addr))
			memcpy(&prefix.addr, mnl_attr_get_payload(attr), length);
	}
	if (nexthop_addresses_cover(&neigh->addresses, &prefix))
		routes_changed(neigh);
}

static void tell_link(const struct neigh *neigh, const struct nlmsghdr *message)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message,
			  sizeof(*head)) if (mnl_attr_get_type(attr) == IFLA_ADDRESS &&
					     mnl_attr_get_payload_len(attr) == 6)
		neigh->listener.on_link(neigh->listener.context, (uint32_t)head->ifi_index,
					mnl_attr_get_payload(attr));
}

static void take_link(struct neigh *neigh, const struct nlmsghdr *message)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(message);

	if (neigh->listener.on_link && message->nlmsg_type == RTM_NEWLINK &&
	    head->ifi_family == AF_UNSPEC)
		tell_link(neigh, message);

	/* Its own MAC address may be another one, too. */
	if (neigh->view && head->ifi_index > 0 && head->ifi_family == AF_UNSPEC)
		neigh->forgotten +=
			nexthops_forget_interface(neigh->view, (uint32_t)head->ifi_index);
}

static void take_message(struct neigh *neigh, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		take_neighbour(neigh, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take_route(neigh, message);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take_link(neigh, message);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		if (!neigh->routes_changed)
			routes_changed(neigh);
		break;
	default:
		break; /* ends of dumps, and neighbours that were gone before they were verified */
	}
}

/* ---- the socket ---- */

static void ask_for_neighbours(struct neigh *neigh)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_GETNEIGH;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->ndm_family = AF_UNSPEC;
	mnl_socket_sendto(neigh->socket, request, request->nlmsg_len);
}

static void start_anew(struct neigh *neigh)
{
	neighbours_clear(&neigh->neighbours);
	forget_all(neigh);
	ask_for_neighbours(neigh);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	char buffer[EVENTS_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct neigh *neigh = io->data;
	const struct nlmsghdr *message;
	ssize_t length;
	int left;

	while ((length = mnl_socket_recvfrom(neigh->socket, buffer, sizeof(buffer))) > 0) {
		left = (int)length;
		message = (const struct nlmsghdr *)buffer;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			take_message(neigh, message);
	}
	if (length < 0 && errno == ENOBUFS) {
		neigh->overruns++;
		start_anew(neigh);
	}
}

static int open_socket(struct neigh *neigh)
{
	static const int groups[] = { RTNLGRP_NEIGH,    RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_LINK,     RTNLGRP_NEXTHOP,    RTNLGRP_IPV4_RULE,
				      RTNLGRP_IPV6_RULE };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int size = SOCKET_BUFFER, err = 0;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]) && !err; i++)
		if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof(groups[i])) < 0)
			err = -errno;
	if (err) {
		mnl_socket_close(socket);
		return err;
	}
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	neigh->socket = socket;
	ev_io_init(&neigh->readable, on_readable, mnl_socket_get_fd(socket), EV_READ);
	neigh->readable.data = neigh;
	ev_io_start(neigh->loop, &neigh->readable);
	ev_timer_again(neigh->loop, &neigh->verify);
	return 0;
}

/* ---- keeping neighbours verified ---- */

struct verifying {
	struct neigh *neigh;
	struct nexthop_set in_use;
};

/* As if the kernel itself had a packet for it: a neighbour that is stale is asked whether it lives. */
static void verify(struct neigh *neigh, const struct neighbour *neighbour)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_NEWNEIGH;
	request->nlmsg_flags = NLM_F_REQUEST;
	head->ndm_family = neighbour->family;
	head->ndm_ifindex = (int)neighbour->ifindex;
	head->ndm_flags = NTF_USE;
	mnl_attr_put(request, NDA_DST, neighbour->family == AF_INET ? 4 : 16, &neighbour->addr);
	if (mnl_socket_sendto(neigh->socket, request, request->nlmsg_len) > 0)
		neigh->verified++;
}

static void verify_if_used(void *context, const struct neighbour *neighbour)
{
	struct verifying *verifying = context;

	if (neighbour->is_stale && nexthop_set_has(&verifying->in_use, &neighbour->via))
		verify(verifying->neigh, neighbour);
}

static void on_verify(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct verifying verifying = { .neigh = timer->data };
	struct neigh *neigh = timer->data;
	uint64_t per_second = jiffies_per_second();

	if (!neigh->view || !neigh->neighbours.stale ||
	    nexthops_in_use(neigh->view, tick_now() - VERIFY_SECONDS * per_second, per_second,
			    &verifying.in_use))
		return;
	neighbours_walk(&neigh->neighbours, verify_if_used, &verifying);
	nexthop_set_free(&verifying.in_use);
}

/* ---- for others ---- */

int neigh_new(struct ev_loop *loop, struct neigh **ret_neigh)
{
	struct neigh *neigh = calloc(1, sizeof(*neigh));

	if (!neigh)
		return -ENOMEM;
	neigh->loop = loop;
	neigh->neighbours = (struct neighbours){ .lost = forget_via, .context = neigh };
	ev_init(&neigh->holdoff, on_holdoff);
	neigh->holdoff.repeat = HOLDOFF;
	neigh->holdoff.data = neigh;
	ev_init(&neigh->verify, on_verify);
	neigh->verify.repeat = VERIFY_SECONDS;
	neigh->verify.data = neigh;
	*ret_neigh = neigh;
	return 0;
}

void neigh_free(struct neigh *neigh)
{
	if (!neigh)
		return;
	if (neigh->socket) {
		ev_io_stop(neigh->loop, &neigh->readable);
		mnl_socket_close(neigh->socket);
	}
	ev_timer_stop(neigh->loop, &neigh->holdoff);
	ev_timer_stop(neigh->loop, &neigh->verify);
	neighbours_clear(&neigh->neighbours);
	nexthop_addresses_free(&neigh->addresses);
	free(neigh);
}

static int follow(struct neigh *neigh)
{
	int err = neigh->socket ? 0 : open_socket(neigh);

	/* What changed before it was followed may be in the map. */
	if (!err)
		start_anew(neigh);
	return err;
}

int neigh_listen(struct neigh *neigh, const struct neigh_listener *listener)
{
	neigh->listener = listener ? *listener : (struct neigh_listener){ 0 };
	return listener ? follow(neigh) : 0;
}

int neigh_use(struct neigh *neigh, const struct access_view *view)
{
	struct nexthop_addresses addresses = { 0 };
	int err = view ? nexthop_addresses_read(view, &addresses) : 0;

	nexthop_addresses_free(&neigh->addresses);
	neigh->addresses = addresses;
	neigh->view = view;
	return err || !view || neigh->socket ? err : follow(neigh);
}

json_t *neigh_json(const struct neigh *neigh)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "neighbours", (json_int_t)neigh->neighbours.count,
			 "forgotten", (json_int_t)neigh->forgotten, "verified",
			 (json_int_t)neigh->verified, "overruns", (json_int_t)neigh->overruns);
}
