// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an apply does beside the planning of tables: it sees what is there in the network, digests the config, and waits
 * for packets that are under way; by threads, and without.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host_act.h"
#include "net_lab.h"
#include "no_threads.h"
#include "node/node_beside.h"
#include "plan_world.h"

TestSuite(node_beside, .timeout = 60);

#define SERVICES "web 192.0.2.1 80 tcp i 61: b1 b2*2 b3; dns 192.0.2.2 53 udp s 31: b1 b4:5353"

static struct host_address route_to(const char *vip)
{
	struct host_address route = { .family = XDPLB_IPV4 };

	cr_assert_eq(inet_pton(AF_INET, vip, &route.addr), 1);
	return route;
}

/* A network with two routes of ours, of which the first is recorded. Return: the records' map. */
static int set_up(void)
{
	struct host_address recorded = route_to("192.0.2.1");
	struct xdplb_undo_key key;
	int undos;

	net_lab_enter();
	net_lab_run("ip route add unreachable 192.0.2.1 proto 188 && "
		    "ip route add unreachable 192.0.2.2 proto 188");
	undos = bpf_map_create(BPF_MAP_TYPE_HASH, "undos", sizeof(struct xdplb_undo_key),
			       sizeof(struct xdplb_undo), 16, NULL);
	cr_assert_geq(undos, 0, "%s", strerror(errno));
	host_route_key(&recorded, &key);
	cr_assert_eq(undo_put(undos, &key, "", 1), 0);
	return undos;
}

static void check_found(const char *row, const struct host_there *there, bool has_routes)
{
	struct host_address recorded = route_to("192.0.2.1"), other = route_to("192.0.2.2");
	struct xdplb_undo_key key;

	cr_expect_eq(there->undos.count, 1, "%s: %zu records", row, there->undos.count);
	host_route_key(&recorded, &key);
	cr_expect_not_null(host_recorded(there, &key), "%s", row);
	cr_expect_eq(there->routes.count, has_routes ? 2 : 0, "%s: %zu routes", row,
		     there->routes.count);
	cr_expect_eq(host_is_settled(there, &recorded), has_routes, "%s", row);
	cr_expect_not(host_is_settled(there, &other), "%s", row);
}

static void check_all(const char *row, int undos, bool has_routes)
{
	struct node_beside beside;
	struct config config;

	cluster_parse(SERVICES, &config);
	node_beside_begin(&beside, &config, undos, has_routes);
	cr_expect_eq(node_beside_looked(&beside), 0, "%s", row);
	check_found(row, &beside.there, has_routes);
	node_beside_waited(&beside);
	cr_expect_not(beside.waiting.is_running, "%s", row);
	cr_expect_eq(node_beside_hash(&beside), config_hash(&config), "%s", row);
	node_beside_drop(&beside);
	cr_expect(all_zero(&beside, sizeof(beside)), "%s: something is left", row);
	node_beside_drop(&beside);
	/* The digest alone, and nothing. */
	node_beside_begin(&beside, &config, undos, has_routes);
	cr_expect_eq(node_beside_hash(&beside), config_hash(&config), "%s", row);
	node_beside_drop(&beside);
	node_beside_begin(&beside, &config, undos, has_routes);
	node_beside_drop(&beside);
	cr_expect(all_zero(&beside, sizeof(beside)), "%s: something is left", row);
	cluster_free(&config);
}

/* What can't be looked at is told, and the digest is there all the same. */
static void check_error(const char *row)
{
	struct node_beside beside;
	struct config config;
	int err;

	cluster_parse(SERVICES, &config);
	node_beside_begin(&beside, &config, -1, true);
	err = node_beside_looked(&beside);
	cr_expect_eq(err, -EBADFD, "%s: %d", row, err);
	cr_expect_eq(beside.there.undos.count, 0, "%s", row);
	cr_expect_eq(node_beside_hash(&beside), config_hash(&config), "%s", row);
	node_beside_drop(&beside);
	cluster_free(&config);
}

Test(node_beside, by_a_thread)
{
	int undos = set_up();

	check_all("routes", undos, true);
	check_all("no routes", undos, false);
	check_error("by a thread");
	close(undos);
}

Test(node_beside, without_one)
{
	int undos = set_up();

	no_threads_from_now();
	check_all("routes, no thread", undos, true);
	check_all("no routes, no thread", undos, false);
	check_error("no thread");
	close(undos);
}

static volatile sig_atomic_t grace_periods;

static void count_grace_period(int number)
{
	grace_periods++;
}

/* From now on grace periods are counted, and take no time. */
static void count_grace_periods(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	signal(SIGSYS, count_grace_period);
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

/* One of an access node, none of others; over when node_beside_waited() returns. */
Test(node_beside, waits_for_packets)
{
	struct node_beside beside;
	struct config config;
	int undos = set_up();

	cluster_parse(SERVICES, &config);
	no_threads_from_now();
	count_grace_periods();
	for (int is_access = 0; is_access < 2; is_access++) {
		grace_periods = 0;
		node_beside_begin(&beside, &config, undos, is_access);
		node_beside_waited(&beside);
		cr_expect_eq(grace_periods, is_access, "%d grace periods", grace_periods);
		node_beside_drop(&beside);
		cr_expect_eq(grace_periods, is_access, "once more");
	}
	cluster_free(&config);
	close(undos);
}
