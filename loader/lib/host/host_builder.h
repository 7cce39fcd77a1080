/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting struct host_wanted together: what host_wanted.c and host_access.c share. Changes nothing
 * on the host. All return 0 or -errno with the words in builder->error.
 */
#ifndef XDPLB_HOST_BUILDER_H
#define XDPLB_HOST_BUILDER_H

#include "host/host.h"
#include "host/netlink.h"

/* A setting of an interface, by its name below conf/INTERFACE. */
struct host_setting {
	__u8 family;
	const char *name;
	const char *value;
	enum host_rule rule;
};

struct host_builder {
	const struct config *config;
	const struct config_node *node;
	size_t node_index;
	struct host_wanted wanted;
	struct error *error;
};

/* Sorts addresses, and leaves each once. */
void host_sort_addresses(struct host_address *addresses, size_t *count);

/* Adds an address; it may be there already, host_wanted_build() sorts that out. */
int host_want_address(struct host_builder *builder, const struct host_address *address);

/* Adds an address that is to be unreachable where it is not local. */
int host_want_route(struct host_builder *builder, const struct host_address *route);

/* Adds a setting of an interface in a network namespace; the first to name a setting wins. */
int host_want_setting(struct host_builder *builder, const char *netns, const char *interface,
		      const struct host_setting *setting);

/* Looks up an interface of the node's own namespace. */
int host_find_link(struct host_builder *builder, const char *name, struct netlink_link *ret_link);

/* host_access.c: what an access node needs. */
int host_want_access(struct host_builder *builder);

#endif
