// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a cluster file wants of a node's network, in rows: file in, list of wishes out.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <netinet/icmp6.h>

#include "base/address.h"
#include "config_file.h"
#include "host/host.h"
#include "net_lab.h"
#include "host/netns.h"
#include "host/sysctl.h"
#include "host/undo.h"

/* v0, br0 with port p0, and namespace box with v1 (10.0.0.2). up0: 10.0.0.1. */
static void set_up(void)
{
	net_lab_enter();
	net_lab_run("ip netns add box && ip link add v0 type veth peer name v1 netns box && "
		    "ip -n box addr add 10.0.0.2/24 dev v1 && "
		    "ip link add br0 type bridge && "
		    "ip link add p0 type veth peer name p1 && ip link set p0 master br0 && "
		    "ip link add up0 type veth peer name up1 && ip addr add 10.0.0.1/24 dev up0");
}

#define FILE_HEAD                                      \
	HEAD "nodes:\n"                                \
	     " a: {access: {interfaces: [up0, v0]}}\n" \
	     " n: {service: {uplinks: [up0]}}\n"       \
	     " bad: {access: {interfaces: [eth9]}, service: {uplinks: [eth9]}}\n"

#define HOST      " host: {node: n, addresses: [10.0.0.1, 'fd00::1']}\n"
#define CONTAINER " box: {node: n, addresses: [10.0.0.2, 'fd00::2'], vnic: v0, netns: box}\n"
#define MACHINE   " vm: {node: n, addresses: [10.0.0.3, 'fd00::3'], vnic: p0}\n"

#define SERVICE(name, vip, restore, member)                                      \
	" " name ": {vip: '" vip "', port: 80, protocol: tcp, restore: " restore \
	", backends: {" member ": }}\n"

#define QUIET(netns, name)                                                           \
	netns " ipv4/conf/" name "/arp_ignore at least 1\n" netns " ipv4/conf/" name \
	      "/arp_announce at least 2\n"
#define LOOSE(name)           "- ipv4/conf/" name "/rp_filter not 1 but 2\n"
#define ACCEPT_LOCAL(name)    "- ipv4/conf/" name "/accept_local at least 1\n"
#define BOX                   "/run/netns/box"
#define FORWARD(family, name) "- " family "/conf/" name "/forwarding = 1\n"
#define KEEP_RA(name)         "- ipv6/conf/" name "/accept_ra not 1 but 2\n"

static const struct {
	const char *row, *node, *text;
	const char *wanted;
	const char *said; /* the first note */
	const char *error;
} rows[] = {
	{ "on the node", "n",
	  FILE_HEAD "backends:\n" HOST "services:\n" SERVICE("s", "192.0.2.1", "interface", "host")
		  SERVICE("t", "2001:db8::1", "interface", "host"),
	  "- 192.0.2.1\n- 2001:db8::1\n" QUIET("-", "all"), NULL, NULL },
	{ "nothing for source", "n",
	  FILE_HEAD "backends:\n" HOST "services:\n" SERVICE("s", "192.0.2.1", "source", "host"),
	  "", NULL, NULL },
	{ "another node's", "a",
	  FILE_HEAD "backends:\n" HOST "services:\n" SERVICE("s", "192.0.2.1", "interface", "host"),
	  FORWARD("ipv4", "up0") FORWARD("ipv4", "v0"), NULL, NULL },
	{ "container", "n",
	  FILE_HEAD "backends:\n" CONTAINER
		    "services:\n" SERVICE("s", "192.0.2.1", "interface", "box"),
	  BOX " 192.0.2.1\n" QUIET(BOX, "all") LOOSE("v0"), NULL, NULL },
	{ "one VIP, two services", "n",
	  FILE_HEAD "backends:\n" CONTAINER "services:\n" SERVICE(
		  "s", "192.0.2.1", "interface",
		  "box") " t: {vip: 192.0.2.1, port: 81, protocol: tcp, restore: interface, "
			 "backends: {box: }}\n",
	  BOX " 192.0.2.1\n" QUIET(BOX, "all") LOOSE("v0"), NULL, NULL },
	{ "container, IPv6, lo down", "n",
	  FILE_HEAD "backends:\n" CONTAINER
		    "services:\n" SERVICE("s", "2001:db8::1", "interface", "box"),
	  BOX " 2001:db8::1\n", "backend box: lo is down", NULL },
	{ "node and container", "n",
	  FILE_HEAD "backends:\n" HOST CONTAINER
		    "services:\n" SERVICE("s", "192.0.2.1", "interface", "box: , host"),
	  "- 192.0.2.1\n" BOX " 192.0.2.1\n" QUIET(BOX, "all") QUIET("-", "all") LOOSE("v0")
		  ACCEPT_LOCAL("v0"),
	  NULL, NULL },
	{ "machine at a bridge", "n",
	  FILE_HEAD "backends:\n" MACHINE
		    "services:\n" SERVICE("s", "192.0.2.1", "interface", "vm"),
	  LOOSE("p0") LOOSE("br0"), "make VIP 192.0.2.1 local in the guest", NULL },
	{ "vnic, source, IPv6", "n",
	  FILE_HEAD "backends:\n" MACHINE "services:\n" SERVICE("s", "2001:db8::1", "source", "vm"),
	  "", NULL, NULL },
	{ "access, IPv6", "a",
	  FILE_HEAD "backends:\n" HOST "services:\n" SERVICE("s", "2001:db8::1", "source", "host"),
	  KEEP_RA("up0") FORWARD("ipv6", "up0") KEEP_RA("v0") FORWARD("ipv6", "v0"),
	  "up0: net/ipv6/conf/all/forwarding is 0, the kernel forwards no IPv6", NULL },
	{ "no access interface", "bad",
	  FILE_HEAD "backends:\n" HOST "services:\n" SERVICE("s", "192.0.2.1", "source", "host"),
	  NULL, NULL, "bad: no interface eth9" },
	{ "no uplink", "bad",
	  HEAD "nodes:\n bad: {service: {uplinks: [eth9]}}\nbackends:\n"
	       " b: {node: bad, addresses: [10.0.0.1]}\n"
	       "services:\n" SERVICE("s", "192.0.2.1", "interface", "b"),
	  NULL, NULL, "bad: no interface eth9" },
	{ "no vnic", "n",
	  FILE_HEAD "backends:\n b: {node: n, addresses: [10.0.0.3], vnic: veth9}\n"
		    "services:\n" SERVICE("s", "192.0.2.1", "source", "b"),
	  NULL, NULL, "n: no interface veth9" },
	{ "no namespace", "n",
	  FILE_HEAD "backends:\n b: {node: n, addresses: [10.0.0.3], vnic: v0, netns: none}\n"
		    "services:\n" SERVICE("s", "192.0.2.1", "interface", "b"),
	  NULL, NULL, "n: backend b: no network namespace /run/netns/none" },
	{ "no such address", "n",
	  FILE_HEAD "backends:\n b: {node: n, addresses: [10.0.0.3], vnic: v0, netns: box}\n"
		    "services:\n" SERVICE("s", "192.0.2.1", "interface", "b"),
	  NULL, NULL, "n: backend b: no interface in /run/netns/box has 10.0.0.3" },
};

static void print_wanted(const struct host_wanted *wanted, FILE *out)
{
	static const char *const rules[] = {
		[HOST_EXACTLY] = "=",
		[HOST_AT_LEAST] = "at least",
		[HOST_NOT_ONE] = "not 1 but",
	};
	char text[ADDRESS_TEXT_LEN];

	for (size_t i = 0; i < wanted->address_count; i++) {
		const struct host_address *address = &wanted->addresses[i];

		fprintf(out, "%s %s\n", address->netns[0] ? address->netns : "-",
			address_print(&address->addr, address->family, text));
	}
	for (size_t i = 0; i < wanted->sysctl_count; i++) {
		const struct host_sysctl *sysctl = &wanted->sysctls[i];

		fprintf(out, "%s %s %s %s\n", sysctl->netns[0] ? sysctl->netns : "-", sysctl->path,
			rules[sysctl->rule], sysctl->value);
	}
}

static void check_wanted(size_t i, const struct host_wanted *wanted)
{
	const char *said = rows[i].said, *notes = wanted->notes.text;
	char text[4096] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	print_wanted(wanted, out);
	fclose(out);
	cr_expect_str_eq(text, rows[i].wanted, "%s: found\n%s", rows[i].row, text);
	cr_expect(said ? notes && strstr(notes, said) : !notes, "%s: %s", rows[i].row,
		  notes ? notes : "no note");
}

static void load(const char *row, const char *text, struct loaded *ret)
{
	load_text(text, NULL, ret);
	cr_assert_eq(ret->result, 0, "%s: %s", row, ret->errors.text);
}

Test(host_wanted, rows)
{
	struct host_wanted wanted;
	struct loaded loaded;
	struct error error;
	int node, err;

	set_up();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		load(rows[i].row, rows[i].text, &loaded);
		node = config_find_node(&loaded.config, rows[i].node);
		error.text[0] = '\0';
		err = host_wanted_build(&loaded.config, node, NULL, 0, &wanted, &error);
		cr_expect_eq(!err, !rows[i].error, "%s: %d %s", rows[i].row, err, error.text);
		if (err)
			cr_expect_str_eq(error.text, rows[i].error, "%s", rows[i].row);
		else
			check_wanted(i, &wanted);
		if (!err)
			host_wanted_free(&wanted);
		loaded_free(&loaded);
	}
}

/* One router advertisement from v1 in box to v0. */
static int advertise(void *arg)
{
	struct nd_router_advert ra = { .nd_ra_type = ND_ROUTER_ADVERT };
	struct sockaddr_in6 all = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), hops = 255;
	ssize_t sent;

	(void)arg;
	ra.nd_ra_router_lifetime = htons(1800);
	inet_pton(AF_INET6, "ff02::1", &all.sin6_addr);
	all.sin6_scope_id = if_nametoindex("v1");
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	sent = sendto(fd, &ra, sizeof(ra), 0, (struct sockaddr *)&all, sizeof(all));
	close(fd);
	return sent == sizeof(ra) ? 0 : -errno;
}

static bool has_default_route(void)
{
	return !net_lab_ask("ip -6 route show default dev v0 | grep -q 'proto ra'");
}

static void learn_default_route(void)
{
	net_lab_run("echo 0 >/proc/sys/net/ipv6/conf/v0/accept_dad && ip link set v0 up && "
		    "nsenter --net=" BOX " sh -c "
		    "'echo 0 >/proc/sys/net/ipv6/conf/v1/accept_dad; ip link set v1 up'");
	for (int attempt = 0; attempt < 50 && !has_default_route(); attempt++) {
		netns_run(BOX, advertise, NULL);
		usleep(100000);
	}
	cr_assert(has_default_route(), "no route from the router advertisement");
}

/* Forwarding on up0 must not cost the node the default route it has by v0. */
Test(host_wanted, routers_are_kept)
{
	static const char text[] = HEAD "nodes:\n a: {access: {interfaces: [up0]}}\n n: {service: "
					"{uplinks: [up0]}}\nbackends:\n" HOST
					"services:\n" SERVICE("s", "2001:db8::1", "source", "host");
	char value[SYSCTL_VALUE_LEN];
	struct host_wanted wanted;
	struct notes notes = { 0 };
	struct loaded loaded;
	struct error error;
	int undos;

	set_up();
	learn_default_route();
	undos = bpf_map_create(BPF_MAP_TYPE_HASH, "undos", sizeof(struct xdplb_undo_key),
			       sizeof(struct xdplb_undo), 64, NULL);
	cr_assert_geq(undos, 0, "needs CAP_BPF");
	load("routers", text, &loaded);
	cr_assert_eq(host_wanted_build(&loaded.config, 0, NULL, 0, &wanted, &error), 0, "%s",
		     error.text);
	cr_expect_eq(host_prepare(&wanted, undos, 1, &notes, &error), 0, "%s", error.text);
	cr_expect(strstr(notes.text, "the kernel forwards no IPv6"), "%s", notes.text);
	cr_expect_eq(sysctl_read("ipv6/conf/up0/forwarding", value), 0);
	cr_expect_str_eq(value, "1");
	cr_expect(has_default_route(), "lost by turning forwarding on");
	cr_expect_eq(host_undo_all(undos, &notes), 0);
	cr_expect_eq(sysctl_read("ipv6/conf/v0/accept_ra", value), 0);
	cr_expect_str_eq(value, "1");
	cr_expect(has_default_route(), "lost by turning forwarding off");
	host_wanted_free(&wanted);
	notes_free(&notes);
	loaded_free(&loaded);
	close(undos);
}
