// SPDX-License-Identifier: BSD-2-Clause
/*
 * `allow` and `deny` of a service: which clients it serves.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

#define EXPECTED_PREFIXES "a list of at least one prefix: [10.0.0.0/8]"

/* Is anything set behind the prefix? */
static bool has_host_bits(const struct config_prefix *prefix)
{
	const uint8_t *bytes = (const uint8_t *)&prefix->addr;

	for (unsigned int bit = prefix->length; bit < 8 * sizeof(prefix->addr); bit++)
		if (bytes[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

bool draft_parse_prefix(const char *text, struct config_prefix *ret_prefix)
{
	size_t length = strcspn(text, "/");
	char address[ADDRESS_TEXT_LEN];
	struct config_prefix prefix;
	unsigned long bits, most;
	char *end;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	if (address_parse(address, &prefix.addr, &prefix.family))
		return false;
	most = bits = prefix.family == XDPLB_IPV4 ? 32 : 128;
	if (text[length]) {
		const char *digits = text + length + 1;

		/* No sign, no blank, no second reading as an octal number. */
		if (!strspn(digits, "0123456789") || (digits[0] == '0' && digits[1]))
			return false;
		bits = strtoul(digits, &end, 10);
		if (*end || bits > most)
			return false;
	}
	prefix.length = (uint8_t)bits;
	*ret_prefix = prefix;
	return true;
}

static int by_prefix(const void *a, const void *b)
{
	const struct config_prefix *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : x->length - y->length;
}

/* Return: whether the result was written; if not, it is reported. */
static bool read_prefix(const struct yaml_place *place, __u8 family,
			struct config_prefix *ret_prefix)
{
	static const char expected[] = "a prefix: 10.0.0.0/8";
	const char *text = place_text(place, expected);

	if (!text)
		return false;
	if (!draft_parse_prefix(text, ret_prefix))
		place_refuse_value(place, "%s", expected);
	else if (family && ret_prefix->family != family)
		place_refuse_value(place, "a prefix of the VIP's family, IPv%d", family);
	else if (has_host_bits(ret_prefix))
		place_refuse_value(place, "no bits behind the prefix length set");
	else
		return true;
	return false;
}

static void refuse_twice(const struct yaml_place *place, const struct config_service *service)
{
	char text[ADDRESS_TEXT_LEN];

	for (size_t i = 1; i < service->source_count; i++) {
		const struct config_prefix *prefix = &service->sources[i];

		if (!by_prefix(prefix, prefix - 1))
			place_refuse(place, "found %s/%u twice, expected each prefix once",
				     address_print(&prefix->addr, prefix->family, text),
				     prefix->length);
	}
}

static void read_list(struct config_draft *draft, const struct yaml_place *place,
		      struct config_service *service)
{
	long count = place_length(place, EXPECTED_PREFIXES);

	if (count == 0)
		place_refuse(place, "found an empty list, expected " EXPECTED_PREFIXES);
	if (count <= 0 || draft->source_count > XDPLB_SOURCES_MAX)
		return;
	/* Aliases can name the same list again and again: what the file holds is no bound. */
	draft->source_count += (size_t)count;
	if (draft->source_count > XDPLB_SOURCES_MAX) {
		place_refuse(place, "found more than %u prefixes in all services, expected no more",
			     XDPLB_SOURCES_MAX);
		return;
	}
	service->sources = draft_alloc(draft, (size_t)count, sizeof(*service->sources));
	for (long i = 0; service->sources && i < count; i++) {
		struct yaml_place item = place_item(place, (size_t)i);

		service->source_count += read_prefix(&item, service->family,
						     &service->sources[service->source_count]);
	}
	if (!service->source_count)
		return;
	qsort(service->sources, service->source_count, sizeof(*service->sources), by_prefix);
	refuse_twice(place, service);
}

void draft_read_sources(struct config_draft *draft, const struct yaml_place *place,
			struct config_service *service)
{
	struct yaml_place allow, deny;
	bool has_allow = place_child(place, "allow", &allow);
	bool has_deny = place_child(place, "deny", &deny);

	if (has_allow && has_deny)
		place_refuse(&deny, "found allow and deny, expected one of them");
	else if (has_allow || has_deny)
		read_list(draft, has_allow ? &allow : &deny, service);
	service->sources_allowed = has_allow;
}
