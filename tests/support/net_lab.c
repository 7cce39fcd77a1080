// SPDX-License-Identifier: BSD-2-Clause
/*
 * A network of the test's own.
 */
#include "net_lab.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *format, va_list args, char *ret_command, size_t size)
{
	int status;

	vsnprintf(ret_command, size, format, args);
	status = system(ret_command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void net_lab_run(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, command, sizeof(command));
	va_end(args);
	cr_assert_eq(status, 0, "%s: exit status %d", command, status);
}

int net_lab_ask(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, command, sizeof(command));
	va_end(args);
	return status;
}

void net_lab_enter(void)
{
	if (geteuid())
		cr_skip_test("needs root");
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		cr_skip_test("needs CAP_SYS_ADMIN for namespaces: %s", strerror(errno));
	cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mkdir("/run/netns", 0755);
	cr_assert_eq(mount("tmpfs", "/run/netns", "tmpfs", 0, NULL), 0, "tmpfs on /run/netns");
	net_lab_run("ip link set lo up");
}
