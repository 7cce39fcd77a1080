// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and links by rtnetlink.
 */
#include "host/netlink.h"
#include "host/netlink_talk.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* Holds one message of a link with all its attributes, and a dump's datagrams. */
#define ANSWER_SIZE  32768
#define REQUEST_SIZE 512

/* The kernel registers a namespace's lo before anything else. */
#define LOOPBACK_INDEX 1

/* How often a dump that an address change interrupted is begun anew. */
#define DUMP_ATTEMPTS 5

static int receive(struct mnl_socket *socket, unsigned int seq, mnl_cb_t callback, void *arg)
{
	char buffer[ANSWER_SIZE];
	ssize_t len;
	int more;

	do {
		len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (len < 0)
			return -errno;
		more = mnl_cb_run(buffer, len, seq, mnl_socket_get_portid(socket), callback, arg);
	} while (more > MNL_CB_STOP);
	return more < 0 ? -errno : 0;
}

int netlink_talk(struct nlmsghdr *request, mnl_cb_t callback, void *arg)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err = 0;

	if (!socket)
		return -errno;
	request->nlmsg_seq = 1;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = receive(socket, request->nlmsg_seq, callback, arg);
	mnl_socket_close(socket);
	return err;
}

static size_t address_len(__u8 family)
{
	return family == XDPLB_IPV4 ? sizeof(__be32) : sizeof(struct xdplb_addr);
}

static struct nlmsghdr *address_request(char *buffer, const struct xdplb_addr *addr, __u8 family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->ifa_family = family == XDPLB_IPV4 ? AF_INET : AF_INET6;
	head->ifa_prefixlen = 8 * address_len(family);
	head->ifa_index = LOOPBACK_INDEX;
	mnl_attr_put(request, IFA_LOCAL, address_len(family), addr);
	mnl_attr_put(request, IFA_ADDRESS, address_len(family), addr);
	return request;
}

int netlink_address_add(const struct xdplb_addr *addr, __u8 family)
{
	/* Deprecated from the start: RFC 6724 (rule 3) takes any other address as source. */
	const struct ifa_cacheinfo life = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = address_request(buffer, addr, family);
	struct ifaddrmsg *head = mnl_nlmsg_get_payload(request);

	request->nlmsg_type = RTM_NEWADDR;
	request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	if (family == XDPLB_IPV4) {
		/* A source for destinations on this host only. */
		head->ifa_scope = RT_SCOPE_HOST;
	} else {
		head->ifa_flags = IFA_F_NODAD;
		mnl_attr_put_u32(request, IFA_FLAGS, IFA_F_NODAD);
		mnl_attr_put(request, IFA_CACHEINFO, sizeof(life), &life);
	}
	return netlink_talk(request, NULL, NULL);
}

int netlink_address_delete(const struct xdplb_addr *addr, __u8 family)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = address_request(buffer, addr, family);

	request->nlmsg_type = RTM_DELADDR;
	return netlink_talk(request, NULL, NULL);
}

struct search {
	const struct xdplb_addr *addr;
	size_t len;
	unsigned int index; /* of the interface; 0: not found yet */
};

static int match_address(const struct nlmsghdr *answer, void *arg)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attr, *own = NULL;
	struct search *search = arg;

	/* IFA_LOCAL is the host's own; where it is missing (IPv6 without a peer) IFA_ADDRESS is. */
	mnl_attr_for_each(attr, answer, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			own = attr;
		else if (mnl_attr_get_type(attr) == IFA_ADDRESS && !own)
			own = attr;
	}
	if (!own || mnl_attr_get_payload_len(own) < search->len ||
	    memcmp(mnl_attr_get_payload(own), search->addr, search->len))
		return MNL_CB_OK;
	if (!search->index || head->ifa_index == LOOPBACK_INDEX)
		search->index = head->ifa_index;
	return MNL_CB_OK;
}

static int dump_addresses(__u8 family, struct search *search)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_GETADDR;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->ifa_family = family == XDPLB_IPV4 ? AF_INET : AF_INET6;
	search->index = 0;
	return netlink_talk(request, match_address, search);
}

int netlink_address_find(const struct xdplb_addr *addr, __u8 family, char ret_name[IF_NAMESIZE])
{
	struct search search = { .addr = addr, .len = address_len(family) };
	int err = -EINTR;

	for (int attempt = 0; err == -EINTR && attempt < DUMP_ATTEMPTS; attempt++)
		err = dump_addresses(family, &search);
	if (err)
		return err;
	if (!search.index || !if_indextoname(search.index, ret_name))
		return -EADDRNOTAVAIL;
	return 0;
}

static int read_link(const struct nlmsghdr *answer, void *arg)
{
	const struct ifinfomsg *head = mnl_nlmsg_get_payload(answer);
	struct netlink_link *link = arg;
	const struct nlattr *attr;

	link->flags = head->ifi_flags;
	mnl_attr_for_each(attr, answer, sizeof(*head))
	{
		/* A master may be in another namespace: then it has no name here. */
		if (mnl_attr_get_type(attr) == IFLA_MASTER &&
		    !if_indextoname(mnl_attr_get_u32(attr), link->master))
			link->master[0] = '\0';
	}
	return MNL_CB_OK;
}

int netlink_link_get(const char *name, struct netlink_link *ret_link)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
	struct netlink_link link = { 0 };
	int err;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->ifi_index = if_nametoindex(name);
	if (!head->ifi_index)
		return -ENODEV;
	err = netlink_talk(request, read_link, &link);
	if (!err)
		*ret_link = link;
	return err;
}

static struct nlmsghdr *route_request(char *buffer, const struct xdplb_addr *addr, __u8 family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->rtm_family = family == XDPLB_IPV4 ? AF_INET : AF_INET6;
	head->rtm_dst_len = 8 * address_len(family);
	head->rtm_table = RT_TABLE_MAIN;
	head->rtm_protocol = NETLINK_ROUTE_PROTOCOL;
	head->rtm_scope = RT_SCOPE_UNIVERSE;
	head->rtm_type = RTN_UNREACHABLE;
	mnl_attr_put(request, RTA_DST, address_len(family), addr);
	return request;
}

int netlink_route_block(const struct xdplb_addr *addr, __u8 family)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = route_request(buffer, addr, family);

	request->nlmsg_type = RTM_NEWROUTE;
	request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	return netlink_talk(request, NULL, NULL);
}

int netlink_route_unblock(const struct xdplb_addr *addr, __u8 family)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = route_request(buffer, addr, family);

	request->nlmsg_type = RTM_DELROUTE;
	return netlink_talk(request, NULL, NULL);
}

static int take_route(const struct nlmsghdr *answer, void *arg)
{
	const struct rtmsg *head = mnl_nlmsg_get_payload(answer);
	struct netlink_routes *list = arg;
	struct netlink_route *room = list->routes, route = { 0 };
	const struct nlattr *attr;
	size_t len;

	route.family = head->rtm_family == AF_INET ? XDPLB_IPV4 : XDPLB_IPV6;
	len = address_len(route.family);
	if (head->rtm_protocol != NETLINK_ROUTE_PROTOCOL || head->rtm_table != RT_TABLE_MAIN ||
	    head->rtm_type != RTN_UNREACHABLE || head->rtm_dst_len != 8 * len)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, answer, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == RTA_DST && mnl_attr_get_payload_len(attr) == len)
			memcpy(&route.addr, mnl_attr_get_payload(attr), len);
	}
	if (!(list->count & (list->count - 1)))
		room = reallocarray(room, list->count ? 2 * list->count : 1, sizeof(*room));
	if (!room)
		return MNL_CB_ERROR;
	list->routes = room;
	room[list->count++] = route;
	return MNL_CB_OK;
}

static int dump_routes(unsigned char family, struct netlink_routes *list)
{
	char buffer[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->rtm_family = family;
	return netlink_talk(request, take_route, list);
}

int netlink_routes_list(struct netlink_routes *ret)
{
	struct netlink_routes list = { 0 };
	int err = -EINTR;

	for (int attempt = 0; err == -EINTR && attempt < DUMP_ATTEMPTS; attempt++) {
		list.count = 0;
		free(list.routes);
		list.routes = NULL;
		err = dump_routes(AF_INET, &list);
		err = err ?: dump_routes(AF_INET6, &list);
	}
	if (err)
		free(list.routes);
	else
		*ret = list;
	return err;
}
