/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking a probe, and servers to be probed. Servers are children of the test and end with it.
 */
#ifndef XDPLB_TEST_PROBE_LAB_H
#define XDPLB_TEST_PROBE_LAB_H

#include <stdint.h>

#include "probe.h"

/* An address that swallows packets and one without a route, after probe_lab_enter(). */
#define LAB_SILENT      "10.9.0.2"
#define LAB_SILENT6     "fd09::2"
#define LAB_UNREACHABLE "10.8.0.1"
#define LAB_BLACKHOLE   "10.7.0.1"

/* A loop and an engine for one test. */
struct probe_lab {
	struct ev_loop *loop;
	struct probe_engine *engine;
};

/* net_lab_enter(), the addresses above, and a namespace bound to /run/netns/other with lo up. */
void probe_lab_enter(struct probe_lab *lab);
void probe_lab_leave(struct probe_lab *lab);

/* A spec with a timeout of two seconds. */
struct probe_spec probe_lab_spec(enum probe_type type, const char *address, uint16_t port);

/* Runs one probe to its end and checks what holds for every result. */
void probe_lab_ask(struct probe_lab *lab, const struct probe_spec *spec,
		   struct probe_result *ret_result);

/* As above, and expects this cause, and this text (unless NULL) in the detail. */
void probe_lab_expect(struct probe_lab *lab, const struct probe_spec *spec, const char *name,
		      enum xdplb_health_cause cause, const char *detail);

/* Runs the loop for so long. */
void probe_lab_run(struct probe_lab *lab, double seconds);

/* What a server does with one connection; it is closed afterwards. */
typedef void lab_server(int fd);

/* Serves one connection after the other on 0.0.0.0, or :: too. Return: the port. */
uint16_t lab_serve_tcp(lab_server *serve);

/* Calls @serve with a bound UDP socket (:: and 0.0.0.0), which it is to read. Return: the port. */
uint16_t lab_serve_udp(lab_server *serve);

/* A listener in this process, on any address. Return: its descriptor. */
int lab_listen(int backlog, uint16_t *ret_port);

/* A listener with room for one connection, which is taken. Return: the port. */
uint16_t lab_listen_full(void);

/* A port where nobody listens. */
uint16_t lab_closed_port(void);

/* Reads until an empty line, as at the end of an HTTP header. */
void lab_read_header(int fd);
void lab_write(int fd, const char *text);

/* Closes with RST. */
void lab_reset(int fd);

/* Runs a shell command that serves @port of 127.0.0.1; returns when it does. */
void lab_start(uint16_t port, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Open descriptors of this process. */
int lab_count_fds(void);

#endif
