// SPDX-License-Identifier: BSD-2-Clause
/*
 * grpc: grpc.health.v1.Health/Check over HTTP/2 without TLS, as gRPC probes do in practice. libcurl
 * carries HTTP/2; the message, one string out and one enum in, is written and read by hand, which
 * spares the gRPC library and protobuf.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probe/curl.h"

#define FRAME_HEADER    5 /* compressed?, length in four bytes */
#define ANSWER_MAX      1024
#define STATUS_SERVING  1
#define WIRE_VARINT     0
#define WIRE_FIXED64    1
#define WIRE_BYTES      2
#define WIRE_FIXED32    5
#define GRPC_STATUS_OK  0
#define GRPC_NOT_STATED (-1)

struct grpc {
	struct transfer transfer;
	uint8_t request[FRAME_HEADER + 2 + PROBE_GRPC_SERVICE_MAX];
	uint8_t answer[ANSWER_MAX];
	size_t len;
	int status; /* grpc-status, in the header or the trailer */
	char message[80]; /* grpc-message */
};

/* HealthCheckRequest: string service = 1. Return: the length of the frame. */
static size_t put_request(uint8_t *frame, const char *service)
{
	size_t len = strlen(service), message = len ? 2 + len : 0;

	memset(frame, 0, FRAME_HEADER);
	frame[4] = (uint8_t)message;
	if (len) {
		frame[FRAME_HEADER] = 1 << 3 | WIRE_BYTES;
		frame[FRAME_HEADER + 1] = (uint8_t)len;
		memcpy(frame + FRAME_HEADER + 2, service, len);
	}
	return FRAME_HEADER + message;
}

/* A cursor over a message; a read beyond its end fails. */
struct message {
	const uint8_t *at, *end;
};

static bool read_varint(struct message *message, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		if (message->at == message->end)
			return false;
		value |= (uint64_t)(*message->at & 0x7f) << shift;
		if (!(*message->at++ & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

static bool skip_bytes(struct message *message, uint64_t count)
{
	if (count > (uint64_t)(message->end - message->at))
		return false;
	message->at += count;
	return true;
}

/* A field this probe knows nothing of. */
static bool skip_field(struct message *message, unsigned int wire_type)
{
	uint64_t value;

	switch (wire_type) {
	case WIRE_VARINT:
		return read_varint(message, &value);
	case WIRE_FIXED64:
		return skip_bytes(message, 8);
	case WIRE_BYTES:
		return read_varint(message, &value) && skip_bytes(message, value);
	case WIRE_FIXED32:
		return skip_bytes(message, 4);
	default:
		return false;
	}
}

/* HealthCheckResponse: ServingStatus status = 1; left out if it is 0, UNKNOWN. */
static bool read_serving(const struct grpc *grpc, uint64_t *ret_serving)
{
	struct message message = { grpc->answer + FRAME_HEADER, grpc->answer + grpc->len };
	const uint8_t *frame = grpc->answer;
	uint64_t tag, serving = 0;

	/* Not compressed, since we offered no compression; and just one message. */
	if (grpc->len < FRAME_HEADER || frame[0] || frame[1] || frame[2] ||
	    (size_t)(frame[3] << 8 | frame[4]) != grpc->len - FRAME_HEADER)
		return false;
	while (message.at < message.end) {
		if (!read_varint(&message, &tag))
			return false;
		if (tag == (1 << 3 | WIRE_VARINT)) {
			if (!read_varint(&message, &serving))
				return false;
		} else if (!skip_field(&message, tag & 7)) {
			return false;
		}
	}
	*ret_serving = serving;
	return true;
}

static void done(struct transfer *transfer)
{
	static const char *const names[] = { "UNKNOWN", "SERVING", "NOT_SERVING",
					     "SERVICE_UNKNOWN" };
	const struct grpc *grpc = (const struct grpc *)transfer;
	struct probe *probe = &transfer->probe;
	uint64_t serving;
	long http = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &http);
	probe->result.number = http == 200 ? grpc->status : (int)http;
	if (http != 200)
		probe_fail(probe, XDPLB_CAUSE_HTTP_STATUS, "status %ld", http);
	else if (grpc->status == GRPC_NOT_STATED)
		probe_fail(probe, XDPLB_CAUSE_WRONG_ANSWER, "no grpc-status: not gRPC");
	else if (grpc->status != GRPC_STATUS_OK)
		probe_fail(probe, XDPLB_CAUSE_GRPC_STATUS, "grpc-status %d: %s", grpc->status,
			   grpc->message);
	else if (!read_serving(grpc, &serving))
		probe_fail(probe, XDPLB_CAUSE_WRONG_ANSWER, "not a HealthCheckResponse");
	else if (serving == STATUS_SERVING)
		probe_succeed(probe);
	else
		probe_fail(probe, XDPLB_CAUSE_NOT_SERVING, "%s",
			   serving < sizeof(names) / sizeof(names[0]) ? names[serving] : "?");
}

/* Copies the value of a header line if its name is this one. */
static bool read_header(const char *line, size_t len, const char *name, char value[80])
{
	size_t name_len = strlen(name), from = name_len + 1, copied = 0;

	if (len < from || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return false;
	while (from < len && line[from] == ' ')
		from++;
	while (from < len && copied < 79 && line[from] != '\r' && line[from] != '\n')
		value[copied++] = line[from++];
	value[copied] = '\0';
	return true;
}

/* Header and trailer alike: an error may come without a body, and then there is only one of them. */
static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct grpc *grpc = arg;
	char value[80];
	long status;
	char *end;

	read_header(data, size * count, "grpc-message", grpc->message);
	if (read_header(data, size * count, "grpc-status", value)) {
		status = strtol(value, &end, 10);
		if (end != value && !*end && status >= 0 && status < 1000)
			grpc->status = (int)status;
	}
	return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct grpc *grpc = arg;

	if (size * count > ANSWER_MAX - grpc->len) {
		probe_fail(&grpc->transfer.probe, XDPLB_CAUSE_WRONG_ANSWER,
			   "longer than %d bytes: not a HealthCheckResponse", ANSWER_MAX);
		return 0;
	}
	memcpy(grpc->answer + grpc->len, data, size * count);
	grpc->len += size * count;
	return size * count;
}

static void start(struct probe *probe)
{
	const struct probe_grpc *wanted = &probe->spec->grpc;
	struct grpc *grpc = (struct grpc *)probe;
	struct transfer *transfer = &grpc->transfer;
	size_t len = put_request(grpc->request, wanted->service ? wanted->service : "");
	CURL *easy;

	grpc->status = GRPC_NOT_STATED;
	transfer->done = done;
	if (!transfer_prepare(transfer, "http", NULL))
		return;
	easy = transfer->easy;
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, "/grpc.health.v1.Health/Check");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, grpc->request);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, grpc);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, grpc);
	if ((!wanted->authority || transfer_add_header(transfer, "Host", wanted->authority)) &&
	    transfer_add_header(transfer, "Content-Type", "application/grpc") &&
	    transfer_add_header(transfer, "TE", "trailers") &&
	    transfer_add_header(transfer, "Accept", ""))
		transfer_start(transfer);
}

const struct probe_kind probe_grpc = { sizeof(struct grpc), start, transfer_release };
