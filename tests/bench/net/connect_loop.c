// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a program that does nothing but open and close connections pays: socket(), connect(), close(), at
 * a steady rate, one wake-up each.
 *
 * Usage: connect_loop RATE SECONDS ADDRESS COUNT PORT [--reset]
 * Goes round COUNT addresses from ADDRESS on. --reset closes by a RST. Prints CPU milliseconds a second
 * and connections a second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int connect_once(const struct sockaddr_in *to, int reset)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) ? -errno : 0;

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (fd >= 0)
		close(fd);
	return err;
}

static void sleep_until(double at)
{
	struct timespec time = { (time_t)at, (long)((at - (double)(time_t)at) * 1e9) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

int main(int argc, char **argv)
{
	double rate = argc > 5 ? atof(argv[1]) : 0, length = argc > 5 ? atof(argv[2]) : 0;
	struct sockaddr_in to = { .sin_family = AF_INET };
	int reset = argc == 7 && !strcmp(argv[6], "--reset");
	unsigned long done = 0, count = argc > 5 ? strtoul(argv[4], NULL, 10) : 0;
	struct in_addr first;
	double began, cpu;

	if (rate <= 0 || length <= 0 || !count || inet_pton(AF_INET, argv[3], &first) != 1) {
		fprintf(stderr, "usage: connect_loop RATE SECONDS ADDRESS COUNT PORT [--reset]\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[5]));
	began = seconds_of(CLOCK_MONOTONIC);
	cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
	for (; (double)done < rate * length; done++) {
		int err;

		sleep_until(began + (double)done / rate);
		to.sin_addr.s_addr = htonl(ntohl(first.s_addr) + (uint32_t)(done % count));
		err = connect_once(&to, reset);
		if (err) {
			fprintf(stderr, "connect_loop: %s\n", strerror(-err));
			return 1;
		}
	}
	length = seconds_of(CLOCK_MONOTONIC) - began;
	printf("%.3f %.1f\n", (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3 / length,
	       (double)done / length);
	return 0;
}
