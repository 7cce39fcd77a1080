// SPDX-License-Identifier: BSD-2-Clause
/*
 * A thread that answers mapping queries on loopback, well or badly.
 */
#include "fake_node.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/lib/hash.h"
#include "xdplb/query.h"

/* A datagram and its ways. */
struct letter {
	struct sockaddr_storage peer;
	struct iovec iov;
	struct msghdr head;
	char control[128]; /* holds the local address, for the way back too */
	char data[sizeof(struct xdplb_query) + 8];
};

/* SipHash-2-4 as in the datapath, so that libsodium's in the asker is checked against it. */
static __u64 mac_of(const struct fake_node *node, const struct xdplb_query *query)
{
	struct sip_state s = sip_start(node->key.word[0], node->key.word[1]);
	const size_t len = offsetof(struct xdplb_query, mac);
	__u64 word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, (const char *)query + i, sizeof(word));
		sip_word(&s, word, 2);
	}
	sip_word(&s, (__u64)len << 56, 2);
	return sip_finish(&s, 4);
}

static bool receive(int fd, struct letter *letter)
{
	memset(letter, 0, sizeof(*letter));
	letter->iov = (struct iovec){ letter->data, sizeof(struct xdplb_query) };
	letter->head = (struct msghdr){
		.msg_name = &letter->peer,
		.msg_namelen = sizeof(letter->peer),
		.msg_iov = &letter->iov,
		.msg_iovlen = 1,
		.msg_control = letter->control,
		.msg_controllen = sizeof(letter->control),
	};
	return recvmsg(fd, &letter->head, MSG_DONTWAIT) == sizeof(struct xdplb_query);
}

/* The address it came to becomes the one that the answer comes from; @other: a wrong one does. */
static void turn_round(struct letter *letter, bool other)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(&letter->head);
	struct in_pktinfo *info;

	if (!control || control->cmsg_level != IPPROTO_IP)
		return;
	info = (struct in_pktinfo *)CMSG_DATA(control);
	info->ipi_ifindex = 0;
	info->ipi_spec_dst = info->ipi_addr;
	if (other)
		info->ipi_spec_dst.s_addr ^= htonl(0x8000);
}

static enum xdplb_query_type type_of(enum fake_behaviour behaviour, unsigned int asked)
{
	if (behaviour == FAKE_OTHER || (behaviour == FAKE_OTHER_THEN_YES && asked < 3))
		return XDPLB_QUERY_OTHER;
	return behaviour == FAKE_WRONG_TYPE ? XDPLB_QUERY_ASK : XDPLB_QUERY_YES;
}

static void spoil(struct letter *letter, struct xdplb_query *answer, enum fake_behaviour behaviour)
{
	if (behaviour == FAKE_WRONG_MAC)
		answer->mac ^= 1ULL << 63;
	if (behaviour == FAKE_LONGER)
		letter->iov.iov_len += 8;
	if (behaviour == FAKE_SHORTER)
		letter->iov.iov_len -= 1;
	turn_round(letter, behaviour == FAKE_WRONG_ADDRESS);
}

static void answer(struct fake_node *node, int fd, struct letter *letter)
{
	struct xdplb_query *query = (struct xdplb_query *)letter->data;
	enum fake_behaviour behaviour = ntohs(query->vport);
	unsigned int asked = ++node->asked[behaviour];

	if (query->mac != mac_of(node, query) || query->type != XDPLB_QUERY_ASK)
		node->bad_questions++;
	if (behaviour == FAKE_SILENT || (behaviour == FAKE_LOSE_TWO && asked < 3))
		return;
	query->type = type_of(behaviour, asked);
	query->version += behaviour == FAKE_WRONG_VERSION;
	query->nonce += behaviour == FAKE_WRONG_NONCE;
	query->mac = mac_of(node, query);
	spoil(letter, query, behaviour);
	if (behaviour == FAKE_WRONG_PORT)
		fd = node->other_socket;
	sendmsg(fd, &letter->head, 0);
	if (behaviour != FAKE_YES_THEN_OTHER)
		return;
	query->type = XDPLB_QUERY_OTHER;
	query->mac = mac_of(node, query);
	sendmsg(fd, &letter->head, 0);
}

static void *serve(void *arg)
{
	struct fake_node *node = arg;
	struct letter letter;

	while (!node->stop) {
		struct pollfd fds[] = { { node->sockets[0], POLLIN, 0 },
					{ node->sockets[1], POLLIN, 0 } };

		poll(fds, 2, 20);
		for (int i = 0; i < 2; i++) {
			while (receive(node->sockets[i], &letter))
				answer(node, node->sockets[i], &letter);
		}
	}
	return NULL;
}

static int open_port(int family, unsigned short port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, SOCK_DGRAM, 0), on = 1, size = 32 << 20;

	cr_assert_geq(fd, 0);
	/* The datapath answers at once; a thread may be late, and must lose nothing then. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
		cr_assert_eq(bind(fd, (struct sockaddr *)&any4, sizeof(any4)), 0);
		return fd;
	}
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	cr_assert_eq(bind(fd, (struct sockaddr *)&any6, sizeof(any6)), 0);
	return fd;
}

void fake_node_start(struct fake_node *node, const struct xdplb_key *key)
{
	memset(node, 0, sizeof(*node));
	node->key = *key;
	node->sockets[0] = open_port(AF_INET, FAKE_NODE_TAG);
	node->sockets[1] = open_port(AF_INET6, FAKE_NODE_TAG);
	node->other_socket = open_port(AF_INET, FAKE_NODE_TAG + 1);
	cr_assert_eq(pthread_create(&node->thread, NULL, serve, node), 0);
}

void fake_node_stop(struct fake_node *node)
{
	node->stop = true;
	pthread_join(node->thread, NULL);
	close(node->sockets[0]);
	close(node->sockets[1]);
	close(node->other_socket);
}
