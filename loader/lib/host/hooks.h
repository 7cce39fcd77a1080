/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs on interfaces: XDP links, TCX links where the kernel has them (6.6), else filters under
 * clsact. Links are pinned, so that a program stays when the command ends; a link's program is
 * swapped in place. Other people's programs are never touched.
 */
#ifndef XDPLB_HOOKS_H
#define XDPLB_HOOKS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "base/error.h"
#include "base/paths.h"
#include "host/programs.h"

enum hook_kind {
	HOOK_XDP,
	HOOK_TC_INGRESS,
	HOOK_TC_EGRESS
};

enum hooks_tc {
	HOOKS_TC_AUTO,
	HOOKS_TC_TCX,
	HOOKS_TC_CLSACT
};

/* A program that is to be on an interface. */
struct hook {
	char interface[IF_NAMESIZE];
	enum hook_kind kind;
	enum program program;
	bool attached_now; /* by hooks_attach(): taken back by hooks_take_back() */
};

struct hooks {
	struct hook *hooks;
	size_t count;
};

/* How to attach. */
struct hooks_options {
	const struct paths *paths;
	int undo_fd; /* the map `undos`: what detach must know of clsact */
	const struct undo_snapshot *known; /* of it, or NULL */
	enum config_xdp_mode xdp;
	enum hooks_tc tc;
};

/* The hooks that a node's part of the config asks for. 0 or -ENOMEM; free(ret->hooks). */
int hooks_of_config(const struct config *config, size_t node, struct hooks *ret);

/* A virtual NIC more, beside those of the config. 0 or -ENOMEM. */
int hooks_want_vnic(struct hooks *hooks, const char *interface);

/**
 * hooks_attach() - Attach what is not attached yet.
 *
 * A hook whose interface was deleted and made anew is attached again. On failure what this call has
 * attached is taken back.
 *
 * Return: 0; -errno with words: no such interface, another XDP program is there, no driver support.
 */
int hooks_attach(struct hooks *hooks, const struct programs *programs,
		 const struct hooks_options *options, struct notes *notes, struct error *error);

/**
 * hooks_publish() - Tell lb_xdp which interfaces it stands on: it redirects to these alone.
 * Return: 0; -errno with words.
 */
int hooks_publish(const struct hooks *hooks, const struct hooks_options *options,
		  struct error *error);

/* Does lb_xdp stand, or is it to stand, on an interface? */
bool hooks_have_xdp(const struct hooks *hooks, unsigned int ifindex);

/* Detaches what hooks_attach() attached. */
void hooks_take_back(struct hooks *hooks, const struct hooks_options *options);

/* Puts these programs in place of those that run, one link at a time, each atomically. */
int hooks_swap(const struct hooks *hooks, const struct programs *programs,
	       const struct hooks_options *options, struct error *error);

/* Detaches our programs from where `wanted` does not ask for them (NULL: from everywhere). Returns how
 * many were detached. */
int hooks_prune(const struct hooks *wanted, const struct hooks_options *options,
		struct notes *notes);

/* Detaches a pinned link at once, rather than when its last reference goes, and unpins it. */
void hooks_drop_link(const char *path);

/* One attached program, for status. */
struct hook_state {
	char interface[IF_NAMESIZE];
	char program[32];
	const char
		*how; /* "xdp native", "xdp generic", "tcx", "clsact", "gone" with its interface */
	unsigned int program_id;
};

/* Lists what is attached, up to @max; returns how many. */
size_t hooks_list(const struct paths *paths, int undo_fd, struct hook_state *ret, size_t max);

#endif
