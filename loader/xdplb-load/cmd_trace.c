// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load trace PROTO SRC:PORT VIP:PORT: what lb_xdp would do, and why; to whom node_tc would hand a packet.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "command.h"
#include "show/trace.h"

/* "10.0.0.1:80" or "[fd00::1]:80" */
static bool parse_end(const char *text, struct xdplb_addr *ret_addr, __u8 *ret_family,
		      __be16 *ret_port)
{
	const char *colon = strrchr(text, ':');
	bool is_bracketed = text[0] == '[';
	char address[ADDRESS_TEXT_LEN], *end;
	unsigned long port;
	size_t length;

	if (!colon || (is_bracketed && (colon == text || colon[-1] != ']')))
		return false;
	length = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
	if (length >= sizeof(address))
		return false;
	memcpy(address, text + is_bracketed, length);
	address[length] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || colon[1] == '-' || colon[1] == '+' || port > 65535 ||
	    address_parse(address, ret_addr, ret_family) ||
	    is_bracketed != (*ret_family == XDPLB_IPV6))
		return false;
	*ret_port = htons((uint16_t)port);
	return true;
}

static int wrong(const char *what, const char *word)
{
	complain("trace: found %s, expected %s", word, what);
	return EXIT_USAGE;
}

/* A connection id in hex, as long as one that names a backend. */
static bool parse_cid(const char *text, struct trace_flow *flow)
{
	size_t digits = strlen(text), bytes = digits / 2;

	if (digits % 2 || bytes < XDPLB_QUIC_CID_MIN || bytes > XDPLB_QUIC_CID_MAX ||
	    strspn(text, "0123456789abcdefABCDEF") != digits)
		return false;
	for (size_t i = 0; i < bytes; i++)
		sscanf(text + 2 * i, "%2hhx", &flow->cid[i]);
	flow->cid_len = (uint8_t)bytes;
	return true;
}

static int read_flow(const struct command_line *line, struct trace_flow *flow)
{
	static const char end[] = "an address and a port: 192.0.2.1:80, [2001:db8::1]:80";
	__u8 family;

	if (line->word_count != 3 && line->word_count != 4)
		return wrong("trace PROTOCOL SOURCE:PORT VIP:PORT [CONNECTION-ID]",
			     "another number of words");
	if (!strcmp(line->words[0], "tcp"))
		flow->proto = IPPROTO_TCP;
	else if (!strcmp(line->words[0], "udp"))
		flow->proto = IPPROTO_UDP;
	else
		return wrong("tcp or udp", line->words[0]);
	if (!parse_end(line->words[1], &flow->source, &flow->family, &flow->source_port))
		return wrong(end, line->words[1]);
	if (!parse_end(line->words[2], &flow->vip, &family, &flow->vip_port))
		return wrong(end, line->words[2]);
	if (family != flow->family)
		return wrong("two addresses of one family", line->words[2]);
	if (line->word_count == 4 &&
	    (flow->proto != IPPROTO_UDP || !parse_cid(line->words[3], flow)))
		return wrong("a connection id of 6 to 20 octets in hex, and udp", line->words[3]);
	return EXIT_DONE;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_owner(const json_t *owner)
{
	json_t *lease = json_object_get(owner, "lease_seconds");

	printf("  attempt %lld: bucket %lld: %s on %s, %s, health %s (%s)",
	       number_of(owner, "attempt"), number_of(owner, "bucket"), text_of(owner, "backend"),
	       text_of(owner, "node"), text_of(owner, "to"), text_of(owner, "health"),
	       text_of(owner, "cause"));
	if (number_of(owner, "share") < 100)
		printf(", share %lld %%", number_of(owner, "share"));
	if (json_is_real(lease))
		printf(", lease %s%.1f s", json_real_value(lease) < 0 ? "over since " : "for ",
		       json_real_value(lease) < 0 ? -json_real_value(lease)
						  : json_real_value(lease));
	printf(", %s: %s\n",
	       json_is_true(json_object_get(owner, "confirmed")) ? "confirmed" : "NOT confirmed",
	       json_is_true(json_object_get(owner, "usable")) ? "usable" : "NOT usable");
}

static void print_choice(const json_t *json)
{
	json_t *service = json_object_get(json, "service"), *owner;
	size_t i;

	if (!service)
		return;
	printf("service %s, restore %s, affinity %s, table %s, %lld buckets\nclient: %s\n",
	       text_of(service, "name"), text_of(service, "restore"), text_of(service, "affinity"),
	       text_of(service, "table_hash"), number_of(service, "buckets"),
	       text_of(service, "client"));
	if (json_array_size(json_object_get(json, "owners")))
		puts("owners, each backend once:");
	json_array_foreach(json_object_get(json, "owners"), i, owner) print_owner(owner);
	printf("chosen: %s (the flow's draw: %lld)\n", text_of(json, "chosen"),
	       number_of(json, "draw"));
	if (json_object_get(json, "member"))
		printf("to: %s (tag port last)\n", text_of(json_object_get(json, "member"), "to"));
	if (json_object_get(json, "mark"))
		printf("mark: %s\nnext hop: %s\n", text_of(json, "mark"),
		       text_of(json, "next_hop"));
}

/* Ends the line in which a program's own doing is told. */
static void print_agreement(const json_t *json)
{
	if (json_is_true(json_object_get(json, "agrees")))
		puts(": the same");
	else
		printf(": ANOTHER: %s differs\n", text_of(json, "differs_in"));
}

static void print_program(const json_t *json)
{
	const json_t *program = json_object_get(json, "program");

	printf("verdict: %s", text_of(json, "verdict"));
	if (json_object_get(json, "reason"))
		printf(", %s", text_of(json, "reason"));
	if (json_object_get(json, "why"))
		printf(": %s", text_of(json, "why"));
	printf("\nlb_xdp itself, in by %s: %s", text_of(program, "interface"),
	       text_of(program, "verdict"));
	if (json_object_get(program, "to"))
		printf(", to %s, mark %s", text_of(program, "to"), text_of(program, "mark"));
	print_agreement(json);
}

static void print_peer(const char *before, const json_t *peer)
{
	printf("%s%s", before, text_of(peer, "to"));
	if (json_is_string(json_object_get(peer, "backend")))
		printf(" (%s, of this node)", text_of(peer, "backend"));
}

/* A backend of a service node. */
static void print_backend(const json_t *json)
{
	const json_t *tables = json_object_get(json, "tables"),
		     *next = json_object_get(json, "next");
	const json_t *program = json_object_get(json, "program"), *item;
	size_t i;

	printf("service %s, backend %s, %s, mark %s\n", text_of(json, "service"),
	       text_of(json, "backend"), text_of(json, "to"), text_of(json, "mark"));
	if (!json_array_size(tables))
		puts("  nothing is handed over");
	json_array_foreach(tables, i, item)
	{
		printf("  table %zu: %s, %lld buckets, by %s: ", i, text_of(item, "table_hash"),
		       number_of(item, "buckets"), text_of(item, "affinity"));
		print_peer("", json_object_get(item, "first"));
		print_peer(", then ", json_object_get(item, "second"));
		putchar('\n');
	}
	if (!program)
		return;
	fputs("  what no socket expects goes to:", stdout);
	json_array_foreach(next, i, item)
	{
		print_peer(i ? ", then " : " ", item);
		printf(", mark %s", text_of(item, "mark"));
	}
	puts(json_array_size(next) ? "" : " nobody else");
	printf("  node_tc itself: %s", strcmp(text_of(program, "verdict"), "sent")
					       ? text_of(program, "verdict")
					       : "handed over");
	if (!strcmp(text_of(program, "verdict"), "left to kernel"))
		printf(", the connection is here%s",
		       json_array_size(next) ? "" : ", or nobody is left to ask");
	else if (json_object_get(program, "to"))
		printf(" to %s, mark %s", text_of(program, "to"), text_of(program, "mark"));
	print_agreement(json);
}

static void print_text(const json_t *json)
{
	const json_t *backends = json_object_get(json, "hand_over"), *backend;
	size_t i;

	printf("%s %s -> %s\n", text_of(json, "protocol"), text_of(json, "source"),
	       text_of(json, "vip"));
	if (json_object_get(json, "program")) {
		print_choice(json);
		print_program(json);
	}
	json_array_foreach(backends, i, backend) print_backend(backend);
	if (backends && !json_array_size(backends))
		puts("no backend of this node has that VIP and port");
}

int cmd_trace(const struct command_line *line)
{
	struct trace_flow flow = { 0 };
	char name[XDPLB_NAME_LEN];
	struct error error = { 0 };
	int status = read_flow(line, &flow);
	json_t *json;
	bool agrees;

	if (!status)
		status = node_name(line, name);
	if (status)
		return status;
	if (trace_collect(name, &flow, &json, &error))
		return complain("%s", error.text);
	if (line->json) {
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_text(json);
	}
	agrees = json_is_true(json_object_get(json, "agrees"));
	json_decref(json);
	return agrees ? EXIT_DONE : EXIT_FAILED;
}
