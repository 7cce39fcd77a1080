// SPDX-License-Identifier: BSD-2-Clause
/*
 * A packet socket and its filter. The kernel runs the filter of every socket at an interface on each
 * message there, which is cheap; a copy and a wake-up for each would be dear.
 */
#include "tunnel/tunnel_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel/tunnel_message.h"

#define ETHERNET_LEN 14
#define ETH_P_MPLS   0x8847

/* Labels that are looked through for the bottom: what a node may push, the last one, the GAL. */
#define STACK_MAX (XDPLB_LABELS_MAX + 2)

/* X: where the message begins; then the tunnel's number and `backup`. */
#define FILTER_MAX (3 * STACK_MAX + 1 + 6)

#define AT(field) ((uint32_t)offsetof(struct xdplb_ach, field))

/* Classic BPF has no loops. Return: instructions. */
static unsigned short make_filter(const struct tunnel_way *way, struct sock_filter *ret_filter)
{
	const unsigned short rest = 3 * STACK_MAX;
	const struct sock_filter tail[] = {
		BPF_STMT(BPF_RET | BPF_K, 0), /* no bottom */
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, AT(tunnel)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, way->number, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, AT(backup)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, way->is_backup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	for (unsigned short i = 0; i < STACK_MAX; i++) {
		uint32_t entry = ETHERNET_LEN + 4U * i;
		struct sock_filter *at = &ret_filter[3 * i];

		at[0] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, entry + 4);
		at[1] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, entry);
		at[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, BOTTOM,
						     (uint8_t)(rest + 1 - (3 * i + 3)), 0);
	}
	for (unsigned short i = 0; i < sizeof(tail) / sizeof(tail[0]); i++)
		ret_filter[rest + i] = tail[i];
	return rest + sizeof(tail) / sizeof(tail[0]);
}

static int attach_filter(int fd, const struct tunnel_way *way)
{
	struct sock_filter filter[FILTER_MAX];
	const struct sock_fprog program = { .len = make_filter(way, filter), .filter = filter };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

static int bind_to(int fd, uint32_t ifindex)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_MPLS),
		.sll_ifindex = (int)ifindex,
	};

	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

int tunnel_socket(const struct tunnel_way *way)
{
	/* Protocol 0 until it is bound: else it would hear every interface for a moment. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = attach_filter(fd, way);
	if (!err)
		err = bind_to(fd, way->lsp->ifindex);
	if (!err)
		return fd;
	close(fd);
	return err;
}
