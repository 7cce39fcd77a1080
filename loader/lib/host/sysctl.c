// SPDX-License-Identifier: BSD-2-Clause
/*
 * Settings below /proc/sys/net.
 */
#include "host/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSCTL_FOLDER "/proc/sys/net/"

static int open_setting(const char *path, int flags)
{
	char full[sizeof(SYSCTL_FOLDER) + SYSCTL_PATH_LEN];
	int fd;

	if (snprintf(full, sizeof(full), SYSCTL_FOLDER "%s", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

char *sysctl_interface_path(__u8 family, const char *interface, const char *name,
			    char ret_path[SYSCTL_PATH_LEN])
{
	snprintf(ret_path, SYSCTL_PATH_LEN, "%s/conf/%s/%s", family == XDPLB_IPV4 ? "ipv4" : "ipv6",
		 interface, name);
	return ret_path;
}

int sysctl_read(const char *path, char ret_value[SYSCTL_VALUE_LEN])
{
	int fd = open_setting(path, O_RDONLY), err = 0;
	char value[SYSCTL_VALUE_LEN];
	ssize_t len;

	if (fd < 0)
		return fd;
	len = read(fd, value, sizeof(value));
	if (len < 0)
		err = -errno;
	close(fd);
	if (err)
		return err;
	if (len == sizeof(value))
		return -EMSGSIZE;
	value[len] = '\0';
	value[strcspn(value, "\n")] = '\0';
	strcpy(ret_value, value);
	return 0;
}

int sysctl_write(const char *path, const char *value)
{
	int fd = open_setting(path, O_WRONLY), err = 0;

	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int read_number(const char *path, long *ret_number)
{
	char value[SYSCTL_VALUE_LEN], *end;
	int err = sysctl_read(path, value);
	long number;

	if (err)
		return err;
	number = strtol(value, &end, 10);
	if (end == value || *end)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

/* IN_DEV_MAXCONF and IN_DEV_ORCONF of the kernel; all of these are IPv4's. */
static bool combines_with_all(const char *name)
{
	static const char *const names[] = { "arp_ignore", "arp_announce", "rp_filter",
					     "accept_local" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

int sysctl_effective(const char *path, long *ret_number)
{
	const char *slash = strrchr(path, '/');
	char general[SYSCTL_PATH_LEN];
	long own, all;
	int err;

	err = read_number(path, &own);
	if (err)
		return err;
	if (!slash || strncmp(path, "ipv4/conf/", strlen("ipv4/conf/")) ||
	    !combines_with_all(slash + 1)) {
		*ret_number = own;
		return 0;
	}
	err = read_number(sysctl_interface_path(XDPLB_IPV4, "all", slash + 1, general), &all);
	if (!err)
		*ret_number = all > own ? all : own;
	return err;
}
