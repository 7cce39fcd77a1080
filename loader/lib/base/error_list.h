/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors found in a file, in the order of its lines. Owns the texts; does not know what they say.
 */
#ifndef XDPLB_ERROR_LIST_H
#define XDPLB_ERROR_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* So many are kept, those of the lowest lines; the others are only counted. */
#define ERROR_LIST_KEPT 20

struct error_list {
	struct {
		int line;
		char *text;
	} kept[ERROR_LIST_KEPT];
	size_t kept_count;
	size_t count;
	bool out_of_memory; /* an error was lost: the result is -ENOMEM, whatever else was found */
};

/**
 * error_list_add() - Add an error behind those of the same line.
 * @line: where in the file, from 1; 0: the file as a whole
 * @text: without a newline; the list frees it; NULL notes that memory ran out
 */
void error_list_add(struct error_list *list, int line, char *text);

/**
 * error_list_skip() - Count an error without its text, if the list is full of earlier lines.
 * Return: whether it was counted; if not, it is to be added.
 */
bool error_list_skip(struct error_list *list, int line);

/**
 * error_list_join() - All texts, each ended by a newline, and how many more there are.
 * @ret_text: allocated; "" if there is no error
 *
 * Return: 0 or -ENOMEM.
 */
int error_list_join(const struct error_list *list, char **ret_text);

void error_list_free(struct error_list *list);

#endif
