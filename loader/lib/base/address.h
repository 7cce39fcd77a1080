/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of either family as text and as struct xdplb_addr. Knows nothing of who owns one.
 */
#ifndef XDPLB_ADDRESS_H
#define XDPLB_ADDRESS_H

#include "xdplb/types.h"

/* Room for any text printed here: "[IPV6]:65535" and its terminating zero. */
#define ADDRESS_TEXT_LEN 64

/**
 * address_parse() - Read an IPv4 or IPv6 address.
 * @text:       dotted decimal, or RFC 4291 text; no brackets, prefix length, port or zone
 * @ret_addr:   the address, network byte order, unused words zero
 * @ret_family: XDPLB_IPV4 or XDPLB_IPV6
 *
 * Return: 0, or -EINVAL; the results are written on success only.
 */
int address_parse(const char *text, struct xdplb_addr *ret_addr, __u8 *ret_family);

/**
 * address_unusable() - Why an address can be neither a VIP nor a backend's.
 *
 * Return: what it is, with its article ("a multicast address"), or NULL: it is a usable unicast
 * address. An IPv4-mapped address is unusable since it names the same host as its IPv4 form.
 */
const char *address_unusable(const struct xdplb_addr *addr, __u8 family);

/**
 * address_print() - Print an address, as in "10.0.0.1" or "fd00::1".
 * @ret_text: room for ADDRESS_TEXT_LEN bytes
 *
 * Return: ret_text.
 */
char *address_print(const struct xdplb_addr *addr, __u8 family, char *ret_text);

/**
 * address_port_print() - Print an address and a port, as in "10.0.0.1:80" or "[fd00::1]:80".
 * @port:     network byte order
 * @ret_text: room for ADDRESS_TEXT_LEN bytes
 *
 * Return: ret_text.
 */
char *address_port_print(const struct xdplb_addr *addr, __u8 family, __be16 port, char *ret_text);

#endif
