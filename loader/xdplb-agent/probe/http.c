// SPDX-License-Identifier: BSD-2-Clause
/*
 * http and https: one request, HTTP/1.1, over a connection of its own. The status decides as soon
 * as the headers are there; a body is only read if something is looked for in it, and then no more
 * than PROBE_BODY_MAX bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe/curl.h"
#include "probe/said.h"

struct http {
	struct transfer transfer;
	char *body; /* PROBE_BODY_MAX bytes, made when the first ones arrive */
	size_t len;
	char said[SAID_LINE_MAX]; /* the value of the header that is looked for */
	size_t said_len;
};

static bool reports_in_body(const struct probe_http *http)
{
	return http->report && !strcmp(http->report, PROBE_REPORT_BODY);
}

static bool looks_at_body(const struct probe_http *http)
{
	return http->body_text || http->body_regex || reports_in_body(http);
}

static bool is_wanted_status(const struct probe_http *http, long status)
{
	if (!http->status_count)
		return status >= 200 && status < 400;
	for (size_t i = 0; i < http->status_count; i++) {
		if (status >= http->status[i].first && status <= http->status[i].last)
			return true;
	}
	return false;
}

/* All is as wanted but for what the server may say of itself. */
static void judge_said(struct http *http)
{
	const char *report = http->transfer.probe.spec->http.report;

	if (!report)
		probe_succeed(&http->transfer.probe);
	else if (reports_in_body(&http->transfer.probe.spec->http))
		said_finish(&http->transfer.probe, report, http->body, http->len);
	else
		said_finish(&http->transfer.probe, report, http->said, http->said_len);
}

/* A line of the header. The last one of a name counts, of the last answer (after 100 Continue). */
static void keep_said(struct http *http, const char *line, size_t len)
{
	const char *name = http->transfer.probe.spec->http.report;
	size_t name_len = name ? strlen(name) : 0;

	if (!name || len <= name_len || line[name_len] != ':' ||
	    strncasecmp(line, name, name_len) != 0)
		return;
	line += name_len + 1;
	len -= name_len + 1;
	http->said_len = len < sizeof(http->said) ? len : sizeof(http->said);
	memcpy(http->said, line, http->said_len);
}

static void judge_status(struct http *http)
{
	struct probe *probe = &http->transfer.probe;
	long status = 0;

	curl_easy_getinfo(http->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200) /* 100 Continue and its like: another one follows */
		return;
	probe->result.number = (int)status;
	if (!is_wanted_status(&probe->spec->http, status))
		probe_fail(probe, XDPLB_CAUSE_HTTP_STATUS, "status %ld", status);
	else if (!looks_at_body(&probe->spec->http))
		judge_said(http);
	else
		probe->doing = "waiting for the body";
}

/* Called for each line of the header, the blank one at its end too. */
static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct http *http = arg;

	if (size * count <= 2 && (data[0] == '\r' || data[0] == '\n'))
		judge_status(http);
	else
		keep_said(http, data, size * count);
	/* Less than it gave makes libcurl stop. */
	return http->transfer.probe.finished ? 0 : size * count;
}

static bool matches(const struct http *http, const struct probe_http *wanted)
{
	regmatch_t whole = { .rm_so = 0, .rm_eo = (regoff_t)http->len };
	regex_t regex;
	bool found;

	if (wanted->body_text &&
	    !memmem(http->body, http->len, wanted->body_text, strlen(wanted->body_text)))
		return false;
	if (!wanted->body_regex)
		return true;
	/* No REG_NOSUB: REG_STARTEND, for bodies with zero bytes in them, needs the match. */
	if (regcomp(&regex, wanted->body_regex, REG_EXTENDED | REG_NEWLINE))
		return false;
	found = regexec(&regex, http->body ? http->body : "", 1, &whole, REG_STARTEND) == 0;
	regfree(&regex);
	return found;
}

static void judge_body(struct http *http)
{
	struct probe *probe = &http->transfer.probe;

	if (matches(http, &probe->spec->http))
		judge_said(http);
	else
		probe_fail(probe, XDPLB_CAUSE_WRONG_ANSWER,
			   "status %d, no match in the %sbody: %.*s", probe->result.number,
			   http->len == PROBE_BODY_MAX ? "first 64 KiB of the " : "",
			   http->len > 60 ? 60 : (int)http->len, http->body ? http->body : "");
}

/* Nothing but a first line is looked for, and it is there. */
static bool has_line(const struct http *http)
{
	const struct probe_http *wanted = &http->transfer.probe.spec->http;

	return !wanted->body_text && !wanted->body_regex && reports_in_body(wanted) &&
	       memchr(http->body, '\n', http->len);
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	size_t room, len = size * count;
	struct http *http = arg;

	if (!http->body)
		http->body = malloc(PROBE_BODY_MAX);
	if (!http->body)
		return 0;
	room = PROBE_BODY_MAX - http->len;
	memcpy(http->body + http->len, data, len < room ? len : room);
	http->len += len < room ? len : room;
	if (http->len == PROBE_BODY_MAX || has_line(http))
		judge_body(http);
	return http->transfer.probe.finished ? 0 : len;
}

static void done(struct transfer *transfer)
{
	struct http *http = (struct http *)transfer;

	/* Without a header's end it was no HTTP. */
	if (transfer->probe.result.number)
		judge_body(http);
	else
		probe_fail(&transfer->probe, XDPLB_CAUSE_WRONG_ANSWER, "no HTTP status");
}

/* The name of "name:port", if it is a name: addresses have no SNI (RFC 6066). */
static const char *name_of_host(const char *host, char *name, size_t size)
{
	size_t len = strcspn(host, ":");
	struct in_addr address;

	if (len >= size)
		return NULL;
	memcpy(name, host, len);
	name[len] = '\0';
	return probe_is_host_name(name) && inet_pton(AF_INET, name, &address) != 1 ? name : NULL;
}

static void set_request(struct http *http, const struct probe_http *wanted)
{
	const char *method = wanted->method ? wanted->method : "GET";
	CURL *easy = http->transfer.easy;

	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, wanted->path ? wanted->path : "/");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, http);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, wanted->verify >= PROBE_VERIFY_CA ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
			 wanted->verify >= PROBE_VERIFY_FULL ? 2L : 0L);
	/* libcurl caches what it read of a file, not of a directory. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (wanted->ca_file || wanted->verify == PROBE_VERIFY_NONE)
		curl_easy_setopt(easy, CURLOPT_CAINFO, wanted->ca_file);
}

static void start(struct probe *probe)
{
	const char *scheme = probe->spec->type == PROBE_HTTPS ? "https" : "http";
	const struct probe_http *wanted = &probe->spec->http;
	const char *name = wanted->sni;
	struct http *http = (struct http *)probe;
	char buffer[256];

	http->transfer.done = done;
	if (!name && wanted->host)
		name = name_of_host(wanted->host, buffer, sizeof(buffer));
	if (!transfer_prepare(&http->transfer, scheme, name))
		return;
	set_request(http, wanted);
	if (wanted->host && !transfer_add_header(&http->transfer, "Host", wanted->host))
		return;
	if (transfer_add_header(&http->transfer, "Connection", "close"))
		transfer_start(&http->transfer);
}

static void release(struct probe *probe)
{
	struct http *http = (struct http *)probe;

	transfer_release(probe);
	free(http->body);
}

const struct probe_kind probe_http = { sizeof(struct http), start, release };
