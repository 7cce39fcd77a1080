// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages about places of a YAML tree: "FILE:LINE: KEY.PATH: found WHAT, expected WHAT".
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/yaml_tree.h"

#define SHOWN_MAX 80 /* characters of the file's text in a message */

static void print_shown(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length && i < SHOWN_MAX; i++) {
		unsigned char byte = (unsigned char)text[i];

		/* Nothing from the file may speak to the terminal. */
		if (byte < 0x20 || byte > 0x7e)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
	if (length > SHOWN_MAX)
		fputs("...", out);
}

/* No deeper than the schema is. */
static void print_path(FILE *out, const struct yaml_place *place)
{
	if (!place->parent)
		return;
	print_path(out, place->parent);
	if (!place->key) {
		fprintf(out, "[%zu]", place->index);
		return;
	}
	if (place->parent->parent)
		fputc('.', out);
	print_shown(out, place->key, strlen(place->key));
}

static void print_value(FILE *out, const struct yaml_place *place)
{
	if (place_is_null(place)) {
		fputs("nothing", out);
	} else if (place->node->type == YAML_SEQUENCE_NODE) {
		fputs("a list", out);
	} else if (place->node->type == YAML_MAPPING_NODE) {
		fputs("a mapping", out);
	} else {
		fputc('"', out);
		print_shown(out, (const char *)place->node->data.scalar.value,
			    place->node->data.scalar.length);
		fputc('"', out);
	}
}

static void print_head(FILE *out, const struct yaml_place *place)
{
	fprintf(out, "%s:", place->tree->path);
	if (place->line)
		fprintf(out, "%d:", place->line);
	fputc(' ', out);
	if (place->parent) {
		print_path(out, place);
		fputs(": ", out);
	}
}

static void report(const struct yaml_place *place, struct error_list *list, bool with_value,
		   const char *format, va_list args)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (error_list_skip(list, place->line))
		return;
	out = open_memstream(&text, &size);
	if (!out) {
		error_list_add(list, place->line, NULL);
		return;
	}
	print_head(out, place);
	if (with_value) {
		fputs("found ", out);
		print_value(out, place);
		fputs(", expected ", out);
	}
	vfprintf(out, format, args);
	if (fclose(out)) {
		free(text);
		text = NULL;
	}
	error_list_add(list, place->line, text);
}

void place_refuse(const struct yaml_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(place, &place->tree->errors, false, format, args);
	va_end(args);
}

void place_refuse_value(const struct yaml_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(place, &place->tree->errors, true, format, args);
	va_end(args);
}

void place_warn(const struct yaml_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(place, &place->tree->warnings, false, format, args);
	va_end(args);
}
