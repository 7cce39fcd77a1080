// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * What the model of node_tc finds: mappings, flows, notes of fragments.
 */
#include <arpa/inet.h>
#include <string.h>

#include "model_node_steps.h"

static bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool node_same_end(const struct model_end *a, const struct model_end *b)
{
	return a->port == b->port && same_addr(&a->addr, &b->addr);
}

bool node_is_tag(const struct node_model_world *world, __be16 port)
{
	return ntohs(port) >= world->tag_first && ntohs(port) <= world->tag_last;
}

const struct xdplb_mapping *node_find_tag(const struct node_model_world *world, __u8 family,
					  const struct model_end *end)
{
	for (size_t i = 0; i < world->mapping_count; i++) {
		const struct xdplb_mapping *mapping = &world->mappings[i];

		if (mapping->family == family && mapping->tag == end->port &&
		    same_addr(&mapping->backend, &end->addr))
			return mapping;
	}
	return NULL;
}

/* A backend's own port of a `source` service: any of the mappings that share it. */
const struct xdplb_mapping *node_find_endpoint(const struct node_model_world *world, __u8 family,
					       __u8 proto, const struct model_end *end)
{
	for (size_t i = 0; i < world->mapping_count; i++) {
		const struct xdplb_mapping *mapping = &world->mappings[i];

		if (mapping->vport && mapping->family == family && mapping->proto == proto &&
		    mapping->restore == XDPLB_RESTORE_SOURCE && mapping->port == end->port &&
		    same_addr(&mapping->backend, &end->addr))
			return mapping;
	}
	return NULL;
}

const struct xdplb_mapping *node_find_kept(const struct node_model_world *world, __u8 family,
					   __u8 proto, const struct xdplb_addr *addr)
{
	for (size_t i = 0; world->keeps_ports && i < world->mapping_count; i++) {
		const struct xdplb_mapping *mapping = &world->mappings[i];

		if (!mapping->vport && mapping->family == family && mapping->proto == proto &&
		    same_addr(&mapping->backend, addr))
			return mapping;
	}
	return NULL;
}

struct model_end node_vip_of(const struct xdplb_mapping *mapping, __be16 port)
{
	return (struct model_end){ mapping->vip, mapping->vport ? mapping->vport : port };
}

/* ---- flows ---- */

struct node_flow *node_find_flow(struct node_model_world *world, const struct node_flow *like)
{
	for (size_t i = 0; i < world->flow_count; i++) {
		struct node_flow *flow = &world->flows[i];

		if (flow->mapping == like->mapping && flow->proto == like->proto &&
		    flow->family == like->family && node_same_end(&flow->backend, &like->backend) &&
		    node_same_end(&flow->client, &like->client))
			return flow;
	}
	return NULL;
}

/* The flow that the backend sees so. */
struct node_flow *node_find_seen(struct node_model_world *world, const struct node_flow *like)
{
	for (size_t i = 0; i < world->flow_count; i++) {
		struct node_flow *flow = &world->flows[i];

		if (flow->proto == like->proto && flow->family == like->family &&
		    flow->own_port == like->own_port && flow->seen_port == like->seen_port &&
		    same_addr(&flow->backend.addr, &like->backend.addr) &&
		    same_addr(&flow->client.addr, &like->client.addr))
			return flow;
	}
	return NULL;
}

void node_note_face(struct node_model_world *world, const struct xdplb_fragment_key *key,
		    const struct xdplb_addr *addr)
{
	struct node_face *face = NULL;

	for (size_t i = 0; i < world->face_count; i++)
		if (!memcmp(&world->faces[i].key, key, sizeof(*key)))
			face = &world->faces[i];
	if (!face && world->face_count < NODE_MODEL_FACES)
		face = &world->faces[world->face_count++];
	if (face)
		*face = (struct node_face){ *key, *addr };
}

const struct xdplb_addr *node_find_face(const struct node_model_world *world,
					const struct xdplb_fragment_key *key)
{
	for (size_t i = 0; i < world->face_count; i++)
		if (!memcmp(&world->faces[i].key, key, sizeof(*key)))
			return &world->faces[i].addr;
	return NULL;
}
