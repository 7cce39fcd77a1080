/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A service node drawn at random that node_tc and its reference model share, and packets for it. Functions fail
 * the test if something can't be done.
 */
#ifndef TEST_MODEL_NODE_LAB_H
#define TEST_MODEL_NODE_LAB_H

#include "model_node.h"
#include "node_setup.h"
#include "packet_fuzz.h"

struct node_lab {
	struct node_setup node;
	struct node_model_world model;
	struct xdplb_mapping mappings[SETUP_MAPPINGS];
	struct packet_fuzz fuzz; /* all that is random comes from it */
};

void node_lab_open(struct node_lab *lab, __u64 seed);
void node_lab_close(struct node_lab *lab);

/* Other mappings, another hook; no notes. */
void node_lab_make_world(struct node_lab *lab);

/* Return: is the packet on the way to a backend? */
bool node_lab_draw_packet(struct node_lab *lab, struct test_packet *ret_packet);

#endif
