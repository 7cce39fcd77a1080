// SPDX-License-Identifier: BSD-2-Clause
/*
 * Errors of services, tags and capacities. A row expects one error alone, unless it counts more.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"

#define S(values) TO_SERVICES " s: {" values "}\n"
#define T(values) " t: {" values "}\n"
#define ADDRESS   "expected an IPv4 or IPv6 unicast address"
#define B1        ", backends: {b1: }"
/* Backends with a network namespace, and IPv6 alone. */
#define OTHER_BACKENDS                                                   \
	TO_BACKENDS " b1: {node: n, addresses: [10.0.0.1], netns: b1}\n" \
		    " b2: {node: n, addresses: ['fd00::2']}\nservices:\n"
#define PORTS              "expected a port from 1 to 65535, a range like 5000-5999, a list of such, or any"
#define MANY(ports, proto) "vip: 192.0.2.1, port: " ports ", protocol: " proto ", restore: source"
#define RATE               "a rate such as 100/s or 20/m, of at most 10000/s"
#define TAGS(first, last)  "tags: {first: " first ", last: " last "}\n"

static const struct error_row rows[] = {
	{ S(SOURCE B1 ", weight: 1"),
	  "11: services.s.weight: found an unknown key, expected one of vip, port, protocol, "
	  "restore, backend_port, buckets, check, all_down, unknown, slow_start, affinity, "
	  "hand_over, quic, flow_cache, source_limit, allow, deny, backends" },
	{ S("vip: 192.0.2.1, port: 443, protocol: udp, restore: source, quic: 7" B1),
	  "11: services.s.quic: found \"7\", expected a number from 0 to 6" },
	{ S(SOURCE B1 ", quic: 0"),
	  "11: services.s.quic: found \"0\", expected `protocol: udp` beside it" },
	{ S(SOURCE B1 ", flow_cache: 5"), "11: services.s.flow_cache: found \"5\", expected true "
					  "or yes or on or false or no or off" },
	{ S(SOURCE B1 ", source_limit: 5"),
	  "11: services.s.source_limit: found \"5\", expected a mapping" },
	{ S(SOURCE B1 ", source_limit: {burst: 5}"),
	  "11: services.s.source_limit.rate: found nothing, expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 10}"),
	  "11: services.s.source_limit.rate: found \"10\", expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 0/s}"),
	  "11: services.s.source_limit.rate: found \"0/s\", expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 10001/s}"),
	  "11: services.s.source_limit.rate: found \"10001/s\", expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 600001/m}"),
	  "11: services.s.source_limit.rate: found \"600001/m\", expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 10/h}"),
	  "11: services.s.source_limit.rate: found \"10/h\", expected " RATE },
	{ S(SOURCE B1 ", source_limit: {rate: 10/s, burst: 0}"),
	  "11: services.s.source_limit.burst: found \"0\", expected a number of connections from "
	  "1 to 1000000" },
	{ S(SOURCE B1 ", source_limit: {rate: 10/m, burst: 601}"),
	  "11: services.s.source_limit.burst: found a burst that takes longer than 3600 s to be "
	  "had again, expected no longer" },
	{ S(SOURCE B1 ", source_limit: {rate: 10/m, prefix: 33}"),
	  "11: services.s.source_limit.prefix: found \"33\", expected a prefix length from 1 to "
	  "32" },
	{ S("vip: 192.0.2.1, port: 443, protocol: udp, restore: source" B1
	    ", source_limit: {rate: 10/s}"),
	  "11: services.s.source_limit: found a limit of new flows, expected `flow_cache: yes` "
	  "beside it, since of UDP nobody else knows which flows are new" },
	{ S(SOURCE B1 ", allow: []"),
	  "11: services.s.allow: found an empty list, expected a list of at least one prefix: "
	  "[10.0.0.0/8]" },
	{ S(SOURCE B1 ", allow: 10.0.0.0/8"),
	  "11: services.s.allow: found \"10.0.0.0/8\", expected a list of at least one prefix: "
	  "[10.0.0.0/8]" },
	{ S(SOURCE B1 ", allow: [10.0.0.0/8], deny: [10.0.0.0/8]"),
	  "11: services.s.deny: found allow and deny, expected one of them" },
	{ S(SOURCE B1 ", deny: [10.0.0.0/33]"),
	  "11: services.s.deny[0]: found \"10.0.0.0/33\", expected a prefix: 10.0.0.0/8" },
	{ S(SOURCE B1 ", deny: [10.0.0.0/08]"),
	  "11: services.s.deny[0]: found \"10.0.0.0/08\", expected a prefix: 10.0.0.0/8" },
	{ S(SOURCE B1 ", deny: [10.0.0.0/]"),
	  "11: services.s.deny[0]: found \"10.0.0.0/\", expected a prefix: 10.0.0.0/8" },
	{ S(SOURCE B1 ", deny: [10.0.0.0/8, 10.1.0.0/8]"),
	  "11: services.s.deny[1]: found \"10.1.0.0/8\", expected no bits behind the prefix "
	  "length set" },
	{ S(SOURCE B1 ", deny: [10.0.0.0/8, 'fd00::/8']"),
	  "11: services.s.deny[1]: found \"fd00::/8\", expected a prefix of the VIP's family, "
	  "IPv4" },
	{ S(SOURCE B1 ", deny: [10.0.0.1, 10.0.0.0/8, 10.0.0.1/32]"),
	  "11: services.s.deny: found 10.0.0.1/32 twice, expected each prefix once" },
	{ S(SOURCE B1) T("vip: 192.0.2.2, port: 80, protocol: tcp, restore: source" B1) " s: {" VIP(
		  "192.0.2.3", "source") B1 "}\n",
	  "13: services.s: found a duplicate name (first in line 11), expected it once" },
	{ S("port: 80, protocol: tcp, restore: source" B1),
	  "11: services.s.vip: found nothing, " ADDRESS },
	{ S("vip: 192.0.2.1, protocol: tcp, restore: source" B1),
	  "11: services.s.port: found nothing, " PORTS },
	{ S("vip: 192.0.2.1, port: 80, restore: source" B1),
	  "11: services.s.protocol: found nothing, expected tcp or udp" },
	{ S("vip: 192.0.2.1, port: 80, protocol: tcp" B1),
	  "11: services.s.restore: found nothing, expected interface or source" },
	{ S(SOURCE), "11: services.s.backends: found nothing, expected a mapping of the service's "
		     "backends" },
	{ S(SOURCE ", backends: {}"),
	  "11: services.s.backends: found no backend, expected at least one" },
	{ S(SOURCE ", backends: "),
	  "11: services.s.backends: found no backend, expected at least one" },
	{ S(SOURCE ", backends: [b1]"),
	  "11: services.s.backends: found a list, expected a mapping" },
	{ S(VIP("web", "source") B1), "11: services.s.vip: found \"web\", " ADDRESS },
	{ S(VIP("224.0.0.1", "source") B1),
	  "11: services.s.vip: found 224.0.0.1, a multicast address, " ADDRESS },
	{ S(VIP("10.0.0.2", "source") B1),
	  "11: services.s.vip: found 10.0.0.2, the address of backend b2 (line 9), "
	  "expected an address that is no backend's" },
	{ TO_SERVICES " s:\n  vip: 192.0.2.1\n  port: 90000\n  protocol: tcp\n  restore: source\n"
		      "  backends: {b1: }\n",
	  "13: services.s.port: found \"90000\", " PORTS },
	{ S("vip: 192.0.2.1, port: 0, protocol: tcp, restore: source" B1),
	  "11: services.s.port: found \"0\", " PORTS },
	{ S(MANY("5999-5000", "tcp") B1), "11: services.s.port: found \"5999-5000\", " PORTS },
	{ S(MANY("1-65536", "tcp") B1), "11: services.s.port: found \"1-65536\", " PORTS },
	{ S(MANY("1-2-3", "tcp") B1), "11: services.s.port: found \"1-2-3\", " PORTS },
	{ S(MANY("1-", "tcp") B1), "11: services.s.port: found \"1-\", " PORTS },
	{ S(MANY("[21, all]", "tcp") B1), "11: services.s.port[1]: found \"all\", " PORTS },
	{ S(MANY("[]", "tcp") B1),
	  "11: services.s.port: found 0 entries, expected 1 to 16 ports and ranges" },
	{ S(MANY("[20-30, 25]", "tcp") B1),
	  "11: services.s.port: found port 25 twice, expected each port once" },
	{ S(MANY("any", "tcp") ", backend_port: 8080" B1),
	  "11: services.s.backend_port: found a port, expected none: packets of a service of many "
	  "ports keep theirs" },
	{ S(MANY("any", "tcp") ", backends: {b1: {port: 8080}}"),
	  "11: services.s.backends.b1.port: found a port, expected none: packets of a service of "
	  "many ports keep theirs" },
	/* the address is that service's alone, but for another protocol's that keeps ports too */
	{ S(MANY("any", "tcp") B1) T(VIP("192.0.2.2", "source") B1),
	  "12: services.t.backends.b1: found 10.0.0.1, which service s keeps the ports of (line "
	  "11), expected an address that no other service has" },
	{ S(VIP("192.0.2.2", "source") B1) T(MANY("5000-5999", "udp") B1),
	  "11: services.s.backends.b1: found 10.0.0.1, which service t keeps the ports of (line "
	  "12), expected an address that no other service has" },
	{ S(MANY("20-21", "tcp") B1)
		  T("vip: 192.0.2.2, port: any, protocol: tcp, restore: source" B1),
	  "12: services.t.backends.b1: found 10.0.0.1, which service s keeps the ports of (line "
	  "11), expected an address that no other service has" },
	{ S(MANY("20-30", "tcp") B1) T(MANY("30-40", "tcp") ", backends: {b2: }"),
	  "12: services.t.port: found ports 30 to 40, of which service s of this VIP has some too "
	  "(line 11), expected others" },
	{ S(MANY("any", "tcp") B1) T(MANY("any", "tcp") ", backends: {b2: }"),
	  "12: services.t.port: found ports 1 to 65535, of which service s of this VIP has some "
	  "too "
	  "(line 11), expected others" },
	{ S(MANY("any", "tcp") B1 ", check: c") "checks: {c: {type: tcp}}\n",
	  "11: services.s.check: found check c (line 12) without a port, expected one with `port`: "
	  "a service of many has none of its own" },
	{ S("vip: 192.0.2.1, port: 80, protocol: sctp, restore: source" B1),
	  "11: services.s.protocol: found \"sctp\", expected tcp or udp" },
	{ S("vip: 192.0.2.1, port: 80, protocol: tcp, restore: nat" B1),
	  "11: services.s.restore: found \"nat\", expected interface or source" },
	{ S(SOURCE B1) T("backends: {b2: }, " SOURCE),
	  "12: services.t.vip: found 192.0.2.1:80/tcp, which service s has too (line 11), "
	  "expected another VIP, port or protocol" },
	{ S(SOURCE ", backend_port: 65536" B1),
	  "11: services.s.backend_port: found \"65536\", expected a port from 1 to 65535" },
	{ S(SOURCE ", backend_port: 61000" B1),
	  "11: services.s.backend_port: found 61000 among the tag ports, "
	  "expected a port outside 61000 to 65535" },
	{ S("vip: 192.0.2.1, port: 65535, protocol: tcp, restore: source" B1),
	  "11: services.s.port: found 65535 among the tag ports, "
	  "expected a port outside 61000 to 65535" },
	{ S(SOURCE ", backends: {b1: {port: 62000}}"),
	  "11: services.s.backends.b1.port: found 62000 among the tag ports, "
	  "expected a port outside 61000 to 65535" },
	{ S(INTERFACE ", backend_port: 81" B1),
	  "11: services.s.backend_port: found 81, expected the service's port 80, "
	  "which `restore: interface` keeps" },
	{ S(INTERFACE ", backends: {b1: {port: 82}}"),
	  "11: services.s.backends.b1.port: found 82, expected the service's port 80, "
	  "which `restore: interface` keeps" },
	{ S(SOURCE ", buckets: 0" B1),
	  "11: services.s.buckets: found \"0\", expected a prime from 2 to 1048573" },
	{ S(SOURCE ", buckets: 1024" B1),
	  "11: services.s.buckets: found \"1024\", expected a prime from 2 to 1048573" },
	{ S(SOURCE ", buckets: 1048583" B1),
	  "11: services.s.buckets: found \"1048583\", expected a prime from 2 to 1048573" },
	{ TO_BACKENDS " b1: {node: n, addresses: [10.0.0.1]}\n"
		      " b2: {node: n, addresses: [10.0.0.2]}\n"
		      " b3: {node: n, addresses: [10.0.0.3]}\nservices:\n"
		      " s: {" SOURCE ", buckets: 2, backends: {b1: , b2: , b3: }}\n",
	  "12: services.s.buckets: found 2 buckets for 3 backends, "
	  "expected no fewer than backends" },
	{ S(SOURCE ", backends: {b1: {weight: 0}, b2: {weight: 0}}"),
	  "11: services.s.backends: found no backend with a weight above 0, "
	  "expected at least one" },
	{ S(SOURCE ", backends: {b1: {weight: 1001}}"),
	  "11: services.s.backends.b1.weight: found \"1001\", expected a weight from 0 to 1000" },
	{ S(SOURCE ", backends: {b1: {weight: -1}}"),
	  "11: services.s.backends.b1.weight: found \"-1\", expected a weight from 0 to 1000" },
	{ S(SOURCE ", backends: {b1: {wieght: 1}}"),
	  "11: services.s.backends.b1.wieght: found an unknown key, expected one of weight, port, "
	  "tag" },
	{ S(SOURCE ", backends: {b1: 3}"),
	  "11: services.s.backends.b1: found \"3\", expected a mapping" },
	{ S(SOURCE ", backends: {b1: , b3: }"),
	  "11: services.s.backends.b3: found an unknown backend, "
	  "expected the name of one of the backends" },
	{ TO_SERVICES " s:\n  "
		      "backends: {b1: {weight: 2},\n b2: ,\n b1: }\n"
		      "  vip: 192.0.2.1\n  port: 80\n  protocol: tcp\n  restore: source\n",
	  "14: services.s.backends.b1: found a duplicate name (first in line 12), "
	  "expected it once" },
	{ S(VIP("'2001:db8::1'", "source") ", backends: {b1: , b2: }"),
	  "11: services.s.backends.b2: found backend b2 (line 9) without an IPv6 address, "
	  "expected one of the VIP's family" },
	{ OTHER_BACKENDS T(SOURCE ", backends: {b2: }"),
	  "11: services.t.backends.b2: found backend b2 (line 9) without an IPv4 address, "
	  "expected one of the VIP's family" },
	{ OTHER_BACKENDS T(INTERFACE B1),
	  "11: services.t.backends.b1: found backend b1 (line 8) with netns and without vnic, "
	  "expected a vnic, which `restore: interface` needs there" },
	{ S(INTERFACE ", backend_port: 0" B1),
	  "11: services.s.backend_port: found \"0\", expected a port from 1 to 65535" },
	{ S(SOURCE ", backends: {b1: {tag: 2000}}") TAGS("3000", "2000"),
	  "12: tags.last: found a range from 3000 to 2000, expected first <= last" },
	{ S(SOURCE ", backends: {b1: {tag: 60999}}"),
	  "11: services.s.backends.b1.tag: found \"60999\", "
	  "expected a tag port from 61000 to 65535" },
	{ S(SOURCE ", backends: {b1: {tag: 61000}}") T(
		  "vip: 192.0.2.2, port: 80, protocol: udp, restore: source, backends: {b1: {tag: "
		  "61000}}"),
	  "12: services.t.backends.b1: found tag port 61000 (set) at 10.0.0.1, which service s has "
	  "there too (line 11), expected another one: set `tag:`" },
	{ S(SOURCE ", backends: {b1: {tag: 61000}}")
		  T(VIP("192.0.2.2", "source") ", backends: {b1: {tag: 61001}}") " u: {" VIP(
			  "192.0.2.3", "source") ", backends: {b1: {tag: 61000}}}\n",
	  "13: services.u.backends.b1: found tag port 61000 (set) at 10.0.0.1, which service s has "
	  "there too (line 11), expected another one: set `tag:`" },
	/* Two VIPs known to be derived alike: most others here would not be. */
	{ S(VIP("192.0.2.1", "source") B1) T(VIP("192.0.2.20", "source") B1) TAGS("61000", "61009"),
	  "12: services.t.backends.b1: found tag port 61003 (derived) at 10.0.0.1, which service "
	  "s has there too (line 11), expected another one: set `tag:`" },
	{ S(VIP("192.0.2.1", "source") B1) T(VIP("192.0.2.2", "source") B1) " u: {" VIP(
		  "192.0.2.3", "source") B1 "}\n" TAGS("61000", "61001"),
	  "13: services.u.backends.b1: found 3 services at 10.0.0.1, expected at most 2: "
	  "so many tag ports are in 61000 to 61001" },
	{ S(SOURCE B1) T(VIP("192.0.2.2", "source") B1) "capacities: {services: 1}\n",
	  "13: capacities.services: found a capacity of 1, expected room for the file's 2 "
	  "services (each further range of ports, and each backend with `quic`, counts as one)" },
	{ S(MANY("[20, 21]", "tcp") B1) "capacities: {services: 1}\n",
	  "12: capacities.services: found a capacity of 1, expected room for the file's 2 "
	  "services (each further range of ports, and each backend with `quic`, counts as one)" },
	{ S(SOURCE ", backends: {b1: , b2: }") "capacities:\n  members: 1\n",
	  "13: capacities.members: found a capacity of 1, expected room for the file's 2 "
	  "(service, backend) pairs" },
	{ S(SOURCE B1) "capacities: {backends: 1}\n",
	  "12: capacities.backends: found a capacity of 1, expected room for the file's 2 "
	  "backends" },
	{ S(SOURCE B1) "capacities: {buckets: 1023}\n",
	  "12: capacities.buckets: found a capacity of 1023, expected room for the file's 1024 "
	  "buckets (each service's rounded up to a multiple of 16)" },
	{ S(SOURCE ", buckets: 1048573" B1)
		  T(VIP("192.0.2.2", "source") ", buckets: 1048573" B1) " u: {" VIP(
			  "192.0.2.3", "source") B1 "}\n",
	  "10: capacities.buckets: found a capacity of 2097152, expected room for the file's "
	  "2098176 buckets (each service's rounded up to a multiple of 16)" },
};

Test(config_service_errors, rows)
{
	check_error_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

/* So many prefixes in two services: the bound is that of all together. */
static void load_prefixes(unsigned int count, struct loaded *ret)
{
	static const char *const vips[] = { "192.0.2.1", "192.0.2.2" };
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	fputs(TO_SERVICES, file);
	for (unsigned int s = 0; s < 2; s++) {
		fprintf(file,
			" s%u: {vip: %s, port: 80, protocol: tcp, restore: source" B1 ", deny: [",
			s, vips[s]);
		for (unsigned int i = s; i < count; i += 2)
			fprintf(file, "10.%u.%u.0/24, ", i >> 8, i & 255);
		fputs("]}\n", file);
	}
	fclose(file);
	load_text(text, NULL, ret);
	free(text);
}

Test(config_service_errors, prefixes_of_all_services)
{
	struct loaded loaded;

	load_prefixes(10000, &loaded);
	cr_assert_eq(loaded.result, 0, "%s", loaded.errors.text);
	cr_expect_eq(loaded.config.services[0].source_count, 5000);
	cr_expect_eq(loaded.config.services[1].source_count, 5000);
	loaded_free(&loaded);
	load_prefixes(10001, &loaded);
	cr_assert_neq(loaded.result, 0);
	cr_expect(strstr(loaded.errors.text,
			 "services.s1.deny: found more than 10000 prefixes in all "
			 "services, expected no more"),
		  "%s", loaded.errors.text);
	loaded_free(&loaded);
}
