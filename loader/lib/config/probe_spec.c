// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of types, and whether a spec can be probed with: asked of the cluster file when it is read, so
 * that a probe never meets what it can't carry out.
 */
#include "config/probe_spec.h"

#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_MAX     1024
#define METHOD_MAX    32
#define HOST_NAME_MAX 255
#define DNS_LABEL_MAX 63
#define DNS_RCODE_MAX 15

static const char *const type_names[] = {
#define X(name, word) #word,
	PROBE_TYPES(X)
#undef X
};

const char *probe_type_name(enum probe_type type)
{
	return type < PROBE_TYPE_COUNT ? type_names[type] : "?";
}

int probe_type_parse(const char *name, enum probe_type *ret_type)
{
	for (size_t i = 0; i < PROBE_TYPE_COUNT; i++) {
		if (strcmp(name, type_names[i]) == 0) {
			*ret_type = (enum probe_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* What can stand in a request's line or header: printable ASCII without blanks. */
static bool is_token(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return true;
}

bool probe_is_host_name(const char *text)
{
	return is_token(text) && !strpbrk(text, "/?#@:[]%\\\"<>^`{|}") &&
	       strlen(text) <= HOST_NAME_MAX;
}

size_t probe_dns_name(const char *name, uint8_t to[PROBE_DNS_NAME_MAX])
{
	size_t at = 0;

	while (*name && strcmp(name, ".") != 0) {
		size_t len = strcspn(name, ".");

		/* One byte is left for the root. */
		if (!len || len > DNS_LABEL_MAX || at + 1 + len + 1 > PROBE_DNS_NAME_MAX)
			return 0;
		to[at++] = (uint8_t)len;
		memcpy(to + at, name, len);
		at += len;
		name += len;
		if (*name == '.' && name[1])
			name++;
	}
	to[at++] = 0;
	return at;
}

/* ---- what each kind wants ---- */

/* A value that is not as it is to be: its key in the cluster file, and what is expected. */
struct fault {
	const char *key;
	struct error expected;
};

static int refuse(struct fault *fault, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct fault *fault, const char *key, const char *format, ...)
{
	va_list args;

	fault->key = key;
	va_start(args, format);
	vsnprintf(fault->expected.text, sizeof(fault->expected.text), format, args);
	va_end(args);
	return -EINVAL;
}

static int check_exchange(const struct probe_exchange *exchange, struct fault *fault)
{
	if (exchange->expect.len > PROBE_ANSWER_MAX)
		return refuse(fault, "expect", "at most %d bytes", PROBE_ANSWER_MAX);
	if (exchange->send.len > PROBE_SEND_MAX)
		return refuse(fault, "send", "at most %d bytes", PROBE_SEND_MAX);
	return 0;
}

static int check_regex(const char *pattern, struct fault *fault)
{
	char reason[256];
	regex_t regex;
	int err;

	if (strlen(pattern) > PROBE_REGEX_MAX)
		return refuse(fault, "body_regex", "at most %d bytes", PROBE_REGEX_MAX);
	/* They are no part of POSIX and may take glibc for ever. */
	for (const char *at = pattern; *at; at++) {
		if (at[0] != '\\' || !at[1])
			continue;
		at++;
		if (*at >= '1' && *at <= '9')
			return refuse(fault, "body_regex", "no back-reference such as \\%c", *at);
	}
	err = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
	if (err) {
		regerror(err, &regex, reason, sizeof(reason));
		return refuse(fault, "body_regex", "a POSIX extended regex (%s)", reason);
	}
	regfree(&regex);
	return 0;
}

static int check_status(const struct probe_http *http, struct fault *fault)
{
	if (http->status_count > PROBE_STATUS_MAX)
		return refuse(fault, "status", "at most %d ranges", PROBE_STATUS_MAX);
	for (size_t i = 0; i < http->status_count; i++) {
		const struct probe_status_range *range = &http->status[i];

		if (range->first < PROBE_STATUS_FIRST || range->last > PROBE_STATUS_LAST ||
		    range->first > range->last)
			return refuse(fault, "status", "ranges within %d-%d, not %u-%u",
				      PROBE_STATUS_FIRST, PROBE_STATUS_LAST, range->first,
				      range->last);
	}
	return 0;
}

/* RFC 9110, 5.1: a token, of which people use letters, digits, - and _. */
static int check_report(const struct probe_http *http, struct fault *fault)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	size_t length = strlen(http->report);

	if (!length || length > PROBE_REPORT_MAX || http->report[strspn(http->report, letters)])
		return refuse(fault, "report", "body or the name of a header, at most %d bytes",
			      PROBE_REPORT_MAX);
	if (!strcmp(http->report, PROBE_REPORT_BODY) && http->method &&
	    !strcmp(http->method, "HEAD"))
		return refuse(fault, "report",
			      "the name of a header: an answer to HEAD has no body");
	return 0;
}

static int check_http(const struct probe_http *http, struct fault *fault)
{
	static const char token[] = "1 to 1024 printable ASCII characters without blanks";
	int err;

	if (http->method && (!is_token(http->method) || strlen(http->method) > METHOD_MAX))
		return refuse(fault, "method", "a method such as GET");
	if (http->path && !is_token(http->path))
		return refuse(fault, "path", "%s", token);
	if (http->host && !is_token(http->host))
		return refuse(fault, "host", "%s", token);
	if (http->sni && !probe_is_host_name(http->sni))
		return refuse(fault, "sni", "a host name");
	if (http->verify > PROBE_VERIFY_FULL)
		return refuse(fault, "verify", "none, ca or full");
	if (http->body_text && strlen(http->body_text) > PROBE_ANSWER_MAX)
		return refuse(fault, "body", "at most %d bytes", PROBE_ANSWER_MAX);
	err = check_status(http, fault);
	if (!err && http->report)
		err = check_report(http, fault);
	if (!err && http->body_regex)
		err = check_regex(http->body_regex, fault);
	return err;
}

static int check_dns(const struct probe_dns *dns, struct fault *fault)
{
	uint8_t wire[PROBE_DNS_NAME_MAX];

	if (!dns->name || !is_token(dns->name) || !probe_dns_name(dns->name, wire))
		return refuse(fault, "name", "a domain name");
	if (!dns->type)
		return refuse(fault, "query", "a record type such as A or AAAA");
	if (dns->rcode > DNS_RCODE_MAX)
		return refuse(fault, "rcode", "a response code such as NOERROR");
	return 0;
}

static int check_grpc(const struct probe_grpc *grpc, struct fault *fault)
{
	if (grpc->service && strlen(grpc->service) > PROBE_GRPC_SERVICE_MAX)
		return refuse(fault, "service", "at most %d bytes", PROBE_GRPC_SERVICE_MAX);
	if (grpc->authority && !is_token(grpc->authority))
		return refuse(fault, "authority", "a host name");
	return 0;
}

static int check_exec(const struct probe_exec *exec, struct fault *fault)
{
	if (!exec->argv || !exec->argv[0] || exec->argv[0][0] != '/')
		return refuse(fault, "command",
			      "a list: a program's absolute path and its arguments");
	return 0;
}

static int check_values(const struct probe_spec *spec, struct fault *fault)
{
	if (!spec->timeout_ms || spec->timeout_ms > PROBE_TIMEOUT_MAX)
		return refuse(fault, "timeout", "1 to %d ms", PROBE_TIMEOUT_MAX);
	switch (spec->type) {
	case PROBE_TCP:
	case PROBE_UDP:
		return check_exchange(&spec->exchange, fault);
	case PROBE_HTTP:
	case PROBE_HTTPS:
		return check_http(&spec->http, fault);
	case PROBE_DNS:
		return check_dns(&spec->dns, fault);
	case PROBE_GRPC:
		return check_grpc(&spec->grpc, fault);
	case PROBE_EXEC:
		return check_exec(&spec->exec, fault);
	case PROBE_ICMP:
		return 0;
	default:
		return refuse(fault, "type", "a type less than %d", PROBE_TYPE_COUNT);
	}
}

int probe_spec_check_values(const struct probe_spec *spec, const char **ret_key,
			    struct error *ret_expected)
{
	struct fault fault;
	int err = check_values(spec, &fault);

	if (err) {
		*ret_key = fault.key;
		*ret_expected = fault.expected;
	}
	return err;
}

int probe_spec_check(const struct probe_spec *spec, struct error *error)
{
	struct fault fault;
	int err = check_values(spec, &fault);

	if (err)
		return fail(error, err, "%s: expected %s", fault.key, fault.expected.text);
	if (spec->type == PROBE_EXEC)
		return 0;
	if (spec->family != XDPLB_IPV4 && spec->family != XDPLB_IPV6)
		return fail(error, -EINVAL, "address: there is none");
	if (!spec->port && spec->type != PROBE_ICMP)
		return fail(error, -EINVAL, "port: there is none");
	return 0;
}
