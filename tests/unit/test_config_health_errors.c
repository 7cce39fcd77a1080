// SPDX-License-Identifier: BSD-2-Clause
/*
 * Errors of what concerns health: checks, sharing, node addresses, the hook, and a service's own keys.
 */
#include <criterion/criterion.h>

#include "config_file.h"

TestSuite(config_health_errors);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Line 7 is the check. */
#define C(values)   TO_NODES "checks: {c: {" values "}}\n"
#define COMMON_KEYS "type, interval, timeout, rise, fall, jitter, port, initial, at_vip"
#define TYPES       "expected one of tcp, http, https, udp, dns, icmp, grpc, exec"
#define TIME(range) "expected a time from " range ": 100ms, 2s, 1m"
#define RESULTS     "expected a number of results from 1 to 1000"
#define STATUS                                                                    \
	"expected a status or a range of them within 200 to 599, such as 200 or " \
	"200-299"
#define COMMAND    "expected a list: a program's absolute path and its arguments"
#define BYTES      "expected a text, in which \\n, \\r, \\t, \\0, \\\\ and \\xNN are bytes"
#define REPORT     "expected body or the name of a header, at most 64 bytes"
#define TOKEN      "expected 1 to 1024 printable ASCII characters without blanks"
#define NAME       "expected a name: 1 to 63 of A-Z a-z 0-9 . _ -, the first of them a letter or digit"
#define ADDRESS    "expected an IPv4 or IPv6 unicast address"
#define BYTES_32   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BYTES_256  BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32
#define BYTES_1024 BYTES_256 BYTES_256 BYTES_256 BYTES_256
#define BYTES_4096 BYTES_1024 BYTES_1024 BYTES_1024 BYTES_1024

static const struct error_row check_rows[] = {
	{ TO_NODES "checks: [c]\n", "7: checks: found a list, expected a mapping" },
	{ C(""), "7: checks.c: found no type, " TYPES },
	{ C("type: smtp"), "7: checks.c.type: found \"smtp\", expected tcp or http or https or udp "
			   "or dns or icmp or grpc or exec" },
	{ C("type: "), "7: checks.c.type: found nothing, expected tcp or http or https or udp or "
		       "dns or icmp or grpc or exec" },
	{ C("type: icmp, send: x"),
	  "7: checks.c.send: found an unknown key, expected one of " COMMON_KEYS },
	{ C("type: tcp, path: /"),
	  "7: checks.c.path: found an unknown key, expected one of " COMMON_KEYS ", send, expect" },
	{ C("type: http, verify: none"),
	  "7: checks.c.verify: found an unknown key, expected one of " COMMON_KEYS
	  ", method, path, host, status, body, body_regex, report" },
	{ C("type: tcp, type: udp"),
	  "7: checks.c.type: found a duplicate key (first in line 7), expected it once" },
	{ C("type: tcp, interval: 9ms"),
	  "7: checks.c.interval: found \"9ms\", " TIME("10 ms to 3600 s") },
	{ C("type: tcp, interval: 61m"),
	  "7: checks.c.interval: found \"61m\", " TIME("10 ms to 3600 s") },
	{ C("type: tcp, interval: 1 s"),
	  "7: checks.c.interval: found \"1 s\", " TIME("10 ms to 3600 s") },
	{ C("type: tcp, interval: 1d"),
	  "7: checks.c.interval: found \"1d\", " TIME("10 ms to 3600 s") },
	{ C("type: tcp, interval: -1s"),
	  "7: checks.c.interval: found \"-1s\", " TIME("10 ms to 3600 s") },
	{ C("type: tcp, interval: [1s]"),
	  "7: checks.c.interval: found a list, expected a time such as 100ms, 2s, 1m" },
	{ C("type: tcp, timeout: 0"), "7: checks.c.timeout: found \"0\", " TIME("1 ms to 600 s") },
	{ C("type: tcp, timeout: 601s"),
	  "7: checks.c.timeout: found \"601s\", " TIME("1 ms to 600 s") },
	{ C("type: tcp, timeout: 99999999999999999999s"),
	  "7: checks.c.timeout: found \"99999999999999999999s\", " TIME("1 ms to 600 s") },
	{ C("type: tcp, rise: 0"), "7: checks.c.rise: found \"0\", " RESULTS },
	{ C("type: tcp, rise: 1001"), "7: checks.c.rise: found \"1001\", " RESULTS },
	{ C("type: tcp, fall: 0"), "7: checks.c.fall: found \"0\", " RESULTS },
	{ C("type: tcp, fall: x"), "7: checks.c.fall: found \"x\", " RESULTS },
	{ C("type: tcp, jitter: 51"),
	  "7: checks.c.jitter: found \"51\", expected percent of the interval from 0 to 50" },
	{ C("type: tcp, port: 0"),
	  "7: checks.c.port: found \"0\", expected a port from 1 to 65535" },
	{ C("type: tcp, port: 65536"),
	  "7: checks.c.port: found \"65536\", expected a port from 1 to 65535" },
	{ C("type: tcp, initial: maybe"),
	  "7: checks.c.initial: found \"maybe\", expected unknown or up or down" },
	{ C("type: tcp, at_vip: 1"), "7: checks.c.at_vip: found \"1\", expected false or true" },
	{ TO_NODES "checks:\n c: {type: tcp}\n d:\n  type: tcp\n  rise: 0\n",
	  "11: checks.d.rise: found \"0\", " RESULTS },
	{ TO_NODES "checks:\n c: {type: tcp}\n c: {type: udp}\n",
	  "9: checks.c: found a duplicate name (first in line 8), expected it once" },
	{ TO_NODES "checks:\n 'c/': {type: tcp}\n", "8: checks.c/: found a bad name, " NAME },
};

static const struct error_row kind_rows[] = {
	/* tcp, udp */
	{ C("type: tcp, send: '\\q'"), "7: checks.c.send: found \"\\q\", " BYTES },
	{ C("type: tcp, expect: 'a\\x1'"), "7: checks.c.expect: found \"a\\x1\", " BYTES },
	{ C("type: udp, send: '\\'"), "7: checks.c.send: found \"\\\", " BYTES },
	{ C("type: udp, send: {}"), "7: checks.c.send: found a mapping, " BYTES },
	{ C("type: tcp, expect: " BYTES_4096 "b"),
	  "7: checks.c.expect: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " expected at most 4096 bytes" },
	/* http, https */
	{ C("type: http, method: 'GET /'"),
	  "7: checks.c.method: found \"GET /\", expected a method such as GET" },
	{ C("type: http, method: " BYTES_32 "b"),
	  "7: checks.c.method: found \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\", expected a method such "
	  "as GET" },
	{ C("type: http, path: '/a b'"), "7: checks.c.path: found \"/a b\", " TOKEN },
	{ C("type: http, path: \"/a\\r\\nX: y\""),
	  "7: checks.c.path: found \"/a\\x0d\\x0aX: y\", " TOKEN },
	{ C("type: http, path: " BYTES_1024 "b"),
	  "7: checks.c.path: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " " TOKEN },
	{ C("type: http, path: ''"),
	  "7: checks.c.path: found \"\", expected a path such as /health" },
	{ C("type: http, host: \"a\\nb\""), "7: checks.c.host: found \"a\\x0ab\", " TOKEN },
	{ C("type: http, status: 200"),
	  "7: checks.c.status: found \"200\", expected a list of statuses and ranges" },
	{ C("type: http, status: []"),
	  "7: checks.c.status: found an empty list, expected at least one status" },
	{ C("type: http, status: [20]"), "7: checks.c.status[0]: found \"20\", " STATUS },
	{ C("type: http, status: [200, 199-299]"),
	  "7: checks.c.status[1]: found \"199-299\", " STATUS },
	{ C("type: http, status: [500-600]"), "7: checks.c.status[0]: found \"500-600\", " STATUS },
	{ C("type: http, status: [300-200]"), "7: checks.c.status[0]: found \"300-200\", " STATUS },
	{ C("type: http, status: [200-]"), "7: checks.c.status[0]: found \"200-\", " STATUS },
	{ C("type: http, status: [200-299-300]"),
	  "7: checks.c.status[0]: found \"200-299-300\", " STATUS },
	{ C("type: http, status: ['+20']"), "7: checks.c.status[0]: found \"+20\", " STATUS },
	{ C("type: http, status: [2xx]"), "7: checks.c.status[0]: found \"2xx\", " STATUS },
	{ C("type: http, status: [200, 201, 202, 203, 204, 205, 206, 207, 208]"),
	  "7: checks.c.status: found 9 ranges, expected at most 8" },
	{ C("type: http, body: " BYTES_4096 "b"),
	  "7: checks.c.body: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " expected at most 4096 bytes" },
	{ C("type: http, body_regex: '(a'"), "7: checks.c.body_regex: found \"(a\", expected a "
					     "POSIX extended regex (Unmatched ( or \\()" },
	{ C("type: http, body_regex: '(a)\\1'"),
	  "7: checks.c.body_regex: found \"(a)\\1\", expected no back-reference such as \\1" },
	{ C("type: http, body_regex: " BYTES_256 "b"),
	  "7: checks.c.body_regex: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " expected at most 256 bytes" },
	{ C("type: https, sni: 'a.example:443'"),
	  "7: checks.c.sni: found \"a.example:443\", expected a host name" },
	{ C("type: https, sni: " BYTES_256),
	  "7: checks.c.sni: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " expected a host name" },
	{ C("type: https, verify: some"),
	  "7: checks.c.verify: found \"some\", expected none or ca or full" },
	{ C("type: https, ca_file: []"),
	  "7: checks.c.ca_file: found a list, expected the path of a file" },
	{ C("type: https, ca_file: " BYTES_4096),
	  "7: checks.c.ca_file: found a path that is too long, expected at most 4095 bytes" },
	/* dns */
	{ C("type: dns"), "7: checks.c.name: found nothing, expected a domain name" },
	{ C("type: dns, name: a..b"), "7: checks.c.name: found \"a..b\", expected a domain name" },
	{ C("type: dns, name: " BYTES_32 BYTES_32),
	  "7: checks.c.name: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", expected a domain "
	  "name" },
	{ C("type: dns, name: a, query: AXFR"),
	  "7: checks.c.query: found \"AXFR\", expected a record type such as A or AAAA" },
	{ C("type: dns, name: a, query: 0"),
	  "7: checks.c.query: found \"0\", expected a record type such as A or AAAA" },
	{ C("type: dns, name: a, query: 65536"),
	  "7: checks.c.query: found \"65536\", expected a record type such as A or AAAA" },
	{ C("type: dns, name: a, rcode: 16"),
	  "7: checks.c.rcode: found \"16\", expected a response code such as NOERROR" },
	{ C("type: dns, name: a, rcode: GOOD"),
	  "7: checks.c.rcode: found \"GOOD\", expected a response code such as NOERROR" },
	/* grpc */
	{ C("type: grpc, service: " BYTES_256),
	  "7: checks.c.service: found "
	  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\","
	  " expected at most 127 bytes" },
	{ C("type: grpc, authority: 'a b'"),
	  "7: checks.c.authority: found \"a b\", expected a host name" },
	/* what a server says of itself */
	{ C("type: http, report: 'X State'"), "7: checks.c.report: found \"X State\", " REPORT },
	{ C("type: http, report: ''"),
	  "7: checks.c.report: found \"\", expected body or the name of a header" },
	{ C("type: https, report: 'X-State:'"), "7: checks.c.report: found \"X-State:\", " REPORT },
	{ C("type: http, report: " BYTES_32 BYTES_32 "b"),
	  "7: checks.c.report: found \"" BYTES_32 BYTES_32 "b\", " REPORT },
	{ C("type: http, report: body, method: HEAD"),
	  "7: checks.c.report: found \"body\", expected the name of a header: an answer to HEAD "
	  "has "
	  "no body" },
	{ C("type: exec, command: [/bin/true], report: body"),
	  "7: checks.c.report: found \"body\", expected output" },
	{ C("type: tcp, report: output"),
	  "7: checks.c.report: found an unknown key, expected one of " COMMON_KEYS
	  ", send, expect" },
	/* exec */
	{ C("type: exec"), "7: checks.c.command: found nothing, " COMMAND },
	{ C("type: exec, command: /bin/true"),
	  "7: checks.c.command: found \"/bin/true\", " COMMAND },
	{ C("type: exec, command: []"), "7: checks.c.command: found an empty list, " COMMAND },
	{ C("type: exec, command: [true]"),
	  "7: checks.c.command[0]: found \"true\", expected an absolute path" },
	{ C("type: exec, command: [/bin/true, {}]"),
	  "7: checks.c.command[1]: found a mapping, expected an argument" },
	{ C("type: exec, command: [/bin/true], user: root"),
	  "7: checks.c.user: found \"root\", expected a user of this machine that is not root" },
	{ C("type: exec, command: [/bin/true], user: no-such-user"),
	  "7: checks.c.user: found \"no-such-user\", expected a user of this machine that is not "
	  "root" },
	{ C("type: exec, command: [/bin/true], output_max: -1"),
	  "7: checks.c.output_max: found \"-1\", expected a number of bytes from 0 to 1073741824" },
	{ C("type: exec, command: [/bin/true], output_max: 1073741825"),
	  "7: checks.c.output_max: found \"1073741825\", expected a number of bytes from 0 to "
	  "1073741824" },
};

/* Line 4 is the node, line 5 the section. */
#define N(address)      HEAD "nodes:\n n: {" address "access: {interfaces: [eth0]}}\n"
#define SHARING(values) N("address: 10.9.0.1, ") "sharing: {key_file: none, " values "}\n"

static const struct error_row sharing_rows[] = {
	{ N("address: 10.9.0.1, ") "sharing: {}\n",
	  "5: sharing.key_file: found nothing, expected the file of the keys" },
	{ N("address: 10.9.0.1, ") "sharing: none\n",
	  "5: sharing: found \"none\", expected a mapping" },
	{ N("address: 10.9.0.1, ") "sharing: {key_file: []}\n",
	  "5: sharing.key_file: found a list, expected the path of a file" },
	{ N("address: 10.9.0.1, ") "sharing: {key_file: " BYTES_4096 "}\n",
	  "5: sharing.key_file: found a path that is too long, expected at most 4095 bytes" },
	{ N("") "sharing: {key_file: none}\n",
	  "4: nodes.n: found no `address`, expected one: `sharing` needs to know where the node's "
	  "agent is" },
	{ N("address: 127.0.0.1, ") "sharing: {key_file: none}\n",
	  "4: nodes.n.address: found 127.0.0.1, a loopback address, " ADDRESS },
	{ N("address: lb1, "), "4: nodes.n.address: found \"lb1\", " ADDRESS },
	{ N("address: [10.9.0.1], "), "4: nodes.n.address: found a list, " ADDRESS },
	{ SHARING("prot: 1"), "5: sharing.prot: found an unknown key, expected one of key_file, "
			      "port, interval, missed, lease" },
	{ SHARING("port: 0"), "5: sharing.port: found \"0\", expected a port from 1 to 65535" },
	{ SHARING("port: 61000"), "5: sharing.port: found \"61000\", expected a port outside the "
				  "tag range 61000 to 65535" },
	{ SHARING("interval: 19ms"),
	  "5: sharing.interval: found \"19ms\", " TIME("20 ms to 60 s") },
	{ SHARING("interval: 61s"), "5: sharing.interval: found \"61s\", " TIME("20 ms to 60 s") },
	{ SHARING("missed: 1"),
	  "5: sharing.missed: found \"1\", expected a number of heartbeats from 2 to 1000" },
	{ SHARING("missed: 1001"),
	  "5: sharing.missed: found \"1001\", expected a number of heartbeats from 2 to 1000" },
	{ SHARING("lease: 99ms"), "5: sharing.lease: found \"99ms\", " TIME("100 ms to 3600 s") },
	{ SHARING("lease: 61m"), "5: sharing.lease: found \"61m\", " TIME("100 ms to 3600 s") },
	{ HEAD "nodes:\n n: {address: 10.9.0.1, access: {interfaces: [eth0]}}\n"
	       " m: {address: 10.9.0.1, access: {interfaces: [eth0]}}\n",
	  "5: nodes.m.address: found 10.9.0.1, which node n has too (line 4), expected another "
	  "address" },
};

static const struct error_row hook_rows[] = {
	{ TO_NODES "on_service: {}\n",
	  "7: on_service.command: found nothing, expected a program and its arguments" },
	{ TO_NODES "on_service: /bin/true\n",
	  "7: on_service: found \"/bin/true\", expected a mapping" },
	{ TO_NODES "on_service: {command: /bin/true}\n",
	  "7: on_service.command: found \"/bin/true\", " COMMAND },
	{ TO_NODES "on_service: {command: []}\n",
	  "7: on_service.command: found an empty list, " COMMAND },
	{ TO_NODES "on_service: {command: [bin/true]}\n",
	  "7: on_service.command[0]: found \"bin/true\", expected an absolute path" },
	{ TO_NODES "on_service: {command: [/bin/true], timeout: 0}\n",
	  "7: on_service.timeout: found \"0\", " TIME("1 ms to 600 s") },
	{ TO_NODES "on_service: {command: [/bin/true], user: nobody}\n",
	  "7: on_service.user: found an unknown key, expected one of command, timeout" },
	{ TO_NODES "on_service:\n command:\n  - /bin/true\n  - []\n",
	  "10: on_service.command[1]: found a list, expected an argument" },
};

/* Line 11 is the service. */
#define S(values) TO_SERVICES " s: {" SOURCE ", backends: {b1: }, " values "}\n"

static const struct error_row service_rows[] = {
	{ S("check: none") "checks: {c: {type: tcp}}\n",
	  "11: services.s.check: found \"none\", expected the name of a check in `checks`" },
	{ S("check: c"),
	  "11: services.s.check: found \"c\", expected the name of a check in `checks`" },
	{ S("check: {type: tcp}"), "11: services.s.check: found a mapping, " NAME },
	{ S("check: a/b"), "11: services.s.check: found \"a/b\", " NAME },
	{ S("all_down: accept"),
	  "11: services.s.all_down: found \"accept\", expected drop or reset or use_all" },
	{ S("affinity: port"), "11: services.s.affinity: found \"port\", expected flow or source" },
	{ S("affinity: "), "11: services.s.affinity: found nothing, expected flow or source" },
	{ S("all_down: "),
	  "11: services.s.all_down: found nothing, expected drop or reset or use_all" },
	{ S("slow_start: 30s"),
	  "11: services.s.slow_start: found \"30s\", expected a `check` beside it" },
	{ S("check: c, slow_start: 0") "checks: {c: {type: tcp}}\n",
	  "11: services.s.slow_start: found \"0\", " TIME("1000 ms to 3600 s") },
	{ S("check: c, slow_start: 30s, hand_over: no") "checks: {c: {type: tcp}}\n",
	  "11: services.s.slow_start: found \"30s\", expected hand-over beside it, which keeps "
	  "what the "
	  "growing share moves" },
	{ S("unknown: up"), "11: services.s.unknown: found \"up\", expected keep or down" },
	{ S("unknown: [down]"), "11: services.s.unknown: found a list, expected keep or down" },
	/* Health is kept by target: each check of a backend is one. */
	{ TO_SERVICES " s: {" SOURCE ", check: c, backends: {b1: , b2: }}\n"
		      " t: {" VIP("192.0.2.2", "source") ", check: d, backends: {b1: , b2: }}\n"
							 "checks: {c: {type: tcp}, d: {type: "
							 "icmp}}\ncapacities: {backends: 3}\n",
	  "14: capacities.backends: found a capacity of 3, expected room for the file's 4 "
	  "(backend, check) pairs" },
};

Test(config_health_errors, checks)
{
	check_error_rows(check_rows, COUNT(check_rows));
}

Test(config_health_errors, kinds_of_checks)
{
	check_error_rows(kind_rows, COUNT(kind_rows));
}

Test(config_health_errors, sharing)
{
	check_error_rows(sharing_rows, COUNT(sharing_rows));
}

Test(config_health_errors, hook)
{
	check_error_rows(hook_rows, COUNT(hook_rows));
}

Test(config_health_errors, services)
{
	check_error_rows(service_rows, COUNT(service_rows));
}
