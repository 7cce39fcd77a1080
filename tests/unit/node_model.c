// SPDX-License-Identifier: BSD-2-Clause
/*
 * A model of a service node's mappings.
 */
#include "node_model.h"

#include <errno.h>

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[256];

static const char *fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *fault(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

struct node_applied node_apply_step(const struct node_step *step, struct node_view *view)
{
	uint32_t *none = calloc(step->config->backend_count + 1, sizeof(*none));
	struct node_facts facts = {
		.node = CLUSTER_N1,
		.ifindexes = step->ifindexes ? step->ifindexes : none,
		.now = step->now,
	};
	struct node_applied applied = { 0 };
	struct node_plan plan;

	applied.err = node_plan_build(step->config, view, &facts, &plan, &applied.error);
	/* As node.c does: what has rested long enough makes room. */
	if (applied.err == -ENOSPC && !node_plan_purge(view, step->now, &plan, &applied.error)) {
		node_commit(step->config, &plan, step->now, view);
		node_plan_free(&plan);
		applied.err = node_plan_build(step->config, view, &facts, &plan, &applied.error);
	}
	if (!applied.err) {
		applied.changes = plan.changes;
		node_commit(step->config, &plan, step->now, view);
		node_plan_free(&plan);
	}
	free(none);
	return applied;
}

/* ---- taking steps ---- */

static bool same_addr(const struct xdplb_addr *a, const struct xdplb_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool same_tag(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return a->family == b->family && a->tag == b->tag && same_addr(&a->backend, &b->backend);
}

static bool same_face(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return same_addr(&a->vip, &b->vip) && a->vport == b->vport && a->proto == b->proto;
}

static bool same_identity(const struct xdplb_mapping *a, const struct xdplb_mapping *b)
{
	return same_tag(a, b) && same_face(a, b) && a->port == b->port && a->restore == b->restore;
}

/* Is it in the table of endpoints? By its port, or by 0 if packets keep theirs. */
static bool has_endpoint(const struct xdplb_mapping *mapping)
{
	return mapping->restore == XDPLB_RESTORE_SOURCE || !mapping->vport;
}

/* The mappings of a step's config. */
static size_t list_wanted(const struct node_step *step, struct model_mapping *ret)
{
	const struct config *config = step->config;
	size_t n = 0;

	for (size_t s = 0; s < config->service_count; s++) {
		const struct config_service *service = &config->services[s];

		for (size_t m = 0; m < service->member_count; m++) {
			const struct config_member *member = &service->members[m];
			const struct config_backend *backend = &config->backends[member->backend];

			if (backend->node != CLUSTER_N1)
				continue;
			ret[n] = (struct model_mapping){
				.mapping = {
					.vip = service->vip, .backend = member->addr,
					.vport = config_vport(service), .tag = member->tag,
					.port = member->port, .proto = service->proto,
					.family = service->family, .restore = service->restore,
					.state = XDPLB_MAPPING_ACTIVE,
					.ifindex = step->ifindexes ?
						step->ifindexes[member->backend] : 0,
				},
				.index = -1,
			};
			strcpy(ret[n].service, service->name);
			strcpy(ret[n++].backend, backend->name);
		}
	}
	return n;
}

static struct model_mapping *find_wanted(struct model_mapping *wanted, size_t count,
					 const struct model_mapping *mapping)
{
	for (size_t i = 0; i < count; i++)
		if (same_identity(&wanted[i].mapping, &mapping->mapping))
			return &wanted[i];
	return NULL;
}

static bool is_over(const struct model_mapping *mapping, const struct node_step *step)
{
	if (mapping->mapping.state == XDPLB_MAPPING_ACTIVE)
		return !step->config->tag_rest;
	return mapping->mapping.rest_until <= step->now;
}

bool model_is_busy(const struct node_model *model, const struct node_step *step)
{
	struct model_mapping *wanted = calloc(MODEL_MAX, sizeof(*wanted));
	size_t count = list_wanted(step, wanted);
	bool busy = false;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_mapping *old = &model->mappings[i];

		if (is_over(old, step) || find_wanted(wanted, count, old))
			continue;
		for (size_t w = 0; w < count; w++)
			busy |= same_tag(&old->mapping, &wanted[w].mapping) &&
				!same_face(&old->mapping, &wanted[w].mapping);
	}
	free(wanted);
	return busy;
}

void model_take(struct node_model *model, const struct node_step *step)
{
	struct model_mapping *wanted = calloc(MODEL_MAX, sizeof(*wanted));
	size_t count = list_wanted(step, wanted), kept = 0;

	model->step++;
	model->now = step->now;
	for (size_t i = 0; i < model->count; i++) {
		struct model_mapping old = model->mappings[i];
		struct model_mapping *again = find_wanted(wanted, count, &old);

		if (again) {
			again->index = old.index;
			again->mapping.epoch = old.mapping.epoch;
			continue;
		}
		if (is_over(&old, step))
			continue;
		if (old.mapping.state == XDPLB_MAPPING_ACTIVE) {
			old.mapping.state = XDPLB_MAPPING_RESTING;
			old.mapping.rest_until = step->now + step->config->tag_rest * MODEL_SECONDS;
			old.rested = model->step;
		}
		model->mappings[kept++] = old;
	}
	memcpy(model->mappings + kept, wanted, count * sizeof(*wanted));
	model->count = kept + count;
	free(wanted);
}

/* ---- comparing ---- */

static bool is_at(const struct node_view *view, uint32_t index, const struct model_mapping *wanted)
{
	const struct xdplb_mapping *mapping = node_mapping(view, index);

	return mapping->state != XDPLB_MAPPING_FREE && same_identity(mapping, &wanted->mapping) &&
	       mapping->family == wanted->mapping.family;
}

static const char *check_mapping(struct node_model *model, const struct node_view *view,
				 struct model_mapping *wanted)
{
	const struct xdplb_mapping *mapping;
	const struct xdplb_mapping_info *info;
	int found = -1;

	for (uint32_t i = 0; i < view->mappings.count; i++) {
		if (!is_at(view, i, wanted))
			continue;
		if (found >= 0)
			return fault("%s at %s is there twice", wanted->service, wanted->backend);
		found = i;
	}
	if (found < 0 || (wanted->index >= 0 && wanted->index != found))
		return fault("%s at %s: index %d, expected %d", wanted->service, wanted->backend,
			     found, wanted->index);
	mapping = node_mapping(view, found);
	info = node_mapping_info(view, found);
	if (wanted->index < 0) {
		if (!mapping->epoch || mapping->epoch == model->epochs[found])
			return fault("%s at %s: epoch %u after %u", wanted->service,
				     wanted->backend, mapping->epoch, model->epochs[found]);
		wanted->mapping.epoch = model->epochs[found] = mapping->epoch;
		wanted->index = found;
	}
	if (memcmp(mapping, &wanted->mapping, sizeof(*mapping)))
		return fault("%s at %s: state %d, ifindex %u, rests until %llu, epoch %u",
			     wanted->service, wanted->backend, mapping->state, mapping->ifindex,
			     (unsigned long long)mapping->rest_until, mapping->epoch);
	if (strcmp(info->service, wanted->service) || strcmp(info->backend, wanted->backend))
		return fault("%s at %s: named %s at %s", wanted->service, wanted->backend,
			     info->service, info->backend);
	return NULL;
}

/* Is what a tag leads to right: the active mapping with it, else the one that rested last? */
static const char *check_tag(const struct node_model *model, const struct node_view *view,
			     const struct model_mapping *mapping)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint key = {
		.addr = mapping->mapping.backend,
		.port = mapping->mapping.tag,
		.family = mapping->mapping.family,
	};
	const struct xdplb_endpoint *found = endpoint_find(&view->tags, control->tags, &key);
	const struct model_mapping *best = NULL;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_mapping *other = &model->mappings[i];

		if (!same_tag(&other->mapping, &mapping->mapping))
			continue;
		if (!best || other->mapping.state == XDPLB_MAPPING_ACTIVE ||
		    (best->mapping.state == XDPLB_MAPPING_RESTING && other->rested > best->rested))
			best = other;
	}
	if (!found || (int)found->index != best->index)
		return fault("tag %u of %s at %s leads to %d, expected %d", ntohs(key.port),
			     mapping->service, mapping->backend, found ? (int)found->index : -1,
			     best->index);
	return NULL;
}

/* An endpoint leads to a mapping of that very port; to an active one if there is any, whose hook is
 * up to date. */
static const char *check_endpoint(const struct node_model *model, const struct node_view *view,
				  const struct model_mapping *mapping)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint key = {
		.addr = mapping->mapping.backend,
		.port = mapping->mapping.port,
		.proto = mapping->mapping.proto,
		.family = mapping->mapping.family,
	};
	const struct xdplb_endpoint *found =
		endpoint_find(&view->endpoints, control->endpoints, &key);

	for (size_t i = 0; found && i < model->count; i++) {
		const struct model_mapping *other = &model->mappings[i];

		if (other->index != (int)found->index)
			continue;
		if (other->mapping.port != key.port || other->mapping.proto != key.proto ||
		    !same_addr(&other->mapping.backend, &key.addr) ||
		    !has_endpoint(&other->mapping))
			return fault("endpoint of %s at %s leads to %s at %s", mapping->service,
				     mapping->backend, other->service, other->backend);
		if (mapping->mapping.state == XDPLB_MAPPING_ACTIVE &&
		    other->mapping.ifindex != mapping->mapping.ifindex)
			return fault("endpoint of %s at %s leads to hook %u, expected %u",
				     mapping->service, mapping->backend, other->mapping.ifindex,
				     mapping->mapping.ifindex);
		return NULL;
	}
	return fault("endpoint of %s at %s leads nowhere", mapping->service, mapping->backend);
}

/* How many different tags, or endpoints, the mappings come to. */
static size_t count_keys(const struct node_model *model, bool tags)
{
	size_t n = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct xdplb_mapping *a = &model->mappings[i].mapping;
		bool seen = !tags && !has_endpoint(a);

		for (size_t j = 0; j < i && !seen; j++) {
			const struct xdplb_mapping *b = &model->mappings[j].mapping;

			seen = tags ? same_tag(a, b)
				    : has_endpoint(b) && a->port == b->port &&
					       a->proto == b->proto && a->family == b->family &&
					       same_addr(&a->backend, &b->backend);
		}
		n += !seen;
	}
	return n;
}

static const char *check_counts(const struct node_model *model, const struct node_view *view)
{
	const struct xdplb_node_control *control = map_at(&view->control, 0);
	size_t used = 0;

	for (uint32_t i = 0; i < view->mappings.count; i++) {
		used += node_mapping(view, i)->state != XDPLB_MAPPING_FREE;
		if (node_mapping(view, i)->state == XDPLB_MAPPING_FREE &&
		    !all_zero(node_mapping_info(view, i), view->mapping_infos.stride))
			return fault("free mapping %u has a name", i);
	}
	if (used != model->count)
		return fault("%zu mappings, expected %zu", used, model->count);
	if (endpoints_taken(&view->tags, control->tags) != count_keys(model, true))
		return fault("%zu tags", endpoints_taken(&view->tags, control->tags));
	if (endpoints_taken(&view->endpoints, control->endpoints) != count_keys(model, false))
		return fault("%zu endpoints",
			     endpoints_taken(&view->endpoints, control->endpoints));
	return NULL;
}

const char *model_fault(struct node_model *model, const struct node_view *view)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < model->count && !wrong; i++)
		wrong = check_mapping(model, view, &model->mappings[i]);
	for (size_t i = 0; i < model->count && !wrong; i++) {
		wrong = check_tag(model, view, &model->mappings[i]);
		if (!wrong && has_endpoint(&model->mappings[i].mapping))
			wrong = check_endpoint(model, view, &model->mappings[i]);
	}
	return wrong ? wrong : check_counts(model, view);
}
