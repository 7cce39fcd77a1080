// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet sockets in other namespaces.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/netns.h"

#define BUFFER_SIZE (32 << 20)
#define SNAP        128 /* bytes: the headers */

uint64_t wire_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_here(void *arg)
{
	const char *device = arg;
	struct sockaddr_ll own = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int on = 1, size = BUFFER_SIZE, fd;

	if (*device && !(own.sll_ifindex = (int)if_nametoindex(device)))
		return -errno;
	/* Of no protocol until it is bound, or it hears of every interface. ETH_P_ALL, or packets
	 * that are sent are not seen. */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&own, sizeof(own))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int wire_open(const char *netns, const char *device, struct wire *ret_wire)
{
	int fd = netns_run(netns, open_here, (void *)device);

	if (fd < 0)
		return fd;
	ret_wire->fd = fd;
	return 0;
}

void wire_close(struct wire *wire)
{
	close(wire->fd);
}

static bool find_time(struct msghdr *message, uint64_t *ret_ns)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec time;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&time, CMSG_DATA(c), sizeof(time));
		*ret_ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
		return true;
	}
	return false;
}

/* Ports and flags, as far as they were read. */
static void parse_transport(const uint8_t *bytes, size_t length, struct wire_packet *packet)
{
	struct tcphdr tcp;

	if ((packet->proto != IPPROTO_TCP && packet->proto != IPPROTO_UDP) || length < 4)
		return;
	packet->from_port = (uint16_t)(bytes[0] << 8 | bytes[1]);
	packet->to_port = (uint16_t)(bytes[2] << 8 | bytes[3]);
	if (packet->proto != IPPROTO_TCP || length < sizeof(tcp))
		return;
	memcpy(&tcp, bytes, sizeof(tcp));
	packet->is_syn = tcp.syn && !tcp.ack;
}

static bool parse(const uint8_t *bytes, size_t length, struct wire_packet *packet)
{
	struct iphdr ip;

	if (length < sizeof(ip))
		return false;
	memcpy(&ip, bytes, sizeof(ip));
	if (ip.version != 4 || ip.ihl < 5 || length < ip.ihl * 4u)
		return false;
	packet->from.s_addr = ip.saddr;
	packet->to.s_addr = ip.daddr;
	packet->proto = ip.protocol;
	packet->length = ntohs(ip.tot_len);
	if (!(ntohs(ip.frag_off) & IP_OFFMASK))
		parse_transport(bytes + ip.ihl * 4u, length - ip.ihl * 4u, packet);
	return true;
}

static int lost(const struct wire *wire)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(wire->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		return -errno;
	return stats.tp_drops ? -EOVERFLOW : 0;
}

int wire_read(const struct wire *wire, struct wire_packet *ret_packet)
{
	uint8_t bytes[SNAP];
	uint64_t control[16];
	struct sockaddr_ll from;
	struct iovec part = { bytes, sizeof(bytes) };

	for (;;) {
		struct msghdr message = { .msg_name = &from,
					  .msg_namelen = sizeof(from),
					  .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(wire->fd, &message, 0);

		if (length < 0 && errno == EAGAIN)
			return lost(wire);
		/* An interface that went down; others, or it when it is back, go on. */
		if (length < 0 && errno == ENETDOWN)
			continue;
		if (length < 0)
			return -errno;
		*ret_packet =
			(struct wire_packet){ .is_sent = from.sll_pkttype == PACKET_OUTGOING };
		if (from.sll_protocol == htons(ETH_P_IP) &&
		    parse(bytes, (size_t)length, ret_packet) &&
		    find_time(&message, &ret_packet->ns))
			return 1;
	}
}
