/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of an access node: reading the pinned ones (access_view), working out what a config
 * changes in them (access_plan: pure), and writing it in an order in which no packet ever sees half a
 * change (access_commit).
 */
#ifndef XDPLB_ACCESS_TABLES_H
#define XDPLB_ACCESS_TABLES_H

#include "config/config.h"
#include "base/error.h"
#include "base/maps.h"
#include "base/paths.h"
#include "xdplb/access.h"
#include "xdplb/flow_cache.h"
#include "xdplb/health.h"
#include "xdplb/infos.h"
#include "xdplb/source_limit.h"

/* The node's arrays in memory. */
struct access_view {
	struct map_array vips, control, services, buckets, members, health;
	struct map_array service_infos, member_infos, backend_infos;
	/* Empty in a node attached before there were any. */
	struct map_array source_limits, flow_cache;
	int traffic_fd;
	int flows_fd; /* -1: as above */
	int sources_fd; /* -1: not there, in a node attached before there were lists */
};

int access_view_open(const struct paths *paths, struct access_view *ret_view, struct error *error);
void access_view_close(struct access_view *view);

/* For planning and committing: no bucket may be touched but those that access_prepare() will have written. */
int access_view_open_to_change(const struct paths *paths, struct access_view *ret_view,
			       struct error *error);

static inline struct xdplb_service *access_service(const struct access_view *view, uint32_t i)
{
	return map_at(&view->services, i);
}

static inline struct xdplb_service_info *access_service_info(const struct access_view *view,
							     uint32_t i)
{
	return map_at(&view->service_infos, i);
}

static inline struct xdplb_member *access_member(const struct access_view *view, uint32_t i)
{
	return map_at(&view->members, i);
}

static inline struct xdplb_member_info *access_member_info(const struct access_view *view,
							   uint32_t i)
{
	return map_at(&view->member_infos, i);
}

static inline struct xdplb_backend_info *access_backend_info(const struct access_view *view,
							     uint32_t i)
{
	return map_at(&view->backend_infos, i);
}

/* The bucket with this number, counted from the start of the map. */
static inline uint32_t *access_bucket(const struct access_view *view, uint32_t number)
{
	struct xdplb_bucket_line *line = map_at(&view->buckets, number / XDPLB_BUCKETS_PER_LINE);

	return &line->member[number % XDPLB_BUCKETS_PER_LINE];
}

/* Has an index been given to a service? */
static inline bool access_service_in_use(const struct access_view *view, uint32_t i)
{
	return access_service_info(view, i)->name[0];
}

/* A service as it is to be. */
struct access_plan_service {
	const struct config_service *config;
	uint32_t index;
	bool is_new;
	bool table_changed;
	bool is_filled_beside; /* it was known at once that the table changes */
	bool info_changed; /* name, or how replies are restored */
	bool chain_changed; /* or flags, weights, targets; see access_chain.h */
	bool ref_changed; /* what its slot in the table of VIPs is to say, if that table stays ... */
	uint32_t slot; /* ... which is this one */
	struct xdplb_bucket_ref ref;
	uint32_t *members; /* index in `members` of each config member */
	bool *member_is_new; /* of each config member */
	uint32_t *
		table; /* if table_changed: config->buckets numbers of config members; there when prepared */
	uint64_t *name_hashes; /* as well: of each config member */
	uint32_t *shares; /* as well: how many buckets name each first; known with the digest */
	struct xdplb_bucket_ref buckets; /* where the table lies, or is to lie */
	uint64_t digest; /* of the new table; known when access_seal() has waited for it */
	uint32_t members_before; /* what its info said when this was planned */
	bool sources_changed; /* its list of clients is to be written ... */
	bool sources_b; /* ... as this version; see access_sources.h */
};

struct access_plan {
	struct access_plan_service *services;
	size_t service_count;
	uint32_t *targets; /* index in `health` of each config target */
	bool *target_is_new;
	bool *target_differs; /* of one that is not new: it is described otherwise than in the config */
	size_t target_count;
	struct xdplb_endpoint
		*vips; /* the new table, or NULL if it stays but for some references */
	uint32_t vip_slots, vip_seed;
	bool has_ranges; /* some service has many ports */
	bool echo_changed; /* pings of VIPs are no longer answered, or again */
	/* Marks of what stays; anything in use and unmarked goes. One for each index of the maps. */
	bool *service_kept, *member_kept, *backend_kept;
	struct access_filling
		*filling; /* work on new tables that goes on beside; see access_tables.h */
	size_t changes; /* things that are not yet as they should be; 0: nothing to do */
};

/**
 * access_plan_build() - What it takes to make a node's tables those of a config.
 *
 * Changes nothing. Indices of services, members and backends that stay are kept, new ones get the
 * lowest free; backends that of their first member, if it is free.
 *
 * Return: 0; -ENOSPC a capacity is exhausted, with words; -ENOMEM.
 */
int access_plan_build(const struct config *config, const struct access_view *view,
		      struct access_plan *ret_plan, struct error *error);
void access_plan_free(struct access_plan *plan);

/* How to prepare, and what came of it. */
struct access_asking {
	size_t node; /* index of this node: mappings of its own are known to be there */
	unsigned int
		wait_ms; /* for service nodes to confirm new members before the tables switch */
	struct notes *notes; /* says which members stay out of use */
	size_t confirmed; /* result: members that may be used and could not before */
};

/**
 * access_prepare() - Write what no packet meets yet, and ask for the word of service nodes.
 *
 * A grace period after the last switch (map_wait_for_readers()), be it another loader's: what was referred to before is
 * cleared and written anew from here on.
 *
 * New members are written and, if their service nodes hold the mappings, confirmed. A member that is
 * not confirmed in time will stay out of use and is named in asking->notes.
 *
 * Return: 0; -EINTR a signal ended the waiting; -errno no memory for the buckets, or a list of clients
 * could not be written. All is taken back then.
 */
int access_prepare(const struct config *config, const struct access_plan *plan,
		   struct access_view *view, struct access_asking *asking);

/* Takes back what access_prepare() wrote. */
void access_take_back(const struct access_plan *plan, struct access_view *view);

/*
 * Making a prepared plan true; none of these steps can fail.
 *
 * access_switch(): tables first, then the references to them, each in one store. access_seal(): what new tables are
 * known by, which is worked out beside. access_forget(): who had what is no longer referred to; its indices are free
 * then, but packets that are under way may still read what lies there: that the next access_prepare() clears.
 */
void access_switch(const struct config *config, const struct access_plan *plan,
		   struct access_view *view);
void access_seal(const struct access_plan *plan, struct access_view *view);
void access_forget(const struct access_plan *plan, struct access_view *view);

/* All of them, and then a grace period, and what the next access_prepare() would clear. */
void access_commit(const struct config *config, const struct access_plan *plan,
		   struct access_view *view);

/* The digest of a service's live table, by backend names; equal on every access node. */
uint64_t access_table_digest(const struct access_view *view, uint32_t service);

#endif
