// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lists of clients as apply writes them: into a real trie, beside what is live, which stays whole until
 * the flags of its service change.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tables/access_sources.h"
#include "access_walk.h"

TestSuite(access_sources);

#define ONE_SERVICE  "web 192.0.2.1 80 tcp s 251: b1"
#define TWO_SERVICES "web 192.0.2.1 80 tcp s 251: b1; dns 192.0.2.2 53 udp s 251: b1"

static int make_trie(__u32 room)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "sources", sizeof(struct xdplb_source_key),
				sizeof(__u32), room, &options);

	cr_assert_geq(fd, 0);
	return fd;
}

/* The list of the service that comes first by name: 10.N.0.0/16 for each N. */
static void set_list(struct config_service *service, bool allowed, const char *numbers)
{
	static struct config_prefix lists[4][8];
	static int used;
	struct config_prefix *list = lists[used++ % 4];

	service->sources = list;
	service->source_count = strlen(numbers);
	service->sources_allowed = allowed;
	for (size_t i = 0; i < service->source_count; i++)
		list[i] = (struct config_prefix){
			.addr = { { htonl(0x0a000000 | (numbers[i] - '0') << 16) } },
			.family = XDPLB_IPV4,
			.length = 16,
		};
}

static void parse(const char *text, bool allowed, const char *numbers, struct config *ret)
{
	cluster_parse(text, ret);
	set_list(&ret->services[0], allowed, numbers);
}

static void release(struct config *config)
{
	config->services[0].sources = NULL;
	cluster_free(config);
}

static bool holds(const struct access_view *view, uint32_t service, int number)
{
	uint32_t flags = access_service(view, service)->flags, value;
	struct xdplb_source_key key = {
		.prefix_len = XDPLB_SOURCE_KEY_BITS + 32,
		.service = service,
		.version = !!(flags & XDPLB_SERVICE_SOURCES_B),
		.family = XDPLB_IPV4,
		.addr = { { htonl(0x0a000001 | number << 16) } },
	};

	return !bpf_map_lookup_elem(view->sources_fd, &key, &value);
}

static size_t count_keys(const struct access_view *view)
{
	struct xdplb_source_key key, *before = NULL;
	size_t n = 0;

	for (; !bpf_map_get_next_key(view->sources_fd, before, &key); n++)
		before = &key;
	return n;
}

/* The live list of service 0 is these numbers, of 0 to 9; and the map holds nothing else but `more`. */
static void expect_live(const char *when, const struct access_view *view, const char *numbers,
			size_t more)
{
	for (int i = 0; i < 10; i++)
		cr_expect_eq(holds(view, 0, i), strchr(numbers, '0' + i) != NULL, "%s: 10.%d/16",
			     when, i);
	cr_expect_eq(count_keys(view), strlen(numbers) + more, "%s: %zu keys", when,
		     count_keys(view));
}

static size_t apply(struct access_view *view, const char *text, bool allowed, const char *numbers)
{
	struct config config;
	struct applied applied;

	parse(text, allowed, numbers, &config);
	applied = access_apply(&config, view);
	cr_assert_eq(applied.err, 0, "%s", applied.error.text);
	release(&config);
	return applied.changes;
}

static uint32_t mode(const struct access_view *view)
{
	return access_service(view, 0)->flags & XDPLB_SERVICE_SOURCES;
}

Test(access_sources, changes)
{
	struct access_view view;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	view.sources_fd = make_trie(64);
	cr_expect_gt(apply(&view, ONE_SERVICE, true, "12"), 0);
	expect_live("new", &view, "12", 0);
	cr_expect_eq(mode(&view), XDPLB_SERVICE_SOURCES_ALLOWED);
	cr_expect_eq(apply(&view, ONE_SERVICE, true, "12"), 0, "applying twice changes");
	cr_expect_gt(apply(&view, ONE_SERVICE, true, "13"), 0);
	expect_live("another", &view, "13", 0);
	cr_expect_gt(apply(&view, ONE_SERVICE, false, "13"), 0);
	expect_live("the other way round", &view, "13", 0);
	cr_expect_eq(mode(&view), XDPLB_SERVICE_SOURCES_DENIED);
	cr_expect_gt(apply(&view, ONE_SERVICE, false, ""), 0);
	expect_live("none", &view, "", 0);
	cr_expect_eq(mode(&view), 0);
	cr_expect_eq(apply(&view, ONE_SERVICE, false, ""), 0, "applying twice changes");
	close(view.sources_fd);
	view.sources_fd = -1;
	access_memory_free(&view);
}

/* An index that is free again has no list. */
Test(access_sources, service_goes)
{
	struct access_view view;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	view.sources_fd = make_trie(64);
	apply(&view, ONE_SERVICE, true, "12");
	apply(&view, "other 192.0.2.9 80 tcp s 251: b1", true, "");
	cr_expect_eq(count_keys(&view), 0);
	close(view.sources_fd);
	view.sources_fd = -1;
	access_memory_free(&view);
}

/* An index is given to another service while what was there before is not cleared yet, with the very same list. */
Test(access_sources, service_replaced)
{
	static const char *const other = "other 192.0.2.9 80 tcp s 251: b1";
	struct access_view view;
	struct config config;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	view.sources_fd = make_trie(64);
	apply(&view, ONE_SERVICE, true, "12");
	cluster_parse("", &config);
	cr_assert_eq(access_apply_unswept(&config, &view).err, 0);
	cluster_free(&config);
	cr_expect_eq(count_keys(&view), 2, "cleared: nothing is tested");
	apply(&view, other, true, "12");
	expect_live("the same", &view, "12", 0);
	cr_expect_eq(mode(&view), XDPLB_SERVICE_SOURCES_ALLOWED);
	cr_expect_eq(apply(&view, other, true, "12"), 0, "applying twice changes");
	close(view.sources_fd);
	view.sources_fd = -1;
	access_memory_free(&view);
}

/* Prepared and not committed, then taken back, killed, or refused for want of room. */
Test(access_sources, live_list_stays_whole)
{
	struct access_view view;
	struct access_plan plan;
	struct config config;
	struct error error;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	view.sources_fd = make_trie(5);
	apply(&view, ONE_SERVICE, true, "12");
	parse(ONE_SERVICE, true, "134", &config);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0);
	cr_expect_eq(access_prepare_alone(&config, &plan, &view), 0);
	expect_live("prepared", &view, "12", 3);
	access_take_back(&plan, &view);
	expect_live("taken back", &view, "12", 0);
	cr_expect_eq(access_prepare_alone(&config, &plan, &view), 0);
	access_plan_free(&plan);
	release(&config);
	apply(&view, ONE_SERVICE, true, "15");
	expect_live("killed in between", &view, "15", 0);
	parse(ONE_SERVICE, true, "1346", &config);
	cr_assert_eq(access_plan_build(&config, &view, &plan, &error), 0);
	cr_expect_eq(access_prepare_alone(&config, &plan, &view), -ENOSPC);
	expect_live("no room", &view, "15", 0);
	access_plan_free(&plan);
	release(&config);
	close(view.sources_fd);
	view.sources_fd = -1;
	access_memory_free(&view);
}

/* Two services' lists are theirs alone. */
Test(access_sources, apart)
{
	struct access_view view;

	skip_grace_periods();
	access_memory(&usual_sizes, &view);
	view.sources_fd = make_trie(64);
	apply(&view, TWO_SERVICES, true, "12");
	cr_expect_eq(count_keys(&view), 2);
	for (uint32_t i = 0; i < 2; i++) {
		bool has_list = access_service(&view, i)->flags & XDPLB_SERVICE_SOURCES;

		cr_expect_eq(holds(&view, i, 1), has_list);
		cr_expect_eq(has_list, !strcmp(access_service_info(&view, i)->name, "dns"));
	}
	close(view.sources_fd);
	view.sources_fd = -1;
	access_memory_free(&view);
}

/* An lb_xdp of before, which has no such map, gets no service that it would serve to all. */
Test(access_sources, old_program)
{
	struct access_view view;
	struct access_plan plan;
	struct config config;
	struct error error;

	access_memory(&usual_sizes, &view);
	parse(ONE_SERVICE, true, "1", &config);
	cr_expect_eq(access_plan_build(&config, &view, &plan, &error), -ENOENT);
	cr_expect(strstr(error.text, "service web: the running lb_xdp knows no lists"), "%s",
		  error.text);
	release(&config);
	access_memory_free(&view);
}
