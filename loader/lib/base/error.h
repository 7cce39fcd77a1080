/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong, in words, for the command to print once. Library code never prints.
 */
#ifndef XDPLB_ERROR_H
#define XDPLB_ERROR_H

#include <stddef.h>

struct error {
	char text[512]; /* no newline at its end; empty: nothing said */
};

/**
 * fail() - Say what went wrong and hand the error number on: `return fail(err, -ENOENT, "...")`.
 * Return: @number.
 */
int fail(struct error *error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As fail(), with ": " and the text of errno -@number after the message. */
int fail_errno(struct error *error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines for people that are no failure: warnings, notes. Grows; free with notes_free(). */
struct notes {
	char *text; /* NULL: none; each line ends in a newline */
};

void note(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notes_free(struct notes *notes);

#endif
