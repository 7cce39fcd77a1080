// SPDX-License-Identifier: BSD-2-Clause
/*
 * Errors and notes in words.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fail(struct error *error, int number, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return number;
}

int fail_errno(struct error *error, int number, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	len = strlen(error->text);
	snprintf(error->text + len, sizeof(error->text) - len, ": %s", strerror(-number));
	return number;
}

void note(struct notes *notes, const char *format, ...)
{
	char *line = NULL, *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&line, format, args);
	va_end(args);
	if (len < 0)
		return;
	if (asprintf(&text, "%s%s\n", notes->text ? notes->text : "", line) >= 0) {
		free(notes->text);
		notes->text = text;
	}
	free(line);
}

void notes_free(struct notes *notes)
{
	free(notes->text);
	notes->text = NULL;
}
