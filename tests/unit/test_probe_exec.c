// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec probes: programs that behave, and programs that do not.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "health/health.h"
#include "net_lab.h"
#include "probe_lab.h"

static struct probe_spec shell_spec(char **argv, const char *script)
{
	struct probe_spec spec = probe_lab_spec(PROBE_EXEC, "192.0.2.7", 8080);

	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)"-c";
	argv[2] = (char *)script;
	argv[3] = NULL;
	spec.exec.argv = argv;
	return spec;
}

struct row {
	const char *script;
	uint32_t timeout_ms;
	uint64_t output_max;
	enum xdplb_health_cause cause;
	int number;
	const char *detail;
};

static const struct row rows[] = {
	{ "exit 0", 2000, 0, XDPLB_CAUSE_OK, 0, "" },
	{ "echo all is well; echo or not", 2000, 0, XDPLB_CAUSE_OK, 0, "all is well" },
	{ "printf 'no newline'", 2000, 0, XDPLB_CAUSE_OK, 0, "no newline" },
	{ "echo disk is full; exit 3", 2000, 0, XDPLB_CAUSE_EXIT_STATUS, 3,
	  "exit status 3: disk is full" },
	{ "kill -SEGV $$", 2000, 0, XDPLB_CAUSE_KILLED, 11, "signal 11" },
	{ "sleep 60", 100, 0, XDPLB_CAUSE_TIMEOUT, 0, "still runs, after 100 ms" },
	{ "trap '' TERM HUP INT; sleep 60", 100, 0, XDPLB_CAUSE_TIMEOUT, 0, "still runs" },
	{ "echo many; head -c 20000000 /dev/zero; exit 0", 5000, 0, XDPLB_CAUSE_OK, 0, "many" },
	{ "head -c 20000000 /dev/zero; exit 4", 5000, 0, XDPLB_CAUSE_EXIT_STATUS, 4, "4" },
	{ "echo many; yes", 300, 0, XDPLB_CAUSE_TIMEOUT, 0, "still runs" },
	{ "echo many; yes", 2000, 100000, XDPLB_CAUSE_OUTPUT, 0, "more than 100000 bytes: many" },
	{ "printf '\\033[31mred\\n'", 2000, 0, XDPLB_CAUSE_OK, 0, ".[31mred" },
	{ "head -c 500 /dev/zero | tr '\\0' a", 2000, 0, XDPLB_CAUSE_OK, 0, "aaaaaaaa" },
	{ "exec >&-; exit 0", 2000, 0, XDPLB_CAUSE_OK, 0, "" },
	{ "sleep 60 & echo left one; exit 0", 2000, 0, XDPLB_CAUSE_OK, 0, "left one" },
	{ "cat; echo end of input", 2000, 0, XDPLB_CAUSE_OK, 0, "end of input" },
	{ "echo $XDPLB_ADDRESS $XDPLB_PORT $SECRET", 2000, 0, XDPLB_CAUSE_OK, 0, "192.0.2.7 8080" },
	{ "yes | head -1; exit 0", 2000, 0, XDPLB_CAUSE_OK, 0, "y" },
	/* What it has, and has not. */
	{ "id -u", 2000, 0, XDPLB_CAUSE_OK, 0, "65534" },
	{ "id -G", 2000, 0, XDPLB_CAUSE_OK, 0, "65534" },
	{ "grep -c '^Cap...:.0000000000000000$' /proc/self/status", 2000, 0, XDPLB_CAUSE_OK, 0,
	  "5" },
	{ "grep NoNewPrivs /proc/self/status", 2000, 0, XDPLB_CAUSE_OK, 0, "1" },
	{ "grep SigIgn /proc/self/status", 2000, 0, XDPLB_CAUSE_OK, 0, "0000000000000000" },
	{ "grep SigBlk /proc/self/status", 2000, 0, XDPLB_CAUSE_OK, 0, "0000000000000000" },
	/* Three, and the directory itself. */
	{ "ls /proc/self/fd | wc -l", 2000, 0, XDPLB_CAUSE_OK, 0, "4" },
	{ "ulimit -n; ulimit -c", 2000, 0, XDPLB_CAUSE_OK, 0, "256" },
	{ "pwd", 2000, 0, XDPLB_CAUSE_OK, 0, "/" },
	/* Its parent is the runner, which holds the agent's memory. */
	{ "while read k v; do [ $k = PPid: ] && p=$v; done </proc/self/status; "
	  "kill -9 1; cat /proc/$p/environ 2>&1",
	  2000, 0, XDPLB_CAUSE_EXIT_STATUS, 1, "/environ: Permission denied" },
};

Test(probe_exec, rows)
{
	struct probe_result result;
	struct probe_lab lab;

	setenv("SECRET", "secret", 1);
	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		char *argv[4];
		struct probe_spec spec = shell_spec(argv, row->script);

		spec.timeout_ms = row->timeout_ms;
		spec.exec.output_max = row->output_max;
		probe_lab_ask(&lab, &spec, &result);
		cr_expect_eq(result.cause, row->cause, "%s: %s \"%s\"", row->script,
			     health_cause_name(result.cause), result.detail);
		cr_expect_eq(result.number, row->number, "%s: %d", row->script, result.number);
		cr_expect_not_null(strstr(result.detail, row->detail), "%s: \"%s\"", row->script,
				   result.detail);
		cr_expect_null(strstr(result.detail, "secret"), "%s", row->script);
	}
	probe_lab_leave(&lab);
}

Test(probe_exec, programs_that_cannot_run)
{
	static const struct {
		const char *path, *detail;
	} paths[] = {
		{ "/nonexistent/check", "/nonexistent/check: No such file or directory" },
		{ "/etc/passwd", "/etc/passwd: Permission denied" },
		{ "/tmp", "Permission denied" },
	};
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *argv[] = { (char *)paths[i].path, NULL };
		struct probe_spec spec = shell_spec((char *[4]){ 0 }, "");

		spec.exec.argv = argv;
		probe_lab_expect(&lab, &spec, paths[i].path, XDPLB_CAUSE_CANNOT_RUN,
				 paths[i].detail);
	}
	probe_lab_leave(&lab);
}

Test(probe_exec, user_of_choice)
{
	struct probe_spec spec;
	struct probe_lab lab;
	char *argv[4];

	probe_lab_enter(&lab);
	spec = shell_spec(argv, "echo $(id -u) $(id -g) $(id -G)");
	spec.exec.uid = 33;
	spec.exec.gid = 34;
	probe_lab_expect(&lab, &spec, "user", XDPLB_CAUSE_OK, "33 34 34");
	probe_lab_leave(&lab);
}

Test(probe_exec, network_namespace)
{
	struct probe_spec spec;
	struct probe_lab lab;
	char *argv[4];

	probe_lab_enter(&lab);
	net_lab_run("ip -n other address add 192.0.2.1/32 dev lo");
	spec = shell_spec(argv, "ip -o address show dev lo | grep -o 192.0.2.1; exit 0");
	probe_lab_expect(&lab, &spec, "here", XDPLB_CAUSE_OK, "");
	spec.netns = "/run/netns/other";
	probe_lab_expect(&lab, &spec, "there", XDPLB_CAUSE_OK, "192.0.2.1");
	spec.netns = "/run/netns/gone";
	probe_lab_expect(&lab, &spec, "gone", XDPLB_CAUSE_NO_NETNS, "/run/netns/gone");
	probe_lab_leave(&lab);
}

/* Sleepers are known by their time, which no other test uses. */
static int wait_until_gone(const char *seconds)
{
	return net_lab_ask("for i in $(seq 100); do pgrep -f '^sleep %s' >/dev/null || exit 0; "
			   "sleep 0.02; done; exit 1",
			   seconds);
}

/* Descendants in sessions of their own, whose parents have gone, die with the probe. */
Test(probe_exec, children_die)
{
	static const char *const scripts[] = {
		"sleep 73551 & sleep 73551",
		"setsid sleep 73551 & sleep 73551",
		"setsid sh -c 'setsid sleep 73551 & exit' & sleep 73551",
		"(trap '' TERM HUP; setsid nohup sleep 73551 >/dev/null 2>&1 &) ; sleep 73551",
	};
	struct probe_lab lab;

	probe_lab_enter(&lab);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		char *argv[4];
		struct probe_spec spec = shell_spec(argv, scripts[i]);

		spec.timeout_ms = 150;
		probe_lab_expect(&lab, &spec, scripts[i], XDPLB_CAUSE_TIMEOUT, NULL);
		cr_expect_eq(wait_until_gone("73551"), 0, "%s: sleepers live on", scripts[i]);
		/* Those that are left when the program ends by itself, too. */
		spec = shell_spec(argv, "setsid sleep 73551 & exit 0");
		probe_lab_expect(&lab, &spec, "leaves a child", XDPLB_CAUSE_OK, NULL);
		cr_expect_eq(wait_until_gone("73551"), 0, "a left child lives on");
	}
	probe_lab_leave(&lab);
}

static void ignore(void *data, const struct probe_result *result)
{
}

/* Killed without warning, the agent takes the programs with it. */
Test(probe_exec, programs_die_with_the_agent)
{
	struct probe_spec spec;
	struct probe_lab lab;
	char *argv[4];
	pid_t pid;

	probe_lab_enter(&lab);
	spec = shell_spec(argv, "setsid sleep 73552 & sleep 73552");
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		probe_start(lab.engine, &spec, ignore, NULL);
		for (;;)
			pause();
	}
	cr_assert_eq(net_lab_ask("for i in $(seq 100); do pgrep -f '^sleep 73552' >/dev/null && "
				 "exit 0; sleep 0.02; done; exit 1"),
		     0, "does not start");
	kill(pid, SIGKILL);
	cr_expect_eq(wait_until_gone("73552"), 0, "sleepers live on");
	probe_lab_leave(&lab);
}

/* All are reaped, though nobody asks for SIGCHLD. */
Test(probe_exec, nothing_is_left)
{
	struct probe_spec spec;
	struct probe_lab lab;
	char *argv[4];
	int fds;

	probe_lab_enter(&lab);
	spec = shell_spec(argv, "exit 0");
	probe_lab_expect(&lab, &spec, "first", XDPLB_CAUSE_OK, NULL);
	probe_lab_run(&lab, 0.05);
	fds = lab_count_fds();
	for (int i = 0; i < 50; i++)
		probe_lab_expect(&lab, &spec, "many", XDPLB_CAUSE_OK, NULL);
	probe_lab_run(&lab, 0.1);
	cr_expect_eq(lab_count_fds(), fds);
	cr_expect_eq(net_lab_ask("test -z \"$(ps -o stat= --ppid %d | grep Z)\"", getpid()), 0,
		     "zombies");
	probe_lab_leave(&lab);
}
