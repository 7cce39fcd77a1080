/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Which member a QUIC packet's connection id names (xdplb/quic.h), as far as packets show it before any
 * decryption (RFC 8999). Services without `quic` never come here.
 */
#ifndef XDPLB_BPF_QUIC_H
#define XDPLB_BPF_QUIC_H

#include "select.h"
#include "vip.h"
#include "xdplb/quic.h"

#define QUIC_LONG_HEADER 0x80

/* From its first octet on, RFC 8999, section 5.1. */
struct quic_long_header {
	__u8 first;
	__u8 version[4];
	__u8 dcid_len;
};

/* As much of a connection id as is looked at. */
struct quic_id {
	__u8 config; /* in the upper three bits */
	__u8 server[XDPLB_QUIC_ID_LEN];
};

/* The destination connection id of a datagram's first packet, or NULL. */
INLINE const struct quic_id *find_quic_id(const struct packet *pkt, bool *ret_long)
{
	const struct quic_long_header *header = pkt->l4 + sizeof(struct udphdr);
	const struct quic_id *id = (void *)header + 1;

	if ((void *)(id + 1) > pkt->end)
		return NULL;
	*ret_long = header->first & QUIC_LONG_HEADER;
	if (!*ret_long)
		return id;
	id = (void *)(header + 1);
	if ((void *)(id + 1) > pkt->end || header->dcid_len < XDPLB_QUIC_CID_MIN ||
	    header->dcid_len > XDPLB_QUIC_CID_MAX)
		return NULL;
	return id;
}

/* The member of a service with this server id, or XDPLB_NO_MEMBER. */
INLINE __u32 find_quic_member(__u32 service, const struct quic_id *id)
{
	struct endpoint_key key = {
		.addr = { { service } },
		.proto = XDPLB_QUIC_ENTRY,
		.family = XDPLB_IPV6,
	};
	__u32 index;

	__builtin_memcpy(&key.addr.word[1], id->server, sizeof(id->server));
	return find_service(&key, &index) ? index : XDPLB_NO_MEMBER;
}

/*
 * The member that a packet's connection id names, if packets may be sent there, or XDPLB_NO_MEMBER: then it
 * goes where any packet of its flow goes. A backend that drains keeps its connections: only it can have
 * given out the id. What a client begins with is an id of its own making, and no loss.
 */
NOINLINE __u32 quic_member(struct xdp_md *ctx, __u64 shape, __u32 index)
{
	struct xdplb_service *service = bpf_map_lookup_elem(&services, &index);
	__u32 found = XDPLB_NO_MEMBER;
	const struct xdplb_member *member;
	const struct quic_id *id;
	bool is_long = true;
	struct packet pkt;

	if (!service || !open_shape(ctx, &pkt, shape) || pkt.proto != IPPROTO_UDP)
		return XDPLB_NO_MEMBER;
	id = find_quic_id(&pkt, &is_long);
	if (!id)
		return XDPLB_NO_MEMBER;
	if (id->config >> 5 == (service->flags >> XDPLB_SERVICE_QUIC_CONFIG & 7))
		found = find_quic_member(index, id);
	member = bpf_map_lookup_elem(&members, &found);
	if (member && member->service == index &&
	    member_usable(member, &service->flags, false, 0)) {
		count_event(XDPLB_EVENT_QUIC_ROUTED);
		return found;
	}
	if (!is_long)
		count_event(XDPLB_EVENT_QUIC_UNKNOWN);
	return XDPLB_NO_MEMBER;
}

#endif
