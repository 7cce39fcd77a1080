// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses and primes, in rows.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/prime.h"

struct address_row {
	const char *text;
	int family; /* 0: refused */
	const char *printed;
	const char *with_port; /* 8080 */
	const char *unusable;
};

static const struct address_row address_rows[] = {
	{ "192.0.2.1", 4, "192.0.2.1", "192.0.2.1:8080", NULL },
	{ "2001:DB8::0:1", 6, "2001:db8::1", "[2001:db8::1]:8080", NULL },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:8080", "a multicast address" },
	{ "0.0.0.0", 4, "0.0.0.0", "0.0.0.0:8080", "an unspecified address" },
	{ "127.1.2.3", 4, "127.1.2.3", "127.1.2.3:8080", "a loopback address" },
	{ "224.0.0.1", 4, "224.0.0.1", "224.0.0.1:8080", "a multicast address" },
	{ "255.255.255.255", 4, "255.255.255.255", "255.255.255.255:8080", "a broadcast address" },
	{ "::", 6, "::", "[::]:8080", "an unspecified address" },
	{ "::1", 6, "::1", "[::1]:8080", "a loopback address" },
	{ "ff02::1", 6, "ff02::1", "[ff02::1]:8080", "a multicast address" },
	{ "fe80::1", 6, "fe80::1", "[fe80::1]:8080", "a link-local address" },
	{ "::ffff:192.0.2.1", 6, "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:8080",
	  "an IPv4-mapped address" },
	{ "", 0, NULL, NULL, NULL },
	{ "1.2.3", 0, NULL, NULL, NULL },
	{ "1.2.3.256", 0, NULL, NULL, NULL },
	{ "01.2.3.4", 0, NULL, NULL, NULL },
	{ "1.2.3.4/32", 0, NULL, NULL, NULL },
	{ "[::1]", 0, NULL, NULL, NULL },
	{ "fe80::1%eth0", 0, NULL, NULL, NULL },
	{ "web1", 0, NULL, NULL, NULL },
};

static void check_printed(const struct address_row *row, const struct xdplb_addr *addr, __u8 family)
{
	const char *unusable = address_unusable(addr, family);
	char text[ADDRESS_TEXT_LEN];

	cr_expect_str_eq(address_print(addr, family, text), row->printed, "%s", row->text);
	cr_expect_str_eq(address_port_print(addr, family, htons(8080), text), row->with_port, "%s",
			 row->text);
	cr_expect_eq(!unusable, !row->unusable, "%s: %s", row->text, unusable ? unusable : "");
	if (unusable && row->unusable)
		cr_expect_str_eq(unusable, row->unusable, "%s", row->text);
}

Test(address, rows)
{
	for (size_t i = 0; i < sizeof(address_rows) / sizeof(address_rows[0]); i++) {
		const struct address_row *row = &address_rows[i];
		struct xdplb_addr addr;
		__u8 family = 0;
		int err = address_parse(row->text, &addr, &family);

		cr_expect_eq(err, row->family ? 0 : -EINVAL, "%s: %d", row->text, err);
		cr_expect_eq(family, row->family, "%s: family %d", row->text, family);
		if (!err && row->family)
			check_printed(row, &addr, family);
	}
}

Test(address, ipv4_is_the_first_word_in_network_order)
{
	struct xdplb_addr addr;
	__u8 family;

	memset(&addr, 0xff, sizeof(addr));
	cr_assert_eq(address_parse("1.2.3.4", &addr, &family), 0);
	cr_expect_eq(addr.word[0], htonl(0x01020304));
	cr_expect_eq(addr.word[1] | addr.word[2] | addr.word[3], 0);
}

Test(prime, rows)
{
	static const struct {
		uint32_t number;
		bool prime;
	} rows[] = {
		{ 0, false },          { 1, false },
		{ 2, true },           { 3, true },
		{ 4, false },          { 9, false },
		{ 25, false },         { 1021, true },
		{ 1023, false },       { 65521, true },
		{ 1042441, false }, /* 1021 squared */
		{ 1048573, true },     { 1048575, false },
		{ 4294967291U, true }, { 4294967295U, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(is_prime(rows[i].number), rows[i].prime, "%u", rows[i].number);
}
