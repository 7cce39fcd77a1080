/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maps of the node that the agent runs on, as far as its roles want them: there from attach to detach, which come and go
 * without telling it.
 */
#ifndef XDPLB_AGENT_ATTACHED_H
#define XDPLB_AGENT_ATTACHED_H

#include <sys/types.h>

#include "tables/access.h"
#include "tables/mpls_tables.h"

enum attached_change {
	ATTACHED_SAME,
	ATTACHED_APPLIED, /* the same maps, with something else in them */
	ATTACHED_OPENED, /* the view is another one; it was closed before, or is of other maps */
	ATTACHED_GONE, /* the view is closed */
};

struct attached {
	struct paths paths;
	bool wants_access, wants_mpls; /* set while it is closed */
	bool is_open;
	struct access_view view; /* while is_open, if wants_access */
	struct mpls_view mpls; /* the same, if wants_mpls */
	struct map_array node_info;
	dev_t device;
	ino_t inode; /* of the pinned node_info */
	uint32_t generation;
	char why[128]; /* not open: why */
};

/* Opens nothing yet. -ENAMETOOLONG: the node's name. */
int attached_init(struct attached *attached, const char *node);
void attached_close(struct attached *attached);

/* Reads one word in memory: did an apply change what is in the open maps? */
enum attached_change attached_glance(struct attached *attached);

/* Also looks at the pins, by a system call or two. When the view is to be closed, @leave is called
 * before, for whoever has it in use. */
enum attached_change attached_look(struct attached *attached, void (*leave)(void *context),
				   void *context);

#endif
