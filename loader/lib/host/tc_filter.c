// SPDX-License-Identifier: BSD-2-Clause
/*
 * Filters under clsact, by libbpf; who else has filters there, by a netlink dump.
 */
#include "host/tc_filter.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/maps.h"
#include "xdplb/infos.h"

/* Where our filter stands: a priority of its own, so that it never replaces another's. */
#define FILTER_PRIORITY 22596
#define FILTER_HANDLE   1

static struct xdplb_undo_key filter_key(const char *interface, bool ingress)
{
	struct xdplb_undo_key key = { .kind = 'f' };

	snprintf(key.what, sizeof(key.what), "%s/%s", interface, ingress ? "ingress" : "egress");
	return key;
}

static struct xdplb_undo_key qdisc_key(const char *interface)
{
	struct xdplb_undo_key key = { .kind = 'q' };

	snprintf(key.what, sizeof(key.what), "%s", interface);
	return key;
}

static bool recorded(int undo_fd, const struct xdplb_undo_key *key)
{
	struct xdplb_undo undo;

	return !map_get(undo_fd, key, &undo);
}

static int make_qdisc(const char *interface, int ifindex, int undo_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
			    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct xdplb_undo_key key = qdisc_key(interface);
	struct xdplb_undo undo = { 0 };
	int err = bpf_tc_hook_create(&hook);

	if (err == -EEXIST)
		return 0;
	return err ? err : map_put(undo_fd, &key, &undo);
}

int tc_filter_attach(const char *interface, bool ingress, int prog_fd, int undo_fd,
		     struct error *error)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(interface),
			    .attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
			    .prog_fd = prog_fd);
	struct xdplb_undo_key key = filter_key(interface, ingress);
	struct xdplb_undo undo = { 0 };
	int err = make_qdisc(interface, hook.ifindex, undo_fd);

	if (err)
		return fail_errno(error, err, "%s: cannot add a clsact qdisc", interface);
	if (recorded(undo_fd, &key))
		opts.flags = BPF_TC_F_REPLACE;
	err = map_put(undo_fd, &key, &undo);
	if (!err)
		err = bpf_tc_attach(&hook, &opts);
	if (err)
		return fail_errno(error, err, "%s: cannot add a filter at %s", interface,
				  ingress ? "ingress" : "egress");
	return 0;
}

unsigned int tc_filter_program(const char *interface, bool ingress, int undo_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(interface),
			    .attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
			    .priority = FILTER_PRIORITY);
	struct xdplb_undo_key key = filter_key(interface, ingress);

	if (!hook.ifindex || !recorded(undo_fd, &key) || bpf_tc_query(&hook, &opts))
		return 0;
	return opts.prog_id;
}

/* Counts the filters in a dump that have a handle: a chain's head comes without one. */
static int count_filter(const struct nlmsghdr *message, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == RTM_NEWTFILTER && tc->tcm_handle)
		++*(size_t *)data;
	return MNL_CB_OK;
}

static int dump_filters(struct mnl_socket *socket, int ifindex, uint32_t parent, size_t *count)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	uint32_t seq = time(NULL);
	struct tcmsg *tc;
	ssize_t len;
	int more = MNL_CB_OK;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = seq;
	tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = parent;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (len < 0)
			return -errno;
		more = mnl_cb_run(buffer, len, seq, mnl_socket_get_portid(socket), count_filter,
				  count);
	}
	return more < 0 ? -errno : 0;
}

/* Has anybody a filter under this interface's clsact? When in doubt, yes. */
static bool filters_left(int ifindex)
{
	const uint32_t parents[] = {
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	};
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	size_t count = 0;
	int err;

	if (!socket)
		return true;
	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID);
	for (int i = 0; i < 2 && !err; i++)
		err = dump_filters(socket, ifindex, parents[i], &count);
	mnl_socket_close(socket);
	return err || count;
}

int tc_filter_detach(const char *interface, bool ingress, int undo_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(interface),
			    .attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE,
			    .priority = FILTER_PRIORITY);
	struct xdplb_undo_key key = filter_key(interface, ingress), qdisc = qdisc_key(interface);
	int err = 0;

	if (hook.ifindex)
		err = bpf_tc_detach(&hook, &opts);
	if (err == -ENOENT)
		err = 0;
	if (err)
		return err;
	map_delete(undo_fd, &key);
	if (!recorded(undo_fd, &qdisc))
		return 0;
	if (hook.ifindex) {
		if (filters_left(hook.ifindex))
			return 0;
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
	return map_delete(undo_fd, &qdisc);
}
