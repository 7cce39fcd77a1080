/* SPDX-License-Identifier: BSD-2-Clause */
/* ADDRESS:PORT of the command line. */
#ifndef XDPLB_TESTS_ENDPOINT_H
#define XDPLB_TESTS_ENDPOINT_H

#include <sys/socket.h>

/* `192.0.2.1:80` or `[2001:db8::1]:80`. Returns the size of the address, 0: it is none. */
socklen_t read_endpoint(const char *text, struct sockaddr_storage *ret);

#endif
