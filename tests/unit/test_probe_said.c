// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a server says of itself: the words, and where they are found.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "health/health.h"
#include "probe/said.h"
#include "probe_lab.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define NOTHING XDPLB_HEALTH_UNKNOWN
#define UP      XDPLB_HEALTH_UP
#define DRAIN   XDPLB_HEALTH_DRAINING
#define DOWN    XDPLB_HEALTH_DOWN
#define MAINT   XDPLB_HEALTH_MAINTENANCE

struct word_row {
	const char *line;
	int err;
	enum xdplb_health_state state;
	uint16_t weight;
};

static const struct word_row word_rows[] = {
	{ "", 0, NOTHING, 0 },
	{ " \t,", 0, NOTHING, 0 },
	{ "# all is well", 0, NOTHING, 0 },
	{ "up", 0, UP, 0 },
	{ "UP\r\n", 0, UP, 0 },
	{ "ready", 0, UP, 0 },
	{ "drain", 0, DRAIN, 0 },
	{ "down", 0, DOWN, 0 },
	{ "stopped", 0, DOWN, 0 },
	{ "failed # disk", 0, DOWN, 0 },
	{ "maint", 0, MAINT, 0 },
	{ "1%", 0, UP, 1 },
	{ "50%", 0, UP, 50 },
	{ "99%", 0, UP, 99 },
	{ "100%", 0, UP, 0 },
	{ "007%", 0, UP, 7 },
	{ "0%", 0, DRAIN, 0 },
	{ "up 0%", 0, DRAIN, 0 },
	{ "up,25%", 0, UP, 25 },
	{ "25% up", 0, UP, 25 },
	{ "drain 25%", 0, DRAIN, 0 },
	{ "25% maint", 0, MAINT, 0 },
	{ "down up", 0, UP, 0 },
	{ "up\nnonsense", 0, UP, 0 },
	{ "101%", -EINVAL, 0, 0 },
	{ "1000%", -EINVAL, 0, 0 },
	{ "-1%", -EINVAL, 0, 0 },
	{ "%", -EINVAL, 0, 0 },
	{ "50", -EINVAL, 0, 0 },
	{ "5 %", -EINVAL, 0, 0 },
	{ "upwards", -EINVAL, 0, 0 },
	{ "u", -EINVAL, 0, 0 },
	{ "up OK", -EINVAL, 0, 0 },
	{ "<html>", -EINVAL, 0, 0 },
};

Test(probe_said, words)
{
	for (size_t i = 0; i < COUNT(word_rows); i++) {
		const struct word_row *row = &word_rows[i];
		struct probe_said said = { XDPLB_HEALTH_DOWN, 77 };
		int err = said_parse(row->line, strlen(row->line), &said);

		cr_expect_eq(err, row->err, "'%s': %d", row->line, err);
		cr_expect_eq(said.state, err ? XDPLB_HEALTH_DOWN : row->state, "'%s': %s",
			     row->line, health_state_name(said.state));
		cr_expect_eq(said.weight, err ? 77 : row->weight, "'%s': %u", row->line,
			     said.weight);
	}
}

/* A line is as long as it is said to be. */
Test(probe_said, length)
{
	struct probe_said said;

	cr_assert_eq(said_parse("50%up", 2, &said), -EINVAL);
	cr_assert_eq(said_parse("up%", 2, &said), 0);
	cr_assert_eq(said.state, UP);
	cr_assert_eq(said_parse("up\0nonsense", 11, &said), 0);
}

static const char *answer; /* of the server below */

static void serve(int fd)
{
	lab_read_header(fd);
	lab_write(fd, answer);
}

static void serve_and_wait(int fd)
{
	serve(fd);
	lab_read_header(fd);
}

#define OK   "HTTP/1.1 200 OK\r\n"
#define BODY OK "Content-Length: 1000\r\n\r\n"

struct http_row {
	const char *answer;
	struct probe_http http;
	enum xdplb_health_cause cause;
	enum xdplb_health_state state;
	uint16_t weight;
};

static const struct http_row http_rows[] = {
	{ OK "X-State: 40%\r\n\r\n", { .report = "X-State" }, XDPLB_CAUSE_OK, UP, 40 },
	{ OK "x-state:drain\r\n\r\n", { .report = "X-State" }, XDPLB_CAUSE_OK, DRAIN, 0 },
	{ OK "X-Other: drain\r\n\r\n", { .report = "X-State" }, XDPLB_CAUSE_OK, NOTHING, 0 },
	{ OK "X-State-Of: drain\r\n\r\n", { .report = "X-State" }, XDPLB_CAUSE_OK, NOTHING, 0 },
	{ OK "X-State:\r\n\r\n", { .report = "X-State" }, XDPLB_CAUSE_OK, NOTHING, 0 },
	{ OK "X-State: drain\r\nX-State: up\r\n\r\n",
	  { .report = "X-State" },
	  XDPLB_CAUSE_OK,
	  UP,
	  0 },
	{ "HTTP/1.1 103 Early\r\nX-State: drain\r\n\r\n" OK "X-State: up\r\n\r\n",
	  { .report = "X-State" },
	  XDPLB_CAUSE_OK,
	  UP,
	  0 },
	{ OK "X-State: fine\r\n\r\n",
	  { .report = "X-State" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  NOTHING,
	  0 },
	{ OK "X-State: drain\r\n\r\n", { 0 }, XDPLB_CAUSE_OK, NOTHING, 0 },
	{ "HTTP/1.1 503 No\r\nX-State: drain\r\n\r\n",
	  { .report = "X-State" },
	  XDPLB_CAUSE_HTTP_STATUS,
	  NOTHING,
	  0 },
	/* the first line, as soon as it is there */
	{ BODY "maint # for an hour\r\nmore", { .report = "body" }, XDPLB_CAUSE_OK, MAINT, 0 },
	{ BODY "75%\n", { .report = "body" }, XDPLB_CAUSE_OK, UP, 75 },
	{ BODY "down\nready",
	  { .report = "body", .body_text = "ready" },
	  XDPLB_CAUSE_TIMEOUT,
	  NOTHING,
	  0 },
	{ OK "Content-Length: 10\r\n\r\ndown\nready",
	  { .report = "body", .body_text = "ready" },
	  XDPLB_CAUSE_OK,
	  DOWN,
	  0 },
	{ OK "Content-Length: 3\r\n\r\n33%", { .report = "body" }, XDPLB_CAUSE_OK, UP, 33 },
	{ OK "Content-Length: 0\r\n\r\n", { .report = "body" }, XDPLB_CAUSE_OK, NOTHING, 0 },
	{ OK "Content-Length: 6\r\n\r\n<html>",
	  { .report = "body" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  NOTHING,
	  0 },
};

Test(probe_said, http)
{
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < COUNT(http_rows); i++) {
		const struct http_row *row = &http_rows[i];
		struct probe_result result;
		struct probe_spec spec;

		answer = row->answer;
		spec = probe_lab_spec(PROBE_HTTP, "127.0.0.1", lab_serve_tcp(serve_and_wait));
		spec.timeout_ms = 300;
		spec.http = row->http;
		probe_lab_ask(&lab, &spec, &result);
		cr_expect_eq(result.cause, row->cause, "row %zu: %s \"%s\"", i,
			     health_cause_name(result.cause), result.detail);
		cr_expect_eq(result.said.state, row->state, "row %zu: %s", i,
			     health_state_name(result.said.state));
		cr_expect_eq(result.said.weight, row->weight, "row %zu: %u", i, result.said.weight);
	}
	probe_lab_leave(&lab);
}

static void check_exec(struct probe_lab *lab, const char *script, bool report,
		       enum xdplb_health_cause cause, struct probe_said want)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };
	struct probe_spec spec = probe_lab_spec(PROBE_EXEC, "192.0.2.7", 8080);
	struct probe_result result;

	spec.exec.argv = argv;
	spec.exec.report = report;
	probe_lab_ask(lab, &spec, &result);
	cr_expect_eq(result.cause, cause, "%s: %s \"%s\"", script, health_cause_name(result.cause),
		     result.detail);
	cr_expect_eq(result.said.state, want.state, "%s: %s", script,
		     health_state_name(result.said.state));
	cr_expect_eq(result.said.weight, want.weight, "%s: %u", script, result.said.weight);
}

Test(probe_said, exec)
{
	static const struct probe_said nothing;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	check_exec(&lab, "echo 20% '# load 0.8'; echo down", true, XDPLB_CAUSE_OK,
		   (struct probe_said){ UP, 20 });
	check_exec(&lab, "echo drain", true, XDPLB_CAUSE_OK, (struct probe_said){ DRAIN, 0 });
	check_exec(&lab, "exit 0", true, XDPLB_CAUSE_OK, nothing);
	check_exec(&lab, "echo drain", false, XDPLB_CAUSE_OK, nothing);
	check_exec(&lab, "echo drain; exit 1", true, XDPLB_CAUSE_EXIT_STATUS, nothing);
	check_exec(&lab, "echo all is well", true, XDPLB_CAUSE_WRONG_ANSWER, nothing);
	probe_lab_leave(&lab);
}
