/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands of xdplb-load share: exit statuses, common options, printing.
 */
#ifndef XDPLB_COMMAND_H
#define XDPLB_COMMAND_H

#include <stdbool.h>

#include "config/config.h"
#include "base/error.h"
#include "node/node.h"

#define EXIT_DONE   0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

#define COMMAND_WAIT_MS 3000 /* for service nodes, unless --wait says otherwise */

#define COMMAND_INTERVAL_MS 1000 /* over which rates are taken, unless --interval says otherwise */

/* What the command line says. Not every command takes every option. */
struct command_line {
	const char *file;
	const char *node; /* NULL: the host name */
	char **words; /* what follows the command, where it takes more than a file */
	int word_count;
	uint64_t lease_ms; /* 0: none */
	uint64_t drain_ms; /* what leaves drains first, for so long at most; 0: it does not */
	unsigned int interval_ms; /* 0: no rates */
	bool has_interval; /* it was given */
	bool json;
	bool verbose;
	struct node_options options; /* xdp, tc, wait_ms */
};

/* Each prints what it has to say and returns an exit status. */
int cmd_attach(const struct command_line *line);
int cmd_apply(const struct command_line *line);
int cmd_check(const struct command_line *line);
int cmd_detach(const struct command_line *line);
int cmd_status(const struct command_line *line);
int cmd_drops(const struct command_line *line);
int cmd_trace(const struct command_line *line);
int cmd_health(const struct command_line *line);
int cmd_drain(const struct command_line *line);
int cmd_tunnel(const struct command_line *line);
int cmd_quic_id(const struct command_line *line);

/* Prints "xdplb-load: ..." to stderr; returns EXIT_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints notes to stderr, each line as a warning, and frees them. */
void print_notes(struct notes *notes);

/* From here on a signal that would end the command ends only its waiting: a node is never left half
 * changed by Ctrl-C. */
void hold_signals(void);

/**
 * read_config() - Load the file of a command line, printing its errors and warnings.
 * Return: EXIT_DONE, with *ret_config filled, or EXIT_FAILED.
 */
int read_config(const struct command_line *line, struct config *ret_config);

/* The node's name: --node, else the host name. ret_name has XDPLB_NAME_LEN bytes. */
int node_name(const struct command_line *line, char *ret_name);

#endif
