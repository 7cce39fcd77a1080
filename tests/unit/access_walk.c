// SPDX-License-Identifier: BSD-2-Clause
/*
 * Walking an access node's tables.
 */
#include "access_walk.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables/maglev.h"

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

int access_index(const struct access_view *view, const char *service)
{
	for (uint32_t i = 0; i < view->service_infos.count; i++)
		if (!strcmp(access_service_info(view, i)->name, service))
			return i;
	return -1;
}

int access_backend_index(const struct access_view *view, const char *backend)
{
	for (uint32_t i = 0; i < view->backend_infos.count; i++)
		if (!strcmp(access_backend_info(view, i)->name, backend))
			return i;
	return -1;
}

static int member_of(const struct access_view *view, uint32_t service, const char *backend)
{
	int found = -1;

	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		const struct xdplb_member_info *info = access_member_info(view, i);

		if (!info->in_use || info->service != service ||
		    info->backend >= view->backend_infos.count ||
		    strcmp(access_backend_info(view, info->backend)->name, backend))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

int access_member_index(const struct access_view *view, const char *service, const char *backend)
{
	int index = access_index(view, service);

	return index < 0 ? -1 : member_of(view, index, backend);
}

/* ---- checksums, in full ---- */

static uint32_t fold_sum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of an address, a port and something else; the address alone if the port is NULL. */
static uint16_t full_checksum(const struct xdplb_addr *addr, const __be16 *port)
{
	uint32_t sum = 0x1234 + 0xfedc;
	uint16_t words[8];

	memcpy(words, addr, sizeof(words));
	for (int i = 0; i < 8; i++)
		sum += words[i];
	return ~fold_sum(port ? sum + *port : sum);
}

static bool is_delta(uint16_t delta, uint16_t before, uint16_t after)
{
	return (uint16_t)~fold_sum((uint16_t)~before + delta) == after;
}

bool access_deltas_right(const struct config_service *service, const struct xdplb_member *member)
{
	const __be16 *to = service->range_count ? &service->port : &member->tag;

	if (!is_delta(member->l4_delta, full_checksum(&service->vip, &service->port),
		      full_checksum(&member->addr, to)))
		return false;
	if (service->family == XDPLB_IPV6)
		return !member->ip_delta;
	return is_delta(member->ip_delta, full_checksum(&service->vip, NULL),
			full_checksum(&member->addr, NULL));
}

/* ---- one service ---- */

static const char *check_member(const struct access_view *view, const struct config *config,
				const struct config_service *service, size_t number, uint32_t index)
{
	const struct config_member *wanted = &service->members[number];
	const struct xdplb_member *member = access_member(view, index);
	const struct xdplb_member_info *info = access_member_info(view, index);
	const char *name = config->backends[wanted->backend].name;

	if (memcmp(&member->addr, &wanted->addr, sizeof(member->addr)) ||
	    member->tag != wanted->tag)
		return fault("%s: member %s: address or tag", service->name, name);
	if (info->weight != wanted->weight)
		return fault("%s: member %s: weight %u", service->name, name, info->weight);
	if (member->health != info->backend || member->service != info->service)
		return fault("%s: member %s: health or service", service->name, name);
	if (!(member->flags & XDPLB_MEMBER_KEEPS_PORT) != !service->range_count)
		return fault("%s: member %s: whether it keeps ports", service->name, name);
	if (!access_deltas_right(service, member))
		return fault("%s: member %s: checksum deltas", service->name, name);
	return NULL;
}

/* @indices: of each config member. The table must be the one that Maglev's method gives. */
static const char *check_buckets(const struct access_view *view, const struct config *config,
				 const struct config_service *service, uint32_t index,
				 const uint32_t *indices)
{
	struct maglev_member *members = calloc(service->member_count, sizeof(*members));
	uint32_t *table = calloc(service->buckets, sizeof(*table));
	uint32_t *counts = calloc(service->member_count, sizeof(*counts));
	uint32_t base = access_service(view, index)->buckets.base;
	const char *wrong = NULL;

	for (size_t i = 0; i < service->member_count; i++)
		members[i] = (struct maglev_member){
			config->backends[service->members[i].backend].name,
			service->members[i].weight,
		};
	if (maglev_build(members, service->member_count, table, service->buckets))
		wrong = fault("%s: no table", service->name);
	for (uint32_t i = 0; i < service->buckets && !wrong; i++) {
		counts[table[i]]++;
		if (*access_bucket(view, base + i) != indices[table[i]])
			wrong = fault("%s: bucket %u names member %u", service->name, i,
				      *access_bucket(view, base + i));
	}
	for (size_t i = 0; i < service->member_count && !wrong; i++)
		if (access_member_info(view, indices[i])->buckets != counts[i])
			wrong = fault("%s: buckets of %s", service->name, members[i].name);
	free(members);
	free(table);
	free(counts);
	return wrong;
}

static const char *check_info(const struct access_view *view, const struct config_service *service,
			      uint32_t index)
{
	const struct xdplb_service_info *info = access_service_info(view, index);

	if (strcmp(info->name, service->name) || memcmp(&info->vip, &service->vip, 16) ||
	    info->port != service->port || info->proto != service->proto ||
	    info->family != service->family || info->restore != service->restore ||
	    info->many_ports != (service->range_count > 0) ||
	    info->members != service->member_count)
		return fault("%s: its info", service->name);
	if (info->table_hash != access_table_digest(view, index))
		return fault("%s: table_hash", service->name);
	return NULL;
}

/* The entry of a service's ranges, if each of them is where packets look and no narrower one comes after;
 * NULL: not so. */
static const struct xdplb_endpoint *find_ranges(const struct access_view *view,
						const struct config_service *service)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint key = { .addr = service->vip,
				      .proto = service->proto | XDPLB_RANGE,
				      .family = service->family };
	const struct xdplb_endpoint *found, *of_service = NULL;
	size_t seen = 0;
	int width = 0;

	for (int i = 0; (found = endpoint_find(&view->vips, control->vips, &key)); i++) {
		if (found->last_port - found->first_port < width)
			return NULL;
		width = found->last_port - found->first_port;
		for (size_t r = 0; r < service->range_count; r++)
			if (found->first_port == service->ranges[r].first &&
			    found->last_port == service->ranges[r].last) {
				seen += !of_service || of_service->index == found->index;
				of_service = found;
			}
		key.port = htons(i + 1);
	}
	return control->has_ranges && seen == service->range_count ? of_service : NULL;
}

bool access_ref_right(const struct access_view *view, const struct xdplb_endpoint *slot)
{
	const struct xdplb_service *service = access_service(view, slot->index);
	struct xdplb_bucket_ref wanted = service->buckets;

	wanted.base |= service->flags & XDPLB_REF_FLAGS;
	if (service->flags & ~XDPLB_PLAIN_FLAGS)
		wanted = (struct xdplb_bucket_ref){ 0 };
	return slot->buckets.base == wanted.base && slot->buckets.count == wanted.count;
}

static const char *check_service(const struct access_view *view, const struct config *config,
				 const struct config_service *service, uint32_t *ret_index)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	struct xdplb_endpoint key = { .addr = service->vip, .family = service->family };
	const struct xdplb_endpoint *found = endpoint_find(&view->vips, control->vips, &key);
	struct xdplb_bucket_ref buckets;
	const char *wrong = NULL;
	uint32_t *indices;

	if (!found || found->index != XDPLB_INDEX_ADDRESS)
		return fault("%s: the VIP as such is not there", service->name);
	key.port = service->port;
	key.proto = service->proto;
	found = service->range_count ? find_ranges(view, service)
				     : endpoint_find(&view->vips, control->vips, &key);
	if (!found || found->index >= view->services.count)
		return fault("%s: not among the VIPs", service->name);
	*ret_index = found->index;
	buckets = access_service(view, found->index)->buckets;
	if (buckets.count != service->buckets || buckets.base % XDPLB_BUCKETS_PER_LINE ||
	    buckets.base + buckets.count > view->buckets.count * XDPLB_BUCKETS_PER_LINE)
		return fault("%s: %u buckets at %u", service->name, buckets.count, buckets.base);
	if (!service->range_count && !access_ref_right(view, found))
		return fault("%s: its slot refers to other buckets", service->name);
	indices = calloc(service->member_count, sizeof(*indices));
	for (size_t i = 0; i < service->member_count && !wrong; i++) {
		const char *name = config->backends[service->members[i].backend].name;
		int index = member_of(view, found->index, name);

		indices[i] = index;
		wrong = index < 0 ? fault("%s: member %s: none or several", service->name, name)
				  : check_member(view, config, service, i, index);
	}
	if (!wrong)
		wrong = check_buckets(view, config, service, found->index, indices);
	free(indices);
	return wrong ? wrong : check_info(view, service, found->index);
}

/* ---- nothing else ---- */

static const char *check_counts(const struct access_view *view, const struct config *config)
{
	size_t services = 0, members = 0, backends = 0, wanted = 0;

	for (uint32_t i = 0; i < view->services.count; i++)
		services += access_service_info(view, i)->name[0] != 0;
	for (uint32_t i = 0; i < view->members.count; i++)
		members += access_member_info(view, i)->in_use;
	for (uint32_t i = 0; i < view->health.count; i++)
		backends += access_backend_info(view, i)->name[0] != 0;
	for (size_t s = 0; s < config->service_count; s++)
		wanted += config->services[s].member_count;
	if (services != config->service_count || members != wanted ||
	    backends != config->target_count)
		return fault("%zu services, %zu members, %zu backends in use", services, members,
			     backends);
	return NULL;
}

static const char *check_room(const struct access_view *view)
{
	for (uint32_t i = 0; i < view->services.count; i++)
		if (!access_service_info(view, i)->name[0] &&
		    access_service(view, i)->buckets.count)
			return fault("free service %u keeps room for buckets", i);
	return NULL;
}

const char *access_litter(const struct access_view *view)
{
	for (uint32_t i = 0; i < view->services.count; i++)
		if (!access_service_info(view, i)->name[0] &&
		    (!all_zero(access_service(view, i), sizeof(struct xdplb_service)) ||
		     !all_zero(access_service_info(view, i), view->service_infos.stride)))
			return fault("free service %u is not zero", i);
	for (uint32_t i = 0; i < view->members.count; i++)
		if (!access_member_info(view, i)->in_use &&
		    (!all_zero(access_member(view, i), sizeof(struct xdplb_member)) ||
		     !all_zero(access_member_info(view, i), view->member_infos.stride)))
			return fault("free member %u is not zero", i);
	for (uint32_t i = 0; i < view->health.count; i++)
		if (!access_backend_info(view, i)->name[0] &&
		    (!all_zero(map_at(&view->health, i), sizeof(struct xdplb_health)) ||
		     !all_zero(access_backend_info(view, i), view->backend_infos.stride)))
			return fault("free backend %u is not zero", i);
	return NULL;
}

static bool overlap(struct xdplb_bucket_ref a, struct xdplb_bucket_ref b)
{
	return a.count && b.count && a.base < b.base + b.count && b.base < a.base + a.count;
}

static const char *check_vips(const struct access_view *view, const struct config *config,
			      const uint32_t *indices)
{
	const struct xdplb_lb_control *control = map_at(&view->control, 0);
	size_t entries = 0;

	for (size_t i = 0; i < config->service_count; i++) {
		bool seen = false;

		for (size_t j = 0; j < i; j++) {
			seen |= !memcmp(&config->services[i].vip, &config->services[j].vip, 16);
			if (overlap(access_service(view, indices[i])->buckets,
				    access_service(view, indices[j])->buckets))
				return fault("%s and %s: tables overlap", config->services[i].name,
					     config->services[j].name);
		}
		entries += (config->services[i].range_count ?: 1) + !seen;
	}
	if (endpoints_taken(&view->vips, control->vips) != entries)
		return fault("%zu VIPs", endpoints_taken(&view->vips, control->vips));
	if (control->no_echo != config->no_echo)
		return fault("echo is %s", control->no_echo ? "off" : "on");
	return NULL;
}

/* The chain is the members in the file's order, with their weights and targets. */
static const char *check_chain(const struct access_view *view, const struct config *config,
			       const struct config_service *service, uint32_t index)
{
	uint32_t at = access_service(view, index)->first_member;

	for (size_t i = 0; i < service->member_count; i++) {
		const struct config_member *wanted = &service->members[i];
		const struct config_target *target = &config->targets[wanted->target];
		const struct xdplb_backend_info *info;
		const struct xdplb_member *member;

		if (at >= view->members.count)
			return fault("%s: the chain ends after %zu", service->name, i);
		member = access_member(view, at);
		info = access_backend_info(view, member->health);
		if (member->weight != wanted->weight || member->tag != wanted->tag)
			return fault("%s: member %zu of the chain", service->name, i);
		if (strcmp(info->name, config->backends[target->backend].name) ||
		    info->identity != target->identity)
			return fault("%s: target of member %zu", service->name, i);
		at = member->next;
	}
	return at == XDPLB_NO_MEMBER ? NULL : fault("%s: the chain goes on", service->name);
}

const char *access_fault(const struct access_view *view, const struct config *config)
{
	return access_fault_unswept(view, config) ?: check_room(view);
}

const char *access_fault_unswept(const struct access_view *view, const struct config *config)
{
	uint32_t *indices = calloc(config->service_count + 1, sizeof(*indices));
	const char *wrong = NULL;

	for (size_t i = 0; i < config->service_count && !wrong; i++)
		wrong = check_service(view, config, &config->services[i], &indices[i]);
	for (size_t i = 0; i < config->service_count && !wrong; i++)
		wrong = check_chain(view, config, &config->services[i], indices[i]);
	if (!wrong)
		wrong = check_vips(view, config, indices);
	free(indices);
	for (size_t i = 0; i < config->target_count && !wrong; i++) {
		const struct config_backend *backend =
			&config->backends[config->targets[i].backend];
		int index = access_backend_index(view, backend->name);

		if (index < 0)
			wrong = fault("backend %s is not there", backend->name);
		else if (strcmp(access_backend_info(view, index)->node,
				config->nodes[backend->node].name))
			wrong = fault("backend %s: its node", backend->name);
	}
	return wrong ? wrong : check_counts(view, config);
}
