// SPDX-License-Identifier: BSD-2-Clause
/*
 * `quic`: connection ids that name backends, see xdplb/quic.h.
 */
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"
#include "xdplb/quic.h"

/* Part of what an id means: changing it would renumber every backend of every cluster. */
static const unsigned char quic_hash_key[crypto_shorthash_KEYBYTES] = "xdplb quic id 1";

__be32 config_quic_id(const struct config_service *service, const struct xdplb_addr *addr)
{
	struct __attribute__((packed)) {
		struct xdplb_addr vip;
		__be16 port;
		__u8 proto;
		__u8 family;
		struct xdplb_addr addr;
	} input = { service->vip, service->port, service->proto, service->family, *addr };
	unsigned char hash[crypto_shorthash_BYTES];
	__be32 id;

	crypto_shorthash(hash, (const unsigned char *)&input, sizeof(input), quic_hash_key);
	memcpy(&id, hash, sizeof(id));
	return id;
}

void draft_read_quic(const struct yaml_place *place, struct config_service *service)
{
	static const struct yaml_range range = { 0, XDPLB_QUIC_CONFIGS - 1, "a number" };
	struct yaml_place child;
	uint32_t number;

	if (!place_child(place, "quic", &child) || !place_number(&child, &range, &number))
		return;
	if (service->proto == IPPROTO_TCP) {
		place_refuse_value(&child, "`protocol: udp` beside it");
		return;
	}
	service->has_quic = true;
	service->quic = (uint8_t)number;
}

static int by_id(const void *left, const void *right)
{
	const struct config_member *a = *(const struct config_member *const *)left;
	const struct config_member *b = *(const struct config_member *const *)right;

	return (a->quic_id > b->quic_id) - (a->quic_id < b->quic_id);
}

static void check_ids(struct config_draft *draft, size_t index)
{
	const struct config_service *service = &draft->config.services[index];
	const struct config_member **list =
		draft_alloc(draft, service->member_count, sizeof(*list));

	for (size_t i = 0; list && i < service->member_count; i++)
		list[i] = &service->members[i];
	if (list && service->member_count)
		qsort(list, service->member_count, sizeof(*list), by_id);
	for (size_t i = 1; list && i < service->member_count; i++)
		if (list[i - 1]->quic_id == list[i]->quic_id)
			place_refuse(&draft->services[index],
				     "found the same QUIC server id at its backends in lines %d "
				     "and %d, expected another address of one of them",
				     list[i - 1]->line, list[i]->line);
	free(list);
}

void draft_allot_quic_ids(struct config_draft *draft)
{
	static const struct xdplb_addr none;

	for (size_t s = 0; s < draft->config.service_count; s++) {
		struct config_service *service = &draft->config.services[s];
		bool complete = service->family && service->port;

		if (!service->has_quic)
			continue;
		for (size_t i = 0; i < service->member_count; i++) {
			struct config_member *member = &service->members[i];

			complete &= memcmp(&member->addr, &none, sizeof(none)) != 0;
			member->quic_id = config_quic_id(service, &member->addr);
		}
		if (complete)
			check_ids(draft, s);
	}
}
