// SPDX-License-Identifier: BSD-2-Clause
/*
 * Host state: made, recorded, made twice, rolled back, taken back. In a network of the test's own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/address.h"
#include "host/host.h"
#include "net_lab.h"
#include "host/netlink.h"
#include "host/netns.h"
#include "host/sysctl.h"
#include "host/undo.h"

#define BOX "/run/netns/box" /* a namespace with v1 (10.0.0.2/24), whose peer is v0 */

struct bench {
	int undos;
	struct host_address addresses[8];
	struct host_sysctl sysctls[8];
	struct host_wanted wanted;
	struct notes notes;
	struct error error;
};

static void set_up(struct bench *bench, unsigned int max_entries)
{
	memset(bench, 0, sizeof(*bench));
	bench->wanted.addresses = bench->addresses;
	bench->wanted.sysctls = bench->sysctls;
	net_lab_enter();
	net_lab_run("ip netns add box && ip link add v0 type veth peer name v1 netns box && "
		    "ip addr add 10.0.0.1/24 dev v0 && ip link set v0 up && "
		    "ip -n box addr add 10.0.0.2/24 dev v1 && ip -n box link set v1 up && "
		    "ip -n box link set lo up");
	bench->undos = bpf_map_create(BPF_MAP_TYPE_HASH, "undos", sizeof(struct xdplb_undo_key),
				      sizeof(struct xdplb_undo), max_entries, NULL);
	if (bench->undos < 0)
		cr_skip_test("needs CAP_BPF: %s", strerror(errno));
}

static void tear_down(struct bench *bench)
{
	notes_free(&bench->notes);
	close(bench->undos);
}

static void want_address(struct bench *bench, const char *netns, const char *text)
{
	struct host_address *address = &bench->addresses[bench->wanted.address_count++];

	strcpy(address->netns, netns);
	cr_assert_eq(address_parse(text, &address->addr, &address->family), 0, "%s", text);
}

static void want_sysctl(struct bench *bench, const char *netns, const char *path, const char *value)
{
	struct host_sysctl *sysctl = &bench->sysctls[bench->wanted.sysctl_count++];

	strcpy(sysctl->netns, netns);
	strcpy(sysctl->path, path);
	strcpy(sysctl->value, value);
	sysctl->rule = HOST_EXACTLY;
}

static int prepare(struct bench *bench, uint64_t generation)
{
	return host_prepare(&bench->wanted, bench->undos, generation, &bench->notes, &bench->error);
}

static int finish_nothing_wanted(struct bench *bench)
{
	bench->wanted.address_count = 0;
	bench->wanted.sysctl_count = 0;
	return host_finish(&bench->wanted, bench->undos, &bench->notes);
}

/* Does `ip addr` show it on lo, with the properties that keep it from being a source? */
static bool is_on_lo(const char *netns, const char *address)
{
	const char *want =
		strchr(address, ':') ? "/128 scope global.*deprecated" : "/32 scope host";

	return !net_lab_ask("%s%s ip addr show dev lo | grep -q ' %s%s'",
			    netns[0] ? "nsenter --net=" : "", netns, address, want);
}

static bool is_anywhere(const char *address)
{
	return !net_lab_ask("ip addr | grep -q ' %s/'", address);
}

static size_t count_records(const struct bench *bench, uint64_t generation)
{
	const char kinds[] = { UNDO_ADDRESS, UNDO_SYSCTL };
	struct undo_record *records;
	size_t count, sum = 0;

	for (size_t i = 0; i < sizeof(kinds); i++) {
		cr_assert_eq(undo_list(bench->undos, kinds[i], &records, &count), 0);
		for (size_t j = 0; j < count; j++)
			sum += records[j].undo.generation == generation;
		free(records);
	}
	return sum;
}

static void expect_setting(const char *path, const char *expected, const char *row)
{
	char value[SYSCTL_VALUE_LEN] = "";

	cr_expect_eq(sysctl_read(path, value), 0, "%s: %s", row, path);
	cr_expect_str_eq(value, expected, "%s: %s is %s", row, path, value);
}

static const struct {
	const char *netns, *address;
} local_rows[] = {
	{ "", "192.0.2.10" },
	{ "", "2001:db8::10" },
	{ BOX, "192.0.2.10" },
	{ BOX, "2001:db8::10" },
};

Test(host, address_is_made_twice_and_taken_back)
{
	struct bench bench;

	set_up(&bench, 1024);
	for (size_t i = 0; i < sizeof(local_rows) / sizeof(local_rows[0]); i++) {
		const char *netns = local_rows[i].netns, *address = local_rows[i].address;

		want_address(&bench, netns, address);
		cr_expect_eq(prepare(&bench, 1), 0, "%s%s: %s", netns, address, bench.error.text);
		cr_expect(is_on_lo(netns, address), "%s%s is not on lo", netns, address);
		cr_expect_eq(is_anywhere(address), !netns[0], "%s%s in our own", netns, address);
		cr_expect_eq(count_records(&bench, 1), 1, "%s%s", netns, address);
		cr_expect_eq(prepare(&bench, 2), 0, "%s%s: twice", netns, address);
		cr_expect_eq(count_records(&bench, 2), 1, "%s%s: twice", netns, address);
		cr_expect_eq(host_finish(&bench.wanted, bench.undos, &bench.notes), 0);
		cr_expect(is_on_lo(netns, address), "%s%s: wanted, removed", netns, address);
		cr_expect_eq(finish_nothing_wanted(&bench), 0, "%s%s", netns, address);
		cr_expect(!is_on_lo(netns, address), "%s%s is left on lo", netns, address);
		cr_expect_eq(count_records(&bench, 2), 0, "%s%s", netns, address);
	}
	cr_expect_null(bench.notes.text, "%s", bench.notes.text);
	tear_down(&bench);
}

/* Someone took ours away: it is made again, under the record there was. */
Test(host, lost_address_comes_back)
{
	struct bench bench;

	set_up(&bench, 1024);
	want_address(&bench, "", "192.0.2.10");
	cr_expect_eq(prepare(&bench, 1), 0, "%s", bench.error.text);
	net_lab_run("ip addr del 192.0.2.10/32 dev lo");
	cr_expect_eq(prepare(&bench, 2), 0, "%s", bench.error.text);
	cr_expect(is_on_lo("", "192.0.2.10"));
	net_lab_run("ip addr del 192.0.2.10/32 dev lo");
	cr_expect_eq(host_undo_all(bench.undos, &bench.notes), 0, "gone already");
	cr_expect_eq(count_records(&bench, 2), 0);
	tear_down(&bench);
}

static const struct {
	const char *device, *address;
	const char *said; /* in the notes */
} foreign_rows[] = {
	{ "lo", "192.0.2.10/32", NULL },
	{ "lo", "2001:db8::10/128", NULL },
	{ "v0", "192.0.2.11/24", "192.0.2.11 on lo: is on v0 already" },
	{ "v0", "2001:db8::11/64", "2001:db8::11 on lo: is on v0 already" },
};

Test(host, foreign_address_is_left_alone)
{
	struct bench bench;

	set_up(&bench, 1024);
	for (size_t i = 0; i < sizeof(foreign_rows) / sizeof(foreign_rows[0]); i++) {
		const char *said = foreign_rows[i].said;
		char address[ADDRESS_TEXT_LEN];

		sscanf(foreign_rows[i].address, "%63[^/]", address);
		net_lab_run("ip addr add %s dev %s", foreign_rows[i].address,
			    foreign_rows[i].device);
		want_address(&bench, "", address);
		cr_expect_eq(prepare(&bench, 1), 0, "%s: %s", address, bench.error.text);
		cr_expect_eq(count_records(&bench, 1), 0, "%s: recorded", address);
		cr_expect_eq(!said, !bench.notes.text, "%s: %s", address, bench.notes.text);
		if (said && bench.notes.text)
			cr_expect(strstr(bench.notes.text, said), "%s", bench.notes.text);
		notes_free(&bench.notes);
		cr_expect_eq(finish_nothing_wanted(&bench), 0, "%s", address);
		cr_expect(is_anywhere(address), "%s was removed", address);
	}
	tear_down(&bench);
}

Test(host, failure_takes_back_this_call_only)
{
	struct bench bench;

	set_up(&bench, 1024);
	want_address(&bench, "", "192.0.2.1");
	want_sysctl(&bench, "", "ipv4/conf/v0/arp_ignore", "1");
	cr_assert_eq(prepare(&bench, 1), 0, "%s", bench.error.text);
	want_address(&bench, BOX, "192.0.2.2");
	want_address(&bench, "/run/netns/none", "192.0.2.3");
	bench.sysctls[0].value[0] = '2';
	want_sysctl(&bench, "", "ipv4/conf/v0/arp_announce", "2");
	cr_expect_eq(prepare(&bench, 2), -ENONET);
	cr_expect(strstr(bench.error.text, "192.0.2.3 on lo in /run/netns/none"), "%s",
		  bench.error.text);
	cr_expect(is_on_lo("", "192.0.2.1"));
	cr_expect(!is_on_lo(BOX, "192.0.2.2"));
	expect_setting("ipv4/conf/v0/arp_ignore", "1", "as of the call before");
	expect_setting("ipv4/conf/v0/arp_announce", "0", "rolled back");
	cr_expect_eq(count_records(&bench, 1), 2);
	cr_expect_eq(count_records(&bench, 2), 0);
	cr_expect_eq(host_undo_all(bench.undos, &bench.notes), 0);
	expect_setting("ipv4/conf/v0/arp_ignore", "0", "undone");
	tear_down(&bench);
}

Test(host, full_map_takes_all_back)
{
	struct bench bench;

	set_up(&bench, 1);
	want_address(&bench, "", "192.0.2.1");
	want_address(&bench, "", "192.0.2.2");
	cr_expect_eq(prepare(&bench, 1), -E2BIG, "%s", bench.error.text);
	cr_expect(strstr(bench.error.text, "cannot record how to undo 192.0.2.2"), "%s",
		  bench.error.text);
	cr_expect(!is_on_lo("", "192.0.2.1"));
	cr_expect_eq(count_records(&bench, 1), 0);
	tear_down(&bench);
}

static const struct {
	const char *row, *path, *all, *own, *value;
	enum host_rule rule;
	const char *after; /* NULL: nothing is written or recorded */
} sysctl_rows[] = {
	{ "exactly", "ipv4/conf/v0/forwarding", NULL, "0", "1", HOST_EXACTLY, "1" },
	{ "exactly so", "ipv4/conf/v0/forwarding", NULL, "1", "1", HOST_EXACTLY, NULL },
	{ "at least", "ipv4/conf/v0/arp_announce", "0", "1", "2", HOST_AT_LEAST, "2" },
	{ "as much", "ipv4/conf/v0/arp_ignore", "0", "1", "1", HOST_AT_LEAST, NULL },
	{ "more", "ipv4/conf/v0/arp_ignore", "0", "8", "1", HOST_AT_LEAST, NULL },
	{ "all has it", "ipv4/conf/v0/arp_ignore", "2", "0", "1", HOST_AT_LEAST, NULL },
	{ "or of all", "ipv4/conf/v0/accept_local", "1", "0", "1", HOST_AT_LEAST, NULL },
	{ "loosened", "ipv4/conf/v0/rp_filter", "0", "1", "2", HOST_NOT_ONE, "2" },
	{ "strict by all", "ipv4/conf/v0/rp_filter", "1", "0", "2", HOST_NOT_ONE, "2" },
	{ "loose by all", "ipv4/conf/v0/rp_filter", "2", "1", "2", HOST_NOT_ONE, NULL },
	{ "off", "ipv4/conf/v0/rp_filter", "0", "0", "2", HOST_NOT_ONE, NULL },
	{ "IPv6 ignores all", "ipv6/conf/v0/accept_ra", "1", "0", "2", HOST_NOT_ONE, NULL },
	{ "a dot in a name", "ipv4/conf/v0.5/arp_ignore", "0", "0", "1", HOST_AT_LEAST, "1" },
};

Test(host, sysctl_rules)
{
	char all[SYSCTL_PATH_LEN], family[8], name[64];
	struct bench bench;

	set_up(&bench, 1024);
	net_lab_run("ip link add v0.5 type veth peer name other");
	for (size_t i = 0; i < sizeof(sysctl_rows) / sizeof(sysctl_rows[0]); i++) {
		const char *row = sysctl_rows[i].row, *path = sysctl_rows[i].path;
		const char *own = sysctl_rows[i].own, *after = sysctl_rows[i].after;

		sscanf(path, "%7[^/]/conf/%*[^/]/%63s", family, name);
		snprintf(all, sizeof(all), "%s/conf/all/%s", family, name);
		if (sysctl_rows[i].all)
			cr_assert_eq(sysctl_write(all, sysctl_rows[i].all), 0, "%s", row);
		cr_assert_eq(sysctl_write(path, own), 0, "%s", row);
		want_sysctl(&bench, "", path, sysctl_rows[i].value);
		bench.sysctls[0].rule = sysctl_rows[i].rule;
		cr_expect_eq(prepare(&bench, 1), 0, "%s: %s", row, bench.error.text);
		expect_setting(path, after ? after : own, row);
		cr_expect_eq(count_records(&bench, 1), after ? 1 : 0, "%s: record", row);
		cr_expect_eq(prepare(&bench, 2), 0, "%s: %s", row, bench.error.text);
		cr_expect_eq(finish_nothing_wanted(&bench), 0, "%s", row);
		expect_setting(path, own, row);
		cr_expect_eq(count_records(&bench, 2), 0, "%s: record", row);
	}
	cr_expect_null(bench.notes.text, "%s", bench.notes.text);
	tear_down(&bench);
}

Test(host, what_is_gone_is_forgotten)
{
	struct bench bench;

	set_up(&bench, 1024);
	net_lab_run("ip netns add gone && ip netns add left && ip -n left link set lo up");
	want_address(&bench, "/run/netns/gone", "192.0.2.1");
	want_address(&bench, "/run/netns/left", "192.0.2.2");
	want_sysctl(&bench, BOX, "ipv4/conf/v1/arp_ignore", "1");
	want_sysctl(&bench, "", "ipv4/conf/v0/arp_ignore", "1");
	cr_assert_eq(prepare(&bench, 1), 0, "%s", bench.error.text);
	cr_expect_eq(count_records(&bench, 1), 4);
	/* `umount` leaves the file, which is of no namespace any more. */
	net_lab_run("ip netns del gone && umount /run/netns/left && ip link del v0");
	cr_expect_eq(host_undo_all(bench.undos, &bench.notes), 0, "%s", bench.notes.text);
	cr_expect_null(bench.notes.text, "%s", bench.notes.text);
	cr_expect_eq(count_records(&bench, 1), 0);
	tear_down(&bench);
}

Test(host, resting_vip_and_settings_stay)
{
	struct host_address resting = { 0 };
	struct bench bench;

	set_up(&bench, 1024);
	want_address(&bench, BOX, "192.0.2.1");
	want_address(&bench, BOX, "192.0.2.2");
	want_sysctl(&bench, BOX, "ipv4/conf/v1/arp_ignore", "1");
	cr_assert_eq(prepare(&bench, 1), 0, "%s", bench.error.text);
	address_parse("192.0.2.1", &resting.addr, &resting.family);
	bench.wanted.resting = &resting;
	bench.wanted.resting_count = 1;
	cr_expect_eq(finish_nothing_wanted(&bench), 0);
	cr_expect(is_on_lo(BOX, "192.0.2.1"));
	cr_expect(!is_on_lo(BOX, "192.0.2.2"));
	cr_expect_eq(count_records(&bench, 1), 2);
	bench.wanted.resting_count = 0;
	cr_expect_eq(finish_nothing_wanted(&bench), 0);
	cr_expect(!is_on_lo(BOX, "192.0.2.1"));
	cr_expect_eq(count_records(&bench, 1), 0);
	tear_down(&bench);
}

static int tell_inode(void *arg)
{
	struct stat stat_buffer;

	if (stat("/proc/thread-self/ns/net", &stat_buffer))
		return -errno;
	*(ino_t *)arg = stat_buffer.st_ino;
	return 7;
}

Test(host, netns_run_comes_back)
{
	ino_t before, inside, after;
	struct bench bench;

	set_up(&bench, 1024);
	cr_expect_eq(netns_run("", tell_inode, &before), 7);
	cr_expect_eq(netns_run(BOX, tell_inode, &inside), 7);
	cr_expect_eq(netns_run("", tell_inode, &after), 7);
	cr_expect_eq(before, after);
	cr_expect_neq(before, inside);
	net_lab_run("touch /run/netns/file");
	cr_expect_eq(netns_run("/run/netns/none", tell_inode, &inside), -ENONET);
	cr_expect_eq(netns_run("/run/netns/file", tell_inode, &inside), -ENONET);
	tear_down(&bench);
}

/* The longest path that config.h allows fills its part of the key to the last byte. */
Test(host, longest_namespace_path_fits)
{
	char long_path[CONFIG_PATH_LEN + 1], netns[UNDO_NETNS_LEN], what[UNDO_WHAT_LEN];
	struct xdplb_undo_key key;

	memset(long_path, 'x', CONFIG_PATH_LEN);
	long_path[CONFIG_PATH_LEN] = '\0';
	cr_expect_eq(undo_key(UNDO_SYSCTL, long_path, "ipv4/ip_forward", &key), 0);
	undo_key_netns(&key, netns);
	undo_key_what(&key, what);
	cr_expect_str_eq(netns, long_path);
	cr_expect_str_eq(what, "ipv4/ip_forward");
	memset(what, 'x', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	cr_expect_eq(undo_key(UNDO_SYSCTL, what, "", &key), -ENAMETOOLONG);
}
