// SPDX-License-Identifier: BSD-2-Clause
/*
 * Links and tunnels of the cluster file: what is read, and the ways that are found.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_tunnel_text.h"

static const struct config_tunnel *find_tunnel(const struct loaded *loaded, const char *name)
{
	size_t i = 0;

	while (i < loaded->config.tunnel_count && strcmp(loaded->config.tunnels[i].name, name))
		i++;
	cr_assert_lt(i, loaded->config.tunnel_count, "no tunnel %s", name);
	return &loaded->config.tunnels[i];
}

/* A direction's links as text: "p1 bc". */
static const char *way(const struct loaded *loaded, const struct config_tunnel *tunnel,
		       int direction)
{
	static char text[2][256];
	const struct cspf_path *path = &tunnel->lsps[direction].path;

	text[direction][0] = '\0';
	for (size_t i = 0; i < path->count; i++) {
		strcat(text[direction], i ? " " : "");
		strcat(text[direction], loaded->config.links[path->links[i]].name);
	}
	return text[direction];
}

static void load_fine(const char *text, struct loaded *ret)
{
	load_text(text, NULL, ret);
	cr_assert_eq(ret->result, 0, "%s\n%s", text, ret->errors.text);
}

Test(config_tunnels, links_are_joined)
{
	const struct config_link *link;
	struct loaded loaded;

	load_fine(HEAD "nodes:\n" NODE_A NODE_B NODE_C, &loaded);
	cr_assert_eq(loaded.config.link_count, 4);
	link = &loaded.config.links[1];
	cr_expect_str_eq(link->name, "bc");
	cr_expect_eq(link->ends[0].node, 1);
	cr_expect_str_eq(link->ends[0].interface, "eth3");
	cr_expect_str_eq(link->ends[1].interface, "eth2");
	cr_expect_eq(link->metric, 10);
	cr_expect_eq(link->bandwidth, 10000000);
	cr_expect_eq(link->affinity, 3);
	cr_expect_eq(link->srlg_count, 2);
	cr_expect_eq(link->srlgs[0], 3, "ascending");
	link = &loaded.config.links[0];
	cr_expect_eq(link->delay_ns, 300000);
	cr_expect_eq(link->bandwidth, UINT64_MAX);
	link = &loaded.config.links[3];
	cr_expect_eq(link->metric, 20, "the higher one of p2");
	cr_expect_eq(loaded.config.nodes[0].mpls.label_last, 1999);
	cr_expect_eq(loaded.config.nodes[0].mpls.depth, 8);
	cr_expect_eq(loaded.config.nodes[0].mpls.ttl, 255);
	cr_expect_eq(loaded.config.nodes[0].mpls.traffic_class, 6);
	loaded_free(&loaded);
}

Test(config_tunnels, everything_is_read)
{
	static const struct config_tunnel *tunnel;
	struct loaded loaded;

	load_fine(
		HEAD
		"nodes:\n"
		" a: {mpls: {labels: {first: 16, last: 30}, depth: 3, ttl: 9,"
		" traffic_class: 5, php: yes}, te: {links: {l: {interface: eth0,"
		" mac: '02:00:00:00:00:0a'}}}}\n"
		" b: {" MPLS(
			"16",
			"30") ", te: {links: {l: {interface: eth0,"
			      " address: 'fd00::2', mac: '02:00:00:00:00:0B'}}}}\n"
			      "tunnels:\n"
			      " t: {ends: [b, a], interface: {a: ptpa, b: ptpb}, addresses: {a:"
			      " [10.9.0.1/30, 'fd09::1/64']}, match: {transport: [ipv6, ethernet],"
			      " domain: 0, peers: ['fd09::2']}, probe_interval: 10ms, "
			      "probe_missed: 2,"
			      " transparent_clock: off, protect_by: s, metric: delay}\n"
			      " s: {ends: [b, a], bandwidth: 64k}\n",
		&loaded);
	tunnel = find_tunnel(&loaded, "t");
	cr_expect_eq(tunnel->kind, CONFIG_TUNNEL_INTERFACE);
	cr_expect_eq(tunnel->ends[0].node, 1);
	cr_expect_str_eq(tunnel->ends[0].interface, "ptpb");
	cr_expect_str_eq(tunnel->ends[1].interface, "ptpa");
	cr_expect_eq(tunnel->ends[1].ipv4.length, 30);
	cr_expect_eq(tunnel->ends[1].ipv6.length, 64);
	cr_expect_eq(tunnel->ends[0].ipv4.family, 0);
	cr_expect_eq(tunnel->match.transports, CONFIG_PTP_IPV6 | CONFIG_PTP_ETHERNET);
	cr_expect(tunnel->match.has_domain);
	cr_expect_eq(tunnel->match.peer_count, 1);
	cr_expect_eq(tunnel->probe_interval_ms, 10);
	cr_expect_eq(tunnel->probe_missed, 2);
	cr_expect(!tunnel->transparent_clock);
	cr_expect(tunnel->by_delay);
	cr_expect_eq(tunnel->protect_by, 0);
	cr_expect_eq(config_protected_by(&loaded.config, 0), 1);
	cr_expect_eq(loaded.config.tunnels[0].kind, CONFIG_TUNNEL_SPARE);
	cr_expect_eq(loaded.config.tunnels[0].bandwidth, 64000);
	cr_expect(loaded.config.nodes[0].mpls.php);
	cr_expect_eq(loaded.config.nodes[0].mpls.depth, 3);
	cr_expect_eq(loaded.config.links[0].ends[1].mac[5], 0x0b);
	loaded_free(&loaded);
}

static const struct {
	const char *tunnels;
	const char *name, *there, *back;
} ways[] = {
	{ TUNNEL(""), "t", "p1", "p1" },
	{ TUNNEL(", path: [p2]"), "t", "p2", "p2" },
	{ TUNNEL(", path: [{link: bc, loose: yes}]"), "t", "ac bc", "bc ac" },
	{ TUNNEL(", path: [ac, bc], reverse_path: [bc, ac]"), "t", "ac bc", "bc ac" },
	{ TO_TUNNELS " t: {ends: [b, c], interface: ptp0, exclude: [old]}\n", "t", "p1 ac",
	  "ac p1" },
	{ TO_TUNNELS " t: {ends: [b, c], interface: ptp0, bandwidth: 11M}\n", "t", "p1 ac",
	  "ac p1" },
	{ TO_TUNNELS " t: {ends: [b, c], interface: ptp0, bandwidth: 6M}\n"
		     " r: {ends: [b, c], interface: ptp1, bandwidth: 6M}\n",
	  "t", "p1 ac", "ac p1" },
	{ TO_TUNNELS " t: {ends: [a, c], interface: ptp0, metric: delay}\n", "t", "p1 bc",
	  "bc p1" },
	{ TUNNEL("}\n u: {ends: [a, b], interface: ptp1, disjoint_from: t"), "u", "p2", "p2" },
	{ TUNNEL(", disjoint_from: u}\n u: {ends: [a, b], interface: ptp1"), "t", "p2", "p2" },
	/* p2 and bc share a risk. */
	{ TUNNEL(", path: [p2]}\n u: {ends: [a, b], interface: ptp1, exclude: [], disjoint_from: "
		 "t"),
	  "u", "p1", "p1" },
	{ TUNNEL(", corouted: no, path: [p1], reverse_path: [p2]"), "t", "p1", "p2" },
	{ TUNNEL(", corouted: no, path: [ac, bc]"), "t", "ac bc", "p1" },
};

Test(config_tunnels, ways)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct config_tunnel *tunnel;
		struct loaded loaded;

		load_fine(ways[i].tunnels, &loaded);
		tunnel = find_tunnel(&loaded, ways[i].name);
		cr_expect_str_eq(way(&loaded, tunnel, 0), ways[i].there, "%s: %s", ways[i].tunnels,
				 way(&loaded, tunnel, 0));
		cr_expect_str_eq(way(&loaded, tunnel, 1), ways[i].back, "%s: %s", ways[i].tunnels,
				 way(&loaded, tunnel, 1));
		loaded_free(&loaded);
	}
}

Test(config_tunnels, forced_asymmetry_is_loud)
{
	struct loaded loaded;

	load_fine(TUNNEL(", corouted: no"), &loaded);
	cr_expect_eq(loaded.errors.count, 1);
	cr_expect(strstr(loaded.errors.text, "/c.yaml:8: tunnels.t.corouted: the directions need "
					     "not take the same links: clocks will be off by half "
					     "the difference of their delays\n"),
		  "%s", loaded.errors.text);
	loaded_free(&loaded);
}

/* ---- errors ---- */

#define BOTH_BLOCKS ", expected both `mpls` and `te` at each end of a tunnel"

static const struct {
	const char *text;
	const char *expected;
} errors[] = {
	{ HEAD "nodes:\n x: {address: 10.0.0.1}\n",
	  "4: nodes.x: found none of access, service, mpls and te, expected one" },
	{ HEAD "nodes:\n x: {mpls: }\n",
	  "4: nodes.x.mpls.labels: found nothing, expected a mapping of first and last" },
	{ HEAD "nodes:\n x: {" MPLS("15", "20") "}\n",
	  "4: nodes.x.mpls.labels.first: found \"15\", expected a label from 16 to 1048575" },
	{ HEAD "nodes:\n x: {" MPLS("16", "1048576") "}\n",
	  "4: nodes.x.mpls.labels.last: found \"1048576\", expected a label from 16 to 1048575" },
	{ HEAD "nodes:\n x: {" MPLS("17", "16") "}\n",
	  "4: nodes.x.mpls.labels.last: found a range from 17 to 16, expected first <= last" },
	{ HEAD "nodes:\n x: {mpls: {labels: {first: 16, last: 17}, depth: 9}}\n",
	  "4: nodes.x.mpls.depth: found \"9\", expected a number of labels from 1 to 8" },
	{ HEAD "nodes:\n x: {mpls: {labels: {first: 16, last: 17}, php: maybe}}\n",
	  "4: nodes.x.mpls.php: found \"maybe\", expected true or yes or on or false or no or "
	  "off" },
	{ HEAD "nodes:\n x: {te: {}}\n",
	  "4: nodes.x.te.links: found nothing, expected a mapping of the node's links" },
	{ HEAD "nodes:\n x: {te: {links: {l: {address: 10.0.0.1}}}}\n",
	  "4: nodes.x.te.links.l.interface: found nothing, expected an interface's name" },
	{ HEAD "nodes:\n x: {te: {links: {l: {interface: e, address: 10.0.0.1}}}}\n",
	  "4: nodes.x.te.links.l: found link l at node x alone, expected it at two nodes" },
	{ HEAD "nodes:\n" NODE_A NODE_B NODE_C
	       " d: {te: {links: {p1: {interface: e, address: 10.0.1.3}}}}\n",
	  "7: nodes.d.te.links.p1: found link p1 at 3 nodes (lines 4, 5), expected it at two" },
	{ HEAD "nodes:\n" NODE_A_MORE(", mac: '01:00:00:00:00:00'") NODE_B NODE_C,
	  "4: nodes.a.te.links.p1.mac: found \"01:00:00:00:00:00\", expected a MAC address: "
	  "02:00:00:00:00:01" },
	{ HEAD "nodes:\n" NODE_A_MORE(", bandwidth: 1Q") NODE_B NODE_C,
	  "4: nodes.a.te.links.p1.bandwidth: found \"1Q\", expected a bandwidth up to 10T, in "
	  "bit/s: 64k, 10M, 1G" },
	{ HEAD "nodes:\n" NODE_A_MORE(", delay: 5") NODE_B NODE_C,
	  "4: nodes.a.te.links.p1.delay: found \"5\", expected a delay up to 4s: 500ns, 50us, "
	  "2ms" },
	{ HEAD "nodes:\n" NODE_A_MORE(", metric: 0") NODE_B NODE_C,
	  "4: nodes.a.te.links.p1.metric: found \"0\", expected a metric from 1 to 16777215" },
	{ HEAD "nodes:\n x: {te: {links: {l: {interface: e, address: 10.0.0.1}}}}\n"
	       " y: {te: {links: {l: {interface: e, address: 'fd00::1'}}}}\n",
	  "5: nodes.y.te.links.l.address: found an IPv6 address, expected one of IPv4 as at the "
	  "other end (line 4)" },
	{ HEAD "nodes:\n x: {te: {links: {l: {interface: e}}}}\n",
	  "4: nodes.x.te.links.l: found neither address nor mac, expected one: the other end "
	  "sends there" },
	{ HEAD "nodes:\n x: {te: {links: {l: {interface: e, address: 10.0.0.1}, m: {interface: e,"
	       " address: 10.0.0.1}}}}\n y: {te: {links: {l: {interface: e, address: 10.0.0.2},"
	       " m: {interface: f, address: 10.0.0.2}}}}\n",
	  "4: nodes.x.te.links.m.interface: found e, which link l has too (line 4), expected an "
	  "interface of this link alone" },
	{ HEAD "nodes:\n x: {access: {interfaces: [e]}, te: {links: {l: {interface: e, address:"
	       " 10.0.0.1}}}}\n y: {te: {links: {l: {interface: e, address: 10.0.0.2}}}}\n",
	  "4: nodes.x.te.links.l.interface: found e, an access interface of node x (line 4), "
	  "expected another one: lb_xdp and lsr_xdp can't both stand there" },
	{ HEAD "nodes:\n x: {service: {uplinks: [e]}, te: {links: {l: {interface: e, address:"
	       " 10.0.0.1}}}}\n y: {te: {links: {l: {interface: e, address: 10.0.0.2}}}}\n",
	  "4: nodes.x.te.links.l.interface: found e, an uplink of node x (line 4), expected "
	  "another one" },
	{ HEAD "nodes:\n x: {service: {uplinks: [f]}, " MPLS(
		  "16", "99") ", te: {links: {l: "
			      "{interface: e, address: 10.0.0.1}}}}\n y: {" MPLS(
				      "16", "99") ", te: {links: {l: "
						  "{interface: e, address: 10.0.0.2}}}}\ntunnels:\n"
						  " t: {ends: [x, y], tag: {interface: f}}\n",
	  "7: tunnels.t.tag.interface: found f, an uplink of node x (line 4), expected another "
	  "one" },
	/* A tunnel only where both blocks are. */
	{ TO_TUNNELS " t: {ends: [a, d], interface: ptp0}\nchecks:\n",
	  "8: tunnels.t.ends[1]: found \"d\", expected the name of one of the nodes" },
	{ HEAD "nodes:\n" NODE_A NODE_B NODE_C " d: {service: {uplinks: [eth0]}}\ntunnels:\n"
	       " t: {ends: [a, d], interface: ptp0}\n",
	  "9: tunnels.t.ends[1]: found node d, which has no `mpls` block (line 7)" BOTH_BLOCKS },
	{ HEAD "nodes:\n" NODE_A NODE_B NODE_C
	       " d: {" MPLS("16", "30") "}\ntunnels:\n"
					" t: {ends: [d, a], interface: ptp0}\n",
	  "9: tunnels.t.ends[0]: found node d, which has no `te` block (line 7)" BOTH_BLOCKS },
	{ TO_TUNNELS " t: {ends: [a], interface: ptp0}\n",
	  "8: tunnels.t.ends: found 1 nodes, expected two" },
	{ TO_TUNNELS " t: {ends: [a, a], interface: ptp0}\n",
	  "8: tunnels.t.ends: found node a twice, expected two nodes" },
	{ TO_TUNNELS " t: {ends: [a, b]}\n",
	  "8: tunnels.t: found neither interface nor tag, and no tunnel that it protects, "
	  "expected one of them" },
	{ TUNNEL(", tag: {interface: eth0}"),
	  "8: tunnels.t.tag: found interface and tag, expected one of them" },
	{ TUNNEL(", addresses: {c: [10.9.0.1/24]}"),
	  "8: tunnels.t.addresses.c: found c, expected a or b, the tunnel's ends" },
	{ TUNNEL(", addresses: {a: [10.9.0.1]}"),
	  "8: tunnels.t.addresses.a[0]: found \"10.9.0.1\", expected an address with its prefix "
	  "length: 10.0.0.1/30" },
	{ TUNNEL(", match: {domain: 256}"),
	  "8: tunnels.t.match.domain: found \"256\", expected a domain from 0 to 255" },
	{ TUNNEL(", match: {transport: [udp]}"),
	  "8: tunnels.t.match.transport[0]: found \"udp\", expected ipv4 or ipv6 or ethernet" },
	{ TUNNEL(", probe_interval: 9ms"),
	  "8: tunnels.t.probe_interval: found \"9ms\", expected a time from 10 ms to 60 s: 100ms, "
	  "2s, 1m" },
	{ TUNNEL(", include: [gold]"),
	  "8: tunnels.t.include[0]: found \"gold\", expected an affinity that some link has" },
	{ TUNNEL(", path: [px]"),
	  "8: tunnels.t.path[0]: found \"px\", expected the name of one of the links" },
	/* The directions of a tunnel. */
	{ TUNNEL(", reverse_path: [p2]"),
	  "8: tunnels.t.reverse_path: found link p2 as hop 1, expected link p1: the way back takes "
	  "the links of the way there, in reverse" },
	{ TUNNEL(", path: [ac, bc], reverse_path: [bc]"),
	  "8: tunnels.t.reverse_path: found no link as hop 2, expected link ac: the way back takes "
	  "the links of the way there, in reverse" },
	{ TUNNEL(", reverse_path: [p1, ac]"),
	  "8: tunnels.t.reverse_path: found link ac as hop 2, expected no link: the way back takes "
	  "the links of the way there, in reverse" },
	/* No way. */
	{ TUNNEL(", path: [bc]"),
	  "8: tunnels.t.path: found no way from a to b by the links, expected one through the hops "
	  "of `path`" },
	{ TUNNEL(", include: [long]"), "8: tunnels.t: found no way from a to b by the links (ac "
				       "and others: without the included "
				       "affinity), expected one" },
	{ TO_TUNNELS " t: {ends: [c, b], interface: ptp0, path: [bc], bandwidth: 11M}\n",
	  "8: tunnels.t.path: found no way from c to b by the links (bc: without the bandwidth), "
	  "expected one through the hops of `path`" },
	{ TUNNEL(", path: [p2]}\n u: {ends: [a, b], interface: ptp1, path: [ac], disjoint_from: t"),
	  "9: tunnels.u.path: found no way from a to b by the links (bc and others: not disjoint), "
	  "expected one through the hops of `path`" },
	{ TUNNEL(", disjoint_from: t"),
	  "8: tunnels.t.disjoint_from: found \"t\", expected the name of another tunnel" },
	{ TUNNEL(", disjoint_from: u}\n u: {ends: [a, b], interface: ptp1, disjoint_from: t"),
	  "8: tunnels.t.disjoint_from: found \"u\", expected a tunnel that does not in turn keep "
	  "apart from t" },
	{ TUNNEL(", protect_by: u}\n u: {ends: [a, b], interface: ptp1"),
	  "8: tunnels.t.protect_by: found u, which has an interface of its own (line 9), expected "
	  "a "
	  "tunnel without `interface` and `tag`" },
	{ TUNNEL(", protect_by: u}\n u: {ends: [b, a]"),
	  "8: tunnels.t.protect_by: found u with other ends (line 9), expected the same in the "
	  "same "
	  "order" },
	{ TUNNEL(", protect_by: u}\n u: {ends: [a, b]}\n v: {ends: [a, b], interface: ptp1,"
		 " protect_by: u"),
	  "10: tunnels.v.protect_by: found u, which protects t too (line 8), expected a tunnel for "
	  "this one alone" },
	{ TUNNEL("}\n u: {ends: [a, b], interface: ptp0"),
	  "9: tunnels.u: found ptp0, which tunnel t has too (line 8), expected an interface of "
	  "this "
	  "tunnel alone" },
};

Test(config_tunnels, errors)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		char expected[512];
		struct loaded loaded;

		snprintf(expected, sizeof(expected), "/c.yaml:%s\n", errors[i].expected);
		load_text(errors[i].text, NULL, &loaded);
		cr_expect_eq(loaded.result, -EINVAL, "%s: %d", errors[i].expected, loaded.result);
		cr_expect_eq(loaded.errors.count, 1, "expected one error,\n%snot\n%s", expected,
			     loaded.errors.text);
		cr_expect(strstr(loaded.errors.text, expected), "expected\n%snot\n%s", expected,
			  loaded.errors.text);
		loaded_free(&loaded);
	}
}
