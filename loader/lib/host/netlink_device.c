// SPDX-License-Identifier: BSD-2-Clause
/*
 * Network devices, their addresses and neighbours.
 */
#include "host/netlink_device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>

#include "host/netlink_talk.h"

#define REQUEST_SIZE 1024

/* Addresses of an interface that are looked at. */
#define PREFIXES_MAX 64

#define BUFFER(name) char name[REQUEST_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)))

static int address_family(__u8 family)
{
	return family == XDPLB_IPV4 ? AF_INET : AF_INET6;
}

static size_t address_len(__u8 family)
{
	return family == XDPLB_IPV4 ? sizeof(__be32) : sizeof(struct xdplb_addr);
}

/* ---- devices ---- */

static struct nlmsghdr *link_request(char *buffer, uint16_t type, const char *name)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return request;
}

static int set_up(const char *name)
{
	BUFFER(buffer);
	struct nlmsghdr *request = link_request(buffer, RTM_NEWLINK, name);
	struct ifinfomsg *head = mnl_nlmsg_get_payload(request);

	head->ifi_flags = head->ifi_change = IFF_UP;
	return netlink_talk(request, NULL, NULL);
}

int netlink_veth_make(const char *name, const char *peer)
{
	BUFFER(buffer);
	struct nlmsghdr *request = link_request(buffer, RTM_NEWLINK, name);
	struct nlattr *info, *data, *end;
	int err;

	request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	end = mnl_attr_nest_start(request, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, peer);
	mnl_attr_nest_end(request, end);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	err = netlink_talk(request, NULL, NULL);
	/* Not at once: veth_open() fails while the two do not know each other yet. */
	if (!err)
		err = set_up(peer);
	return err ? err : set_up(name);
}

int netlink_link_delete(const char *name)
{
	BUFFER(buffer);

	return netlink_talk(link_request(buffer, RTM_DELLINK, name), NULL, NULL);
}

/* One ioctl about an interface, on a socket of its own. */
static int ask_interface(const char *name, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	err = ioctl(fd, what, request) ? -errno : 0;
	close(fd);
	return err;
}

int netlink_link_mac(const char *name, uint8_t ret_mac[6])
{
	struct ifreq request = { 0 };
	int err = ask_interface(name, SIOCGIFHWADDR, &request);

	if (!err)
		memcpy(ret_mac, request.ifr_hwaddr.sa_data, 6);
	return err;
}

int netlink_tx_offload(const char *name, bool *ret_on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GTXCSUM };
	struct ifreq request = { .ifr_data = (void *)&value };
	int err = ask_interface(name, SIOCETHTOOL, &request);

	*ret_on = !err && value.data;
	return err;
}

int netlink_tx_offload_set(const char *name, bool on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = on };
	struct ifreq request = { .ifr_data = (void *)&value };

	return ask_interface(name, SIOCETHTOOL, &request);
}

bool netlink_is_veth(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };

	return !ask_interface(name, SIOCETHTOOL, &request) && !strcmp(info.driver, "veth");
}

/* ---- addresses ---- */

static int talk_prefix(uint16_t type, unsigned int ifindex, const struct netlink_prefix *prefix)
{
	BUFFER(buffer);
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (type == RTM_NEWADDR)
		request->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	head->ifa_family = (unsigned char)address_family(prefix->family);
	head->ifa_prefixlen = prefix->length;
	head->ifa_index = ifindex;
	head->ifa_flags = prefix->family == XDPLB_IPV6 ? IFA_F_NODAD : 0;
	mnl_attr_put(request, IFA_LOCAL, address_len(prefix->family), &prefix->addr);
	mnl_attr_put(request, IFA_ADDRESS, address_len(prefix->family), &prefix->addr);
	return netlink_talk(request, NULL, NULL);
}

int netlink_prefix_add(const char *name, const struct netlink_prefix *prefix)
{
	return talk_prefix(RTM_NEWADDR, if_nametoindex(name), prefix);
}

struct prefix_list {
	unsigned int ifindex;
	struct netlink_prefix list[PREFIXES_MAX];
	size_t count;
};

static int take_prefix(const struct nlmsghdr *answer, void *arg)
{
	const struct ifaddrmsg *head = mnl_nlmsg_get_payload(answer);
	struct prefix_list *prefixes = arg;
	struct netlink_prefix prefix = { .length = head->ifa_prefixlen };
	const struct nlattr *attr;

	if (head->ifa_index != prefixes->ifindex || head->ifa_scope == RT_SCOPE_LINK ||
	    prefixes->count == PREFIXES_MAX)
		return MNL_CB_OK;
	prefix.family = head->ifa_family == AF_INET ? XDPLB_IPV4 : XDPLB_IPV6;
	mnl_attr_for_each(attr, answer, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == IFA_ADDRESS &&
		    mnl_attr_get_payload_len(attr) >= address_len(prefix.family))
			memcpy(&prefix.addr, mnl_attr_get_payload(attr),
			       address_len(prefix.family));
	}
	prefixes->list[prefixes->count++] = prefix;
	return MNL_CB_OK;
}

static bool is_listed(const struct netlink_prefix *list, size_t count,
		      const struct netlink_prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].family == prefix->family && list[i].length == prefix->length &&
		    !memcmp(&list[i].addr, &prefix->addr, sizeof(prefix->addr)))
			return true;
	return false;
}

int netlink_prefixes_keep(const char *name, const struct netlink_prefix *list, size_t count)
{
	struct prefix_list there = { .ifindex = if_nametoindex(name) };
	BUFFER(buffer);
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
	int err;

	request->nlmsg_type = RTM_GETADDR;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->ifa_family = AF_UNSPEC;
	err = netlink_talk(request, take_prefix, &there);
	for (size_t i = 0; !err && i < there.count; i++)
		if (!is_listed(list, count, &there.list[i]))
			err = talk_prefix(RTM_DELADDR, there.ifindex, &there.list[i]);
	return err;
}

/* ---- neighbours ---- */

static struct nlmsghdr *neighbour_request(char *buffer, unsigned int ifindex,
					  const struct xdplb_addr *addr, __u8 family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ndmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->ndm_family = (unsigned char)address_family(family);
	head->ndm_ifindex = (int)ifindex;
	mnl_attr_put(request, NDA_DST, address_len(family), addr);
	return request;
}

int netlink_neighbour_put(const char *name, const struct xdplb_addr *addr, __u8 family,
			  const uint8_t mac[6])
{
	BUFFER(buffer);
	struct nlmsghdr *request = neighbour_request(buffer, if_nametoindex(name), addr, family);
	struct ndmsg *head = mnl_nlmsg_get_payload(request);

	request->nlmsg_type = RTM_NEWNEIGH;
	request->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	head->ndm_state = NUD_PERMANENT;
	mnl_attr_put(request, NDA_LLADDR, 6, mac);
	return netlink_talk(request, NULL, NULL);
}

int netlink_neighbour_ask(unsigned int ifindex, const struct xdplb_addr *addr, __u8 family)
{
	BUFFER(buffer);
	struct nlmsghdr *request = neighbour_request(buffer, ifindex, addr, family);
	struct ndmsg *head = mnl_nlmsg_get_payload(request);

	request->nlmsg_type = RTM_NEWNEIGH;
	request->nlmsg_flags |= NLM_F_CREATE;
	head->ndm_flags = NTF_USE;
	head->ndm_state = NUD_NONE;
	return netlink_talk(request, NULL, NULL);
}

struct neighbour {
	uint8_t mac[6];
	bool is_known;
};

static int take_neighbour(const struct nlmsghdr *answer, void *arg)
{
	const struct ndmsg *head = mnl_nlmsg_get_payload(answer);
	struct neighbour *neighbour = arg;
	const struct nlattr *attr;

	if (answer->nlmsg_type != RTM_NEWNEIGH ||
	    head->ndm_state & (NUD_NONE | NUD_INCOMPLETE | NUD_FAILED))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, answer, sizeof(*head))
	{
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == 6) {
			memcpy(neighbour->mac, mnl_attr_get_payload(attr), 6);
			neighbour->is_known = true;
		}
	}
	return MNL_CB_OK;
}

int netlink_neighbour_get(unsigned int ifindex, const struct xdplb_addr *addr, __u8 family,
			  uint8_t ret_mac[6])
{
	BUFFER(buffer);
	struct nlmsghdr *request = neighbour_request(buffer, ifindex, addr, family);
	struct neighbour neighbour = { 0 };
	int err;

	request->nlmsg_type = RTM_GETNEIGH;
	err = netlink_talk(request, take_neighbour, &neighbour);
	if (err)
		return err;
	if (!neighbour.is_known)
		return -ENOENT;
	memcpy(ret_mac, neighbour.mac, sizeof(neighbour.mac));
	return 0;
}
