/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A world drawn at random that lb_xdp and its reference model share. Functions fail the test if something
 * can't be done.
 */
#ifndef TEST_MODEL_LAB_H
#define TEST_MODEL_LAB_H

#include "model.h"
#include "node_setup.h"
#include "packet_fuzz.h"

#define LAB_IFINDEX  1 /* by which packets come in */
#define LAB_SERVICES SETUP_SERVICES
#define LAB_MEMBERS  5 /* of each service */
#define LAB_BUCKETS  61

struct model_lab {
	struct lb_setup lb;
	struct model_world model;
	struct model_service services[LAB_SERVICES];
	struct model_note notes[MODEL_NOTES];
	__u8 table[LAB_BUCKETS]; /* which member of its service a bucket names */
	struct packet_fuzz fuzz; /* all that is random comes from it */
	struct xdplb_traffic traffic[LAB_SERVICES * LAB_MEMBERS]; /* as the model counts it */
	__u64 opened[LAB_SERVICES * LAB_MEMBERS]; /* new flows, likewise */
};

void lab_open(struct model_lab *lab, uint64_t seed);
void lab_close(struct model_lab *lab);

/* Other services, members, lists, health, budgets; no notes. */
void lab_make_world(struct model_lab *lab);

/* Other health and confirmations; notes stay, but flows that are remembered were seen at other times. */
void lab_change_health(struct model_lab *lab);

/* ---- what services have beside buckets: model_lab_flows.c ---- */

/* The server ids of a service, in the table; no other lab_ function changes them. */
void lab_enter_ids(struct model_lab *lab, __u32 index);

/* Flags of QUIC, cache and limit; and the limit itself. */
__u32 lab_draw_particulars(struct model_lab *lab, __u32 index);

/* No flow is remembered, no source has opened any. */
void lab_forget_flows(struct model_lab *lab);

/* Of some flows that are remembered it is another time at which they were seen, of a few another member. */
void lab_age_flows(struct model_lab *lab);

/* What the program remembers is what the model does. */
void lab_check_flows(struct model_lab *lab);

#endif
