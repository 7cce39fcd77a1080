// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams at a steady rate from many ports, until SIGTERM. Usage: udp_stream RATE ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define PORTS 64

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	double rate = argc == 4 ? atof(argv[1]) : 0, began = now_seconds();
	unsigned long sent = 0;
	int fds[PORTS];

	if (rate <= 0 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: udp_stream RATE ADDRESS PORT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	for (int i = 0; i < PORTS; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		if (fds[i] < 0) {
			fprintf(stderr, "udp_stream: socket: %s\n", strerror(errno));
			return 1;
		}
	}
	/* Else the kernel lets each sleep take 50 us longer. */
	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		unsigned long due = (unsigned long)((now_seconds() - began) * rate);

		for (; sent < due; sent++)
			sendto(fds[sent % PORTS], "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
		nanosleep(&(struct timespec){ 0, 20000 }, NULL);
	}
}
