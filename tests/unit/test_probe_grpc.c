// SPDX-License-Identifier: BSD-2-Clause
/*
 * grpc probes against a server of a few HTTP/2 frames (RFC 9113), its headers uncompressed
 * (RFC 7541, 6.2.2), so that it need not understand the request's.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "health/health.h"
#include "net_lab.h"
#include "probe_lab.h"

enum frame_type {
	FRAME_DATA = 0,
	FRAME_HEADERS = 1,
	FRAME_SETTINGS = 4
};

#define END_STREAM  1
#define END_HEADERS 4

/* What the server is to answer; a server is forked for each row. */
struct answer {
	const char *status; /* HTTP */
	const char *data; /* NULL: trailers only */
	size_t len;
	const char *grpc_status; /* NULL: no trailer */
	const char *grpc_message;
};

static const struct answer *answering;
static uint8_t wanted_body[64];
static size_t wanted_len;

static bool read_all(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

static void send_frame(int fd, enum frame_type type, uint8_t flags, const void *data, size_t len)
{
	uint8_t frame[256] = { 0, (uint8_t)(len >> 8), (uint8_t)len, (uint8_t)type, flags };

	if (type != FRAME_SETTINGS)
		frame[8] = 1; /* stream */
	memcpy(frame + 9, data, len);
	send(fd, frame, 9 + len, MSG_NOSIGNAL);
}

static size_t put_header(uint8_t *to, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	to[0] = 0; /* literal, not indexed, new name */
	to[1] = (uint8_t)name_len;
	memcpy(to + 2, name, name_len);
	to[2 + name_len] = (uint8_t)value_len;
	memcpy(to + 3 + name_len, value, value_len);
	return 3 + name_len + value_len;
}

static void send_answer(int fd)
{
	uint8_t block[200];
	size_t len = put_header(block, ":status", answering->status);

	len += put_header(block + len, "content-type", "application/grpc");
	if (answering->data) {
		send_frame(fd, FRAME_HEADERS, END_HEADERS, block, len);
		send_frame(fd, FRAME_DATA, answering->grpc_status ? 0 : END_STREAM, answering->data,
			   answering->len);
		len = 0;
	}
	if (answering->grpc_status) {
		len += put_header(block + len, "grpc-status", answering->grpc_status);
		len += put_header(block + len, "grpc-message", answering->grpc_message);
	}
	if (len)
		send_frame(fd, FRAME_HEADERS, END_HEADERS | END_STREAM, block, len);
}

/* Return: whether the stream goes on. */
static bool take_frame(int fd)
{
	uint8_t head[9], data[16384];
	size_t len;

	if (!read_all(fd, head, sizeof(head)))
		return false;
	len = (size_t)head[1] << 8 | head[2];
	if (head[0] || len > sizeof(data) || !read_all(fd, data, len))
		return false;
	if (head[3] == FRAME_SETTINGS && !(head[4] & 1))
		send_frame(fd, FRAME_SETTINGS, 1, "", 0);
	if (head[3] != FRAME_DATA || !len)
		return true;
	if (len == wanted_len && memcmp(data, wanted_body, len) == 0)
		send_answer(fd);
	return true;
}

static void serve(int fd)
{
	char preface[24];

	if (!read_all(fd, preface, sizeof(preface)) || memcmp(preface, "PRI * HTTP/2.0", 14) != 0)
		return;
	send_frame(fd, FRAME_SETTINGS, 0, "", 0);
	while (take_frame(fd))
		;
}

static void serve_silence(int fd)
{
	char data[4096];

	while (read(fd, data, sizeof(data)) > 0)
		;
}

static void serve_http1(int fd)
{
	lab_read_header(fd);
	lab_write(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	serve_silence(fd);
}

struct row {
	const char *name;
	struct answer answer;
	enum xdplb_health_cause cause;
	int number;
	const char *detail;
};

#define BYTES(text) text, sizeof(text) - 1

static const struct row rows[] = {
	{ "SERVING", { "200", BYTES("\0\0\0\0\2\x08\1"), "0", "" }, XDPLB_CAUSE_OK, 0, "" },
	{ "NOT_SERVING",
	  { "200", BYTES("\0\0\0\0\2\x08\2"), "0", "" },
	  XDPLB_CAUSE_NOT_SERVING,
	  0,
	  "NOT_SERVING" },
	{ "UNKNOWN",
	  { "200", BYTES("\0\0\0\0\0"), "0", "" },
	  XDPLB_CAUSE_NOT_SERVING,
	  0,
	  "UNKNOWN" },
	{ "SERVING behind other fields",
	  { "200", BYTES("\0\0\0\0\x18\x12\3abc\x1d\1\2\3\4\x21\1\2\3\4\5\6\7\x08\x28\xff\1\x08\1"),
	    "0", "" },
	  XDPLB_CAUSE_OK,
	  0,
	  "" },
	{ "large status",
	  { "200", BYTES("\0\0\0\0\3\x08\x81\1"), "0", "" },
	  XDPLB_CAUSE_NOT_SERVING,
	  0,
	  "?" },
	{ "error status",
	  { "200", NULL, 0, "12", "no such method" },
	  XDPLB_CAUSE_GRPC_STATUS,
	  12,
	  "grpc-status 12: no such method" },
	{ "error status behind an answer",
	  { "200", BYTES("\0\0\0\0\2\x08\1"), "5", "unknown" },
	  XDPLB_CAUSE_GRPC_STATUS,
	  5,
	  "unknown" },
	{ "no grpc-status",
	  { "200", BYTES("\0\0\0\0\2\x08\1"), NULL, NULL },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  -1,
	  "not gRPC" },
	{ "404", { "404", NULL, 0, "0", "" }, XDPLB_CAUSE_HTTP_STATUS, 404, "404" },
	{ "no message", { "200", NULL, 0, "0", "" }, XDPLB_CAUSE_WRONG_ANSWER, 0, "not a Health" },
	{ "compressed",
	  { "200", BYTES("\1\0\0\0\2\x08\1"), "0", "" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  0,
	  "not a Health" },
	{ "truncated",
	  { "200", BYTES("\0\0\0\0\2\x08"), "0", "" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  0,
	  "not a Health" },
	{ "broken varint",
	  { "200", BYTES("\0\0\0\0\2\x08\x81"), "0", "" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  0,
	  "not a Health" },
	{ "field beyond the end",
	  { "200", BYTES("\0\0\0\0\4\x12\x7f\x08\1"), "0", "" },
	  XDPLB_CAUSE_WRONG_ANSWER,
	  0,
	  "not a Health" },
};

static void check_row(struct probe_lab *lab, const struct row *row, const char *service)
{
	struct probe_result result;
	struct probe_spec spec;

	answering = &row->answer;
	spec = probe_lab_spec(PROBE_GRPC, "127.0.0.1", lab_serve_tcp(serve));
	spec.timeout_ms = 500;
	spec.grpc.service = service;
	probe_lab_ask(lab, &spec, &result);
	cr_expect_eq(result.cause, row->cause, "%s: %s \"%s\"", row->name,
		     health_cause_name(result.cause), result.detail);
	cr_expect_eq(result.number, row->number, "%s: %d", row->name, result.number);
	cr_expect_not_null(strstr(result.detail, row->detail), "%s: \"%s\"", row->name,
			   result.detail);
}

Test(probe_grpc, rows)
{
	struct probe_lab lab;

	probe_lab_enter(&lab);
	wanted_len = 5;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&lab, &rows[i], NULL);
	/* The server only answers to this very request. */
	memcpy(wanted_body, "\0\0\0\0\6\x0a\4shop", 11);
	wanted_len = 11;
	check_row(&lab, &rows[0], "shop");
	probe_lab_leave(&lab);
}

Test(probe_grpc, servers_that_do_not_speak_it)
{
	struct probe_result result;
	struct probe_spec spec;
	struct probe_lab lab;

	probe_lab_enter(&lab);
	spec = probe_lab_spec(PROBE_GRPC, "127.0.0.1", lab_serve_tcp(serve_http1));
	/* Told in the words of libcurl's version. */
	probe_lab_ask(&lab, &spec, &result);
	cr_expect(result.cause == XDPLB_CAUSE_CLOSED || result.cause == XDPLB_CAUSE_WRONG_ANSWER,
		  "HTTP/1.1: %s \"%s\"", health_cause_name(result.cause), result.detail);
	spec = probe_lab_spec(PROBE_GRPC, "127.0.0.1", lab_serve_tcp(serve_silence));
	spec.timeout_ms = 100;
	probe_lab_expect(&lab, &spec, "silence", XDPLB_CAUSE_TIMEOUT, NULL);
	spec = probe_lab_spec(PROBE_GRPC, "127.0.0.1", lab_closed_port());
	probe_lab_expect(&lab, &spec, "closed", XDPLB_CAUSE_REFUSED, NULL);
	probe_lab_leave(&lab);
}
