// SPDX-License-Identifier: BSD-2-Clause
/*
 * Errors found in a file, in the order of its lines.
 */
#include "base/error_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void error_list_add(struct error_list *list, int line, char *text)
{
	size_t at = list->kept_count;

	list->count++;
	if (!text) {
		list->out_of_memory = true;
		return;
	}
	while (at > 0 && list->kept[at - 1].line > line)
		at--;
	if (at == ERROR_LIST_KEPT) {
		free(text);
		return;
	}
	if (list->kept_count == ERROR_LIST_KEPT)
		free(list->kept[--list->kept_count].text);
	for (size_t i = list->kept_count; i > at; i--)
		list->kept[i] = list->kept[i - 1];
	list->kept[at].line = line;
	list->kept[at].text = text;
	list->kept_count++;
}

bool error_list_skip(struct error_list *list, int line)
{
	if (list->kept_count < ERROR_LIST_KEPT || list->kept[ERROR_LIST_KEPT - 1].line > line)
		return false;
	list->count++;
	return true;
}

int error_list_join(const struct error_list *list, char **ret_text)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < list->kept_count; i++)
		fprintf(out, "%s\n", list->kept[i].text);
	if (list->count > list->kept_count)
		fprintf(out, "and %zu more\n", list->count - list->kept_count);
	if (fclose(out)) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	return 0;
}

void error_list_free(struct error_list *list)
{
	for (size_t i = 0; i < list->kept_count; i++)
		free(list->kept[i].text);
	*list = (struct error_list){ 0 };
}
