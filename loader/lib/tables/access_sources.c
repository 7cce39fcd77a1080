// SPDX-License-Identifier: BSD-2-Clause
/*
 * The lists of clients in the map `sources`.
 */
#include "tables/access_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All keys of the map, sorted. */
struct source_keys {
	struct xdplb_source_key *keys;
	size_t count;
};

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xdplb_source_key));
}

/* Nobody else writes the map: its keys stand still while they are read. */
static int read_keys(const struct access_view *view, struct source_keys *ret)
{
	struct source_keys all = { .keys = NULL };
	size_t room = 0;
	int err;

	if (view->sources_fd < 0) {
		*ret = all;
		return 0;
	}
	for (;; all.count++) {
		if (all.count == room) {
			struct xdplb_source_key *more;

			room = room ? 2 * room : 64;
			more = realloc(all.keys, room * sizeof(*all.keys));
			if (!more) {
				err = -ENOMEM;
				break;
			}
			all.keys = more;
		}
		err = map_next(view->sources_fd, all.count ? &all.keys[all.count - 1] : NULL,
			       &all.keys[all.count]);
		if (err)
			break;
	}
	if (err != -ENOENT) {
		free(all.keys);
		return err;
	}
	qsort(all.keys, all.count, sizeof(*all.keys), by_key);
	*ret = all;
	return 0;
}

static bool version_of(uint32_t flags)
{
	return flags & XDPLB_SERVICE_SOURCES_B;
}

static struct xdplb_source_key make_key(uint32_t service, bool version,
					const struct config_prefix *prefix)
{
	return (struct xdplb_source_key){
		.prefix_len = XDPLB_SOURCE_KEY_BITS + prefix->length,
		.service = service,
		.version = version,
		.family = prefix->family,
		.addr = prefix->addr,
	};
}

/* Does the live version of a service's list hold the config's prefixes and no others? */
static bool is_as_wanted(const struct source_keys *all, const struct access_plan_service *service,
			 bool version)
{
	size_t live = 0;

	for (size_t i = 0; i < all->count; i++)
		live += all->keys[i].service == service->index && all->keys[i].version == version;
	if (live != service->config->source_count)
		return false;
	for (size_t i = 0; i < service->config->source_count; i++) {
		struct xdplb_source_key key =
			make_key(service->index, version, &service->config->sources[i]);

		if (!bsearch(&key, all->keys, all->count, sizeof(key), by_key))
			return false;
	}
	return true;
}

int access_sources_plan(const struct access_view *view, struct access_plan *plan,
			struct error *error)
{
	struct source_keys all;
	int err = read_keys(view, &all);

	if (err)
		return fail_errno(error, err, "cannot read the map sources");
	for (size_t i = 0; i < plan->service_count; i++) {
		struct access_plan_service *service = &plan->services[i];
		/* A new one may have the index of one that has gone, flags and all. */
		uint32_t flags = service->is_new ? 0 : access_service(view, service->index)->flags;
		bool is_live = flags & XDPLB_SERVICE_SOURCES;

		if (!service->config->source_count)
			continue;
		if (view->sources_fd < 0) {
			free(all.keys);
			return fail(error, -ENOENT,
				    "service %s: the running lb_xdp knows no lists of clients: run "
				    "`xdplb-load attach` to replace it",
				    service->config->name);
		}
		service->sources_b = version_of(flags);
		service->sources_changed =
			!is_live || !is_as_wanted(&all, service, service->sources_b);
		if (is_live && service->sources_changed)
			service->sources_b = !service->sources_b;
	}
	free(all.keys);
	return 0;
}

uint32_t access_sources_flags(const struct access_plan_service *service)
{
	if (!service->config->source_count)
		return 0;
	return (service->config->sources_allowed ? XDPLB_SERVICE_SOURCES_ALLOWED
						 : XDPLB_SERVICE_SOURCES_DENIED) |
	       (service->sources_b ? XDPLB_SERVICE_SOURCES_B : 0);
}

int access_sources_prune(struct access_view *view)
{
	struct source_keys all;
	int err = read_keys(view, &all);

	if (err)
		return err;
	for (size_t i = 0; i < all.count; i++) {
		const struct xdplb_source_key *key = &all.keys[i];
		uint32_t flags = key->service < view->services.count
					 ? access_service(view, key->service)->flags
					 : 0;

		if (!(flags & XDPLB_SERVICE_SOURCES) || version_of(flags) != key->version)
			map_delete(view->sources_fd, key);
	}
	free(all.keys);
	return 0;
}

static int write_list(const struct access_plan_service *service, int fd)
{
	const uint32_t value = 1;

	for (size_t i = 0; i < service->config->source_count; i++) {
		struct xdplb_source_key key =
			make_key(service->index, service->sources_b, &service->config->sources[i]);
		int err = map_put(fd, &key, &value);

		if (err)
			return err;
	}
	return 0;
}

int access_sources_write(const struct access_plan *plan, struct access_view *view)
{
	int err = 0;

	for (size_t i = 0; i < plan->service_count && !err; i++)
		if (plan->services[i].sources_changed)
			err = write_list(&plan->services[i], view->sources_fd);
	if (err)
		access_sources_prune(view);
	return err;
}
