/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginning of files with tunnels: a = p1 | p2 = b between two clocks, by a node c with long links.
 */
#ifndef TEST_CONFIG_TUNNEL_TEXT_H
#define TEST_CONFIG_TUNNEL_TEXT_H

#include "config_file.h"

#define MPLS(first, last) "mpls: {labels: {first: " first ", last: " last "}}"
#define LINK(name, interface, address, more) \
	name ": {interface: " interface ", address: " address more "}"

/*
 *  1 cluster  2 key_file  3 nodes  4 a  5 b  6 c
 *  links: p1 and p2 from a to b, ac from a to c, bc from b to c
 */
#define NODE_A_MORE(p1_more)                                 \
	" a: {" MPLS("1000", "1999") ", te: {links: {" LINK( \
		"p1", "eth1", "10.0.1.1",                    \
		p1_more) ", " LINK("p2", "eth2", "10.0.2.1", \
				   ", metric: 20") ", " LINK("ac", "eth3", "10.0.3.1", "") "}}}\n"
#define NODE_A NODE_A_MORE("")
#define NODE_B_MORE(p1_more)                                 \
	" b: {" MPLS("2000", "2999") ", te: {links: {" LINK( \
		"p1", "eth1", "10.0.1.2",                    \
		p1_more) ", " LINK("p2", "eth2", "10.0.2.2", \
				   ", srlg: [7]") ", " LINK("bc", "eth3", "10.0.4.1", "") "}}}\n"
#define NODE_B NODE_B_MORE("")
#define NODE_C                                                                                    \
	" c: {" MPLS("3000", "3999") ", te: {links: {" LINK(                                      \
		"ac", "eth1", "10.0.3.2",                                                         \
		", delay: 300us") ", " LINK("bc", "eth2", "10.0.4.2",                             \
					    ", affinity: [long, old], bandwidth: 10M, srlg: [7, " \
					    "3]") "}}}\n"
#define TO_TUNNELS   HEAD "nodes:\n" NODE_A NODE_B NODE_C "tunnels:\n"
#define TUNNEL(more) TO_TUNNELS " t: {ends: [a, b], interface: ptp0" more "}\n"

#endif
