// SPDX-License-Identifier: BSD-2-Clause
/*
 * The program that is run when services go up and down: when, how often, with what, and how it ends.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hook.h"
#include "packet.h"

TestSuite(hook);

#define DEADLINE_S 20
#define TEXT_MAX   8192

/* A hook, and a folder that its program works in. */
struct world {
	struct ev_loop *loop;
	struct hook *hook;
	struct config_hook config;
	char *argv[4];
	char folder[64];
	ev_timer poll;
	double deadline;
	const char *file; /* awaited: so many lines in it */
	int lines;
};

static const struct config_hook *which(void *context)
{
	return &((struct world *)context)->config;
}

/* What stands in a file of the folder; "" while there is none. Valid until the next call. */
static const char *read_file(const struct world *world, const char *name)
{
	static char text[TEXT_MAX];
	char path[128];
	FILE *file;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "r");
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	return text;
}

static void touch(const struct world *world, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
}

static int count_lines(const char *text)
{
	int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct world *world = timer->data;

	cr_assert_lt(ev_now(loop), world->deadline, "%s: %d lines are awaited, it has\n%s",
		     world->file, world->lines, read_file(world, world->file));
	if (count_lines(read_file(world, world->file)) >= world->lines)
		ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop until a file has so many lines. */
static const char *await_lines(struct world *world, const char *file, int lines)
{
	world->file = file;
	world->lines = lines;
	ev_now_update(world->loop);
	world->deadline = ev_now(world->loop) + DEADLINE_S;
	ev_timer_again(world->loop, &world->poll);
	ev_run(world->loop, 0);
	ev_timer_stop(world->loop, &world->poll);
	return read_file(world, file);
}

/* The program is @script, run by the shell in the folder; what the agent logs goes to the file `log`. */
static void open_world(struct world *world, const char *script)
{
	char path[128];

	*world = (struct world){ .config.timeout_ms = 10000 };
	strcpy(world->folder, "/tmp/xdplb-hook-XXXXXX");
	cr_assert(mkdtemp(world->folder));
	cr_assert_eq(chdir(world->folder), 0);
	world->argv[0] = (char *)"/bin/sh";
	world->argv[1] = (char *)"-c";
	world->argv[2] = (char *)script;
	world->config.argv = world->argv;
	world->loop = ev_loop_new(0);
	ev_timer_init(&world->poll, on_poll, 0, 0.005);
	world->poll.data = world;
	snprintf(path, sizeof(path), "%s/log", world->folder);
	cr_assert_geq(dup2(open(path, O_CREAT | O_WRONLY | O_APPEND, 0600), 2), 0);
	cr_assert_eq(hook_new(world->loop, "lb1", "on_service", which, world, &world->hook), 0);
}

static void close_world(struct world *world)
{
	char command[128];

	hook_free(world->hook);
	ev_loop_destroy(world->loop);
	snprintf(command, sizeof(command), "rm -r %s", world->folder);
	cr_assert_eq(system(command), 0);
}

static struct xdplb_service_info service(const char *name, const char *vip, uint16_t port,
					 __u8 proto)
{
	struct xdplb_service_info info = { .vip = packet_addr(vip),
					   .port = htons(port),
					   .proto = proto,
					   .family = strchr(vip, ':') ? XDPLB_IPV6 : XDPLB_IPV4 };

	strcpy(info.name, name);
	return info;
}

/* Service `name` at a VIP of its own. */
static void tell(struct world *world, char name, bool is_up, unsigned int usable)
{
	char text[] = { name, '\0' }, vip[32];
	struct xdplb_service_info info;

	snprintf(vip, sizeof(vip), "192.0.2.%d", name);
	info = service(text, vip, 80, IPPROTO_TCP);
	hook_tell(world->hook, &info, is_up, usable);
}

/* Does any process still have the file `lock` locked? */
static bool is_locked(const struct world *world)
{
	char path[128];
	bool locked;
	int fd;

	snprintf(path, sizeof(path), "%s/lock", world->folder);
	fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return locked;
}

/* A shared lock that children inherit: held until the last of them has ended. */
#define LOCK "exec 9>lock; flock -s 9; "

/* ---- with what ---- */

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

Test(hook, environment)
{
	static const char *const v4[] = { "XDPLB_SERVICE=web",  "XDPLB_VIP=192.0.2.10:80",
					  "XDPLB_PROTOCOL=tcp", "XDPLB_STATE=down",
					  "XDPLB_USABLE=0",     "XDPLB_NODE=lb1" };
	static const char *const v6[] = { "XDPLB_SERVICE=dns",  "XDPLB_VIP=[2001:db8::1]:53",
					  "XDPLB_PROTOCOL=udp", "XDPLB_STATE=up",
					  "XDPLB_USABLE=17",    "XDPLB_NODE=lb1" };
	struct xdplb_service_info web = service("web", "192.0.2.10", 80, IPPROTO_TCP);
	struct xdplb_service_info dns = service("dns", "2001:db8::1", 53, IPPROTO_UDP);
	struct world world;
	const char *text;

	setenv("SECRET", "of the agent", 1);
	open_world(&world, "env >env.$XDPLB_SERVICE; echo >>done");
	hook_tell(world.hook, &web, false, 0);
	hook_tell(world.hook, &dns, true, 17);
	await_lines(&world, "done", 2);
	text = read_file(&world, "env.web");
	for (int i = 0; i < 6; i++)
		cr_expect(has_line(text, v4[i]), "%s is not in\n%s", v4[i], text);
	cr_expect(strstr(text, "PATH=/"), "%s", text);
	cr_expect(!strstr(text, "SECRET"), "%s", text);
	text = read_file(&world, "env.dns");
	for (int i = 0; i < 6; i++)
		cr_expect(has_line(text, v6[i]), "%s is not in\n%s", v6[i], text);
	close_world(&world);
}

/* As a process: /dev/null thrice, no signal blocked or ignored, the first of its PID namespace. */
Test(hook, process)
{
	struct world world;
	const char *text;
	sigset_t all;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	open_world(&world, "exec 8>&1 9>&2; (echo pid $$; cd /proc/self/fd; readlink 0 8 9;"
			   " grep -E 'SigBlk|SigIgn' ../status) >out; echo >done");
	tell(&world, 'a', true, 1);
	await_lines(&world, "done", 1);
	text = read_file(&world, "out");
	cr_expect(has_line(text, "pid 1"), "%s", text);
	cr_expect(strstr(text, "/dev/null\n/dev/null\n/dev/null\n"), "%s", text);
	cr_expect(has_line(text, "SigBlk:\t0000000000000000"), "%s", text);
	cr_expect(has_line(text, "SigIgn:\t0000000000000000"), "%s", text);
	close_world(&world);
}

/* ---- when and how often ---- */

#define NOTE "echo $XDPLB_SERVICE $XDPLB_STATE $XDPLB_USABLE >>out; "
#define WAIT "while [ ! -e go ]; do sleep 0.01; done; "

/* One at a time; of what comes meanwhile the newest of each service, whose turn stays. */
Test(hook, newest_state_of_each_service)
{
	struct world world;

	open_world(&world, NOTE WAIT);
	tell(&world, 'a', true, 1);
	await_lines(&world, "out", 1);
	tell(&world, 'b', false, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		tell(&world, 'c', i % 2, i);
		tell(&world, 'a', i % 2 == 0, i);
	}
	tell(&world, 'b', true, 5);
	cr_expect_str_eq(read_file(&world, "out"), "a up 1\n", "another one ran beside it");
	touch(&world, "go");
	cr_expect_str_eq(await_lines(&world, "out", 4), "a up 1\nb up 5\nc up 999\na down 999\n");
	/* None is left. */
	tell(&world, 'd', true, 2);
	cr_expect_str_eq(await_lines(&world, "out", 5),
			 "a up 1\nb up 5\nc up 999\na down 999\nd up 2\n");
	close_world(&world);
}

/* Services are told apart by VIP, port and protocol, not by their names. */
Test(hook, same_name_other_service)
{
	struct xdplb_service_info all[] = { service("s", "192.0.2.1", 80, IPPROTO_TCP),
					    service("s", "192.0.2.1", 80, IPPROTO_UDP),
					    service("s", "192.0.2.1", 81, IPPROTO_TCP),
					    service("s", "192.0.2.2", 80, IPPROTO_TCP),
					    service("s", "2001:db8::1", 80, IPPROTO_TCP) };
	struct world world;

	open_world(&world, "echo $XDPLB_VIP $XDPLB_PROTOCOL $XDPLB_STATE >>out; " WAIT);
	tell(&world, 'a', true, 1);
	await_lines(&world, "out", 1);
	for (size_t i = 0; i < 2 * sizeof(all) / sizeof(all[0]); i++)
		hook_tell(world.hook, &all[i / 2], i % 2, 1);
	touch(&world, "go");
	cr_expect_str_eq(await_lines(&world, "out", 6), "192.0.2.97:80 tcp up\n"
							"192.0.2.1:80 tcp up\n"
							"192.0.2.1:80 udp up\n"
							"192.0.2.1:81 tcp up\n"
							"192.0.2.2:80 tcp up\n"
							"[2001:db8::1]:80 tcp up\n");
	close_world(&world);
}

/* What is to be run is asked when it is. */
Test(hook, program_that_changes)
{
	struct world world;

	open_world(&world, "echo first >>out; " WAIT);
	tell(&world, 'a', true, 1);
	await_lines(&world, "out", 1);
	tell(&world, 'b', true, 1);
	world.argv[2] = (char *)"echo second >>out";
	touch(&world, "go");
	cr_expect_str_eq(await_lines(&world, "out", 2), "first\nsecond\n");
	/* None: then nothing is kept for one that comes later. */
	world.config.argv = NULL;
	tell(&world, 'c', true, 1);
	world.config.argv = world.argv;
	tell(&world, 'd', true, 1);
	cr_expect_str_eq(await_lines(&world, "out", 3), "first\nsecond\nsecond\n");
	close_world(&world);
}

/* ---- how it ends ---- */

static const char daemons[] = LOCK "sleep 1000 & setsid sleep 1000 & (setsid sleep 1000 &) ;"
				   "setsid sh -c 'trap \"\" TERM HUP; sleep 1000' & "
				   "echo $XDPLB_SERVICE >>out; ";

/* The time is over: it and all of its children are killed, and the next one comes. */
Test(hook, killed_with_its_children)
{
	struct world world;
	char script[512];

	snprintf(script, sizeof(script), "%s wait", daemons);
	open_world(&world, script);
	world.config.timeout_ms = 300;
	tell(&world, 'a', true, 1);
	await_lines(&world, "out", 1);
	cr_expect(is_locked(&world));
	world.argv[2] = (char *)"echo next >>out";
	tell(&world, 'b', true, 1);
	cr_expect_str_eq(await_lines(&world, "out", 2), "a\nnext\n");
	cr_expect(!is_locked(&world), "children live on");
	cr_expect(strstr(read_file(&world, "log"), "on_service, for a: killed, its time is over"),
		  "%s", read_file(&world, "log"));
	close_world(&world);
}

/* Its own end is that of its children too. */
Test(hook, leaves_no_children)
{
	struct world world;

	open_world(&world, daemons);
	tell(&world, 'a', true, 1);
	tell(&world, 'b', true, 1);
	cr_expect_str_eq(await_lines(&world, "out", 2), "a\nb\n");
	world.argv[2] = (char *)"echo >>done";
	tell(&world, 'c', true, 1);
	await_lines(&world, "done", 1);
	cr_expect(!is_locked(&world), "children live on");
	cr_expect_str_eq(read_file(&world, "log"), "");
	close_world(&world);
}

Test(hook, freed_while_one_runs)
{
	struct world world;
	char script[512];

	snprintf(script, sizeof(script), "%s wait", daemons);
	open_world(&world, script);
	tell(&world, 'a', true, 1);
	tell(&world, 'b', true, 1);
	await_lines(&world, "out", 1);
	hook_free(world.hook);
	world.hook = NULL;
	cr_expect(!is_locked(&world), "it lives on");
	ev_run(world.loop, EVRUN_NOWAIT);
	cr_expect_str_eq(read_file(&world, "out"), "a\n");
	close_world(&world);
}

/* What goes wrong is logged, and the next one comes. */
Test(hook, failures)
{
	struct world world;
	const char *log;

	open_world(&world, "echo $XDPLB_SERVICE >>out; exit 3");
	tell(&world, 'a', true, 1);
	tell(&world, 'b', true, 1);
	await_lines(&world, "out", 2);
	log = await_lines(&world, "log", 2);
	cr_expect(strstr(log, "on_service, for a: exit status 3"), "%s", log);
	cr_expect(strstr(log, "on_service, for b: exit status 3"), "%s", log);
	world.argv[0] = (char *)"/nowhere/program";
	tell(&world, 'c', true, 1);
	log = await_lines(&world, "log", 3);
	cr_expect(strstr(log, "on_service, for c: cannot be run"), "%s", log);
	world.argv[0] = (char *)"/bin/sh";
	world.argv[2] = (char *)"echo well >>out";
	tell(&world, 'd', true, 1);
	cr_expect_str_eq(await_lines(&world, "out", 3), "a\nb\nwell\n");
	close_world(&world);
}
