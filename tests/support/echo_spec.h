/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * Echo requests to a VIP, and what becomes of them.
 */
#ifndef TEST_ECHO_SPEC_H
#define TEST_ECHO_SPEC_H

#include "packet.h"

/* From the client to the family's VIP; 56 bytes of payload. */
struct packet_spec echo_request(__u8 family);

/* Sent back to where it came from, with a TTL of its own. */
struct packet_spec echo_reply(const struct packet_spec *request);

#endif
