// SPDX-License-Identifier: BSD-2-Clause
/*
 * The UDP socket of health sharing.
 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "clocks.h"
#include "log.h"
#include "health/share_wire.h"

/* A thousand nodes that speak at once, each with a full set. */
#define BUFFER_SIZE (4 << 20)

#define BATCH       32 /* datagrams that are read by one call */
#define BATCHES     4 /* read at once: a flood must not keep the agent from its other work */
#define COMPLAIN_MS 60000

struct link {
	struct ev_loop *loop;
	ev_io readable;
	uint16_t port;
	link_callback *callback;
	void *context;
	struct link_counters counters;
	uint64_t next_complaint;
};

static socklen_t fill_address(const struct link_peer *peer, uint16_t port,
			      struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (peer->family == XDPLB_IPV4) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		ipv4->sin_addr.s_addr = peer->addr.word[0];
		return sizeof(*ipv4);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	memcpy(&ipv6->sin6_addr, &peer->addr, sizeof(ipv6->sin6_addr));
	return sizeof(*ipv6);
}

static void read_datagrams(struct ev_loop *loop, ev_io *io, int events)
{
	static uint8_t bytes[BATCH][SHARE_DATAGRAM_MAX + 1];
	struct link *link = io->data;
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	int count = BATCH;

	for (int batch = 0; batch < BATCHES && count == BATCH; batch++) {
		memset(messages, 0, sizeof(messages));
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ bytes[i], sizeof(bytes[i]) };
			messages[i].msg_hdr.msg_iov = &parts[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		count = recvmmsg(io->fd, messages, BATCH, 0, NULL);
		for (int i = 0; i < count; i++) {
			link->counters.received++;
			link->callback(link->context, bytes[i], messages[i].msg_len);
		}
	}
}

static int bind_socket(int fd, const struct link_peer *own, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = fill_address(own, port, &address);
	int on = 1, size = BUFFER_SIZE, fragment = IP_PMTUDISC_DONT;

	/* An agent that starts before its address is up need not be started again. */
	if (own->family == XDPLB_IPV4)
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	/* On a path with less than 1,228 bytes better in fragments than not at all. */
	if (own->family == XDPLB_IPV4)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof(fragment));
	/* The one is for root only, the other is bounded. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return bind(fd, (struct sockaddr *)&address, length) ? -errno : 0;
}

int link_open(struct ev_loop *loop, const struct link_peer *own, uint16_t port,
	      link_callback *callback, void *context, struct link **ret_link, struct error *error)
{
	char text[ADDRESS_TEXT_LEN];
	struct link *link;
	int fd, err;

	fd = socket(own->family == XDPLB_IPV4 ? AF_INET : AF_INET6,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(error, -errno, "no UDP socket for sharing");
	err = bind_socket(fd, own, port);
	if (err) {
		close(fd);
		return fail_errno(error, err, "sharing: cannot bind %s port %u",
				  address_print(&own->addr, own->family, text), port);
	}
	link = calloc(1, sizeof(*link));
	if (!link) {
		close(fd);
		return fail(error, -ENOMEM, "no memory");
	}
	link->loop = loop;
	link->port = port;
	link->callback = callback;
	link->context = context;
	link->readable.data = link;
	ev_io_init(&link->readable, read_datagrams, fd, EV_READ);
	ev_io_start(loop, &link->readable);
	*ret_link = link;
	return 0;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	ev_io_stop(link->loop, &link->readable);
	close(link->readable.fd);
	free(link);
}

/* Also of a network that is not there yet: seldom, since each heartbeat comes here. */
static void complain(struct link *link, const struct link_peer *to, int err)
{
	char text[ADDRESS_TEXT_LEN];
	uint64_t now = clock_ms();

	if (now < link->next_complaint)
		return;
	link->next_complaint = now + COMPLAIN_MS;
	log_event(LOG_WARNING, "sharing: cannot send to %s port %u: %s",
		  address_print(&to->addr, to->family, text), link->port, strerror(err));
}

void link_send(struct link *link, const struct link_peer *to, const uint8_t *bytes, size_t length)
{
	struct sockaddr_storage address;
	socklen_t address_length = fill_address(to, link->port, &address);

	if (sendto(link->readable.fd, bytes, length, 0, (struct sockaddr *)&address,
		   address_length) >= 0) {
		link->counters.sent++;
		return;
	}
	link->counters.unsent++;
	complain(link, to, errno);
}

const struct link_counters *link_counters(const struct link *link)
{
	return &link->counters;
}
