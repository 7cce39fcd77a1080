// SPDX-License-Identifier: BSD-2-Clause
/*
 * A probe's life, whatever its kind: cancelled at every stage, started from callbacks, by the
 * thousand; and what a spec may say.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/health.h"
#include "net_lab.h"
#include "probe_lab.h"

static void serve_http(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	lab_write(fd, "ready");
}

static void echo_datagram(int fd)
{
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	char data[512];
	ssize_t len = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size);

	if (len > 2)
		data[2] |= (char)0x80; /* for dns: an answer */
	if (len >= 0)
		sendto(fd, data, (size_t)len, 0, (struct sockaddr *)&from, size);
}

#define KINDS 7

/* One that succeeds of each kind; grpc is refused, for want of a server. */
static void make_specs(struct probe_spec specs[KINDS], char **argv)
{
	uint16_t tcp = lab_serve_tcp(serve_http), udp = lab_serve_udp(echo_datagram);

	argv[0] = (char *)"/bin/true";
	argv[1] = NULL;
	specs[0] = probe_lab_spec(PROBE_TCP, "127.0.0.1", tcp);
	specs[1] = probe_lab_spec(PROBE_HTTP, "127.0.0.1", tcp);
	specs[1].http.body_text = "ready";
	specs[2] = probe_lab_spec(PROBE_UDP, "127.0.0.1", udp);
	specs[3] = probe_lab_spec(PROBE_DNS, "127.0.0.1", udp);
	specs[3].dns = (struct probe_dns){ "a.example", 1, 0 };
	specs[4] = probe_lab_spec(PROBE_ICMP, "127.0.0.1", 0);
	specs[5] = probe_lab_spec(PROBE_GRPC, "127.0.0.1", lab_closed_port());
	specs[6] = probe_lab_spec(PROBE_EXEC, "127.0.0.1", 0);
	specs[6].exec.argv = argv;
}

static void count(void *data, const struct probe_result *result)
{
	++*(int *)data;
}

/* After n turns of the loop, for every n until the probe is through. */
static void cancel_at_each_stage(struct probe_lab *lab, const struct probe_spec *spec)
{
	for (int turns = 0; turns < 40; turns++) {
		int called = 0;
		struct probe *probe = probe_start(lab->engine, spec, count, &called);

		cr_assert_not_null(probe);
		for (int i = 0; i < turns && !called; i++) {
			ev_run(lab->loop, EVRUN_NOWAIT);
			poll(NULL, 0, 1);
		}
		if (called)
			return;
		probe_cancel(probe);
		ev_run(lab->loop, EVRUN_NOWAIT);
		cr_assert_eq(called, 0, "%s: called after %d turns and the cancelling",
			     probe_type_name(spec->type), turns);
	}
}

/* Killed programs are reaped a moment later: the count once it stands still, for two seconds at most. */
static int settled_fds(struct probe_lab *lab)
{
	int still = 0, fds = lab_count_fds();

	for (int i = 0; i < 40 && still < 4; i++) {
		probe_lab_run(lab, 0.05);
		still = lab_count_fds() == fds ? still + 1 : 0;
		fds = lab_count_fds();
	}
	return fds;
}

Test(probe_life, cancelled_at_each_stage)
{
	struct probe_spec specs[KINDS];
	struct probe_lab lab;
	char *argv[2];
	int fds, after;

	probe_lab_enter(&lab);
	make_specs(specs, argv);
	for (size_t i = 0; i < KINDS; i++)
		cancel_at_each_stage(&lab, &specs[i]);
	fds = settled_fds(&lab);
	for (size_t i = 0; i < KINDS; i++)
		cancel_at_each_stage(&lab, &specs[i]);
	after = settled_fds(&lab);
	cr_expect_eq(after, fds, "%d descriptors, %d before", after, fds);
	probe_lab_leave(&lab);
}

Test(probe_life, a_thousand_of_each_kind_leave_no_descriptor, .timeout = 60)
{
	struct probe_spec specs[KINDS];
	struct probe_lab lab;
	char *argv[2];

	probe_lab_enter(&lab);
	make_specs(specs, argv);
	for (size_t i = 0; i < KINDS; i++) {
		int before, probes = specs[i].type == PROBE_EXEC ? 200 : 1000;
		struct probe_result result;

		probe_lab_ask(&lab, &specs[i], &result);
		probe_lab_run(&lab, 0.05);
		before = lab_count_fds();
		for (int k = 0; k < probes; k++) {
			probe_lab_ask(&lab, &specs[i], &result);
			cr_assert_eq(result.cause,
				     specs[i].type == PROBE_GRPC ? XDPLB_CAUSE_REFUSED
								 : XDPLB_CAUSE_OK,
				     "%s: %s", probe_type_name(specs[i].type), result.detail);
		}
		probe_lab_run(&lab, 0.05);
		cr_expect_eq(lab_count_fds(), before, "%s: %d descriptors, %d before",
			     probe_type_name(specs[i].type), lab_count_fds(), before);
	}
	probe_lab_leave(&lab);
}

/* Being out of descriptors is no failure of the backend's. */
Test(probe_life, no_descriptors)
{
	struct rlimit limit = { 3, 64 };
	struct probe_spec specs[KINDS];
	struct probe_lab lab;
	char *argv[2];

	probe_lab_enter(&lab);
	make_specs(specs, argv);
	/* One that libcurl's own descriptors are made by. */
	probe_lab_expect(&lab, &specs[1], "http", XDPLB_CAUSE_OK, NULL);
	probe_lab_expect(&lab, &specs[0], "tcp", XDPLB_CAUSE_OK, NULL);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t i = 0; i < KINDS; i++)
		probe_lab_expect(&lab, &specs[i], probe_type_name(specs[i].type), XDPLB_CAUSE_LOCAL,
				 "Too many open files");
	limit.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	probe_lab_leave(&lab);
}

/* Two that end in the same turn of the loop, if they can: the first one cancels the other. */
struct pair {
	struct probe_lab *lab;
	const struct probe_spec *spec;
	struct probe *probes[2];
	int rounds, called;
};

static void start_pair(struct pair *pair);

static void end_pair(struct pair *pair, int other)
{
	pair->called++;
	probe_cancel(pair->probes[other]);
	if (pair->called < 50)
		start_pair(pair);
	else
		ev_break(pair->lab->loop, EVBREAK_ALL);
}

static void first_ends(void *data, const struct probe_result *result)
{
	end_pair(data, 1);
}

static void second_ends(void *data, const struct probe_result *result)
{
	end_pair(data, 0);
}

static void start_pair(struct pair *pair)
{
	pair->rounds++;
	pair->probes[0] = probe_start(pair->lab->engine, pair->spec, first_ends, pair);
	pair->probes[1] = probe_start(pair->lab->engine, pair->spec, second_ends, pair);
}

Test(probe_life, callbacks_start_and_cancel)
{
	struct probe_spec specs[KINDS];
	struct probe_lab lab;
	char *argv[2];

	probe_lab_enter(&lab);
	make_specs(specs, argv);
	for (size_t i = 0; i < KINDS; i++) {
		struct pair pair = { .lab = &lab, .spec = &specs[i] };

		start_pair(&pair);
		ev_run(lab.loop, 0);
		ev_run(lab.loop, EVRUN_NOWAIT);
		cr_expect_eq(pair.called, 50, "%s: %d", probe_type_name(specs[i].type),
			     pair.called);
		cr_expect_eq(pair.rounds, 50, "%s: %d", probe_type_name(specs[i].type),
			     pair.rounds);
	}
	probe_lab_leave(&lab);
}

struct spec_row {
	const char *error; /* NULL: fine */
	struct probe_spec spec;
};

#define HTTP(...) \
	.type = PROBE_HTTP, .family = 4, .port = 80, .timeout_ms = 1, .http = { __VA_ARGS__ }
#define DNS(...) .type = PROBE_DNS, .family = 4, .port = 53, .timeout_ms = 1, .dns = { __VA_ARGS__ }
#define GRPC(...) \
	.type = PROBE_GRPC, .family = 4, .port = 1, .timeout_ms = 1, .grpc = { __VA_ARGS__ }
#define BYTES_127 LABEL_63 LABEL_63 "b"
#define LABEL_63  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char *const relative[] = { (char *)"check.sh", NULL };

static const struct spec_row spec_rows[] = {
	{ NULL, { .type = PROBE_TCP, .family = 4, .port = 80, .timeout_ms = 1 } },
	{ "timeout: expected 1 to 600000 ms", { .type = PROBE_TCP, .family = 4, .port = 80 } },
	{ "timeout: expected 1 to 600000 ms",
	  { .type = PROBE_TCP, .family = 4, .port = 80, .timeout_ms = 600001 } },
	{ "address", { .type = PROBE_TCP, .port = 80, .timeout_ms = 1 } },
	{ "port", { .type = PROBE_UDP, .family = 4, .timeout_ms = 1 } },
	{ NULL, { .type = PROBE_ICMP, .family = 6, .timeout_ms = 1 } },
	{ "type: expected a type less than 8",
	  { .type = PROBE_TYPE_COUNT, .family = 4, .port = 1, .timeout_ms = 1 } },
	{ "command: ", { .type = PROBE_EXEC, .timeout_ms = 1 } },
	{ "command: expected a list: a program's absolute path",
	  { .type = PROBE_EXEC, .timeout_ms = 1, .exec.argv = relative } },
	{ NULL, { HTTP(0) } },
	{ "method: ", { HTTP(.method = "GET /") } },
	{ "path: ", { HTTP(.path = "/a b") } },
	{ "path: ", { HTTP(.path = "/a\r\nX: y") } },
	{ "path: ", { HTTP(.path = "") } },
	{ "host: ", { HTTP(.host = "a\nb") } },
	{ "sni: ", { HTTP(.sni = "a.example:80") } },
	{ "sni: ", { HTTP(.sni = "a/b") } },
	{ "199-299", { HTTP(.status = { { 199, 299 } }, .status_count = 1) } },
	{ "300-200", { HTTP(.status = { { 300, 200 } }, .status_count = 1) } },
	{ "status: expected at most 8", { HTTP(.status_count = 9) } },
	{ "body_regex: expected a POSIX extended regex (Unmatched", { HTTP(.body_regex = "(a") } },
	{ "body_regex: expected no back-reference such as \\1", { HTTP(.body_regex = "(a)\\1") } },
	{ NULL, { HTTP(.body_regex = "\\\\1") } },
	{ NULL, { DNS(.name = ".", .type = 2) } },
	{ NULL, { DNS(.name = LABEL_63 ".example", .type = 2) } },
	{ "name: expected a domain name", { DNS(.name = "a" LABEL_63 ".example", .type = 2) } },
	{ NULL,
	  { DNS(.name = LABEL_63 "." LABEL_63 "." LABEL_63 ".a23456789b123456789c123456789d"
				 "123456789e123456789f12345678901",
		.type = 2) } },
	{ "name: expected a domain name",
	  { DNS(.name = LABEL_63 "." LABEL_63 "." LABEL_63 ".a23456789b123456789c123456789d"
				 "123456789e123456789f123456789012",
		.type = 2) } },
	{ "name: expected a domain name", { DNS(.name = "a..b", .type = 2) } },
	{ "name: expected a domain name", { DNS(.name = ".a", .type = 2) } },
	{ "name: expected a domain name", { DNS(.name = "..", .type = 2) } },
	{ "name: expected a domain name", { DNS(.name = "", .type = 2) } },
	{ "name: expected a domain name", { DNS(.type = 2) } },
	{ "query: ", { DNS(.name = "a") } },
	{ "rcode", { DNS(.name = "a", .type = 1, .rcode = 16) } },
	{ NULL, { GRPC(0) } },
	{ NULL, { GRPC(.service = BYTES_127) } },
	{ "service: expected at most 127 bytes", { GRPC(.service = BYTES_127 "x") } },
	{ "authority: ", { GRPC(.authority = "a b") } },
};

Test(probe_spec, rows)
{
	for (size_t i = 0; i < sizeof(spec_rows) / sizeof(spec_rows[0]); i++) {
		const struct spec_row *row = &spec_rows[i];
		struct error error = { "" };
		int err = probe_spec_check(&row->spec, &error);

		cr_expect_eq(err, row->error ? -EINVAL : 0, "row %zu: %d %s", i, err, error.text);
		if (row->error)
			cr_expect_not_null(strstr(error.text, row->error), "row %zu: %s", i,
					   error.text);
	}
}

Test(probe_spec, names)
{
	enum probe_type type = PROBE_TYPE_COUNT;

	cr_expect_eq(probe_type_parse("grpc", &type), 0);
	cr_expect_eq(type, PROBE_GRPC);
	cr_expect_eq(probe_type_parse("smtp", &type), -EINVAL);
	cr_expect_eq(type, PROBE_GRPC);
	cr_expect_str_eq(probe_type_name(PROBE_HTTPS), "https");
	cr_expect_str_eq(health_cause_name(XDPLB_CAUSE_WRONG_ANSWER), "wrong_answer");
	for (int i = 0; i < XDPLB_CAUSE_COUNT; i++)
		cr_expect_neq(health_cause_help((enum xdplb_health_cause)i)[0], '\0');
}
