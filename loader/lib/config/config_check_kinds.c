// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each kind of check has of its own in the cluster file. What the values must be like beyond
 * their form is probe_spec_check_values()'s to say, which config_checks.c asks.
 */
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_check_kinds.h"

struct word_number {
	const char *word;
	uint32_t number;
};

/* RFC 1035, 3.2.2, and later: what a check may sensibly ask for by name. */
static const struct word_number dns_types[] = {
	{ "A", 1 },   { "NS", 2 },   { "CNAME", 5 }, { "SOA", 6 },  { "PTR", 12 },
	{ "MX", 15 }, { "TXT", 16 }, { "AAAA", 28 }, { "SRV", 33 }, { NULL, 0 },
};

/* RFC 1035, 4.1.1. */
static const struct word_number dns_rcodes[] = {
	{ "NOERROR", 0 }, { "FORMERR", 1 }, { "SERVFAIL", 2 }, { "NXDOMAIN", 3 },
	{ "NOTIMP", 4 },  { "REFUSED", 5 }, { NULL, 0 },
};

static char *read_copy(struct config_draft *draft, const struct yaml_place *place, const char *key,
		       const char *expected)
{
	struct yaml_place child;
	const char *text;

	if (!place_child(place, key, &child))
		return NULL;
	text = place_text(&child, expected);
	return text ? draft_copy_text(draft, text) : NULL;
}

/* ---- tcp, udp ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character, which may be \n, \r, \t, \0, \\ or \xNN. Return: what is after it; NULL: wrong. */
static const char *unescape_one(const char *text, char *ret_byte)
{
	static const char names[] = "nrt0\\", bytes[] = "\n\r\t\0\\";
	const char *found;

	if (*text != '\\') {
		*ret_byte = *text;
		return text + 1;
	}
	if (text[1] == 'x' && hex_digit(text[2]) >= 0 && hex_digit(text[3]) >= 0) {
		*ret_byte = (char)(hex_digit(text[2]) * 16 + hex_digit(text[3]));
		return text + 4;
	}
	found = text[1] ? strchr(names, text[1]) : NULL;
	if (!found)
		return NULL;
	*ret_byte = bytes[found - names];
	return text + 2;
}

static void read_bytes(struct config_draft *draft, const struct yaml_place *place, const char *key,
		       struct probe_bytes *ret_bytes)
{
	static const char expected[] =
		"a text, in which \\n, \\r, \\t, \\0, \\\\ and \\xNN are bytes";
	struct yaml_place child;
	const char *text;
	char *bytes;
	size_t len = 0;

	if (!place_child(place, key, &child))
		return;
	text = place_text(&child, expected);
	bytes = text ? draft_copy_text(draft, text) : NULL;
	if (!bytes)
		return;
	while (text && *text)
		text = unescape_one(text, &bytes[len++]);
	if (!text)
		place_refuse_value(&child, "%s", expected);
	*ret_bytes = (struct probe_bytes){ bytes, len };
}

static void read_exchange(struct config_draft *draft, const struct yaml_place *place,
			  struct probe_spec *spec)
{
	read_bytes(draft, place, "send", &spec->exchange.send);
	read_bytes(draft, place, "expect", &spec->exchange.expect);
}

/* ---- http, https ---- */

/* Three digits. Return: what is after them; NULL: it is no status that can be wanted. */
static const char *parse_status(const char *text, uint16_t *ret_status)
{
	if (strspn(text, "0123456789") != 3)
		return NULL;
	*ret_status = (uint16_t)atoi(text);
	return *ret_status >= PROBE_STATUS_FIRST && *ret_status <= PROBE_STATUS_LAST ? text + 3
										     : NULL;
}

/* "200" or "200-299". */
static bool parse_range(const char *text, struct probe_status_range *ret_range)
{
	struct probe_status_range range;

	text = parse_status(text, &range.first);
	range.last = range.first;
	if (text && *text == '-')
		text = parse_status(text + 1, &range.last);
	if (!text || *text || range.first > range.last)
		return false;
	*ret_range = range;
	return true;
}

static void read_status(const struct yaml_place *place, struct probe_http *http)
{
	static const char expected[] = "a status or a range of them within 200 to 599, such as "
				       "200 or 200-299";
	struct yaml_place child, item;
	const char *text;
	long length;

	if (!place_child(place, "status", &child))
		return;
	length = place_length(&child, "a list of statuses and ranges");
	if (length == 0)
		place_refuse(&child, "found an empty list, expected at least one status");
	if (length > PROBE_STATUS_MAX) {
		place_refuse(&child, "found %ld ranges, expected at most %d", length,
			     PROBE_STATUS_MAX);
		return;
	}
	for (long i = 0; i < length; i++) {
		item = place_item(&child, (size_t)i);
		text = place_text(&item, expected);
		if (text && !parse_range(text, &http->status[http->status_count++]))
			place_refuse_value(&item, "%s", expected);
	}
}

/* A file's path; a relative one is meant beside the cluster file. */
static char *read_path(struct config_draft *draft, const struct yaml_place *place, const char *key)
{
	struct yaml_place child;
	const char *text;
	char path[PATH_MAX];

	if (!place_child(place, key, &child))
		return NULL;
	text = place_text(&child, "the path of a file");
	if (!text)
		return NULL;
	if (!draft_resolve_path(draft, text, path, sizeof(path))) {
		place_refuse(&child, "found a path that is too long, expected at most %d bytes",
			     PATH_MAX - 1);
		return NULL;
	}
	return draft_copy_text(draft, path);
}

static void read_http(struct config_draft *draft, const struct yaml_place *place,
		      struct probe_spec *spec)
{
	static const char *const words[] = { "none", "ca", "full", NULL };
	struct probe_http *http = &spec->http;
	struct yaml_place child;
	int word;

	http->method = read_copy(draft, place, "method", "a method such as GET");
	http->path = read_copy(draft, place, "path", "a path such as /health");
	http->host = read_copy(draft, place, "host", "a host name");
	http->sni = read_copy(draft, place, "sni", "a host name");
	http->body_text = read_copy(draft, place, "body", "a text");
	http->body_regex = read_copy(draft, place, "body_regex", "a POSIX extended regex");
	http->ca_file = read_path(draft, place, "ca_file");
	http->report = read_copy(draft, place, "report", "body or the name of a header");
	read_status(place, http);
	http->verify = PROBE_VERIFY_FULL;
	if (place_child(place, "verify", &child)) {
		word = place_choice(&child, words);
		if (word >= 0)
			http->verify = (enum probe_verify)word;
	}
}

/* ---- dns ---- */

static bool read_word_number(const struct yaml_place *place, const struct word_number *words,
			     uint32_t max, const char *expected, uint32_t *ret_number)
{
	const char *text = place_text(place, expected);
	unsigned long number;
	char *end;

	if (!text)
		return false;
	for (const struct word_number *word = words; word->word; word++) {
		if (!strcasecmp(word->word, text)) {
			*ret_number = word->number;
			return true;
		}
	}
	number = strtoul(text, &end, 10);
	if (*end || text[0] < '0' || text[0] > '9' || number > max) {
		place_refuse_value(place, "%s", expected);
		return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

static void read_dns(struct config_draft *draft, const struct yaml_place *place,
		     struct probe_spec *spec)
{
	struct yaml_place child;
	uint32_t number;

	spec->dns.name = read_copy(draft, place, "name", "a domain name");
	spec->dns.type = 1;
	if (place_child(place, "query", &child) &&
	    read_word_number(&child, dns_types, 65535, "a record type such as A or AAAA", &number))
		spec->dns.type = (uint16_t)number;
	if (place_child(place, "rcode", &child) &&
	    read_word_number(&child, dns_rcodes, 15, "a response code such as NOERROR", &number))
		spec->dns.rcode = (uint8_t)number;
}

/* ---- grpc ---- */

static void read_grpc(struct config_draft *draft, const struct yaml_place *place,
		      struct probe_spec *spec)
{
	spec->grpc.service = read_copy(draft, place, "service", "the name of a gRPC service");
	spec->grpc.authority = read_copy(draft, place, "authority", "a host name");
}

/* ---- exec ---- */

static const char expected_command[] = "a list: a program's absolute path and its arguments";

char **draft_read_command(struct config_draft *draft, const struct yaml_place *place)
{
	struct yaml_place child, item;
	const char *text;
	char **argv;
	long length;

	if (!place_child(place, "command", &child))
		return NULL;
	length = place_length(&child, expected_command);
	if (length == 0)
		place_refuse(&child, "found an empty list, expected %s", expected_command);
	if (length <= 0)
		return NULL;
	argv = draft_alloc(draft, (size_t)length + 1, sizeof(*argv));
	for (long i = 0; argv && i < length; i++) {
		item = place_item(&child, (size_t)i);
		text = place_text(&item, i ? "an argument" : "an absolute path");
		argv[i] = draft_copy_text(draft, text ? text : "");
		if (text && i == 0 && text[0] != '/')
			place_refuse_value(&item, "an absolute path");
	}
	return argv;
}

static void read_user(struct config_draft *draft, const struct yaml_place *place,
		      struct probe_exec *exec)
{
	struct yaml_place child;
	const struct passwd *user;
	const char *name;

	if (!place_child(place, "user", &child))
		return;
	name = place_text(&child, "a user's name");
	if (!name)
		return;
	user = getpwnam(name);
	if (!user || user->pw_uid == 0) {
		place_refuse_value(&child, "a user of this machine that is not root");
		return;
	}
	exec->uid = user->pw_uid;
	exec->gid = user->pw_gid;
}

static void read_exec(struct config_draft *draft, const struct yaml_place *place,
		      struct probe_spec *spec)
{
	static const struct yaml_range range = { 0, 1U << 30, "a number of bytes" };
	static const char *const reports[] = { PROBE_REPORT_OUTPUT, NULL };
	struct yaml_place child;
	uint32_t number;

	spec->exec.argv = draft_read_command(draft, place);
	read_user(draft, place, &spec->exec);
	if (place_child(place, "output_max", &child) && place_number(&child, &range, &number))
		spec->exec.output_max = number;
	if (place_child(place, "report", &child))
		spec->exec.report = place_choice(&child, reports) == 0;
}

#define HTTP_KEYS "method", "path", "host", "status", "body", "body_regex", "report"

const struct check_kind check_kinds[PROBE_TYPE_COUNT] = {
	[PROBE_TCP] = { read_exchange, { "send", "expect", NULL }, NULL },
	[PROBE_UDP] = { read_exchange, { "send", "expect", NULL }, NULL },
	[PROBE_HTTP] = { read_http, { HTTP_KEYS, NULL }, NULL },
	[PROBE_HTTPS] = { read_http, { HTTP_KEYS, "sni", "verify", "ca_file", NULL }, NULL },
	[PROBE_DNS] = { read_dns, { "name", "query", "rcode", NULL }, "name", "a domain name" },
	[PROBE_ICMP] = { NULL, { NULL }, NULL },
	[PROBE_GRPC] = { read_grpc, { "service", "authority", NULL }, NULL },
	[PROBE_EXEC] = { read_exec,
			 { "command", "user", "output_max", "report", NULL },
			 "command",
			 expected_command },
};

void free_command(char **argv)
{
	for (char **word = argv; word && *word; word++)
		free(*word);
	free(argv);
}

void free_check_spec(struct probe_spec *spec)
{
	switch (spec->type) {
	case PROBE_TCP:
	case PROBE_UDP:
		free((void *)spec->exchange.send.data);
		free((void *)spec->exchange.expect.data);
		break;
	case PROBE_HTTP:
	case PROBE_HTTPS:
		free((char *)spec->http.method);
		free((char *)spec->http.path);
		free((char *)spec->http.host);
		free((char *)spec->http.sni);
		free((char *)spec->http.body_text);
		free((char *)spec->http.body_regex);
		free((char *)spec->http.ca_file);
		free((char *)spec->http.report);
		break;
	case PROBE_DNS:
		free((char *)spec->dns.name);
		break;
	case PROBE_GRPC:
		free((char *)spec->grpc.service);
		free((char *)spec->grpc.authority);
		break;
	case PROBE_EXEC:
		free_command((char **)spec->exec.argv);
		break;
	default:
		break;
	}
}
