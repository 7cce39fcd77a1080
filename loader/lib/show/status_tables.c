// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services, members and mappings as JSON.
 */
#include "show/status_tables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tables/access.h"
#include "base/address.h"
#include "health/health.h"
#include "health/health_entry.h"
#include "base/jiffies.h"
#include "tables/maglev.h"
#include "base/maps.h"
#include "tables/node_tables.h"
#include "tables/succession.h"

static bool role_pinned(const struct paths *paths, const char *map)
{
	char path[PATH_LEN];

	return !access(path_of_map(paths, map, path), F_OK);
}

static json_t *address_json(const struct xdplb_addr *addr, __u8 family)
{
	char text[ADDRESS_TEXT_LEN];

	return json_string(address_print(addr, family, text));
}

static json_t *hash_json(uint64_t hash)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	return json_string(text);
}

static const char *protocol_name(__u8 proto)
{
	return proto == IPPROTO_TCP ? "tcp" : "udp";
}

static const char *restore_name(enum xdplb_restore restore)
{
	return restore == XDPLB_RESTORE_SOURCE ? "source" : "interface";
}

/* "eth0 02:00:00:00:00:01", or null: not learned yet, or to be learned anew. */
static json_t *nexthop_json(const struct xdplb_nexthop *nexthop)
{
	const __u8 *mac = nexthop->dmac;
	char text[IF_NAMESIZE + 24], name[IF_NAMESIZE] = "?";

	if (!nexthop->ifindex || !nexthop->expires)
		return json_null();
	if_indextoname(nexthop->ifindex, name);
	snprintf(text, sizeof(text), "%s %02x:%02x:%02x:%02x:%02x:%02x", name, mac[0], mac[1],
		 mac[2], mac[3], mac[4], mac[5]);
	return json_string(text);
}

/* ---- an access node ---- */

/* How many buckets of a live table name each member; by member index. */
static void count_buckets(const struct access_view *view, uint32_t service, uint32_t *counts)
{
	struct xdplb_bucket_ref ref = access_service(view, service)->buckets;

	for (uint32_t i = 0; i < ref.count; i++) {
		uint32_t member = *access_bucket(view, ref.base + i);

		if (member < view->members.count)
			counts[member]++;
	}
}

/* Does lb_xdp send packets there? As bpf/lib/usable.h decides it. */
static bool member_is_usable(const struct access_view *view, uint32_t index, uint64_t jiffies)
{
	const struct xdplb_member *member = access_member(view, index);
	uint32_t flags = access_service(view, member->service)->flags;

	return member->flags & XDPLB_MEMBER_CONFIRMED && member->health < view->health.count &&
	       health_usable(map_at(&view->health, member->health), jiffies,
			     flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN);
}

static json_t *member_json(const struct access_view *view, uint32_t index, uint32_t buckets,
			   uint64_t jiffies)
{
	const struct xdplb_member_info *info = access_member_info(view, index);
	const struct xdplb_member *member = access_member(view, index);
	const struct xdplb_backend_info *backend = access_backend_info(view, info->backend);
	const struct xdplb_service_info *service = access_service_info(view, info->service);
	const struct xdplb_health *health = map_at(&view->health, info->backend);
	uint32_t total = access_service(view, info->service)->buckets.count;
	uint32_t flags = access_service(view, info->service)->flags;
	uint64_t traffic[2] = { 0 }, flows = 0;
	json_t *json = json_object();

	map_sum_percpu(view->traffic_fd, index, traffic, 2);
	map_sum_percpu(view->flows_fd, index, &flows, 1);
	json_object_set_new(json, "name", json_string(backend->name));
	json_object_set_new(json, "node", json_string(backend->node));
	json_object_set_new(json, "address", address_json(&member->addr, service->family));
	json_object_set_new(json, "tag", json_integer(ntohs(member->tag)));
	json_object_set_new(json, "weight", json_integer(info->weight));
	json_object_set_new(json, "share", json_real(total ? 100.0 * buckets / total : 0));
	json_object_set_new(json, "health", json_string(health_state_name(health->state)));
	json_object_set_new(
		json, "takes",
		json_integer(health_share(health, jiffies, flags & XDPLB_SERVICE_UNKNOWN_IS_DOWN)));
	json_object_set_new(json, "cause", json_string(health_cause_name(health->cause)));
	json_object_set_new(json, "confirmed",
			    json_boolean(member->flags & XDPLB_MEMBER_CONFIRMED));
	json_object_set_new(json, "usable", json_boolean(member_is_usable(view, index, jiffies)));
	json_object_set_new(json, "next_hop", nexthop_json(&member->nexthop));
	json_object_set_new(json, "packets", json_integer(traffic[0]));
	json_object_set_new(json, "bytes", json_integer(traffic[1]));
	json_object_set_new(json, "new_flows", json_integer((json_int_t)flows));
	return json;
}

static const char *all_down_name(uint32_t flags)
{
	if (flags & XDPLB_SERVICE_ALL_IF_DOWN)
		return "use_all";
	return flags & XDPLB_SERVICE_RESET_IF_DOWN ? "reset" : "drop";
}

static const char *clients_name(uint32_t flags)
{
	if (flags & XDPLB_SERVICE_SOURCES_ALLOWED)
		return "allow";
	return flags & XDPLB_SERVICE_SOURCES_DENIED ? "deny" : "all";
}

static json_t *service_json(const struct access_view *view, uint32_t index, uint64_t digest)
{
	const struct xdplb_service_info *info = access_service_info(view, index);
	json_t *json = json_object();

	json_object_set_new(json, "name", json_string(info->name));
	json_object_set_new(json, "vip", address_json(&info->vip, info->family));
	json_object_set_new(json, "port", json_integer(ntohs(info->port)));
	if (info->many_ports)
		json_object_set_new(json, "ports", status_ports(view, index));
	json_object_set_new(json, "protocol", json_string(protocol_name(info->proto)));
	json_object_set_new(json, "restore", json_string(restore_name(info->restore)));
	json_object_set_new(json, "buckets",
			    json_integer(access_service(view, index)->buckets.count));
	json_object_set_new(json, "table_hash", hash_json(digest));
	json_object_set_new(json, "all_down",
			    json_string(all_down_name(access_service(view, index)->flags)));
	json_object_set_new(json, "affinity",
			    json_string(access_service(view, index)->flags & XDPLB_SERVICE_BY_SOURCE
						? "source"
						: "flow"));
	json_object_set_new(json, "clients",
			    json_string(clients_name(access_service(view, index)->flags)));
	status_add_flows(json, view, index);
	json_object_set_new(json, "usable", json_integer(0));
	json_object_set_new(json, "packets", json_integer(0));
	json_object_set_new(json, "bytes", json_integer(0));
	json_object_set_new(json, "new_flows", json_integer(0));
	json_object_set_new(json, "backends", json_array());
	return json;
}

/* A service on its way into the list, sorted by name. */
struct listed {
	const char *name;
	json_t *json;
	uint64_t digest;
};

static int by_name(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_json_name(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return strcmp(json_string_value(json_object_get(*x, "name")),
		      json_string_value(json_object_get(*y, "name")));
}

/* Puts a JSON array of objects in order of their names. */
static void sort_by_name(json_t *array)
{
	size_t n = json_array_size(array);
	json_t **items = calloc(n + 1, sizeof(*items));

	for (size_t i = 0; items && i < n; i++)
		items[i] = json_incref(json_array_get(array, i));
	if (items) {
		qsort(items, n, sizeof(*items), by_json_name);
		json_array_clear(array);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(array, items[i]);
	}
	free(items);
}

static void add_to(json_t *object, const char *key, json_int_t number)
{
	json_t *sum = json_object_get(object, key);

	json_integer_set(sum, json_integer_value(sum) + number);
}

static json_int_t number_in(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void add_member(json_t *service, json_t *member)
{
	add_to(service, "usable", json_is_true(json_object_get(member, "usable")));
	add_to(service, "packets", number_in(member, "packets"));
	add_to(service, "bytes", number_in(member, "bytes"));
	add_to(service, "new_flows", number_in(member, "new_flows"));
	json_array_append_new(json_object_get(service, "backends"), member);
}

static int add_members(const struct access_view *view, const uint32_t *counts, json_t **by_service)
{
	uint64_t jiffies;
	int err = jiffies_now(&jiffies);

	for (uint32_t i = 0; i < view->member_infos.count && !err; i++) {
		const struct xdplb_member_info *info = access_member_info(view, i);

		if (info->in_use && info->service < view->services.count &&
		    by_service[info->service])
			add_member(by_service[info->service],
				   member_json(view, i, counts[i], jiffies));
	}
	return err;
}

static int list_services(json_t *json, const struct access_view *view)
{
	uint32_t capacity = view->services.count, n = 0;
	json_t **by_service = calloc(capacity, sizeof(*by_service));
	struct listed *listed = calloc(capacity, sizeof(*listed));
	uint32_t *counts = calloc(view->members.count, sizeof(*counts));
	uint64_t *digests = calloc(2 * capacity, sizeof(*digests));
	json_t *services = json_array();
	int err = by_service && listed && counts && digests ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < capacity && !err; i++) {
		const struct xdplb_service_info *info = access_service_info(view, i);

		if (!info->name[0])
			continue;
		listed[n].name = info->name;
		listed[n].digest = access_table_digest(view, i);
		by_service[i] = listed[n].json = service_json(view, i, listed[n].digest);
		count_buckets(view, i, counts);
		n++;
	}
	if (!err)
		err = add_members(view, counts, by_service);
	if (!err)
		qsort(listed, n, sizeof(*listed), by_name);
	for (uint32_t i = 0; i < n && !err; i++) {
		sort_by_name(json_object_get(listed[i].json, "backends"));
		json_array_append_new(services, listed[i].json);
		digests[2 * i] = maglev_name_hash(listed[i].name);
		digests[2 * i + 1] = listed[i].digest;
	}
	json_object_set_new(json, "table_hash", hash_json(maglev_digest(digests, 2 * n)));
	json_object_set_new(json, "services", services);
	free(by_service);
	free(listed);
	free(counts);
	free(digests);
	return err;
}

int status_add_services(json_t *json, const struct paths *paths, struct error *error)
{
	struct access_view view;
	int err;

	if (!role_pinned(paths, "lb_control"))
		return 0;
	err = access_view_open(paths, &view, error);
	if (err)
		return err;
	err = list_services(json, &view);
	json_object_set_new(json, "flow_cache", status_flow_cache(&view));
	access_view_close(&view);
	return err;
}

/* ---- a service node ---- */

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static json_t *mapping_json(const struct xdplb_mapping *mapping,
			    const struct xdplb_mapping_info *info)
{
	json_t *json = json_object();
	uint64_t now = boottime_ns();
	bool rests = mapping->state == XDPLB_MAPPING_RESTING;

	json_object_set_new(json, "service", json_string(info->service));
	json_object_set_new(json, "backend", json_string(info->backend));
	json_object_set_new(json, "vip", address_json(&mapping->vip, mapping->family));
	json_object_set_new(json, "vport", json_integer(ntohs(mapping->vport)));
	json_object_set_new(json, "protocol", json_string(protocol_name(mapping->proto)));
	json_object_set_new(json, "address", address_json(&mapping->backend, mapping->family));
	json_object_set_new(json, "tag", json_integer(ntohs(mapping->tag)));
	json_object_set_new(json, "port", json_integer(ntohs(mapping->port)));
	json_object_set_new(json, "restore", json_string(restore_name(mapping->restore)));
	json_object_set_new(json, "state", json_string(rests ? "resting" : "active"));
	if (rests)
		json_object_set_new(json, "rests_seconds",
				    json_integer(mapping->rest_until > now
							 ? (mapping->rest_until - now) / 1000000000
							 : 0));
	return json;
}

/* The tables that connections are handed over by, the newest first. */
static json_t *succession_json(const struct node_view *view, uint32_t index)
{
	const struct xdplb_succession_info *info = map_at(&view->succession_infos, index);
	const struct xdplb_bucket_ref *tables = succession_tables(view, index);
	json_t *json = json_object(), *list = json_array();

	json_object_set_new(json, "service", json_string(info->name));
	json_object_set_new(json, "vip", address_json(&info->vip, info->family));
	json_object_set_new(json, "port", json_integer(ntohs(info->port)));
	for (int g = 0; g < XDPLB_GENERATIONS && tables[g].count; g++)
		json_array_append_new(list, json_pack("{s:I, s:o}", "buckets",
						      (json_int_t)tables[g].count, "table_hash",
						      hash_json(info->table_hash[g])));
	json_object_set_new(json, "tables", list);
	return json;
}

static int add_successions(json_t *json, const struct node_view *view)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i < view->successions.count; i++) {
		const struct xdplb_succession_info *info = map_at(&view->succession_infos, i);

		if (info->name[0])
			json_array_append_new(list, succession_json(view, i));
	}
	return json_object_set_new(json, "hand_over", list) ? -ENOMEM : 0;
}

int status_add_mappings(json_t *json, const struct paths *paths, struct error *error)
{
	json_t *mappings;
	struct node_view view;
	int err;

	if (!role_pinned(paths, "node_control"))
		return 0;
	err = node_view_open(paths, &view, error);
	if (err)
		return err;
	mappings = json_array();
	for (uint32_t i = 0; i < view.mappings.count; i++)
		if (node_mapping(&view, i)->state != XDPLB_MAPPING_FREE)
			json_array_append_new(mappings, mapping_json(node_mapping(&view, i),
								     node_mapping_info(&view, i)));
	err = json_object_set_new(json, "mappings", mappings) ? -ENOMEM : 0;
	if (!err)
		err = add_successions(json, &view);
	node_view_close(&view);
	return err;
}
