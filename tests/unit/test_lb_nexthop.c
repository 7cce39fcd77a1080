// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lb_xdp: the way to a member when its entry holds none. Each test has a network namespace of its own:
 *
 *   client -- in0 (this node) out0 -- backend
 *
 * Packets come in by in0, where the program is also attached, so that its receive queue is known to
 * BPF_PROG_TEST_RUN.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node_setup.h"

#define BACKEND_MAC "02:be:00:00:00:01"

static void command(const char *line)
{
	cr_assert_eq(system(line), 0, "%s: failed", line);
}

static void enter_netns(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "cannot make a network namespace");
	command("ip link set lo up");
	command("ip link add in0 address 02:ac:00:00:00:10 type veth peer name in1");
	command("ip link add out0 address 02:ac:00:00:00:20 type veth peer name out1");
	command("for i in in0 in1 out0 out1; do ip link set $i up; done");
	command("ip addr add 198.51.100.1/24 dev in0");
	command("ip addr add 2001:db8:c::1/64 dev in0 nodad");
	command("ip addr add 10.1.0.254/24 dev out0");
	command("ip addr add fd00:1::254/64 dev out0 nodad");
	command("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
}

struct fib_setup {
	struct lb_setup lb;
	__u32 in;
	__u32 out;
};

/* Says that lb_xdp stands on an interface, so that frames may be redirected there. */
static void stand_on(struct lb_setup *lb, __u32 ifindex)
{
	__u32 one = 1;

	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(lb->skel->maps.interfaces), &ifindex, &one, 0),
		     0);
}

static void open_fib(struct fib_setup *ret_fib)
{
	int err;

	enter_netns();
	ret_fib->in = if_nametoindex("in0");
	ret_fib->out = if_nametoindex("out0");
	lb_setup_open(&ret_fib->lb);
	lb_setup_fill(&ret_fib->lb, 0);
	err = bpf_xdp_attach(ret_fib->in, bpf_program__fd(ret_fib->lb.skel->progs.lb_xdp), 0, NULL);
	cr_assert_eq(err, 0, "cannot attach to in0: %s", strerror(-err));
	stand_on(&ret_fib->lb, ret_fib->in);
	stand_on(&ret_fib->lb, ret_fib->out);
}

static void close_fib(struct fib_setup *fib)
{
	lb_setup_close(&fib->lb);
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
}

static void add_neighbours(void)
{
	command("ip neigh replace 10.1.0.1 lladdr " BACKEND_MAC " dev out0 nud permanent");
	command("ip neigh replace fd00:1::1 lladdr " BACKEND_MAC " dev out0 nud permanent");
}

/* The usual packet rewritten but for TTL and MAC addresses. */
static struct packet_spec left_to_kernel(const struct packet_spec *in)
{
	struct setup_member member = setup_member(in->family, in->proto, 0);
	struct packet_spec out = *in;

	setup_mark(&out, &in->dest);
	out.dest.addr = member.to.addr;
	out.dest.port = member.to.port;
	return out;
}

struct fib_row {
	const char *name;
	const char *command; /* run before the packet */
	int verdict;
	int drop;
	__u64 events;
};

static const struct fib_row fib_rows[] = {
	{ "no neighbour yet", NULL, XDP_PASS, NO_DROP, EVENT(LEFT_TO_KERNEL) },
	{ "unreachable route",
	  "ip route add unreachable 10.1.0.1/32; ip route add unreachable fd00:1::1/128", XDP_DROP,
	  XDPLB_DROP_NO_ROUTE, 0 },
	{ "prohibit route",
	  "ip route add prohibit 10.1.0.1/32; ip route add prohibit fd00:1::1/128", XDP_DROP,
	  XDPLB_DROP_NO_ROUTE, 0 },
	{ "blackhole route",
	  "ip route add blackhole 10.1.0.1/32; ip route add blackhole fd00:1::1/128", XDP_DROP,
	  XDPLB_DROP_NO_ROUTE, 0 },
	{ "forwarding off on the interface",
	  "sysctl -qw net.ipv4.conf.in0.forwarding=0 net.ipv6.conf.in0.forwarding=0", XDP_DROP,
	  XDPLB_DROP_NO_ROUTE, 0 },
	{ "no route at all", "ip route flush table main; ip -6 route flush table main", XDP_PASS,
	  NO_DROP, EVENT(LEFT_TO_KERNEL) },
	{ "a way by a device without lb_xdp",
	  "ip link add br0 up type bridge; ip addr flush dev out0; "
	  "ip addr add 10.1.0.254/24 dev br0; ip addr add fd00:1::254/64 dev br0 nodad; "
	  "ip neigh add 10.1.0.1 lladdr " BACKEND_MAC " dev br0 nud permanent; "
	  "ip neigh add fd00:1::1 lladdr " BACKEND_MAC " dev br0 nud permanent",
	  XDP_PASS, NO_DROP, EVENT(LEFT_TO_KERNEL) },
	{ "local backend", "ip addr add 10.1.0.1/32 dev lo; ip addr add fd00:1::1/128 dev lo nodad",
	  XDP_PASS, NO_DROP, EVENT(LEFT_TO_KERNEL) },
};

static void run_fib_row(const struct fib_row *row)
{
	struct fib_setup fib;
	char name[96];

	open_fib(&fib);
	if (row->command)
		command(row->command);
	for (int i = 0; i < 4; i++) {
		struct packet_spec in = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		struct packet_spec out = left_to_kernel(&in);
		struct test_packet packet, want;
		struct expected expected = {
			row->verdict,
			row->drop == NO_DROP ? &want : NULL,
			row->drop,
			row->events,
		};
		__u32 member = setup_service(in.family, in.proto);

		packet_build(&in, &packet);
		packet_build(&out, &want);
		snprintf(name, sizeof(name), "%s, %s", setup_kind(in.family, in.proto), row->name);
		check_run(name, fib.lb.skel->progs.lb_xdp, fib.lb.counters, &packet, fib.in,
			  &expected);
		cr_assert_eq(lb_setup_read(&fib.lb, member).nexthop.expires, 0,
			     "%s: kept a next hop", name);
		cr_assert_eq(lb_setup_traffic(&fib.lb, member).packets, row->drop == NO_DROP,
			     "%s: traffic", name);
	}
	close_fib(&fib);
}

Test(lb_nexthop, not_learned)
{
	for (size_t r = 0; r < sizeof(fib_rows) / sizeof(fib_rows[0]); r++)
		run_fib_row(&fib_rows[r]);
}

/* Runs the usual packet, which is to leave by out0. */
static void check_sent(const char *row, struct fib_setup *fib, __u8 family, __u8 proto,
		       __u64 events)
{
	static const __u8 out0_mac[6] = { 0x02, 0xac, 0, 0, 0, 0x20 };
	struct packet_spec in = setup_spec(family, proto), out = left_to_kernel(&in);
	struct setup_member member = setup_member(family, proto, 0);
	struct test_packet packet, want;
	struct expected expected = { XDP_REDIRECT, &want, NO_DROP, events };
	char name[96];

	out.ttl--;
	memcpy(out.source.mac, out0_mac, 6);
	memcpy(out.dest.mac, member.to.mac, 6);
	packet_build(&in, &packet);
	packet_build(&out, &want);
	snprintf(name, sizeof(name), "%s, %s", setup_kind(family, proto), row);
	check_run(name, fib->lb.skel->progs.lb_xdp, fib->lb.counters, &packet, fib->in, &expected);
}

static void set_expires(struct lb_setup *lb, __u32 index, __u64 expires)
{
	struct xdplb_member member = lb_setup_read(lb, index);

	member.nexthop.expires = expires;
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(lb->skel->maps.members), &index, &member, 0),
		     0);
}

/* The first packet asks the kernel, later ones need no answer until the entry expires. */
Test(lb_nexthop, learned_kept_renewed)
{
	static const __u8 dmac[6] = { 0x02, 0xbe, 0, 0, 0, 1 };
	static const __u8 smac[6] = { 0x02, 0xac, 0, 0, 0, 0x20 };
	struct fib_setup fib;

	open_fib(&fib);
	command("ip route change 10.1.0.0/24 dev out0 mtu lock 1400; "
		"ip -6 route replace fd00:1::/64 dev out0 mtu lock 1400 metric 256");
	for (int i = 0; i < 4; i++) {
		__u8 family = setup_families[i / 2], proto = setup_protos[i % 2];
		__u32 index = setup_service(family, proto);
		struct xdplb_nexthop hop;

		add_neighbours();
		check_sent("first packet", &fib, family, proto, EVENT(NEXTHOP_LEARNED));
		hop = lb_setup_read(&fib.lb, index).nexthop;
		cr_assert_eq(memcmp(hop.dmac, dmac, 6), 0, "destination MAC address");
		cr_assert_eq(memcmp(hop.smac, smac, 6), 0, "source MAC address");
		cr_assert_eq(hop.ifindex, fib.out, "interface %u", hop.ifindex);
		cr_assert_gt(hop.expires, 1ULL);
		cr_assert_eq(lb_setup_read(&fib.lb, index).mtu, 1400, "MTU of the route: %u",
			     lb_setup_read(&fib.lb, index).mtu);
		check_sent("second packet", &fib, family, proto, 0);
		set_expires(&fib.lb, index, ~0ULL);
		command("ip neigh flush all nud permanent");
		check_sent("the neighbour has gone", &fib, family, proto, 0);
		add_neighbours();
		set_expires(&fib.lb, index, 1);
		check_sent("expired long ago", &fib, family, proto, EVENT(NEXTHOP_LEARNED));
		hop = lb_setup_read(&fib.lb, index).nexthop;
		usleep(20000);
		set_expires(&fib.lb, index, hop.expires - fib.lb.skel->rodata->nexthop_lifetime);
		check_sent("expires now", &fib, family, proto, EVENT(NEXTHOP_LEARNED));
		cr_assert_gt(lb_setup_read(&fib.lb, index).nexthop.expires, hop.expires,
			     "not renewed");
	}
	close_fib(&fib);
}

/* The route leads back out of the interface the packet came in by: XDP_TX. */
Test(lb_nexthop, back_by_the_same_interface)
{
	static const __u8 in0_mac[6] = { 0x02, 0xac, 0, 0, 0, 0x10 };
	struct fib_setup fib;

	open_fib(&fib);
	command("ip route add 10.1.0.1/32 via 198.51.100.99 dev in0");
	command("ip -6 route add fd00:1::1/128 via 2001:db8:c::99 dev in0");
	command("ip neigh add 198.51.100.99 lladdr 02:00:00:00:00:99 dev in0 nud permanent");
	command("ip neigh add 2001:db8:c::99 lladdr 02:00:00:00:00:99 dev in0 nud permanent");
	for (int i = 0; i < 4; i++) {
		struct packet_spec in = setup_spec(setup_families[i / 2], setup_protos[i % 2]);
		struct packet_spec out = left_to_kernel(&in);
		struct test_packet packet, want;
		struct expected expected = { XDP_TX, &want, NO_DROP, EVENT(NEXTHOP_LEARNED) };

		out.ttl--;
		memcpy(out.source.mac, in0_mac, 6);
		memcpy(out.dest.mac, (__u8[]){ 2, 0, 0, 0, 0, 0x99 }, 6);
		packet_build(&in, &packet);
		packet_build(&out, &want);
		check_run(setup_kind(in.family, in.proto), fib.lb.skel->progs.lb_xdp,
			  fib.lb.counters, &packet, fib.in, &expected);
	}
	close_fib(&fib);
}
