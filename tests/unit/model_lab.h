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
};

void lab_open(struct model_lab *lab, uint64_t seed);
void lab_close(struct model_lab *lab);

/* Other services, members, lists, health, budgets; no notes. */
void lab_make_world(struct model_lab *lab);

/* Other health and confirmations; notes stay. */
void lab_change_health(struct model_lab *lab);

#endif
