// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tag ports: one for each (service, backend address). Derived without regard to any other, so that
 * they are stable; two that come out the same are refused, and `tag:` settles it.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

/* Part of what a tag means: changing it would renumber every derived tag of every cluster. */
static const unsigned char tag_hash_key[crypto_shorthash_KEYBYTES] = "xdplb tag port 1";

__be16 config_derive_tag(const struct config *config, const struct config_service *service,
			 const struct xdplb_addr *addr)
{
	struct __attribute__((packed)) {
		struct xdplb_addr vip;
		__be16 port;
		__u8 proto;
		__u8 family;
		struct xdplb_addr addr;
	} input = { service->vip, config_vport(service), service->proto, service->family, *addr };
	uint32_t count = (uint32_t)config->tag_last - config->tag_first + 1;
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t number;

	crypto_shorthash(hash, (const unsigned char *)&input, sizeof(input), tag_hash_key);
	memcpy(&number, hash, sizeof(number));
	return htons((uint16_t)(config->tag_first + le64toh(number) % count));
}

static const struct config_member *claim_member(const struct config_draft *draft,
						const struct claim *claim)
{
	return &draft->config.services[claim->owner].members[claim->member];
}

struct yaml_place draft_member_place(struct config_draft *draft, const struct claim *claim,
				     struct yaml_place *ret_section)
{
	const struct config_member *member = claim_member(draft, claim);
	struct yaml_place place = { .tree = &draft->tree, .parent = ret_section };

	place_child(&draft->services[claim->owner], "backends", ret_section);
	place.key = draft->config.backends[member->backend].name;
	place.line = member->line;
	return place;
}

static void refuse_clash(struct config_draft *draft, const struct claim *first,
			 const struct claim *claim)
{
	const struct config_member *member = claim_member(draft, claim);
	const struct config_service *other = &draft->config.services[first->owner];
	struct yaml_place section, place = draft_member_place(draft, claim, &section);
	char text[ADDRESS_TEXT_LEN];

	place_refuse(&place,
		     "found tag port %u (%s) at %s, which service %s has there too "
		     "(line %d), expected another one: set `tag:`",
		     claim->detail, member->tag_is_set ? "set" : "derived",
		     address_print(&claim->addr, claim->family, text), other->name, first->line);
}

static void refuse_exhaustion(struct config_draft *draft, const struct claim *last, size_t count)
{
	const struct config *config = &draft->config;
	struct yaml_place section, place = draft_member_place(draft, last, &section);
	char text[ADDRESS_TEXT_LEN];

	place_refuse(&place,
		     "found %zu services at %s, expected at most %d: so many tag ports are "
		     "in %u to %u",
		     count, address_print(&last->addr, last->family, text),
		     config->tag_last - config->tag_first + 1, config->tag_first, config->tag_last);
}

/* Check the tags of one address. */
static void check_group(struct config_draft *draft, const struct claim *claims, size_t count)
{
	int range = draft->config.tag_last - draft->config.tag_first + 1;

	if (!draft->has_bad_tags && count > (size_t)range) {
		refuse_exhaustion(draft, &claims[count - 1], count);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		if (claims[i].detail && claims_equal(&claims[i - 1], &claims[i]))
			refuse_clash(draft, &claims[i - 1], &claims[i]);
	}
}

static void check_tags(struct config_draft *draft, struct claim *claims, size_t count)
{
	size_t start = 0;

	claims_sort(claims, count);
	for (size_t i = 1; i <= count; i++) {
		if (i < count && claims[i].family == claims[start].family &&
		    !memcmp(&claims[i].addr, &claims[start].addr, sizeof(claims->addr)))
			continue;
		check_group(draft, claims + start, i - start);
		start = i;
	}
}

/* Is enough known of a service and a member to derive a tag? */
static bool can_have_tag(const struct config_draft *draft, const struct config_service *service,
			 const struct config_member *member)
{
	static const struct xdplb_addr none;

	return !draft->has_bad_tags && service->port && service->proto &&
	       memcmp(&member->addr, &none, sizeof(none));
}

void draft_allot_tags(struct config_draft *draft)
{
	struct config *config = &draft->config;
	struct claim *claims;
	size_t total = 0, count = 0;

	for (size_t i = 0; i < config->service_count; i++)
		total += config->services[i].member_count;
	claims = draft_alloc(draft, total, sizeof(*claims));
	if (!claims)
		return;
	for (size_t i = 0; i < config->service_count; i++) {
		struct config_service *service = &config->services[i];

		for (size_t j = 0; j < service->member_count; j++) {
			struct config_member *member = &service->members[j];

			if (!can_have_tag(draft, service, member))
				continue;
			if (!member->tag_is_set)
				member->tag = config_derive_tag(config, service, &member->addr);
			claims[count++] = (struct claim){ member->addr,
							  ntohs(member->tag),
							  service->family,
							  member->line,
							  i,
							  j };
		}
	}
	check_tags(draft, claims, count);
	free(claims);
}
