// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>

#include "endpoint.h"

socklen_t read_endpoint(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *ip4 = (struct sockaddr_in *)ret;
	char address[INET6_ADDRSTRLEN];
	unsigned int port;

	if (sscanf(text, "[%45[0-9a-f:.]]:%u", address, &port) == 2 && port <= UINT16_MAX &&
	    inet_pton(AF_INET6, address, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons((uint16_t)port);
		return sizeof(*ip6);
	}
	if (sscanf(text, "%45[0-9.]:%u", address, &port) == 2 && port <= UINT16_MAX &&
	    inet_pton(AF_INET, address, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons((uint16_t)port);
		return sizeof(*ip4);
	}
	return 0;
}
