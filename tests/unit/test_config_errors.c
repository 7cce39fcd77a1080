// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every error of a cluster file has a row: the text, and the message with its line. A row expects
 * one error alone, so a mistake that is reported twice fails too.
 */
#include <criterion/criterion.h>

#include "config_file.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define NAME_RULE \
	"expected a name: 1 to 63 of A-Z a-z 0-9 . _ -, the first of them a letter or digit"
#define NAME_63 "a23456789.123456789.123456789.123456789.123456789.123456789.123"
#define ADDRESS "expected an IPv4 or IPv6 unicast address"

static const struct error_row yaml_rows[] = {
	{ "", " found an empty file, expected a mapping" },
	{ "# nothing\n", " found an empty file, expected a mapping" },
	{ "---\n", "2: found nothing, expected a mapping" },
	{ "- a\n", "1: found a list, expected a mapping" },
	{ "\n\ntext\n", "3: found \"text\", expected a mapping" },
	{ "a: b\nc: [\n", "3: found a YAML error (while parsing a flow node: did not find expected "
			  "node content), expected well-formed YAML" },
	{ "a: b\n\tc: d\n", "2: found a YAML error (while scanning a plain scalar: found a "
			    "tab character that violates indentation), expected well-formed YAML" },
	{ "a: b\nc: \xff\n", "2: found a YAML error (invalid leading UTF-8 octet), "
			     "expected well-formed YAML" },
	{ "a: *x\n", "1: found a YAML error (found undefined alias), expected well-formed YAML" },
	{ "a: b\n---\nc: d\n", "2: found a second document, expected one" },
	{ "a: b\n---\nc: [\n", "4: found a YAML error (while parsing a flow node: did not find "
			       "expected node content), expected well-formed YAML" },
	{ "a: b\nc: &x\n  - *x\n", "2: found an alias to a node around it, expected no recursion" },
	{ "a: b\nc: &x {d: [{e: *x}]}\n",
	  "2: found an alias to a node around it, expected no recursion" },
};

static const struct error_row root_rows[] = {
	{ TO_NODES "node: {}\n", "7: node: found an unknown key, expected one of cluster, "
				 "key_file, tags, capacities, nodes, backends, services, "
				 "checks, sharing, on_service, tunnels, on_tunnel, echo" },
	{ TO_NODES "[a]: b\n", "7: ?: found an unknown key, expected one of cluster, "
			       "key_file, tags, capacities, nodes, backends, services, "
			       "checks, sharing, on_service, tunnels, on_tunnel, echo" },
	{ TO_NODES "\"cluster\\0\": b\n", "7: ?: found an unknown key, expected one of cluster, "
					  "key_file, tags, capacities, nodes, backends, services, "
					  "checks, sharing, on_service, tunnels, on_tunnel, echo" },
	{ TO_NODES "\"a\\e[m\": b\n", "7: a\\x1b[m: found an unknown key, expected one of cluster, "
				      "key_file, tags, capacities, nodes, backends, services, "
				      "checks, sharing, on_service, tunnels, on_tunnel, echo" },
	{ TO_NODES "cluster: d\n",
	  "7: cluster: found a duplicate key (first in line 1), expected it once" },
	{ "key_file: k\n" NODES, "1: cluster: found nothing, expected the cluster's name" },
	{ "cluster: a b\nkey_file: k\n" NODES, "1: cluster: found \"a b\", " NAME_RULE },
	{ "cluster: " NAME_63 NAME_63 "\nkey_file: k\n" NODES,
	  "1: cluster: found \"" NAME_63 "a23456789.1234567...\", " NAME_RULE },
	{ "cluster: [a]\nkey_file: k\n" NODES, "1: cluster: found a list, " NAME_RULE },
	{ "cluster: c\n" NODES,
	  "1: key_file: found nothing, expected the file of the cluster's key" },
	{ "cluster: c\nkey_file:\n" NODES,
	  "2: key_file: found nothing, expected the path of the cluster's key file" },
	{ "cluster: c\nkey_file: /dev/null\n" NODES,
	  "2: key_file: found /dev/null, which is no regular file, expected one" },
	{ HEAD, "1: nodes: found nothing, expected a mapping of the cluster's nodes" },
	{ HEAD "nodes:\n", "3: nodes: found no node, expected at least one" },
	{ HEAD "nodes: 1\n", "3: nodes: found \"1\", expected a mapping" },
	{ TO_NODES "backends: [b]\n", "7: backends: found a list, expected a mapping" },
	{ TO_NODES "services: s\n", "7: services: found \"s\", expected a mapping" },
	{ TO_NODES "echo: never\n",
	  "7: echo: found \"never\", expected true or yes or on or false or no or off" },
	{ TO_NODES "echo:\n",
	  "7: echo: found nothing, expected true or yes or on or false or no or off" },
	{ TO_NODES "tags: 1\n", "7: tags: found \"1\", expected a mapping" },
	{ TO_NODES "tags: {from: 1}\n",
	  "7: tags.from: found an unknown key, expected one of first, last, rest" },
	{ TO_NODES "tags: {first: 1023}\n",
	  "7: tags.first: found \"1023\", expected a port from 1024 to 65535" },
	{ TO_NODES "tags:\n  last: 65536\n",
	  "8: tags.last: found \"65536\", expected a port from 1024 to 65535" },
	{ TO_NODES "tags:\n  first: 2000\n  last: 1999\n",
	  "9: tags.last: found a range from 2000 to 1999, expected first <= last" },
	{ TO_NODES "tags: {last: 60000}\n",
	  "7: tags.last: found a range from 61000 to 60000, expected first <= last" },
#define REST "expected a time from 0 to 24h: seconds, or a number with s, m or h"
	{ TO_NODES "tags: {rest: }\n", "7: tags.rest: found nothing, " REST },
	{ TO_NODES "tags: {rest: 10 m}\n", "7: tags.rest: found \"10 m\", " REST },
	{ TO_NODES "tags: {rest: m}\n", "7: tags.rest: found \"m\", " REST },
	{ TO_NODES "tags: {rest: 1ms}\n", "7: tags.rest: found \"1ms\", " REST },
	{ TO_NODES "tags: {rest: 1d}\n", "7: tags.rest: found \"1d\", " REST },
	{ TO_NODES "tags: {rest: -1}\n", "7: tags.rest: found \"-1\", " REST },
	{ TO_NODES "tags: {rest: 25h}\n", "7: tags.rest: found \"25h\", " REST },
	{ TO_NODES "tags: {rest: 86401}\n", "7: tags.rest: found \"86401\", " REST },
	{ TO_NODES "tags: {rest: 99999999999999999999}\n",
	  "7: tags.rest: found \"99999999999999999999\", " REST },
	{ TO_NODES "capacities: {maps: 1}\n",
	  "7: capacities.maps: found an unknown key, expected one of services, members, backends, "
	  "buckets, flows, labels, tunnels, cached_flows" },
	{ TO_NODES "capacities: {services: 65537}\n",
	  "7: capacities.services: found \"65537\", expected a capacity from 1 to 65536" },
	{ TO_NODES "capacities: {members: 1048577}\n",
	  "7: capacities.members: found \"1048577\", expected a capacity from 1 to 1048576" },
	{ TO_NODES "capacities: {backends: 262145}\n",
	  "7: capacities.backends: found \"262145\", expected a capacity from 1 to 262144" },
	{ TO_NODES "capacities: {buckets: 67108865}\n",
	  "7: capacities.buckets: found \"67108865\", expected a capacity from 1 to 67108864" },
	{ TO_NODES "capacities: {flows: 16777217}\n",
	  "7: capacities.flows: found \"16777217\", expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: 0}\n",
	  "7: capacities.flows: found \"0\", expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: 010}\n",
	  "7: capacities.flows: found \"010\", expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: \"1\\0\"}\n",
	  "7: capacities.flows: found \"1\\x00\", expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: 4294967297}\n",
	  "7: capacities.flows: found \"4294967297\", expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: [1]}\n",
	  "7: capacities.flows: found a list, expected a capacity from 1 to 16777216" },
	{ TO_NODES "capacities: {flows: 99999999999}\n",
	  "7: capacities.flows: found \"99999999999\", expected a capacity from 1 to 16777216" },
};

static const struct error_row node_rows[] = {
	{ TO_NODES " n: {service: {uplinks: [eth0]}}\n",
	  "7: nodes.n: found a duplicate name (first in line 5), expected it once" },
	{ TO_NODES " -a: {service: {uplinks: [eth0]}}\n",
	  "7: nodes.-a: found a bad name, " NAME_RULE },
	{ TO_NODES " \"\": {service: {uplinks: [eth0]}}\n",
	  "7: nodes.: found a bad name, " NAME_RULE },
	{ TO_NODES " " NAME_63 "4: {service: {uplinks: [eth0]}}\n",
	  "7: nodes." NAME_63 "4: found a bad name, " NAME_RULE },
	{ TO_NODES " x: {}\n", "7: nodes.x: found none of access, service, mpls and te, "
			       "expected one" },
	{ TO_NODES " x: 1\n", "7: nodes.x: found \"1\", expected a mapping" },
	{ TO_NODES " x: {acess: , access: {interfaces: [eth0]}}\n",
	  "7: nodes.x.acess: found an unknown key, expected one of access, address, service, mpls, "
	  "te" },
	{ TO_NODES " x: {access: {mode: auto}}\n",
	  "7: nodes.x.access.interfaces: found nothing, expected a list of interfaces" },
	{ TO_NODES " x: {service: }\n",
	  "7: nodes.x.service.uplinks: found nothing, expected a list of interfaces" },
	{ TO_NODES " x: {access: {interfaces: eth0}}\n",
	  "7: nodes.x.access.interfaces: found \"eth0\", expected a list of interfaces" },
	{ TO_NODES " x: {access: {interfaces: []}}\n",
	  "7: nodes.x.access.interfaces: found an empty list, expected at least one interface" },
	{ TO_NODES " x: {service: {uplinks: []}}\n",
	  "7: nodes.x.service.uplinks: found an empty list, expected at least one interface" },
	{ TO_NODES " x: {service: {uplinks: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}}\n",
	  "7: nodes.x.service.uplinks: found 17 interfaces, expected at most 16" },
	{ TO_NODES " x:\n  service:\n   uplinks:\n   - eth0\n   - eth1\n   - eth0\n",
	  "12: nodes.x.service.uplinks[2]: found \"eth0\", expected each interface once" },
#define INTERFACE_RULE \
	"expected an interface's name: 1 to 15 characters without /, : and white space"
	{ TO_NODES " x: {service: {uplinks: [abcdefghijklmnop]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"abcdefghijklmnop\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [a/b]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"a/b\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [a b]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"a b\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [\"a:b\"]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"a:b\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [..]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"..\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [\"\"]}}\n",
	  "7: nodes.x.service.uplinks[0]: found \"\", " INTERFACE_RULE },
	{ TO_NODES " x: {service: {uplinks: [[]]}}\n",
	  "7: nodes.x.service.uplinks[0]: found a list, " INTERFACE_RULE },
	{ TO_NODES " x: {access: {interfaces: [eth0], mode: skb}}\n",
	  "7: nodes.x.access.mode: found \"skb\", expected auto or native or generic" },
};

static const struct error_row backend_rows[] = {
	{ TO_SERVICES "backends:\n",
	  "11: backends: found a duplicate key (first in line 7), expected it once" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1]}\n b: {node: n, addresses: ['::2']}\n",
	  "9: backends.b: found a duplicate name (first in line 8), expected it once" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], weight: 1}\n",
	  "8: backends.b.weight: found an unknown key, expected one of node, addresses, vnic, "
	  "netns" },
	{ TO_BACKENDS " b: {addresses: [10.0.0.1]}\n",
	  "8: backends.b.node: found nothing, expected a node's name" },
	{ TO_BACKENDS " b: {node: , addresses: [10.0.0.1]}\n",
	  "8: backends.b.node: found nothing, expected a node's name" },
	{ TO_BACKENDS " b: {node: n, addresses: [~]}\n",
	  "8: backends.b.addresses[0]: found nothing, " ADDRESS },
	{ TO_BACKENDS " b:\n  node: x\n  addresses: [10.0.0.1]\n",
	  "9: backends.b.node: found \"x\", expected the name of one of the nodes" },
	{ TO_BACKENDS " b: {node: a, addresses: [10.0.0.1]}\n",
	  "8: backends.b.node: found node a, which has no `service` block (line 4), "
	  "expected a service node" },
	{ TO_BACKENDS " b: {node: n}\n",
	  "8: backends.b.addresses: found nothing, expected a list of addresses" },
	{ TO_BACKENDS " b: {node: n, addresses: 10.0.0.1}\n",
	  "8: backends.b.addresses: found \"10.0.0.1\", expected a list of addresses" },
	{ TO_BACKENDS " b: {node: n, addresses: []}\n",
	  "8: backends.b.addresses: found an empty list, expected at least one address" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1/8]}\n",
	  "8: backends.b.addresses[0]: found \"10.0.0.1/8\", " ADDRESS },
	{ TO_BACKENDS " b:\n  node: n\n  addresses:\n  - 10.0.0.1\n  - 239.0.0.1\n",
	  "12: backends.b.addresses[1]: found 239.0.0.1, a multicast address, " ADDRESS },
	{ TO_BACKENDS " b: {node: n, addresses: [0.0.0.0]}\n",
	  "8: backends.b.addresses[0]: found 0.0.0.0, an unspecified address, " ADDRESS },
	{ TO_BACKENDS " b: {node: n, addresses: [127.0.0.1]}\n",
	  "8: backends.b.addresses[0]: found 127.0.0.1, a loopback address, " ADDRESS },
	{ TO_BACKENDS " b: {node: n, addresses: ['::ffff:1.2.3.4']}\n",
	  "8: backends.b.addresses[0]: found ::ffff:1.2.3.4, an IPv4-mapped address, " ADDRESS },
	{ TO_BACKENDS " b: {node: n, addresses: ['fe80::1']}\n",
	  "8: backends.b.addresses[0]: found fe80::1, a link-local address, " ADDRESS },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1, 10.0.0.2]}\n",
	  "8: backends.b.addresses[1]: found \"10.0.0.2\", expected at most one IPv4 address" },
	{ TO_BACKENDS " b: {node: n, addresses: ['fd00::1', 10.0.0.2, 'fd00::2', 10.0.0.3]}\n",
	  "8: backends.b.addresses[2]: found \"fd00::2\", expected at most one IPv6 address" },
	{ TO_BACKENDS " b: {node: n, addresses: ['fd00::1']}\n"
		      " a:\n  node: m\n  addresses:\n  - 10.0.0.1\n  - 'fd00:0::1'\n",
	  "13: backends.a.addresses: found fd00::1, which backend b has too (line 8), "
	  "expected another address" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], vnic: a/b}\n",
	  "8: backends.b.vnic: found \"a/b\", " INTERFACE_RULE },
	{ TO_BACKENDS " b: {node: m, addresses: [10.0.0.1], vnic: eth1}\n",
	  "8: backends.b.vnic: found eth1, an uplink of node m (line 6), "
	  "expected an interface of this backend alone" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], vnic: v}\n"
		      " a: {node: n, addresses: [10.0.0.2], vnic: v}\n",
	  "9: backends.a.vnic: found v, which backend b on node n has too (line 8), "
	  "expected an interface of this backend alone" },
	{ TO_BACKENDS " a: {node: n, addresses: [10.0.0.1], vnic: v}\n"
		      " b: {node: n, addresses: [10.0.0.2], vnic: w}\n"
		      " c: {node: n, addresses: [10.0.0.3], vnic: v}\n",
	  "10: backends.c.vnic: found v, which backend a on node n has too (line 8), "
	  "expected an interface of this backend alone" },
#define NETNS "expected a network namespace: its name below /run/netns, or an absolute path"
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], netns: a/b}\n",
	  "8: backends.b.netns: found \"a/b\", " NETNS },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], netns: ..}\n",
	  "8: backends.b.netns: found \"..\", " NETNS },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], netns: {}}\n",
	  "8: backends.b.netns: found a mapping, " NETNS },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], netns: /" NAME_63 "}\n",
	  "8: backends.b.netns: found a path of 64 bytes, expected at most 63" },
	{ TO_BACKENDS " b: {node: n, addresses: [10.0.0.1], netns: " NAME_63 "}\n",
	  "8: backends.b.netns: found a path of 74 bytes, expected at most 63" },
};

Test(config_errors, yaml)
{
	check_error_rows(yaml_rows, COUNT(yaml_rows));
}

Test(config_errors, root)
{
	check_error_rows(root_rows, COUNT(root_rows));
}

Test(config_errors, nodes)
{
	check_error_rows(node_rows, COUNT(node_rows));
}

Test(config_errors, backends)
{
	check_error_rows(backend_rows, COUNT(backend_rows));
}
