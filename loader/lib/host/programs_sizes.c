// SPDX-License-Identifier: BSD-2-Clause
/*
 * How large each map is, and what programs are loaded with.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/digest.h"
#include "tables/endpoint_table.h"
#include "base/maps.h"
#include "host/programs_part.h"
#include "xdplb/access.h"
#include "xdplb/flow_cache.h"
#include "xdplb/infos.h"

/* Elements of each map; `capacity` is the key in the file that decides. */
struct map_plan {
	const char *map;
	const char *capacity;
	uint32_t entries;
};

#define MAP_PLANS 31

/* Settings of the host that attach may have to undo, beside an address or route for each member. */
#define SETTINGS_MAX 4096

/* A service has up to two entries in `vips`: itself, and its VIP as such. */
uint32_t programs_vip_slots(const struct config *config)
{
	return endpoint_table_slots(2 * config->capacities.services);
}

uint32_t programs_mapping_slots(const struct config *config)
{
	return endpoint_table_slots(config->capacities.members);
}

/* Half of the places stay free, so that few sets of eight are full: 0.8 % of the flows find theirs so. */
uint32_t programs_flow_lines(const struct config *config)
{
	uint32_t lines = 1;

	while ((uint64_t)lines * (XDPLB_FLOWS_PER_LINE / 2) < config->capacities.cached_flows)
		lines *= 2;
	return lines;
}

/* Places for half as many newcomers as flows. */
uint32_t programs_newcomer_lines(const struct config *config)
{
	uint32_t lines = programs_flow_lines(config) / 4;

	return lines ? lines : 1;
}

/* Labels stand at their number modulo this: a range never clashes with itself. */
uint32_t programs_label_slots(const struct config_node *node)
{
	uint32_t range = node->mpls.label_last - node->mpls.label_first + 1, slots = 1;

	if (!config_can_switch(&node->mpls))
		return 0;
	while (slots < range)
		slots *= 2;
	return slots;
}

static void plan_maps(const struct config *config, const struct config_node *node,
		      struct map_plan plans[MAP_PLANS])
{
	const struct config_capacities *c = &config->capacities;
	const uint32_t lines = (c->buckets + XDPLB_BUCKETS_PER_LINE - 1) / XDPLB_BUCKETS_PER_LINE;
	const struct map_plan all[MAP_PLANS] = {
		{ "services", "services", c->services },
		{ "service_infos", "services", c->services },
		{ "vips", "services", 2 * programs_vip_slots(config) },
		{ "members", "members", c->members },
		{ "member_infos", "members", c->members },
		{ "member_traffic", "members", c->members },
		{ "member_flows", "members", c->members },
		{ "source_limits", "services", c->services },
		{ "flow_cache", "cached_flows",
		  programs_flow_lines(config) + programs_newcomer_lines(config) },
		{ "mappings", "members", c->members },
		{ "mapping_infos", "members", c->members },
		{ "tags", "members", 2 * programs_mapping_slots(config) },
		{ "endpoints", "members", 2 * programs_mapping_slots(config) },
		{ "health", "backends", c->backends },
		{ "backend_infos", "backends", c->backends },
		{ "buckets", "buckets", lines },
		{ "flows", "flows", c->flows },
		{ "new_flows", "flows", c->flows },
		/* element 0 stands for none */
		{ "successions", "services", c->services + 1 },
		{ "succession_infos", "services", c->services + 1 },
		{ "peers", "members", 2 * c->members },
		{ "owners", "buckets", 2 * lines },
		{ "undos", "members", SETTINGS_MAX + 2 * c->members },
		{ "ilm", "labels or mpls.labels", programs_label_slots(node) },
		{ "nhlfes", "labels", 2 * c->labels },
		{ "nhlfe_traffic", "labels", 2 * c->labels },
		{ "tunnels", "tunnels", c->tunnels },
		{ "tunnel_infos", "tunnels", c->tunnels },
		{ "tunnel_counters", "tunnels", c->tunnels },
		{ "lsps", "tunnels", 4 * c->tunnels },
		{ NULL, NULL, 0 },
	};

	memcpy(plans, all, sizeof(all));
}

int programs_check_sizes(const struct config *config, const struct config_node *node,
			 const struct paths *paths, struct error *error)
{
	struct map_plan plans[MAP_PLANS];
	char path[PATH_LEN];

	plan_maps(config, node, plans);
	for (const struct map_plan *plan = plans; plan->map; plan++) {
		size_t key_size, value_size, entries;
		int fd = map_open(path_of_map(paths, plan->map, path));
		int err;

		if (fd < 0)
			continue; /* of a role that the node has not had yet */
		if (!plan->entries) { /* of one that it has no more */
			close(fd);
			continue;
		}
		err = map_sizes(fd, &key_size, &value_size, &entries);
		close(fd);
		if (err)
			return fail_errno(error, err, "%s", path);
		if (entries != plan->entries)
			return fail(
				error, -EINVAL,
				"%s: capacities.%s differs from what is running (map %s has %zu "
				"elements, the file needs %u): detach and attach to change it",
				node->name, plan->capacity, plan->map, entries, plan->entries);
	}
	return 0;
}

/* Programs are bound to interfaces with such a clock. */
static uint64_t clocks_of(const struct config *config, const struct config_node *node)
{
	struct digest digest;

	digest_init(&digest);
	for (size_t i = 0; i < 2 * config->link_count; i++) {
		const struct config_link_end *end = &config->links[i / 2].ends[i % 2];

		if (&config->nodes[end->node] == node && end->has_tai_clock)
			digest_text(&digest, end->interface);
	}
	return digest_final(&digest);
}

uint64_t programs_hash(const struct config *config, const struct config_node *node)
{
	const struct {
		struct xdplb_key key;
		uint16_t tag_first, tag_last;
		uint8_t access, service, zero[2];
		uint64_t abi;
		uint32_t mpls_number, label_slots;
		uint64_t clocks;
		uint64_t flow_lines;
	} input = {
		.key = config->key,
		.tag_first = config->tag_first,
		.tag_last = config->tag_last,
		.access = node->is_access,
		.service = node->is_service,
		.abi = XDPLB_ABI,
		.mpls_number = node->mpls.number,
		.label_slots = programs_label_slots(node),
		.clocks = clocks_of(config, node),
		.flow_lines = node->is_access ? programs_flow_lines(config) : 0,
	};
	unsigned char out[crypto_generichash_BYTES];
	uint64_t hash;

	crypto_generichash(out, sizeof(out), (const void *)&input, sizeof(input), NULL, 0);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/*
 * The kernel marks a devmap as read-only for programs, a flag that may not be asked for: libbpf would
 * take the pinned one for another kind of map. So it is handed over. Return: 1: it was; 0: it is not
 * pinned; -errno.
 */
static int reuse_devmap(struct bpf_map *map, const char *path)
{
	int fd, err;

	if (bpf_map__type(map) != BPF_MAP_TYPE_DEVMAP)
		return 0;
	fd = map_open(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = bpf_map__reuse_fd(map, fd);
	close(fd);
	return err ? err : 1;
}

/* What a map is pinned as: a section of data of its own as what follows .data.; NULL: it is the object's own affair. */
static const char *pin_name(const struct bpf_map *map)
{
	static const char section[] = ".data.";
	const char *name = bpf_map__name(map);

	if (!bpf_map__is_internal(map))
		return name;
	return strncmp(name, section, strlen(section)) ? NULL : name + strlen(section);
}

/* Maps that this object declares: sized, and pinned under the node's folder when it is loaded. */
int programs_prepare_maps(struct bpf_object *object, const struct config *config,
			  const struct config_node *node, const struct paths *paths)
{
	struct map_plan plans[MAP_PLANS];
	char path[PATH_LEN];
	struct bpf_map *map;
	int err = 0, reused;

	plan_maps(config, node, plans);
	bpf_object__for_each_map(map, object)
	{
		const char *name = pin_name(map);

		if (!name)
			continue;
		for (const struct map_plan *plan = plans; plan->map && !err; plan++)
			if (!strcmp(plan->map, name))
				err = bpf_map__set_max_entries(map, plan->entries);
		path_of_map(paths, name, path);
		reused = err ? 0 : reuse_devmap(map, path);
		if (!err && !reused)
			err = bpf_map__set_pin_path(map, path);
		if (err || reused < 0)
			return err ? err : reused;
	}
	return 0;
}
