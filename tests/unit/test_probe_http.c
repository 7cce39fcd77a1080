// SPDX-License-Identifier: BSD-2-Clause
/*
 * http and https probes. Servers that misbehave are a few lines each; TLS is spoken by openssl.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "health/health.h"
#include "net_lab.h"
#include "probe_lab.h"

static void serve_ok(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nstatus: ready\n\n");
}

static void serve_503(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nbusy\n");
}

static void serve_redirect(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n"
		      "Content-Length: 0\r\n\r\n");
}

static void serve_continue(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	lab_write(fd, "HTTP/1.1 204 No Content\r\n\r\n");
}

/* The request as it came, in the body. */
static void serve_echo(int fd)
{
	char text[4096], header[128];
	ssize_t len = read(fd, text, sizeof(text));

	snprintf(header, sizeof(header), "HTTP/1.1 200 OK\r\nContent-Length: %zd\r\n\r\n", len);
	lab_write(fd, header);
	if (len > 0)
		send(fd, text, (size_t)len, MSG_NOSIGNAL);
}

static void serve_slowly(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\n\r\nslow ");
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 3000);
}

/* "ready" comes behind megabytes. */
static void serve_huge(int fd)
{
	char data[65536];

	memset(data, 'x', sizeof(data));
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\n\r\nbegin ");
	for (int i = 0; i < 200; i++) {
		if (send(fd, data, sizeof(data), MSG_NOSIGNAL) < 0)
			return;
	}
	lab_write(fd, "ready");
}

static void serve_endless_header(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\n");
	while (send(fd, "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 38, MSG_NOSIGNAL) > 0)
		;
}

static void serve_zero_bytes(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	send(fd, "a\0b\0ready", 9, MSG_NOSIGNAL);
}

static void serve_garbage(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "SSH-2.0-OpenSSH\r\n\r\n");
}

static void serve_at_once(int fd)
{
	lab_write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 3000);
}

static void serve_part(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}

static void serve_nothing(int fd)
{
	lab_read_header(fd);
}

static void serve_reset(int fd)
{
	lab_read_header(fd);
	lab_reset(fd);
}

static void serve_silence(int fd)
{
	lab_read_header(fd);
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 3000);
}

struct row {
	const char *name;
	lab_server *server; /* NULL: the port is closed */
	struct probe_http http;
	enum xdplb_health_cause cause;
	int number;
	const char *detail;
};

static const struct row rows[] = {
	{ "200", serve_ok, { 0 }, XDPLB_CAUSE_OK, 200, "" },
	{ "503", serve_503, { 0 }, XDPLB_CAUSE_HTTP_STATUS, 503, "status 503" },
	{ "503 is wanted",
	  serve_503,
	  { .status = { { 200, 299 }, { 503, 503 } }, .status_count = 2 },
	  XDPLB_CAUSE_OK,
	  503,
	  "" },
	{ "200 is not wanted",
	  serve_ok,
	  { .status = { { 201, 299 } }, .status_count = 1 },
	  XDPLB_CAUSE_HTTP_STATUS,
	  200,
	  "status 200" },
	{ "redirect, not followed", serve_redirect, { 0 }, XDPLB_CAUSE_OK, 302, "" },
	{ "103 before 204", serve_continue, { 0 }, XDPLB_CAUSE_OK, 204, "" },
	{ "text", serve_ok, { .body_text = "ready" }, XDPLB_CAUSE_OK, 200, "" },
	{ "no text",
	  serve_ok,
	  { .body_text = "steady" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  200,
	  "no match in the body: status: ready" },
	{ "regex", serve_ok, { .body_regex = "^status: (ready|ok)$" }, XDPLB_CAUSE_OK, 200, "" },
	{ "no regex", serve_ok, { .body_regex = "^ready" }, XDPLB_CAUSE_WRONG_ANSWER, 200, NULL },
	{ "regex behind zero bytes",
	  serve_zero_bytes,
	  { .body_regex = "ready$" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "method",
	  serve_echo,
	  { .method = "OPTIONS", .body_regex = "^OPTIONS / HTTP/1.1" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "method HEAD", serve_ok, { .method = "HEAD" }, XDPLB_CAUSE_OK, 200, "" },
	{ "path",
	  serve_echo,
	  { .path = "/a/../b?c=%20#d", .body_text = "GET /a/../b?c=%20#d HTTP/1.1\r\n" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "host",
	  serve_echo,
	  { .host = "www.example:81", .body_text = "\nHost: www.example:81\r\n" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "address as host",
	  serve_echo,
	  { .body_regex = "^Host: (127.0.0.1|\\[::1\\]):[0-9]+" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "a name is not looked up",
	  serve_ok,
	  { .host = "nonexistent.invalid" },
	  XDPLB_CAUSE_OK,
	  200,
	  "" },
	{ "slow body does not matter", serve_slowly, { 0 }, XDPLB_CAUSE_OK, 200, "" },
	{ "slow body",
	  serve_slowly,
	  { .body_text = "ready" },
	  XDPLB_CAUSE_TIMEOUT,
	  200,
	  "waiting for the body" },
	{ "huge body does not matter", serve_huge, { 0 }, XDPLB_CAUSE_OK, 200, "" },
	{ "huge body",
	  serve_huge,
	  { .body_text = "ready" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  200,
	  "first 64 KiB" },
	{ "begin of a huge body", serve_huge, { .body_text = "begin" }, XDPLB_CAUSE_OK, 200, "" },
	{ "endless header", serve_endless_header, { 0 }, XDPLB_CAUSE_WRONG_ANSWER, 0, NULL },
	{ "garbage", serve_garbage, { 0 }, XDPLB_CAUSE_WRONG_ANSWER, 0, NULL },
	{ "half a body", serve_part, { .body_text = "x" }, XDPLB_CAUSE_CLOSED, 200, NULL },
	{ "close", serve_nothing, { 0 }, XDPLB_CAUSE_CLOSED, 0, NULL },
	{ "reset", serve_reset, { 0 }, XDPLB_CAUSE_RESET, 0, NULL },
	{ "silence", serve_silence, { 0 }, XDPLB_CAUSE_TIMEOUT, 0, "after 300 ms" },
	{ "closed port", NULL, { 0 }, XDPLB_CAUSE_REFUSED, 0, NULL },
};

static void check_row(struct probe_lab *lab, const struct row *row, const char *address)
{
	uint16_t port = row->server ? lab_serve_tcp(row->server) : lab_closed_port();
	struct probe_spec spec = probe_lab_spec(PROBE_HTTP, address, port);
	struct probe_result result;

	spec.timeout_ms = 300;
	spec.http = row->http;
	probe_lab_ask(lab, &spec, &result);
	cr_expect_eq(result.cause, row->cause, "%s: %s \"%s\"", row->name,
		     health_cause_name(result.cause), result.detail);
	cr_expect_eq(result.number, row->number, "%s: %d", row->name, result.number);
	if (row->detail)
		cr_expect_not_null(strstr(result.detail, row->detail), "%s: \"%s\"", row->name,
				   result.detail);
}

Test(probe_http, rows)
{
	struct probe_lab lab;

	/* Neither may lead a probe astray. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&lab, &rows[i], i % 2 ? "::1" : "127.0.0.1");
	probe_lab_leave(&lab);
}

Test(probe_http, addresses_that_do_not_answer)
{
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	spec = probe_lab_spec(PROBE_HTTP, LAB_SILENT, 80);
	spec.timeout_ms = 100;
	probe_lab_expect(&lab, &spec, "silent", XDPLB_CAUSE_TIMEOUT, "connecting");
	spec = probe_lab_spec(PROBE_HTTP, LAB_UNREACHABLE, 80);
	probe_lab_expect(&lab, &spec, "unreachable", XDPLB_CAUSE_UNREACHABLE, NULL);
	spec = probe_lab_spec(PROBE_HTTP, "127.0.0.1", lab_listen_full());
	spec.timeout_ms = 100;
	probe_lab_expect(&lab, &spec, "full", XDPLB_CAUSE_TIMEOUT, "connecting");
	spec = probe_lab_spec(PROBE_HTTP, "127.0.0.1", lab_serve_tcp(serve_ok));
	spec.netns = "/run/netns/other";
	probe_lab_expect(&lab, &spec, "another namespace", XDPLB_CAUSE_REFUSED, NULL);
	spec.netns = "/run/netns/gone";
	probe_lab_expect(&lab, &spec, "no namespace", XDPLB_CAUSE_NO_NETNS, "gone");
	probe_lab_leave(&lab);
}

/* Two servers with one port each: 8443 by SNI www.example or a.example, 8444 has expired. */
static void start_tls(const char *dir)
{
	net_lab_run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		    "-keyout ca.key -out ca.pem -subj /CN=ca -days 2 2>/dev/null",
		    dir);
	net_lab_run("cd %s && for n in a b; do openssl req -newkey ec -pkeyopt "
		    "ec_paramgen_curve:P-256 -nodes -keyout $n.key -out $n.csr -subj /CN=$n "
		    "2>/dev/null && echo subjectAltName=DNS:$n.example,IP:127.0.0.1 >$n.ext && "
		    "openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -out $n.pem -days 2 "
		    "-extfile $n.ext 2>/dev/null || exit 1; done",
		    dir);
	lab_start(8443,
		  "cd %s && exec openssl s_server -quiet -www -accept 8443 -cert a.pem -key a.key "
		  "-servername b.example -cert2 b.pem -key2 b.key >/dev/null 2>&1",
		  dir);
}

struct tls_row {
	const char *name;
	const char *sni, *host;
	enum probe_verify verify;
	const char *ca_file; /* in the directory */
	enum xdplb_health_cause cause;
	const char *detail;
};

static const struct tls_row tls_rows[] = {
	{ "no verification", NULL, NULL, PROBE_VERIFY_NONE, NULL, XDPLB_CAUSE_OK, "" },
	{ "unknown CA", NULL, NULL, PROBE_VERIFY_CA, NULL, XDPLB_CAUSE_TLS, "certificate" },
	{ "known CA", NULL, "c.example", PROBE_VERIFY_CA, "ca.pem", XDPLB_CAUSE_OK, "" },
	{ "another CA", NULL, NULL, PROBE_VERIFY_CA, "b.pem", XDPLB_CAUSE_TLS, NULL },
	{ "name", "a.example", NULL, PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_OK, "" },
	{ "SNI chooses", "b.example", NULL, PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_OK, "" },
	{ "host is SNI", NULL, "b.example:81", PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_OK, "" },
	{ "SNI, not host", "a.example", "c.example", PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_OK,
	  "" },
	{ "wrong name", "c.example", NULL, PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_TLS,
	  "c.example" },
	{ "address", NULL, NULL, PROBE_VERIFY_FULL, "ca.pem", XDPLB_CAUSE_OK, "" },
	{ "no CA file", NULL, NULL, PROBE_VERIFY_CA, "none.pem", XDPLB_CAUSE_LOCAL, NULL },
};

Test(probe_https, rows)
{
	char dir[] = "/tmp/xdplb-tls-XXXXXX", ca_file[128];
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	if (net_lab_ask("command -v openssl >/dev/null"))
		cr_skip_test("needs openssl (package openssl)");
	cr_assert_not_null(mkdtemp(dir));
	start_tls(dir);
	for (size_t i = 0; i < sizeof(tls_rows) / sizeof(tls_rows[0]); i++) {
		const struct tls_row *row = &tls_rows[i];

		spec = probe_lab_spec(PROBE_HTTPS, "127.0.0.1", 8443);
		snprintf(ca_file, sizeof(ca_file), "%s/%s", dir, row->ca_file ? row->ca_file : "");
		spec.http.sni = row->sni;
		spec.http.host = row->host;
		spec.http.verify = row->verify;
		spec.http.ca_file = row->ca_file ? ca_file : NULL;
		probe_lab_expect(&lab, &spec, row->name, row->cause, row->detail);
	}
	spec = probe_lab_spec(PROBE_HTTPS, "127.0.0.1", lab_serve_tcp(serve_at_once));
	spec.timeout_ms = 300;
	probe_lab_expect(&lab, &spec, "no TLS", XDPLB_CAUSE_TLS, NULL);
	spec = probe_lab_spec(PROBE_HTTP, "127.0.0.1", 8443);
	probe_lab_expect(&lab, &spec, "http to TLS", XDPLB_CAUSE_CLOSED, NULL);
	net_lab_run("rm -r %s", dir);
	probe_lab_leave(&lab);
}
