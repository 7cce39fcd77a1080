// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends frames of the datapath's fuzzer (tests/support/packet_fuzz.h) out of an interface, as they are, faults
 * included; then prints how many were sent.
 *
 * Usage: fuzz_frames INTERFACE DEST-MAC COUNT SEED PORT CLIENT4 VIP4 CLIENT6 VIP6
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/support/packet_fuzz.h"

#define SENT_AT_ONCE 32 /* then others may run: a veth's ring holds 256 */

struct sender {
	int fd;
	__u8 own_mac[6], dest_mac[6];
};

static void parse_mac(const char *text, __u8 *ret_mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret_mac[0], &ret_mac[1], &ret_mac[2],
		   &ret_mac[3], &ret_mac[4], &ret_mac[5]) != 6)
		errx(2, "%s: not a MAC address", text);
}

static struct sender open_sender(const char *interface, const char *dest_mac)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET };
	struct sender sender = { .fd = socket(AF_PACKET, SOCK_RAW, 0) };
	struct ifreq request = {};

	if (sender.fd < 0)
		err(1, "packet socket");
	address.sll_ifindex = if_nametoindex(interface);
	if (!address.sll_ifindex || bind(sender.fd, (void *)&address, sizeof(address)))
		err(1, "%s", interface);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(sender.fd, SIOCGIFHWADDR, &request))
		err(1, "%s: MAC address", interface);
	memcpy(sender.own_mac, request.ifr_hwaddr.sa_data, 6);
	parse_mac(dest_mac, sender.dest_mac);
	return sender;
}

static struct fuzz_cast make_cast(const struct sender *sender, char *const texts[2], __u16 port,
				  const char *stranger)
{
	struct fuzz_cast cast = { .client = { packet_addr(texts[0]), 40000 },
				  .vip = { packet_addr(texts[1]), port },
				  .stranger = packet_addr(stranger) };

	memcpy(cast.client.mac, sender->own_mac, 6);
	memcpy(cast.vip.mac, sender->dest_mac, 6);
	return cast;
}

/* Where a fault has changed it the frame would not be for the other end; there a driver would drop it. */
static void address(const struct sender *sender, struct test_packet *packet)
{
	memcpy(packet->data, sender->dest_mac, 6);
}

static unsigned long send_all(const struct sender *sender, struct packet_fuzz *fuzz,
			      unsigned long count)
{
	struct test_packet packet;

	for (unsigned long sent = 0; sent < count;) {
		fuzz_draw_packet(fuzz, &packet);
		address(sender, &packet);
		while (send(sender->fd, packet.data, packet.len, 0) < 0) {
			if (errno != ENOBUFS)
				err(1, "frame %lu of %zu bytes", sent, packet.len);
			sched_yield();
		}
		if (++sent % SENT_AT_ONCE == 0)
			sched_yield();
	}
	return count;
}

int main(int argc, char **argv)
{
	struct packet_fuzz fuzz;
	struct sender sender;
	__u16 port;

	if (argc != 10)
		errx(2, "usage: fuzz_frames INTERFACE DEST-MAC COUNT SEED PORT CLIENT4 VIP4 "
			"CLIENT6 VIP6");
	sender = open_sender(argv[1], argv[2]);
	port = strtoul(argv[5], NULL, 10);
	fuzz_seed(&fuzz, strtoull(argv[4], NULL, 10));
	fuzz.casts[0] = make_cast(&sender, argv + 6, port, "203.0.113.9");
	fuzz.casts[1] = make_cast(&sender, argv + 8, port, "2001:db8:dead::9");
	printf("%lu\n", send_all(&sender, &fuzz, strtoul(argv[3], NULL, 10)));
	return 0;
}
