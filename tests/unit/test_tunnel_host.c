// SPDX-License-Identifier: BSD-2-Clause
/*
 * Devices, addresses, neighbours and offload by netlink and ethtool, in a network of the test's own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "net_lab.h"
#include "host/netlink_device.h"

static struct netlink_prefix prefix(const char *text, uint8_t length)
{
	struct netlink_prefix prefix = { .length = length };

	cr_assert_eq(address_parse(text, &prefix.addr, &prefix.family), 0);
	return prefix;
}

Test(tunnel_host, a_pair_of_devices)
{
	uint8_t mac[6] = { 0 };

	net_lab_enter();
	cr_assert_eq(netlink_veth_make("ptp0", "ptp0p"), 0);
	net_lab_run("ip link show ptp0 | grep -q 'state UP'");
	net_lab_run("ip link show ptp0p | grep -q 'state UP'");
	cr_expect(netlink_is_veth("ptp0"));
	cr_expect(!netlink_is_veth("lo"));
	cr_expect_eq(netlink_link_mac("ptp0", mac), 0);
	cr_expect(mac[0] | mac[5]);
	cr_expect_eq(netlink_veth_make("ptp0", "other"), -EEXIST);
	cr_expect_eq(netlink_veth_make("other", "ptp0p"), -EEXIST);
	cr_expect_eq(netlink_link_delete("ptp0"), 0);
	cr_expect_eq(net_lab_ask("ip link show ptp0p 2>/dev/null"), 1);
	cr_expect_eq(netlink_link_delete("ptp0"), -ENODEV);
	cr_expect_eq(netlink_link_mac("ptp0", mac), -ENODEV);
}

Test(tunnel_host, offload)
{
	bool is_on = false;

	net_lab_enter();
	cr_assert_eq(netlink_veth_make("ptp0", "ptp0p"), 0);
	cr_expect_eq(netlink_tx_offload("ptp0", &is_on), 0);
	cr_expect(is_on, "a veth has it on");
	cr_expect_eq(netlink_tx_offload_set("ptp0", false), 0);
	cr_expect_eq(netlink_tx_offload("ptp0", &is_on), 0);
	cr_expect(!is_on);
	net_lab_run("ethtool -k ptp0 | grep -q '^tx-checksumming: off'");
	cr_expect_eq(netlink_tx_offload_set("ptp0", true), 0);
	net_lab_run("ethtool -k ptp0 | grep -q '^tx-checksumming: on'");
	cr_expect_eq(netlink_tx_offload_set("none", true), -ENODEV);
}

Test(tunnel_host, addresses)
{
	const struct netlink_prefix v4 = prefix("10.9.0.1", 30), v6 = prefix("fd09::1", 64);
	const struct netlink_prefix other = prefix("10.9.0.1", 24);

	net_lab_enter();
	cr_assert_eq(netlink_veth_make("ptp0", "ptp0p"), 0);
	cr_expect_eq(netlink_prefix_add("ptp0", &v4), 0);
	cr_expect_eq(netlink_prefix_add("ptp0", &v4), -EEXIST);
	cr_expect_eq(netlink_prefix_add("ptp0", &v6), 0);
	net_lab_run("ip addr add 10.8.0.1/24 dev ptp0");
	net_lab_run("ip addr add 10.8.0.1/24 dev ptp0p");
	net_lab_run("ip addr add fe80::77/64 dev ptp0 nodad");
	cr_expect_eq(netlink_prefixes_keep("ptp0", &v4, 1), 0);
	net_lab_run("ip addr show ptp0 | grep -q 'inet 10.9.0.1/30'");
	net_lab_run("ip addr show ptp0 | grep -q 'inet6 fe80::77/64'");
	cr_expect_eq(net_lab_ask("ip addr show ptp0 | grep -q 'fd09::1\\|10.8.0.1'"), 1);
	net_lab_run("ip addr show ptp0p | grep -q 'inet 10.8.0.1/24'");
	/* The same address with another length is another one. */
	cr_expect_eq(netlink_prefixes_keep("ptp0", &other, 1), 0);
	cr_expect_eq(net_lab_ask("ip addr show ptp0 | grep -q 'inet '"), 1);
}

Test(tunnel_host, neighbours)
{
	const struct netlink_prefix v4 = prefix("10.9.0.2", 32), v6 = prefix("fd09::2", 128);
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 7 };
	uint8_t found[6] = { 0 };
	unsigned int index;

	net_lab_enter();
	cr_assert_eq(netlink_veth_make("ptp0", "ptp0p"), 0);
	index = if_nametoindex("ptp0");
	cr_expect_eq(netlink_neighbour_get(index, &v4.addr, v4.family, found), -ENOENT);
	cr_expect_eq(netlink_neighbour_put("ptp0", &v4.addr, v4.family, mac), 0);
	cr_expect_eq(netlink_neighbour_put("ptp0", &v6.addr, v6.family, mac), 0);
	cr_expect_eq(netlink_neighbour_get(index, &v4.addr, v4.family, found), 0);
	cr_expect(!memcmp(found, mac, sizeof(mac)));
	net_lab_run("ip -6 neigh show dev ptp0 | grep -q 'fd09::2 lladdr 02:00:00:00:00:07 PERM'");
	/* Of two the second one counts; and a neighbour that does not answer is none. */
	net_lab_run("ip addr add 10.9.0.1/24 dev ptp0");
	net_lab_run("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:08 dev ptp0 nud permanent");
	cr_expect_eq(netlink_neighbour_get(index, &v4.addr, v4.family, found), 0);
	cr_expect_eq(found[5], 8);
	net_lab_run("ip neigh del 10.9.0.2 dev ptp0");
	cr_expect_eq(netlink_neighbour_ask(index, &v4.addr, v4.family), 0);
	cr_expect_eq(netlink_neighbour_get(index, &v4.addr, v4.family, found), -ENOENT);
}

/* The kernel asks for who is asked about. */
Test(tunnel_host, a_neighbour_that_answers, .timeout = 20)
{
	const struct netlink_prefix far = prefix("10.9.0.2", 32);
	uint8_t mac[6], found[6] = { 0 };
	int err = -ENOENT;

	net_lab_enter();
	net_lab_run("ip netns add far");
	net_lab_run("ip link add here type veth peer name there netns far");
	net_lab_run("ip addr add 10.9.0.1/24 dev here && ip link set here up");
	net_lab_run("ip -n far addr add 10.9.0.2/24 dev there && ip -n far link set there up");
	net_lab_run("ip -n far link set there address 02:00:00:00:00:22");
	cr_expect_eq(netlink_link_mac("here", mac), 0);
	for (int i = 0; err == -ENOENT && i < 100; i++) {
		cr_assert_eq(netlink_neighbour_ask(if_nametoindex("here"), &far.addr, far.family),
			     0);
		net_lab_run("sleep 0.05");
		err = netlink_neighbour_get(if_nametoindex("here"), &far.addr, far.family, found);
	}
	cr_expect_eq(err, 0);
	cr_expect_eq(found[5], 0x22);
}
