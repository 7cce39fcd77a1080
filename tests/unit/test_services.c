// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which services are up, as the agent finds it in the maps of an access node: here arrays in plain memory.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "plan_world.h"
#include "services.h"

TestSuite(services);

#define NOW      1000000ULL
#define TOLD_MAX 1024

/* What the callback was told, a line each: "NAME up USABLE". */
struct world {
	struct access_view view;
	struct services *services;
	char told[TOLD_MAX];
};

static void on_change(void *context, const struct xdplb_service_info *info, bool is_up,
		      unsigned int usable)
{
	struct world *world = context;
	size_t length = strlen(world->told);

	snprintf(world->told + length, TOLD_MAX - length, "%s %s %u\n", info->name,
		 is_up ? "up" : "down", usable);
}

static void put_service(struct world *world, uint32_t index, const char *name, uint16_t port)
{
	struct xdplb_service_info *info = access_service_info(&world->view, index);

	*info = (struct xdplb_service_info){ .port = htons(port),
					     .proto = IPPROTO_TCP,
					     .family = XDPLB_IPV4 };
	strcpy(info->name, name);
	access_service(&world->view, index)->buckets.count = 7;
}

/* A confirmed member of weight 1 whose health is entry `target`. */
static void put_member(struct world *world, uint32_t index, uint32_t service, uint32_t target)
{
	struct xdplb_member_info *info = access_member_info(&world->view, index);

	*access_member(&world->view, index) = (struct xdplb_member){
		.flags = XDPLB_MEMBER_CONFIRMED, .health = target, .service = service, .weight = 1
	};
	info->in_use = 1;
	info->service = service;
	info->weight = 1;
}

static void weigh(struct world *world, uint32_t index, uint16_t weight)
{
	access_member(&world->view, index)->weight = weight;
	access_member_info(&world->view, index)->weight = weight;
}

static struct xdplb_health *target(struct world *world, uint32_t index)
{
	return map_at(&world->view.health, index);
}

static void set_state(struct world *world, uint32_t index, enum xdplb_health_state state)
{
	target(world, index)->state = state;
}

/* Two services, a and b, of two members each; targets are as members. */
static void open_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	access_memory(&usual_sizes, &world->view);
	put_service(world, 2, "a", 80);
	put_service(world, 4, "b", 81);
	for (uint32_t i = 0; i < 4; i++)
		put_member(world, i, i < 2 ? 2 : 4, i);
	cr_assert_eq(services_new(on_change, world, &world->services), 0);
}

static void close_world(struct world *world)
{
	services_free(world->services);
	access_memory_free(&world->view);
}

/* Looks, and expects that this was told. */
static void expect_told(const char *row, struct world *world, uint64_t now, bool is_new,
			const char *told)
{
	world->told[0] = '\0';
	services_scan(world->services, &world->view, now, is_new);
	cr_expect_str_eq(world->told, told, "%s: told\n%snot\n%s", row, world->told, told);
}

static void expect_count(struct world *world, size_t up, size_t all)
{
	size_t is_up, there;

	services_count(world->services, &is_up, &there);
	cr_expect_eq(is_up, up, "%zu are up", is_up);
	cr_expect_eq(there, all, "%zu are there", there);
}

Test(services, up_and_down)
{
	struct world world;

	open_world(&world);
	expect_told("all up at the start: no news", &world, NOW, true, "");
	expect_count(&world, 2, 2);
	set_state(&world, 0, XDPLB_HEALTH_DOWN);
	expect_told("one of two", &world, NOW, false, "");
	set_state(&world, 1, XDPLB_HEALTH_MAINTENANCE);
	expect_told("both", &world, NOW, false, "a down 0\n");
	expect_told("still", &world, NOW, false, "");
	expect_count(&world, 1, 2);
	set_state(&world, 1, XDPLB_HEALTH_DRAINING);
	set_state(&world, 2, XDPLB_HEALTH_DOWN);
	set_state(&world, 3, XDPLB_HEALTH_DOWN);
	expect_told("one up, one down", &world, NOW, false, "a up 1\nb down 0\n");
	for (uint32_t i = 0; i < 4; i++)
		set_state(&world, i, XDPLB_HEALTH_UP);
	expect_told("all", &world, NOW, false, "b up 2\n");
	close_world(&world);
}

/* What is down at the start is told, what is up is not. */
Test(services, down_at_the_start)
{
	struct world world;

	open_world(&world);
	set_state(&world, 2, XDPLB_HEALTH_DOWN);
	set_state(&world, 3, XDPLB_HEALTH_DOWN);
	expect_told("start", &world, NOW, true, "b down 0\n");
	expect_count(&world, 1, 2);
	close_world(&world);
}

/* Leases run out without anybody's writing, and a service may take that as down. */
Test(services, leases_that_run_out)
{
	struct world world;

	open_world(&world);
	access_service(&world.view, 4)->flags = XDPLB_SERVICE_UNKNOWN_IS_DOWN;
	for (uint32_t i = 0; i < 4; i++)
		*target(&world, i) = (struct xdplb_health){ .state = XDPLB_HEALTH_UP,
							    .lease = NOW + 10,
							    .reported = XDPLB_HEALTH_UP };
	expect_told("leases ahead", &world, NOW + 9, true, "");
	expect_told("over: keep, and down", &world, NOW + 10, false, "b down 0\n");
	target(&world, 2)->lease = NOW + 20;
	expect_told("renewed", &world, NOW + 10, false, "b up 1\n");
	target(&world, 0)->reported = XDPLB_HEALTH_DOWN;
	target(&world, 1)->reported = XDPLB_HEALTH_DOWN;
	expect_told("the last verdicts are down", &world, NOW + 11, false, "a down 0\n");
	close_world(&world);
}

/* Up is what has a member that lb_xdp would use. */
Test(services, members_that_are_used)
{
	struct world world;

	open_world(&world);
	access_member(&world.view, 0)->flags = 0;
	access_member(&world.view, 1)->flags = 0;
	expect_told("none is confirmed", &world, NOW, true, "a down 0\n");
	access_member(&world.view, 1)->flags = XDPLB_MEMBER_CONFIRMED;
	expect_told("one is", &world, NOW, false, "a up 1\n");
	access_member(&world.view, 1)->health = (uint32_t)world.view.health.count;
	expect_told("its health is nowhere", &world, NOW, false, "a down 0\n");
	/* No flow goes to weight 0 while there is another; the last resort is one. */
	weigh(&world, 3, 0);
	expect_told("weight 0 beside another", &world, NOW, false, "");
	set_state(&world, 2, XDPLB_HEALTH_DOWN);
	expect_told("weight 0 alone", &world, NOW, false, "");
	set_state(&world, 3, XDPLB_HEALTH_DOWN);
	expect_told("not even that", &world, NOW, false, "b down 0\n");
	set_state(&world, 3, XDPLB_HEALTH_UP);
	expect_told("that again", &world, NOW, false, "b up 1\n");
	close_world(&world);
}

/* A service is what it is on the wire: it may be renamed and moved, and that is no news. */
Test(services, an_apply)
{
	struct world world;

	open_world(&world);
	set_state(&world, 0, XDPLB_HEALTH_DOWN);
	set_state(&world, 1, XDPLB_HEALTH_DOWN);
	expect_told("start", &world, NOW, true, "a down 0\n");
	strcpy(access_service_info(&world.view, 2)->name, "renamed");
	expect_told("renamed", &world, NOW, true, "");
	/* a moves to index 6. */
	put_service(&world, 6, "renamed", 80);
	memset(access_service_info(&world.view, 2), 0, sizeof(struct xdplb_service_info));
	put_member(&world, 0, 6, 0);
	put_member(&world, 1, 6, 1);
	expect_told("moved", &world, NOW, true, "");
	set_state(&world, 1, XDPLB_HEALTH_UP);
	expect_told("up under its new name", &world, NOW, false, "renamed up 1\n");
	/* Another port in b's place is another service, which is down from its start. */
	put_service(&world, 4, "b", 82);
	set_state(&world, 2, XDPLB_HEALTH_DOWN);
	set_state(&world, 3, XDPLB_HEALTH_DOWN);
	expect_told("another service", &world, NOW, true, "b down 0\n");
	memset(access_service_info(&world.view, 4), 0, sizeof(struct xdplb_service_info));
	access_member_info(&world.view, 2)->in_use = 0;
	access_member_info(&world.view, 3)->in_use = 0;
	expect_told("gone", &world, NOW, true, "");
	expect_count(&world, 1, 1);
	put_service(&world, 4, "b", 82);
	put_member(&world, 2, 4, 2);
	expect_told("back, and still down", &world, NOW, true, "b down 0\n");
	close_world(&world);
}
