// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The rules of include/xdplb/quic.h.
 */
#include <netinet/in.h>
#include <string.h>

#include "model_choose.h"
#include "model_flows.h"
#include "xdplb/quic.h"

/* Where the id begins in a payload of so many bytes; 0: there is none. */
static size_t find_id(const __u8 *payload, size_t len)
{
	if (len < 6)
		return 0;
	if (!(payload[0] & 0x80))
		return 1;
	return len >= 11 && payload[5] >= XDPLB_QUIC_CID_MIN && payload[5] <= XDPLB_QUIC_CID_MAX
		       ? 6
		       : 0;
}

static const struct model_member *named_by(const struct model_service *service, const __u8 *id)
{
	const struct model_member *member = NULL;

	if (id[0] >> 5 != (service->flags >> XDPLB_SERVICE_QUIC_CONFIG & 7))
		return NULL;
	for (int i = 0; i < MODEL_IDS && !member; i++)
		if (service->ids[i].index != MODEL_NO_INDEX &&
		    !memcmp(&service->ids[i].id, id + 1, XDPLB_QUIC_ID_LEN))
			member = model_member_at(service, service->ids[i].index);
	return member && model_may_use(service, member, false) ? member : NULL;
}

const struct model_member *model_route(const struct model_service *service,
				       const struct model_parsed *parsed,
				       const struct test_packet *in, struct model_result *result)
{
	const __u8 *payload = in->data + parsed->l4 + 8;
	const struct model_member *member;
	size_t id;

	if (!(service->flags & XDPLB_SERVICE_QUIC) || parsed->proto != IPPROTO_UDP ||
	    parsed->is_first)
		return NULL;
	id = find_id(payload, in->len - parsed->l4 - 8);
	if (!id)
		return NULL;
	member = named_by(service, payload + id);
	if (member)
		result->events |= EVENT(QUIC_ROUTED);
	else if (id == 1)
		result->events |= EVENT(QUIC_UNKNOWN);
	if (member)
		result->paths |= id == 1 ? PATH(SHORT_HEADER) : PATH(LONG_HEADER);
	return member;
}
