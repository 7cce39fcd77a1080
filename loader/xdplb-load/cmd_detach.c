// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load detach.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "command.h"
#include "base/paths.h"

/* Another name may have been meant. */
static void print_attached(void)
{
	struct dirent *entry;
	DIR *dir = opendir(PATHS_ROOT);

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			printf("attached here: %s\n", entry->d_name);
	if (dir)
		closedir(dir);
}

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
		print_attached();
		return EXIT_DONE;
	}
	if (err)
		return complain("%s", error.text);
	printf("%s: detached\n", name);
	return EXIT_DONE;
}
