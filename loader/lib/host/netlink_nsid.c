// SPDX-License-Identifier: BSD-2-Clause
/*
 * Numbers of network namespaces (rtnetlink, RTM_GETNSID).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "host/netlink.h"
#include "host/netlink_talk.h"

static int read_number(const struct nlmsghdr *answer, void *arg)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, answer, sizeof(struct rtgenmsg))
	{
		if (mnl_attr_get_type(attr) == NETNSA_NSID)
			*(int32_t *)arg = (int32_t)mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

static int ask(uint16_t type, int fd, int32_t *ret_number)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *head = mnl_nlmsg_put_extra_header(request, sizeof(*head));

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(request, NETNSA_FD, (uint32_t)fd);
	if (type == RTM_NEWNSID)
		mnl_attr_put_u32(request, NETNSA_NSID, (uint32_t)-1); /* any */
	return netlink_talk(request, read_number, ret_number);
}

int netlink_netns_number(const char *path, int32_t *ret_number)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	*ret_number = -1;
	err = ask(RTM_GETNSID, fd, ret_number);
	if (!err && *ret_number < 0) {
		err = ask(RTM_NEWNSID, fd, ret_number);
		if (!err || err == -EEXIST)
			err = ask(RTM_GETNSID, fd, ret_number);
	}
	close(fd);
	return !err && *ret_number < 0 ? -ENOENT : err;
}
