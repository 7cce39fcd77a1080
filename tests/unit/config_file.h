/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a cluster file from a text: the file, its folder and its key live for one call only.
 */
#ifndef TEST_CONFIG_FILE_H
#define TEST_CONFIG_FILE_H

#include <sys/types.h>

#include "config/config.h"

/* What config_load() said. */
struct loaded {
	int result;
	struct config config;
	struct config_errors errors;
};

/* The file `k` beside the cluster file. */
struct key_file {
	const char *text; /* NULL: there is none */
	mode_t mode;
};

/* Load @text as FOLDER/c.yaml; the key file is fine if @key is NULL. */
void load_text(const char *text, const struct key_file *key, struct loaded *ret);
void loaded_free(struct loaded *loaded);

/* A text that is wrong in one way. */
struct error_row {
	const char *text;
	const char *expected; /* "LINE: KEY.PATH: found WHAT, expected WHAT", whole */
};

/* Each row gives one error alone, so that a mistake that is reported twice fails too. */
void check_error_rows(const struct error_row *rows, size_t count);

/*
 * The beginning of most files, by lines:
 *  1 cluster  2 key_file
 *  3 nodes: 4 a (access)  5 n (service, eth0)  6 m (service, eth0 and eth1)
 *  7 backends: 8 b1 (n, both families)  9 b2 (m, IPv4)
 * 10 services: 11 ...
 */
#define HEAD "cluster: c\nkey_file: k\n"
#define NODES                                  \
	"nodes:\n"                             \
	" a: {access: {interfaces: [eth0]}}\n" \
	" n: {service: {uplinks: [eth0]}}\n"   \
	" m: {service: {uplinks: [eth0, eth1]}}\n"
#define BACKENDS                                             \
	"backends:\n"                                        \
	" b1: {node: n, addresses: [10.0.0.1, 'fd00::1']}\n" \
	" b2: {node: m, addresses: [10.0.0.2]}\n"
#define TO_NODES    HEAD NODES
#define TO_BACKENDS HEAD NODES "backends:\n"
#define TO_SERVICES HEAD NODES BACKENDS "services:\n"

/* A service's own keys. */
#define VIP(vip, restore) "vip: " vip ", port: 80, protocol: tcp, restore: " restore
#define SOURCE            VIP("192.0.2.1", "source")
#define INTERFACE         VIP("192.0.2.1", "interface")

#endif
