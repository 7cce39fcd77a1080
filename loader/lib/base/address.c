// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses of either family as text and as struct xdplb_addr.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int address_parse(const char *text, struct xdplb_addr *ret_addr, __u8 *ret_family)
{
	struct xdplb_addr addr = { 0 };

	if (inet_pton(AF_INET, text, &addr) == 1) {
		*ret_family = XDPLB_IPV4;
	} else if (inet_pton(AF_INET6, text, &addr) == 1) {
		*ret_family = XDPLB_IPV6;
	} else {
		return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

static const char *unusable_ipv4(const struct xdplb_addr *addr)
{
	uint32_t host = ntohl(addr->word[0]);

	if (host >> 24 == 0)
		return "an unspecified address";
	if (host >> 24 == IN_LOOPBACKNET)
		return "a loopback address";
	if (IN_MULTICAST(host))
		return "a multicast address";
	if (host == INADDR_BROADCAST)
		return "a broadcast address";
	return NULL;
}

const char *address_unusable(const struct xdplb_addr *addr, __u8 family)
{
	struct in6_addr ipv6;

	if (family == XDPLB_IPV4)
		return unusable_ipv4(addr);

	memcpy(&ipv6, addr, sizeof(ipv6));
	if (IN6_IS_ADDR_UNSPECIFIED(&ipv6))
		return "an unspecified address";
	if (IN6_IS_ADDR_LOOPBACK(&ipv6))
		return "a loopback address";
	if (IN6_IS_ADDR_MULTICAST(&ipv6))
		return "a multicast address";
	if (IN6_IS_ADDR_LINKLOCAL(&ipv6))
		return "a link-local address";
	if (IN6_IS_ADDR_V4MAPPED(&ipv6))
		return "an IPv4-mapped address";
	return NULL;
}

char *address_print(const struct xdplb_addr *addr, __u8 family, char *ret_text)
{
	int af = family == XDPLB_IPV4 ? AF_INET : AF_INET6;

	/* Cannot fail: both families are known and the room suffices. */
	inet_ntop(af, addr, ret_text, ADDRESS_TEXT_LEN);
	return ret_text;
}

char *address_port_print(const struct xdplb_addr *addr, __u8 family, __be16 port, char *ret_text)
{
	char text[INET6_ADDRSTRLEN] = "";
	int af = family == XDPLB_IPV4 ? AF_INET : AF_INET6;
	const char *format = family == XDPLB_IPV4 ? "%s:%u" : "[%s]:%u";

	inet_ntop(af, addr, text, sizeof(text));
	snprintf(ret_text, ADDRESS_TEXT_LEN, format, text, (unsigned int)ntohs(port));
	return ret_text;
}
