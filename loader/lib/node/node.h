/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A node as a whole: attaching it, applying a config to it, detaching it. Every step that can fail
 * comes before the first that changes what packets meet; what was done by a failed call is undone.
 */
#ifndef XDPLB_NODE_H_LOADER
#define XDPLB_NODE_H_LOADER

#include <stdbool.h>

#include "config/config.h"
#include "base/error.h"
#include "host/hooks.h"

struct node_options {
	bool attach; /* the node need not be attached yet; programs are loaded anew */
	bool has_xdp; /* xdp counts, instead of the file's mode */
	enum config_xdp_mode xdp;
	enum hooks_tc tc;
	unsigned int wait_ms; /* for service nodes to confirm new members */
};

/* What node_apply() did. */
struct node_result {
	size_t changes; /* 0: everything was as it should be */
	bool swapped; /* programs were loaded (anew) */
};

/**
 * node_apply() - Make a node what a config says.
 * @config:  with its key
 * @node:    index into config->nodes
 * @options: see there
 * @result:  filled on success
 * @notes:   warnings, also on failure
 * @error:   the words of a failure
 *
 * Return: 0; -ENOENT the node is not attached and options->attach is not set; -errno.
 */
int node_apply(const struct config *config, size_t node, const struct node_options *options,
	       struct node_result *result, struct notes *notes, struct error *error);

/**
 * node_detach() - Take away everything that attach and apply have made: links, filters, qdiscs,
 * addresses, sysctls, pins.
 *
 * Return: 0; -ENOENT the node is not attached; -errno with words.
 */
int node_detach(const char *node, struct notes *notes, struct error *error);

#endif
