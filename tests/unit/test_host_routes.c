// SPDX-License-Identifier: BSD-2-Clause
/*
 * Unreachable routes of an access node: made, kept, taken back, and never somebody else's. Each test in
 * a network namespace of its own.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "host/host.h"
#include "net_lab.h"
#include "host/undo.h"
#include "xdplb/infos.h"

static const char *const vips[] = { "192.0.2.10", "2001:db8::10" };

struct bench {
	int undos;
	struct host_wanted wanted;
	struct host_address route;
	struct notes notes;
	struct error error;
};

static void set_up(struct bench *bench, const char *vip)
{
	memset(bench, 0, sizeof(*bench));
	net_lab_enter();
	net_lab_run("ip link set lo up && ip link add v0 type veth peer name v1 && "
		    "ip addr add 10.0.0.1/24 dev v0 && ip addr add fd00::1/64 dev v0 nodad && "
		    "ip link set v0 up && ip link set v1 up");
	bench->undos = bpf_map_create(BPF_MAP_TYPE_HASH, "undos", sizeof(struct xdplb_undo_key),
				      sizeof(struct xdplb_undo), 16, NULL);
	if (bench->undos < 0)
		cr_skip_test("needs CAP_BPF: %s", strerror(errno));
	cr_assert_eq(address_parse(vip, &bench->route.addr, &bench->route.family), 0, "%s", vip);
	bench->wanted.routes = &bench->route;
	bench->wanted.route_count = 1;
}

static void tear_down(struct bench *bench)
{
	notes_free(&bench->notes);
	close(bench->undos);
}

static int prepare(struct bench *bench)
{
	return host_prepare(&bench->wanted, bench->undos, 1, &bench->notes, &bench->error);
}

static size_t count_records(const struct bench *bench)
{
	struct undo_record *records;
	size_t count;

	cr_assert_eq(undo_list(bench->undos, UNDO_ROUTE, &records, &count), 0);
	free(records);
	return count;
}

static bool is_blocked(const char *vip)
{
	return !net_lab_ask("ip %s route show type unreachable proto 188 | grep -q ' %s '",
			    strchr(vip, ':') ? "-6" : "-4", vip);
}

Test(host_routes, made_twice_and_taken_back)
{
	for (size_t i = 0; i < 2; i++) {
		struct bench bench;

		set_up(&bench, vips[i]);
		cr_expect_eq(prepare(&bench), 0, "%s: %s", vips[i], bench.error.text);
		cr_expect(is_blocked(vips[i]), "%s: no route", vips[i]);
		cr_expect_eq(prepare(&bench), 0, "%s twice: %s", vips[i], bench.error.text);
		cr_expect_eq(count_records(&bench), 1, "%s", vips[i]);
		cr_expect_eq(host_finish(&bench.wanted, bench.undos, &bench.notes), 0);
		cr_expect(is_blocked(vips[i]), "%s: wanted, removed", vips[i]);
		bench.wanted.route_count = 0;
		cr_expect_eq(host_finish(&bench.wanted, bench.undos, &bench.notes), 0);
		cr_expect_not(is_blocked(vips[i]), "%s: left", vips[i]);
		cr_expect_eq(count_records(&bench), 0, "%s", vips[i]);
		tear_down(&bench);
	}
}

/* A record of a route does not stand for the route: what somebody has removed is made again. */
Test(host_routes, removed_by_hand)
{
	for (size_t i = 0; i < 2; i++) {
		struct bench bench;

		set_up(&bench, vips[i]);
		cr_expect_eq(prepare(&bench), 0, "%s: %s", vips[i], bench.error.text);
		net_lab_run("ip %s route del unreachable %s", i ? "-6" : "-4", vips[i]);
		cr_expect_eq(prepare(&bench), 0, "%s again: %s", vips[i], bench.error.text);
		cr_expect(is_blocked(vips[i]), "%s: no route", vips[i]);
		tear_down(&bench);
	}
}

/* A route that somebody else has made for the very address stays, and is not recorded. */
Test(host_routes, foreign_route_is_left_alone)
{
	for (size_t i = 0; i < 2; i++) {
		const char *family = i ? "-6" : "-4";
		struct bench bench;

		set_up(&bench, vips[i]);
		net_lab_run("ip %s route add %s dev v0%s", family, vips[i],
			    i ? " metric 1024" : "");
		cr_expect_eq(prepare(&bench), 0, "%s: %s", vips[i], bench.error.text);
		cr_expect_eq(host_undo_all(bench.undos, &bench.notes), 0, "%s", vips[i]);
		cr_expect_eq(count_records(&bench), 0, "%s: recorded", vips[i]);
		cr_expect_eq(net_lab_ask("ip %s route show %s | grep -q 'dev v0'", family, vips[i]),
			     0, "%s: removed", vips[i]);
		tear_down(&bench);
	}
}

/* What fails later takes the route back. */
Test(host_routes, rolled_back)
{
	struct host_address routes[2];
	struct bench bench;

	set_up(&bench, vips[0]);
	routes[0] = bench.route;
	routes[1] = bench.route;
	strcpy(routes[1].netns, "/run/netns/none");
	bench.wanted.routes = routes;
	bench.wanted.route_count = 2;
	cr_expect_eq(prepare(&bench), -ENONET);
	cr_expect_not(is_blocked(vips[0]), "left");
	cr_expect_eq(count_records(&bench), 0);
	tear_down(&bench);
}

/* One that is gone already is no error. */
Test(host_routes, gone_already)
{
	struct bench bench;

	set_up(&bench, vips[0]);
	cr_expect_eq(prepare(&bench), 0, "%s", bench.error.text);
	net_lab_run("ip route del unreachable %s", vips[0]);
	cr_expect_eq(host_undo_all(bench.undos, &bench.notes), 0);
	cr_expect_eq(count_records(&bench), 0);
	tear_down(&bench);
}
