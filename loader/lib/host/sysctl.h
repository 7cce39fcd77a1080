/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings below /proc/sys/net, in the network namespace of the calling thread. Paths are relative to
 * that folder and have slashes between their parts: the name of an interface may hold dots.
 */
#ifndef XDPLB_SYSCTL_H
#define XDPLB_SYSCTL_H

#include <stddef.h>

#include "xdplb/types.h"

#define SYSCTL_PATH_LEN  128
#define SYSCTL_VALUE_LEN 64

/**
 * sysctl_interface_path() - "ipv4/conf/INTERFACE/NAME" or the same below ipv6.
 * Return: @ret_path.
 */
char *sysctl_interface_path(__u8 family, const char *interface, const char *name,
			    char ret_path[SYSCTL_PATH_LEN]);

/* Reads a value, without the newline. 0; -ENOENT no such setting; -EMSGSIZE too long; -errno. */
int sysctl_read(const char *path, char ret_value[SYSCTL_VALUE_LEN]);

int sysctl_write(const char *path, const char *value);

/**
 * sysctl_effective() - The number that the kernel goes by.
 * @path:       as above
 * @ret_number: the greater of the value itself and the one under conf/all where the kernel combines
 *              them so (Documentation/networking/ip-sysctl.rst), else the value itself
 *
 * Return: 0; -EINVAL not a number; -errno as sysctl_read().
 */
int sysctl_effective(const char *path, long *ret_number);

#endif
