/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading the BPF objects that are built into the command: sizes and constants set from the config,
 * maps pinned or taken over from the pins, programs handed back as descriptors.
 */
#ifndef XDPLB_PROGRAMS_H
#define XDPLB_PROGRAMS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "base/error.h"
#include "base/paths.h"

/* All programs, by number; program_names[] has their names. */
enum program {
	PROGRAM_LB_XDP,
	PROGRAM_UPLINK_INGRESS,
	PROGRAM_UPLINK_EGRESS,
	PROGRAM_VNIC_INGRESS,
	PROGRAM_VNIC_EGRESS,
	PROGRAM_LSR_XDP,
	PROGRAM_LSR_EGRESS, /* stands on no hook: the devmap runs it */
	PROGRAM_PTP_PUSH,
	PROGRAM_PTP_DELIVER,
	PROGRAM_COUNT
};

extern const char *const program_names[PROGRAM_COUNT];

/* lsr_xdp as loaded for one NIC, whose time stamps it may ask for. */
struct bound_program {
	char interface[IF_NAMESIZE];
	int fd; /* -errno: it could not be loaded */
};

#define PROGRAMS_BOUND_MAX 64

/* Descriptors of loaded programs; -1: not of this node's roles. */
struct programs {
	int fd[PROGRAM_COUNT];
	struct bound_program bound[PROGRAMS_BOUND_MAX];
	size_t bound_count;
};

/* Which program is for an interface: one that is bound to it, if there is one, goes before. */
int programs_for(const struct programs *programs, enum program program, const char *interface);

/**
 * programs_load() - Load the programs of a node's roles.
 * @config: the cluster
 * @node:   which node's roles
 * @paths:  maps pinned there are reused (their sizes must fit, see programs_check_sizes()), others
 *          are created and pinned
 * @ret:    filled on success; give back with programs_close()
 *
 * On failure the maps of the object that failed are unpinned again, if this call had pinned them.
 *
 * Return: 0; -errno with words in @error.
 */
int programs_load(const struct config *config, const struct config_node *node,
		  const struct paths *paths, struct programs *ret, struct error *error);

/* Opens the pinned programs of a node that is attached; those not pinned are -1. */
void programs_open(const struct paths *paths, struct programs *ret);
void programs_close(struct programs *programs);

/* Pins loaded programs, replacing what was pinned under their names. */
int programs_pin(const struct programs *programs, const struct paths *paths, struct error *error);

/* Unpin the maps and programs of a role that the node no longer has, once nothing runs them. Return: 1
 * if there were any, else 0. */
int programs_unpin_access(const struct paths *paths);
int programs_unpin_service(const struct paths *paths);
int programs_unpin_mpls(const struct paths *paths);

/**
 * programs_check_sizes() - Do the running maps have the declared capacities?
 * Return: 0; -EINVAL, naming the capacity that differs.
 */
int programs_check_sizes(const struct config *config, const struct config_node *node,
			 const struct paths *paths, struct error *error);

/* A hash of all that programs of these roles are loaded with: another one means a program swap. */
uint64_t programs_hash(const struct config *config, const struct config_node *node);

#endif
