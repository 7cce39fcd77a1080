// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load detach.
 */
#include <errno.h>
#include <stdio.h>

#include "command.h"

/* What was detached goes to stdout: it is the answer, not a warning. */
int cmd_detach(const struct command_line *line)
{
	char name[XDPLB_NAME_LEN];
	struct notes notes = { 0 };
	struct error error = { 0 };
	int err, status = node_name(line, name);

	if (status)
		return status;
	hold_signals();
	err = node_detach(name, &notes, &error);
	if (notes.text)
		fputs(notes.text, stdout);
	notes_free(&notes);
	if (err == -ENOENT) {
		/* What was asked for is so: detaching twice is no failure. */
		printf("%s: not attached, nothing to do\n", name);
		return EXIT_DONE;
	}
	if (err)
		return complain("%s", error.text);
	printf("%s: detached\n", name);
	return EXIT_DONE;
}
