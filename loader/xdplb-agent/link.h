/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The UDP socket of health sharing, bound to this node's address: to and from the other nodes'
 * agents, all at the same port. Knows nothing of what the datagrams say.
 *
 * Nothing here waits, and no name is resolved. What can't be sent is lost, as on the way; the
 * protocol above makes up for it.
 */
#ifndef XDPLB_AGENT_LINK_H
#define XDPLB_AGENT_LINK_H

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "xdplb/types.h"

struct link;

/* An end of the link. */
struct link_peer {
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	struct xdplb_addr addr;
};

typedef void link_callback(void *context, const uint8_t *bytes, size_t length);

struct link_counters {
	uint64_t sent, received; /* datagrams */
	uint64_t unsent; /* the kernel refused them: no route, no room */
};

/**
 * link_open() - Open the socket.
 * @own:  this node's address; it need not be there yet
 * @port: UDP, host order
 *
 * Return: 0; -EADDRINUSE somebody else has the port; -errno; with words.
 */
int link_open(struct ev_loop *loop, const struct link_peer *own, uint16_t port,
	      link_callback *callback, void *context, struct link **ret_link, struct error *error);
void link_close(struct link *link);

void link_send(struct link *link, const struct link_peer *to, const uint8_t *bytes, size_t length);

const struct link_counters *link_counters(const struct link *link);

#endif
