// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the commands share.
 */
#include "command.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int complain(const char *format, ...)
{
	va_list args;

	fputs("xdplb-load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

/* Each line of a text that may hold several, after a prefix. */
static void print_lines(const char *prefix, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");

		fprintf(stderr, "%s%.*s\n", prefix, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void print_notes(struct notes *notes)
{
	print_lines("xdplb-load: warning: ", notes->text);
	notes_free(notes);
}

static void note_signal(int signal)
{
}

void hold_signals(void)
{
	const struct sigaction action = { .sa_handler = note_signal };
	const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		sigaction(ending[i], &action, NULL);
		sigaddset(&held, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &held, NULL);
}

int read_config(const struct command_line *line, struct config *ret_config)
{
	struct config_errors errors = { 0 };
	int err = config_load(line->file, ret_config, &errors);

	print_lines(err ? "" : "warning: ", errors.text);
	if (err && (!errors.text || !errors.text[0]))
		complain("%s: %s", line->file, strerror(-err));
	config_errors_free(&errors);
	return err ? EXIT_FAILED : EXIT_DONE;
}

int node_name(const struct command_line *line, char *ret_name)
{
	if (!line->node) {
		if (gethostname(ret_name, XDPLB_NAME_LEN))
			return complain("the host name is too long for a node: use --node");
		ret_name[XDPLB_NAME_LEN - 1] = 0;
		return EXIT_DONE;
	}
	if (strlen(line->node) >= XDPLB_NAME_LEN || !line->node[0] || strchr(line->node, '/'))
		return complain("--node %s: not a node's name", line->node);
	strcpy(ret_name, line->node);
	return EXIT_DONE;
}
